//! Where each leader's records begin: the log of a partition, cut by leader epoch.
//!
//! Replicas compare these to find where their logs part (KIP-101, KIP-279). Kafka's
//! `LeaderEpochFileCache`, kept in `leader-epoch-checkpoint` with one line `epoch startOffset` each.
//!
//! What is in memory counts. The file follows it: a change makes the cache dirty, and whoever may
//! wait for the disk takes a [`PendingEpochs`] and writes it. A file older than the memory it was
//! written from never comes back: each change has a revision.

use std::path::Path;
use std::sync::Arc;

use kt_protocol::types::{LeaderEpoch, Offset};

use crate::atomic_file;
use crate::checkpoints::{self, number};
use crate::disk::{Disk, DiskError, File};
use crate::small_file_error::SmallFileError;

/// The file's name in a partition's directory.
pub const LEADER_EPOCH_FILE: &str = "leader-epoch-checkpoint";

/// The first offset that a leader epoch wrote, or would have written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochEntry {
    /// The epoch.
    pub epoch: LeaderEpoch,
    /// Where its records begin.
    pub start_offset: Offset,
}

/// Where an epoch ends: the answer to OffsetForLeaderEpoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochEnd {
    /// The greatest known epoch that is not above the one asked for; the one asked for if all known
    /// are above it.
    pub epoch: LeaderEpoch,
    /// The offset after the last that may belong to it.
    pub end_offset: Offset,
}

/// The leader epochs of one partition, ascending in epoch and in start offset.
#[derive(Clone, Debug, Default)]
pub struct LeaderEpochFileCache {
    entries: Vec<EpochEntry>,
    /// Counts the changes.
    revision: u64,
    /// The revision that is in the file.
    written: u64,
}

/// The text to write to the file, with the revision of the cache it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingEpochs {
    text: String,
    revision: u64,
}

impl PendingEpochs {
    /// Writes the file in the partition's `directory`, durably.
    ///
    /// # Errors
    /// The disk's. The cache stays dirty then.
    pub fn write(&self, disk: &dyn Disk, directory: &Path) -> Result<(), DiskError> {
        atomic_file::write(disk, &directory.join(LEADER_EPOCH_FILE), self.text.as_bytes())
    }

    /// Writes a file beside the one in `directory`, for whoever syncs files later; gives that file.
    /// Once it is synced, [`PendingEpochs::put_in_place`] follows.
    ///
    /// # Errors
    /// The disk's.
    pub fn stage(&self, disk: &dyn Disk, directory: &Path) -> Result<Arc<dyn File>, DiskError> {
        let path = directory.join(LEADER_EPOCH_FILE);
        atomic_file::write_beside(disk, &path, self.text.as_bytes()).map(|(_, file)| file)
    }

    /// Renames what was staged, and synced since, over the file. Durable once the directory is
    /// synced.
    ///
    /// # Errors
    /// The disk's.
    pub fn put_in_place(&self, disk: &dyn Disk, directory: &Path) -> Result<(), DiskError> {
        let path = directory.join(LEADER_EPOCH_FILE);
        disk.rename(&atomic_file::path_beside(&path), &path)
    }
}

impl LeaderEpochFileCache {
    /// Reads the file in the partition's `directory`; without one, no epoch is known.
    ///
    /// The log may have been cut or moved on since the file was written: the caller follows with
    /// [`LeaderEpochFileCache::truncate_from_start`] and [`LeaderEpochFileCache::truncate_from_end`].
    ///
    /// # Errors
    /// [`SmallFileError`]. The epochs can be made anew from the batches.
    pub fn load(disk: &dyn Disk, directory: &Path) -> Result<LeaderEpochFileCache, SmallFileError> {
        let path = directory.join(LEADER_EPOCH_FILE);
        let entries = checkpoints::read_lines(disk, &path, parse_entry)?;
        check_ascending(&path, &entries)?;
        Ok(LeaderEpochFileCache { entries, revision: 0, written: 0 })
    }

    /// All entries, ascending.
    pub fn entries(&self) -> &[EpochEntry] {
        &self.entries
    }

    /// The latest entry.
    pub fn latest(&self) -> Option<EpochEntry> {
        self.entries.last().copied()
    }

    /// Notes that the records of `epoch` begin at `start_offset`. Known already, nothing changes;
    /// entries that contradict it were of leaders whose records are gone, and go too.
    /// Says whether anything changed.
    ///
    /// # Panics
    /// If epoch or offset are negative: batches without an epoch have none to assign.
    pub fn assign(&mut self, epoch: LeaderEpoch, start_offset: Offset) -> bool {
        assert!(0 <= epoch.0 && 0 <= start_offset.0, "epoch {epoch} at {start_offset}");
        if let Some(latest) = self.latest()
            && latest.epoch == epoch
            && latest.start_offset <= start_offset
        {
            return false;
        }
        let contradicts =
            |entry: &EpochEntry| epoch <= entry.epoch || start_offset <= entry.start_offset;
        let kept = self.entries.iter().position(contradicts).unwrap_or(self.entries.len());
        self.entries.truncate(kept);
        self.entries.push(EpochEntry { epoch, start_offset });
        self.changed();
        true
    }

    /// Where the records of `asked` end, in a log that ends at `log_end`. None if `asked` is above
    /// all that is known: this replica cannot say.
    pub fn end_offset_for(&self, asked: LeaderEpoch, log_end: Offset) -> Option<EpochEnd> {
        if self.latest()?.epoch == asked {
            return Some(EpochEnd { epoch: asked, end_offset: log_end });
        }
        let above = self.entries.partition_point(|entry| entry.epoch <= asked);
        let end_offset = self.entries.get(above)?.start_offset;
        let floor = above.checked_sub(1).and_then(|below| self.entries.get(below));
        let epoch = floor.map_or(asked, |entry| entry.epoch);
        (asked != LeaderEpoch::UNKNOWN).then_some(EpochEnd { epoch, end_offset })
    }

    /// The epoch that wrote `offset`; none below the first known.
    pub fn epoch_for_offset(&self, offset: Offset) -> Option<LeaderEpoch> {
        let above = self.entries.partition_point(|entry| entry.start_offset <= offset);
        Some(self.entries.get(above.checked_sub(1)?)?.epoch)
    }

    /// The greatest known epoch below `epoch`.
    pub fn previous_epoch(&self, epoch: LeaderEpoch) -> Option<LeaderEpoch> {
        let at = self.entries.partition_point(|entry| entry.epoch < epoch);
        Some(self.entries.get(at.checked_sub(1)?)?.epoch)
    }

    /// Forgets epochs that begin at `end_offset` or above: the log was cut there.
    pub fn truncate_from_end(&mut self, end_offset: Offset) {
        let kept = self.entries.partition_point(|entry| entry.start_offset < end_offset);
        if kept < self.entries.len() {
            self.entries.truncate(kept);
            self.changed();
        }
    }

    /// Forgets epochs that end at `start_offset` or below: the log now starts there. The one it
    /// starts in begins there now.
    pub fn truncate_from_start(&mut self, start_offset: Offset) {
        let above = self.entries.partition_point(|entry| entry.start_offset <= start_offset);
        let Some(last) = above.checked_sub(1) else { return };
        if last == 0 && self.entries[0].start_offset == start_offset {
            return;
        }
        self.entries.drain(..last);
        self.entries[0].start_offset = start_offset;
        self.changed();
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        if !self.entries.is_empty() {
            self.entries.clear();
            self.changed();
        }
    }

    fn changed(&mut self) {
        self.revision += 1;
        let ascending = |pair: &[EpochEntry]| {
            pair[0].epoch < pair[1].epoch && pair[0].start_offset < pair[1].start_offset
        };
        debug_assert!(self.entries.windows(2).all(ascending), "{:?}", self.entries);
    }

    /// True if the file does not hold what memory does.
    pub fn is_dirty(&self) -> bool {
        self.written < self.revision
    }

    /// What to write to the file, if it is due.
    pub fn pending(&self) -> Option<PendingEpochs> {
        let line = |entry: &EpochEntry| format!("{} {}", entry.epoch, entry.start_offset);
        let text = || checkpoints::format_lines(self.entries.iter().map(line));
        self.is_dirty().then(|| PendingEpochs { text: text(), revision: self.revision })
    }

    /// Notes that `pending` was written. What changed meanwhile is still due.
    pub fn written(&mut self, pending: &PendingEpochs) {
        self.written = self.written.max(pending.revision);
    }

    /// Writes the file in the partition's `directory`, durably, if it is due.
    ///
    /// # Errors
    /// The disk's. The cache stays dirty then.
    pub fn write(&mut self, disk: &dyn Disk, directory: &Path) -> Result<(), DiskError> {
        if let Some(pending) = self.pending() {
            pending.write(disk, directory)?;
            self.written(&pending);
        }
        Ok(())
    }
}

/// `epoch startOffset`
pub(crate) fn parse_entry(line: &str) -> Option<EpochEntry> {
    let mut words = line.split(' ');
    let epoch = LeaderEpoch(number(words.next()?).filter(|epoch| 0 <= *epoch)?);
    let start_offset = Offset(number(words.next()?).filter(|offset| 0 <= *offset)?);
    words.next().is_none().then_some(EpochEntry { epoch, start_offset })
}

fn check_ascending(path: &Path, entries: &[EpochEntry]) -> Result<(), SmallFileError> {
    for (index, pair) in entries.windows(2).enumerate() {
        let &[before, entry] = pair else { continue };
        if entry.epoch <= before.epoch || entry.start_offset <= before.start_offset {
            // Two lines of head, and counting starts at 1.
            let (line, epoch, offset) = (index + 4, entry.epoch, entry.start_offset);
            let reason =
                format!("line {line}: epoch {epoch} at {offset} is not above the line before it");
            return Err(SmallFileError::damaged(path, reason));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::atomic_file::tests::at_every_crash_point;
    use crate::simulated_disk::{Call, Fault, SimulatedDisk};

    const DIRECTORY: &str = "/data/orders-0";

    fn cache(entries: &[(i32, i64)]) -> LeaderEpochFileCache {
        let mut cache = LeaderEpochFileCache::default();
        for (epoch, offset) in entries {
            assert!(cache.assign(LeaderEpoch(*epoch), Offset(*offset)));
        }
        cache
    }

    fn entries(cache: &LeaderEpochFileCache) -> Vec<(i32, i64)> {
        cache.entries().iter().map(|entry| (entry.epoch.0, entry.start_offset.0)).collect()
    }

    fn disk() -> SimulatedDisk {
        let disk = SimulatedDisk::new(5);
        disk.import([(Path::new(DIRECTORY).join("partition.metadata"), Vec::new())]);
        disk
    }

    fn load(disk: &SimulatedDisk) -> Result<LeaderEpochFileCache, String> {
        LeaderEpochFileCache::load(disk, Path::new(DIRECTORY)).map_err(|error| error.to_string())
    }

    #[test]
    fn an_epoch_is_noted_once_and_drives_out_what_contradicts_it() {
        let mut cache = cache(&[(0, 0), (2, 20), (5, 50)]);
        assert!(!cache.assign(LeaderEpoch(5), Offset(60)), "known since 50");
        assert!(cache.assign(LeaderEpoch(5), Offset(40)), "it began earlier");
        assert_eq!(entries(&cache), [(0, 0), (2, 20), (5, 40)]);
        assert!(cache.assign(LeaderEpoch(6), Offset(40)), "5 has written nothing");
        assert_eq!(entries(&cache), [(0, 0), (2, 20), (6, 40)]);
        assert!(cache.assign(LeaderEpoch(3), Offset(70)));
        assert_eq!(entries(&cache), [(0, 0), (2, 20), (3, 70)]);
        assert!(cache.assign(LeaderEpoch(1), Offset(0)));
        assert_eq!(entries(&cache), [(1, 0)]);
    }

    #[test]
    fn an_epoch_ends_where_the_next_begins() {
        let cache = cache(&[(1, 10), (3, 30), (4, 40)]);
        let end = |asked: i32| {
            let end = cache.end_offset_for(LeaderEpoch(asked), Offset(99))?;
            Some((end.epoch.0, end.end_offset.0))
        };
        assert_eq!(end(-1), None);
        assert_eq!(end(0), Some((0, 10)), "older than all: nothing of it is here");
        assert_eq!(end(1), Some((1, 30)));
        assert_eq!(end(2), Some((1, 30)), "the one below it");
        assert_eq!(end(3), Some((3, 40)));
        assert_eq!(end(4), Some((4, 99)), "the latest ends with the log");
        assert_eq!(end(5), None, "newer than all");
        assert!(
            LeaderEpochFileCache::default().end_offset_for(LeaderEpoch(0), Offset(9)).is_none()
        );
    }

    #[test]
    fn offsets_belong_to_the_epoch_below_them() {
        let cache = cache(&[(1, 10), (3, 30)]);
        let epoch = |offset| cache.epoch_for_offset(Offset(offset)).map(|epoch| epoch.0);
        assert_eq!([epoch(9), epoch(10), epoch(29), epoch(30)], [None, Some(1), Some(1), Some(3)]);
        let before = |epoch| cache.previous_epoch(LeaderEpoch(epoch)).map(|epoch| epoch.0);
        assert_eq!([before(1), before(2), before(3), before(9)], [None, Some(1), Some(1), Some(3)]);
    }

    #[test]
    fn truncation_follows_the_log_at_both_ends() {
        let full = cache(&[(1, 10), (3, 30), (4, 40)]);
        let from_end = |end| {
            let mut cache = full.clone();
            cache.truncate_from_end(Offset(end));
            entries(&cache)
        };
        assert_eq!(from_end(41), [(1, 10), (3, 30), (4, 40)]);
        assert_eq!(from_end(40), [(1, 10), (3, 30)]);
        assert_eq!(from_end(0), []);
        let from_start = |start| {
            let mut cache = full.clone();
            cache.truncate_from_start(Offset(start));
            entries(&cache)
        };
        assert_eq!(from_start(9), [(1, 10), (3, 30), (4, 40)]);
        assert_eq!(from_start(10), [(1, 10), (3, 30), (4, 40)]);
        assert_eq!(from_start(30), [(3, 30), (4, 40)]);
        assert_eq!(from_start(35), [(3, 35), (4, 40)]);
        assert_eq!(from_start(100), [(4, 100)]);
    }

    #[test]
    fn only_a_change_is_written_and_a_late_write_hides_no_later_change() {
        let disk = disk();
        let mut cache = cache(&[(0, 0)]);
        let pending = cache.pending().unwrap();
        cache.assign(LeaderEpoch(1), Offset(8));
        pending.write(&disk, Path::new(DIRECTORY)).unwrap();
        cache.written(&pending);
        assert!(cache.is_dirty(), "epoch 1 is not in the file");
        disk.fail(Call::Sync, 1, Fault::Eio);
        assert!(cache.write(&disk, Path::new(DIRECTORY)).is_err());
        assert!(cache.is_dirty(), "the write failed");
        cache.write(&disk, Path::new(DIRECTORY)).unwrap();
        assert!(!cache.is_dirty() && cache.pending().is_none());
        cache.truncate_from_end(Offset(9));
        assert!(!cache.is_dirty(), "nothing was there to cut");
        assert_eq!(entries(&load(&disk).unwrap()), [(0, 0), (1, 8)]);
    }

    #[test]
    fn a_damaged_file_is_refused_by_line() {
        let path = Path::new(DIRECTORY).join(LEADER_EPOCH_FILE);
        for (text, message) in [
            ("0\n2\n1 5\n1 6\n", "line 4: epoch 1 at 6 is not above the line before it"),
            ("0\n2\n1 5\n2 5\n", "line 4: epoch 2 at 5 is not above the line before it"),
            ("0\n1\n-1 5\n", "line 3: \"-1 5\" is no entry"),
        ] {
            let disk = disk();
            disk.import([(path.clone(), text.as_bytes().to_vec())]);
            assert_eq!(
                load(&disk).unwrap_err(),
                format!("{} is damaged: {message}", path.display())
            );
        }
        assert!(load(&disk()).unwrap().entries().is_empty());
    }

    #[test]
    fn a_crash_leaves_the_old_epochs_or_the_new() {
        let change = |disk: &SimulatedDisk| {
            let mut cache = LeaderEpochFileCache::load(disk, Path::new(DIRECTORY)).unwrap();
            cache.assign(LeaderEpoch(7), Offset(70));
            cache.write(disk, Path::new(DIRECTORY))
        };
        let prepare = |disk: &SimulatedDisk| {
            disk.import([(Path::new(DIRECTORY).join("partition.metadata"), Vec::new())]);
            cache(&[(0, 0), (6, 60)]).write(disk, Path::new(DIRECTORY)).unwrap();
        };
        at_every_crash_point(prepare, change, |disk, succeeded| {
            let found = entries(&load(disk).unwrap());
            let is_new = found == [(0, 0), (6, 60), (7, 70)];
            assert!(is_new || (found == [(0, 0), (6, 60)] && !succeeded));
        });
    }

    proptest! {
        /// Against the plain meaning: a log as a list of the epochs of its records.
        #[test]
        fn epochs_answer_as_the_records_do(lengths in prop::collection::vec((1..3i32, 1..5usize), 1..8), cut in 0..40i64, start in 0..40i64) {
            let mut log: Vec<i32> = Vec::new();
            let mut cache = LeaderEpochFileCache::default();
            let mut epoch = -1;
            for (step, length) in lengths {
                epoch += step;
                cache.assign(LeaderEpoch(epoch), Offset(log.len() as i64));
                log.extend(std::iter::repeat_n(epoch, length));
            }
            let end = cut.min(log.len() as i64);
            let start = start.min(end);
            log.truncate(end as usize);
            cache.truncate_from_end(Offset(end));
            cache.truncate_from_start(Offset(start));
            for offset in start..end {
                let expected = log.get(offset as usize).copied();
                prop_assert_eq!(cache.epoch_for_offset(Offset(offset)).map(|it| it.0), expected);
            }
            let latest = log.last().copied().unwrap_or(-1);
            for asked in 0..=latest {
                let expected = log.iter().position(|it| asked < *it).unwrap_or(log.len()) as i64;
                let found = cache.end_offset_for(LeaderEpoch(asked), Offset(end)).map(|it| it.end_offset.0);
                if start < end {
                    prop_assert_eq!(found, Some(expected.max(start)));
                }
            }
        }
    }
}
