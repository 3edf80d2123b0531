//! `--idle`: for how long nothing came, counted only once brokers have answered for every partition.

use std::collections::BTreeSet;
use std::time::Duration;

use kt_protocol::types::TopicPartition;
use tokio::time::Instant;

/// The clock of `--idle`. While an answer about any partition is due it stands still: a slow broker
/// is no sign that there is nothing.
#[derive(Debug)]
pub(super) struct Idle {
    limit: Option<Duration>,
    unanswered: BTreeSet<TopicPartition>,
    /// Since when nothing came; `None` before anything was read at all.
    since: Option<Instant>,
}

impl Idle {
    /// Without a limit it is never over.
    pub(super) fn new(limit: Option<Duration>) -> Idle {
        Idle { limit, unanswered: BTreeSet::new(), since: None }
    }

    /// These are read from now on; none at all is an answer, too.
    pub(super) fn begin<'a>(
        &mut self,
        partitions: impl IntoIterator<Item = &'a TopicPartition>,
        now: Instant,
    ) {
        self.unanswered.extend(partitions.into_iter().cloned());
        if self.unanswered.is_empty() {
            self.since = Some(now);
        }
    }

    /// A partition is not read any more.
    pub(super) fn end(&mut self, partition: &TopicPartition, now: Instant) {
        self.answered(partition, now);
    }

    /// A broker has said that there is nothing more of a partition for now.
    pub(super) fn answered(&mut self, partition: &TopicPartition, now: Instant) {
        if self.unanswered.remove(partition) && self.unanswered.is_empty() {
            self.since = Some(now);
        }
    }

    /// Records came.
    pub(super) fn came(&mut self, partition: &TopicPartition, now: Instant) {
        self.unanswered.remove(partition);
        self.since = Some(now);
    }

    /// When it will be over if nothing comes until then.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.since?.checked_add(self.limit?).filter(|_| self.unanswered.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_starts_with_the_last_first_answer() {
        let limit = Duration::from_millis(300);
        let mut idle = Idle::new(Some(limit));
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let [a, b] = [TopicPartition::new("t", 0), TopicPartition::new("t", 1)];
        idle.begin([&a, &b], start);
        assert_eq!(idle.deadline(), None);
        idle.answered(&a, at(2_000));
        assert_eq!(idle.deadline(), None);
        idle.came(&b, at(5_000));
        assert_eq!(idle.deadline(), Some(at(5_300)));
        idle.answered(&a, at(5_100));
        assert_eq!(idle.deadline(), Some(at(5_300)));
        idle.came(&a, at(5_200));
        assert_eq!(idle.deadline(), Some(at(5_500)));
        // A partition that a rebalance brings is waited for as well, or until it is gone.
        let c = TopicPartition::new("t", 2);
        idle.begin([&c], at(5_300));
        assert_eq!(idle.deadline(), None);
        idle.end(&c, at(9_000));
        assert_eq!(idle.deadline(), Some(at(9_300)));
    }

    #[test]
    fn who_reads_nothing_is_idle_and_who_has_no_limit_never_is() {
        let now = Instant::now();
        let mut idle = Idle::new(Some(Duration::from_secs(1)));
        assert_eq!(idle.deadline(), None);
        idle.begin([], now);
        assert_eq!(idle.deadline(), Some(now + Duration::from_secs(1)));
        let mut endless = Idle::new(None);
        endless.begin([], now);
        assert_eq!(endless.deadline(), None);
    }
}
