//! The log directories of this broker (`log.dirs`): which are there, and which are lost.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use kt_protocol::types::Uuid;

/// One log directory.
#[derive(Debug)]
pub(crate) struct LogDirectory {
    path: PathBuf,
    /// Its `directory.id` (KIP-858).
    pub(crate) id: Uuid,
    is_lost: AtomicBool,
    partitions: AtomicUsize,
    /// How many of the partitions that were found here at the start are not open yet.
    unrecovered: AtomicUsize,
}

impl LogDirectory {
    /// A directory that is in order.
    pub(crate) fn new(path: PathBuf, id: Uuid) -> LogDirectory {
        LogDirectory {
            path,
            id,
            is_lost: AtomicBool::new(false),
            partitions: AtomicUsize::new(0),
            unrecovered: AtomicUsize::new(0),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether an I/O error has taken it offline.
    pub(crate) fn is_lost(&self) -> bool {
        self.is_lost.load(Ordering::Acquire)
    }

    /// Takes it offline, for good in this run. False if it was offline before.
    pub(crate) fn lose(&self) -> bool {
        !self.is_lost.swap(true, Ordering::AcqRel)
    }

    /// How many partitions it holds: a new one goes where the fewest are.
    pub(crate) fn partitions(&self) -> usize {
        self.partitions.load(Ordering::Relaxed)
    }

    pub(crate) fn partition_came(&self) {
        self.partitions.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn partition_went(&self) {
        self.partitions.fetch_sub(1, Ordering::Relaxed);
    }

    /// So many partitions were found here.
    pub(crate) fn set_unrecovered(&self, count: usize) {
        self.unrecovered.store(count, Ordering::Release);
    }

    /// Whether none of them is left to be opened.
    pub(crate) fn is_recovered(&self) -> bool {
        self.unrecovered.load(Ordering::Acquire) == 0
    }

    /// One of them was opened, or set aside. True if it was the last.
    pub(crate) fn recovered_one(&self) -> bool {
        self.unrecovered.fetch_sub(1, Ordering::AcqRel) == 1
    }
}
