//! What can be wrong with a small file of a log directory.

use std::path::{Path, PathBuf};

use crate::disk::DiskError;

/// What can be wrong with a small file.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SmallFileError {
    /// The disk failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// Its contents are not what belongs there.
    #[error("{path} is damaged: {reason}", path = path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong, with the line where there are lines.
        reason: String,
    },
}

impl SmallFileError {
    pub(crate) fn damaged(path: &Path, reason: impl Into<String>) -> SmallFileError {
        SmallFileError::Damaged { path: path.to_owned(), reason: reason.into() }
    }
}
