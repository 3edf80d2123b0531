//! Closing a log cleanly, and renaming its directory to delete it.

use std::path::PathBuf;
use std::sync::Arc;

use kt_protocol::planted;
use kt_protocol::types::Uuid;

use crate::disk::DiskError;
use crate::error::LogError;

use super::Log;

/// The longest name a directory may have, in every file system that counts.
const MAX_NAME_BYTES: usize = 255;

impl Log {
    /// Writes all that is only in memory, and makes everything durable: what is opened again with
    /// [`super::LoadFacts::clean_shutdown`] is not read. It runs as a job.
    ///
    /// # Errors
    /// The disk's: the log was not closed cleanly then.
    pub fn close(&mut self) -> Result<(), LogError> {
        self.check_usable()?;
        self.trim_active()?;
        let active = Arc::clone(self.active_segment());
        // A log that was only opened has no index to write, and need not open its files.
        let is_in_use = self.active.is_preallocated || self.needs_flush();
        if is_in_use || self.recovery_point < self.log_end_offset {
            active.close_indexes()?;
            active.sync()?;
            self.active.is_preallocated = false;
        }
        if self.snapshots.newest() < self.log_end_offset {
            self.write_snapshot(self.log_end_offset)?;
        }
        self.write_epochs()?;
        if let Some(candidates) = self.flush_candidates()? {
            for file in &candidates.files {
                let result = file.sync();
                if !planted!("failed sync retried") {
                    result?;
                } else if result.is_err() {
                    file.sync()?;
                }
            }
            for directory in &candidates.directories {
                self.cache.disk().sync_directory(directory)?;
            }
            self.flushed(candidates.generation, candidates.up_to);
        }
        self.recovery_point = self.log_end_offset;
        Ok(())
    }

    /// Renames the directory so that it counts as deleted, also after a crash. Readers that hold
    /// segments go on reading. The directory is to be removed after `file.delete.delay.ms`; the
    /// name is given back.
    ///
    /// # Errors
    /// The disk's.
    pub fn rename_to_deleted(&mut self, id: Uuid) -> Result<PathBuf, DiskError> {
        let from = self.directory.path();
        let name = from.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let to = from.with_file_name(deleted_name(name, id));
        self.cache.disk().rename(&from, &to)?;
        self.directory.renamed(to.clone());
        if let Some(above) = to.parent() {
            self.cache.disk().sync_directory(above)?;
        }
        self.has_failed = true;
        Ok(to)
    }
}

/// `TOPIC-PARTITION.<32 hex digits>-delete`, the topic cut where the name would be too long.
/// Kafka's `LocalLog.logDeleteDirName`.
fn deleted_name(name: &str, id: Uuid) -> String {
    let (topic, partition) = name.rsplit_once('-').unwrap_or((name, "0"));
    let id = u128::from_be_bytes(id.0);
    let suffix = format!("-{partition}.{id:032x}-delete");
    let room = MAX_NAME_BYTES.saturating_sub(suffix.len());
    let topic: String = topic.chars().take(room).collect();
    format!("{topic}{suffix}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_deleted_directory_fits() {
        let id = Uuid([0xab; 16]);
        let hex = "ab".repeat(16);
        assert_eq!(deleted_name("orders-eu-3", id), format!("orders-eu-3.{hex}-delete"));
        let long = deleted_name(&format!("{}-12", "t".repeat(249)), id);
        assert_eq!(long.len(), MAX_NAME_BYTES);
        assert!(long.ends_with(&format!("t-12.{hex}-delete")));
    }
}
