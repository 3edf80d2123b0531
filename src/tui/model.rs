//! What is known of the cluster, and what the user does with it.

mod checks;
mod lag;
mod order;
mod schedule;
