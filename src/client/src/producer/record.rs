//! Records as bytes on their way in, and what is told of them.

use kt_protocol::records::NewRecord;
use kt_protocol::types::{Offset, Timestamp, TopicPartition};

use crate::error::Error;

/// The caller's number of a record, given back with its delivery.
///
/// Shown at [`Delivery`].
pub type Tag = u64;

/// A record to send.
///
/// Shown at [`RawProducer`](super::RawProducer).
#[derive(Clone, Copy, Debug)]
pub struct ProducerRecord<'a> {
    /// Its topic.
    pub topic: &'a str,
    /// Its partition; `None`: the one that the partitioner chooses.
    pub partition: Option<i32>,
    /// What it says.
    pub record: NewRecord<'a>,
    /// What its delivery is called.
    pub tag: Tag,
}

/// What became of records that shared a batch.
///
/// ```
/// # kt_doc_broker::with_orders(&[], async |bootstrap| {
/// use kt_client::producer::{Delivery, ProducerConfig, ProducerRecord, RawProducer};
/// use kt_client::{Client, ClientConfig};
/// use kt_protocol::records::NewRecord;
///
/// let client = Client::new(ClientConfig { bootstrap, ..ClientConfig::default() });
/// let sink = |Delivery { partition, tags, outcome }| match outcome {
///     Ok(written) => println!("{tags:?} from {:?} of {partition} on", written.base_offset),
///     Err(error) => eprintln!("{tags:?}: {error}"),
/// };
/// let producer = RawProducer::with_sink(client, ProducerConfig::default(), sink)?;
/// let record = NewRecord { value: Some(b"tea"), ..NewRecord::default() };
/// producer.send(ProducerRecord { topic: "orders", partition: Some(0), record, tag: 7 }).await?;
/// producer.flush().await;
/// # assert_eq!(producer.metrics().delivered, 1);
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Where they went.
    pub partition: TopicPartition,
    /// The records, in their order, which is that of their offsets.
    pub tags: Vec<Tag>,
    /// How it ended.
    pub outcome: Result<Delivered, Error>,
}

/// Where a batch was appended.
///
/// Shown at [`Delivery`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// The offset of its first record; `None` with [`super::Acks::None`], and for a duplicate that
    /// the broker no longer remembers.
    pub base_offset: Option<Offset>,
    /// The broker's time, if the topic wants it in place of the producer's.
    pub log_append_time: Option<Timestamp>,
}
