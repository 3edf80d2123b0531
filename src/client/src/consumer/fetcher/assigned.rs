//! A partition that is read, with what was fetched of it and not given yet.

use std::collections::VecDeque;
use std::sync::Arc;

use kt_protocol::types::{Millis, NodeId, Offset, TopicPartition, Uuid};

use super::position::{Leader, Phase};
use super::{Position, RequestId, Start};
use crate::admin::Isolation;
use crate::backoff::Backoff;
use crate::consumer::offset_store::Continuity;
use crate::consumer::records::{FetchedRecords, Marks};

/// Answers of a broker that wait for one partition: the one that is being given, and one ahead.
const CHUNKS_MAX: usize = 2;

/// What waits of one answer.
#[derive(Debug)]
pub(super) struct Chunk {
    pub(super) records: FetchedRecords,
    /// The answer that keeps the bytes in memory.
    pub(super) frame: u64,
}

#[derive(Debug)]
pub(super) struct Assigned {
    pub(super) partition: Arc<TopicPartition>,
    pub(super) phase: Phase,
    pub(super) is_paused: bool,
    /// The next offset to fetch.
    pub(super) position: Position,
    /// The next offset to give.
    pub(super) given: Option<Position>,
    /// What the caller says it has done.
    pub(super) processed: Option<Offset>,
    pub(super) chunks: VecDeque<Chunk>,
    pub(super) marks: Option<Marks>,
    pub(super) leader: Option<Leader>,
    /// Of the topic that the position is in.
    pub(super) topic_id: Uuid,
    /// Of the topic that had the name before this one, if it was read.
    pub(super) former_topic: Option<Uuid>,
    /// Another replica that the leader named, until then.
    pub(super) preferred: Option<(NodeId, Millis)>,
    /// The replica that the caller named.
    pub(super) pinned: Option<NodeId>,
    /// A question for its position that is under way.
    pub(super) asked: Option<RequestId>,
    pub(super) backoff: Backoff,
    /// Not before this.
    pub(super) retry_at: Option<Millis>,
    /// Since when nothing but errors came.
    pub(super) failing_since: Option<Millis>,
    /// When it was last served: who waits longest comes first.
    pub(super) served: u64,
    /// The position that a store had, and what may be missing behind it.
    pub(super) stored: Option<(Position, Continuity)>,
    /// The end that was told last: position and end.
    pub(super) told: Option<(Offset, Offset)>,
}

impl Assigned {
    pub(super) fn new(partition: &TopicPartition, backoff: Backoff) -> Assigned {
        Assigned {
            partition: Arc::new(partition.clone()),
            phase: Phase::Failed,
            is_paused: false,
            position: Position::default(),
            given: None,
            processed: None,
            chunks: VecDeque::new(),
            marks: None,
            leader: None,
            topic_id: Uuid::ZERO,
            former_topic: None,
            preferred: None,
            pinned: None,
            asked: None,
            backoff,
            retry_at: None,
            failing_since: None,
            served: 0,
            stored: None,
            told: None,
        }
    }

    /// Begins anew. What was fetched must have been dropped before.
    pub(super) fn start(&mut self, start: Start) {
        self.asked = None;
        self.told = None;
        self.processed = None;
        self.stored = None;
        self.succeed();
        match start {
            Start::Position(position) => self.settle(position),
            Start::Stored(position, continuity) => {
                self.stored = Some((position, continuity));
                self.settle(position);
            }
            start => {
                self.given = None;
                self.phase = Phase::Reset(start);
            }
        }
    }

    /// Has a position, which is to be validated if that can be.
    pub(super) fn settle(&mut self, position: Position) {
        self.position = position;
        self.given = Some(position);
        self.phase = self.phase_at(position);
    }

    /// Goes on at a position that is known to be good.
    pub(super) fn settle_at(&mut self, position: Position) {
        self.succeed();
        self.position = position;
        self.given = Some(position);
        self.phase = Phase::Fetch;
    }

    /// Validation needs the epoch of what was read and a leader to ask.
    pub(super) fn phase_at(&self, position: Position) -> Phase {
        match (position.leader_epoch, self.leader) {
            (Some(_), Some(leader)) if 0 <= leader.epoch.0 => Phase::Validate,
            _ => Phase::Fetch,
        }
    }

    /// Forgets the failures.
    pub(super) fn succeed(&mut self) {
        self.backoff.reset();
        self.retry_at = None;
        self.failing_since = None;
    }

    pub(super) fn is_due(&self, now: Millis) -> bool {
        self.retry_at.is_none_or(|at| at <= now)
    }

    pub(super) fn is_full(&self) -> bool {
        CHUNKS_MAX <= self.chunks.len()
    }

    /// The first offset that the reader may not see yet, as far as is known.
    pub(super) fn end(&self, isolation: Isolation) -> Option<Offset> {
        self.marks.map(|marks| marks.end(isolation))
    }
}
