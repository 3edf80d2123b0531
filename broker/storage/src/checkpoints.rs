//! Checkpoint files: a version, a count, and a line for each partition (CheckpointFile).
//!
//! ```text
//! 0
//! 2
//! orders 0 1200
//! orders 1 17
//! ```

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use kt_protocol::types::{Offset, TopicPartition};

use crate::atomic_file;
use crate::disk::{Disk, DiskError};
use crate::small_file_error::SmallFileError;

/// What is flushed, by partition.
pub const RECOVERY_POINT: &str = "recovery-point-offset-checkpoint";
/// Where logs start, where that is not their first segment.
pub const LOG_START: &str = "log-start-offset-checkpoint";
/// High watermarks.
pub const REPLICATION: &str = "replication-offset-checkpoint";
/// Up to where logs are compacted.
pub const CLEANER: &str = "cleaner-offset-checkpoint";

/// Offsets by partition.
pub type OffsetCheckpoint = BTreeMap<TopicPartition, Offset>;

/// Reads a checkpoint file; a missing or empty one is an empty map.
///
/// # Errors
///
/// [`SmallFileError::Damaged`] for a wrong version, count or line, naming it.
pub fn read(disk: &dyn Disk, path: &Path) -> Result<OffsetCheckpoint, SmallFileError> {
    let bytes = atomic_file::read(disk, path)?.unwrap_or_default();
    parse(&bytes).map_err(|reason| SmallFileError::damaged(path, reason))
}

/// Writes a checkpoint file, durably.
///
/// # Errors
///
/// Those of the disk.
pub fn write(disk: &dyn Disk, path: &Path, offsets: &OffsetCheckpoint) -> Result<(), DiskError> {
    atomic_file::write(disk, path, format(offsets).as_bytes())
}

fn format(offsets: &OffsetCheckpoint) -> String {
    let mut text = format!("0\n{}\n", offsets.len());
    for (partition, offset) in offsets {
        let _ = writeln!(text, "{} {} {offset}", partition.topic, partition.partition);
    }
    text
}

fn parse(bytes: &[u8]) -> Result<OffsetCheckpoint, String> {
    if bytes.is_empty() {
        return Ok(OffsetCheckpoint::new());
    }
    let text = std::str::from_utf8(bytes).map_err(|_| "it is not text".to_owned())?;
    let mut lines = text.lines();
    match lines.next() {
        Some("0") => {}
        other => return Err(format!("line 1: version {:?}, expected 0", other.unwrap_or(""))),
    }
    let count: usize = lines
        .next()
        .and_then(|line| line.trim().parse().ok())
        .ok_or("line 2: expected the count of entries")?;
    let mut offsets = OffsetCheckpoint::new();
    for (index, line) in lines.enumerate() {
        let entry = parse_entry(line);
        let (partition, offset) =
            entry.ok_or_else(|| format!("line {}: expected TOPIC PARTITION OFFSET", index + 3))?;
        offsets.insert(partition, offset);
    }
    if offsets.len() != count {
        return Err(format!("it announces {count} entries and has {}", offsets.len()));
    }
    Ok(offsets)
}

fn parse_entry(line: &str) -> Option<(TopicPartition, Offset)> {
    let mut words = line.split_whitespace();
    let topic = words.next()?;
    let partition = words.next()?.parse().ok()?;
    let offset = words.next()?.parse().ok()?;
    words.next().is_none().then(|| (TopicPartition::new(topic, partition), Offset(offset)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes_and_names_the_wrong_line() {
        let offsets = OffsetCheckpoint::from([
            (TopicPartition::new("orders", 0), Offset(1200)),
            (TopicPartition::new("orders", 10), Offset(17)),
        ]);
        assert_eq!(format(&offsets), "0\n2\norders 0 1200\norders 10 17\n");
        assert_eq!(parse(format(&offsets).as_bytes()), Ok(offsets));
        assert_eq!(parse(b""), Ok(OffsetCheckpoint::new()));
        assert_eq!(parse(b"1\n0\n").unwrap_err(), "line 1: version \"1\", expected 0");
        assert_eq!(parse(b"0\n2\na 0 1\n").unwrap_err(), "it announces 2 entries and has 1");
        assert_eq!(parse(b"0\n1\na 0 x\n").unwrap_err(), "line 3: expected TOPIC PARTITION OFFSET");
    }
}
