//! What consumers have said, and what must hold of it.

use std::collections::BTreeMap;
use std::path::Path;

use bytes::Bytes;
use kt_protocol::messages::group_coordinator_record::GroupCoordinatorRecord;
use kt_protocol::records::Batches;

use super::worker::{Did, Said};
use super::{GROUP, PARTITIONS};

/// All that was read and committed.
#[derive(Default)]
pub(super) struct Ledger {
    /// The number read at each partition and offset.
    pub(super) read: BTreeMap<(i32, i64), u64>,
    /// The acknowledged commits of each partition.
    commits: BTreeMap<i32, Vec<Commit>>,
    /// How often a record was read again.
    pub(super) again: u64,
    /// What each worker owns.
    owned: BTreeMap<(u32, i32), Ownership>,
}

struct Commit {
    at: u128,
    offset: i64,
}

/// A partition in a worker's hands.
struct Ownership {
    /// The greatest commit that was acknowledged to anybody before.
    floor: i64,
    /// The last record that was read.
    last: Option<i64>,
}

impl Ledger {
    /// Enters what a worker has said.
    pub(super) fn enter(&mut self, worker: u32, said: &Said) {
        let partition = said.partition;
        let commits = self.commits.entry(partition).or_default();
        match said.did {
            Did::Own => {
                // Others may have said more meanwhile: not all hear the same delay.
                let before = commits.iter().filter(|it| it.at < said.at);
                let floor = before.map(|it| it.offset).max().unwrap_or(0);
                self.owned.insert((worker, partition), Ownership { floor, last: None });
            }
            Did::Give => drop(self.owned.remove(&(worker, partition))),
            Did::Commit { offset } => commits.push(Commit { at: said.at, offset }),
            Did::Read { offset, number } => {
                self.enter_read((worker, partition), offset);
                if let Some(before) = self.read.insert((partition, offset), number) {
                    self.again += 1;
                    assert_eq!(before, number, "two records at {partition}:{offset}");
                }
            }
        }
    }

    fn enter_read(&mut self, reader: (u32, i32), offset: i64) {
        let owned = self.owned.get_mut(&reader);
        let owned = owned.unwrap_or_else(|| panic!("{reader:?} reads what it does not own"));
        match owned.last.replace(offset) {
            Some(last) => assert_eq!(offset, last + 1, "{reader:?} reads in order"),
            None => assert!(
                owned.floor <= offset,
                "{reader:?} starts at {offset}, but {} is committed",
                owned.floor
            ),
        }
    }

    /// Whether a worker owns all partitions.
    pub(super) fn owns_all(&self, worker: u32) -> bool {
        (0..PARTITIONS).all(|partition| self.owned.contains_key(&(worker, partition)))
    }

    /// The greatest commit of a partition that was acknowledged.
    pub(super) fn committed(&self, partition: i32) -> i64 {
        let commits = self.commits.get(&partition).into_iter().flatten();
        commits.map(|it| it.offset).max().unwrap_or(0)
    }
}

/// The commits in the log of the group's coordinator never go back. Gives how many there are.
pub(super) fn check_log(data: &Path) -> usize {
    let mut last = BTreeMap::new();
    let mut count = 0;
    for entry in std::fs::read_dir(data).expect("the directory is there").flatten() {
        if !entry.file_name().to_string_lossy().starts_with("__consumer_offsets-") {
            continue;
        }
        let segment = entry.path().join("00000000000000000000.log");
        let bytes = std::fs::read(segment).expect("the segment is there");
        for batch in Batches::new(&bytes) {
            let batch = batch.expect("the batch is whole");
            for record in batch.records_in_place().expect("nothing is compressed") {
                let record = record.expect("the record is whole");
                let key = Bytes::copy_from_slice(record.key.expect("it has a key"));
                let value = record.value.map(Bytes::copy_from_slice);
                let decoded = GroupCoordinatorRecord::decode(&key, value.as_ref());
                let decoded = decoded.expect("a coordinator wrote it");
                let GroupCoordinatorRecord::OffsetCommit { key, value } = decoded else { continue };
                assert_eq!(key.group, GROUP);
                let offset = value.expect("nothing was deleted").offset;
                let before = last.insert(key.partition, offset).unwrap_or(0);
                assert!(before <= offset, "{}: from {before} to {offset}", key.partition);
                count += 1;
            }
        }
    }
    assert_eq!(last.len(), usize::try_from(PARTITIONS).expect("a count"));
    count
}
