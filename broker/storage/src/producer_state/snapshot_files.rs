//! The `.snapshot` files of a partition's directory. Kafka's `ProducerStateManager`.
//!
//! A snapshot is written at each roll and at a clean stop, even without producers. Its name is the
//! offset it stands for: the state after everything below. It is not synced by itself: its checksum
//! tells whether it is whole, and after a crash only those up to the recovery point count.

use std::io::IoSlice;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kt_protocol::types::Offset;

use super::snapshot::{SnapshotEntry, SnapshotError, decode_snapshot, encode_snapshot};
use crate::atomic_file;
use crate::disk::{Disk, DiskError, File, OpenMode};
use crate::file_names::{FileKind, FileName, FileSuffix};

/// A snapshot that could not be read.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SnapshotReadError {
    /// The disk failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// Its bytes are not a snapshot.
    #[error("{path}: {reason}", path = path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: SnapshotError,
    },
}

/// A snapshot, and those that were discarded on the way to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadedSnapshot {
    /// The state is that after everything below this offset.
    pub offset: Offset,
    /// The producers.
    pub entries: Vec<SnapshotEntry>,
}

/// Where the snapshot for `offset` is.
pub fn snapshot_path(directory: &Path, offset: Offset) -> PathBuf {
    directory.join(FileName::new(offset, FileKind::ProducerSnapshot).to_string())
}

/// The offsets of all snapshots, ascending.
///
/// # Errors
/// The disk's.
pub fn list_snapshots(disk: &dyn Disk, directory: &Path) -> Result<Vec<Offset>, DiskError> {
    let names = disk.list(directory)?;
    let snapshot = |name: &str| {
        let name = FileName::parse(name)?;
        (name.kind == FileKind::ProducerSnapshot && name.suffix == FileSuffix::None)
            .then_some(name.offset)
    };
    let mut offsets: Vec<Offset> = names.iter().filter_map(|it| snapshot(&it.name)).collect();
    offsets.sort_unstable();
    Ok(offsets)
}

/// Writes the snapshot for `offset`, over one that is there. Gives the file, which is not synced.
///
/// # Errors
/// The disk's. What is left is no whole snapshot, or none.
pub fn write_snapshot(
    disk: &dyn Disk,
    directory: &Path,
    offset: Offset,
    entries: &[SnapshotEntry],
) -> Result<Arc<dyn File>, DiskError> {
    let file = disk.open(&snapshot_path(directory, offset), OpenMode::Create)?;
    file.set_len(0)?;
    file.write_at(0, &[IoSlice::new(&encode_snapshot(entries))])?;
    Ok(file)
}

/// Reads the snapshot for `offset`; none if it is not there.
///
/// # Errors
/// The disk's, or it is corrupt.
pub fn read_snapshot(
    disk: &dyn Disk,
    directory: &Path,
    offset: Offset,
) -> Result<Option<Vec<SnapshotEntry>>, SnapshotReadError> {
    let path = snapshot_path(directory, offset);
    let Some(bytes) = atomic_file::read(disk, &path)? else { return Ok(None) };
    decode_snapshot(&bytes).map(Some).map_err(|reason| SnapshotReadError::Corrupt { path, reason })
}

/// Reads the newest whole snapshot for an offset in `offsets`. Corrupt ones that are newer are
/// removed and named in `discarded`. None if there is no whole one.
///
/// The lower end is the log start (state of records below it would miss those deleted in between),
/// the upper one the offset up to where the log is known to be what it was.
///
/// # Errors
/// The disk's.
pub fn load_newest_snapshot(
    disk: &dyn Disk,
    directory: &Path,
    offsets: RangeInclusive<Offset>,
    discarded: &mut Vec<SnapshotReadError>,
) -> Result<Option<LoadedSnapshot>, DiskError> {
    for offset in list_snapshots(disk, directory)?.into_iter().rev() {
        if !offsets.contains(&offset) {
            continue;
        }
        match read_snapshot(disk, directory, offset) {
            Ok(Some(entries)) => return Ok(Some(LoadedSnapshot { offset, entries })),
            Ok(None) => {}
            Err(SnapshotReadError::Disk(error)) => return Err(error),
            Err(corrupt) => {
                disk.remove_file(&snapshot_path(directory, offset))?;
                discarded.push(corrupt);
            }
        }
    }
    Ok(None)
}

/// Removes the snapshot for `offset`. One that is not there is no error.
///
/// # Errors
/// The disk's.
pub fn remove_snapshot(disk: &dyn Disk, directory: &Path, offset: Offset) -> Result<(), DiskError> {
    match disk.remove_file(&snapshot_path(directory, offset)) {
        Err(error) if !error.is_not_found() => Err(error),
        _ => Ok(()),
    }
}

/// Removes the snapshots that `is_stale` says. Gives their offsets; the directory is not synced.
///
/// # Errors
/// The disk's. Some may be gone then.
pub fn remove_snapshots(
    disk: &dyn Disk,
    directory: &Path,
    is_stale: impl Fn(Offset) -> bool,
) -> Result<Vec<Offset>, DiskError> {
    let mut stale = list_snapshots(disk, directory)?;
    stale.retain(|offset| is_stale(*offset));
    for offset in &stale {
        disk.remove_file(&snapshot_path(directory, *offset))?;
    }
    Ok(stale)
}

#[cfg(test)]
mod tests {
    use kt_protocol::types::{ProducerEpoch, ProducerId, Timestamp};

    use super::*;
    use crate::simulated_disk::{CrashMode, SimulatedDisk};

    const DIRECTORY: &str = "/data/orders-0";

    fn entry(producer_id: i64) -> SnapshotEntry {
        SnapshotEntry {
            producer_id: ProducerId(producer_id),
            producer_epoch: ProducerEpoch(1),
            last_batch: None,
            timestamp: Timestamp(5),
            coordinator_epoch: -1,
            transaction_first_offset: None,
        }
    }

    fn disk(offsets: &[i64]) -> SimulatedDisk {
        let disk = SimulatedDisk::new(1);
        disk.import([(Path::new(DIRECTORY).join("00000000000000000000.log"), Vec::new())]);
        for offset in offsets {
            write_snapshot(&disk, Path::new(DIRECTORY), Offset(*offset), &[entry(*offset)])
                .unwrap();
        }
        disk
    }

    fn load(disk: &SimulatedDisk, from: i64, to: i64) -> (Option<i64>, Vec<String>) {
        let mut discarded = Vec::new();
        let range = Offset(from)..=Offset(to);
        let loaded = load_newest_snapshot(disk, Path::new(DIRECTORY), range, &mut discarded);
        let loaded = loaded.unwrap().map(|it| {
            assert_eq!(it.entries, [entry(it.offset.0)]);
            it.offset.0
        });
        (loaded, discarded.iter().map(SnapshotReadError::to_string).collect())
    }

    #[test]
    fn the_newest_in_range_is_loaded_and_corrupt_ones_are_removed() {
        let disk = disk(&[10, 20, 30, 40]);
        assert_eq!(load(&disk, 0, 35).0, Some(30));
        assert_eq!(load(&disk, 30, 30).0, Some(30));
        assert_eq!(load(&disk, 31, 39).0, None);
        disk.flip_bit(&snapshot_path(Path::new(DIRECTORY), Offset(30)), 20, 3);
        let (loaded, discarded) = load(&disk, 0, 39);
        assert_eq!(loaded, Some(20));
        assert!(
            discarded[0].contains("00000000000000000030.snapshot: the checksum"),
            "{discarded:?}"
        );
        assert_eq!(load(&disk, 0, 39), (Some(20), vec![]));
        let removed = remove_snapshots(&disk, Path::new(DIRECTORY), |it| it < Offset(20)).unwrap();
        assert_eq!(removed, [Offset(10)]);
        let left = list_snapshots(&disk, Path::new(DIRECTORY)).unwrap();
        assert_eq!(left, [Offset(20), Offset(40)]);
    }

    #[test]
    fn what_a_power_cut_leaves_of_an_unsynced_snapshot_is_whole_or_discarded() {
        let (mut whole, mut corrupt) = (0, 0);
        for seed in 0..200 {
            let disk = SimulatedDisk::new(seed);
            disk.create_directory(Path::new(DIRECTORY)).unwrap();
            disk.sync_file_system(Path::new(DIRECTORY)).unwrap();
            let entries: Vec<_> = (0..20).map(entry).collect();
            write_snapshot(&disk, Path::new(DIRECTORY), Offset(7), &entries).unwrap();
            disk.sync_directory(Path::new(DIRECTORY)).unwrap();
            disk.restart(CrashMode::Torn);
            match read_snapshot(&disk, Path::new(DIRECTORY), Offset(7)) {
                Ok(Some(found)) => {
                    assert_eq!(found, entries);
                    whole += 1;
                }
                Err(SnapshotReadError::Corrupt { .. }) => corrupt += 1,
                other => panic!("{other:?}"),
            }
        }
        assert!(5 < whole && 5 < corrupt, "{whole} whole, {corrupt} corrupt");
    }
}
