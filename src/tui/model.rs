//! What is known of the cluster, and what the user does with it.

mod checks;
mod input;
mod lag;
mod order;
mod rows;
mod schedule;
pub(crate) mod screen;
