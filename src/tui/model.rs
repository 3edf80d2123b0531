//! What is known of the cluster, and what the user does with it.

mod input;
mod rows;
mod schedule;
pub(crate) mod screen;
