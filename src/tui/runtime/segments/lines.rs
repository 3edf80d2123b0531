//! The segments of a partition: how large they are, what they hold, and what is wrong at their ends.

use std::collections::BTreeMap;
use std::path::PathBuf;

use kt_storage::file_names::FileKind;
use kt_storage::inspect::{self, FaultKind, Listed, LogWalk, Step};
use kt_storage::{DiskError, File as _};

use super::{Missing, logs};
use crate::read_only_disk::ReadOnlyFile;
use crate::tui::model::checks::Level;
use crate::tui::model::screens::segments::looking::{Activity, Looked, Place, SegmentLine};

/// A log without an index is walked for its end if it is not larger, in bytes.
const WALKED_MAX: u64 = 16 << 20;

/// All segments. What is known of a file that nobody has written to since holds still: a partition
/// may have thousands of them, and a damaged one may be searched from end to end.
pub(super) fn segments(
    data: &[PathBuf],
    place: &Place,
    known: &[SegmentLine],
) -> Result<Looked, Missing> {
    let (directory, logs) = logs(data, place)?;
    let known: BTreeMap<i64, &SegmentLine> = known.iter().map(|it| (it.base_offset, it)).collect();
    let mut lines = Vec::new();
    for log in logs {
        match segment(&log, known.get(&log.base_offset.0).copied()) {
            Ok(line) => lines.push(line),
            // Retention may have taken it since it was listed.
            Err(Missing::Disk(error)) if error.is_not_found() => {}
            Err(other) => return Err(other),
        }
    }
    let log_end = lines.last().and_then(|it| it.next_offset);
    let directory = directory.to_string_lossy().into_owned();
    Ok(Looked::Segments { lines, log_end, directory })
}

/// Whether a line still says how it is.
fn holds(known: &SegmentLine, log: &Listed, (size, modified): (u64, i64)) -> bool {
    let is_last = known.activity == Activity::Active;
    let is_bounded = is_last || known.next_offset == log.next_base.map(|it| it.0);
    (known.size, known.modified) == (size, modified)
        && is_last == log.is_of_last_segment()
        && is_bounded
        && known.has_index == log.sibling(FileKind::OffsetIndex).exists()
}

fn segment(log: &Listed, known: Option<&SegmentLine>) -> Result<SegmentLine, Missing> {
    let file = ReadOnlyFile::open(&log.path)?;
    let (size, modified) = (file.len()?, file.modified()?.0);
    if let Some(known) = known.filter(|it| holds(it, log, (size, modified))) {
        return Ok(known.clone());
    }
    let index = Index::of(log)?;
    let base = log.base_offset.0;
    let activity = if log.is_of_last_segment() { Activity::Active } else { Activity::Closed };
    let mut line = SegmentLine {
        name: format!("{base:020}"),
        base_offset: base,
        next_offset: log.next_base.map(|it| it.0),
        size,
        modified,
        bytes_per_entry: index.as_ref().and_then(|it| size.checked_div(it.entries)),
        has_index: index.is_some(),
        activity,
        has_aborted: ReadOnlyFile::open(&log.sibling(FileKind::TransactionIndex))
            .and_then(|it| it.len())
            .is_ok_and(|it| 0 < it),
        level: if index.is_some() { Level::Ok } else { Level::Warn },
        ..SegmentLine::default()
    };
    let mut walk = LogWalk::new(&file, log.base_offset, log.next_base)?;
    if let Step::Batch(batch) = walk.next_step() {
        line.first = time(batch.header.base_timestamp().0);
    }
    let last_entry = index.as_ref().map(|it| it.last_position);
    if last_entry.is_some_and(|it| it != 0) || size <= WALKED_MAX {
        walk_end(log, &file, last_entry.unwrap_or(0), &mut line)?;
    }
    Ok(line)
}

/// From the last entry of the index on: what is last, and what is wrong there.
fn walk_end(
    log: &Listed,
    file: &ReadOnlyFile,
    position: u64,
    line: &mut SegmentLine,
) -> Result<(), Missing> {
    let mut walk = LogWalk::new(file, log.base_offset, log.next_base)?.beginning_at(position);
    loop {
        match walk.next_step() {
            Step::End => break,
            Step::Batch(batch) => {
                if let Some(fault) = batch.fault {
                    line.fault = Some(format!("byte {}: {fault}", batch.position));
                    line.level = Level::Bad;
                }
                line.last = line.last.max(time(batch.header.max_timestamp().0));
            }
            // What is just being written is no fault.
            Step::Fault(fault) if fault.kind == FaultKind::Torn && log.is_of_last_segment() => {}
            Step::Fault(fault) => {
                line.fault = Some(format!("byte {}: {}", fault.position, fault.reason));
                line.level = Level::Bad;
            }
        }
    }
    line.next_offset = line.next_offset.or(Some(walk.next_offset().0));
    Ok(())
}

fn time(at: i64) -> Option<i64> {
    Some(at).filter(|it| 0 <= *it)
}

/// What of an offset index counts here.
struct Index {
    entries: u64,
    /// Where the last batch that it knows begins.
    last_position: u64,
}

impl Index {
    /// `None`: there is none.
    fn of(log: &Listed) -> Result<Option<Index>, Missing> {
        let file = match ReadOnlyFile::open(&log.sibling(FileKind::OffsetIndex)) {
            Ok(file) => file,
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let mut index = Index { entries: 0, last_position: 0 };
        inspect::offset_index(&file, None, log.base_offset, |entry, _| {
            if let Some(entry) = entry.filter(|it| !it.is_blank) {
                index.entries += 1;
                index.last_position = u64::try_from(entry.position).unwrap_or(0);
            }
            Ok::<(), DiskError>(())
        })?;
        Ok(Some(index))
    }
}
