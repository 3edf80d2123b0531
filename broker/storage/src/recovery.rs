//! Recovery after an unclean stop: what is a torn tail, what is damage, and what is kept.
//!
//! Everything below the recovery point was flushed and is not read again. From there on every
//! batch is verified: its checksum, its place after the one before, its leader epoch. What is
//! invalid below the recovery point or the high watermark is damage. Above, it is the torn tail of
//! a write that was cut short, if nothing valid stands behind it, or if the machine went down since
//! (what it had not flushed may be lost in any order); otherwise it is damage too. Damage is told
//! and left as it is; a torn tail is cut off.

use std::sync::Arc;

use kt_protocol::planted;
use kt_protocol::types::{LeaderEpoch, Offset};

use crate::disk::{DiskError, File};
use crate::error::LogError;
use crate::file_names::{FileKind, FileName, FileSuffix};
use crate::index_builder::IndexBuilder;
use crate::log::{LoadFacts, RecoveryReport};
use crate::offset_index::OffsetEntry;
use crate::scan::{HeaderScan, Located, ScanError};
use crate::segment::{Segment, TAIL_CHECKED_BYTES};
use crate::verify::{Verified, VerifyingScan, find_intact_batch, holds_only_zeros};

/// What recovery found: the segments that stay, and where leader epochs begin in what it read.
pub(crate) struct Recovered {
    pub(crate) segments: Vec<Arc<Segment>>,
    /// The first segment that was read: its transaction index is made anew.
    pub(crate) first_scanned: Offset,
    pub(crate) epochs: Vec<(LeaderEpoch, Offset)>,
    /// Where the log ends.
    pub(crate) end: Offset,
    /// Bytes of the last segment since its last index entry.
    pub(crate) bytes_since_entry: u64,
}

/// Something invalid, and the first offset that it hides.
struct Invalid {
    position: u64,
    offset: Offset,
    reason: String,
    kind: InvalidKind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum InvalidKind {
    /// No batch: what a write leaves that was cut short, or damage.
    Bytes,
    /// An intact batch in the wrong place. No write that was cut short leaves that: an offset
    /// before it has changed (no checksum covers offsets), or the power brought back an old batch.
    IntactBatch,
}

pub(crate) struct Recovery<'a> {
    pub(crate) facts: LoadFacts,
    /// Everything below was flushed: of a log that was closed cleanly, everything.
    pub(crate) flushed_below: Offset,
    pub(crate) index_interval_bytes: u32,
    /// Holes between segments are usual where the cleaner is at work.
    pub(crate) may_have_holes: bool,
    /// Zeros at the end are space that was taken ahead.
    pub(crate) preallocates: bool,
    pub(crate) report: &'a mut RecoveryReport,
    pub(crate) bytes_since_entry: u64,
}

/// The state of a walk through the segments.
struct Walk {
    next: Offset,
    /// The cleaner was here: records are missing between those that are left.
    has_holes: bool,
    epoch: LeaderEpoch,
    epochs: Vec<(LeaderEpoch, Offset)>,
}

impl Walk {
    fn from(next: Offset, has_holes: bool) -> Walk {
        Walk { next, has_holes, epoch: LeaderEpoch::UNKNOWN, epochs: Vec::new() }
    }

    /// Why `located` cannot stand here.
    fn objection(&self, segment: &Segment, located: &Located) -> Option<String> {
        let header = &located.header;
        let relative = header.last_offset() - segment.base_offset();
        if header.base_offset() < self.next {
            return Some(format!("a batch at offset {} goes back", header.base_offset()));
        }
        if i64::from(i32::MAX) < relative {
            return Some(format!("offset {} is too far from the segment's", header.last_offset()));
        }
        let epoch = header.partition_leader_epoch();
        if epoch != LeaderEpoch::UNKNOWN && epoch < self.epoch {
            return Some(format!("leader epoch {epoch} comes after {}", self.epoch));
        }
        None
    }

    fn no_batch(&self, position: u64, reason: String) -> Invalid {
        Invalid { position, offset: self.next, reason, kind: InvalidKind::Bytes }
    }

    /// Behind a hole the offset it hides is the lower of the two: which of them is wrong is not
    /// known. Where each batch followed the one before, it is this one: a torn write whose sectors
    /// part between the offset and what the checksum covers. So it is where no batch of the segment
    /// but the first can have the offset, as with zeros in its place.
    fn misplaced(&self, segment: &Segment, located: &Located, reason: String) -> Invalid {
        let base_offset = located.header.base_offset();
        let can_be_first = base_offset == segment.base_offset() && located.position == 0;
        let offset = match self.has_holes {
            true if segment.base_offset() < base_offset || can_be_first => {
                self.next.min(base_offset)
            }
            _ => self.next,
        };
        Invalid { position: located.position, offset, reason, kind: InvalidKind::IntactBatch }
    }

    fn passed(&mut self, located: &Located) {
        let header = &located.header;
        let offsets = header.next_offset() - header.base_offset();
        self.has_holes |= self.next < header.base_offset()
            || (header.magic() == 2 && i64::from(header.records_count()) < offsets);
        self.next = header.next_offset();
        if self.epoch < header.partition_leader_epoch() {
            self.epoch = header.partition_leader_epoch();
            self.epochs.push((header.partition_leader_epoch(), header.base_offset()));
        }
    }
}

/// Where in a segment verification begins, and what the kept index entries say up to there.
struct Start {
    position: u64,
    next: Offset,
    builder: IndexBuilder,
    /// Entries of both indexes up to here are kept.
    kept_below: i64,
}

impl Recovery<'_> {
    /// Verifies what was not flushed, and cuts off a torn tail.
    pub(crate) fn run(mut self, mut segments: Vec<Arc<Segment>>) -> Result<Recovered, LogError> {
        let point = self.flushed_below;
        let above = segments.partition_point(|segment| segment.base_offset() < point);
        let first = above.saturating_sub(1);
        let first_scanned = segments.get(first).map_or(Offset(0), |first| first.base_offset());
        let mut walk = Walk::from(first_scanned, self.may_have_holes);
        let mut kept = segments.len();
        for (at, segment) in segments.iter().enumerate().skip(first) {
            let later = segments.get(at + 1..).unwrap_or(&[]);
            if let Some(invalid) = self.gap_before(segment, &walk) {
                self.judge(segment, &invalid, &[])?;
                kept = at;
                break;
            }
            walk.next = walk.next.max(segment.base_offset());
            if let Some(invalid) = self.scan(segment, &mut walk)? {
                self.judge(segment, &invalid, later)?;
                self.cut(segment, &invalid)?;
                kept = at + 1;
                break;
            }
        }
        self.drop_segments(&segments.split_off(kept), walk.next)?;
        self.check_end(&segments, walk.next)?;
        let Walk { next: end, epochs, .. } = walk;
        let bytes_since_entry = self.bytes_since_entry;
        Ok(Recovered { segments, first_scanned, epochs, end, bytes_since_entry })
    }

    /// A log that ends below what was promised has lost it, even if what is left is intact.
    fn check_end(&self, segments: &[Arc<Segment>], end: Offset) -> Result<(), LogError> {
        let facts = &self.facts;
        let promised = facts.recovery_point.max(facts.high_watermark);
        let Some(last) = segments.last() else { return Ok(()) };
        let is_reached = promised <= end || promised <= facts.log_start_offset;
        if is_reached || planted!("damage truncated") {
            return Ok(());
        }
        let reason = format!("the log ends there, and should reach offset {promised}");
        Err(last.damaged(last.size()?, end, &reason))
    }

    /// After the machine went down the end of a segment may be lost while the next one is there, or
    /// one that was removed may be there again, at an offset that the segment before has too.
    fn gap_before(&self, segment: &Segment, walk: &Walk) -> Option<Invalid> {
        let base = segment.base_offset();
        if base < walk.next {
            let reason = format!("the segment before ends at offset {}", walk.next);
            let kind = InvalidKind::IntactBatch;
            return Some(Invalid { position: 0, offset: base, reason, kind });
        }
        if base == walk.next || walk.has_holes || self.facts.same_boot {
            return None;
        }
        let reason = format!("the segment before ends at offset {}", walk.next);
        Some(walk.no_batch(0, reason))
    }

    /// Verifies one segment, makes its indexes, and says what in it is invalid.
    fn scan(&mut self, segment: &Segment, walk: &mut Walk) -> Result<Option<Invalid>, LogError> {
        let file = segment.log_file()?;
        let size = file.len()?;
        let mut start = self.start(segment, &*file, size)?;
        walk.next = walk.next.max(start.next);
        let mut position = start.position;
        let mut invalid =
            self.walk_flushed(segment, &*file, size, &mut position, &mut start.builder, walk)?;
        let mut scan = VerifyingScan::new(&*file, position, size);
        if position < size {
            self.report.segments_scanned += 1;
            file.read_ahead(position, size - position);
        }
        while invalid.is_none() {
            match scan.next_batch()? {
                Verified::End => break,
                Verified::Invalid { position, .. }
                    if self.is_unused(&*file, position, size, walk.next)? =>
                {
                    file.set_len(position)?;
                    break;
                }
                Verified::Invalid { position, reason } => {
                    invalid = Some(walk.no_batch(position, reason));
                }
                Verified::Intact(located) if self.is_hole(walk, &located) => {
                    let offset = located.header.base_offset();
                    let reason = format!("a batch at offset {offset} leaves a hole");
                    invalid = Some(walk.no_batch(located.position, reason));
                }
                Verified::Intact(located) => match walk.objection(segment, &located) {
                    Some(reason) => invalid = Some(walk.misplaced(segment, &located, reason)),
                    None => {
                        self.report.bytes_scanned += located.header.size() as u64;
                        position = located.end();
                        start.builder.add(&located);
                        walk.passed(&located);
                    }
                },
            }
        }
        segment.set_extent(position, walk.next, start.builder.greatest());
        self.bytes_since_entry = start.builder.bytes_since_entry();
        if planted!("index not truncated") && self.facts.clean_shutdown {
            return Ok(invalid);
        }
        segment.replace_index_tails(start.kept_below, start.builder.finish())?;
        Ok(invalid)
    }

    /// After the machine went down a batch that was replaced may be there again, behind the wrong one:
    /// in what was not flushed, of a log that has no holes so far. Where nothing is known to be
    /// flushed, the files may be from elsewhere.
    fn is_hole(&self, walk: &Walk, located: &Located) -> bool {
        let promised = self.flushed_below.max(self.facts.high_watermark);
        !self.facts.same_boot
            && !walk.has_holes
            && Offset(0) < promised
            && promised <= walk.next
            && walk.next < located.header.base_offset()
    }

    /// True for space that was taken ahead and not written: zeros up to the end, in a file that is
    /// not expected to hold more.
    fn is_unused(
        &self,
        file: &dyn File,
        position: u64,
        size: u64,
        next: Offset,
    ) -> Result<bool, DiskError> {
        let promised = self.flushed_below.max(self.facts.high_watermark);
        if !self.preallocates || next < promised {
            return Ok(false);
        }
        holds_only_zeros(file, position, size)
    }

    /// Walks by heads alone what is flushed but of which no index can be trusted.
    fn walk_flushed(
        &self,
        segment: &Segment,
        file: &dyn File,
        size: u64,
        position: &mut u64,
        builder: &mut IndexBuilder,
        walk: &mut Walk,
    ) -> Result<Option<Invalid>, LogError> {
        let mut scan = HeaderScan::new(file, *position, size);
        while walk.next < self.flushed_below {
            match scan.next_batch() {
                Ok(None) => break,
                Err(ScanError::Disk(error)) => return Err(error.into()),
                Err(ScanError::NotABatch { position, reason }) => {
                    return Ok(Some(walk.no_batch(position, reason.to_string())));
                }
                Ok(Some(located)) => {
                    if let Some(reason) = walk.objection(segment, &located) {
                        return Ok(Some(walk.misplaced(segment, &located, reason)));
                    }
                    *position = located.end();
                    builder.add(&located);
                    walk.passed(&located);
                }
            }
        }
        Ok(None)
    }

    /// Begins at the last index entry below the recovery point, if the batch there is the one that
    /// it promises, and the time index agrees: segments are not read below what was flushed. Of
    /// entries before it a power cut may have lost some, which whoever looks there notices.
    fn start(&self, segment: &Segment, file: &dyn File, size: u64) -> Result<Start, LogError> {
        let base = segment.base_offset();
        let builder = IndexBuilder::new(base, self.index_interval_bytes);
        let from_beginning = Start { position: 0, next: base, builder, kept_below: 0 };
        if self.flushed_below <= base {
            return Ok(from_beginning);
        }
        let Some(entry) = segment.last_sound_entry(self.flushed_below)? else {
            return Ok(from_beginning);
        };
        let Some(located) = batch_of(file, size, base, &entry)? else { return Ok(from_beginning) };
        let kept_below = i64::from(entry.relative_offset) + 1;
        let Some(greatest) =
            segment.greatest_checked(kept_below, located.end(), self.checked_bytes())?
        else {
            return Ok(from_beginning);
        };
        let (interval, size) = (self.index_interval_bytes, located.header.size() as u64);
        let builder = IndexBuilder::resume(base, interval, greatest, size);
        let (position, next) = (located.end(), located.header.next_offset());
        Ok(Start { position, next, builder, kept_below })
    }

    /// How far behind the last time entry is looked for a greater timestamp. While the machine stays
    /// up nothing written to a file is lost, and the time index is written before the offset index;
    /// a power cut may have taken any number of its entries.
    fn checked_bytes(&self) -> u64 {
        match self.facts.clean_shutdown || self.facts.same_boot {
            true => TAIL_CHECKED_BYTES,
            false => u64::MAX,
        }
    }

    /// Tells a torn tail, which may be cut off, from damage, which is an error.
    fn judge(
        &self,
        segment: &Segment,
        invalid: &Invalid,
        later: &[Arc<Segment>],
    ) -> Result<(), LogError> {
        let damaged = |why: &str| {
            Err(segment.damaged(
                invalid.position,
                invalid.offset,
                &format!("{}{why}", invalid.reason),
            ))
        };
        if planted!("damage truncated") {
            return Ok(());
        }
        if self.facts.clean_shutdown {
            return damaged("; the log was closed cleanly");
        }
        if invalid.offset < self.flushed_below {
            return damaged("; this was flushed");
        }
        if invalid.offset < self.facts.high_watermark {
            return damaged("; this was below the high watermark");
        }
        if !self.facts.same_boot {
            return Ok(());
        }
        if invalid.kind == InvalidKind::IntactBatch {
            return damaged("; no write that was cut short leaves that");
        }
        let file = segment.log_file()?;
        let size = file.len()?;
        if find_intact_batch(&*file, invalid.position, size, invalid.offset)?.is_some() {
            return damaged("; an intact batch stands behind it");
        }
        for segment in later {
            let file = segment.log_file()?;
            if find_intact_batch(&*file, 0, file.len()?, invalid.offset)?.is_some() {
                return damaged("; an intact segment stands behind it");
            }
        }
        Ok(())
    }

    fn cut(&mut self, segment: &Segment, invalid: &Invalid) -> Result<(), DiskError> {
        let file = segment.log_file()?;
        self.report.bytes_cut += file.len()?.saturating_sub(invalid.position);
        self.report.cut_at = Some(invalid.offset);
        if planted!("torn tail kept") {
            return Ok(());
        }
        file.set_len(invalid.position)
    }

    /// Removes whole segments behind a torn tail, the last one first: never a hole.
    fn drop_segments(&mut self, segments: &[Arc<Segment>], at: Offset) -> Result<(), DiskError> {
        for segment in segments.iter().rev() {
            self.report.bytes_cut += segment.size()?;
            self.report.cut_at = Some(at);
            let base = segment.base_offset();
            let name = FileName { offset: base, kind: FileKind::Log, suffix: FileSuffix::None };
            self.report.leftovers.push(name.to_string());
            segment.remove_files()?;
        }
        Ok(())
    }
}

/// The batch an index entry promises, if it is there.
fn batch_of(
    file: &dyn File,
    size: u64,
    base: Offset,
    entry: &OffsetEntry,
) -> Result<Option<Located>, DiskError> {
    let Ok(position) = u64::try_from(entry.position) else { return Ok(None) };
    let promised = base.plus(i64::from(entry.relative_offset));
    match HeaderScan::new(file, position, size).next_batch() {
        Ok(Some(located)) if located.header.last_offset() == promised => Ok(Some(located)),
        Ok(_) | Err(ScanError::NotABatch { .. }) => Ok(None),
        Err(ScanError::Disk(error)) => Err(error),
    }
}
