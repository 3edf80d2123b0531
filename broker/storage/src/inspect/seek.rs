//! Where in a segment to begin, by its indexes, so that not all of it is walked to one place.
//!
//! An index is a hint. The entry that is used is held against the log; one that lies is told, and
//! whoever asked begins at the start.

use kt_protocol::types::{Offset, Timestamp};

use super::indexes::{FoundBatch, IndexFault, batch_at};
use crate::disk::{DiskError, File};
use crate::offset_index::OffsetEntry;
use crate::scan::HeaderScan;
use crate::sparse_index::IndexEntry;
use crate::time_index::TimeEntry;

/// Why an index does not say where to begin.
#[derive(Debug)]
pub enum SeekError {
    /// The disk failed.
    Disk(DiskError),
    /// The offset index says what the log does not.
    OffsetIndex(IndexFault),
    /// The time index does.
    TimeIndex(IndexFault),
}

impl From<DiskError> for SeekError {
    fn from(error: DiskError) -> SeekError {
        SeekError::Disk(error)
    }
}

/// Where to begin to meet `target` and all behind it: where a batch begins that ends at `target`
/// or below, or at 0. `base` is the segment's first offset.
///
/// # Errors
/// Those of the disk; or the entry that would be used is not what the log has.
pub fn seek_offset(
    log: &dyn File,
    index: &dyn File,
    base: Offset,
    target: Offset,
) -> Result<u64, SeekError> {
    let wanted = target.0.saturating_sub(base.0);
    let is_before = |entry: &OffsetEntry| i64::from(entry.relative_offset) <= wanted;
    let Some((number, entry)) = last_where(index, is_before)? else { return Ok(0) };
    let lies = |reason, is_beyond_log| {
        let position = number * OffsetEntry::BYTES as u64;
        Err(SeekError::OffsetIndex(IndexFault { position, reason, is_beyond_log }))
    };
    let offset = Offset(base.0.saturating_add(entry.relative_offset.into()));
    let at = entry.position;
    match batch_at(log, log.len()?, at) {
        FoundBatch::LastOffset(last) if last == offset => Ok(u64::from(at.unsigned_abs())),
        FoundBatch::LastOffset(last) => {
            lies(format!("it says offset {offset} at byte {at}, where the log has {last}"), false)
        }
        FoundBatch::NoBatch | FoundBatch::NoLog => {
            lies(format!("it says offset {offset} at byte {at}, where the log has no batch"), false)
        }
        FoundBatch::Nothing => {
            lies(format!("it says offset {offset} at byte {at}, beyond the log's last batch"), true)
        }
    }
}

/// Where to begin to meet the first record of `target` or later: behind the batch that an entry
/// names with the greatest time so far, or at 0.
///
/// # Errors
/// Those of the disk; or an entry that would be used is not what the log has.
pub fn seek_time(
    log: &dyn File,
    offsets: &dyn File,
    times: &dyn File,
    base: Offset,
    target: Timestamp,
) -> Result<u64, SeekError> {
    let is_before = |entry: &TimeEntry| entry.timestamp < target.0;
    let Some((number, entry)) = last_where(times, is_before)? else { return Ok(0) };
    let offset = Offset(base.0.saturating_add(entry.relative_offset.into()));
    let mut batches = HeaderScan::new(log, seek_offset(log, offsets, base, offset)?, log.len()?);
    let lies = |reason, is_beyond_log| {
        let position = number * TimeEntry::BYTES as u64;
        Err(SeekError::TimeIndex(IndexFault { position, reason, is_beyond_log }))
    };
    let (said, at) = (entry.timestamp, offset);
    loop {
        let batch = match batches.next_batch() {
            Ok(Some(batch)) => batch,
            Ok(None) => {
                return lies(format!("it says offset {at}, beyond the log's last batch"), true);
            }
            Err(error) => return lies(format!("it says offset {at}: {error}"), false),
        };
        let (last, max) = (batch.header.last_offset(), batch.header.max_timestamp());
        if last < offset {
            continue;
        }
        if last != offset {
            return lies(format!("it says offset {at}, where a batch is up to {last}"), false);
        }
        if max.0 != said {
            let reason = format!("it says timestamp {said} for offset {at}, the log has {max}");
            return lies(reason, false);
        }
        return Ok(batch.end());
    }
}

/// The last entry for which `is_before` holds, and its number. It holds for a beginning of them.
fn last_where<E: IndexEntry>(
    index: &dyn File,
    is_before: impl Fn(&E) -> bool,
) -> Result<Option<(u64, E)>, DiskError> {
    let (mut low, mut high) = (0, index.len()? / E::BYTES as u64);
    let mut found = None;
    while low < high {
        let middle = low + (high - low) / 2;
        let mut bytes = [0; 16];
        let bytes = bytes.get_mut(..E::BYTES).unwrap_or_default();
        let read = index.read_at(middle * E::BYTES as u64, bytes)?;
        let entry = E::decode(bytes);
        // Behind the entries stand zeros; an offset like the base's is that of the first at most.
        let is_stored = match middle {
            0 => !entry.is_zero(),
            _ => entry.relative_offset() != 0,
        };
        if read == E::BYTES && is_stored && is_before(&entry) {
            (low, found) = (middle + 1, Some((middle, entry)));
        } else {
            high = middle;
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use kt_protocol::records::{BatchBuilder, NewRecord};

    use super::*;
    use crate::inspect::counting_file::CountingFile;
    use crate::inspect::{LogWalk, Step};

    const BASE: i64 = 1000;
    const COUNT: i64 = 20_000;

    struct Segment {
        log: Vec<u8>,
        offsets: Vec<u8>,
        times: Vec<u8>,
    }

    /// Batches of a kilobyte, one record each, at times ten apart; an entry for each fourth.
    fn segment() -> Segment {
        let (mut log, mut offsets, mut times) = (Vec::new(), Vec::new(), Vec::new());
        for number in 0..COUNT {
            let timestamp = number * 10;
            if number % 4 == 3 {
                let relative_offset = number as i32;
                OffsetEntry { relative_offset, position: log.len() as i32 }.encode(&mut offsets);
                TimeEntry { timestamp, relative_offset }.encode(&mut times);
            }
            let mut batch = BatchBuilder::new().base_offset(Offset(BASE + number));
            let (timestamp, value) = (Timestamp(timestamp), [b'x'; 1000]);
            batch
                .append(NewRecord { timestamp, value: Some(&value), ..NewRecord::default() })
                .unwrap();
            log.extend_from_slice(&batch.build());
        }
        // As a broker leaves them while it runs.
        offsets.resize(offsets.len() + 8000, 0);
        times.resize(times.len() + 12_000, 0);
        Segment { log, offsets, times }
    }

    fn file(bytes: &[u8]) -> CountingFile {
        CountingFile::new(bytes.to_vec(), 0..0)
    }

    /// The first batch from `position` on for which `is_it`.
    fn walk(log: &CountingFile, position: u64, is_it: impl Fn(i64, i64) -> bool) -> i64 {
        let mut walk = LogWalk::new(log, Offset(BASE), None).unwrap().beginning_at(position);
        loop {
            let Step::Batch(batch) = walk.next_step() else { panic!("there is such a batch") };
            let header = &batch.header;
            if is_it(header.last_offset().0, header.max_timestamp().0) {
                return header.base_offset().0;
            }
        }
    }

    #[test]
    fn an_offset_and_a_time_are_found_by_reading_little() {
        let made = segment();
        let (offsets, times) = (file(&made.offsets), file(&made.times));
        let mut least = u64::MAX;
        for number in [0, 2, 3, 4, 7, 9_999, 17_000, COUNT - 1] {
            let log = file(&made.log);
            let target = BASE + number;
            let at = seek_offset(&log, &offsets, Offset(BASE), Offset(target)).unwrap();
            assert_eq!(walk(&log, at, |last, _| target <= last), target);
            assert!(log.bytes_read() < 3 << 20, "{} bytes were read", log.bytes_read());
            least = least.min(log.bytes_read());
            for target in [number * 10 - 9, number * 10] {
                let log = file(&made.log);
                let at = seek_time(&log, &offsets, &times, Offset(BASE), Timestamp(target));
                assert_eq!(walk(&log, at.unwrap(), |_, max| target <= max), BASE + number);
                assert!(log.bytes_read() < 3 << 20, "{} bytes were read", log.bytes_read());
            }
        }
        assert!(0 < least && offsets.bytes_read() < 8 * 20 * 40, "{}", offsets.bytes_read());
        let log = file(&made.log);
        walk(&log, 0, |last, _| last == BASE + COUNT - 1);
        assert!(20 << 20 <= log.bytes_read(), "without the index all is read");
    }

    #[test]
    fn an_entry_that_lies_is_told() {
        let made = segment();
        let log = file(&made.log);
        let times = file(&made.times);
        // Each in the entry that is used for its own offset: the offset, and the position.
        for (byte, bit) in [(3, 0), (3, 3), (7, 0), (6, 2), (4, 7), (4, 1)] {
            let mut offsets = made.offsets.clone();
            offsets[8 * 1000 + byte] ^= 1 << bit;
            let offsets = file(&offsets);
            let target = Offset(BASE + 4 * 1000 + 3 + 2);
            let found = seek_offset(&log, &offsets, Offset(BASE), target);
            match found {
                Err(SeekError::OffsetIndex(fault)) => assert_eq!(fault.position, 8000),
                // It is above what is looked for now, and the one before is used.
                Ok(at) => assert_eq!(walk(&log, at, |last, _| target.0 <= last), target.0),
                other => panic!("{byte} {bit}: {other:?}"),
            }
            let time = Timestamp((target.0 - BASE) * 10);
            let found = seek_time(&log, &offsets, &times, Offset(BASE), time);
            assert!(!matches!(found, Err(SeekError::TimeIndex(_))), "{byte} {bit}: {found:?}");
        }
        let offsets = file(&made.offsets);
        for (byte, bit) in [(7, 0), (11, 0), (11, 2)] {
            let mut times = made.times.clone();
            times[12 * 1000 + byte] ^= 1 << bit;
            let time = Timestamp((4 * 1000 + 3 + 2) * 10);
            let found = seek_time(&log, &offsets, &file(&times), Offset(BASE), time);
            match found {
                Err(SeekError::TimeIndex(fault)) => assert_eq!(fault.position, 12_000),
                other => panic!("{byte} {bit}: {other:?}"),
            }
        }
    }
}
