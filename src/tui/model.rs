//! What is known of the cluster, and what the user does with it.

pub(crate) mod actions;
pub(crate) mod app;
pub(crate) mod checks;
pub(crate) mod cluster;
pub(crate) mod facts;
pub(crate) mod filter;
pub(crate) mod held;
pub(crate) mod input;
pub(crate) mod lag;
pub(crate) mod listing;
pub(crate) mod msg;
pub(crate) mod order;
pub(crate) mod page;
pub(crate) mod produce;
pub(crate) mod rows;
pub(crate) mod schedule;
pub(crate) mod screen;
pub(crate) mod screens;
pub(crate) mod throttles;
pub(crate) mod watch;
