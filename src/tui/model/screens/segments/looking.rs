//! What is looked at in a local directory, and what was found there.

use serde::Serialize;

use crate::tui::model::checks::Level;
use crate::tui::model::screens::records::line::RecordLine;

/// Whose files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) topic: String,
    pub(crate) partition: i32,
}

/// What to look at. `base` is the base offset of a segment, `position` a byte in its log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// All of them. What is `known` of a file that has not changed is not read again.
    Segments { place: Place, known: Vec<SegmentLine> },
    /// A page of batches; with a `goal` it is the page that has it.
    Batches { place: Place, base: i64, position: u64, goal: Option<Goal> },
    /// The records of the batch that begins there.
    Records { place: Place, base: i64, position: u64 },
    /// Bytes from there on.
    Bytes { place: Place, base: i64, position: u64 },
}

/// What is looked for in a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Goal {
    Offset(i64),
    /// The first batch with that time or a later one, in ms since 1970.
    Time(i64),
}

/// What was found.
#[derive(Clone, Debug)]
pub(crate) enum Looked {
    Segments {
        lines: Vec<SegmentLine>,
        log_end: Option<i64>,
        /// Where they are.
        directory: String,
    },
    /// Batches, where the next page begins, and the batch that was looked for.
    Batches {
        lines: Vec<BatchLine>,
        more_at: Option<u64>,
        found: Option<u64>,
    },
    Records(Vec<RecordLine>),
    Bytes {
        position: u64,
        bytes: Vec<u8>,
    },
    /// Nobody has named a directory.
    NoData,
    Failed(String),
    /// It was wanted no more.
    Stopped,
}

/// Whether a segment is written to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Activity {
    #[default]
    Closed,
    Active,
}

/// A segment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct SegmentLine {
    /// Its base offset with all its zeros, as its files are named.
    pub(crate) name: String,
    pub(crate) base_offset: i64,
    /// The first offset behind it.
    pub(crate) next_offset: Option<i64>,
    /// In bytes.
    pub(crate) size: u64,
    /// Timestamps, in ms since 1970.
    pub(crate) first: Option<i64>,
    pub(crate) last: Option<i64>,
    /// Bytes of log for each entry of its index.
    pub(crate) bytes_per_entry: Option<u64>,
    pub(crate) has_index: bool,
    pub(crate) activity: Activity,
    pub(crate) has_aborted: bool,
    /// When the log was written to, in ms since 1970.
    #[serde(skip)]
    pub(crate) modified: i64,
    #[serde(skip)]
    pub(crate) level: Level,
    /// What is wrong at its end.
    pub(crate) fault: Option<String>,
}

/// A batch, or bytes that are none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct BatchLine {
    /// Its position with zeros before it.
    pub(crate) name: String,
    pub(crate) position: u64,
    #[serde(skip)]
    pub(crate) first: i64,
    /// The first offset, as text.
    pub(crate) offset: String,
    pub(crate) count: Option<u64>,
    /// In bytes.
    pub(crate) size: Option<u64>,
    pub(crate) codec: String,
    pub(crate) epoch: Option<i32>,
    /// Its id and epoch.
    pub(crate) producer: Option<(i64, i16)>,
    pub(crate) is_intact: bool,
    /// `txn`, `commit`, `abort`, `control`
    pub(crate) flags: String,
    pub(crate) fault: Option<String>,
}
