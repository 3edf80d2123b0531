//! Which old snapshots go, and with them the part of the metadata log that a kept one replaces
//! (`KafkaRaftLog.maybeClean`, `metadata.max.retention.bytes`, `metadata.max.retention.ms`).
//!
//! The newest snapshot always stays. The oldest go while the snapshots and the log are larger than
//! they may be, then while they are older; the log then starts where the oldest kept one ends.

use std::path::PathBuf;
use std::sync::Arc;

use kt_protocol::messages::SnapshotHeaderRecord;
use kt_protocol::records::BatchView;
use kt_protocol::records::control::ControlType;
use kt_protocol::types::{Now, Offset, Timestamp};
use kt_storage::disk::OpenMode;
use kt_storage::metadata_snapshot::{self, SnapshotId};
use kt_storage::{Deletion, Disk, LogError, SmallFileError, batch_records};

use super::MetadataLog;

/// A snapshot begins with a batch that is smaller than this, even with hundreds of voters.
const HEAD_BYTES: usize = 64 << 10;

/// What is kept; none without a bound.
#[derive(Clone, Copy, Debug)]
pub(super) struct Retention {
    pub(super) bytes: Option<u64>,
    pub(super) ms: Option<u64>,
}

/// What lies in the directory of the metadata log.
struct Holdings<'a> {
    /// Snapshots with their sizes, the oldest first.
    snapshots: Vec<(SnapshotId, u64)>,
    /// Segments by base offset, with their sizes.
    segments: &'a [(Offset, u64)],
}

impl Holdings<'_> {
    /// The bytes of the log once it starts at `start`: segments wholly below are gone.
    fn log_bytes_from(&self, start: Offset) -> u64 {
        let is_kept = |at: usize| self.segments.get(at + 1).is_none_or(|next| start < next.0);
        let kept = self.segments.iter().enumerate().filter(|(at, _)| is_kept(*at));
        kept.map(|(_, (_, bytes))| bytes).sum()
    }

    /// How many of the oldest snapshots are too many for `max` bytes.
    fn surplus(&self, max: u64) -> usize {
        let mut snapshot_bytes: u64 = self.snapshots.iter().map(|(_, bytes)| bytes).sum();
        let mut start = Offset(0);
        let pairs = self.snapshots.iter().zip(self.snapshots.iter().skip(1));
        let mut count = 0;
        for ((_, bytes), (next, _)) in pairs {
            if self.log_bytes_from(start) + snapshot_bytes <= max {
                break;
            }
            snapshot_bytes -= bytes;
            start = next.end_offset;
            count += 1;
        }
        count
    }
}

/// A look at what is kept too long, by a job.
pub(crate) struct CleaningWork {
    disk: Arc<dyn Disk>,
    directory: PathBuf,
    retention: Retention,
    segments: Vec<(Offset, u64)>,
    wall: Timestamp,
}

impl CleaningWork {
    /// Removes old snapshots. Gives the oldest kept one if any went.
    ///
    /// # Errors
    ///
    /// The disk's, or a damaged snapshot.
    pub(crate) fn run(&self) -> Result<Option<SnapshotId>, SmallFileError> {
        let mut snapshots = Vec::new();
        for id in metadata_snapshot::list(&*self.disk, &self.directory)? {
            let file = self.disk.open(&self.directory.join(id.file_name()), OpenMode::Read)?;
            snapshots.push((id, file.len()?));
        }
        let holdings = Holdings { snapshots, segments: &self.segments };
        let mut count = self.retention.bytes.map_or(0, |max| holdings.surplus(max));
        while count + 1 < holdings.snapshots.len() && self.is_old(holdings.snapshots[count].0)? {
            count += 1;
        }
        for (id, _) in &holdings.snapshots[..count] {
            self.disk.remove_file(&self.directory.join(id.file_name()))?;
        }
        Ok(holdings.snapshots.get(count).map(|(id, _)| *id).filter(|_| 0 < count))
    }

    fn is_old(&self, id: SnapshotId) -> Result<bool, SmallFileError> {
        let Some(max) = self.retention.ms else { return Ok(false) };
        let age = self.wall.0.saturating_sub(self.newest_timestamp(id)?.0);
        Ok(u64::try_from(age).is_ok_and(|age| max < age))
    }

    /// When the last record that the snapshot holds was appended.
    fn newest_timestamp(&self, id: SnapshotId) -> Result<Timestamp, SmallFileError> {
        let path = self.directory.join(id.file_name());
        let file = self.disk.open(&path, OpenMode::Read)?;
        let mut head = vec![0; HEAD_BYTES];
        let length = file.read_at(0, &mut head)?;
        head.truncate(length);
        let damaged = |reason: String| SmallFileError::Damaged { path: path.clone(), reason };
        let batch = BatchView::first_of(&head).map_err(|error| damaged(error.to_string()))?;
        let mut timestamp = None;
        let walked = batch_records::for_each(&batch, |record| {
            if let Ok(ControlType::SnapshotHeader) = ControlType::from_key(record.key) {
                let header: SnapshotHeaderRecord = metadata_snapshot::message(record)?;
                timestamp = Some(Timestamp(header.last_contained_log_timestamp));
            }
            Ok(())
        });
        walked.map_err(damaged)?;
        timestamp.ok_or_else(|| damaged("it does not begin with a header".to_owned()))
    }
}

impl MetadataLog {
    /// Gives a look at what is kept too long, unless one is under way.
    pub(crate) fn cleaning(&self, now: Now) -> Option<CleaningWork> {
        if std::mem::replace(&mut self.snapshots.lock().is_cleaning, true) {
            return None;
        }
        let segments = Arc::clone(self.log.lock().log.segments());
        let size = |segment: &Arc<kt_storage::Segment>| {
            Some((segment.base_offset(), segment.size().ok()?))
        };
        let Some(segments) = segments.iter().map(size).collect() else {
            self.snapshots.lock().is_cleaning = false;
            return None;
        };
        Some(CleaningWork {
            disk: Arc::clone(&self.disk),
            directory: self.directory.clone(),
            retention: self.limits.retention,
            segments,
            wall: now.wall,
        })
    }

    /// A look ended. The log starts where `oldest` ends from now on, if older ones went.
    ///
    /// # Errors
    ///
    /// The log's.
    pub(crate) fn cleaned(
        &self,
        oldest: Option<SnapshotId>,
        now: Now,
    ) -> Result<Deletion, LogError> {
        self.snapshots.lock().is_cleaning = false;
        let Some(oldest) = oldest else { return Ok(Deletion::default()) };
        let mut log = self.log.lock();
        // What a snapshot holds is committed.
        log.log.raise_log_start_offset(oldest.end_offset, oldest.end_offset)?;
        log.log.delete_old_segments(now, None, oldest.end_offset)
    }
}

#[cfg(test)]
mod tests {
    use kt_protocol::types::LeaderEpoch;

    use super::*;

    fn holdings<'a>(snapshots: &[(i64, u64)], segments: &'a [(Offset, u64)]) -> Holdings<'a> {
        let id = |end: i64| SnapshotId { end_offset: Offset(end), epoch: LeaderEpoch(1) };
        let snapshots = snapshots.iter().map(|(end, bytes)| (id(*end), *bytes)).collect();
        Holdings { snapshots, segments }
    }

    #[test]
    fn the_oldest_go_while_all_is_larger_than_it_may_be() {
        let segments = [(Offset(0), 100), (Offset(50), 100), (Offset(90), 10)];
        let holdings = holdings(&[(0, 1), (50, 5), (80, 5), (95, 5)], &segments);
        assert_eq!(holdings.surplus(226), 0);
        // One segment goes with the first snapshot.
        assert_eq!(holdings.surplus(225), 1);
        assert_eq!(holdings.surplus(125), 1);
        assert_eq!(holdings.surplus(124), 2);
        assert_eq!(holdings.surplus(119), 3);
        assert_eq!(holdings.surplus(0), 3, "the newest stays");
    }

    #[test]
    fn one_snapshot_always_stays() {
        assert_eq!(holdings(&[(10, 5)], &[(Offset(0), 100)]).surplus(0), 0);
        assert_eq!(holdings(&[], &[(Offset(0), 100)]).surplus(0), 0);
    }
}
