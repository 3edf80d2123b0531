//! `cleaner-offset-checkpoint`: up to where each log of a directory is cleaned. Kafka's
//! `LogCleanerManager.updateCheckpoints`.

use std::path::{Path, PathBuf};

use kt_protocol::types::{Offset, TopicPartition};

use crate::checkpoints::{self, CLEANER, OffsetCheckpoint};
use crate::disk::{Disk, DiskError};
use crate::small_file_error::SmallFileError;

/// Up to where each log of a log directory is cleaned: what the file says.
///
/// Each change is durable when it returns. One for a log directory, behind a lock of its own.
#[derive(Clone, Debug)]
pub struct CleanerCheckpoint {
    path: PathBuf,
    offsets: OffsetCheckpoint,
}

impl CleanerCheckpoint {
    /// Reads the file of a log directory. A damaged one says nothing, and why: all logs count as
    /// never cleaned, which costs time and no data.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn load(
        disk: &dyn Disk,
        log_directory: &Path,
    ) -> Result<(CleanerCheckpoint, Option<SmallFileError>), DiskError> {
        let path = log_directory.join(CLEANER);
        let (offsets, damage) = match checkpoints::read(disk, &path) {
            Ok(offsets) => (offsets, None),
            Err(SmallFileError::Disk(error)) => return Err(error),
            Err(damage @ SmallFileError::Damaged { .. }) => (OffsetCheckpoint::new(), Some(damage)),
        };
        Ok((CleanerCheckpoint { path, offsets }, damage))
    }

    /// Up to where the log of `partition` is cleaned; none if it never was.
    pub fn of(&self, partition: &TopicPartition) -> Option<Offset> {
        self.offsets.get(partition).copied()
    }

    /// Notes that a pass has cleaned up to `offset`, or that an offset was forced back.
    ///
    /// # Errors
    /// Those of the disk; the file and this say what they said.
    pub fn set(
        &mut self,
        disk: &dyn Disk,
        partition: &TopicPartition,
        offset: Offset,
    ) -> Result<(), DiskError> {
        let mut offsets = self.offsets.clone();
        offsets.insert(partition.clone(), offset);
        self.replace(disk, offsets)
    }

    /// Has the file say no more than `end` of a log that is about to be truncated to there: between
    /// [`crate::Log::prepare_truncation`] and [`crate::Log::truncate_to`]. Writes only if it says
    /// more.
    ///
    /// # Errors
    /// Those of the disk: the log is not to be truncated then.
    pub fn lower(
        &mut self,
        disk: &dyn Disk,
        partition: &TopicPartition,
        end: Offset,
    ) -> Result<(), DiskError> {
        match self.of(partition) {
            Some(offset) if end < offset => self.set(disk, partition, end),
            _ => Ok(()),
        }
    }

    /// Forgets logs that have left the directory, or are not compacted any more.
    ///
    /// # Errors
    /// Those of the disk; the file and this say what they said.
    pub fn retain(
        &mut self,
        disk: &dyn Disk,
        is_kept: impl Fn(&TopicPartition) -> bool,
    ) -> Result<(), DiskError> {
        let mut offsets = self.offsets.clone();
        offsets.retain(|partition, _| is_kept(partition));
        match offsets.len() == self.offsets.len() {
            true => Ok(()),
            false => self.replace(disk, offsets),
        }
    }

    fn replace(&mut self, disk: &dyn Disk, offsets: OffsetCheckpoint) -> Result<(), DiskError> {
        checkpoints::write(disk, &self.path, &offsets)?;
        self.offsets = offsets;
        Ok(())
    }
}
