//! What end-to-end tests share: a broker process, a meddling proxy, foreign tools.

pub(crate) mod broker;
pub(crate) mod client;
pub(crate) mod command;
pub(crate) mod kt_member;
pub(crate) mod member;
pub(crate) mod node;
pub(crate) mod operator;
pub(crate) mod ports;
pub(crate) mod process;
pub(crate) mod proxy;
pub(crate) mod scenario;
pub(crate) mod screen;
pub(crate) mod terminal;
pub(crate) mod tool;

pub(crate) use broker::Broker;
pub(crate) use operator::Operator;
pub(crate) use scenario::scenarios;
