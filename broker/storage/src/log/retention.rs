//! Retention: which old segments leave the log, by time, by size and by the log start offset.
//!
//! Only segments wholly below the high watermark leave. They are renamed at once and their files
//! removed later, for those who still read them. Kafka's `UnifiedLog.deleteOldSegments`.

use std::sync::Arc;

use kt_protocol::types::{Millis, Now, Offset, Timestamp};

use crate::disk::DiskError;
use crate::error::LogError;
use crate::segment::Segment;

use super::Log;

/// How far the wall clock may run ahead of the monotonic one before it is held for a jump: more
/// than a leap second or a slewing daemon make of a day.
const TOLERATED_JUMP_MS: u64 = 10 * 60_000;
/// For how long deletion by time waits after a jump: time for somebody to see and undo it.
const HOLD_AFTER_JUMP_MS: u64 = 3_600_000;

/// Files that are out of the log, to be removed after `file.delete.delay.ms`.
#[derive(Clone, Debug, Default)]
#[must_use = "the files stay until the deletion is carried out"]
pub struct Deletion {
    pub(super) segments: Vec<Arc<Segment>>,
}

impl Deletion {
    /// True if there is nothing to remove.
    pub fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// The segments that left the log.
    pub fn segments(&self) -> &[Arc<Segment>] {
        &self.segments
    }

    /// Removes the files. Who holds one open may go on reading it.
    ///
    /// # Errors
    /// The disk's; may be called again.
    pub fn carry_out(&self) -> Result<(), DiskError> {
        self.segments.iter().try_for_each(|segment| segment.remove_files())
    }
}

impl Log {
    /// Takes out of the log what its configs do not keep, as of `now`, and raises the log start
    /// offset with it. An active segment that is not kept is rolled first.
    ///
    /// `wall` is the time to judge age by: [`WallClockGuard::trusted`], none while it is in doubt.
    ///
    /// # Errors
    /// The disk's.
    pub fn delete_old_segments(
        &mut self,
        now: Now,
        wall: Option<Timestamp>,
        high_watermark: Offset,
    ) -> Result<Deletion, LogError> {
        self.check_usable()?;
        let mut count = self.deletable(wall, high_watermark)?;
        if count == 0 {
            return Ok(Deletion::default());
        }
        if count == self.segments.len() {
            if self.active_segment().size()? == 0 {
                count -= 1;
            } else {
                self.roll(now, None)?;
            }
        }
        let (gone, kept) = self.segments.split_at(count);
        let (gone, kept) = (gone.to_vec(), kept.to_vec());
        let Some(first) = kept.first() else { return Ok(Deletion::default()) };
        // What is known of producers by the records that go is in it alone from now on.
        self.sync_snapshot(first.base_offset())?;
        // Readers see the new start before the first name goes.
        self.log_start_offset = self.log_start_offset.max(first.base_offset());
        self.epochs.truncate_from_start(self.log_start_offset);
        self.segments = kept.into();
        // The oldest first: what is left after a crash has no hole.
        for segment in &gone {
            segment.rename(crate::file_names::FileSuffix::Deleted)?;
        }
        let base = self.segments.first().map_or(Offset(0), |first| first.base_offset());
        self.remove_snapshots(|offset| offset < base)?;
        self.dirty.names();
        Ok(Deletion { segments: gone })
    }

    /// How many of the oldest segments are not kept.
    fn deletable(
        &self,
        wall: Option<Timestamp>,
        high_watermark: Offset,
    ) -> Result<usize, LogError> {
        let mut surplus = match self.config.retention_bytes.filter(|_| self.config.deletes) {
            Some(kept) => self.size()?.checked_sub(kept),
            None => None,
        };
        let mut count = 0;
        for (at, segment) in self.segments.iter().enumerate() {
            let next = self.segments.get(at + 1).map(|next| next.base_offset());
            if high_watermark < next.unwrap_or(self.log_end_offset) {
                break;
            }
            let size = segment.size()?;
            let is_below_start = next.is_some_and(|next| next <= self.log_start_offset);
            let is_surplus = surplus.is_some_and(|surplus| size <= surplus) && 0 < size;
            if !is_below_start && !is_surplus && !self.is_expired(segment, size, wall)? {
                break;
            }
            surplus = surplus.and_then(|surplus| surplus.checked_sub(size));
            count = at + 1;
        }
        Ok(count)
    }

    fn is_expired(
        &self,
        segment: &Segment,
        size: u64,
        wall: Option<Timestamp>,
    ) -> Result<bool, LogError> {
        let (Some(retention_ms), Some(wall), true, true) =
            (self.config.retention_ms, wall, self.config.deletes, 0 < size)
        else {
            return Ok(false);
        };
        let age = wall.0.saturating_sub(segment.newest_timestamp()?.0);
        Ok(u64::try_from(age).is_ok_and(|age| retention_ms < age))
    }

    /// Raises the log start offset: nothing below it is given to anybody any more. Its segments
    /// leave with the next [`Log::delete_old_segments`]. False if it is that high already.
    ///
    /// # Errors
    /// [`LogError::OutOfRange`] above the high watermark.
    pub fn raise_log_start_offset(
        &mut self,
        offset: Offset,
        high_watermark: Offset,
    ) -> Result<bool, LogError> {
        self.check_usable()?;
        if high_watermark < offset {
            let start = self.log_start_offset;
            return Err(LogError::OutOfRange { asked: offset, start, end: high_watermark });
        }
        if offset <= self.log_start_offset {
            return Ok(false);
        }
        self.log_start_offset = offset;
        self.epochs.truncate_from_start(offset);
        Ok(true)
    }
}

/// Tells when the wall clock has jumped: age must not delete then, until the new time has stood
/// for a while. One for the process.
#[derive(Clone, Copy, Debug, Default)]
pub struct WallClockGuard {
    last: Option<Now>,
    held_until: Option<Millis>,
}

impl WallClockGuard {
    /// For a process that begins at `now`, where something was last written at `last_write`
    /// ([`crate::File::modified`] of the newest checkpoint): what the clock did in between nobody
    /// has seen, so a longer pause counts as a jump too.
    pub fn since(last_write: Timestamp, now: Now) -> WallClockGuard {
        // As if the clocks had stood together when it was written, and none of the time had passed.
        let last = Some(Now { wall: last_write, ..now });
        let mut guard = WallClockGuard { last, held_until: None };
        guard.trusted(now);
        guard
    }

    /// The wall clock, unless it jumped ahead lately.
    pub fn trusted(&mut self, now: Now) -> Option<Timestamp> {
        if let Some(last) = self.last {
            let passed = now.monotonic - last.monotonic;
            let claimed = u64::try_from(now.wall.0.saturating_sub(last.wall.0)).unwrap_or(0);
            if passed + TOLERATED_JUMP_MS < claimed {
                self.held_until = Some(now.monotonic + HOLD_AFTER_JUMP_MS);
            }
        }
        self.last = Some(now);
        self.held_until = self.held_until.filter(|until| now.monotonic < *until);
        match self.held_until {
            None => Some(now.wall),
            Some(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(monotonic: u64, wall: i64) -> Now {
        Now { monotonic: Millis(monotonic), wall: Timestamp(wall) }
    }

    #[test]
    fn a_clock_that_jumps_ahead_deletes_nothing_for_an_hour() {
        let mut guard = WallClockGuard::default();
        assert_eq!(guard.trusted(at(0, 1_000)), Some(Timestamp(1_000)));
        assert_eq!(guard.trusted(at(500, 1_500)), Some(Timestamp(1_500)));
        let year = 365 * 24 * 3_600_000;
        assert_eq!(guard.trusted(at(1_000, year)), None);
        assert_eq!(guard.trusted(at(1_000 + HOLD_AFTER_JUMP_MS - 1, year + 5)), None);
        let after = at(1_000 + HOLD_AFTER_JUMP_MS, year + 6);
        assert_eq!(guard.trusted(after), Some(Timestamp(year + 6)));
    }

    #[test]
    fn a_clock_that_jumped_while_nobody_ran_deletes_nothing_for_an_hour() {
        let written = 1_700_000_000_000;
        let mut guard = WallClockGuard::since(Timestamp(written), at(5_000, written + 60_000));
        assert!(guard.trusted(at(5_001, written + 60_000)).is_some(), "a quick restart");
        let year = 365 * 24 * 3_600_000;
        let mut guard = WallClockGuard::since(Timestamp(written), at(5_000, written + year));
        assert_eq!(guard.trusted(at(6_000, written + year + 1_000)), None);
        let later = at(5_000 + HOLD_AFTER_JUMP_MS, written + year + HOLD_AFTER_JUMP_MS as i64);
        assert!(guard.trusted(later).is_some());
    }

    #[test]
    fn a_clock_that_is_set_back_is_believed() {
        let mut guard = WallClockGuard::default();
        assert!(guard.trusted(at(0, 1_000_000)).is_some());
        assert_eq!(guard.trusted(at(10, 5)), Some(Timestamp(5)));
    }
}
