//! Answers that wait until this broker serves what was made: a topic that was created is usable at
//! once.

use std::collections::BTreeSet;

use kt_protocol::types::{PartitionIndex, Uuid};

use crate::lock_rank::{Rank, RankedMutex};
use crate::metadata_log::Done;

/// A partition by its topic's id.
pub(crate) type PartitionKey = (Uuid, PartitionIndex);

struct ServedWaiter {
    pending: BTreeSet<PartitionKey>,
    done: Done,
}

/// Who waits for partitions to be served.
pub(crate) struct ServedWaiters {
    waiters: RankedMutex<Vec<ServedWaiter>>,
}

impl ServedWaiters {
    pub(crate) fn new() -> ServedWaiters {
        ServedWaiters { waiters: RankedMutex::new(Rank::Waiter, Vec::new()) }
    }

    /// Waits for all of `pending`. The caller then calls [`ServedWaiters::settled`] for those that
    /// are served already: one that came between is not missed.
    pub(crate) fn wait(&self, pending: BTreeSet<PartitionKey>, done: Done) {
        self.waiters.lock().push(ServedWaiter { pending, done });
    }

    /// A partition is served, or never will be: gives what nobody waits for any more.
    pub(crate) fn settled(&self, partition: PartitionKey) -> Vec<Done> {
        let mut waiters = self.waiters.lock();
        for waiter in waiters.iter_mut() {
            waiter.pending.remove(&partition);
        }
        let over = waiters.extract_if(.., |waiter| waiter.pending.is_empty());
        over.map(|waiter| waiter.done).collect()
    }
}
