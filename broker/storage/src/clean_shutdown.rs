//! `.kafka_cleanshutdown`: the logs of this directory were closed and flushed
//! (CleanShutdownFileHandler).
//!
//! `{"version":0,"brokerEpoch":N}`; files of brokers before 3.7 are empty.

use std::path::Path;

use serde_json::Value;

use crate::atomic_file;
use crate::disk::{Disk, DiskError};

/// The file's name.
pub const FILE_NAME: &str = ".kafka_cleanshutdown";

/// What the marker says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CleanShutdown {
    /// The broker's epoch when it stopped, where it is known (KIP-966).
    pub broker_epoch: Option<i64>,
}

/// Reads the marker; none if there is none. What it says beyond being there may be missing.
///
/// # Errors
///
/// Those of the disk.
pub fn read(disk: &dyn Disk, directory: &Path) -> Result<Option<CleanShutdown>, DiskError> {
    let Some(bytes) = atomic_file::read(disk, &directory.join(FILE_NAME))? else {
        return Ok(None);
    };
    let json: Option<Value> = serde_json::from_slice(&bytes).ok();
    let broker_epoch = json.as_ref().and_then(|it| it.get("brokerEpoch")).and_then(Value::as_i64);
    Ok(Some(CleanShutdown { broker_epoch }))
}

/// Writes the marker, durably; only after everything of the directory is flushed.
///
/// # Errors
///
/// Those of the disk.
pub fn write(disk: &dyn Disk, directory: &Path, broker_epoch: i64) -> Result<(), DiskError> {
    let text = format!("{{\"version\":0,\"brokerEpoch\":{broker_epoch}}}");
    atomic_file::write(disk, &directory.join(FILE_NAME), text.as_bytes())
}

/// Removes the marker, durably, before anything of the directory is written.
///
/// # Errors
///
/// Those of the disk.
pub fn remove(disk: &dyn Disk, directory: &Path) -> Result<(), DiskError> {
    let path = directory.join(FILE_NAME);
    if !disk.exists(&path)? {
        return Ok(());
    }
    disk.remove_file(&path)?;
    disk.sync_directory(directory)
}
