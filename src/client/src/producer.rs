//! Records on their way to a cluster.
//!
//! [`Producer`] takes keys and values of your types; it stands on [`RawProducer`], which takes bytes.
//! Either puts a record into the open batch of its partition; a task of its own sends what is full or
//! old enough to the leaders, again if need be, and reports what became of it. All of that is decided
//! by one machine, [`sender::Sender`], which names no tokio; the task moves bytes.

mod accumulator;
mod batch;
mod config;
mod driver;
mod effect;
mod interceptor;
mod message;
mod metrics;
mod partitioner;
mod question;
mod queue;
mod raw;
mod record;
pub mod sender;
mod sequence;
mod topics;
mod typed;

pub use accumulator::Rejected;
pub use config::{Acks, Idempotence, Levels, ProducerConfig, WhenFull};
pub use effect::{Effect, Produce, RequestId, TOPIC_ID_VERSION};
pub use interceptor::Interceptor;
pub use message::{AsBytes, BigEndian, BoxError, Header, Record, Serializer, Written};
pub use metrics::Metrics;
pub use partitioner::{
    Choices, ChoosePartition, Partitioner, murmur2, partition_by_crc32, partition_of_key,
};
pub use raw::RawProducer;
pub use record::{Delivered, Delivery, ProducerRecord, Tag};
pub use typed::{Producer, Sending};
