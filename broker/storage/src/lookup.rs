//! Finding offsets by time: what ListOffsets asks of a log.
//!
//! The time index names a batch before which no record is as late; from there on heads are walked,
//! and only the batch that must hold the answer is decompressed, under a budget. An index entry is
//! believed only if the batch that it names agrees. Kafka's `LogSegment.findOffsetByTimestamp`.

use std::ops::Range;
use std::sync::Arc;

use kt_protocol::records::{AnyBatch, Budget};
use kt_protocol::types::{LeaderEpoch, Offset, Timestamp};

use crate::error::LogError;
use crate::read::segments_from;
use crate::scan::{HeaderScan, Located, ScanError};
use crate::segment::{Segment, TimestampOffset};

/// A record found by its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FoundRecord {
    /// Its offset.
    pub offset: Offset,
    /// Its timestamp.
    pub timestamp: Timestamp,
    /// The epoch of the leader that appended it, -1 if unknown.
    pub leader_epoch: LeaderEpoch,
}

/// The first record within `offsets` that is as late as `target` or later.
///
/// # Errors
/// [`LogError::Damaged`] if a batch cannot be read within `budget`; else as [`crate::read()`].
pub fn offset_for_timestamp(
    segments: &[Arc<Segment>],
    target: Timestamp,
    offsets: Range<Offset>,
    budget: &mut Budget,
) -> Result<Option<FoundRecord>, LogError> {
    let Range { start, end } = offsets;
    for segment in segments_from(segments, start)? {
        if end <= segment.base_offset() {
            break;
        }
        if segment.greatest()?.timestamp < target {
            continue;
        }
        let wanted = |record: &FoundRecord| {
            target <= record.timestamp && start <= record.offset && record.offset < end
        };
        if let Some(found) = segment.find_record(target, start, wanted, budget)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// The first of the records that are latest, within `offsets`.
///
/// # Errors
/// As [`offset_for_timestamp`].
pub fn offset_of_max_timestamp(
    segments: &[Arc<Segment>],
    offsets: Range<Offset>,
    budget: &mut Budget,
) -> Result<Option<FoundRecord>, LogError> {
    let mut latest = Timestamp::NONE;
    for segment in segments_from(segments, offsets.start)? {
        if segment.base_offset() < offsets.end {
            latest = latest.max(segment.greatest_from(offsets.start, offsets.end, budget)?);
        }
    }
    match latest {
        Timestamp::NONE => Ok(None),
        latest => offset_for_timestamp(segments, latest, offsets, budget),
    }
}

impl Segment {
    fn find_record(
        &self,
        target: Timestamp,
        from: Offset,
        wanted: impl Fn(&FoundRecord) -> bool,
        budget: &mut Budget,
    ) -> Result<Option<FoundRecord>, LogError> {
        let from = self.no_later_than(target)?.max(from);
        let Some(first) = self.locate(from)? else { return Ok(None) };
        let (file, size) = (self.log_file()?, self.size()?);
        let mut scan = HeaderScan::new(&*file, first.position, size);
        while let Some(located) = self.next_of(&mut scan)? {
            if located.header.max_timestamp() < target {
                continue;
            }
            if let Some(found) = self.record_in(&located, &wanted, budget)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// An offset below which no record is as late as `target`.
    ///
    /// The entry before the last one would do no worse than the last, but for some batches more to
    /// walk; so it takes two damaged entries, that both agree with some batch, to be led astray.
    fn no_later_than(&self, target: Timestamp) -> Result<Offset, LogError> {
        for _ in 0..2 {
            let (last, before) = self.time_entries_up_to(target)?;
            let Some(last) = last else { return Ok(self.base_offset()) };
            let from = before.unwrap_or(TimestampOffset {
                timestamp: Timestamp::NONE,
                offset: self.base_offset(),
            });
            if self.agrees(last)? && (before.is_none() || self.agrees(from)?) {
                return Ok(from.offset);
            }
            // What the index says is not so: it is made anew, and asked again.
            self.rebuild_in_memory()?;
        }
        Ok(self.base_offset())
    }

    /// Whether the batch that a time entry names has its timestamp.
    fn agrees(&self, entry: TimestampOffset) -> Result<bool, LogError> {
        let batch = self.locate_header(entry.offset)?;
        Ok(batch.is_some_and(|batch| {
            batch.header.max_timestamp() == entry.timestamp
                && batch.header.base_offset() <= entry.offset
        }))
    }

    /// The greatest timestamp of records within a range of offsets.
    fn greatest_from(
        &self,
        start: Offset,
        end: Offset,
        budget: &mut Budget,
    ) -> Result<Timestamp, LogError> {
        let greatest = self.greatest()?;
        let is_within = start <= self.base_offset() && greatest.offset < end;
        if is_within && self.has_records(greatest)? {
            return Ok(greatest.timestamp);
        }
        let start = start.max(self.base_offset());
        let Some(first) = self.locate(start)? else { return Ok(Timestamp::NONE) };
        let (file, size) = (self.log_file()?, self.size()?);
        let mut scan = HeaderScan::new(&*file, first.position, size);
        let mut latest = Timestamp::NONE;
        while let Some(located) = self.next_of(&mut scan)? {
            let header = &located.header;
            if end <= header.base_offset() {
                break;
            }
            if latest < header.max_timestamp() && header.records_count() != 0 {
                let is_within = start <= header.base_offset() && header.last_offset() < end;
                latest = match is_within {
                    true => header.max_timestamp(),
                    false => latest.max(self.greatest_in(&located, start..end, budget)?),
                };
            }
        }
        Ok(latest)
    }

    /// Whether the batch with the greatest timestamp has a record: of one that the cleaner emptied,
    /// only the head tells of it.
    fn has_records(&self, greatest: TimestampOffset) -> Result<bool, LogError> {
        let batch = self.locate_header(greatest.offset)?;
        Ok(batch.is_none_or(|batch| batch.header.records_count() != 0))
    }

    /// The greatest timestamp of a batch's records within a range of offsets.
    fn greatest_in(
        &self,
        located: &Located,
        offsets: Range<Offset>,
        budget: &mut Budget,
    ) -> Result<Timestamp, LogError> {
        let latest = std::cell::Cell::new(Timestamp::NONE);
        let look = |record: &FoundRecord| {
            if offsets.contains(&record.offset) {
                latest.set(latest.get().max(record.timestamp));
            }
            false
        };
        self.record_in(located, &look, budget)?;
        Ok(latest.get())
    }

    fn next_of(&self, scan: &mut HeaderScan<'_>) -> Result<Option<Located>, LogError> {
        scan.next_batch().map_err(|error| match error {
            ScanError::Disk(error) => error.into(),
            ScanError::NotABatch { position, reason } => {
                self.damaged(position, self.base_offset(), &reason.to_string())
            }
        })
    }

    /// The first wanted record of a batch.
    fn record_in(
        &self,
        located: &Located,
        wanted: &impl Fn(&FoundRecord) -> bool,
        budget: &mut Budget,
    ) -> Result<Option<FoundRecord>, LogError> {
        let offset = located.header.base_offset();
        let damaged = |reason: String| self.damaged(located.position, offset, &reason);
        budget.charge(located.header.size() as u64).map_err(|error| damaged(error.to_string()))?;
        let mut bytes = vec![0; located.header.size() as u64 as usize];
        let read = self.log_file()?.read_at(located.position, &mut bytes)?;
        bytes.truncate(read);
        let batch = AnyBatch::first_of(&bytes).map_err(|error| damaged(error.to_string()))?;
        if !batch.crc_is_valid() {
            return Err(damaged("its checksum does not fit".to_owned()));
        }
        let body = batch.decompress(budget).map_err(|error| damaged(error.to_string()))?;
        let mut found = None;
        for record in body.records() {
            let record = record.map_err(|error| damaged(error.to_string()))?;
            let record = FoundRecord {
                offset: record.offset,
                timestamp: record.timestamp,
                leader_epoch: located.header.partition_leader_epoch(),
            };
            if wanted(&record) {
                found = Some(record);
                break;
            }
        }
        budget.release(located.header.size() as u64);
        Ok(found)
    }
}
