//! Purgatory: requests whose answers wait for an offset, each answered once or never.
//!
//! A [`Waiter`] counts the partitions it still waits for. Whoever moves an offset takes what is
//! due out of the partition, lets go of its lock, and fills in the waiter's parts; the last part
//! gives the answer. The deadline and the closed connection find the waiter by its place on the
//! connection, and set `done` first: what comes later finds it done.

use std::cmp::Ordering as Order;
use std::sync::Arc;

use hashbrown::HashMap;
use kt_protocol::error_code::ErrorCode;
use kt_protocol::types::{Offset, Timestamp};
use smallvec::SmallVec;

use crate::effect::Effect;
use crate::fetch_session::FetchSession;
use crate::input::{ConnectionId, ReplyTo};
use crate::lock_rank::{Rank, RankedMutex};
use crate::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// What one partition of a Produce request came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PartitionReply {
    /// What went wrong; of a part that is waited for, what to say if it never comes.
    pub(crate) error: ErrorCode,
    /// Where the batch stands; -1 if nowhere.
    pub(crate) base_offset: Offset,
    /// When it was appended, where the topic says LogAppendTime.
    pub(crate) log_append_time: Timestamp,
    /// The partition's first offset.
    pub(crate) log_start_offset: Offset,
    /// Details of the error for a person.
    pub(crate) message: Option<String>,
    /// Which records of the batch are to blame, and why.
    pub(crate) records: Vec<(i32, String)>,
}

impl PartitionReply {
    /// A part that failed.
    pub(crate) fn failed(error: ErrorCode, message: Option<String>) -> PartitionReply {
        PartitionReply {
            error,
            base_offset: Offset(-1),
            log_append_time: Timestamp::NONE,
            log_start_offset: Offset(-1),
            message,
            records: Vec::new(),
        }
    }
}

/// Makes the answer of all parts.
type Finish = Box<dyn FnOnce(Vec<PartitionReply>) -> Effect + Send>;

struct Parts {
    replies: Vec<PartitionReply>,
    finish: Option<Finish>,
}

/// A Produce request that waits for the high watermark.
pub(crate) struct Waiter {
    reply_to: ReplyTo,
    left: AtomicU32,
    done: AtomicBool,
    parts: RankedMutex<Parts>,
}

impl Waiter {
    /// A waiter for `left` parts more. `replies` holds a reply for each part of the request, in
    /// its order: final ones, and for those waited for what is said if they never come.
    pub(crate) fn new(
        reply_to: ReplyTo,
        left: u32,
        replies: Vec<PartitionReply>,
        finish: impl FnOnce(Vec<PartitionReply>) -> Effect + Send + 'static,
    ) -> Arc<Waiter> {
        assert!(0 < left, "a waiter that waits for nothing is an answer");
        let parts = Parts { replies, finish: Some(Box::new(finish)) };
        Arc::new(Waiter {
            reply_to,
            left: AtomicU32::new(left),
            done: AtomicBool::new(false),
            parts: RankedMutex::new(Rank::Waiter, parts),
        })
    }

    /// Where the answer goes.
    pub(crate) fn reply_to(&self) -> ReplyTo {
        self.reply_to
    }

    /// Part `at` came to `error` (or none). Gives the answer if it was the last.
    pub(crate) fn fill(&self, at: u32, error: ErrorCode) -> Option<Effect> {
        if self.done.load(Ordering::Acquire) {
            return None;
        }
        {
            let mut parts = self.parts.lock();
            if let Some(reply) = parts.replies.get_mut(at as usize) {
                reply.error = error;
            }
        }
        let before = self.left.fetch_sub(1, Ordering::AcqRel);
        assert!(0 < before, "each part is filled once");
        if before == 1 { self.finish() } else { None }
    }

    /// Answers now, whatever is missing; nothing if it was answered or given up before.
    pub(crate) fn finish(&self) -> Option<Effect> {
        if self.done.swap(true, Ordering::AcqRel) {
            return None;
        }
        let (replies, finish) = {
            let mut parts = self.parts.lock();
            (std::mem::take(&mut parts.replies), parts.finish.take())
        };
        finish.map(|finish| finish(replies))
    }

    /// Gives up: nobody reads the answer.
    pub(crate) fn give_up(&self) {
        self.done.store(true, Ordering::Release);
    }
}

/// A waiter, parked in a partition until its high watermark reaches `end`.
pub(crate) struct ParkedProduce {
    /// What the high watermark has to reach.
    pub(crate) end: Offset,
    /// Who waits.
    pub(crate) waiter: Arc<Waiter>,
    /// Which of its parts.
    pub(crate) at: u32,
}

impl PartialEq for ParkedProduce {
    fn eq(&self, other: &ParkedProduce) -> bool {
        self.end == other.end
    }
}

impl Eq for ParkedProduce {}

impl PartialOrd for ParkedProduce {
    fn partial_cmp(&self, other: &ParkedProduce) -> Option<Order> {
        Some(self.cmp(other))
    }
}

impl Ord for ParkedProduce {
    /// The lowest end is the greatest: a heap gives it first.
    fn cmp(&self, other: &ParkedProduce) -> Order {
        other.end.cmp(&self.end)
    }
}

/// A request that can expire, or lose its connection.
pub(crate) enum Waiting {
    /// A Produce.
    Produce(Arc<Waiter>),
    /// A Fetch: its poll waits in a session.
    Fetch(Arc<FetchSession>),
}

/// How many parts the table has, so that connections seldom meet at a lock.
const SHARDS: usize = 16;

type OfConnection = SmallVec<[(u64, Waiting); 2]>;
type Shard = HashMap<ConnectionId, OfConnection, foldhash::fast::FixedState>;

/// Who waits, by connection and place on it. Bounded by what each connection may have in flight.
pub(crate) struct Purgatory {
    shards: [RankedMutex<Shard>; SHARDS],
}

impl Purgatory {
    /// Nobody waits.
    pub(crate) fn new() -> Purgatory {
        let shard = |_| RankedMutex::new(Rank::Waiter, Shard::default());
        Purgatory { shards: std::array::from_fn(shard) }
    }

    fn shard(&self, connection: ConnectionId) -> &RankedMutex<Shard> {
        &self.shards[connection.0 as usize % SHARDS]
    }

    /// Someone waits.
    pub(crate) fn park(&self, reply_to: ReplyTo, waiting: Waiting) {
        let mut shard = self.shard(reply_to.connection).lock();
        shard.entry(reply_to.connection).or_default().push((reply_to.sequence, waiting));
    }

    /// Takes out who waits at this place, if anybody does.
    pub(crate) fn take(&self, reply_to: ReplyTo) -> Option<Waiting> {
        let mut shard = self.shard(reply_to.connection).lock();
        let of_connection = shard.get_mut(&reply_to.connection)?;
        let at = of_connection.iter().position(|(sequence, _)| *sequence == reply_to.sequence)?;
        let (_, waiting) = of_connection.swap_remove(at);
        if of_connection.is_empty() {
            shard.remove(&reply_to.connection);
        }
        Some(waiting)
    }

    /// Takes out all who wait on a connection.
    pub(crate) fn take_connection(&self, connection: ConnectionId) -> OfConnection {
        self.shard(connection).lock().remove(&connection).unwrap_or_default()
    }

    /// Fills a part of a produce that waited: it came to `error` (or none). Gives the answer if
    /// it was the last.
    pub(crate) fn fill(&self, parked: &ParkedProduce, error: ErrorCode) -> Option<Effect> {
        let reply = parked.waiter.fill(parked.at, error)?;
        drop(self.take(parked.waiter.reply_to()));
        Some(reply)
    }

    /// How many wait, for metrics.
    pub(crate) fn len(&self) -> usize {
        let count = |shard: &RankedMutex<Shard>| -> usize {
            shard.lock().values().map(|of_connection| of_connection.len()).sum()
        };
        self.shards.iter().map(count).sum()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BinaryHeap;

    use proptest::prelude::*;

    use super::*;

    fn reply_to(sequence: u64) -> ReplyTo {
        ReplyTo { connection: ConnectionId(1), sequence }
    }

    /// A waiter whose answer lists its parts' error codes in the lengths of chunks.
    fn waiter(parts: u32) -> Arc<Waiter> {
        let pending = PartitionReply::failed(ErrorCode::RequestTimedOut, None);
        Waiter::new(reply_to(0), parts, vec![pending; parts as usize], |replies| {
            let codes = replies.iter().map(|reply| reply.error as i16 as u8).collect::<Vec<u8>>();
            let chunks = SmallVec::from_iter([crate::Chunk::Bytes(codes.into())]);
            Effect::Reply(reply_to(0), crate::Reply { chunks })
        })
    }

    fn codes(reply: &Effect) -> Vec<u8> {
        let Effect::Reply(_, reply) = reply else { panic!("{reply:?}") };
        match &reply.chunks[0] {
            crate::Chunk::Bytes(bytes) => bytes.to_vec(),
            crate::Chunk::File(_) => panic!("memory only"),
        }
    }

    #[test]
    fn the_last_part_answers() {
        let waiter = waiter(2);
        assert!(waiter.fill(1, ErrorCode::None).is_none());
        let reply = waiter.fill(0, ErrorCode::NotLeaderOrFollower).unwrap();
        assert_eq!(codes(&reply), [6, 0]);
        assert!(waiter.finish().is_none());
    }

    #[test]
    fn a_deadline_answers_with_what_is_missing() {
        let waiter = waiter(2);
        assert!(waiter.fill(0, ErrorCode::None).is_none());
        assert_eq!(codes(&waiter.finish().unwrap()), [0, 7]);
        assert!(waiter.fill(1, ErrorCode::None).is_none());
    }

    #[test]
    fn a_closed_connection_is_never_answered() {
        let waiter = waiter(1);
        waiter.give_up();
        assert!(waiter.fill(0, ErrorCode::None).is_none());
        assert!(waiter.finish().is_none());
    }

    #[test]
    fn the_lowest_end_is_due_first() {
        let waiter = waiter(3);
        let mut heap: BinaryHeap<ParkedProduce> = [30, 10, 20]
            .map(|end| ParkedProduce { end: Offset(end), waiter: Arc::clone(&waiter), at: 0 })
            .into();
        let ends: Vec<i64> = std::iter::from_fn(|| Some(heap.pop()?.end.0)).collect();
        assert_eq!(ends, [10, 20, 30]);
    }

    #[derive(Clone, Debug)]
    enum Step {
        Fill(u32),
        Expire,
        Close,
    }

    proptest! {
        /// Whatever the order, a request is answered once at the most; never after it was closed,
        /// and always by its last part or its deadline.
        #[test]
        fn answered_once_or_never(
            parts in 1u32..6,
            order in prop::collection::vec(any::<u32>(), 8),
            expires_at in 0usize..8,
            closes_at in 0usize..16,
        ) {
            let waiter = waiter(parts);
            let mut steps: Vec<Step> = (0..parts).map(Step::Fill).collect();
            steps.sort_by_key(|step| match step {
                Step::Fill(at) => order[*at as usize],
                Step::Expire | Step::Close => 0,
            });
            steps.insert(expires_at.min(steps.len()), Step::Expire);
            let closes = closes_at <= steps.len();
            if closes {
                steps.insert(closes_at, Step::Close);
            }
            let mut answers = 0;
            let mut is_closed = false;
            for step in steps {
                let reply = match step {
                    Step::Fill(at) => waiter.fill(at, ErrorCode::None),
                    Step::Expire => waiter.finish(),
                    Step::Close => {
                        waiter.give_up();
                        is_closed = true;
                        None
                    }
                };
                prop_assert!(reply.is_none() || !is_closed);
                answers += usize::from(reply.is_some());
            }
            prop_assert!(answers <= 1);
            prop_assert!(answers == 1 || closes);
        }
    }
}
