//! The times of records at commits, for as many as are kept.

use std::collections::BTreeMap;

use kt_protocol::types::{Millis, Offset, Timestamp, TopicPartition};

use super::Sample;
use super::answer::FoundAges;

/// What was read of records, to know how old they are.
#[derive(Debug, Default)]
pub(crate) struct Ages {
    /// None for a record that has no time, or that could not be read.
    told: BTreeMap<TopicPartition, BTreeMap<Offset, Sample<Option<Timestamp>>>>,
    count: usize,
}

/// Many screens of groups that are late.
const KEPT: usize = 1_024;

impl Ages {
    /// A record's time does not change: what was told stays, until there is too much of it.
    pub(super) fn fold(&mut self, found: FoundAges, at: Millis) {
        for (partition, offset, time) in found {
            let value = time.ok().flatten();
            let records = self.told.entry(partition).or_default();
            let known = records.get(&offset).and_then(|it| it.value);
            let before = records.insert(offset, Sample { value: value.or(known), at });
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

    /// Whether the time of this record was told, or since then that there is none to be had.
    pub(crate) fn has(&self, at: &TopicPartition, offset: Offset, since: Millis) -> bool {
        let told = self.told.get(at).and_then(|it| it.get(&offset));
        told.is_some_and(|it| it.value.is_some() || since <= it.at)
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
    use super::super::Failure;
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
        let (now, later) = (Millis(2), Millis(3));
        assert!(ages.has(&at, Offset(5), later) && !ages.has(&at, Offset(7), later));
        assert!(ages.has(&at, Offset(7), now), "that it has none is known for a while");
        ages.forget("orders");
        assert_eq!(ages.last_up_to(&at, Offset(9)), None);
    }

    #[test]
    fn what_cannot_be_read_is_kept_beside_what_was() {
        let mut ages = Ages::default();
        let at = TopicPartition::new("orders", 0);
        told(&mut ages, 1, "orders", 5, Some(50));
        let denied = || Failure {
            kind: kt_client::ErrorKind::Authorization,
            code: None,
            words: "denied".to_owned(),
        };
        let failed = |offset| (at.clone(), Offset(offset), Err(denied()));
        ages.fold(vec![failed(5), failed(9)], Millis(2));
        assert_eq!(ages.last_up_to(&at, Offset(9)), Some((Offset(5), Timestamp(50))));
        assert!(ages.has(&at, Offset(9), Millis(2)) && !ages.has(&at, Offset(9), Millis(3)));
        assert_eq!(ages.count, 2);
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
        let has = |at, offset| ages.has(at, Offset(offset), Millis(0));
        assert!(!has(&a, 8) && !has(&b, 9));
        assert!(has(&a, 10) && has(&b, kept + 9));
        assert_eq!(ages.count, KEPT);
    }
}
