//! The text of `kafka-dump-log --print-data-log`, for comparison.

use std::fmt::Write;

use super::super::control::{ControlType, EndTxnMarker};
use super::super::legacy::LegacyMessage;
use super::super::*;

/// What the tool prints of the log with this name.
pub(super) fn dump(name: &str, log: &[u8]) -> String {
    let start = name.rsplit('/').next().unwrap().trim_end_matches(".log").parse::<u64>().unwrap();
    let mut text = format!("Dumping {name}\nLog starting offset: {start}\n");
    let mut batches = AnyBatches::new(log);
    loop {
        let position = batches.position();
        match batches.next() {
            None => return text,
            Some(Ok(AnyBatch::Batch(batch))) => dump_batch(&mut text, &batch, position).unwrap(),
            Some(Ok(AnyBatch::Legacy(message))) => {
                dump_message(&mut text, &message, position).unwrap();
            }
            Some(Err(error)) => panic!("{name}, position {position}: {error}"),
        }
    }
}

fn dump_batch(text: &mut String, batch: &BatchView<'_>, position: usize) -> std::fmt::Result {
    let horizon = match batch.delete_horizon() {
        Some(time) => format!("[{time}]"),
        None => ".empty".to_owned(),
    };
    write!(
        text,
        "baseOffset: {} lastOffset: {} count: {} baseSequence: {} lastSequence: {} producerId: {} \
         producerEpoch: {} partitionLeaderEpoch: {} isTransactional: {} isControl: {} \
         deleteHorizonMs: OptionalLong{horizon} position: {position} ",
        batch.base_offset(),
        batch.last_offset(),
        batch.records_count(),
        batch.base_sequence(),
        batch.last_sequence(),
        batch.producer_id(),
        batch.producer_epoch(),
        batch.partition_leader_epoch(),
        batch.is_transactional(),
        batch.is_control(),
    )?;
    writeln!(
        text,
        "{}: {} size: {} magic: {} compresscodec: {} crc: {} isvalid: {}",
        batch.timestamp_type().name(),
        batch.max_timestamp(),
        batch.size(),
        batch.magic(),
        batch.compression().unwrap(),
        batch.crc(),
        batch.crc_is_valid(),
    )?;
    let body = batch.decompress(&mut super::budget()).unwrap();
    for record in body.records() {
        let record = record.unwrap();
        dump_start(text, batch.timestamp_type(), &record)?;
        let delta = (record.offset - batch.base_offset()) as i32;
        let sequence = if batch.base_sequence() < 0 { -1 } else { batch.base_sequence() + delta };
        let keys: Vec<_> = record.headers().map(|header| header.key().unwrap()).collect();
        write!(text, " sequence: {sequence} headerKeys: [{}]", keys.join(","))?;
        if batch.is_control() {
            let marker = EndTxnMarker::from_record(&record).unwrap().unwrap();
            let kind = ControlType::from_key(record.key).unwrap().name();
            write!(text, " endTxnMarker: {kind} coordinatorEpoch: {}", marker.coordinator_epoch)?;
        } else {
            dump_data(text, &record)?;
        }
        text.push('\n');
    }
    Ok(())
}

fn dump_message(
    text: &mut String,
    message: &LegacyMessage<'_>,
    position: usize,
) -> std::fmt::Result {
    writeln!(
        text,
        "offset: {} position: {position} {}: {} size: {} magic: {} compresscodec: {} crc: {} isvalid: {}",
        message.offset(),
        message.timestamp_type().name(),
        message.timestamp(),
        message.size(),
        message.magic(),
        message.compression().unwrap(),
        message.crc(),
        message.crc_is_valid(),
    )?;
    let body = message.decompress(&mut super::budget()).unwrap();
    for (inner, record) in body.messages().zip(body.records()) {
        dump_start(text, message.timestamp_type(), &record)?;
        write!(text, " isValid: {} crc: {}", inner.crc_is_valid(), inner.crc())?;
        dump_data(text, &record)?;
        text.push('\n');
    }
    Ok(())
}

fn dump_start(
    text: &mut String,
    times: TimestampType,
    record: &RecordView<'_>,
) -> std::fmt::Result {
    write!(
        text,
        "| offset: {} {}: {} keySize: {} valueSize: {}",
        record.offset,
        times.name(),
        record.timestamp,
        size(record.key),
        size(record.value),
    )
}

fn dump_data(text: &mut String, record: &RecordView<'_>) -> std::fmt::Result {
    for (name, bytes) in [("key", record.key), ("payload", record.value)] {
        if let Some(bytes) = bytes {
            write!(text, " {name}: {}", String::from_utf8_lossy(bytes))?;
        }
    }
    Ok(())
}

fn size(bytes: Option<&[u8]>) -> i64 {
    bytes.map_or(-1, |bytes| bytes.len() as i64)
}
