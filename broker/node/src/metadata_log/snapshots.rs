//! Snapshots of the metadata: when one is due, and what is in it (`SnapshotGenerator`).

use std::path::PathBuf;
use std::sync::Arc;

use kt_core::metadata::{MetadataImage, UnwritableMetadata, VersionedRecord};
use kt_core::raft::VoterSet;
use kt_protocol::codec::EncodeError;
use kt_protocol::types::{Millis, Now, Timestamp};
use kt_storage::metadata_snapshot::{self, SnapshotContents, SnapshotId, UnwritableSnapshot};
use kt_storage::{Disk, DiskError};

use super::MetadataLog;
use super::cleaning::Retention;
use crate::config::BrokerConfig;

/// For how long a failed snapshot is not tried again: the log has everything meanwhile.
const RETRY_MS: u64 = 60_000;
/// How often is looked whether one is due by age, and what is kept too long, at least.
const CHECK_INTERVAL_MS: u64 = 60_000;

/// When snapshots are due, and what of the past is kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    record_bytes_between: u64,
    interval_ms: u64,
    pub(super) retention: Retention,
}

impl Limits {
    pub(super) fn of(config: &BrokerConfig) -> Limits {
        Limits {
            record_bytes_between: config.metadata_log_max_record_bytes_between_snapshots,
            interval_ms: config.metadata_log_max_snapshot_interval_ms,
            // Below 0 means without a bound.
            retention: Retention {
                bytes: u64::try_from(config.metadata_max_retention_bytes).ok(),
                ms: u64::try_from(config.metadata_max_retention_ms).ok(),
            },
        }
    }
}

/// What was written since the last snapshot.
pub(super) struct Snapshots {
    newest: SnapshotId,
    bytes_since: u64,
    /// When the first record after the newest snapshot could have been appended.
    since: Millis,
    /// How many of `bytes_since` the snapshot covers that is being written.
    writing: Option<u64>,
    /// Not before this, after a failure.
    not_before: Millis,
    pub(super) is_cleaning: bool,
}

impl Snapshots {
    /// `bytes_since` lie in the log behind `newest`.
    pub(super) fn new(newest: SnapshotId, bytes_since: u64, now: Millis) -> Snapshots {
        Snapshots {
            newest,
            bytes_since,
            since: now,
            writing: None,
            not_before: now,
            is_cleaning: false,
        }
    }

    pub(super) fn appended(&mut self, bytes: u64) {
        self.bytes_since += bytes;
    }

    fn is_due(&self, limits: &Limits, now: Millis) -> bool {
        if self.writing.is_some() || now < self.not_before || self.bytes_since == 0 {
            return false;
        }
        let is_old = limits.interval_ms != 0 && limits.interval_ms <= now - self.since;
        is_old || limits.record_bytes_between <= self.bytes_since
    }
}

/// Why a snapshot was not written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SnapshotError {
    #[error(transparent)]
    Unwritable(#[from] UnwritableMetadata),
    #[error(transparent)]
    Record(#[from] EncodeError),
    #[error(transparent)]
    Batch(#[from] UnwritableSnapshot),
    #[error(transparent)]
    Disk(#[from] DiskError),
}

/// A snapshot to be written, by a job.
pub(crate) struct SnapshotWork {
    disk: Arc<dyn Disk>,
    directory: PathBuf,
    id: SnapshotId,
    image: Arc<MetadataImage>,
    voters: VoterSet,
    kraft_version: i16,
    wall: Timestamp,
}

impl SnapshotWork {
    /// Writes the snapshot.
    ///
    /// # Errors
    ///
    /// [`SnapshotError`].
    pub(crate) fn run(&self) -> Result<SnapshotId, SnapshotError> {
        let records = self.image.write_records()?;
        let encode = |it: &VersionedRecord| it.record.encode(it.version);
        // Logs of the first version name no voters.
        let has_voters = 0 < self.kraft_version;
        let contents = SnapshotContents {
            last_contained_log_timestamp: self.image.provenance().last_timestamp,
            kraft_version: has_voters.then_some(self.kraft_version),
            voters: has_voters.then(|| self.voters.to_record()),
            records: records.iter().map(encode).collect::<Result<_, EncodeError>>()?,
        };
        let bytes = metadata_snapshot::encode_at(self.id, &contents, self.wall)?;
        metadata_snapshot::write(&*self.disk, &self.directory, self.id, &bytes)?;
        Ok(self.id)
    }
}

impl MetadataLog {
    /// Gives a snapshot to be written if one is due by size or age, and none is being written.
    pub(crate) fn due_snapshot(&self, now: Now) -> Option<SnapshotWork> {
        let image = self.image();
        let provenance = image.provenance();
        let id =
            SnapshotId { end_offset: provenance.last_offset.plus(1), epoch: provenance.last_epoch };
        {
            let mut snapshots = self.snapshots.lock();
            if !snapshots.is_due(&self.limits, now.monotonic) || id <= snapshots.newest {
                return None;
            }
            snapshots.writing = Some(snapshots.bytes_since);
        }
        let (voters, kraft_version) = {
            let log = self.log.lock();
            (log.quorum.voters().clone(), log.quorum.kraft_version())
        };
        let (disk, directory) = (Arc::clone(&self.disk), self.directory.clone());
        Some(SnapshotWork { disk, directory, id, image, voters, kraft_version, wall: now.wall })
    }

    /// When to look again.
    pub(crate) fn next_snapshot_check(&self, now: Millis) -> Millis {
        match self.limits.interval_ms {
            0 => now + CHECK_INTERVAL_MS,
            interval => now + interval.min(CHECK_INTERVAL_MS),
        }
    }

    /// A snapshot was written, or was not.
    pub(crate) fn on_snapshot(&self, result: &Result<SnapshotId, SnapshotError>, now: Now) {
        let mut snapshots = self.snapshots.lock();
        let covered = snapshots.writing.take().unwrap_or_default();
        match result {
            Ok(id) => {
                snapshots.newest = snapshots.newest.max(*id);
                snapshots.bytes_since -= covered;
                snapshots.since = now.monotonic;
            }
            Err(_) => snapshots.not_before = now.monotonic + RETRY_MS,
        }
    }
}
