//! Why a spool cannot be used.

use std::io;
use std::path::PathBuf;

use crate::error::CliError;

/// Why a spool cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SpoolError {
    /// The operating system refuses.
    #[error("cannot {action} {file} of the spool: {error}")]
    Io { action: &'static str, file: String, error: io::Error },
    /// The directory cannot be used at all.
    #[error("cannot use {directory} as a spool: {error}")]
    Directory { directory: PathBuf, error: io::Error },
    /// Another process holds the lock.
    #[error("the spool {0} is in use by another process")]
    InUse(PathBuf),
    /// There is something else in the directory.
    #[error("this is not a spool: it holds \"{0}\"")]
    Foreign(String),
    /// Bytes that were synced are not what they were.
    #[error("{file} of the spool is damaged at byte {position}: {reason}")]
    Damaged { file: String, position: u64, reason: String },
    /// Another kt made it.
    #[error("the spool has format {found}, this kt knows format {known}")]
    Version { found: u64, known: u64 },
    /// A file is not there, or shorter than it was.
    #[error("the spool lacks the records {from} to {to}: a file of it is gone or cut short")]
    Missing { from: i64, to: i64 },
    /// A record that no segment has room for.
    #[error("{bytes} bytes are too many for a spool of {limit}: a quarter is allowed at once")]
    TooLarge { bytes: u64, limit: u64 },
    /// After a failed write or sync nobody knows what the disk has.
    #[error("the spool takes nothing more after a failed write")]
    Failed,
}

impl SpoolError {
    pub(super) fn io(action: &'static str, file: &str) -> impl FnOnce(io::Error) -> SpoolError {
        let file = file.to_owned();
        move |error| SpoolError::Io { action, file, error }
    }
}

impl From<SpoolError> for CliError {
    fn from(error: SpoolError) -> CliError {
        let cli = CliError::other(error.to_string());
        match error {
            SpoolError::Damaged { .. } | SpoolError::Missing { .. } => cli.hint(
                "what was acknowledged is delivered; kt dump-log shows what can be read of the rest",
            ),
            SpoolError::Version { .. } => cli.hint("the kt that made it delivers what is left"),
            SpoolError::InUse(_) => cli.hint("each process needs a directory of its own"),
            SpoolError::Foreign(_) => cli.hint("give an empty directory"),
            _ => cli,
        }
    }
}
