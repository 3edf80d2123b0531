//! The leader's side of one partition: the high watermark as the least durable end of the ISR.

use std::collections::BTreeMap;

use kt_protocol::types::{LeaderEpoch, NodeId, Offset};

/// What the core asks of a log.
pub trait LogFacts {
    /// The first offset that can be read.
    fn log_start_offset(&self) -> Offset;
    /// The offset the next record gets.
    fn log_end_offset(&self) -> Offset;
    /// Below it everything counts as kept by this replica: what is flushed, or in page-cache mode
    /// the log end.
    fn stable_end(&self) -> Offset;
}

/// A partition as its leader has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaderState {
    own: NodeId,
    epoch: LeaderEpoch,
    isr: Vec<NodeId>,
    /// Up to where each member of the ISR has the log; our own is our stable end.
    progress: BTreeMap<NodeId, Offset>,
    high_watermark: Offset,
}

impl LeaderState {
    /// Begins to lead in `epoch`. The high watermark starts from what was last known of it, within
    /// the log as it is now: nothing below it may be lost, nothing above it may be promised.
    pub fn new(
        own: NodeId,
        epoch: LeaderEpoch,
        isr: Vec<NodeId>,
        known_high_watermark: Offset,
        log: &impl LogFacts,
    ) -> LeaderState {
        assert!(isr.contains(&own), "the leader of epoch {epoch} is not in its own ISR");
        let high_watermark =
            known_high_watermark.min(log.log_end_offset()).max(log.log_start_offset());
        let mut state = LeaderState { own, epoch, isr, progress: BTreeMap::new(), high_watermark };
        state.on_stable_end(log);
        state
    }

    /// The epoch led.
    pub fn epoch(&self) -> LeaderEpoch {
        self.epoch
    }

    /// Who is in sync.
    pub fn isr(&self) -> &[NodeId] {
        &self.isr
    }

    /// Below it everything is committed.
    pub fn high_watermark(&self) -> Offset {
        self.high_watermark
    }

    /// Our own log has become stable further on. Gives the new high watermark if it moved.
    pub fn on_stable_end(&mut self, log: &impl LogFacts) -> Option<Offset> {
        let stable_end = log.stable_end().min(log.log_end_offset());
        self.on_progress(self.own, stable_end)
    }

    /// A member of the ISR has everything below `end`. Gives the new high watermark if it moved.
    /// News that come late, or from outside the ISR, change nothing.
    pub fn on_progress(&mut self, replica: NodeId, end: Offset) -> Option<Offset> {
        let known = self.progress.entry(replica).or_insert(end);
        *known = end.max(*known);
        self.advance()
    }

    fn advance(&mut self) -> Option<Offset> {
        let ends: Option<Vec<Offset>> =
            self.isr.iter().map(|member| self.progress.get(member).copied()).collect();
        let least = ends?.into_iter().min()?;
        if least <= self.high_watermark {
            return None;
        }
        self.high_watermark = least;
        Some(least)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Log {
        start: i64,
        stable: i64,
        end: i64,
    }

    impl LogFacts for Log {
        fn log_start_offset(&self) -> Offset {
            Offset(self.start)
        }
        fn log_end_offset(&self) -> Offset {
            Offset(self.end)
        }
        fn stable_end(&self) -> Offset {
            Offset(self.stable)
        }
    }

    fn leader(isr: &[i32], known: i64, log: &Log) -> LeaderState {
        let isr = isr.iter().copied().map(NodeId).collect();
        LeaderState::new(NodeId(1), LeaderEpoch(3), isr, Offset(known), log)
    }

    #[test]
    fn a_leader_alone_commits_what_is_stable() {
        let mut state = leader(&[1], 0, &Log { start: 0, stable: 4, end: 10 });
        assert_eq!(state.high_watermark(), Offset(4));
        assert_eq!(state.on_stable_end(&Log { start: 0, stable: 4, end: 12 }), None);
        assert_eq!(state.on_stable_end(&Log { start: 0, stable: 11, end: 12 }), Some(Offset(11)));
        assert_eq!(state.on_stable_end(&Log { start: 0, stable: 9, end: 12 }), None);
        assert_eq!(state.high_watermark(), Offset(11));
    }

    #[test]
    fn a_known_high_watermark_is_kept_within_the_log() {
        assert_eq!(
            leader(&[1, 2], 7, &Log { start: 0, stable: 5, end: 9 }).high_watermark(),
            Offset(7)
        );
        assert_eq!(
            leader(&[1, 2], 7, &Log { start: 0, stable: 5, end: 5 }).high_watermark(),
            Offset(5)
        );
        assert_eq!(
            leader(&[1, 2], 7, &Log { start: 8, stable: 9, end: 9 }).high_watermark(),
            Offset(8)
        );
    }

    #[test]
    fn every_member_of_the_isr_is_waited_for() {
        let log = Log { start: 0, stable: 10, end: 10 };
        let mut state = leader(&[1, 2], 0, &log);
        assert_eq!(state.high_watermark(), Offset(0));
        assert_eq!(state.on_progress(NodeId(3), Offset(10)), None);
        assert_eq!(state.on_progress(NodeId(2), Offset(6)), Some(Offset(6)));
        assert_eq!(state.on_progress(NodeId(2), Offset(20)), Some(Offset(10)));
    }
}
