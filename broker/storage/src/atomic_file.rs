//! Small files that are either old or new, never half: written beside, flushed, renamed over.
//!
//! ```text
//! write X.tmp ── sync X.tmp ── rename X.tmp to X ── sync the directory
//! ```
//!
//! Kafka's `CheckpointFile.write` and `Utils.atomicMoveWithFallback`.

use std::io::IoSlice;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kt_protocol::planted;

use crate::disk::{Disk, DiskError, File, OpenMode};

/// Far more than a checkpoint, or a snapshot of the metadata, of a million partitions takes. A
/// longer file is not ours, and reading it would take the memory of the whole process.
const SMALL_FILE_BYTES_MAX: u64 = 512 << 20;

/// Replaces `path` by `bytes`, durably: `.tmp`, sync, rename, sync of the directory.
///
/// # Errors
///
/// Those of the disk; there is then the old file still, or already the new one.
pub fn write(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> Result<(), DiskError> {
    let (beside, file) = write_beside(disk, path, bytes)?;
    file.sync()?;
    drop(file);
    disk.rename(&beside, path)?;
    if planted!("directory not synced") {
        return Ok(());
    }
    disk.sync_directory(path.parent().unwrap_or(Path::new("/")))
}

/// The same without the syncs, for a caller that makes several files durable at once.
///
/// # Errors
///
/// Those of the disk.
pub fn write_unsynced(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> Result<(), DiskError> {
    let (beside, _) = write_beside(disk, path, bytes)?;
    disk.rename(&beside, path)
}

/// What a file is called until it is complete. One that a crash left is worth nothing.
pub(crate) fn path_beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".tmp");
    PathBuf::from(name)
}

pub(crate) fn write_beside(
    disk: &dyn Disk,
    path: &Path,
    bytes: &[u8],
) -> Result<(PathBuf, Arc<dyn File>), DiskError> {
    let beside = path_beside(path);
    let file = disk.open(&beside, OpenMode::Create)?;
    file.set_len(0)?;
    file.write_at(0, &[IoSlice::new(bytes)])?;
    Ok((beside, file))
}

/// Reads a small file whole; none if it is not there.
///
/// # Errors
///
/// Those of the disk; a file too large to be one of ours is `InvalidData`.
pub fn read(disk: &dyn Disk, path: &Path) -> Result<Option<Vec<u8>>, DiskError> {
    let file = match disk.open(path, OpenMode::Read) {
        Ok(file) => file,
        Err(error) if error.is_not_found() => return Ok(None),
        Err(error) => return Err(error),
    };
    let length = file.len()?;
    if SMALL_FILE_BYTES_MAX < length {
        let too_large = std::io::Error::from(std::io::ErrorKind::InvalidData);
        return Err(DiskError::new("read", path, &too_large));
    }
    let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
    let read = file.read_at(0, &mut bytes)?;
    bytes.truncate(read);
    Ok(Some(bytes))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::simulated_disk::{Call, CrashMode, Fault, SimulatedDisk};

    /// Crashes `change` in each of its calls, in every mode and with several seeds, and hands the
    /// disk after the restart to `check`, with whether the change had reported success.
    pub(crate) fn at_every_crash_point(
        prepare: impl Fn(&SimulatedDisk),
        change: impl Fn(&SimulatedDisk) -> Result<(), DiskError>,
        check: impl Fn(&SimulatedDisk, bool),
    ) {
        let run = |seed, crash_after: Option<u64>| {
            let disk = SimulatedDisk::new(seed);
            prepare(&disk);
            let before = disk.changes();
            if let Some(changes) = crash_after {
                disk.crash_after(changes);
            }
            let succeeded = change(&disk).is_ok();
            (disk.clone(), succeeded, disk.changes() - before)
        };
        let (_, succeeded, changes) = run(0, None);
        assert!(succeeded && 0 < changes, "the change is one");
        for seed in 0..20 {
            for crash_after in 0..=changes {
                for mode in CrashMode::ALL {
                    let (disk, succeeded, _) = run(seed, Some(crash_after));
                    disk.crash();
                    disk.restart(mode);
                    check(&disk, succeeded);
                }
            }
        }
    }

    const PATH: &str = "/data/file";

    fn write_it(disk: &SimulatedDisk, bytes: &[u8]) -> Result<(), DiskError> {
        write(disk, Path::new(PATH), bytes)
    }

    #[test]
    fn a_crash_leaves_the_old_bytes_or_the_new() {
        let (old, new) = (vec![1; 5000], vec![2; 6000]);
        let prepare = |disk: &SimulatedDisk| {
            // A longer one that an earlier crash has left.
            disk.import([(path_beside(Path::new(PATH)), vec![9; 9000])]);
            disk.import([(PathBuf::from(PATH), old.clone())]);
        };
        let check = |disk: &SimulatedDisk, succeeded: bool| {
            let found = read(disk, Path::new(PATH)).unwrap().unwrap();
            assert!(found == new || (found == old && !succeeded));
        };
        at_every_crash_point(prepare, |disk| write_it(disk, &new), check);
    }

    #[test]
    fn a_failed_call_is_reported_and_leaves_the_old_bytes() {
        for call in [Call::Create, Call::SetLength, Call::Write, Call::Sync, Call::Rename] {
            for fault in [Fault::Eio, Fault::Enospc] {
                let disk = SimulatedDisk::new(1);
                disk.import([(PathBuf::from(PATH), b"old".to_vec())]);
                disk.fail(call, 1, fault);
                write_it(&disk, b"new").unwrap_err();
                assert_eq!(disk.contents(Path::new(PATH)).unwrap(), b"old", "{call:?} {fault:?}");
                write_it(&disk, b"new").unwrap();
            }
        }
    }

    #[test]
    fn a_missing_file_is_none_and_a_huge_one_is_refused() {
        let disk = SimulatedDisk::new(1);
        disk.import([(PathBuf::from(PATH), Vec::new())]);
        assert!(read(&disk, Path::new("/data/none")).unwrap().is_none());
        let file = disk.open(Path::new(PATH), OpenMode::Write).unwrap();
        file.set_len(SMALL_FILE_BYTES_MAX + 1).unwrap();
        let error = read(&disk, Path::new(PATH)).unwrap_err();
        assert_eq!(error.kind, std::io::ErrorKind::InvalidData);
    }
}
