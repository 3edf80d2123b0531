//! The times of records at commits, for as many as are kept.

use std::collections::BTreeMap;

use kt_protocol::types::{Millis, Offset, Timestamp, TopicPartition};

use super::Sample;
use super::answer::FoundAges;

/// What was read of records, to know how old they are.
#[derive(Debug, Default)]
pub(crate) struct Ages {
    /// None for a record that has no time.
    told: BTreeMap<TopicPartition, BTreeMap<Offset, Sample<Option<Timestamp>>>>,
    count: usize,
}

/// Many screens of groups that are late.
const KEPT: usize = 1_024;

impl Ages {
    /// A record's time does not change: what was told stays, until there is too much of it.
    pub(super) fn fold(&mut self, found: FoundAges, at: Millis) {
        for (partition, offset, time) in found {
            let Ok(value) = time else { continue };
            let before =
                self.told.entry(partition).or_default().insert(offset, Sample { value, at });
            self.count += usize::from(before.is_none());
        }
        while KEPT < self.count {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let oldest = |(partition, records): (&TopicPartition, &BTreeMap<Offset, Sample<_>>)| {
            let (offset, it) = records.iter().min_by_key(|(_, it)| it.at)?;
            Some((it.at, partition.clone(), *offset))
        };
        let oldest = self.told.iter().filter_map(oldest).min_by_key(|it| it.0);
        let Some((_, partition, offset)) = oldest else { return };
        let Some(records) = self.told.get_mut(&partition) else { return };
        self.count -= usize::from(records.remove(&offset).is_some());
        if records.is_empty() {
            self.told.remove(&partition);
        }
    }

    /// What was told of a topic that is gone, or was made again, says nothing of its namesake.
    pub(crate) fn forget(&mut self, topic: &str) {
        self.told.retain(|partition, _| partition.topic != topic);
        self.count = self.told.values().map(BTreeMap::len).sum();
    }

    /// Whether the time of this record was told.
    pub(crate) fn has(&self, at: &TopicPartition, offset: Offset) -> bool {
        let told = self.told.get(at).and_then(|it| it.get(&offset));
        told.is_some_and(|it| it.value.is_some())
    }

    /// The last record up to this offset whose time is known.
    pub(crate) fn last_up_to(
        &self,
        at: &TopicPartition,
        offset: Offset,
    ) -> Option<(Offset, Timestamp)> {
        let mut records = self.told.get(at)?.range(..=offset).rev();
        records.find_map(|(offset, it)| Some((*offset, it.value?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(ages: &mut Ages, at: u64, partition: &str, offset: i64, time: Option<i64>) {
        let partition = TopicPartition::new(partition, 0);
        ages.fold(vec![(partition, Offset(offset), Ok(time.map(Timestamp)))], Millis(at));
    }

    #[test]
    fn the_last_known_time_up_to_an_offset_is_found() {
        let mut ages = Ages::default();
        let at = TopicPartition::new("orders", 0);
        assert_eq!(ages.last_up_to(&at, Offset(9)), None);
        told(&mut ages, 1, "orders", 5, Some(50));
        told(&mut ages, 2, "orders", 7, None);
        assert_eq!(ages.last_up_to(&at, Offset(4)), None);
        assert_eq!(ages.last_up_to(&at, Offset(5)), Some((Offset(5), Timestamp(50))));
        assert_eq!(ages.last_up_to(&at, Offset(9)), Some((Offset(5), Timestamp(50))));
        assert!(ages.has(&at, Offset(5)) && !ages.has(&at, Offset(7)));
        ages.forget("orders");
        assert_eq!(ages.last_up_to(&at, Offset(9)), None);
    }

    #[test]
    fn the_oldest_go_when_there_are_too_many() {
        let mut ages = Ages::default();
        let kept = i64::try_from(KEPT).unwrap();
        for n in 0..kept + 10 {
            told(
                &mut ages,
                n.unsigned_abs(),
                ["a", "b"][n.unsigned_abs() as usize % 2],
                n,
                Some(n),
            );
        }
        let (a, b) = (TopicPartition::new("a", 0), TopicPartition::new("b", 0));
        assert!(!ages.has(&a, Offset(8)) && !ages.has(&b, Offset(9)));
        assert!(ages.has(&a, Offset(10)) && ages.has(&b, Offset(kept + 9)));
        assert_eq!(ages.count, KEPT);
    }
}
