//! The fetch sessions that clients may come back to, under a bound, and those that wait.
//!
//! Kafka's `FetchSessionCache`: a full cache makes room by the session that was not used for two
//! minutes, else by a smaller and older one; if there is none, the new session is not kept, which
//! costs the client a full fetch each time and nothing else.

use std::sync::Arc;

use hashbrown::HashMap;
use kt_protocol::types::Millis;

use crate::fetch_session::{FetchSession, NO_SESSION};
use crate::lock_rank::{Rank, RankedMutex};

/// As many parts as Kafka's cache has, so that polls seldom meet at a lock.
const SHARDS: usize = 8;

/// For how long a session is safe from eviction after its last use, or from a larger one after it
/// was made.
const EVICTION_MS: u64 = 120_000;

type Map<K> = HashMap<K, Arc<FetchSession>, foldhash::fast::FixedState>;

/// All sessions.
pub(crate) struct FetchSessions {
    slots_per_shard: usize,
    kept: [RankedMutex<Map<i32>>; SHARDS],
    waiting: [RankedMutex<Map<u64>>; SHARDS],
}

/// What became of a new session.
pub(crate) struct Kept {
    /// True if the client may come back to it.
    pub(crate) is_kept: bool,
    /// The session that made room for it; the caller closes it.
    pub(crate) evicted: Option<Arc<FetchSession>>,
}

impl FetchSessions {
    /// Keeps up to `slots` sessions (`max.incremental.fetch.session.cache.slots`).
    pub(crate) fn new(slots: usize) -> FetchSessions {
        FetchSessions {
            slots_per_shard: slots.div_ceil(SHARDS),
            kept: std::array::from_fn(|_| RankedMutex::new(Rank::Waiter, Map::default())),
            waiting: std::array::from_fn(|_| RankedMutex::new(Rank::Waiter, Map::default())),
        }
    }

    /// Finds an id that nobody has, out of `random` numbers; none if the cache takes no sessions.
    pub(crate) fn free_id(&self, mut random: impl FnMut() -> u64) -> i32 {
        if self.slots_per_shard == 0 {
            return NO_SESSION;
        }
        loop {
            let id = (random() & 0x7fff_ffff) as i32;
            if id != NO_SESSION && self.find(id).is_none() {
                return id;
            }
        }
    }

    fn shard_of(&self, id: i32) -> &RankedMutex<Map<i32>> {
        &self.kept[id as usize % SHARDS]
    }

    /// The session of this id.
    pub(crate) fn find(&self, id: i32) -> Option<Arc<FetchSession>> {
        self.shard_of(id).lock().get(&id).cloned()
    }

    /// Keeps a session, if there is room for it.
    pub(crate) fn keep(&self, session: &Arc<FetchSession>, now: Millis) -> Kept {
        let mut shard = self.shard_of(session.id).lock();
        let mut evicted = None;
        if self.slots_per_shard <= shard.len() {
            let Some(id) = victim(&shard, session, now) else {
                return Kept { is_kept: false, evicted };
            };
            evicted = shard.remove(&id);
        }
        shard.insert(session.id, Arc::clone(session));
        Kept { is_kept: true, evicted }
    }

    /// Takes out the session of this id; the caller closes it.
    pub(crate) fn remove(&self, id: i32) -> Option<Arc<FetchSession>> {
        self.shard_of(id).lock().remove(&id)
    }

    /// A poll waits in the session: wakes must find it.
    pub(crate) fn begin_wait(&self, session: &Arc<FetchSession>) {
        let number = session.number();
        self.waiting[number as usize % SHARDS].lock().insert(number, Arc::clone(session));
    }

    /// No poll waits in the session any more.
    pub(crate) fn end_wait(&self, number: u64) {
        self.waiting[number as usize % SHARDS].lock().remove(&number);
    }

    /// The session of this machine number, if a poll waits in it.
    pub(crate) fn waiting(&self, number: u64) -> Option<Arc<FetchSession>> {
        self.waiting[number as usize % SHARDS].lock().get(&number).cloned()
    }

    /// How many sessions are kept, for metrics.
    pub(crate) fn len(&self) -> usize {
        self.kept.iter().map(|shard| shard.lock().len()).sum()
    }
}

/// Which session makes room, if any may. Ties go to the lower id, so that the choice does not
/// depend on the map's order.
fn victim(shard: &Map<i32>, session: &FetchSession, now: Millis) -> Option<i32> {
    let least_used = shard.values().min_by_key(|it| (it.last_used(), it.id))?;
    if EVICTION_MS < now - least_used.last_used() {
        return Some(least_used.id);
    }
    let smallest = shard.values().min_by_key(|it| (it.size(), it.last_used(), it.id))?;
    let is_old = EVICTION_MS < now - smallest.created;
    (smallest.size() < session.size() && is_old).then_some(smallest.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(id: i32, created: u64, used: u64, size: usize) -> Arc<FetchSession> {
        let session = FetchSession::new(id as u64, id, true, Millis(created));
        session.touch(Millis(used), size);
        Arc::new(session)
    }

    #[test]
    fn a_full_cache_evicts_the_unused_then_the_small_and_old() {
        let sessions = FetchSessions::new(16);
        // Ids that are 1 modulo 8 share a shard of two slots.
        assert!(sessions.keep(&session(1, 0, 100_000, 5), Millis(0)).is_kept);
        assert!(sessions.keep(&session(9, 0, 0, 50), Millis(0)).is_kept);
        assert!(sessions.keep(&session(2, 0, 0, 50), Millis(0)).is_kept);

        let kept = sessions.keep(&session(17, 100_000, 100_000, 10), Millis(100_000));
        assert!(!kept.is_kept && kept.evicted.is_none());

        let kept = sessions.keep(&session(17, 120_001, 120_001, 10), Millis(120_001));
        assert_eq!(kept.evicted.map(|it| it.id), Some(9));

        let kept = sessions.keep(&session(25, 130_000, 130_000, 6), Millis(130_000));
        assert_eq!(kept.evicted.map(|it| it.id), Some(1));
        let kept = sessions.keep(&session(33, 130_000, 130_000, 6), Millis(130_000));
        assert!(!kept.is_kept, "as large as the smallest, which is not old");
        assert_eq!(sessions.len(), 3);
    }

    #[test]
    fn ids_are_positive_and_free() {
        let sessions = FetchSessions::new(16);
        sessions.keep(&session(5, 0, 0, 1), Millis(0));
        let mut numbers = [0u64, 5, 0x8000_0000, 0x8000_0006].into_iter();
        assert_eq!(sessions.free_id(|| numbers.next().unwrap()), 6);
        assert_eq!(FetchSessions::new(0).free_id(|| 1), NO_SESSION);
    }
}
