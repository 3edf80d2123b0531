//! A fetch session (KIP-227): what a client wants to hear of, and which of it is ready.
//!
//! A session registers with a partition once, not per poll. Whoever moves an offset there marks
//! the session's slot ready, and wakes the session if a poll waits in it; a poll looks only at what
//! is ready. A fetch without a session is a session of one poll.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use kt_protocol::error_code::ErrorCode;
use kt_protocol::types::{LeaderEpoch, Millis, Offset, Uuid};
use slab::Slab;

use crate::api::Context;
use crate::effect::Effect;
use crate::lock_rank::{Rank, RankedGuard, RankedMutex};
use crate::machine::Machine;
use crate::partition::Partition;
use crate::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// The epoch that asks for a new session.
pub(crate) const INITIAL_EPOCH: i32 = 0;
/// The epoch that ends a session, or asks for none.
pub(crate) const FINAL_EPOCH: i32 = -1;
/// No session.
pub(crate) const NO_SESSION: i32 = 0;

/// The epoch of the poll after this one. It wraps to 1: 0 asks for a new session.
pub(crate) fn next_epoch(epoch: i32) -> i32 {
    match epoch {
        FINAL_EPOCH => FINAL_EPOCH,
        i32::MAX => 1,
        _ => epoch + 1,
    }
}

/// How a client names a topic: by id from version 13 on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TopicKey {
    Id(Uuid),
    Name(String),
}

/// What a client wants of one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PartitionAsk {
    /// The first offset wanted.
    pub(crate) fetch_offset: Offset,
    /// The most bytes of it in one answer.
    pub(crate) max_bytes: u32,
    /// The leader epoch that the client knows; -1 asks for no check.
    pub(crate) current_leader_epoch: LeaderEpoch,
    /// The epoch of the last record that the client has; -1 asks for no check.
    pub(crate) last_fetched_epoch: LeaderEpoch,
}

/// What the client was last told of a partition: it hears of it again when this changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) high_watermark: Option<Offset>,
    pub(crate) log_start: Option<Offset>,
}

/// One partition in a session.
pub(crate) struct SessionPartition {
    pub(crate) topic: TopicKey,
    pub(crate) index: i32,
    pub(crate) ask: PartitionAsk,
    pub(crate) told: Told,
    /// Where the session is registered, once the partition was found.
    pub(crate) watched: Option<Arc<Partition>>,
    is_queued: bool,
}

/// How far transactions are seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Isolation {
    ReadUncommitted,
    ReadCommitted,
}

impl Isolation {
    pub(crate) fn from_wire(level: i8) -> Isolation {
        if level == 1 { Isolation::ReadCommitted } else { Isolation::ReadUncommitted }
    }
}

/// Which partitions an answer names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answers {
    /// All that were asked for.
    All,
    /// Those with news.
    News,
}

/// One Fetch request, waiting or being answered.
pub(crate) struct Poll {
    pub(crate) context: Context,
    pub(crate) min_bytes: u64,
    pub(crate) max_bytes: u64,
    pub(crate) isolation: Isolation,
    pub(crate) answers: Answers,
}

/// Slots that something happened to since the last look.
#[derive(Default)]
struct Ready {
    slots: Vec<u32>,
    /// One for each slot: it is in `slots`.
    is_marked: Vec<bool>,
    /// A poll waits, and nobody has woken it yet.
    is_wanted: bool,
}

/// What a session holds. All of it is guarded by one lock of rank shard.
pub(crate) struct SessionState {
    /// The epoch that the next poll has to name.
    pub(crate) next_epoch: i32,
    pub(crate) is_closed: bool,
    pub(crate) slots: Slab<SessionPartition>,
    by_topic: BTreeMap<TopicKey, BTreeMap<i32, u32>>,
    /// What the next poll looks at, each slot once. What was given goes to the end, so that every
    /// partition gets its turn.
    queue: VecDeque<u32>,
    /// The poll that waits.
    pub(crate) parked: Option<Poll>,
}

/// A fetch session.
pub(crate) struct FetchSession {
    /// Its number among the machines.
    number: u64,
    /// What the client calls it; [`NO_SESSION`] for one of one poll.
    pub(crate) id: i32,
    pub(crate) uses_topic_ids: bool,
    pub(crate) created: Millis,
    last_used: AtomicU64,
    size: AtomicU32,
    state: RankedMutex<SessionState>,
    ready: RankedMutex<Ready>,
}

impl FetchSession {
    /// A session without partitions.
    pub(crate) fn new(number: u64, id: i32, uses_topic_ids: bool, now: Millis) -> FetchSession {
        let state = SessionState {
            next_epoch: next_epoch(INITIAL_EPOCH),
            is_closed: false,
            slots: Slab::new(),
            by_topic: BTreeMap::new(),
            queue: VecDeque::new(),
            parked: None,
        };
        FetchSession {
            number,
            id,
            uses_topic_ids,
            created: now,
            last_used: AtomicU64::new(now.0),
            size: AtomicU32::new(0),
            state: RankedMutex::new(Rank::Shard, state),
            ready: RankedMutex::new(Rank::Waiter, Ready::default()),
        }
    }

    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// True for a session that the client does not know of.
    pub(crate) fn is_of_one_poll(&self) -> bool {
        self.id == NO_SESSION
    }

    pub(crate) fn lock(&self) -> RankedGuard<'_, SessionState> {
        self.state.lock()
    }

    /// Notes a use, for eviction.
    pub(crate) fn touch(&self, now: Millis, size: usize) {
        self.last_used.store(now.0, Ordering::Relaxed);
        self.size.store(u32::try_from(size).unwrap_or(u32::MAX), Ordering::Relaxed);
    }

    pub(crate) fn last_used(&self) -> Millis {
        Millis(self.last_used.load(Ordering::Relaxed))
    }

    pub(crate) fn size(&self) -> u32 {
        self.size.load(Ordering::Relaxed)
    }

    /// Something happened to a slot. Wakes the poll that waits, once.
    pub(crate) fn mark_ready(&self, slot: u32, effects: &mut Vec<Effect>) {
        let mut ready = self.ready.lock();
        let at = slot as usize;
        if ready.is_marked.len() <= at {
            ready.is_marked.resize(at + 1, false);
        }
        if !std::mem::replace(&mut ready.is_marked[at], true) {
            ready.slots.push(slot);
        }
        if std::mem::take(&mut ready.is_wanted) {
            effects.push(Effect::Wake(Machine::FetchSession(self.number).id()));
        }
    }

    /// Moves what is ready into the queue of `state`, which is this session's.
    pub(crate) fn take_ready(&self, state: &mut SessionState) {
        let slots = {
            let mut ready = self.ready.lock();
            ready.is_wanted = false;
            ready.is_marked.fill(false);
            std::mem::take(&mut ready.slots)
        };
        for slot in slots {
            state.enqueue(slot);
        }
    }

    /// Parks the poll, unless `look`, at what was marked meanwhile, answers it. `state` is this
    /// session's, and wakes can find the session.
    pub(crate) fn park(
        &self,
        state: &mut SessionState,
        poll: Poll,
        mut look: impl FnMut(&mut SessionState, &Poll) -> bool,
    ) {
        while !self.want_wake() {
            if look(state, &poll) {
                return;
            }
        }
        state.parked = Some(poll);
    }

    /// Asks to be woken by the next mark. False if there are marks already: look again first.
    fn want_wake(&self) -> bool {
        let mut ready = self.ready.lock();
        ready.is_wanted = ready.slots.is_empty();
        ready.is_wanted
    }
}

impl SessionState {
    /// Adds a partition or changes what is wanted of it; either way it is looked at next.
    pub(crate) fn ask(&mut self, topic: &TopicKey, index: i32, ask: PartitionAsk) {
        let known = self.by_topic.get(topic).and_then(|partitions| partitions.get(&index));
        let slot = match known {
            Some(slot) => {
                if let Some(partition) = self.slots.get_mut(*slot as usize) {
                    partition.ask = ask;
                }
                *slot
            }
            None => {
                let slot = self.slots.insert(SessionPartition {
                    topic: topic.clone(),
                    index,
                    ask,
                    told: Told::default(),
                    watched: None,
                    is_queued: false,
                }) as u32;
                self.by_topic.entry(topic.clone()).or_default().insert(index, slot);
                slot
            }
        };
        self.enqueue(slot);
    }

    /// Takes a partition out, for the caller to unregister.
    pub(crate) fn forget(
        &mut self,
        topic: &TopicKey,
        index: i32,
    ) -> Option<(u32, SessionPartition)> {
        let partitions = self.by_topic.get_mut(topic)?;
        let slot = partitions.remove(&index)?;
        if partitions.is_empty() {
            self.by_topic.remove(topic);
        }
        self.queue.retain(|queued| *queued != slot);
        Some((slot, self.slots.try_remove(slot as usize)?))
    }

    /// Ends the session of this state: no partition knows it any more.
    pub(crate) fn close(&mut self, session: &FetchSession) {
        self.is_closed = true;
        self.by_topic.clear();
        self.queue.clear();
        for (slot, partition) in &self.slots {
            if let Some(watched) = &partition.watched {
                watched.unwatch(session, slot as u32);
            }
        }
        self.slots.clear();
    }

    pub(crate) fn enqueue(&mut self, slot: u32) {
        if let Some(partition) = self.slots.get_mut(slot as usize)
            && !std::mem::replace(&mut partition.is_queued, true)
        {
            self.queue.push_back(slot);
        }
    }

    /// Takes the next slot to look at out of the queue.
    pub(crate) fn dequeue(&mut self) -> Option<u32> {
        let slot = self.queue.pop_front()?;
        if let Some(partition) = self.slots.get_mut(slot as usize) {
            partition.is_queued = false;
        }
        Some(slot)
    }
}

/// Checks that a poll continues a session.
///
/// # Errors
///
/// The error that the whole response has.
pub(crate) fn check_continues(
    session: &FetchSession,
    state: &SessionState,
    epoch: i32,
    uses_topic_ids: bool,
) -> Result<(), ErrorCode> {
    if state.is_closed {
        return Err(ErrorCode::FetchSessionIdNotFound);
    }
    if session.uses_topic_ids != uses_topic_ids {
        return Err(ErrorCode::FetchSessionTopicIdError);
    }
    if state.next_epoch != epoch {
        return Err(ErrorCode::InvalidFetchSessionEpoch);
    }
    Ok(())
}
