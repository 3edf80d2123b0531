//! Which log is cleaned next: the dirtiest of those that are due and nobody cleans yet
//! (`LogCleanerManager.grabFilthiestCompactedLog`).

use std::path::Path;
use std::sync::Arc;

use kt_protocol::types::{Offset, Timestamp};
use kt_storage::cleaner::{CleanerCheckpoint, CleaningView, Dirtiness};
use kt_storage::{DiskError, LogError};

use super::{Checkpoints, Shared};
use crate::effect::LogLevel;
use crate::partition::Partition;

/// A log to be cleaned, marked as being cleaned.
pub(super) struct Chosen {
    pub(super) partition: Arc<Partition>,
    pub(super) view: CleaningView,
    pub(super) dirtiness: Dirtiness,
}

impl Shared {
    /// Looks at all candidates. Gives the dirtiest that is due, and one that cannot be read.
    pub(super) fn choose(
        &self,
        candidates: &[Arc<Partition>],
        wall: Timestamp,
        notes: &mut Vec<(LogLevel, String)>,
    ) -> (Option<Chosen>, Option<(Arc<Partition>, LogError)>) {
        let mut dirtiest: Option<Chosen> = None;
        for partition in candidates {
            match self.look(partition, wall, notes) {
                Ok(Some(next)) => {
                    let is_dirtier = |it: &Chosen| it.dirtiness.ratio() < next.dirtiness.ratio();
                    if dirtiest.as_ref().is_none_or(is_dirtier) {
                        dirtiest = Some(next);
                    }
                }
                Ok(None) => {}
                Err(error) => return (None, Some((Arc::clone(partition), error))),
            }
        }
        let Some(chosen) = dirtiest else { return (None, None) };
        let is_free = self.state.lock().in_progress.insert(chosen.partition.key());
        (Some(chosen).filter(|_| is_free), None)
    }

    /// A log that is due, with how dirty it is.
    fn look(
        &self,
        partition: &Arc<Partition>,
        wall: Timestamp,
        notes: &mut Vec<(LogLevel, String)>,
    ) -> Result<Option<Chosen>, LogError> {
        let config = partition.config();
        {
            let state = self.state.lock();
            let key = partition.key();
            let is_same = |it: &Arc<_>| Arc::ptr_eq(it, &config);
            let is_uncleanable = state.uncleanable.get(&key).is_some_and(is_same);
            if is_uncleanable || state.in_progress.contains(&key) {
                return Ok(None);
            }
        }
        let directory = &partition.identity.directory;
        if directory.is_lost() {
            return Ok(None);
        }
        let Some(view) = partition.cleaning_view()? else { return Ok(None) };
        let last_clean = self.last_clean(partition, notes)?;
        let dirtiness = view.dirtiness(last_clean, wall)?;
        if dirtiness.resets_checkpoint {
            self.set_checkpoint(partition, dirtiness.first_dirty_offset)?;
        }
        let is_due = dirtiness.is_due(config.min_cleanable_dirty_ratio);
        let chosen = Chosen { partition: Arc::clone(partition), view, dirtiness };
        Ok(Some(chosen).filter(|_| is_due))
    }

    /// Up to where a log is cleaned, as its directory's file says. The file is read when it is
    /// first asked for.
    fn last_clean(
        &self,
        partition: &Partition,
        notes: &mut Vec<(LogLevel, String)>,
    ) -> Result<Option<Offset>, DiskError> {
        let directory = partition.identity.directory.path();
        let mut checkpoints = self.checkpoints.lock();
        let checkpoint = self.checkpoint(&mut checkpoints, directory, notes)?;
        Ok(checkpoint.of(partition.name()))
    }

    fn checkpoint<'a>(
        &self,
        checkpoints: &'a mut Checkpoints,
        directory: &Path,
        notes: &mut Vec<(LogLevel, String)>,
    ) -> Result<&'a mut CleanerCheckpoint, DiskError> {
        if !checkpoints.contains_key(directory) {
            let (checkpoint, damage) = CleanerCheckpoint::load(&*self.disk, directory)?;
            if let Some(damage) = damage {
                notes.push((LogLevel::Warn, format!("{damage}; compacted logs are cleaned anew")));
            }
            checkpoints.insert(directory.to_owned(), checkpoint);
        }
        Ok(checkpoints.get_mut(directory).expect("it was put there"))
    }

    /// Has the file say that a log is cleaned up to `offset`.
    pub(super) fn set_checkpoint(
        &self,
        partition: &Partition,
        offset: Offset,
    ) -> Result<(), DiskError> {
        let directory = partition.identity.directory.path();
        let mut checkpoints = self.checkpoints.lock();
        let checkpoint = self.checkpoint(&mut checkpoints, directory, &mut Vec::new())?;
        checkpoint.set(&*self.disk, partition.name(), offset)
    }

    /// Has the file forget a partition.
    pub(super) fn forget(&self, partition: &Partition) -> Result<(), DiskError> {
        let directory = partition.identity.directory.path();
        self.state.lock().uncleanable.remove(&partition.key());
        let mut checkpoints = self.checkpoints.lock();
        let checkpoint = self.checkpoint(&mut checkpoints, directory, &mut Vec::new())?;
        checkpoint.retain(&*self.disk, |it| it != partition.name())
    }
}
