//! What must hold of a log, by the model.

use std::ops::Range;
use std::path::{Path, PathBuf};

use kt_protocol::records::{BatchHeader, Budget};
use kt_protocol::types::{Offset, Timestamp};
use kt_storage::file_names::FileKind;
use kt_storage::producer_state::Admission;
use kt_storage::simulated_disk::SimulatedDisk;
use kt_storage::{Log, ReadRequest, aborted_transactions, offset_for_timestamp, read};

use super::model::{Content, Model};
use super::{Random, Verdict};
use crate::ensure;

/// Batches of a producer that are remembered.
const BATCHES_KEPT: usize = 5;

pub(crate) fn everything(log: &mut Log, model: &Model, random: &mut Random) -> Verdict {
    let end = Offset(model.end());
    ensure!(log.log_end_offset() == end, "ends at {}, not {end}", log.log_end_offset());
    bytes(log, model)?;
    producers(log, model)?;
    duplicates(log, model)?;
    log.on_high_watermark(end);
    let first_open = model.producers().values().filter_map(|it| it.open).min().map(Offset);
    let unstable = log.first_unstable_offset();
    ensure!(unstable == first_open, "unstable from {unstable:?}, not {first_open:?}");
    epochs(log, model)?;
    for _ in 0..4 {
        aborted(log, model, random)?;
        times(log, model, random)?;
    }
    Ok(())
}

/// Every offset is given with the bytes that were appended there.
fn bytes(log: &Log, model: &Model) -> Verdict {
    let (start, max_offset) = (log.log_start_offset(), log.log_end_offset());
    let mut expected = model.batches.iter().skip_while(|batch| batch.last < start.0);
    let mut from = start;
    while from < max_offset {
        let request = ReadRequest { from, max_offset, max_bytes: 700, min_one_batch: true };
        let slice = read(log.segments(), &request).map_err(|error| error.to_string())?;
        let Some(slice) = slice else { return Err(format!("nothing at {from}")) };
        let Some(batch) = expected.next() else { return Err(format!("too much at {from}")) };
        let mut found = vec![0; batch.bytes.len()];
        let count = slice.range.file.read_at(slice.range.position, &mut found);
        let count = count.map_err(|error| error.to_string())?;
        ensure!(count == found.len() && found == batch.bytes, "other bytes at {from}");
        from = Offset(batch.last + 1);
    }
    ensure!(expected.next().is_none(), "batches are missing at the end");
    Ok(())
}

/// Where the batches of a directory's `.log` files stand: base offset, file and bytes.
pub(crate) fn batches_on(
    disk: &SimulatedDisk,
    directory: &Path,
) -> Vec<(Offset, PathBuf, Range<u64>)> {
    let mut found = Vec::new();
    for (path, bytes) in disk.export() {
        if !path.starts_with(directory) || path.extension().is_none_or(|it| it != "log") {
            continue;
        }
        let mut at = 0;
        while let Some(rest) = bytes.get(at..) {
            let Ok(header) = BatchHeader::parse_any(rest) else { break };
            let end = at + header.size();
            found.push((header.base_offset(), path.clone(), at as u64..end as u64));
            at = end;
        }
    }
    found
}

/// The batches from an offset on, as they are in the log.
pub(crate) fn batches_from(log: &Log, from: i64) -> Result<Vec<Vec<u8>>, String> {
    let max_offset = log.log_end_offset();
    let mut batches = Vec::new();
    let mut from = Offset(from);
    while from < max_offset {
        let request = ReadRequest { from, max_offset, max_bytes: 1, min_one_batch: true };
        let slice = read(log.segments(), &request).map_err(|error| error.to_string())?;
        let Some(slice) = slice else { return Err(format!("nothing at {from}")) };
        let mut bytes = vec![0; slice.range.length as usize];
        let count = slice.range.file.read_at(slice.range.position, &mut bytes);
        ensure!(count.is_ok_and(|it| it == bytes.len()), "a short batch at {from}");
        batches.push(bytes);
        from = slice.first.last_offset.plus(1);
    }
    Ok(batches)
}

fn producers(log: &Log, model: &Model) -> Verdict {
    let expected = model.replayed(log.config().producer_id_expiration_ms).to_snapshot();
    let found = log.producers().to_snapshot();
    ensure!(
        found == expected,
        "producers\n{found:?}\nwhere a replay from zero gives\n{expected:?}"
    );
    Ok(())
}

/// A batch sent again, one of the last five, is answered with its offset.
fn duplicates(log: &Log, model: &Model) -> Verdict {
    for producer in model.producers().keys() {
        let mut newest = model.batches.iter().rev().filter(
            |it| matches!(it.content, Content::Data { producer: its, .. } if its == *producer),
        );
        let mut kept = 0;
        while let Some(batch) = newest.next().filter(|_| kept < BATCHES_KEPT) {
            if 0 < kept && batch.base < model.remembered_from {
                break;
            }
            let Some(again) = batch.producer_batch() else { continue };
            if Some(again.producer_epoch)
                != log.producers().get(again.producer_id).map(|it| it.epoch())
            {
                break;
            }
            kept += 1;
            match log.producers().check(&again) {
                Ok(Admission::Duplicate(kept)) if kept.base_offset() == Offset(batch.base) => {}
                other => return Err(format!("{again:?} again: {other:?}")),
            }
        }
    }
    Ok(())
}

fn epochs(log: &Log, model: &Model) -> Verdict {
    let start = log.log_start_offset().0;
    if model.end() <= start {
        return Ok(());
    }
    let mut expected = model.epochs();
    // The one that the log starts in begins there.
    let above = expected.partition_point(|(_, from)| *from <= start);
    expected.drain(..above.saturating_sub(1));
    if let Some(first) = expected.first_mut() {
        first.1 = first.1.max(start);
    }
    let entries = log.leader_epochs().entries().iter();
    let found: Vec<(i32, i64)> = entries.map(|it| (it.epoch.0, it.start_offset.0)).collect();
    ensure!(found == expected, "epochs {found:?}, not {expected:?}");
    Ok(())
}

/// A reader of committed records is told every aborted transaction it meets, and no other.
fn aborted(log: &Log, model: &Model, random: &mut Random) -> Verdict {
    let (start, end) = (log.log_start_offset(), log.log_end_offset());
    if end <= start {
        return Ok(());
    }
    let from = start.plus(random.below((end - start) as u64) as i64);
    let max_bytes = 1 + random.below(3_000);
    let request = ReadRequest { from, max_offset: end, max_bytes, min_one_batch: true };
    let slice = read(log.segments(), &request).map_err(|error| error.to_string())?;
    let Some(slice) = slice else { return Err(format!("nothing at {from}")) };
    let told = aborted_transactions(log.segments(), &slice, end).map_err(|it| it.to_string())?;
    let told: Vec<_> =
        told.iter().map(|it| (it.producer_id.0, it.first_offset.0, it.last_offset.0)).collect();
    let all = model.aborted();
    if let Some(other) = told.iter().find(|it| !all.contains(it)) {
        return Err(format!("{other:?} is told to be aborted"));
    }
    let (first, mut left) = (slice.first.base_offset.0, slice.range.length as usize);
    let mut last = first;
    for batch in model.batches.iter().skip_while(|batch| batch.base < first) {
        last = batch.last;
        let Some(rest) = left.checked_sub(batch.bytes.len()).filter(|rest| 0 < *rest) else {
            break;
        };
        left = rest;
    }
    let met = all.iter().filter(|(_, from, marker)| first <= *marker && *from <= last);
    for one in met {
        ensure!(told.contains(one), "{one:?} is not told to who reads {first} to {last}");
    }
    Ok(())
}

/// The first record as late as some time is the one that a walk finds.
fn times(log: &Log, model: &Model, random: &mut Random) -> Verdict {
    let (start, end) = (log.log_start_offset(), log.log_end_offset());
    let records: Vec<(i64, i64)> = model.records_from(start.0).collect();
    if records.is_empty() {
        return Ok(());
    }
    let near = records[random.below(records.len() as u64) as usize].1;
    let target = (near - 1 + random.below(3) as i64).max(0);
    let mut budget = Budget::new(1 << 20);
    let found = offset_for_timestamp(log.segments(), Timestamp(target), start..end, &mut budget);
    let found = found.map_err(|error| error.to_string())?.map(|it| (it.offset.0, it.timestamp.0));
    let expected = records.iter().find(|(_, time)| target <= *time).copied();
    ensure!(found == expected, "time {target}: {found:?}, not {expected:?}");
    Ok(())
}

/// The offset index of a log that was closed tells only of what is there, in order, as Kafka's
/// tools check it. (Of a segment before, a power cut may have left one that readers make anew.)
pub(crate) fn closed_index(disk: &SimulatedDisk, log: &Log) -> Verdict {
    let Some(active) = log.segments().last() else { return Err("no segment".to_owned()) };
    let path = active.path(FileKind::OffsetIndex);
    let bytes = disk.contents(&path).unwrap_or_default();
    let size = disk.contents(&active.path(FileKind::Log)).unwrap_or_default().len();
    let number = |at: usize| {
        let four = bytes.get(at..at + 4).and_then(|four| four.try_into().ok());
        i64::from(i32::from_be_bytes(four.unwrap_or_default()))
    };
    let entries: Vec<(i64, i64)> =
        (0..bytes.len()).step_by(8).map(|at| (number(at), number(at + 4))).collect();
    let ascend = entries.windows(2).all(|it| it[0].0 < it[1].0 && it[0].1 < it[1].1);
    let lies_within = entries.last().is_none_or(|last| last.1 < size as i64);
    ensure!(ascend && lies_within, "{} for {size} bytes: {entries:?}", path.display());
    Ok(())
}
