//! One segment in the place of several: complete and durable, and not in the log yet.

use std::sync::Arc;

use kt_protocol::types::Offset;

use crate::disk::DiskError;
use crate::segment::Segment;

/// One segment that is to take the place of several: complete and durable under `.cleaned` names.
/// It is for [`crate::Log::swap_cleaned`] or [`Cleaned::discard`]; what becomes of neither is
/// removed when the log is next opened or cleaned.
#[must_use = "the log is as it was until this is swapped in"]
pub struct Cleaned {
    pub(crate) segment: Arc<Segment>,
    /// The segments that it was made from, in order.
    pub(crate) replaced: Vec<Arc<Segment>>,
    /// The log's generation when the pass began.
    pub(crate) generation: u32,
    /// Of the last of a pass: up to where the log is clean with it.
    pub(crate) completes: Option<Offset>,
}

impl Cleaned {
    /// How many segments it takes the place of.
    pub fn replaces(&self) -> usize {
        self.replaced.len()
    }

    /// The base offset of the segment.
    pub fn base_offset(&self) -> Offset {
        self.segment.base_offset()
    }

    /// Its bytes.
    ///
    /// # Errors
    /// The disk's.
    pub fn size(&self) -> Result<u64, DiskError> {
        self.segment.size()
    }

    /// Removes its files: it is not wanted any more.
    ///
    /// # Errors
    /// The disk's.
    pub fn discard(&self) -> Result<(), DiskError> {
        self.segment.remove_files()
    }
}

impl std::fmt::Debug for Cleaned {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Cleaned({:?} for {:?})", self.segment, self.replaced)
    }
}
