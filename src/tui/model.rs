//! What is known of the cluster, and what the user does with it.

pub(crate) mod checks;
pub(crate) mod cluster;
pub(crate) mod facts;
mod input;
pub(crate) mod lag;
pub(crate) mod order;
mod rows;
pub(crate) mod schedule;
pub(crate) mod screen;
