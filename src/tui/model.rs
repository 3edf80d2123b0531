//! What is known of the cluster, and what the user does with it.

pub(crate) mod cluster;
pub(crate) mod schedule;
