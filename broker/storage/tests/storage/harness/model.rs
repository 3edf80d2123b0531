//! What was done to the log, as plain data, and what follows from it.

use std::collections::BTreeMap;

use kt_protocol::records::control::{EndTxnMarker, TxnOutcome};
use kt_protocol::records::{BatchBuilder, NewRecord};
use kt_protocol::types::{LeaderEpoch, Offset, ProducerEpoch, ProducerId, Timestamp};
use kt_storage::producer_state::{Ending, Marker, ProducerBatch, ProducerStates};

pub(crate) const COORDINATOR_EPOCH: i32 = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    Plain,
    Data { producer: i64, epoch: i16, sequence: i32, is_transactional: bool },
    End { producer: i64, epoch: i16, aborts: bool },
}

/// A batch as it was appended.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    pub(crate) bytes: Vec<u8>,
    pub(crate) base: i64,
    pub(crate) last: i64,
    pub(crate) epoch: i32,
    pub(crate) content: Content,
    /// Of each record.
    pub(crate) times: Vec<i64>,
}

impl Written {
    pub(crate) fn new(
        base: i64,
        epoch: i32,
        content: Content,
        times: Vec<i64>,
        size: usize,
    ) -> Written {
        let mut builder =
            BatchBuilder::new().base_offset(Offset(base)).leader_epoch(LeaderEpoch(epoch));
        builder = match content {
            Content::Plain => builder,
            Content::Data { producer, epoch, sequence, is_transactional } => {
                let builder =
                    builder.producer(ProducerId(producer), ProducerEpoch(epoch), sequence);
                if is_transactional { builder.transactional() } else { builder }
            }
            Content::End { producer, epoch, .. } => {
                builder.producer(ProducerId(producer), ProducerEpoch(epoch), -1).transactional()
            }
        };
        let value = vec![base as u8; size];
        for time in &times {
            let timestamp = Timestamp(*time);
            let appended = match content {
                Content::End { aborts, .. } => {
                    let outcome = if aborts { TxnOutcome::Abort } else { TxnOutcome::Commit };
                    let coordinator_epoch = COORDINATOR_EPOCH;
                    let marker = EndTxnMarker { outcome, coordinator_epoch };
                    builder.append_end_txn_marker(timestamp, marker)
                }
                _ => {
                    let value = Some(&value[..]);
                    builder.append(NewRecord { timestamp, value, ..NewRecord::default() })
                }
            };
            appended.expect("a few records fit");
        }
        let last = base + times.len() as i64 - 1;
        Written { bytes: builder.build().to_vec(), base, last, epoch, content, times }
    }

    pub(crate) fn producer_batch(&self) -> Option<ProducerBatch> {
        let Content::Data { producer, epoch, sequence, is_transactional } = self.content else {
            return None;
        };
        Some(ProducerBatch {
            producer_id: ProducerId(producer),
            producer_epoch: ProducerEpoch(epoch),
            base_sequence: sequence,
            last_sequence: sequence + self.times.len() as i32 - 1,
            base_offset: Offset(self.base),
            last_offset: Offset(self.last),
            max_timestamp: Timestamp(self.times.iter().copied().max().unwrap_or(-1)),
            is_transactional,
        })
    }

    fn marker(&self) -> Option<Marker> {
        let Content::End { producer, epoch, aborts } = self.content else { return None };
        Some(Marker {
            producer_id: ProducerId(producer),
            producer_epoch: ProducerEpoch(epoch),
            coordinator_epoch: COORDINATOR_EPOCH,
            ending: if aborts { Ending::Abort } else { Ending::Commit },
            offset: Offset(self.base),
            timestamp: Timestamp(self.times[0]),
        })
    }
}

/// What is known of a producer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Producer {
    pub(crate) epoch: i16,
    pub(crate) next_sequence: i32,
    pub(crate) open: Option<i64>,
}

/// All that was appended and not truncated, and what was promised of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    pub(crate) batches: Vec<Written>,
    /// All that was ever appended: of what was not flushed, a part may come back that was replaced
    /// since, where the device had it and the file system was to show it.
    pub(crate) ever_written: Vec<Written>,
    /// Everything below was reported flushed.
    pub(crate) durable: i64,
    /// What the checkpoint of the recovery point says.
    pub(crate) promised: i64,
    /// What a checkpoint that was under way would have made it.
    pub(crate) perhaps_promised: Option<i64>,
    pub(crate) log_start: i64,
    /// What was under way: an append, or a truncation to here.
    pub(crate) pending: Option<Written>,
    pub(crate) truncating_to: Option<i64>,
    /// From here on batches are remembered by the five; below, a snapshot knew one of each.
    pub(crate) remembered_from: i64,
}

impl Model {
    pub(crate) fn end(&self) -> i64 {
        self.batches.last().map_or(0, |batch| batch.last + 1)
    }

    pub(crate) fn producers(&self) -> BTreeMap<i64, Producer> {
        let mut producers: BTreeMap<i64, Producer> = BTreeMap::new();
        for batch in &self.batches {
            match batch.content {
                Content::Plain => {}
                Content::Data { producer, epoch, sequence, is_transactional } => {
                    let known = producers.entry(producer).or_default();
                    known.epoch = epoch;
                    known.next_sequence = sequence + batch.times.len() as i32;
                    if is_transactional {
                        known.open.get_or_insert(batch.base);
                    }
                }
                Content::End { producer, .. } => {
                    producers.entry(producer).or_default().open = None;
                }
            }
        }
        producers
    }

    /// Aborted transactions: producer, first offset, marker.
    pub(crate) fn aborted(&self) -> Vec<(i64, i64, i64)> {
        let mut open: BTreeMap<i64, i64> = BTreeMap::new();
        let mut aborted = Vec::new();
        for batch in &self.batches {
            match batch.content {
                Content::Data { producer, is_transactional: true, .. } => {
                    open.entry(producer).or_insert(batch.base);
                }
                Content::End { producer, aborts, .. } => {
                    let first = open.remove(&producer);
                    aborted.extend(first.filter(|_| aborts).map(|it| (producer, it, batch.base)));
                }
                _ => {}
            }
        }
        aborted
    }

    /// The producers' state, replayed from zero.
    pub(crate) fn replayed(&self, expiration_ms: u64) -> ProducerStates {
        let mut states = ProducerStates::new(expiration_ms);
        for batch in &self.batches {
            if let Some(batch) = batch.producer_batch() {
                states.replay(&batch, Timestamp(0));
            } else if let Some(marker) = batch.marker() {
                states.replay_marker(&marker, Timestamp(0));
            }
        }
        states
    }

    /// Where each leader epoch begins.
    pub(crate) fn epochs(&self) -> Vec<(i32, i64)> {
        let mut epochs: Vec<(i32, i64)> = Vec::new();
        for batch in &self.batches {
            if epochs.last().is_none_or(|last| last.0 < batch.epoch) {
                epochs.push((batch.epoch, batch.base));
            }
        }
        epochs
    }

    /// Records from an offset on, with their times.
    pub(crate) fn records_from(&self, start: i64) -> impl Iterator<Item = (i64, i64)> + '_ {
        let records = self.batches.iter().flat_map(|batch| (batch.base..).zip(&batch.times));
        records.map(|(offset, time)| (offset, *time)).filter(move |it| start <= it.0)
    }

    pub(crate) fn truncate(&mut self, end: i64) {
        self.batches.retain(|batch| batch.last < end);
        self.durable = self.durable.min(end);
    }
}
