//! A record that outlives the bytes it was fetched in.

use bytes::{BufMut, Bytes, BytesMut};
use kt_protocol::types::{LeaderEpoch, Offset, Timestamp, TopicPartition};

use crate::consumer::Record;

/// A record with bytes of its own: one allocation holds key, value and headers. Cloning it copies
/// no bytes.
///
/// ```
/// # kt_doc_broker::with_orders(&["tea"], async |bootstrap| {
/// use std::time::Duration;
///
/// use kt_client::consumer::{Consumer, ConsumerConfig, Start};
/// use kt_client::worker_pool::OwnedRecord;
/// use kt_client::{Client, ClientConfig};
/// use kt_protocol::types::TopicPartition;
///
/// let client = Client::new(ClientConfig { bootstrap, ..ClientConfig::default() });
/// let consumer = Consumer::new(client, ConsumerConfig::default());
/// consumer.assign([(TopicPartition::new("orders", 0), Start::Earliest)]);
/// let mut kept = Vec::new();
/// for records in consumer.poll(Duration::from_secs(30)).await?.records {
///     let mut cursor = records.cursor();
///     while let Some(record) = cursor.next()? {
///         kept.push(OwnedRecord::copy(records.partition(), &record));
///     }
/// }
/// assert_eq!(kept[0].value.as_deref(), Some(&b"tea"[..]));
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedRecord {
    /// Where it was read.
    pub partition: TopicPartition,
    /// Its place there.
    pub offset: Offset,
    /// The epoch of the leader that appended it.
    pub leader_epoch: Option<LeaderEpoch>,
    /// Its time; `None` if it has none.
    pub timestamp: Option<Timestamp>,
    /// Its key.
    pub key: Option<Bytes>,
    /// Its value; none is a tombstone.
    pub value: Option<Bytes>,
    /// Its headers, keys and values, in the producer's order. Kafka means keys to be UTF-8.
    pub headers: Vec<(Bytes, Option<Bytes>)>,
}

impl OwnedRecord {
    /// Copies a record of a partition.
    pub fn copy(partition: &TopicPartition, record: &Record<'_>) -> OwnedRecord {
        let length = |it: Option<&[u8]>| it.map_or(0, <[u8]>::len);
        let headers = record.headers.clone();
        let of_headers: usize = headers.map(|it| it.key_bytes.len() + length(it.value)).sum();
        let mut copier = Copier {
            bytes: BytesMut::with_capacity(length(record.key) + length(record.value) + of_headers),
        };
        OwnedRecord {
            partition: partition.clone(),
            offset: record.offset,
            leader_epoch: record.leader_epoch,
            timestamp: record.timestamp,
            key: record.key.map(|it| copier.copy(it)),
            value: record.value.map(|it| copier.copy(it)),
            headers: record
                .headers
                .clone()
                .map(|it| (copier.copy(it.key_bytes), it.value.map(|it| copier.copy(it))))
                .collect(),
        }
    }

    /// Bytes of key, value and headers.
    pub fn bytes(&self) -> usize {
        let length = |it: &Option<Bytes>| it.as_ref().map_or(0, Bytes::len);
        let headers: usize = self.headers.iter().map(|(key, it)| key.len() + length(it)).sum();
        length(&self.key) + length(&self.value) + headers
    }
}

/// Cuts copies out of one allocation.
struct Copier {
    bytes: BytesMut,
}

impl Copier {
    fn copy(&mut self, bytes: &[u8]) -> Bytes {
        self.bytes.put_slice(bytes);
        self.bytes.split().freeze()
    }
}
