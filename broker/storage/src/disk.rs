//! The disk as the log needs it: the smallest trait that files can be reached through.
//!
//! The real one is in `kt-server`; [`crate::simulated_disk`] is its twin that loses, tears and
//! flips. Everything is synchronous, and nothing here flushes unless it says so.

use std::io::IoSlice;
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kt_protocol::types::Timestamp;

/// What went wrong, with which file.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{operation} {path}: {kind} (os error {code:?})", path = path.display())]
pub struct DiskError {
    /// The call: `open`, `write`, `sync`, …
    pub operation: &'static str,
    /// The file or directory.
    pub path: PathBuf,
    /// The standard library's class of the error.
    pub kind: std::io::ErrorKind,
    /// The operating system's number, where there is one.
    pub code: Option<i32>,
}

impl DiskError {
    /// Describes `error`, met while doing `operation` on `path`.
    pub fn new(operation: &'static str, path: &Path, error: &std::io::Error) -> DiskError {
        let code = error.raw_os_error();
        DiskError { operation, path: path.to_owned(), kind: error.kind(), code }
    }

    /// True where the file or directory is simply not there.
    pub fn is_not_found(&self) -> bool {
        self.kind == std::io::ErrorKind::NotFound
    }
}

/// What a file is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenMode {
    /// Reading an existing file.
    Read,
    /// Reading and writing an existing file.
    Write,
    /// Reading and writing; made if it is not there.
    Create,
    /// Reading and writing; made anew, refused if it is there.
    CreateNew,
}

/// One entry of a directory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DirectoryEntry {
    /// The name within the directory.
    pub name: String,
    /// Whether it is a directory itself.
    pub is_directory: bool,
}

/// Space of the file system under a path, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskSpace {
    /// All of it.
    pub total_bytes: u64,
    /// What this process may still fill.
    pub usable_bytes: u64,
}

/// A file system. Paths are absolute.
pub trait Disk: Send + Sync {
    /// Opens a file.
    fn open(&self, path: &Path, mode: OpenMode) -> Result<Arc<dyn File>, DiskError>;
    /// Names what a directory holds, sorted by name.
    fn list(&self, directory: &Path) -> Result<Vec<DirectoryEntry>, DiskError>;
    /// Whether a file or directory is there.
    fn exists(&self, path: &Path) -> Result<bool, DiskError>;
    /// Makes a directory and those above it that are missing.
    fn create_directory(&self, path: &Path) -> Result<(), DiskError>;
    /// Renames a file or directory, replacing a file of the new name. Not durable before
    /// [`Disk::sync_directory`].
    fn rename(&self, from: &Path, to: &Path) -> Result<(), DiskError>;
    /// Removes a file.
    fn remove_file(&self, path: &Path) -> Result<(), DiskError>;
    /// Removes a directory with all it holds.
    fn remove_directory(&self, path: &Path) -> Result<(), DiskError>;
    /// Makes the names in a directory durable.
    fn sync_directory(&self, path: &Path) -> Result<(), DiskError>;
    /// Makes everything of the file system under `path` durable, in one call (`syncfs`).
    fn sync_file_system(&self, path: &Path) -> Result<(), DiskError>;
    /// Asks how full the file system under `path` is.
    fn space(&self, path: &Path) -> Result<DiskSpace, DiskError>;
}

/// An open file. Reads and writes are at positions, so it can be shared.
pub trait File: Send + Sync {
    /// Its length in bytes.
    fn len(&self) -> Result<u64, DiskError>;
    /// True if it has no bytes.
    fn is_empty(&self) -> Result<bool, DiskError> {
        Ok(self.len()? == 0)
    }
    /// Reads into `buffer` from `position` until it is full or the file ends; says how much.
    fn read_at(&self, position: u64, buffer: &mut [u8]) -> Result<usize, DiskError>;
    /// Writes all of `buffers`, one after the other, from `position` on.
    fn write_at(&self, position: u64, buffers: &[IoSlice<'_>]) -> Result<(), DiskError>;
    /// Cuts or extends (with zeros, sparse) to `length`.
    fn set_len(&self, length: u64) -> Result<(), DiskError>;
    /// Extends to `length` with zeros, their space taken where the file system can.
    fn allocate(&self, length: u64) -> Result<(), DiskError> {
        self.set_len(length)
    }
    /// Makes its bytes and length durable (`fdatasync`). After an error nothing is known: never
    /// call it again and report success.
    fn sync(&self) -> Result<(), DiskError>;
    /// Starts reading ahead `length` bytes from `position`, without waiting. A hint.
    fn read_ahead(&self, position: u64, length: u64);
    /// When its bytes were last changed, by the wall clock. Retention asks for it only of segments
    /// whose records have no timestamps.
    fn modified(&self) -> Result<Timestamp, DiskError>;
    /// Its descriptor, for `sendfile`; none where there is no operating system beneath.
    fn descriptor(&self) -> Option<BorrowedFd<'_>>;
}

/// A run of bytes in a file, to be sent without passing through user space.
#[derive(Clone)]
pub struct FileRange {
    /// Keeps a deleted or swapped file readable until it is sent.
    pub file: Arc<dyn File>,
    /// Where it starts.
    pub position: u64,
    /// How long it is, in bytes.
    pub length: u64,
}

impl std::fmt::Debug for FileRange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}+{}", self.position, self.length)
    }
}
