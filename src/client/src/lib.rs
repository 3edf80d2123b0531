//! A client of Kafka clusters: connections, metadata, administration, producing and fetching.
//!
//! Start with [`Client`]; give it to an [`Admin`], a [`producer::Producer`] or a
//! [`consumer::Consumer`], or, to share topics with others, a [`consumer::group::GroupConsumer`].
//! The parts that decide (metadata, retries, partitioning, batching, sequences, what a fetch shows,
//! membership, commits) name no tokio.
//!
//! ```
//! # kt_doc_broker::with_orders(&[], async |bootstrap| {
//! use std::time::Duration;
//!
//! use kt_client::consumer::{Consumer, ConsumerConfig, Start, Text};
//! use kt_client::producer::{AsBytes, Producer, ProducerConfig, Record};
//! use kt_client::{Client, ClientConfig};
//! use kt_protocol::types::TopicPartition;
//!
//! let client = Client::new(ClientConfig { bootstrap, ..ClientConfig::default() });
//! let config = ProducerConfig::default();
//! let producer = Producer::new(client.clone(), config, AsBytes, AsBytes)?;
//! producer.send(Record::new("orders", "tea").key("customer 7")).await?.await?;
//!
//! let consumer = Consumer::new(client, ConsumerConfig::default());
//! consumer.assign([(TopicPartition::new("orders", 0), Start::Earliest)]);
//! for records in consumer.poll(Duration::from_secs(10)).await?.records {
//!     let mut cursor = records.typed(Text, Text);
//!     while let Some(order) = cursor.next()? {
//!         println!("{:?} wants {:?}", order.key, order.value);
//! #       assert_eq!((order.key, order.value), (Some("customer 7"), Some("tea")));
//!     }
//! }
//! # assert_eq!(consumer.metrics().records, 1);
//! # Ok(())
//! # });
//! ```

pub mod admin;
mod backoff;
mod client;
mod config;
mod connection;
pub mod consumer;
mod dialer;
#[cfg(test)]
mod documented;
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
