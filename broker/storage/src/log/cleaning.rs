//! Cleaning: what a pass of the cleaner sees of the log, and how its result takes the place of
//! segments. Kafka's `UnifiedLog.replaceSegments`.
//!
//! ```text
//! X.cleaned ── synced, with its names ── X.swap ── sync ── old ones .deleted ── sync ── X ── sync
//! ```
//!
//! Up to the first of these syncs a crash leaves the old segments, from there on the new one:
//! the loader completes it. Each step is durable before the next begins: of renames that are not,
//! a power cut keeps any, and half of the old segments beside the new one are no log.

use std::sync::{Arc, Weak};

use kt_protocol::planted;

use crate::cleaner::{Cleaned, CleaningView, LastBatch};
use crate::disk::DiskError;
use crate::error::LogError;
use crate::file_names::{FileKind, FileName, FileSuffix};
use crate::producer_state;
use crate::segment::Segment;
use kt_protocol::types::Offset;

use super::{Deletion, Log};

/// What became of a cleaned segment.
#[derive(Debug)]
#[must_use = "the replaced files stay until the deletion is carried out"]
pub enum Swapped {
    /// It is in the log. What it replaced is to be removed after `file.delete.delay.ms`.
    Done(Deletion),
    /// The log is not what it was made from any more: it was truncated, or retention took some of
    /// it. The files are removed; the pass is to end, and nothing else has changed.
    Refused,
}

impl Log {
    /// The log as a pass of the cleaner sees it. `high_watermark` bounds it, and so does what
    /// [`Log::first_unstable_offset`] says now.
    ///
    /// # Errors
    /// [`LogError::Failed`].
    pub fn cleaning_view(&self, high_watermark: Offset) -> Result<CleaningView, LogError> {
        self.check_usable()?;
        let unstable = self.first_unstable_offset().unwrap_or(high_watermark);
        let last_batches = self.producers.iter().map(|(id, entry)| {
            // What lies above may be truncated, and then an older batch is the last again.
            let settled = entry.last_batch_below(high_watermark);
            let last = match settled.or(entry.last_batch()) {
                Some(batch) => LastBatch::Data(batch.last_offset),
                None => LastBatch::Marker(entry.epoch()),
            };
            (id, last)
        });
        Ok(CleaningView {
            cache: Arc::clone(&self.cache),
            directory: Arc::clone(&self.directory),
            config: Arc::clone(&self.config),
            segments: Arc::clone(&self.segments),
            log_start_offset: self.log_start_offset,
            log_end_offset: self.log_end_offset,
            last_stable_offset: unstable.min(high_watermark),
            cleaned_at_most: self.cleaned_at_most,
            generation: self.generation,
            last_batches: Arc::new(last_batches.collect()),
        })
    }

    /// Puts a cleaned segment in the place of those it was made from: in one step for readers, and
    /// durably. It syncs the directory three times, so it runs in the pass's job.
    ///
    /// # Errors
    /// The disk's, after which the log has failed: opening it again completes the swap, or undoes
    /// it.
    pub fn swap_cleaned(&mut self, cleaned: &Cleaned) -> Result<Swapped, LogError> {
        self.check_usable()?;
        let Some(at) = self.place_of(cleaned)? else {
            cleaned.discard()?;
            return Ok(Swapped::Refused);
        };
        let result = self.swap(at, cleaned);
        // Half of a swap is not a log to go on with.
        self.has_failed |= result.is_err();
        let deletion = result?;
        if cleaned.completes.is_some() {
            self.cleaned_at_most = None;
        }
        Ok(Swapped::Done(deletion))
    }

    /// Where in the segments those stand that it was made from; none if not all of them do, or if
    /// they are about to be truncated.
    fn place_of(&self, cleaned: &Cleaned) -> Result<Option<usize>, DiskError> {
        let is_current = cleaned.generation == self.generation && self.truncating_to.is_none();
        let closed = self.segments.len().saturating_sub(1);
        let closed = self.segments.get(..closed).unwrap_or(&[]);
        let at = closed.partition_point(|it| it.base_offset() < cleaned.base_offset());
        let here = closed.get(at..at + cleaned.replaced.len()).unwrap_or(&[]);
        let is_same = !here.is_empty()
            && here.len() == cleaned.replaced.len()
            && here.iter().zip(&cleaned.replaced).all(|(one, other)| Arc::ptr_eq(one, other));
        if !is_current || !is_same {
            return Ok(None);
        }
        // A later pass may have removed it.
        let is_there = self.cache.disk().exists(&cleaned.segment.path(FileKind::Log))?;
        Ok(is_there.then_some(at))
    }

    fn swap(&mut self, at: usize, cleaned: &Cleaned) -> Result<Deletion, LogError> {
        self.remove_other_cleaned(cleaned.base_offset())?;
        cleaned.segment.rename(FileSuffix::Swap)?;
        self.sync_swap()?;
        self.forget_swapped_out(&cleaned.replaced)?;
        for segment in &cleaned.replaced {
            segment.rename(FileSuffix::Deleted)?;
        }
        self.sync_swap()?;
        self.put_in_place(&cleaned.segment)?;
        self.sync_swap()?;
        self.remove_snapshots_within(&cleaned.replaced)?;
        let (before, rest) = self.segments.split_at(at);
        let behind = rest.get(cleaned.replaced.len()..).unwrap_or(&[]);
        let new = std::iter::once(&cleaned.segment);
        self.segments = before.iter().chain(new).chain(behind).cloned().collect();
        Ok(Deletion { segments: cleaned.replaced.clone() })
    }

    /// The log last: as long as its swap is there, the loader knows that the rest is to follow.
    fn put_in_place(&self, segment: &Segment) -> Result<(), DiskError> {
        segment.rename_in_order(FileSuffix::None, FileKind::OF_A_SEGMENT.iter().rev())
    }

    fn sync_swap(&self) -> Result<(), DiskError> {
        if planted!("swap not synced") {
            return Ok(());
        }
        self.cache.disk().sync_directory(&self.directory.path())
    }

    /// The names that segments get now may still be those of what an earlier pass took out: such
    /// files go at once. Who reads there is to take the segments anew, and not another's bytes.
    fn forget_swapped_out(&mut self, replaced: &[Arc<Segment>]) -> Result<(), DiskError> {
        let bases: Vec<Offset> = replaced.iter().map(|it| it.base_offset()).collect();
        self.swapped_out.retain(|one| 0 < one.strong_count());
        for earlier in self.swapped_out.iter().filter_map(Weak::upgrade) {
            if bases.binary_search(&earlier.base_offset()).is_ok() {
                earlier.remove_files()?;
            }
        }
        self.swapped_out.extend(replaced.iter().map(Arc::downgrade));
        Ok(())
    }

    /// Removes what other passes left. As long as a `.cleaned` file stands below a `.swap` one,
    /// the loader takes the swap for one that was cut short.
    fn remove_other_cleaned(&self, base: Offset) -> Result<(), DiskError> {
        let (disk, directory) = (self.cache.disk(), self.directory.path());
        for entry in disk.list(&directory)? {
            let name = FileName::parse(&entry.name);
            if name.is_some_and(|it| it.suffix == FileSuffix::Cleaned && it.offset != base) {
                disk.remove_file(&directory.join(&entry.name))?;
            }
        }
        Ok(())
    }

    /// Snapshots at the bases of segments that are no more. They still say what is so, but nothing
    /// begins there any longer.
    fn remove_snapshots_within(&self, replaced: &[Arc<Segment>]) -> Result<(), DiskError> {
        let directory = self.directory.path();
        for segment in replaced.iter().skip(1) {
            let base = segment.base_offset();
            if base < self.snapshots.newest() {
                producer_state::remove_snapshot(&**self.cache.disk(), &directory, base)?;
            }
        }
        Ok(())
    }
}
