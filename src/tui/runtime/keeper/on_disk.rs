//! A file of the system as the ring of a history, used by one dashboard at a time.

use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use crate::error::CliError;
use crate::tui::history::kept::Medium;

/// What the file is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Whoever else writes it.
    Read,
    /// Nobody else does.
    Write,
}

/// Nobody else may read it.
const OURS_ALONE: u32 = 0o600;

/// The file. Where it is written, the system gives up its lock when the process ends, however it ends.
#[derive(Debug)]
pub(super) struct OnDisk(File);

impl OnDisk {
    /// Opens it; to write it, it is created where it is missing, and locked.
    pub(super) fn open(path: &Path, access: Access) -> Result<OnDisk, CliError> {
        let unusable = |error: &io::Error| {
            let message = format!("cannot open history {}: {error}", path.display());
            match error.kind() {
                io::ErrorKind::NotFound => CliError::not_found(message),
                _ => CliError::other(message),
            }
        };
        // Whoever opens a pipe waits for its other end.
        if fs::metadata(path).is_ok_and(|it| !it.is_file() && !it.is_dir()) {
            return Err(CliError::other(format!("history {}: it is no file", path.display())));
        }
        let mut options = OpenOptions::new();
        options.read(true).mode(OURS_ALONE);
        if access == Access::Write {
            options.write(true).create(true).truncate(false);
        }
        let file = options.open(path).map_err(|error| unusable(&error))?;
        let found = file.metadata().map_err(|error| unusable(&error))?;
        if !found.is_file() {
            return Err(CliError::other(format!("history {}: it is no file", path.display())));
        }
        if access == Access::Write && found.len() == 0 {
            // Names of topics and groups will be in it, whoever made the file for us.
            let permissions = Permissions::from_mode(OURS_ALONE);
            file.set_permissions(permissions).map_err(|error| unusable(&error))?;
        }
        if access == Access::Read {
            return Ok(OnDisk(file));
        }
        match file.try_lock() {
            Ok(()) => Ok(OnDisk(file)),
            Err(TryLockError::WouldBlock) => {
                let message = format!("history {} is kept by another dashboard", path.display());
                Err(CliError::other(message).hint("name another file: --history FILE"))
            }
            Err(TryLockError::Error(error)) => Err(unusable(&error)),
        }
    }
}

impl Medium for OnDisk {
    fn length(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn read(&self, at: u64, count: usize) -> io::Result<Vec<u8>> {
        let rest = self.length()?.saturating_sub(at);
        let mut bytes = vec![0; count.min(usize::try_from(rest).unwrap_or(count))];
        self.0.read_exact_at(&mut bytes, at)?;
        Ok(bytes)
    }

    fn write(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all_at(bytes, at)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.sync_data()
    }
}
