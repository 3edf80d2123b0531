//! The batches of a segment, page by page, whole ones and damaged ones.

use std::collections::VecDeque;
use std::path::PathBuf;

use kt_protocol::records::control::ControlType;
use kt_protocol::records::{BatchHeader, BatchView};
use kt_protocol::types::{Offset, Timestamp};
use kt_storage::file_names::FileKind;
use kt_storage::inspect::{self, FaultKind, Listed, LogWalk, Step, WalkedBatch};

use super::{IsWanted, Missing, log_of};
use crate::read_only_disk::ReadOnlyFile;
use crate::tui::model::screens::segments::looking::{BatchLine, Goal, Looked, Place};

/// Batches of one page.
pub(super) const BATCHES: usize = 200;

/// A page of them. With a goal it is the page that has it: an index tells where to begin, and where
/// there is none all batches before it are passed.
pub(super) fn page(
    (data, place, base): (&[PathBuf], &Place, i64),
    (position, goal): (u64, Option<Goal>),
    is_wanted: IsWanted<'_>,
) -> Result<Looked, Missing> {
    let log = log_of(data, place, base)?;
    let file = ReadOnlyFile::open(&log.path)?;
    let position = goal.map_or(position, |goal| before(&log, &file, goal));
    let mut walk = LogWalk::new(&file, log.base_offset, log.next_base)?.beginning_at(position);
    let mut lines = VecDeque::new();
    let (mut more_at, mut found) = (None, None);
    loop {
        if !is_wanted() {
            return Ok(Looked::Stopped);
        }
        let mut is_goal = false;
        let line = match walk.next_step() {
            Step::End => break,
            Step::Batch(batch) => {
                is_goal = goal.is_some_and(|it| is_met(it, &batch.header));
                batch_line(&batch)
            }
            // What is just being written is no fault.
            Step::Fault(fault) if fault.kind == FaultKind::Torn && log.is_of_last_segment() => {
                torn_line(fault.position, fault.end)
            }
            Step::Fault(fault) => fault_line(fault.position, fault.end, &fault.reason),
        };
        if is_goal {
            found = found.or(Some(line.position));
        }
        if goal.is_some() && found.is_none() {
            // Some of what stands before it is shown, too.
            if BATCHES / 2 <= lines.len() {
                lines.pop_front();
            }
        } else if BATCHES <= lines.len() {
            more_at = Some(line.position);
            break;
        }
        lines.push_back(line);
    }
    if goal.is_some() {
        found = found.or_else(|| lines.back().map(|it: &BatchLine| it.position));
    }
    Ok(Looked::Batches { lines: lines.into(), more_at, found })
}

fn is_met(goal: Goal, header: &BatchHeader) -> bool {
    match goal {
        Goal::Offset(offset) => offset <= header.last_offset().0,
        Goal::Time(time) => time <= header.max_timestamp().0,
    }
}

/// Where to begin to meet the goal; at the start, where no index tells.
fn before(log: &Listed, file: &ReadOnlyFile, goal: Goal) -> u64 {
    let index = |kind| ReadOnlyFile::open(&log.sibling(kind)).ok();
    let Some(offsets) = index(FileKind::OffsetIndex) else { return 0 };
    let found = match goal {
        Goal::Offset(offset) => {
            inspect::seek_offset(file, &offsets, log.base_offset, Offset(offset))
        }
        Goal::Time(time) => {
            let Some(times) = index(FileKind::TimeIndex) else { return 0 };
            inspect::seek_time(file, &offsets, &times, log.base_offset, Timestamp(time))
        }
    };
    // An index that lies is not used.
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
