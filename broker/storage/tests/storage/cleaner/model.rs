//! What was written to the log, and what became of it.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use kt_protocol::records::control::{EndTxnMarker, TxnOutcome};
use kt_protocol::records::{BatchBuilder, Compression, NewRecord};
use kt_protocol::types::{LeaderEpoch, Offset, ProducerEpoch, ProducerId, Timestamp};

/// Who wrote a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Plain,
    Data { producer: i64, epoch: i16, sequence: i32, is_transactional: bool },
    End { producer: i64, epoch: i16, outcome: TxnOutcome },
}

/// A record as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) offset: i64,
    pub(crate) timestamp: i64,
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) header: Option<Vec<u8>>,
}

/// A batch as it was written.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    pub(crate) base: i64,
    pub(crate) leader_epoch: i32,
    pub(crate) kind: Kind,
    pub(crate) records: Vec<Record>,
    pub(crate) bytes: Bytes,
}

/// How a batch is packed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packing {
    pub(crate) compression: Compression,
    pub(crate) append_time: Option<i64>,
    pub(crate) leader_epoch: i32,
}

impl Batch {
    pub(crate) fn new(base: i64, kind: Kind, records: Vec<Record>, packing: Packing) -> Batch {
        let mut builder = BatchBuilder::new()
            .base_offset(Offset(base))
            .leader_epoch(LeaderEpoch(packing.leader_epoch))
            .compressed(packing.compression);
        if let Kind::Data { producer, epoch, sequence, is_transactional } = kind {
            builder = builder.producer(ProducerId(producer), ProducerEpoch(epoch), sequence);
            if is_transactional {
                builder = builder.transactional();
            }
        }
        if let Some(time) = packing.append_time {
            builder = builder.append_time(Timestamp(time));
        }
        for record in &records {
            let header = record.header.as_deref();
            let record = NewRecord {
                timestamp: Timestamp(record.timestamp),
                key: record.key.as_deref(),
                value: record.value.as_deref(),
                headers: if header.is_some() { &[("trace", header)] } else { &[] },
            };
            builder.append(record).expect("a few small records fit");
        }
        let leader_epoch = packing.leader_epoch;
        Batch { base, leader_epoch, kind, records, bytes: builder.build() }
    }

    pub(crate) fn marker(base: i64, kind: Kind, time: i64, leader_epoch: i32) -> Batch {
        let Kind::End { producer, epoch, outcome } = kind else { panic!("no marker: {kind:?}") };
        let mut builder = BatchBuilder::new()
            .base_offset(Offset(base))
            .leader_epoch(LeaderEpoch(leader_epoch))
            .producer(ProducerId(producer), ProducerEpoch(epoch), -1)
            .transactional();
        let marker = EndTxnMarker { outcome, coordinator_epoch: 3 };
        let added = builder.append_end_txn_marker(Timestamp(time), marker);
        added.expect("a marker fits");
        Batch { base, leader_epoch, kind, records: Vec::new(), bytes: builder.build() }
    }

    pub(crate) fn last(&self) -> i64 {
        self.base + (self.records.len() as i64 - 1).max(0)
    }
}

/// What became of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Counts,
    Aborted,
    Open,
}

/// What is known of a producer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Producer {
    pub(crate) epoch: i16,
    pub(crate) next_sequence: i32,
    /// The batches of its open transaction.
    pub(crate) open: Vec<i64>,
}

#[derive(Clone, Default)]
pub(crate) struct Model {
    pub(crate) batches: Vec<Batch>,
    pub(crate) high_watermark: i64,
    /// Everything below was cleaned.
    pub(crate) cleaned_to: i64,
    /// Nothing above was touched by a pass.
    pub(crate) touched_to: i64,
    /// The log ends here at least, though no batch does.
    pub(crate) empty_to: i64,
    /// Of producers whose last batch lies below nothing is demanded: the log forgot what it knew of
    /// batches behind, which were truncated, and a pass had gone by those.
    pub(crate) unsure_below: i64,
    /// When a tombstone may first have been given a horizon, and when it has one for sure.
    pub(crate) horizon_perhaps: BTreeMap<i64, i64>,
    pub(crate) horizon_surely: BTreeMap<i64, i64>,
}

/// What follows from the batches.
pub(crate) struct Derived {
    pub(crate) producers: BTreeMap<i64, Producer>,
    /// By base offset.
    pub(crate) fates: BTreeMap<i64, Fate>,
    /// The base offsets of a marker's batches, by the marker's offset.
    pub(crate) transactions: BTreeMap<i64, Vec<i64>>,
}

impl Model {
    pub(crate) fn end(&self) -> i64 {
        self.batches.last().map_or(0, |last| last.last() + 1).max(self.empty_to)
    }

    pub(crate) fn truncate(&mut self, end: i64) {
        self.batches.retain(|batch| batch.last() < end);
        self.empty_to = self.empty_to.min(end);
        self.horizon_perhaps.split_off(&end);
        self.horizon_surely.split_off(&end);
    }

    pub(crate) fn derive(&self) -> Derived {
        let mut producers: BTreeMap<i64, Producer> = BTreeMap::new();
        let mut fates = BTreeMap::new();
        let mut transactions = BTreeMap::new();
        for batch in &self.batches {
            let mut fate = Fate::Counts;
            match batch.kind {
                Kind::Plain => {}
                Kind::Data { producer, epoch, sequence, is_transactional } => {
                    let known = producers.entry(producer).or_default();
                    known.epoch = epoch;
                    known.next_sequence = sequence + batch.records.len() as i32;
                    if is_transactional {
                        known.open.push(batch.base);
                        fate = Fate::Open;
                    }
                }
                Kind::End { producer, epoch, outcome } => {
                    let known = producers.entry(producer).or_default();
                    if known.epoch != epoch {
                        known.next_sequence = 0;
                    }
                    known.epoch = epoch;
                    let ended = std::mem::take(&mut known.open);
                    let became = match outcome {
                        TxnOutcome::Abort => Fate::Aborted,
                        TxnOutcome::Commit => Fate::Counts,
                    };
                    fates.extend(ended.iter().map(|base| (*base, became)));
                    transactions.insert(batch.base, ended);
                }
            }
            fates.insert(batch.base, fate);
        }
        Derived { producers, fates, transactions }
    }

    /// The base offset of a producer's last data batch.
    pub(crate) fn last_base_of(&self, id: i64) -> i64 {
        let is_its = |kind: Kind| matches!(kind, Kind::Data { producer, .. } if producer == id);
        let last = self.batches.iter().rev().find(|batch| is_its(batch.kind));
        last.map_or(0, |batch| batch.base)
    }

    /// The offsets of records that a later one with the same key has replaced, which lies below
    /// `end`.
    pub(crate) fn superseded(&self, derived: &Derived, end: i64) -> BTreeSet<i64> {
        let mut last: BTreeMap<&[u8], i64> = BTreeMap::new();
        let mut superseded = BTreeSet::new();
        for batch in self.batches.iter().rev() {
            if derived.fates[&batch.base] != Fate::Counts {
                continue;
            }
            for record in batch.records.iter().rev() {
                let Some(key) = record.key.as_deref() else { continue };
                if last.contains_key(key) {
                    superseded.insert(record.offset);
                } else if record.offset < end {
                    last.insert(key, record.offset);
                }
            }
        }
        superseded
    }

    /// What a consumer has of each key that has read everything that counts, below an offset.
    pub(crate) fn folded(&self, derived: &Derived, below: i64) -> BTreeMap<Vec<u8>, Vec<u8>> {
        let counting = self.batches.iter().filter(|it| derived.fates[&it.base] == Fate::Counts);
        fold(counting.flat_map(|it| &it.records).filter(|record| record.offset < below))
    }
}

/// The last value of each key.
pub(crate) fn fold<'a>(records: impl Iterator<Item = &'a Record>) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut folded = BTreeMap::new();
    for record in records {
        let Some(key) = record.key.clone() else { continue };
        match record.value.clone() {
            Some(value) => folded.insert(key, value),
            None => folded.remove(&key),
        };
    }
    folded
}
