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
mod dialer;
mod duration;
mod error;
#[cfg(test)]
mod fake_broker;
mod metadata;
mod panic;
mod pool;
pub mod producer;
mod random;
mod request;
mod security;
pub mod worker_pool;

pub use admin::Admin;
pub use backoff::{Backoff, BackoffRange};
pub use client::Client;
pub use config::{
    ClientConfig, ConfigError, DnsLookup, Event, Keys, Login, MetadataRecovery, Observer,
    SaslConfig, SecurityConfig, SecurityProtocol, Standing, StoreType, TlsConfig, TokenEndpoint,
    TokenSource, UnsecuredToken, is_secret, known_keys, said_by_librdkafka, standing,
};
pub use error::{AuthenticationFault, Error, ErrorKind, Listener, Subject, TokenError};
pub use kt_transport::sasl::{Digest, Mechanism, SaslError};
pub use kt_transport::tls::{NameCheck, TlsFault, TlsVersion};
pub use kt_transport::{Foreign, Secret};
pub use metadata::{Broker, Metadata, Partition, Topic};
pub use random::Random;
