//! What callers of the client library did and were told, in the order in which it happened.

use std::fmt;

/// A partition of any topic, by its number in the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place(pub usize);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "partition #{}", self.0)
    }
}

/// One life of a client's process, each with a number of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Life(pub u64);

impl fmt::Display for Life {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "client life {}", self.0)
    }
}

/// One thing that a client was told, or did. Values go up within the life that sends them, and are
/// unique in a run.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields say it: times are milliseconds, offsets are Kafka's")]
pub enum ClientSeen {
    /// A producer took a record, and must say what became of it before `until`.
    Accepted { life: Life, value: u64, until: u64 },
    /// It was delivered; the offset is not known where the broker no longer remembers it.
    Delivered { value: u64, place: Place, offset: Option<i64>, at: u64 },
    /// It was given up: it may have been written, once.
    GivenUp { value: u64, at: u64 },
    /// The process is gone: nobody hears of what it was waiting for.
    Died { life: Life },
    /// A reader goes on here, by its own decision or its caller's.
    ReadsFrom { life: Life, place: Place, offset: i64 },
    /// It gave its caller a record, out of an answer that told this high watermark.
    Given { life: Life, place: Place, offset: i64, value: u64, high_watermark: i64 },
    /// A member of a group has processed all that it was given before this offset.
    Processed { group: usize, life: Life, place: Place, up_to: i64 },
    /// A member asks to commit this as the next offset to read.
    CommitAsked { group: usize, life: Life, place: Place, offset: i64 },
    /// The commit was acknowledged.
    Committed { group: usize, place: Place, offset: i64 },
    /// A member has come to own just these, and is in this generation.
    Owns { group: usize, life: Life, generation: i32, places: Vec<Place> },
    /// The process stands still, until then.
    Stopped { life: Life, until: u64 },
    /// Bytes that a client holds, of those that it may.
    Holds { life: Life, bytes: usize, bytes_max: usize },
    /// A record is in the log in the end.
    Logged { place: Place, offset: i64, value: u64 },
    /// The run is over.
    End { at: u64 },
}
