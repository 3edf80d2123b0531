//! The names of a partition directory's files: 20 digits of base offset, a kind, perhaps a suffix.
//!
//! Kafka's `LogFileUtils`.

use kt_protocol::types::Offset;

/// What a file of a segment holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FileKind {
    /// Record batches.
    Log,
    /// Offsets to positions.
    OffsetIndex,
    /// Timestamps to offsets.
    TimeIndex,
    /// Aborted transactions.
    TransactionIndex,
    /// The producers' state below the offset in the name.
    ProducerSnapshot,
}

impl FileKind {
    /// The four files that belong to a segment and go with it.
    pub const OF_A_SEGMENT: [FileKind; 4] =
        [FileKind::Log, FileKind::OffsetIndex, FileKind::TimeIndex, FileKind::TransactionIndex];

    const ALL: [FileKind; 5] = [
        FileKind::Log,
        FileKind::OffsetIndex,
        FileKind::TimeIndex,
        FileKind::TransactionIndex,
        FileKind::ProducerSnapshot,
    ];

    /// The extension, with its dot.
    pub fn extension(self) -> &'static str {
        match self {
            FileKind::Log => ".log",
            FileKind::OffsetIndex => ".index",
            FileKind::TimeIndex => ".timeindex",
            FileKind::TransactionIndex => ".txnindex",
            FileKind::ProducerSnapshot => ".snapshot",
        }
    }
}

/// Where a file stands in its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FileSuffix {
    /// In use.
    #[default]
    None,
    /// Out of the log, removed a little later.
    Deleted,
    /// Being written by the cleaner: worth nothing after a crash.
    Cleaned,
    /// Complete, about to take the place of the segments it was made from.
    Swap,
}

impl FileSuffix {
    const ALL: [FileSuffix; 4] =
        [FileSuffix::Deleted, FileSuffix::Cleaned, FileSuffix::Swap, FileSuffix::None];

    /// The suffix, with its dot.
    pub fn text(self) -> &'static str {
        match self {
            FileSuffix::None => "",
            FileSuffix::Deleted => ".deleted",
            FileSuffix::Cleaned => ".cleaned",
            FileSuffix::Swap => ".swap",
        }
    }
}

/// A file's name, read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileName {
    /// The base offset; of a snapshot, the offset it stands for.
    pub offset: Offset,
    /// What it holds.
    pub kind: FileKind,
    /// Where it stands in its life.
    pub suffix: FileSuffix,
}

impl FileName {
    /// The name of a file in use.
    pub fn new(offset: Offset, kind: FileKind) -> FileName {
        FileName { offset, kind, suffix: FileSuffix::None }
    }

    /// Reads a name; none if it is not a segment's or a snapshot's.
    pub fn parse(name: &str) -> Option<FileName> {
        let (stem, suffix) = FileSuffix::ALL
            .iter()
            .find_map(|suffix| Some((name.strip_suffix(suffix.text())?, *suffix)))?;
        let (digits, kind) = FileKind::ALL
            .iter()
            .find_map(|kind| Some((stem.strip_suffix(kind.extension())?, *kind)))?;
        if digits.len() != 20 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let offset = Offset(digits.parse().ok()?);
        Some(FileName { offset, kind, suffix })
    }
}

impl std::fmt::Display for FileName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:020}{}{}", self.offset.0, self.kind.extension(), self.suffix.text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_as_they_are_written() {
        for kind in FileKind::ALL {
            for suffix in FileSuffix::ALL {
                let name = FileName { offset: Offset(140), kind, suffix };
                assert_eq!(FileName::parse(&name.to_string()), Some(name));
            }
        }
        assert_eq!(
            FileName::new(Offset(35), FileKind::ProducerSnapshot).to_string(),
            "00000000000000000035.snapshot"
        );
    }

    #[test]
    fn other_names_are_nobodys() {
        for name in [
            "leader-epoch-checkpoint",
            "partition.metadata",
            "00000000000000000000-0000000000.checkpoint",
            "0.log",
            "+0000000000000000000.log",
            "99999999999999999999.log",
            "00000000000000000000.log.tmp",
        ] {
            assert_eq!(FileName::parse(name), None, "{name}");
        }
    }
}
