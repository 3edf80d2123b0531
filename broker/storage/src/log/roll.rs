//! Rolling: closing the active segment and beginning the next.

use std::sync::Arc;

use kt_protocol::types::{Now, Offset, Timestamp};

use crate::error::LogError;
use crate::offset_index::OffsetEntry;
use crate::segment::Segment;
use crate::sparse_index::IndexEntry;
use crate::time_index::TimeEntry;

use super::{Active, Log};

impl Log {
    /// Begins a new segment if what is to be appended does not belong into the active one.
    /// Kafka's `LogSegment.shouldRoll`.
    pub(super) fn roll_if_due(
        &mut self,
        now: Now,
        bytes: u64,
        first_offset: Offset,
        last_offset: Offset,
        max_timestamp: Timestamp,
    ) -> Result<bool, LogError> {
        let active = Arc::clone(self.active_segment());
        let size = active.size()?;
        let fits = size + bytes <= u64::from(self.config.segment_bytes);
        let relative = last_offset - active.base_offset();
        let is_due = !fits
            || (0 < size && self.has_waited_long_enough(now, max_timestamp)?)
            || self.is_index_full()
            || i64::from(i32::MAX) < relative;
        if is_due {
            self.roll(now, Some(first_offset))?;
        }
        Ok(is_due)
    }

    /// Whether `segment.ms` has passed, by the records' clock where they have one.
    fn has_waited_long_enough(
        &mut self,
        now: Now,
        max_timestamp: Timestamp,
    ) -> Result<bool, LogError> {
        if self.active.first_batch_timestamp.is_none() {
            let active = self.active_segment();
            let first = active.locate_header(active.base_offset())?;
            self.active.first_batch_timestamp = first.map(|first| first.header.max_timestamp());
        }
        let waited = match self.active.first_batch_timestamp {
            Some(first) if 0 <= first.0 => max_timestamp.0 - first.0,
            _ => now.wall.0 - self.active.created.0,
        };
        let limit = self.config.segment_ms.saturating_sub(self.active.jitter_ms);
        Ok(u64::try_from(waited).is_ok_and(|waited| limit < waited))
    }

    /// The time index keeps one entry back, for the roll itself.
    fn is_index_full(&self) -> bool {
        let bytes = self.config.segment_index_bytes;
        let active = self.active_segment();
        let offsets = active.offset_index().entries().unwrap_or(0);
        let times = active.time_index().entries().unwrap_or(0);
        bytes / OffsetEntry::BYTES as u32 <= offsets
            || (bytes / TimeEntry::BYTES as u32).saturating_sub(1) <= times
    }

    /// Closes the active segment and begins the next, at the log end or above it.
    ///
    /// # Errors
    /// The disk's. The log goes on with the segment it had.
    pub fn roll(&mut self, now: Now, at_least: Option<Offset>) -> Result<(), LogError> {
        self.check_usable()?;
        let base_offset = self.log_end_offset.max(at_least.unwrap_or(self.log_end_offset));
        let active = Arc::clone(self.active_segment());
        if active.base_offset() == base_offset && active.size()? == 0 {
            return Ok(());
        }
        self.trim_active()?;
        active.close_indexes()?;
        self.write_snapshot(base_offset)?;
        let next = Segment::create(&self.home(), base_offset, &self.config)?;
        self.dirty.segment(&active)?;
        self.dirty.segment(&next)?;
        self.dirty.names();
        let all = self.segments.iter().cloned().chain([Arc::new(next)]);
        self.segments = all.collect();
        self.begin_active(now);
        self.active.is_preallocated = true;
        self.active.is_log_preallocated = self.config.preallocate;
        Ok(())
    }

    /// Gives back the space behind the last batch, if it was taken ahead.
    pub(super) fn trim_active(&mut self) -> Result<(), LogError> {
        if self.active.is_log_preallocated {
            let file = self.active_segment().trim_log()?;
            self.dirty.file(&file);
            self.active.is_log_preallocated = false;
        }
        Ok(())
    }

    /// Resets what the writer knows of the active segment: it is empty.
    pub(super) fn begin_active(&mut self, now: Now) {
        let most = self.config.segment_jitter_ms.min(self.config.segment_ms);
        let jitter_ms = if most == 0 { 0 } else { self.random.below(most) };
        self.active = Active { jitter_ms, ..Active::new(now) };
    }
}
