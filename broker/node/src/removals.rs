//! Files that are out of use and stay a while for those who still read them
//! (`file.delete.delay.ms`).

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use kt_protocol::types::Millis;
use kt_storage::{Deletion, Disk, DiskError};

use crate::effect::Effect;
use crate::lock_rank::{Rank, RankedMutex};
use crate::log_directories::LogDirectory;
use crate::machine::Machine;

/// What is to be removed.
pub(crate) enum Removal {
    /// A deleted partition's directory, under its new name.
    Directory(PathBuf),
    /// Segments that left a log.
    Segments(Deletion),
}

impl Removal {
    /// Removes it; a job.
    pub(crate) fn carry_out(&self, disk: &dyn Disk) -> Result<(), DiskError> {
        match self {
            Removal::Directory(path) => disk.remove_directory(path),
            Removal::Segments(deletion) => deletion.carry_out(),
        }
    }
}

#[derive(Default)]
struct Waiting {
    /// By when they are due, and a number that keeps those of one time apart.
    due: BTreeMap<(Millis, u64), (Arc<LogDirectory>, Removal)>,
    next_number: u64,
}

/// What is to be removed later.
pub(crate) struct Removals {
    waiting: RankedMutex<Waiting>,
}

impl Removals {
    pub(crate) fn new() -> Removals {
        Removals { waiting: RankedMutex::new(Rank::Waiter, Waiting::default()) }
    }

    /// Removes it at `at`.
    pub(crate) fn add(
        &self,
        at: Millis,
        directory: Arc<LogDirectory>,
        removal: Removal,
        effects: &mut Vec<Effect>,
    ) {
        let mut waiting = self.waiting.lock();
        let is_first = waiting.due.keys().next().is_none_or(|(first, _)| at < *first);
        let number = waiting.next_number;
        waiting.next_number += 1;
        waiting.due.insert((at, number), (directory, removal));
        if is_first {
            effects.push(Effect::WakeAt(Machine::Removals.id(), at));
        }
    }

    /// Takes out what is due.
    pub(crate) fn take_due(
        &self,
        now: Millis,
        effects: &mut Vec<Effect>,
    ) -> Vec<(Arc<LogDirectory>, Removal)> {
        let mut waiting = self.waiting.lock();
        let mut due = Vec::new();
        while let Some(first) = waiting.due.first_entry() {
            let at = first.key().0;
            if now < at {
                effects.push(Effect::WakeAt(Machine::Removals.id(), at));
                break;
            }
            due.push(first.remove());
        }
        due
    }
}
