//! What a group may commit: what stands before a record that was written and flushed, no more.

use std::collections::{BTreeSet, VecDeque};

use kt_client::consumer::Position;
use kt_client::consumer::group::{OffsetAndMetadata, Offsets};
use kt_protocol::types::TopicPartition;

/// Positions on their way from "shown" to "committed".
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// In the order of the output.
    shown: VecDeque<Shown>,
    flushed: Offsets,
}

/// A position that is reached once so many records are flushed.
#[derive(Debug)]
struct Shown {
    records: u64,
    partition: TopicPartition,
    position: Position,
}

impl Ledger {
    /// A partition was processed up to here, and `records` records were given to the output then,
    /// of all partitions.
    pub(super) fn note(&mut self, partition: &TopicPartition, position: Position, records: u64) {
        if let Some(last) = self.shown.back_mut()
            && last.records == records
            && last.partition == *partition
        {
            last.position = position;
            return;
        }
        self.shown.push_back(Shown { records, partition: partition.clone(), position });
    }

    /// So many records were written and flushed.
    pub(super) fn flushed(&mut self, records: u64) {
        while let Some(shown) = self.shown.pop_front_if(|it| it.records <= records) {
            self.flushed.insert(shown.partition, OffsetAndMetadata::from(shown.position));
        }
    }

    /// What may be committed now, and is not yet.
    pub(super) fn pending(&self) -> Offsets {
        self.flushed.clone()
    }

    /// The same of some partitions.
    pub(super) fn pending_of(&self, partitions: &BTreeSet<TopicPartition>) -> Offsets {
        let of_these = self.flushed.iter().filter(|(it, _)| partitions.contains(it));
        of_these.map(|(it, offset)| (it.clone(), offset.clone())).collect()
    }

    /// True if there is anything to commit.
    pub(super) fn is_dirty(&self) -> bool {
        !self.flushed.is_empty()
    }

    /// The coordinator has these. What was flushed meanwhile stays pending.
    pub(super) fn committed(&mut self, offsets: &Offsets) {
        self.flushed.retain(|partition, offset| offsets.get(partition) != Some(offset));
    }

    /// These are another member's now.
    pub(super) fn forget(&mut self, partitions: &BTreeSet<TopicPartition>) {
        self.shown.retain(|it| !partitions.contains(&it.partition));
        self.flushed.retain(|it, _| !partitions.contains(it));
    }
}

#[cfg(test)]
mod tests {
    use kt_protocol::types::Offset;

    use super::*;

    fn shown(offsets: &Offsets) -> String {
        let each = offsets.iter().map(|(it, commit)| format!("{it}={}", commit.offset));
        each.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn only_what_was_flushed_may_be_committed() {
        let [a, b] = [TopicPartition::new("t", 0), TopicPartition::new("t", 1)];
        let at = |offset: i64| Position::from(Offset(offset));
        let mut ledger = Ledger::default();
        ledger.note(&a, at(5), 5);
        ledger.note(&b, at(13), 8);
        // Behind it there was nothing that a filter let through.
        ledger.note(&b, at(20), 8);
        ledger.note(&a, at(9), 9);
        assert!(!ledger.is_dirty());
        ledger.flushed(7);
        assert_eq!(shown(&ledger.pending()), "t-0=5");
        let under_way = ledger.pending();
        ledger.flushed(8);
        assert_eq!(shown(&ledger.pending()), "t-0=5 t-1=20");
        ledger.committed(&under_way);
        assert_eq!(shown(&ledger.pending()), "t-1=20");
        let under_way = ledger.pending();
        ledger.note(&b, at(21), 9);
        ledger.flushed(9);
        ledger.committed(&under_way);
        assert_eq!(shown(&ledger.pending()), "t-0=9 t-1=21");
        assert_eq!(shown(&ledger.pending_of(&BTreeSet::from([a.clone()]))), "t-0=9");
        ledger.note(&b, at(22), 10);
        ledger.forget(&BTreeSet::from([b]));
        ledger.flushed(10);
        assert_eq!(shown(&ledger.pending()), "t-0=9");
    }
}
