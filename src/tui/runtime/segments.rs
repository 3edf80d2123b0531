//! Looks into a data directory of this machine. The only part of the dashboard that names
//! `kt_storage::inspect`.
//!
//! Nothing is written or locked; what a broker writes meanwhile is seen the next time. Every look
//! gives a bounded piece.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use kt_client::consumer::FetchedRecords;
use kt_protocol::records::control::ControlType;
use kt_protocol::records::{BatchHeader, BatchView};
use kt_protocol::types::{Offset, TopicPartition};
use kt_storage::file_names::FileKind;
use kt_storage::inspect::{self, FaultKind, FileClass, Listed, LogWalk, Step, WalkedBatch};
use kt_storage::{DiskError, File as _};

use crate::internal_records::Decoder;
use crate::read_only_disk::{ReadOnlyDisk, ReadOnlyFile};
use crate::tui::model::checks::Level;
use crate::tui::model::screens::records::line::RecordLine;
use crate::tui::model::screens::segments::looking::{
    Activity, BatchLine, Look, Looked, Place, SegmentLine,
};

/// Batches of one page.
const BATCHES: usize = 200;
/// Records of one batch that are shown, and the bytes that they take.
const RECORDS: usize = 1_000;
const RECORDS_BYTES: usize = 8 << 20;
/// Bytes that are shown at once.
const BYTES: usize = 16 << 10;
/// A log without an index is walked for its end if it is not larger, in bytes.
const WALKED_MAX: u64 = 16 << 20;

/// Why nothing was found.
#[derive(Debug, thiserror::Error)]
enum Missing {
    #[error("no directory has {0}; --data names the one of its broker")]
    Partition(TopicPartition),
    #[error("segment {0} is not there any more")]
    Segment(i64),
    #[error("{0}")]
    Disk(#[from] DiskError),
    #[error("the batch at byte {0} cannot be read: {1}")]
    Batch(u64, String),
}

/// Looks at what is asked for.
pub(super) fn look(data: &[PathBuf], look: &Look) -> Looked {
    if data.is_empty() {
        return Looked::NoData;
    }
    let looked = match look {
        Look::Segments(place) => segments(data, place),
        Look::Batches { place, base, position, goal } => {
            batches(data, place, *base, (*position, *goal))
        }
        Look::Records { place, base, position } => records(data, place, *base, *position),
        Look::Bytes { place, base, position } => bytes_of(data, place, *base, *position),
    };
    looked.unwrap_or_else(|missing| Looked::Failed(missing.to_string()))
}

/// The logs of a partition, in order.
fn logs(data: &[PathBuf], place: &Place) -> Result<Vec<Listed>, Missing> {
    let partition = TopicPartition::new(&place.topic, place.partition);
    let name = format!("{}-{}", place.topic, place.partition);
    for directory in data {
        // Either the directory of all partitions, or that of this one.
        let candidates = [directory.join(&name), directory.clone()];
        for path in candidates.iter().filter(|it| it.ends_with(&name)) {
            let files = match inspect::list(&ReadOnlyDisk, path) {
                Ok(groups) => groups.into_iter().flatten(),
                Err(error) if error.is_not_found() => continue,
                Err(error) => return Err(error.into()),
            };
            return Ok(files.filter(|it| it.class == FileClass::Log).collect());
        }
    }
    Err(Missing::Partition(partition))
}

fn log_of(data: &[PathBuf], place: &Place, base: i64) -> Result<Listed, Missing> {
    let found = logs(data, place)?.into_iter().find(|it| it.base_offset.0 == base);
    found.ok_or(Missing::Segment(base))
}

fn segments(data: &[PathBuf], place: &Place) -> Result<Looked, Missing> {
    let mut lines = Vec::new();
    for log in logs(data, place)? {
        match segment(&log) {
            Ok(line) => lines.push(line),
            // Retention may have taken it since it was listed.
            Err(Missing::Disk(error)) if error.is_not_found() => {}
            Err(other) => return Err(other),
        }
    }
    let log_end = lines.last().and_then(|it| it.next_offset);
    Ok(Looked::Segments { lines, log_end })
}

fn segment(log: &Listed) -> Result<SegmentLine, Missing> {
    let file = ReadOnlyFile::open(&log.path)?;
    let size = file.len()?;
    let index = Index::of(log)?;
    let base = log.base_offset.0;
    let activity = if log.is_of_last_segment() { Activity::Active } else { Activity::Closed };
    let mut line = SegmentLine {
        name: format!("{base:020}"),
        base_offset: base,
        next_offset: log.next_base.map(|it| it.0),
        size,
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

fn batches(
    data: &[PathBuf],
    place: &Place,
    base: i64,
    (position, goal): (u64, Option<i64>),
) -> Result<Looked, Missing> {
    let log = log_of(data, place, base)?;
    let file = ReadOnlyFile::open(&log.path)?;
    let position = match goal {
        Some(goal) => before(&log, &file, goal),
        None => position,
    };
    let mut walk = LogWalk::new(&file, log.base_offset, log.next_base)?.beginning_at(position);
    let mut lines = Vec::new();
    let mut more_at = None;
    loop {
        let line = match walk.next_step() {
            Step::End => break,
            Step::Batch(batch) => batch_line(&batch),
            // What is just being written is no fault.
            Step::Fault(fault) if fault.kind == FaultKind::Torn && log.is_of_last_segment() => {
                torn_line(fault.position, fault.end)
            }
            Step::Fault(fault) => fault_line(fault.position, fault.end, &fault.reason),
        };
        if BATCHES <= lines.len() {
            more_at = Some(line.position);
            break;
        }
        lines.push(line);
    }
    Ok(Looked::Batches { lines, more_at })
}

/// Where to begin to meet an offset; at the start, where no index tells.
fn before(log: &Listed, file: &ReadOnlyFile, goal: i64) -> u64 {
    let index = ReadOnlyFile::open(&log.sibling(FileKind::OffsetIndex));
    let found = index
        .ok()
        .and_then(|index| inspect::seek_offset(file, &index, log.base_offset, Offset(goal)).ok());
    found.unwrap_or(0)
}

fn batch_line(batch: &WalkedBatch<'_>) -> BatchLine {
    let header = &batch.header;
    BatchLine {
        name: format!("{:020}", batch.position),
        position: batch.position,
        first: header.base_offset().0,
        offset: header.base_offset().to_string(),
        count: u64::try_from(header.records_count()).ok(),
        size: Some(header.size() as u64),
        codec: header.compression().map_or("?", |it| it.name()).to_owned(),
        epoch: Some(header.partition_leader_epoch().0).filter(|it| 0 <= *it),
        producer: header
            .has_producer_id()
            .then(|| (header.producer_id().0, header.producer_epoch().0)),
        is_intact: batch.is_intact,
        flags: flags(header, batch.bytes),
        fault: batch.fault.clone(),
    }
}

fn flags(header: &BatchHeader, bytes: Option<&[u8]>) -> String {
    if header.is_control() {
        return control(bytes).unwrap_or("control").to_owned();
    }
    if header.is_transactional() { "txn".to_owned() } else { String::new() }
}

/// What a control batch says: it is never compressed, and has one record.
fn control(bytes: Option<&[u8]>) -> Option<&'static str> {
    let view = BatchView::first_of(bytes?).ok()?;
    let record = view.records_in_place().ok()?.next()?.ok()?;
    Some(match ControlType::from_key(record.key).ok()? {
        ControlType::Commit => "commit",
        ControlType::Abort => "abort",
        _ => "control",
    })
}

fn fault_line(position: u64, end: u64, reason: &str) -> BatchLine {
    BatchLine {
        name: format!("{position:020}"),
        position,
        first: i64::MAX,
        offset: "–".to_owned(),
        size: Some(end - position),
        codec: "–".to_owned(),
        fault: Some(reason.to_owned()),
        ..BatchLine::default()
    }
}

/// The end of a log that a broker writes, or did when it crashed.
fn torn_line(position: u64, end: u64) -> BatchLine {
    BatchLine { fault: None, flags: "not whole".to_owned(), ..fault_line(position, end, "") }
}

fn one_batch(log: &Listed, position: u64) -> Result<Bytes, Missing> {
    let file = ReadOnlyFile::open(&log.path)?;
    let mut walk = LogWalk::new(&file, log.base_offset, log.next_base)?.beginning_at(position);
    match walk.next_step() {
        Step::Batch(batch) if batch.position == position => match batch.bytes {
            Some(bytes) => Ok(Bytes::copy_from_slice(bytes)),
            None => Err(Missing::Batch(position, "it is too large".to_owned())),
        },
        Step::Batch(_) | Step::End => Err(Missing::Batch(position, "it is gone".to_owned())),
        Step::Fault(fault) => Err(Missing::Batch(position, fault.reason)),
    }
}

fn records(data: &[PathBuf], place: &Place, base: i64, position: u64) -> Result<Looked, Missing> {
    let log = log_of(data, place, base)?;
    let bytes = one_batch(&log, position)?;
    let partition = TopicPartition::new(&place.topic, place.partition);
    let wrong = |error: String| Missing::Batch(position, error);
    let (from, end) = (Offset(i64::MIN), Offset(i64::MAX));
    let fetched = FetchedRecords::new(partition, &bytes, from, end, Vec::new());
    let fetched = fetched.map_err(|error| wrong(error.to_string()))?;
    let decoder = Decoder::of_topic(&place.topic);
    let (mut lines, mut held) = (Vec::new(), 0);
    let walked = fetched.for_each(|record| {
        let line = RecordLine::new(place.partition, record, decoder);
        held += line.weight();
        lines.push(line);
        match lines.len() < RECORDS && held < RECORDS_BYTES {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        }
    });
    let _ = walked.map_err(|error| wrong(error.to_string()))?;
    if lines.is_empty() {
        // Control records are no reader's; their bytes are.
        return bytes_of(data, place, base, position);
    }
    Ok(Looked::Records(lines))
}

fn bytes_of(data: &[PathBuf], place: &Place, base: i64, position: u64) -> Result<Looked, Missing> {
    let log = log_of(data, place, base)?;
    let bytes = match one_batch(&log, position) {
        Ok(bytes) => bytes[..bytes.len().min(BYTES)].to_vec(),
        // What is no batch has bytes all the same.
        Err(_) => some_bytes(&log.path, position)?,
    };
    Ok(Looked::Bytes { position, bytes })
}

fn some_bytes(path: &Path, position: u64) -> Result<Vec<u8>, Missing> {
    let file = ReadOnlyFile::open(path)?;
    let mut bytes = vec![0; BYTES];
    let read = file.read_at(position, &mut bytes)?;
    bytes.truncate(read);
    Ok(bytes)
}

#[cfg(test)]
mod tests;
