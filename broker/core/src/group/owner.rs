//! What a node does for a shard, without the node: a log, appended to and replayed (tests).

use bytes::Bytes;
use kt_protocol::messages::group_coordinator_record::GroupCoordinatorRecord;
use kt_protocol::records::{BatchBuilder, NewRecord};
use kt_protocol::types::{Millis, Now, Offset, ProducerId, Timestamp};

use super::records::batch_len;
use super::{Answer, GroupConfig, GroupRecord, Outcome, Shard, TransactionResult};

/// When tests begin, so that times of the wall are not those of the clock.
const WALL_START: i64 = 1_000_000;

/// What lies in the log.
#[derive(Clone, Debug)]
pub(super) enum Entry {
    Record { key: Bytes, value: Option<Bytes>, producer_id: ProducerId },
    Marker { producer_id: ProducerId, result: TransactionResult },
}

/// A shard, its log, and a clock.
#[derive(Debug)]
pub(super) struct Owner<T> {
    pub(super) shard: Shard<T>,
    pub(super) log: Vec<Entry>,
    pub(super) now: Now,
    loads: u64,
    seed: u64,
}

impl<T> Owner<T> {
    pub(super) fn new(config: GroupConfig, seed: u64) -> Owner<T> {
        let now = Now { monotonic: Millis(0), wall: Timestamp(WALL_START) };
        let mut shard = Shard::new(config, seed);
        shard.loaded(now);
        Owner { shard, log: Vec::new(), now, loads: 1, seed }
    }

    pub(super) fn advance(&mut self, ms: u64) {
        self.now.monotonic = self.now.monotonic + ms;
        self.now.wall.0 += ms as i64;
    }

    /// Appends and replays, as the contract says.
    pub(super) fn take(&mut self, outcome: Outcome<T>) -> (Vec<GroupRecord>, Vec<(T, Answer)>) {
        let records = outcome.records;
        self.check_len(&records);
        for record in &records {
            let (key, value) = record.record.encode(record.version).expect("it can be written");
            self.append(key, value, ProducerId::NONE);
        }
        (records, outcome.answers)
    }

    pub(super) fn append(&mut self, key: Bytes, value: Option<Bytes>, producer_id: ProducerId) {
        let record = GroupCoordinatorRecord::decode(&key, value.as_ref()).expect("it can be read");
        let offset = Offset(self.log.len() as i64);
        self.shard.replay(&record, offset, producer_id);
        self.log.push(Entry::Record { key, value, producer_id });
    }

    pub(super) fn append_record(&mut self, record: &GroupCoordinatorRecord, producer_id: i64) {
        let version = record.valid_versions().max;
        let (key, value) = record.encode(version).expect("it can be written");
        self.append(key, value, ProducerId(producer_id));
    }

    pub(super) fn end_transaction(&mut self, producer_id: i64, result: TransactionResult) {
        let producer_id = ProducerId(producer_id);
        self.shard.replay_end_transaction(producer_id, result);
        self.log.push(Entry::Marker { producer_id, result });
    }

    /// The batch is no larger than was reckoned, and than it may be.
    fn check_len(&self, records: &[GroupRecord]) {
        let mut batch = BatchBuilder::new();
        for record in records {
            let (key, value) = record.record.encode(record.version).expect("it can be written");
            let timestamp = self.now.wall;
            let (key, value) = (Some(&key[..]), value.as_deref());
            batch
                .append(NewRecord { timestamp, key, value, headers: &[] })
                .expect("it is not that large");
        }
        assert!(batch.build().len() <= batch_len(records), "the bound holds");
        assert!(
            records.is_empty() || batch_len(records) <= self.shard.config().batch_max_bytes,
            "no batch is too large"
        );
    }

    /// A shard that has read the whole log, before its sessions begin.
    pub(super) fn loading(&self, seed: u64) -> Shard<T> {
        let mut shard = Shard::new(self.shard.config().clone(), seed);
        for (offset, entry) in self.log.iter().enumerate() {
            match entry {
                Entry::Record { key, value, producer_id } => {
                    let record = GroupCoordinatorRecord::decode(key, value.as_ref())
                        .expect("it can be read");
                    shard.replay(&record, Offset(offset as i64), *producer_id);
                }
                Entry::Marker { producer_id, result } => {
                    shard.replay_end_transaction(*producer_id, *result);
                }
            }
        }
        shard
    }

    /// Another leader takes over.
    pub(super) fn reload(&mut self) {
        self.loads += 1;
        self.shard = self.loading(self.seed + self.loads * 1000);
        self.shard.loaded(self.now);
    }
}
