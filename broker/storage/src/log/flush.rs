//! Flush bookkeeping: what is written but not durable, and what became so.

use std::path::PathBuf;
use std::sync::Arc;

use kt_protocol::types::Offset;
use smallvec::SmallVec;

use crate::disk::{DiskError, File};
use crate::segment::Segment;

use super::Log;

/// The files that hold what is not durable yet. Kept open until they are flushed, so that an
/// error of writing back is told to us.
#[derive(Default)]
pub(super) struct Dirty {
    files: SmallVec<[Arc<dyn File>; 2]>,
    has_new_names: bool,
    is_new_directory: bool,
}

impl Dirty {
    pub(super) fn file(&mut self, file: &Arc<dyn File>) {
        // The newest is the likely one.
        if !self.files.iter().rev().any(|known| Arc::ptr_eq(known, file)) {
            self.files.push(Arc::clone(file));
        }
    }

    pub(super) fn segment(&mut self, segment: &Segment) -> Result<(), DiskError> {
        self.file(&segment.log_file()?);
        self.file(&segment.offset_index().slot().file()?);
        self.file(&segment.time_index().slot().file()?);
        Ok(())
    }

    pub(super) fn names(&mut self) {
        self.has_new_names = true;
    }

    pub(super) fn new_directory(&mut self, is_new: bool) {
        self.is_new_directory |= is_new;
    }
}

/// What to make durable, and what is durable then.
#[derive(Clone)]
pub struct FlushCandidates {
    /// The files to sync, each once.
    pub files: SmallVec<[Arc<dyn File>; 2]>,
    /// The directories in which names must become durable too: the partition's if it has new
    /// files, and the one above if it is new itself.
    pub directories: SmallVec<[PathBuf; 2]>,
    /// Everything below is durable once this is done.
    pub up_to: Offset,
    /// The log's generation: [`Log::flushed`] wants it back.
    pub generation: u32,
}

impl Log {
    /// True if something was written since the last [`Log::flush_candidates`].
    pub fn needs_flush(&self) -> bool {
        !self.dirty.files.is_empty() || self.dirty.has_new_names || self.epochs.needs_flush()
    }

    /// Takes what is to be flushed: one call, one flush, one [`Log::flushed`]. None if all that
    /// was written is durable or on its way there.
    ///
    /// # Errors
    /// The disk's, while writing what is only in memory so far.
    pub fn flush_candidates(&mut self) -> Result<Option<FlushCandidates>, DiskError> {
        if !self.needs_flush() {
            return Ok(None);
        }
        let directory = self.directory.path();
        let (file, has_new_name) = self.epochs.before_flush(&**self.cache.disk(), &directory)?;
        if let Some(file) = file {
            self.dirty.file(&file);
        }
        self.dirty.has_new_names |= has_new_name;
        let dirty = std::mem::take(&mut self.dirty);
        let mut directories = SmallVec::new();
        if dirty.has_new_names {
            directories.push(directory.clone());
        }
        if let Some(above) = directory.parent().filter(|_| dirty.is_new_directory) {
            directories.push(above.to_owned());
        }
        let (up_to, generation) = (self.log_end_offset, self.generation);
        Ok(Some(FlushCandidates { files: dirty.files, directories, up_to, generation }))
    }

    /// Notes that a flush succeeded. One of an older generation changes nothing: what it flushed
    /// was truncated meanwhile.
    pub fn flushed(&mut self, generation: u32, up_to: Offset) {
        if generation == self.generation {
            self.epochs.after_flush();
            self.recovery_point = self.recovery_point.max(up_to);
        }
    }
}
