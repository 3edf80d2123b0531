//! What a reader sees of the bytes that a fetch brought: from the position on, no control records,
//! and under `read_committed` nothing of aborted transactions. No tokio.

mod abort_filter;
mod cursor;
mod front;

use std::ops::ControlFlow;
use std::sync::Arc;

use bytes::Bytes;
use kt_protocol::messages::fetch_response::AbortedTransaction;
use kt_protocol::records::{
    AnyBatch, AnyBatches, Attributes, BatchView, Budget, Compression, Headers, RecordView,
    RecordsError, TimestampType,
};
use kt_protocol::types::{
    LeaderEpoch, Offset, ProducerEpoch, ProducerId, Timestamp, TopicPartition,
};

use crate::admin::Isolation;
use abort_filter::AbortFilter;
pub use cursor::RecordCursor;
use front::Opened;

/// How much may come out of one batch. Brokers take batches of 1 MiB by default, and text shrinks a
/// hundredfold; the rest is room for those who raised that. It is never in memory at once.
const BATCH_BYTES_MAX: u64 = 1 << 30;

/// A transaction whose records do not count.
///
/// ```
/// use kt_client::consumer::FetchedRecords;
/// use kt_client::consumer::records::Aborted;
/// use kt_protocol::records::{BatchBuilder, NewRecord};
/// use kt_protocol::types::{Offset, ProducerId, TopicPartition};
///
/// let mut batch = BatchBuilder::new();
/// batch.append(NewRecord { value: Some(b"tea"), ..NewRecord::default() })?;
/// // Nothing of this producer's transaction counts; the record above is of none.
/// let aborted = vec![Aborted { producer_id: ProducerId(7), first_offset: Offset(0) }];
/// let orders = TopicPartition::new("orders", 0);
/// let records = FetchedRecords::new(orders, &batch.build(), Offset(0), Offset(1), aborted)?;
/// assert_eq!(records.cursor().next()?.and_then(|it| it.value), Some(&b"tea"[..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Aborted {
    /// Whose it was.
    pub producer_id: ProducerId,
    /// Its first record.
    pub first_offset: Offset,
}

impl From<&AbortedTransaction> for Aborted {
    fn from(it: &AbortedTransaction) -> Aborted {
        Aborted { producer_id: it.producer_id.into(), first_offset: Offset(it.first_offset) }
    }
}

/// Whether checksums are computed (`check.crcs`).
///
/// ```
/// use kt_client::Keys;
/// use kt_client::consumer::{ConsumerConfig, CrcCheck};
///
/// let mut config = ConsumerConfig::default();
/// assert_eq!(config.crc_check, CrcCheck::On);
/// config.set("check.crcs", "false")?;
/// assert_eq!(config.crc_check, CrcCheck::Off);
/// # Ok::<(), kt_client::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CrcCheck {
    /// Damage is found before a record is shown.
    #[default]
    On,
    /// Only what cannot be read is found.
    Off,
}

/// Record batches of one partition, as they were fetched: views, nothing is copied per record.
///
/// Cloning is cheap, and keeps what the broker's answer brought in memory.
///
/// ```
/// # kt_doc_broker::with_orders(&["tea", "coffee"], async |bootstrap| {
/// use std::time::Duration;
///
/// use kt_client::consumer::{Consumer, ConsumerConfig, Start};
/// use kt_client::{Client, ClientConfig};
/// use kt_protocol::types::TopicPartition;
///
/// let client = Client::new(ClientConfig { bootstrap, ..ClientConfig::default() });
/// let consumer = Consumer::new(client, ConsumerConfig::default());
/// consumer.assign([(TopicPartition::new("orders", 0), Start::Earliest)]);
/// for records in consumer.poll(Duration::from_secs(30)).await?.records {
///     let mut cursor = records.cursor();
///     while let Some(record) = cursor.next()? {
///         println!("{} {}: {:?}", records.partition(), record.offset, record.value);
///     }
///     assert_eq!(records.next_offset().0, 2);
/// }
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Debug)]
pub struct FetchedRecords {
    partition: Arc<TopicPartition>,
    bytes: Bytes,
    position: Offset,
    /// Records from here on belong to what comes after.
    until: Offset,
    next_offset: Offset,
    last_epoch: Option<LeaderEpoch>,
    end: Offset,
    marks: Marks,
    /// As it stands before the first batch.
    filter: AbortFilter,
    /// Of the first batch, if something of it was split off.
    opened: Option<Opened>,
}

/// The offsets of a partition that came with its records.
///
/// ```
/// # kt_doc_broker::with_orders(&["tea", "coffee"], async |bootstrap| {
/// use std::time::Duration;
///
/// use kt_client::consumer::{Consumer, ConsumerConfig, Start};
/// use kt_client::{Client, ClientConfig};
/// use kt_protocol::types::TopicPartition;
///
/// let client = Client::new(ClientConfig { bootstrap, ..ClientConfig::default() });
/// let consumer = Consumer::new(client, ConsumerConfig::default());
/// let orders = TopicPartition::new("orders", 0);
/// consumer.assign([(orders.clone(), Start::Earliest)]);
/// consumer.poll(Duration::from_secs(30)).await?;
/// let marks = consumer.marks(&orders).expect("an answer has come");
/// println!("from {} up to {}", marks.log_start, marks.high_watermark);
/// assert_eq!(consumer.current_lag(&orders), Some(0));
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// The log start offset.
    pub log_start: Offset,
    /// The last stable offset.
    pub last_stable: Offset,
    /// The high watermark.
    pub high_watermark: Offset,
}

impl Marks {
    /// The first offset that a reader may not see yet.
    pub fn end(&self, isolation: Isolation) -> Offset {
        match isolation {
            Isolation::ReadCommitted if 0 <= self.last_stable.0 => self.last_stable,
            Isolation::ReadCommitted | Isolation::ReadUncommitted => self.high_watermark,
        }
    }
}

/// A record, borrowed from what was fetched.
///
/// ```
/// # kt_doc_broker::with_orders(&[], async |bootstrap| {
/// use std::time::Duration;
///
/// use kt_client::consumer::{Consumer, ConsumerConfig, Start};
/// use kt_client::producer::{AsBytes, Producer, ProducerConfig, Record};
/// use kt_client::{Client, ClientConfig};
/// use kt_protocol::types::TopicPartition;
///
/// let client = Client::new(ClientConfig { bootstrap, ..ClientConfig::default() });
/// let producer = Producer::new(client.clone(), ProducerConfig::default(), AsBytes, AsBytes)?;
/// let order = Record::new("orders", "tea").key("customer 7").header("trace", b"17");
/// producer.send(order).await?.await?;
///
/// let consumer = Consumer::new(client, ConsumerConfig::default());
/// consumer.assign([(TopicPartition::new("orders", 0), Start::Earliest)]);
/// let polled = consumer.poll(Duration::from_secs(30)).await?;
/// let mut cursor = polled.records[0].cursor();
/// let record = cursor.next()?.expect("one was sent");
/// assert_eq!(record.key, Some(&b"customer 7"[..]));
/// assert_eq!(record.producer.map(|it| it.sequence), Some(0));
/// for header in record.headers {
///     assert_eq!((header.key_bytes, header.value), (&b"trace"[..], Some(&b"17"[..])));
/// }
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Debug)]
pub struct Record<'a> {
    /// Its place in the log.
    pub offset: Offset,
    /// Its time; `None` if it has none.
    pub timestamp: Option<Timestamp>,
    /// Who set the time.
    pub timestamp_type: TimestampType,
    /// The attribute bits of its batch.
    pub attributes: Attributes,
    /// Its key.
    pub key: Option<&'a [u8]>,
    /// Its value; none is a tombstone.
    pub value: Option<&'a [u8]>,
    /// Its headers, in the producer's order.
    pub headers: Headers<'a>,
    /// The epoch of the leader that appended it.
    pub leader_epoch: Option<LeaderEpoch>,
    /// Who wrote it, if idempotent.
    pub producer: Option<RecordProducer>,
}

/// The idempotent producer of a record.
///
/// Shown at [`Record`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordProducer {
    /// Its id.
    pub id: ProducerId,
    /// Its epoch.
    pub epoch: ProducerEpoch,
    /// The record's number in the producer's sequence.
    pub sequence: i32,
}

/// Why fetched bytes cannot be read. They were not damaged on the way if the checksum holds.
///
/// Shown at [`RecordCursor`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The checksum does not hold.
    #[error("the batch that ends at offset {0} is damaged: its checksum does not hold")]
    Checksum(Offset),
    /// A batch is not what its header says.
    #[error("{0}")]
    Batch(String),
    /// Records cannot be read.
    #[error("the batch that ends at offset {last_offset}: {error}")]
    Records {
        /// The batch's last offset.
        last_offset: Offset,
        /// What is wrong.
        error: RecordsError,
    },
}

impl FetchedRecords {
    /// What `bytes` hold from `position` on. The last batch may be cut off: it comes again.
    ///
    /// # Errors
    ///
    /// Fails if the first batch is damaged. A later one is left to the next fetch, so that what
    /// stands before it is read.
    pub fn new(
        partition: TopicPartition,
        bytes: &Bytes,
        position: Offset,
        end: Offset,
        aborted: Vec<Aborted>,
    ) -> Result<FetchedRecords, ReadError> {
        let walked = Walked::new(bytes, CrcCheck::On)?;
        Ok(FetchedRecords::walked(Arc::new(partition), walked, position, end, aborted))
    }

    pub(crate) fn walked(
        partition: Arc<TopicPartition>,
        walked: Walked,
        position: Offset,
        end: Offset,
        aborted: Vec<Aborted>,
    ) -> FetchedRecords {
        FetchedRecords {
            partition,
            position,
            until: Offset(i64::MAX),
            next_offset: walked.next_offset.map_or(position, |it| it.max(position)),
            last_epoch: walked.last_epoch,
            bytes: walked.bytes,
            end,
            marks: Marks::default(),
            filter: AbortFilter::new(aborted),
            opened: None,
        }
    }

    /// Which partition they are of.
    pub fn partition(&self) -> &TopicPartition {
        &self.partition
    }

    /// True if there is no whole batch.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The offset that these are from.
    pub fn position(&self) -> Offset {
        self.position
    }

    /// The offset that reading goes on at.
    pub fn next_offset(&self) -> Offset {
        self.next_offset
    }

    /// The leader epoch of the last batch, for commits and to find truncations.
    pub fn last_epoch(&self) -> Option<LeaderEpoch> {
        self.last_epoch
    }

    /// Bytes of the batches, as they were sent.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// The first offset that the reader may not see yet, when these were fetched.
    pub fn end(&self) -> Offset {
        self.end
    }

    /// The same with the offsets that the broker sent beside.
    pub fn with_marks(self, marks: Marks) -> FetchedRecords {
        FetchedRecords { marks, ..self }
    }

    /// The partition's offsets when these were fetched.
    pub fn marks(&self) -> Marks {
        self.marks
    }

    /// The same from a later offset on.
    pub fn from(&self, position: Offset) -> FetchedRecords {
        FetchedRecords { position: self.position.max(position), ..self.clone() }
    }

    /// The first and the last offset of each control batch, which no reader is shown.
    pub fn control_offsets(&self) -> impl Iterator<Item = (Offset, Offset)> {
        AnyBatches::new(&self.bytes).filter_map(|batch| match batch {
            Ok(AnyBatch::Batch(view)) if view.is_control() => {
                Some((view.base_offset(), view.last_offset()))
            }
            _ => None,
        })
    }

    /// Gives the records one by one, across awaits too.
    pub fn cursor(&self) -> RecordCursor<'_> {
        RecordCursor::new(self)
    }

    /// Shows each record to `see` until it breaks off. A compressed batch is never whole in memory.
    ///
    /// ```
    /// # kt_doc_broker::with_orders(&["tea", "coffee", "milk"], async |bootstrap| {
    /// use std::ops::ControlFlow;
    /// use std::time::Duration;
    ///
    /// use kt_client::consumer::{Consumer, ConsumerConfig, Start};
    /// use kt_client::{Client, ClientConfig};
    /// use kt_protocol::types::TopicPartition;
    ///
    /// let client = Client::new(ClientConfig { bootstrap, ..ClientConfig::default() });
    /// let consumer = Consumer::new(client, ConsumerConfig::default());
    /// consumer.assign([(TopicPartition::new("orders", 0), Start::Earliest)]);
    /// let polled = consumer.poll(Duration::from_secs(30)).await?;
    /// let found = polled.records[0].for_each(|record| match record.value {
    ///     Some(b"coffee") => ControlFlow::Break(record.offset),
    ///     _ => ControlFlow::Continue(()),
    /// })?;
    /// assert_eq!(found.break_value().map(|it| it.0), Some(1));
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// Fails if a batch cannot be decompressed or its records cannot be read.
    pub fn for_each<B>(
        &self,
        mut see: impl FnMut(&Record<'_>) -> ControlFlow<B>,
    ) -> Result<ControlFlow<B>, ReadError> {
        let mut filter = self.filter.clone();
        let mut opened = self.opened.as_ref();
        for batch in AnyBatches::new(&self.bytes) {
            let batch = batch.map_err(|error| ReadError::Batch(error.to_string()))?;
            let opened = opened.take();
            let last_offset = batch.last_offset();
            if filter.hides(&batch)? || last_offset < self.position {
                continue;
            }
            let origin = Origin::of(&batch);
            let shown = show_batch(&batch, opened, |record| {
                if record.offset < self.position {
                    return ControlFlow::Continue(());
                }
                if self.until <= record.offset {
                    return ControlFlow::Break(None);
                }
                see(&origin.record(record)).map_break(Some)
            });
            let shown = shown.map_err(|error| ReadError::Records { last_offset, error })?;
            match shown {
                ControlFlow::Continue(()) => {}
                ControlFlow::Break(None) => break,
                ControlFlow::Break(Some(value)) => return Ok(ControlFlow::Break(value)),
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}

/// The whole batches of fetched bytes, each looked at once.
#[derive(Debug)]
pub(crate) struct Walked {
    bytes: Bytes,
    /// Where the first batch begins, whatever it still holds.
    pub(crate) first_offset: Option<Offset>,
    next_offset: Option<Offset>,
    last_epoch: Option<LeaderEpoch>,
}

impl Walked {
    pub(crate) fn new(bytes: &Bytes, crcs: CrcCheck) -> Result<Walked, ReadError> {
        let (mut first_offset, mut next_offset, mut last_epoch) = (None, None, None);
        let mut length = 0;
        for batch in AnyBatches::new(bytes) {
            let error = match batch {
                Ok(batch) if crcs == CrcCheck::Off || batch.crc_is_valid() => {
                    first_offset = first_offset.or(Some(first_of(&batch)));
                    next_offset = next_offset.max(Some(next_of(&batch)));
                    last_epoch = epoch_of(&batch).or(last_epoch);
                    length += batch.size();
                    continue;
                }
                Ok(batch) => ReadError::Checksum(batch.last_offset()),
                Err(error) if error.is_torn() => break,
                Err(error) => ReadError::Batch(error.to_string()),
            };
            if length == 0 {
                return Err(error);
            }
            break;
        }
        Ok(Walked { bytes: bytes.slice(..length), first_offset, next_offset, last_epoch })
    }
}

/// A compressed message of magic 0 or 1 tells only where it ends.
fn first_of(batch: &AnyBatch<'_>) -> Offset {
    match batch {
        AnyBatch::Batch(view) => view.base_offset(),
        AnyBatch::Legacy(_) => Offset(0),
    }
}

/// The offset behind a batch. No record can lie there if a hostile batch ends where offsets do.
fn next_of(batch: &AnyBatch<'_>) -> Offset {
    Offset(batch.last_offset().0.saturating_add(1))
}

fn epoch_of(batch: &AnyBatch<'_>) -> Option<LeaderEpoch> {
    match batch {
        AnyBatch::Batch(view) => {
            Some(view.partition_leader_epoch()).filter(|it| LeaderEpoch::UNKNOWN < *it)
        }
        AnyBatch::Legacy(_) => None,
    }
}

/// Shows each record of a batch, or what is left of one that was opened.
fn show_batch<B>(
    batch: &AnyBatch<'_>,
    opened: Option<&Opened>,
    mut see: impl FnMut(&RecordView<'_>) -> ControlFlow<B>,
) -> Result<ControlFlow<B>, RecordsError> {
    let mut budget = Budget::new(BATCH_BYTES_MAX);
    match batch {
        AnyBatch::Batch(view) if let Some(opened) = opened => {
            for record in opened.records(view) {
                if let ControlFlow::Break(value) = see(&record?) {
                    return Ok(ControlFlow::Break(value));
                }
            }
            Ok(ControlFlow::Continue(()))
        }
        AnyBatch::Batch(view) if view.compression()? != Compression::None => {
            show_stream(view, &mut budget, see)
        }
        batch => {
            let body = batch.decompress(&mut budget)?;
            for record in body.records() {
                if let ControlFlow::Break(value) = see(&record?) {
                    return Ok(ControlFlow::Break(value));
                }
            }
            Ok(ControlFlow::Continue(()))
        }
    }
}

fn show_stream<B>(
    view: &BatchView<'_>,
    budget: &mut Budget,
    mut see: impl FnMut(&RecordView<'_>) -> ControlFlow<B>,
) -> Result<ControlFlow<B>, RecordsError> {
    let mut records = view.stream(budget)?;
    while let Some(record) = records.next()? {
        if let ControlFlow::Break(value) = see(&record) {
            return Ok(ControlFlow::Break(value));
        }
    }
    Ok(ControlFlow::Continue(()))
}

/// What all records of a batch have in common.
#[derive(Debug)]
struct Origin {
    timestamp_type: TimestampType,
    attributes: Attributes,
    leader_epoch: Option<LeaderEpoch>,
    base_offset: Offset,
    producer: Option<RecordProducer>,
}

impl Origin {
    fn of(batch: &AnyBatch<'_>) -> Origin {
        let timestamp_type = batch.timestamp_type();
        let view = match batch {
            AnyBatch::Batch(view) => view,
            AnyBatch::Legacy(message) => {
                return Origin {
                    timestamp_type,
                    attributes: message.attributes(),
                    leader_epoch: None,
                    base_offset: batch.last_offset(),
                    producer: None,
                };
            }
        };
        let epoch = view.partition_leader_epoch();
        let producer = RecordProducer {
            id: view.producer_id(),
            epoch: view.producer_epoch(),
            sequence: view.base_sequence(),
        };
        Origin {
            timestamp_type,
            attributes: view.attributes(),
            leader_epoch: (0 <= epoch.0).then_some(epoch),
            base_offset: view.base_offset(),
            producer: view.has_producer_id().then_some(producer),
        }
    }

    fn record<'a>(&self, it: &RecordView<'a>) -> Record<'a> {
        self.place(it.offset, it.timestamp, (it.key, it.value), it.headers())
    }

    fn place<'a>(
        &self,
        offset: Offset,
        timestamp: Timestamp,
        (key, value): (Option<&'a [u8]>, Option<&'a [u8]>),
        headers: Headers<'a>,
    ) -> Record<'a> {
        let delta = i32::try_from(offset.0.saturating_sub(self.base_offset.0)).unwrap_or(0);
        Record {
            offset,
            timestamp: (0 <= timestamp.0).then_some(timestamp),
            timestamp_type: self.timestamp_type,
            attributes: self.attributes,
            key,
            value,
            headers,
            leader_epoch: self.leader_epoch,
            // After 2147483647 comes 0.
            producer: self.producer.map(|producer| RecordProducer {
                sequence: producer.sequence.wrapping_add(delta) & i32::MAX,
                ..producer
            }),
        }
    }
}

#[cfg(test)]
mod tests;
