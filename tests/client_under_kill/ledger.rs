//! What processes have said, and what must hold of it.

use std::collections::{BTreeMap, BTreeSet};

use super::user::{PARTITIONS, Said, TOPIC};
use crate::support::client;

/// Partition and offset.
type Place = (i32, i64);

/// All that was done.
#[derive(Default)]
pub(super) struct Ledger {
    /// The value acknowledged at each place.
    pub(super) acknowledged: BTreeMap<Place, String>,
    /// The value read at each place.
    pub(super) read: BTreeMap<Place, String>,
    /// How often a record was read again.
    pub(super) again: u64,
    /// What each process owns, with the last offset that it has read.
    owned: BTreeMap<(u32, i32), Option<i64>>,
    /// The greatest offset that is committed or stored of each partition.
    done: BTreeMap<i32, i64>,
    /// How often something was committed or stored.
    pub(super) times_done: u64,
    /// The processes that have ended as they were told to.
    pub(super) ended: BTreeSet<u32>,
    /// What was refused, by process.
    pub(super) refused: BTreeMap<u32, String>,
}

impl Ledger {
    /// Enters what a process has said.
    pub(super) fn enter(&mut self, name: u32, said: Said) {
        match said {
            Said::Acknowledged { partition, offset, value } => {
                if let Some(before) = self.acknowledged.insert((partition, offset), value.clone()) {
                    panic!("{value} and {before} are both at {partition}:{offset}");
                }
            }
            Said::Own { partition } => drop(self.owned.insert((name, partition), None)),
            Said::Give { partition } => drop(self.owned.remove(&(name, partition))),
            Said::Read { partition, offset, value } => {
                let owned = self.owned.get_mut(&(name, partition));
                let last = owned.unwrap_or_else(|| panic!("{name} reads {partition}, not its own"));
                if let Some(last) = last.replace(offset) {
                    assert_eq!(offset, last + 1, "{name} reads {partition} in order");
                }
                if let Some(before) = self.read.insert((partition, offset), value.clone()) {
                    self.again += 1;
                    assert_eq!(before, value, "two records at {partition}:{offset}");
                }
            }
            Said::Done { partition, next } => {
                let done = self.done.entry(partition).or_default();
                *done = next.max(*done);
                self.times_done += 1;
            }
            Said::Refused(error) => drop(self.refused.insert(name, error)),
            Said::Ended => drop(self.ended.insert(name)),
            Said::Failed(error) => panic!("{name}: {error}"),
        }
    }

    /// Whether a process owns all partitions.
    pub(super) fn owns_all(&self, name: u32) -> bool {
        (0..PARTITIONS).all(|partition| self.owned.contains_key(&(name, partition)))
    }

    /// How far it is committed or stored.
    pub(super) fn done(&self, partition: i32) -> i64 {
        self.done.get(&partition).copied().unwrap_or(0)
    }

    /// Each producer's numbers stand in the log from 0 on, each once and in order, and what was
    /// acknowledged where it was said to be.
    pub(super) fn check_stored(&self, log: &BTreeMap<Place, String>) {
        let mut next: BTreeMap<(i32, &str), u64> = BTreeMap::new();
        for ((partition, offset), value) in log {
            let (name, number) = value.split_once(':').expect("a producer wrote it");
            let next = next.entry((*partition, name)).or_default();
            let number: u64 = number.parse().expect("a producer wrote it");
            assert_eq!(number, *next, "{name} at {partition}:{offset}: lost, twice or reordered");
            *next += 1;
        }
        for (place, value) in &self.acknowledged {
            assert_eq!(log.get(place), Some(value), "acknowledged at {place:?}");
        }
    }
}

/// All records of all partitions, as librdkafka reads them.
pub(super) fn log(address: &str) -> BTreeMap<Place, String> {
    let records = |partition| {
        let records = client::read_all(address, TOPIC, partition, 0);
        records.into_iter().map(move |it| ((partition, it.offset), it.text()))
    };
    (0..PARTITIONS).flat_map(records).collect()
}

/// The end of each partition.
pub(super) fn ends(address: &str) -> BTreeMap<i32, i64> {
    (0..PARTITIONS).map(|it| (it, client::watermarks(address, TOPIC, it).1)).collect()
}
