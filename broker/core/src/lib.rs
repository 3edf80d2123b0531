//! What Kafka means, as pure state machines: the metadata quorum, the metadata image, the
//! controller, the group coordinator, and the leader of a partition.
//!
//! No I/O, no clock, no thread, no hash order: time and random numbers come in as values, and
//! everything the outside must do comes back as effects or as records to append.

pub mod controller;
pub mod group;
pub mod metadata;
pub mod raft;
pub mod random;
pub mod replica;
pub mod topic_name;

#[cfg(test)]
mod transcript;
