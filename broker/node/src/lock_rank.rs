//! Locks with ranks: taken in rising rank, one per rank, and nobody lives on after a panic under one.
//!
//! Two threads that take the same locks in different orders wait for each other for ever. Here
//! every lock has a rank, a thread may only take a rank above all those it holds, and builds with
//! debug assertions check each `lock`.

#[cfg(debug_assertions)]
use std::cell::Cell;
use std::ops::{Deref, DerefMut};

use crate::sync::{Mutex, MutexGuard};

/// The order in which a thread takes locks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    /// Machines: the controller, the broker's view of the metadata, fetch sessions.
    Shard = 1,
    /// Writers of logs: a partition's, the metadata quorum's.
    Log = 2,
    /// What a log publishes: offsets, segments, who waits for them.
    Published = 3,
    /// Who waits: a leaf, held for memory only.
    Waiter = 4,
}

#[cfg(all(debug_assertions, not(loom)))]
thread_local! {
    /// One bit for each rank that this thread holds.
    static HELD: Cell<u8> = const { Cell::new(0) };
}

#[cfg(all(debug_assertions, loom))]
loom::thread_local! {
    static HELD: Cell<u8> = Cell::new(0);
}

/// A mutex with a place in the order.
#[derive(Debug)]
pub(crate) struct RankedMutex<T> {
    #[cfg(debug_assertions)]
    rank: Rank,
    value: Mutex<T>,
}

/// The lock, held.
pub(crate) struct RankedGuard<'a, T> {
    #[cfg(debug_assertions)]
    rank: Rank,
    value: MutexGuard<'a, T>,
}

impl<T> RankedMutex<T> {
    /// A lock of this rank.
    #[cfg_attr(not(debug_assertions), expect(unused_variables, reason = "nobody checks it"))]
    pub(crate) fn new(rank: Rank, value: T) -> RankedMutex<T> {
        RankedMutex {
            #[cfg(debug_assertions)]
            rank,
            value: Mutex::new(value),
        }
    }

    /// Takes the lock.
    ///
    /// # Panics
    ///
    /// With debug assertions, if this thread holds a lock of this rank or above.
    pub(crate) fn lock(&self) -> RankedGuard<'_, T> {
        #[cfg(debug_assertions)]
        {
            let held = HELD.with(Cell::get);
            let bit = 1 << self.rank as u8;
            assert!(held < bit, "{:?} is locked while ranks {held:#b} are held", self.rank);
            HELD.with(|it| it.set(held | bit));
        }
        RankedGuard {
            #[cfg(debug_assertions)]
            rank: self.rank,
            value: self.value.lock(),
        }
    }
}

impl<T> Drop for RankedGuard<'_, T> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // What the lock guards was being changed: nobody may see it half done.
            std::process::abort();
        }
        #[cfg(debug_assertions)]
        HELD.with(|it| it.set(it.get() & !(1 << self.rank as u8)));
    }
}

impl<T> Deref for RankedGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for RankedGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_rise_and_may_skip() {
        let shard = RankedMutex::new(Rank::Shard, 1);
        let waiter = RankedMutex::new(Rank::Waiter, 2);
        for _ in 0..2 {
            let one = shard.lock();
            let two = waiter.lock();
            assert_eq!(*one + *two, 3);
        }
        drop(waiter.lock());
        drop(shard.lock());
    }

    #[test]
    #[cfg(debug_assertions)]
    fn a_falling_or_equal_rank_is_a_bug() {
        for (first, second) in [(Rank::Log, Rank::Shard), (Rank::Log, Rank::Log)] {
            let second = RankedMutex::new(second, ());
            HELD.with(|it| it.set(1 << first as u8));
            let lock = std::panic::AssertUnwindSafe(|| drop(second.lock()));
            let refused = std::panic::catch_unwind(lock);
            HELD.with(|it| it.set(0));
            assert!(refused.is_err());
        }
    }
}
