//! What must hold of a compacted log, by the model.

use std::collections::BTreeMap;

use kt_protocol::records::TimestampType;
use kt_protocol::types::{LeaderEpoch, Offset};
use kt_storage::{Log, ReadRequest, read};

use super::found::{self, Found};
use super::model::{Batch, Derived, Fate, Model, Record, fold};
use crate::ensure;
use crate::harness::{Random, Verdict};

/// Everything, at `wall`; `retention` is `delete.retention.ms`.
pub(crate) fn everything(
    log: &Log,
    model: &Model,
    wall: i64,
    retention: i64,
    random: &mut Random,
) -> Verdict {
    let derived = model.derive();
    let end = log.log_end_offset().0;
    ensure!(end == model.end(), "ends at {end}, not {}", model.end());
    let found = found::batches(log)?;
    in_order(&found)?;
    for batch in &found {
        let base = batch.header.base_offset().0;
        let written = model.batches.iter().find(|it| it.base == base);
        let Some(written) = written else { return Err(format!("a strange batch at {base}")) };
        as_written(batch, written)?;
    }
    nothing_is_missing(model, &derived, &found, wall, retention)?;
    markers_outlive_data(&derived, &found)?;
    readers(log, model, &derived, &found, random)?;
    producers(log, model, &derived)?;
    epochs(log, model)
}

fn in_order(found: &[Found]) -> Verdict {
    for pair in found.windows(2) {
        let (before, behind) = (&pair[0].header, &pair[1].header);
        ensure!(
            before.last_offset() < behind.base_offset(),
            "{} does not come behind {}",
            behind.base_offset(),
            before.last_offset()
        );
    }
    Ok(())
}

/// What stays of a batch is what was written: only records and a horizon may differ.
fn as_written(found: &Found, written: &Batch) -> Verdict {
    let header = &found.header;
    let base = written.base;
    ensure!(header.last_offset().0 == written.last(), "the batch at {base} ends elsewhere");
    ensure!(header.partition_leader_epoch().0 == written.leader_epoch, "epoch of {base}");
    let original = found_of(written)?;
    let head = |it: &Found| {
        let header = &it.header;
        let sender = (header.producer_id(), header.producer_epoch(), header.base_sequence());
        (sender, header.is_transactional(), header.is_control(), header.timestamp_type())
    };
    ensure!(head(found) == head(&original), "the head of the batch at {base} has changed");
    if header.records_count() == 0 {
        return Ok(());
    }
    let codec = |it: &Found| it.header.compression().ok();
    ensure!(codec(found) == codec(&original), "the codec of the batch at {base} has changed");
    for record in &found.records {
        let is_there = original.records.contains(record);
        ensure!(is_there, "the record at {} has changed: {record:?}", record.offset);
    }
    let is_whole = header.records_count() == original.header.records_count();
    if is_whole && header.delete_horizon().is_none() {
        ensure!(found.bytes == written.bytes, "the batch at {base} was built again for nothing");
    }
    let greatest = found.records.iter().map(|it| it.timestamp).max();
    if header.timestamp_type() == TimestampType::CreateTime && !header.is_control() {
        ensure!(Some(header.max_timestamp().0) == greatest, "the greatest time of {base} is wrong");
    }
    Ok(())
}

fn found_of(written: &Batch) -> Result<Found, String> {
    let view = kt_protocol::records::BatchView::only_of(&written.bytes);
    let view = view.map_err(|error| error.to_string())?;
    let time = match view.timestamp_type() {
        TimestampType::LogAppendTime => Some(view.max_timestamp().0),
        _ => None,
    };
    let as_read =
        |record: &Record| Record { timestamp: time.unwrap_or(record.timestamp), ..record.clone() };
    Ok(Found {
        header: *view.header(),
        bytes: written.bytes.to_vec(),
        records: written.records.iter().map(as_read).collect(),
        outcome: None,
    })
}

fn nothing_is_missing(
    model: &Model,
    derived: &Derived,
    found: &[Found],
    wall: i64,
    retention: i64,
) -> Verdict {
    let there: BTreeMap<i64, &Record> =
        found.iter().flat_map(|it| &it.records).map(|it| (it.offset, it)).collect();
    let superseded = model.superseded(derived, model.cleaned_to);
    // Of the batch at which the map was full some keys were mapped.
    let perhaps_superseded = model.superseded(derived, model.touched_to);
    for batch in &model.batches {
        let fate = derived.fates[&batch.base];
        for record in &batch.records {
            let offset = record.offset;
            let is_there = there.contains_key(&offset);
            let is_clean = offset < model.cleaned_to;
            let must = match fate {
                Fate::Open => Some(true),
                Fate::Aborted if is_clean => Some(false),
                Fate::Aborted if model.touched_to <= offset => Some(true),
                Fate::Aborted => None,
                Fate::Counts if record.key.is_none() && is_clean => Some(false),
                Fate::Counts if model.touched_to <= offset => Some(true),
                Fate::Counts if record.key.is_none() => None,
                Fate::Counts if superseded.contains(&offset) && is_clean => Some(false),
                Fate::Counts if perhaps_superseded.contains(&offset) => None,
                Fate::Counts if record.value.is_some() => Some(true),
                Fate::Counts => tombstone(model, offset, wall, retention),
            };
            if let Some(must) = must {
                let what = if must { "is missing" } else { "is still there" };
                ensure!(must == is_there, "{fate:?} record {record:?} {what}");
            }
        }
    }
    Ok(())
}

/// Whether a tombstone must be there, or must be gone.
fn tombstone(model: &Model, offset: i64, wall: i64, retention: i64) -> Option<bool> {
    match model.horizon_perhaps.get(&offset) {
        Some(since) if since + retention <= wall => None,
        _ => Some(true),
    }
}

/// Tombstones whose time has come are gone after a pass that came to its end.
pub(crate) fn old_tombstones_are_gone(
    log: &Log,
    model: &Model,
    wall: i64,
    retention: i64,
) -> Verdict {
    for batch in found::batches(log)? {
        for record in batch.records.iter().filter(|it| it.value.is_none()) {
            let since = model.horizon_surely.get(&record.offset);
            let is_old = since.is_some_and(|since| since + retention <= wall);
            let is_clean = record.offset < model.cleaned_to;
            ensure!(!is_old || !is_clean, "the tombstone at {} outlives its time", record.offset);
        }
    }
    Ok(())
}

fn markers_outlive_data(derived: &Derived, found: &[Found]) -> Verdict {
    let bases: BTreeMap<i64, &Found> =
        found.iter().map(|it| (it.header.base_offset().0, it)).collect();
    for (marker, batches) in &derived.transactions {
        let data = batches.iter().find(|base| bases.contains_key(*base));
        let is_there = bases.get(marker).is_some_and(|it| it.outcome.is_some());
        if let Some(data) = data {
            ensure!(is_there, "the marker at {marker} is gone, the data at {data} is there");
        }
    }
    Ok(())
}

fn readers(
    log: &Log,
    model: &Model,
    derived: &Derived,
    found: &[Found],
    random: &mut Random,
) -> Verdict {
    let high_watermark = Offset(model.high_watermark);
    let stable = log.first_unstable_offset().unwrap_or(high_watermark).min(high_watermark);
    let all = found::committed(log, log.log_start_offset(), stable)?;
    let expected = found
        .iter()
        .filter(|it| derived.fates[&it.header.base_offset().0] == Fate::Counts)
        .flat_map(|it| it.records.iter())
        .filter(|it| it.offset < stable.0);
    let expected: Vec<Record> = expected.cloned().collect();
    ensure!(all == expected, "a reader of what is committed gets something else");
    ensure!(
        fold(all.iter()) == model.folded(derived, stable.0),
        "a reader of what is committed does not end with the last values"
    );
    for _ in 0..4 {
        let from = Offset(random.below(model.end().max(1) as u64) as i64);
        let got = found::committed(log, from, stable)?;
        let expected = all.iter().filter(|it| from.0 <= it.offset);
        ensure!(got.iter().eq(expected), "a reader from {from} gets something else");
        let max_offset = log.log_end_offset();
        let request = ReadRequest { from, max_offset, max_bytes: 1, min_one_batch: true };
        let slice = read(log.segments(), &request).map_err(|error| error.to_string())?;
        let first = found.iter().find(|it| from <= it.header.last_offset());
        let first = first.map(|it| it.header.base_offset());
        let given = slice.map(|it| it.first.base_offset);
        ensure!(given == first, "{from} is found at {given:?}, not {first:?}");
    }
    Ok(())
}

/// What a producer may go on with is known.
fn producers(log: &Log, model: &Model, derived: &Derived) -> Verdict {
    for (id, expected) in &derived.producers {
        if model.last_base_of(*id) < model.unsure_below {
            continue;
        }
        let id = kt_protocol::types::ProducerId(*id);
        let Some(known) = log.producers().get(id) else {
            return Err(format!("producer {id} is forgotten"));
        };
        let is_open = known.transaction_first_offset().map(|it| it.0);
        let found = (known.epoch().0, known.last_sequence() + 1, is_open);
        let first = expected.open.first().copied();
        let expected = (expected.epoch, expected.next_sequence, first);
        ensure!(found == expected, "producer {id} is known as {found:?}, not {expected:?}");
    }
    Ok(())
}

fn epochs(log: &Log, model: &Model) -> Verdict {
    let mut starts: BTreeMap<i32, i64> = BTreeMap::new();
    for batch in &model.batches {
        starts.entry(batch.leader_epoch).or_insert(batch.base);
    }
    for epoch in starts.keys() {
        let next = starts.range(epoch + 1..).next().map(|it| *it.1);
        let expected = next.unwrap_or(model.end());
        let found = log.end_offset_for(LeaderEpoch(*epoch)).map(|it| it.end_offset.0);
        ensure!(found == Some(expected), "epoch {epoch} ends at {found:?}, not {expected}");
    }
    Ok(())
}

/// The last batch of each producer that is known by its data is there.
pub(crate) fn last_batches(log: &Log, model: &Model) -> Verdict {
    let found = found::batches(log)?;
    let producers = model.derive().producers;
    for producer in producers.into_keys() {
        let base = model.last_base_of(producer);
        let known = log.producers().get(kt_protocol::types::ProducerId(producer));
        let has_data = known.is_some_and(|it| it.last_batch().is_some());
        let is_there = found.iter().any(|it| it.header.base_offset().0 == base);
        let is_demanded = has_data && model.unsure_below <= base;
        ensure!(is_there || !is_demanded, "the last batch of producer {producer} is gone: {base}");
    }
    Ok(())
}
