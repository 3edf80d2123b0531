//! What is known of the cluster, and what the user does with it.

mod checks;
pub(crate) mod cluster;
mod input;
mod lag;
mod order;
mod rows;
pub(crate) mod schedule;
pub(crate) mod screen;
