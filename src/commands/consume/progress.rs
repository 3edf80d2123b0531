//! How far reading has come: "scanned N of M", which a filter always reports.

use std::collections::BTreeMap;

use kt_protocol::types::TopicPartition;

/// The offsets of one partition that are to be read, and how many were.
#[derive(Clone, Copy, Debug)]
struct Way {
    from: i64,
    until: i64,
    position: i64,
}

/// Offsets passed, of all partitions.
#[derive(Debug, Default)]
pub(super) struct Progress {
    ways: BTreeMap<TopicPartition, Way>,
}

impl Progress {
    /// A partition that is to be read; one without an end grows as it is read.
    pub(super) fn begin(&mut self, partition: &TopicPartition, from: i64, until: Option<i64>) {
        let until = until.unwrap_or(from).max(from);
        let way = Way { from, until, position: from };
        // A rebalance may bring back what was read before.
        let known = self.ways.entry(partition.clone()).or_insert(way);
        known.until = known.until.max(until);
    }

    /// Reading has come up to here.
    pub(super) fn reach(&mut self, partition: &TopicPartition, position: i64) {
        let Some(way) = self.ways.get_mut(partition) else { return };
        way.position = way.position.max(position);
    }

    /// A partition that is read without an end has offsets up to here.
    pub(super) fn grow(&mut self, partition: &TopicPartition, end: i64) {
        let Some(way) = self.ways.get_mut(partition) else { return };
        way.until = way.until.max(end);
    }

    /// What is said of it.
    pub(super) fn summary(&self, matched: u64) -> String {
        let passed = |it: &Way| it.position.min(it.until) - it.from;
        let scanned: i64 = self.ways.values().map(passed).sum();
        let all: i64 = self.ways.values().map(|it| it.until - it.from).sum();
        let noun = if matched == 1 { "record matches" } else { "records match" };
        format!("scanned {scanned} of {all} offsets: {matched} {noun}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_count_once_and_not_beyond_the_end() {
        let mut progress = Progress::default();
        let [a, b] = [TopicPartition::new("t", 0), TopicPartition::new("t", 1)];
        progress.begin(&a, 10, Some(20));
        progress.begin(&b, 5, None);
        assert_eq!(progress.summary(0), "scanned 0 of 10 offsets: 0 records match");
        progress.reach(&a, 25);
        progress.grow(&b, 9);
        progress.reach(&b, 7);
        assert_eq!(progress.summary(1), "scanned 12 of 14 offsets: 1 record matches");
    }
}
