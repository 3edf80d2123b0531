//! What a reader sees of the bytes that a fetch brought: from the position on, no control records,
//! and under `read_committed` nothing of aborted transactions. No tokio.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use bytes::Bytes;
use kt_protocol::records::control::ControlType;
use kt_protocol::records::{
    AnyBatch, AnyBatches, Attributes, BatchView, Budget, Compression, Headers, RecordView,
    RecordsError, TimestampType,
};
use kt_protocol::types::{
    LeaderEpoch, Offset, ProducerEpoch, ProducerId, Timestamp, TopicPartition,
};

/// How much may come out of one batch. Brokers take batches of 1 MiB by default, and text shrinks a
/// hundredfold; the rest is room for those who raised that. It is never in memory at once.
const BATCH_BYTES_MAX: u64 = 1 << 30;

/// A transaction whose records do not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Aborted {
    /// Whose it was.
    pub producer_id: ProducerId,
    /// Its first record.
    pub first_offset: Offset,
}

/// Record batches of one partition, as they were fetched.
#[derive(Clone, Debug)]
pub struct FetchedRecords {
    partition: TopicPartition,
    bytes: Bytes,
    position: Offset,
    next_offset: Offset,
    end: Offset,
    marks: Marks,
    /// By rising first offset, as brokers send them.
    aborted: Vec<Aborted>,
}

/// The offsets of a partition that came with its records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// The log start offset.
    pub log_start: Offset,
    /// The last stable offset.
    pub last_stable: Offset,
    /// The high watermark.
    pub high_watermark: Offset,
}

/// A record, borrowed from what was fetched.
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
    /// Fails if a batch is damaged.
    pub fn new(
        partition: TopicPartition,
        bytes: &Bytes,
        position: Offset,
        end: Offset,
        aborted: Vec<Aborted>,
    ) -> Result<FetchedRecords, ReadError> {
        let mut next_offset = position;
        let mut length = 0;
        for batch in AnyBatches::new(bytes) {
            let batch = match batch {
                Ok(batch) => batch,
                Err(error) if error.is_torn() => break,
                Err(error) => return Err(ReadError::Batch(error.to_string())),
            };
            if !batch.crc_is_valid() {
                return Err(ReadError::Checksum(batch.last_offset()));
            }
            next_offset = next_offset.max(batch.last_offset().plus(1));
            length += batch.size();
        }
        let bytes = bytes.slice(..length);
        let marks = Marks::default();
        Ok(FetchedRecords { partition, bytes, position, next_offset, end, marks, aborted })
    }

    /// Which partition they are of.
    pub fn partition(&self) -> &TopicPartition {
        &self.partition
    }

    /// True if there is no whole batch.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The offset that reading goes on at.
    pub fn next_offset(&self) -> Offset {
        self.next_offset
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

    /// Shows each record to `see` until it breaks off.
    ///
    /// # Errors
    ///
    /// Fails if a batch cannot be decompressed or its records cannot be read.
    pub fn for_each<B>(
        &self,
        mut see: impl FnMut(&Record<'_>) -> ControlFlow<B>,
    ) -> Result<ControlFlow<B>, ReadError> {
        let mut filter = AbortFilter::new(&self.aborted);
        for batch in AnyBatches::new(&self.bytes) {
            let batch = batch.map_err(|error| ReadError::Batch(error.to_string()))?;
            let last_offset = batch.last_offset();
            if last_offset < self.position {
                continue;
            }
            let unreadable = |error| ReadError::Records { last_offset, error };
            if let AnyBatch::Batch(view) = &batch {
                if view.is_control() {
                    let mut budget = Budget::new(BATCH_BYTES_MAX);
                    let body = view.decompress(&mut budget).map_err(unreadable)?;
                    if let Some(Ok(marker)) = body.records().next() {
                        filter.see_marker(view.producer_id(), marker.key);
                    }
                    continue;
                }
                let is_hidden =
                    view.is_transactional() && filter.hides(view.producer_id(), view.base_offset());
                if is_hidden {
                    continue;
                }
            }
            let origin = Origin::of(&batch);
            let shown = show_batch(&batch, |record| {
                if record.offset < self.position {
                    return ControlFlow::Continue(());
                }
                see(&origin.record(record))
            });
            if let ControlFlow::Break(value) = shown.map_err(unreadable)? {
                return Ok(ControlFlow::Break(value));
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}

/// Shows each record of a batch. A compressed batch is never whole in memory.
fn show_batch<B>(
    batch: &AnyBatch<'_>,
    mut see: impl FnMut(&RecordView<'_>) -> ControlFlow<B>,
) -> Result<ControlFlow<B>, RecordsError> {
    let mut budget = Budget::new(BATCH_BYTES_MAX);
    match batch {
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
        let delta = i32::try_from(it.offset - self.base_offset).unwrap_or(0);
        Record {
            offset: it.offset,
            timestamp: (0 <= it.timestamp.0).then_some(it.timestamp),
            timestamp_type: self.timestamp_type,
            attributes: self.attributes,
            key: it.key,
            value: it.value,
            headers: it.headers(),
            leader_epoch: self.leader_epoch,
            // After 2147483647 comes 0.
            producer: self.producer.map(|producer| RecordProducer {
                sequence: producer.sequence.wrapping_add(delta) & i32::MAX,
                ..producer
            }),
        }
    }
}

/// Which producers are inside an aborted transaction, while batches pass in their order (as Kafka's
/// `CompletedFetch` does).
struct AbortFilter<'a> {
    to_come: &'a [Aborted],
    open: BTreeSet<ProducerId>,
}

impl<'a> AbortFilter<'a> {
    fn new(aborted: &'a [Aborted]) -> AbortFilter<'a> {
        AbortFilter { to_come: aborted, open: BTreeSet::new() }
    }

    fn hides(&mut self, producer: ProducerId, base_offset: Offset) -> bool {
        while let Some((first, rest)) = self.to_come.split_first() {
            if base_offset < first.first_offset {
                break;
            }
            self.open.insert(first.producer_id);
            self.to_come = rest;
        }
        self.open.contains(&producer)
    }

    fn see_marker(&mut self, producer: ProducerId, key: Option<&[u8]>) {
        if ControlType::from_key(key) == Ok(ControlType::Abort) {
            self.open.remove(&producer);
        }
    }
}

#[cfg(test)]
mod tests;
