//! The disk of the operating system, of which nothing can be changed: all that would is refused.

use std::fs;
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use kt_protocol::types::Timestamp;

use kt_storage::disk::{DirectoryEntry, DiskSpace, OpenMode};
use kt_storage::{Disk, DiskError, File};

/// A file that was opened for reading. All that would change it is refused.
#[derive(Debug)]
pub(crate) struct ReadOnlyFile {
    file: fs::File,
    path: PathBuf,
}

impl ReadOnlyFile {
    /// Opens the file.
    ///
    /// # Errors
    /// It is not there, or may not be read.
    pub(crate) fn open(path: &Path) -> Result<ReadOnlyFile, DiskError> {
        match fs::File::open(path) {
            Ok(file) => Ok(ReadOnlyFile { file, path: path.to_owned() }),
            Err(error) => Err(DiskError::new("open", path, &error)),
        }
    }
}

fn refused(operation: &'static str, path: &Path) -> DiskError {
    DiskError::new(operation, path, &io::ErrorKind::PermissionDenied.into())
}

impl File for ReadOnlyFile {
    fn len(&self) -> Result<u64, DiskError> {
        match self.file.metadata() {
            Ok(metadata) => Ok(metadata.len()),
            Err(error) => Err(DiskError::new("stat", &self.path, &error)),
        }
    }

    fn read_at(&self, position: u64, buffer: &mut [u8]) -> Result<usize, DiskError> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.file.read_at(&mut buffer[filled..], position + filled as u64) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(DiskError::new("read", &self.path, &error)),
            }
        }
        Ok(filled)
    }

    fn write_at(&self, _position: u64, _buffers: &[IoSlice<'_>]) -> Result<(), DiskError> {
        Err(refused("write", &self.path))
    }

    fn set_len(&self, _length: u64) -> Result<(), DiskError> {
        Err(refused("truncate", &self.path))
    }

    fn sync(&self) -> Result<(), DiskError> {
        Err(refused("sync", &self.path))
    }

    fn read_ahead(&self, _position: u64, _length: u64) {}

    fn modified(&self) -> Result<Timestamp, DiskError> {
        let modified = self.file.metadata().and_then(|it| it.modified());
        let modified = modified.map_err(|error| DiskError::new("stat", &self.path, &error))?;
        let since = modified.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Ok(Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX)))
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        Some(self.file.as_fd())
    }
}

/// The disk.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReadOnlyDisk;

impl Disk for ReadOnlyDisk {
    fn open(&self, path: &Path, mode: OpenMode) -> Result<Arc<dyn File>, DiskError> {
        match mode {
            OpenMode::Read => Ok(Arc::new(ReadOnlyFile::open(path)?)),
            _ => Err(refused("open", path)),
        }
    }

    fn list(&self, directory: &Path) -> Result<Vec<DirectoryEntry>, DiskError> {
        let failed = |error: io::Error| DiskError::new("list", directory, &error);
        let mut found = Vec::new();
        for entry in fs::read_dir(directory).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let is_directory = entry.path().is_dir();
            // What is not text is no name of Kafka's.
            if let Ok(name) = entry.file_name().into_string() {
                found.push(DirectoryEntry { name, is_directory });
            }
        }
        found.sort();
        Ok(found)
    }

    fn exists(&self, path: &Path) -> Result<bool, DiskError> {
        fs::exists(path).map_err(|error| DiskError::new("stat", path, &error))
    }

    fn create_directory(&self, path: &Path) -> Result<(), DiskError> {
        Err(refused("create", path))
    }

    fn rename(&self, from: &Path, _to: &Path) -> Result<(), DiskError> {
        Err(refused("rename", from))
    }

    fn remove_file(&self, path: &Path) -> Result<(), DiskError> {
        Err(refused("remove", path))
    }

    fn remove_directory(&self, path: &Path) -> Result<(), DiskError> {
        Err(refused("remove", path))
    }

    fn sync_directory(&self, path: &Path) -> Result<(), DiskError> {
        Err(refused("sync", path))
    }

    fn sync_file_system(&self, path: &Path) -> Result<(), DiskError> {
        Err(refused("sync", path))
    }

    fn space(&self, path: &Path) -> Result<DiskSpace, DiskError> {
        Err(refused("space", path))
    }
}
