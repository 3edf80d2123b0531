//! What waits to be sent: a queue of batches for each partition. No tokio, no clock.
//!
//! ```text
//! append -> [open batch] --full, old or flushed--> [sent batch] --complete / fail--> tags
//!                                                       |  ^
//!                                                       retry
//! ```
//!
//! Of each partition one batch is under way at a time, so that a retry cannot overtake: the next is
//! closed and stamped only when the one before has ended.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use kt_protocol::records::{AppendError, BatchBuilder, Compressor, NewRecord};
use kt_protocol::types::{Millis, TopicPartition};

use super::Tag;
use super::sequence::{Sequences, Stamp};

/// Bounds of batches and requests.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of a batch before compression; a larger record makes a batch of its own.
    pub batch_bytes: usize,
    /// Bytes of a request. The first batch always fits.
    pub request_bytes_max: usize,
    /// How long a batch that is not full waits for more.
    pub linger_ms: u64,
}

/// The batches of all partitions.
#[derive(Debug)]
pub struct Accumulator {
    limits: Limits,
    compressor: Compressor,
    queues: BTreeMap<TopicPartition, Queue>,
    bytes: usize,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<OpenBatch>,
    sent: Option<SentBatch>,
}

/// A batch that records may still be appended to, if it is the last of its queue.
#[derive(Debug)]
struct OpenBatch {
    builder: BatchBuilder,
    tags: Vec<Tag>,
    bytes: usize,
    created: Millis,
    is_full: bool,
}

/// A batch with its final bytes.
#[derive(Debug)]
struct SentBatch {
    records: Bytes,
    tags: Vec<Tag>,
    bytes: usize,
    stamp: Option<Stamp>,
    first_sent: Millis,
    attempts: u32,
    /// When to try again; `None` while an answer is due.
    retry_at: Option<Millis>,
}

/// A batch to send.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// Where to.
    pub partition: TopicPartition,
    /// The batch, as it goes over the wire.
    pub records: Bytes,
}

/// A batch whose answer came, as far as deciding needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempted {
    /// How often it was sent.
    pub attempts: u32,
    /// When it was sent first.
    pub first_sent: Millis,
    /// Its place in the sequence, of an idempotent producer.
    pub stamp: Option<Stamp>,
}

/// Why batches that are not full are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// When they have waited long enough.
    Linger,
    /// Now.
    Now,
}

impl Accumulator {
    /// Nothing waits yet.
    pub fn new(limits: Limits, compressor: Compressor) -> Accumulator {
        Accumulator { limits, compressor, queues: BTreeMap::new(), bytes: 0 }
    }

    /// Bytes of all records that have not ended.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// True if every record has ended.
    pub fn is_idle(&self) -> bool {
        self.queues.is_empty()
    }

    /// Puts a record into the last batch of its partition. True if that filled a batch.
    ///
    /// # Errors
    ///
    /// Fails if no batch can hold the record.
    pub fn append(
        &mut self,
        now: Millis,
        partition: TopicPartition,
        record: NewRecord<'_>,
        tag: Tag,
    ) -> Result<bool, AppendError> {
        let queue = self.queues.entry(partition).or_default();
        let mut has_filled = false;
        if let Some(last) = queue.waiting.back_mut() {
            let size = last.builder.uncompressed_size() + last.builder.size_of_next(&record);
            if self.limits.batch_bytes < size {
                last.is_full = true;
                has_filled = true;
            }
        }
        if queue.waiting.back().is_none_or(|it| it.is_full) {
            queue.waiting.push_back(OpenBatch {
                builder: BatchBuilder::new().compressed(self.compressor),
                tags: Vec::new(),
                bytes: 0,
                created: now,
                is_full: false,
            });
        }
        let batch = queue.waiting.back_mut().expect("there is an open batch now");
        let size = batch.builder.size_of_next(&record);
        batch.builder.append(record)?;
        batch.tags.push(tag);
        batch.bytes += size;
        self.bytes += size;
        Ok(has_filled || self.limits.batch_bytes <= batch.builder.uncompressed_size())
    }

    /// The partitions that have a batch to send.
    pub fn ready(&self, now: Millis, urgency: Urgency) -> Vec<TopicPartition> {
        let is_ready = |queue: &Queue| match &queue.sent {
            Some(sent) => sent.retry_at.is_some_and(|at| at <= now),
            None => match queue.waiting.front() {
                Some(first) => urgency == Urgency::Now || self.due(queue, first) <= now,
                None => false,
            },
        };
        let ready = self.queues.iter().filter(|(_, queue)| is_ready(queue));
        ready.map(|(partition, _)| partition.clone()).collect()
    }

    /// When, after `now`, the next batch becomes ready by itself.
    pub fn next_deadline(&self, now: Millis) -> Option<Millis> {
        let due = |queue: &Queue| match &queue.sent {
            Some(sent) => sent.retry_at,
            None => queue.waiting.front().map(|first| self.due(queue, first)),
        };
        self.queues.values().filter_map(due).filter(|it| now < *it).min()
    }

    fn due(&self, queue: &Queue, first: &OpenBatch) -> Millis {
        let is_full = first.is_full
            || 1 < queue.waiting.len()
            || self.limits.batch_bytes <= first.builder.uncompressed_size();
        if is_full { Millis(0) } else { first.created + self.limits.linger_ms }
    }

    /// The batches of ready partitions that fit into one request, now under way. `sequences` stamps
    /// those that are sent for the first time, of an idempotent producer.
    pub fn take(
        &mut self,
        now: Millis,
        partitions: &[TopicPartition],
        mut sequences: Option<&mut Sequences>,
    ) -> Vec<Outgoing> {
        let mut taken = Vec::new();
        let mut size = 0;
        for partition in partitions {
            let Some(queue) = self.queues.get_mut(partition) else { continue };
            if queue.sent.is_none() {
                queue.sent = close(queue, now, partition, sequences.as_deref_mut());
            }
            let Some(sent) = &mut queue.sent else { continue };
            if !taken.is_empty() && self.limits.request_bytes_max < size + sent.records.len() {
                // It keeps its stamp and goes with the next request.
                sent.retry_at.get_or_insert(now);
                continue;
            }
            size += sent.records.len();
            sent.attempts += 1;
            sent.retry_at = None;
            taken.push(Outgoing { partition: partition.clone(), records: sent.records.clone() });
        }
        taken
    }

    /// The batch of a partition that is under way.
    pub fn attempted(&self, partition: &TopicPartition) -> Option<Attempted> {
        let sent = self.queues.get(partition)?.sent.as_ref()?;
        let SentBatch { attempts, first_sent, stamp, .. } = *sent;
        Some(Attempted { attempts, first_sent, stamp })
    }

    /// Sends the batch again at `at`.
    pub fn retry(&mut self, partition: &TopicPartition, at: Millis) {
        if let Some(sent) = self.queues.get_mut(partition).and_then(|it| it.sent.as_mut()) {
            sent.retry_at = Some(at);
        }
    }

    /// The batch has ended, well or not: gives its records.
    pub fn complete(&mut self, partition: &TopicPartition) -> Vec<Tag> {
        let Some(queue) = self.queues.get_mut(partition) else { return Vec::new() };
        let Some(sent) = queue.sent.take() else { return Vec::new() };
        self.bytes -= sent.bytes;
        if queue.waiting.is_empty() {
            self.queues.remove(partition);
        }
        sent.tags
    }

    /// Gives everything up that has not ended: the records of each partition, in order.
    pub fn clear(&mut self) -> Vec<(TopicPartition, Vec<Tag>)> {
        self.bytes = 0;
        let queues = std::mem::take(&mut self.queues);
        let all = queues.into_iter().map(|(partition, queue)| {
            let sent = queue.sent.into_iter().flat_map(|it| it.tags);
            let waiting = queue.waiting.into_iter().flat_map(|it| it.tags);
            (partition, sent.chain(waiting).collect())
        });
        all.collect()
    }
}

/// Closes the first batch of a queue: its bytes are final from here on.
fn close(
    queue: &mut Queue,
    now: Millis,
    partition: &TopicPartition,
    sequences: Option<&mut Sequences>,
) -> Option<SentBatch> {
    let count = queue.waiting.front()?.builder.count();
    let stamp = match sequences {
        Some(sequences) => Some(sequences.stamp(partition, count)?),
        None => None,
    };
    let batch = queue.waiting.pop_front()?;
    let builder = match stamp {
        Some(Stamp { identity, base_sequence }) => {
            batch.builder.producer(identity.id, identity.epoch, base_sequence)
        }
        None => batch.builder,
    };
    Some(SentBatch {
        records: builder.build(),
        tags: batch.tags,
        bytes: batch.bytes,
        stamp,
        first_sent: now,
        attempts: 0,
        retry_at: None,
    })
}

#[cfg(test)]
mod tests;
