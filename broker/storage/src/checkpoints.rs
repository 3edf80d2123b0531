//! Checkpoint files: a version, a count, and a line for each entry.
//!
//! ```text
//! 0                 version
//! 2                 how many lines follow
//! orders 0 1200     topic partition offset
//! orders 1 17
//! ```
//!
//! Four of them keep an offset for each partition; `leader-epoch-checkpoint` keeps a line for each
//! leader epoch. Kafka's `CheckpointFile` and `OffsetCheckpointFile`.

use std::collections::BTreeMap;
use std::fmt::{Display, Write};
use std::path::Path;
use std::str::FromStr;

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

/// Reads a checkpoint file; a missing or empty one is an empty map. A partition that is named twice
/// has what the later line says.
///
/// # Errors
///
/// [`SmallFileError::Damaged`] for a wrong version, count or line, naming it.
pub fn read(disk: &dyn Disk, path: &Path) -> Result<OffsetCheckpoint, SmallFileError> {
    Ok(read_lines(disk, path, parse_offset)?.into_iter().collect())
}

/// Writes a checkpoint file, durably.
///
/// # Errors
///
/// Those of the disk.
pub fn write(disk: &dyn Disk, path: &Path, offsets: &OffsetCheckpoint) -> Result<(), DiskError> {
    atomic_file::write(disk, path, format(offsets).as_bytes())
}

/// What the files say that must be there after a crash: below the recovery point everything was
/// flushed, below the high watermark consumers have seen it. Only writing them gives this.
#[derive(Clone, Debug)]
pub struct Promises {
    recovery_points: OffsetCheckpoint,
    high_watermarks: OffsetCheckpoint,
}

/// What the files say of one partition. [`crate::Log::truncate_to`] wants to see that it is not
/// more than what it leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Promised(Offset);

impl Promises {
    /// Writes [`RECOVERY_POINT`] and [`REPLICATION`] in a log directory, durably.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn write(
        disk: &dyn Disk,
        directory: &Path,
        recovery_points: OffsetCheckpoint,
        high_watermarks: OffsetCheckpoint,
    ) -> Result<Promises, DiskError> {
        write(disk, &directory.join(RECOVERY_POINT), &recovery_points)?;
        write(disk, &directory.join(REPLICATION), &high_watermarks)?;
        Ok(Promises { recovery_points, high_watermarks })
    }

    /// What they say of a partition: nothing of one that is not in them.
    pub fn of(&self, partition: &TopicPartition) -> Promised {
        let files = [&self.recovery_points, &self.high_watermarks];
        let offsets = files.iter().filter_map(|file| file.get(partition).copied());
        Promised(offsets.max().unwrap_or_default())
    }
}

impl Promised {
    /// Everything below must be there.
    pub fn offset(self) -> Offset {
        self.0
    }
}

fn format(offsets: &OffsetCheckpoint) -> String {
    let line = |(key, offset): (&TopicPartition, &Offset)| {
        format!("{} {} {offset}", key.topic, key.partition)
    };
    format_lines(offsets.iter().map(line))
}

/// `topic partition offset`, with one space between, as Kafka writes it: a digit that became a space
/// is damage.
pub(crate) fn parse_offset(line: &str) -> Option<(TopicPartition, Offset)> {
    let mut words = line.split(' ');
    let (topic, partition, offset) = (words.next()?, words.next()?, words.next()?);
    let partition = number(partition).filter(|partition| 0 <= *partition)?;
    let offset = Offset(number(offset)?);
    words.next().is_none().then(|| (TopicPartition::new(topic, partition), offset))
}

/// Reads the entries of a checkpoint file, each by `parse_line`; none if it is missing or empty.
///
/// # Errors
///
/// [`SmallFileError::Damaged`] for a wrong version, count or line, naming it.
pub fn read_lines<T>(
    disk: &dyn Disk,
    path: &Path,
    parse_line: impl Fn(&str) -> Option<T>,
) -> Result<Vec<T>, SmallFileError> {
    let bytes = atomic_file::read(disk, path)?.unwrap_or_default();
    parse_lines(&bytes, parse_line).map_err(|reason| SmallFileError::damaged(path, reason))
}

/// The text of a checkpoint file with these entries, one to a line.
pub fn format_lines(entries: impl ExactSizeIterator<Item = impl Display>) -> String {
    let mut text = format!("0\n{}\n", entries.len());
    for entry in entries {
        writeln!(text, "{entry}").expect("writing to a string cannot fail");
    }
    text
}

pub(crate) fn parse_lines<T>(
    bytes: &[u8],
    parse_line: impl Fn(&str) -> Option<T>,
) -> Result<Vec<T>, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let valid = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let line = 1 + valid.iter().filter(|byte| **byte == b'\n').count();
        format!("line {line}: it is not text")
    })?;
    let mut lines = text.lines();
    match lines.next() {
        None => return Ok(Vec::new()),
        Some("0") => {}
        Some(other) => return Err(format!("line 1: version {other:?}, expected 0")),
    }
    let count: usize =
        lines.next().and_then(number).ok_or("line 2: expected the count of entries")?;
    let mut entries = Vec::new();
    for (index, line) in lines.enumerate() {
        let shown = || line.escape_debug().take(80).collect::<String>();
        let wrong = || format!("line {}: \"{}\" is no entry", index + 3, shown());
        entries.push(parse_line(line).ok_or_else(wrong)?);
    }
    if entries.len() != count {
        return Err(format!("line 2: it announces {count} entries and has {}", entries.len()));
    }
    Ok(entries)
}

/// A number as Kafka writes it: no plus sign, no zeros in front. Where no checksum is, that form is
/// what tells a flipped bit.
pub(crate) fn number<T: FromStr>(text: &str) -> Option<T> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let has_zeros = digits.starts_with('0') && text != "0";
    if text.starts_with('+') || has_zeros {
        return None;
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::atomic_file::tests::at_every_crash_point;
    use crate::simulated_disk::SimulatedDisk;

    const PATH: &str = "/data/recovery-point-offset-checkpoint";

    fn parse(bytes: &[u8]) -> Result<OffsetCheckpoint, String> {
        parse_lines(bytes, parse_offset).map(|entries| entries.into_iter().collect())
    }

    fn offsets(entries: &[(&str, i32, i64)]) -> OffsetCheckpoint {
        let entry = |(topic, partition, offset): &(&str, i32, i64)| {
            (TopicPartition::new(*topic, *partition), Offset(*offset))
        };
        entries.iter().map(entry).collect()
    }

    #[test]
    fn reads_what_it_writes() {
        let all = offsets(&[("orders", 0, 1200), ("orders", 10, 17), ("a.b-c_d", 2, i64::MAX)]);
        let text = format(&all);
        assert_eq!(text, "0\n3\na.b-c_d 2 9223372036854775807\norders 0 1200\norders 10 17\n");
        assert_eq!(parse(text.as_bytes()), Ok(all));
        assert_eq!(parse(b""), Ok(OffsetCheckpoint::new()));
        assert_eq!(parse(b"0\n0\n"), Ok(OffsetCheckpoint::new()));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        let wrong: [(&[u8], &str); 10] = [
            (b"1\n0\n", "line 1: version \"1\", expected 0"),
            (b"0\n", "line 2: expected the count of entries"),
            (b"0\nx\n", "line 2: expected the count of entries"),
            (b"0\n2\na 0 1\n", "line 2: it announces 2 entries and has 1"),
            (b"0\n1\na 0\n", "line 3: \"a 0\" is no entry"),
            (b"0\n1\na 0 1 2\n", "line 3: \"a 0 1 2\" is no entry"),
            (b"0\n1\na -1 1\n", "line 3: \"a -1 1\" is no entry"),
            (b"0\n2\na 0 1\n\n", "line 4: \"\" is no entry"),
            (
                b"0\n1\na 0 99999999999999999999\n",
                "line 3: \"a 0 99999999999999999999\" is no entry",
            ),
            (b"0\n1\n\xff 0 1\n", "line 3: it is not text"),
        ];
        for (bytes, message) in wrong {
            assert_eq!(parse(bytes).unwrap_err(), message);
        }
        let disk = SimulatedDisk::new(1);
        disk.import([(PATH.into(), b"7\n".to_vec())]);
        let error = read(&disk, Path::new(PATH)).unwrap_err().to_string();
        assert_eq!(error, format!("{PATH} is damaged: line 1: version \"7\", expected 0"));
    }

    #[test]
    fn a_crash_leaves_the_old_offsets_or_the_new() {
        let (old, new) = (offsets(&[("a", 0, 1)]), offsets(&[("a", 0, 2), ("b", 0, 7)]));
        let path = Path::new(PATH);
        let check = |disk: &SimulatedDisk, succeeded: bool| {
            let found = read(disk, path).unwrap();
            assert!(found == new || (found == old && !succeeded));
        };
        at_every_crash_point(
            |disk| disk.import([(path.to_owned(), format(&old).into_bytes())]),
            |disk| write(disk, path, &new),
            check,
        );
    }

    proptest! {
        #[test]
        fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes);
        }

        #[test]
        fn random_lines_never_panic(text in "[01]\n[0-3]\n([a-z]{0,3}[ \n]?-?[0-9]{0,20}[ \n]?){0,6}") {
            let _ = parse(text.as_bytes());
        }

        #[test]
        fn any_offsets_read_back(
            entries in prop::collection::btree_map(("[a-zA-Z0-9._-]{1,20}", 0..i32::MAX), any::<i64>(), 0..20)
        ) {
            let all: OffsetCheckpoint = entries
                .into_iter()
                .map(|((topic, partition), offset)| (TopicPartition::new(topic, partition), Offset(offset)))
                .collect();
            prop_assert_eq!(parse(format(&all).as_bytes()), Ok(all));
        }
    }
}
