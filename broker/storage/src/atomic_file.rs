//! Small files that are either old or new, never half: written beside, flushed, renamed over.

use std::io::IoSlice;
use std::path::{Path, PathBuf};

use crate::disk::{Disk, DiskError, OpenMode};

/// No small file of a log directory is larger: a checkpoint of a million partitions is below it.
const SMALL_FILE_BYTES_MAX: u64 = 512 << 20;

/// Replaces `path` by `bytes`, durably: `.tmp`, sync, rename, sync of the directory.
///
/// # Errors
///
/// Those of the disk; the old file is then still whole.
pub fn write(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> Result<(), DiskError> {
    let beside = write_beside(disk, path, bytes)?;
    disk.open(&beside, OpenMode::Write)?.sync()?;
    disk.rename(&beside, path)?;
    disk.sync_directory(path.parent().unwrap_or(Path::new("/")))
}

/// The same without the syncs, for a caller that makes several files durable at once.
///
/// # Errors
///
/// Those of the disk.
pub fn write_unsynced(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> Result<(), DiskError> {
    let beside = write_beside(disk, path, bytes)?;
    disk.rename(&beside, path)
}

fn write_beside(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> Result<PathBuf, DiskError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".tmp");
    let beside = PathBuf::from(name);
    let file = disk.open(&beside, OpenMode::Create)?;
    file.set_len(0)?;
    file.write_at(0, &[IoSlice::new(bytes)])?;
    Ok(beside)
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
