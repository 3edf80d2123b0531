//! Snapshots of the metadata: when one is due, what is in it, which old ones may go.

use std::sync::Arc;

use bytes::Bytes;
use kt_core::metadata::MetadataImage;
use kt_protocol::types::{Millis, Now, Offset};
use kt_storage::metadata_snapshot::{self, SnapshotContents, SnapshotId};
use kt_storage::{Disk, DiskError};

use super::MetadataLog;
use crate::config::BrokerConfig;

/// When snapshots are due, and how many are kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    record_bytes_between: u64,
    interval_ms: u64,
}

/// How many finished snapshots stay: one to start from, and one in case that it is damaged.
const KEPT: usize = 2;

impl Limits {
    pub(super) fn of(config: &BrokerConfig) -> Limits {
        Limits {
            record_bytes_between: config.metadata_log_max_record_bytes_between_snapshots,
            interval_ms: config.metadata_log_max_snapshot_interval_ms,
        }
    }
}

/// What was written since the last snapshot.
pub(super) struct Snapshots {
    newest: SnapshotId,
    bytes_since: u64,
    /// When the first record after the newest snapshot could have been appended.
    since: Millis,
    is_writing: bool,
}

impl Snapshots {
    pub(super) fn new(newest: SnapshotId, now: Millis) -> Snapshots {
        Snapshots { newest, bytes_since: 0, since: now, is_writing: false }
    }

    pub(super) fn appended(&mut self, bytes: u64) {
        self.bytes_since += bytes;
    }
}

/// A snapshot to be written, by a job.
pub(crate) struct SnapshotWork {
    disk: Arc<dyn Disk>,
    directory: std::path::PathBuf,
    id: SnapshotId,
    bytes: Bytes,
}

impl SnapshotWork {
    /// Writes the snapshot, then removes those that are too old.
    ///
    /// # Errors
    ///
    /// Those of the disk.
    pub(crate) fn run(&self) -> Result<SnapshotId, DiskError> {
        metadata_snapshot::write(&*self.disk, &self.directory, self.id, &self.bytes)?;
        let ids = metadata_snapshot::list(&*self.disk, &self.directory)?;
        let old = ids.len().saturating_sub(KEPT);
        for id in ids.into_iter().take(old) {
            self.disk.remove_file(&self.directory.join(id.file_name()))?;
        }
        Ok(self.id)
    }
}

impl MetadataLog {
    /// Gives a snapshot to be written if one is due by size or age, and none is being written.
    pub(crate) fn due_snapshot(&self, now: Now) -> Option<SnapshotWork> {
        {
            let mut snapshots = self.snapshots.lock();
            let is_due_by_age = self.limits.interval_ms != 0
                && snapshots.bytes_since != 0
                && self.limits.interval_ms <= now.monotonic - snapshots.since;
            let is_due = self.limits.record_bytes_between <= snapshots.bytes_since || is_due_by_age;
            if !is_due || snapshots.is_writing {
                return None;
            }
            snapshots.is_writing = true;
        }
        let image = self.image();
        let (voters, kraft_version) = {
            let log = self.log.lock();
            (log.quorum.voters().clone(), log.quorum.kraft_version())
        };
        let work = self.snapshot_of(&image, &voters, kraft_version, now);
        if work.is_none() {
            self.snapshots.lock().is_writing = false;
        }
        work
    }

    /// When to look again.
    pub(crate) fn next_snapshot_check(&self, now: Millis) -> Millis {
        const CHECK_INTERVAL_MS: u64 = 60_000;
        match self.limits.interval_ms {
            0 => now + CHECK_INTERVAL_MS,
            interval => now + interval.min(CHECK_INTERVAL_MS),
        }
    }

    /// A snapshot was written, or was not.
    pub(crate) fn on_snapshot(&self, result: &Result<SnapshotId, DiskError>, now: Now) {
        let mut snapshots = self.snapshots.lock();
        snapshots.is_writing = false;
        if let Ok(id) = result {
            snapshots.newest = snapshots.newest.max(*id);
            snapshots.bytes_since = 0;
            snapshots.since = now.monotonic;
        }
    }

    fn snapshot_of(
        &self,
        image: &MetadataImage,
        voters: &kt_core::raft::VoterSet,
        kraft_version: i16,
        now: Now,
    ) -> Option<SnapshotWork> {
        let provenance = image.provenance();
        let id = SnapshotId {
            end_offset: Offset(provenance.last_offset.0 + 1),
            epoch: provenance.last_epoch,
        };
        if id <= self.snapshots.lock().newest {
            return None;
        }
        let records = image.write_records().ok()?;
        let encode = |it: &kt_core::metadata::VersionedRecord| it.record.encode(it.version).ok();
        let contents = SnapshotContents {
            last_contained_log_timestamp: provenance.last_timestamp,
            kraft_version: Some(kraft_version),
            voters: Some(voters.to_record()),
            records: records.iter().map(encode).collect::<Option<Vec<Bytes>>>()?,
        };
        let bytes = metadata_snapshot::encode(&contents, now.wall).ok()?;
        let (disk, directory) = (Arc::clone(&self.disk), self.directory.clone());
        Some(SnapshotWork { disk, directory, id, bytes })
    }
}
