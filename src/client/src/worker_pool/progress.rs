//! How far a partition is finished: records end in any order, its committed offset passes none that
//! has not.

use std::collections::VecDeque;

use kt_protocol::types::{LeaderEpoch, Offset};

/// The records of one partition from its first unfinished one on.
#[derive(Clone, Debug)]
pub(crate) struct Progress {
    /// Everything below has been finished, or does not exist.
    finished: Offset,
    /// The epoch of the last record below.
    leader_epoch: Option<LeaderEpoch>,
    /// Everything below was offered, or does not exist.
    offered: Offset,
    /// By rising offset; the first is unfinished.
    open: VecDeque<Open>,
}

/// A record that was offered.
#[derive(Clone, Copy, Debug)]
struct Open {
    offset: Offset,
    leader_epoch: Option<LeaderEpoch>,
    is_finished: bool,
}

impl Progress {
    /// Nothing was offered; reading starts at `position`.
    pub(crate) fn new(position: Offset) -> Progress {
        Progress {
            finished: position,
            leader_epoch: None,
            offered: position,
            open: VecDeque::new(),
        }
    }

    /// The offset to commit: of the next record to process, in Kafka's sense.
    pub(crate) fn finished(&self) -> (Offset, Option<LeaderEpoch>) {
        (self.finished, self.leader_epoch)
    }

    /// The least offset that may be offered next.
    pub(crate) fn offered(&self) -> Offset {
        self.offered
    }

    /// How many records are kept in mind: from the first unfinished one on, finished ones too.
    pub(crate) fn span(&self) -> usize {
        self.open.len()
    }

    /// Adds a record at or above [`Progress::offered`].
    pub(crate) fn offer(&mut self, offset: Offset, leader_epoch: Option<LeaderEpoch>) {
        self.offered = behind(offset);
        self.open.push_back(Open { offset, leader_epoch, is_finished: false });
    }

    /// There is nothing more below `next`: compaction and control records leave gaps.
    pub(crate) fn pass(&mut self, next: Offset) {
        self.offered = self.offered.max(next);
        self.advance();
    }

    /// Marks a record as finished.
    pub(crate) fn finish(&mut self, offset: Offset) {
        let at = self.open.partition_point(|it| it.offset < offset);
        if let Some(it) = self.open.get_mut(at).filter(|it| it.offset == offset) {
            it.is_finished = true;
        }
        self.advance();
    }

    fn advance(&mut self) {
        while let Some(first) = self.open.front().filter(|it| it.is_finished) {
            self.finished = behind(first.offset);
            self.leader_epoch = first.leader_epoch;
            self.open.pop_front();
        }
        if self.open.is_empty() {
            self.finished = self.offered;
        }
    }
}

/// The offset that follows; a hostile broker may send the last one that there is.
pub(crate) fn behind(offset: Offset) -> Offset {
    Offset(offset.0.saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offered(offsets: &[i64]) -> Progress {
        let mut progress = Progress::new(Offset(5));
        for offset in offsets {
            progress.offer(Offset(*offset), Some(LeaderEpoch(1)));
        }
        progress
    }

    #[test]
    fn the_first_unfinished_record_holds_the_commit() {
        let mut progress = offered(&[5, 6, 7]);
        progress.finish(Offset(7));
        progress.finish(Offset(6));
        assert_eq!(progress.finished(), (Offset(5), None));
        assert_eq!(progress.span(), 3);
        progress.finish(Offset(5));
        assert_eq!(progress.finished(), (Offset(8), Some(LeaderEpoch(1))));
        assert_eq!(progress.span(), 0);
    }

    #[test]
    fn the_last_offset_that_there_is_may_come() {
        let mut progress = offered(&[i64::MAX]);
        progress.finish(Offset(i64::MAX));
        assert_eq!(progress.finished().0, Offset(i64::MAX));
    }

    #[test]
    fn a_gap_is_passed_when_all_before_it_is_finished() {
        let mut progress = offered(&[8]);
        assert_eq!(progress.finished(), (Offset(5), None));
        progress.pass(Offset(20));
        assert_eq!(progress.finished(), (Offset(5), None));
        progress.finish(Offset(8));
        assert_eq!(progress.finished(), (Offset(20), Some(LeaderEpoch(1))));
        progress.pass(Offset(25));
        assert_eq!(progress.finished(), (Offset(25), Some(LeaderEpoch(1))));
    }
}
