//! A client of Kafka clusters: connections, metadata, administration, producing and fetching.
//!
//! Start with [`Client`]; give it to an [`Admin`], a [`producer::Producer`] or a
//! [`consumer::Consumer`], or, to share topics with others, a [`consumer::group::GroupConsumer`].
//! The parts that decide (metadata, retries, partitioning, batching, sequences, what a fetch shows,
//! membership, commits) name no tokio.

pub mod admin;
mod backoff;
mod client;
mod config;
mod connection;
pub mod consumer;
mod error;
mod metadata;
mod pool;
pub mod producer;
mod random;
mod request;

pub use admin::Admin;
pub use backoff::{Backoff, BackoffRange};
pub use client::Client;
pub use config::{ClientConfig, ConfigError, Event, Keys, Observer};
pub use error::{Error, ErrorKind, Subject};
pub use metadata::{Broker, Metadata, Partition, Topic};
pub use random::Random;
