//! One process for each log directory: the `.lock` file in it.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::FlockOperation;
use rustix::io::Errno;

/// Why a directory cannot be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LockError {
    /// Another process has it.
    #[error("{} is in use by another process; stop that one, or name another directory", .0.display())]
    Held(PathBuf),
    /// The file cannot be made.
    #[error("cannot lock {}: {reason}", directory.display())]
    Unusable {
        /// The log directory.
        directory: PathBuf,
        /// In the system's words.
        reason: io::Error,
    },
}

/// A directory that is ours until this is dropped, or the process ends, however it ends.
#[derive(Debug)]
pub(crate) struct LockFile {
    _file: File,
}

impl LockFile {
    /// Takes a directory; it must exist.
    ///
    /// Two kinds of lock on the same file: a record lock (fcntl), which is what Apache Kafka's
    /// FileLock takes, so that neither opens a directory of the other; and `flock`, which also
    /// keeps two nodes of one process apart.
    pub(crate) fn take(directory: &Path) -> Result<LockFile, LockError> {
        let unusable = |reason| LockError::Unusable { directory: directory.to_owned(), reason };
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let file = options.open(directory.join(".lock")).map_err(unusable)?;
        let operation = FlockOperation::NonBlockingLockExclusive;
        let locked = rustix::fs::flock(&file, operation)
            .and_then(|()| rustix::fs::fcntl_lock(&file, operation));
        match locked {
            Ok(()) => Ok(LockFile { _file: file }),
            Err(Errno::AGAIN | Errno::ACCESS) => Err(LockError::Held(directory.to_owned())),
            Err(error) => Err(unusable(error.into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_had_once() {
        let directory = tempfile::tempdir().unwrap();
        let first = LockFile::take(directory.path()).unwrap();
        let refusal = LockFile::take(directory.path()).unwrap_err().to_string();
        assert!(refusal.contains(&directory.path().display().to_string()), "{refusal}");
        assert!(refusal.contains("in use by another process"), "{refusal}");
        drop(first);
        assert!(LockFile::take(directory.path()).is_ok());
        assert!(matches!(
            LockFile::take(&directory.path().join("missing")),
            Err(LockError::Unusable { .. })
        ));
    }
}
