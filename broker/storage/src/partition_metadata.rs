//! `partition.metadata`: which topic id a partition directory belongs to (PartitionMetadataFile).
//!
//! Two lines, the last without a newline: `version: 0` and `topic_id: ID`.

use std::path::Path;

use kt_protocol::types::Uuid;

use crate::atomic_file;
use crate::disk::{Disk, DiskError};
use crate::small_file_error::SmallFileError;

/// The file's name.
pub const FILE_NAME: &str = "partition.metadata";

/// Reads the topic id of a partition directory; none if there is no such file.
///
/// # Errors
///
/// [`SmallFileError`] if it cannot be read or is not of this form.
pub fn read(disk: &dyn Disk, directory: &Path) -> Result<Option<Uuid>, SmallFileError> {
    let path = directory.join(FILE_NAME);
    let Some(bytes) = atomic_file::read(disk, &path)? else { return Ok(None) };
    let text = std::str::from_utf8(&bytes).unwrap_or_default();
    parse(text).map(Some).ok_or_else(|| {
        SmallFileError::damaged(&path, "expected the lines version: 0 and topic_id: ID")
    })
}

/// Writes the file without making it durable: it becomes so with the directory's next flush.
///
/// # Errors
///
/// Those of the disk.
pub fn write_unsynced(disk: &dyn Disk, directory: &Path, topic_id: Uuid) -> Result<(), DiskError> {
    let text = format!("version: 0\ntopic_id: {topic_id}");
    atomic_file::write_unsynced(disk, &directory.join(FILE_NAME), text.as_bytes())
}

fn parse(text: &str) -> Option<Uuid> {
    let mut lines = text.lines();
    let is_version_0 = lines.next()?.strip_prefix("version:")?.trim() == "0";
    let id = lines.next()?.strip_prefix("topic_id:")?.trim().parse().ok()?;
    is_version_0.then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_kafkas_form_only() {
        assert_eq!(parse("version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAQ"), Some(Uuid::ONE));
        for wrong in ["", "version: 1\ntopic_id: AAAAAAAAAAAAAAAAAAAAAQ", "version: 0\n"] {
            assert_eq!(parse(wrong), None, "{wrong:?}");
        }
    }
}
