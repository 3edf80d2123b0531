//! Record bytes inside messages: never decoded and never copied here.

use bytes::Bytes;

/// The value of a `records` field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Records {
    /// Record batches in memory.
    Bytes(Bytes),
    /// Record batches that are elsewhere (a file): only their length is written, and a
    /// [`Segment::External`] marks where they belong.
    External {
        /// Length in bytes.
        length: u32,
    },
}

impl Records {
    /// No records, which is not the same as null.
    pub const EMPTY: Records = Records::Bytes(Bytes::new());

    /// Length in bytes.
    pub fn len(&self) -> usize {
        match self {
            Records::Bytes(bytes) => bytes.len(),
            Records::External { length } => *length as usize,
        }
    }

    /// True if there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes, if they are in memory.
    pub fn as_bytes(&self) -> Option<&Bytes> {
        match self {
            Records::Bytes(bytes) => Some(bytes),
            Records::External { .. } => None,
        }
    }
}

impl Default for Records {
    fn default() -> Records {
        Records::EMPTY
    }
}

impl From<Bytes> for Records {
    fn from(bytes: Bytes) -> Records {
        Records::Bytes(bytes)
    }
}

/// Record bytes in a borrowed frame, with their position, so that they can be patched in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordsView<'a> {
    /// Where they begin in what the reader was given.
    pub position: usize,
    /// The bytes.
    pub bytes: &'a [u8],
}

impl RecordsView<'_> {
    /// Where they stand in what the reader was given.
    pub fn range(&self) -> std::ops::Range<usize> {
        self.position..self.position + self.bytes.len()
    }
}

/// A piece of an encoded message. The pieces in order are its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment {
    /// Bytes in memory.
    Bytes(Bytes),
    /// Bytes that the sender takes from elsewhere.
    External {
        /// Length in bytes.
        length: u32,
    },
}

impl Segment {
    /// Length in bytes.
    pub fn len(&self) -> usize {
        match self {
            Segment::Bytes(bytes) => bytes.len(),
            Segment::External { length } => *length as usize,
        }
    }

    /// True if there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
