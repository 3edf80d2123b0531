//! What a produced batch has to be before it may be stored, as far as its bytes tell.
//!
//! No lock is held and nothing of the log is known here. The records of a batch that is stored as
//! it came are read only where that costs no decompression, or where the topic's configs ask for
//! their keys. Kafka's `ProduceRequest.validateRecords`, `UnifiedLog.analyzeAndValidateRecords` and
//! `LogValidator`, with their words: producers log them.

use kt_protocol::ErrorCode;
use kt_protocol::records::{
    BatchBuilder, BatchPatch, BatchView, Budget, Compression, Compressor, NewRecord, RecordView,
    RecordsError, TimestampType, compression,
};
use kt_protocol::types::{Offset, Timestamp, TopicPartition};

use crate::config::{StoredCompression, TopicConfig};

/// How many bytes the records of one batch may take decompressed, where they have to be read: more
/// than any batch that a client would hold in memory, and less than what would hurt the broker.
const DECOMPRESSED_BYTES_MAX: u64 = 256 << 20;

/// The first version of Produce that may bring zstd (KIP-110).
const FIRST_VERSION_WITH_ZSTD: i16 = 7;

/// Why a batch is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: ErrorCode,
    pub(crate) message: String,
    /// Which record is to blame, if one is.
    pub(crate) record: Option<(i32, String)>,
}

impl Refusal {
    fn new(code: ErrorCode, message: impl Into<String>) -> Refusal {
        Refusal { code, message: message.into(), record: None }
    }

    fn invalid(message: impl Into<String>) -> Refusal {
        Refusal::new(ErrorCode::InvalidRecord, message)
    }

    fn of_record(code: ErrorCode, index: usize, message: String) -> Refusal {
        let index = i32::try_from(index).unwrap_or(i32::MAX);
        let text = "One or more records have been rejected".to_owned();
        Refusal { code, message: text, record: Some((index, message)) }
    }
}

/// What the topic asks of a batch.
pub(crate) struct Rules<'a> {
    pub(crate) partition: &'a TopicPartition,
    pub(crate) config: &'a TopicConfig,
    /// The version of the Produce request.
    pub(crate) version: i16,
    /// The wall clock.
    pub(crate) now: Timestamp,
}

/// A batch that may be stored.
#[derive(Debug)]
pub(crate) struct Validated {
    /// The bytes to store, where they are not those that came: compressed anew.
    pub(crate) rebuilt: Option<Vec<u8>>,
    /// The time that its records were given, or none where they keep their own.
    pub(crate) log_append_time: Timestamp,
}

/// Checks a batch, and changes in it what the topic's configs demand.
///
/// # Errors
///
/// Why it is refused; the bytes are as they were then.
pub(crate) fn validate(bytes: &mut [u8], rules: &Rules<'_>) -> Result<Validated, Refusal> {
    let view = only_batch(bytes, rules)?;
    check_size(view.size(), rules)?;
    check_header(&view, rules)?;
    if !view.crc_is_valid() {
        let (name, computed, stored) = (rules.partition, view.computed_crc(), view.crc());
        let text = format!(
            "Record is corrupt (stored crc = {stored}, computed crc = {computed}) in topic partition {name}."
        );
        return Err(Refusal::new(ErrorCode::CorruptMessage, text));
    }
    let source = view.compression().map_err(|error| Refusal::invalid(error.to_string()))?;
    if source == Compression::Zstd && rules.version < FIRST_VERSION_WITH_ZSTD {
        let text = format!(
            "Produce requests with version {} are not allowed to use ZStandard compression",
            rules.version
        );
        return Err(Refusal::new(ErrorCode::UnsupportedCompressionType, text));
    }
    let target = target(source, rules.config);
    let is_appending_time = rules.config.message_timestamp_is_log_append_time;
    let log_append_time = if is_appending_time { rules.now } else { Timestamp::NONE };
    if target != source {
        let rebuilt = rebuild(&view, source, target, rules)?;
        check_size(rebuilt.len(), rules)?;
        return Ok(Validated { rebuilt: Some(rebuilt), log_append_time });
    }
    let greatest = check_records(&view, source, rules)?;
    let claimed = view.max_timestamp();
    let mut patch = BatchPatch::first_of(bytes).expect("it was read above");
    if is_appending_time {
        patch.set_append_time(rules.now);
    } else if greatest.is_some_and(|greatest| greatest != claimed) {
        patch.set_max_timestamp(greatest.unwrap_or(claimed));
    }
    Ok(Validated { rebuilt: None, log_append_time })
}

/// The one batch of magic 2 that a producer may send for a partition.
fn only_batch<'a>(bytes: &'a [u8], rules: &Rules<'_>) -> Result<BatchView<'a>, Refusal> {
    let version = rules.version;
    if bytes.is_empty() {
        return Err(Refusal::invalid(format!(
            "Produce requests with version {version} must have at least one record batch per partition"
        )));
    }
    use kt_protocol::records::BatchError;
    BatchView::only_of(bytes).map_err(|error| match error {
        BatchError::Magic { .. } => Refusal::invalid(format!(
            "Produce requests with version {version} are only allowed to contain record batches with magic version 2"
        )),
        BatchError::Trailing { .. } => Refusal::invalid(format!(
            "Produce requests with version {version} are only allowed to contain exactly one record batch per partition"
        )),
        other => Refusal::new(ErrorCode::CorruptMessage, other.to_string()),
    })
}

fn check_size(size: usize, rules: &Rules<'_>) -> Result<(), Refusal> {
    let max = usize::try_from(rules.config.max_message_bytes).unwrap_or(0);
    if size <= max {
        return Ok(());
    }
    let name = rules.partition;
    Err(Refusal::new(
        ErrorCode::MessageTooLarge,
        format!(
            "The record batch size in the append to {name} is {size} bytes which exceeds the maximum configured value of {max}."
        ),
    ))
}

fn check_header(view: &BatchView<'_>, rules: &Rules<'_>) -> Result<(), Refusal> {
    let name = rules.partition;
    if view.base_offset() != Offset(0) {
        let base = view.base_offset();
        return Err(Refusal::invalid(format!(
            "The baseOffset of the record batch in the append to {name} should be 0, but it is {base}"
        )));
    }
    let (delta, count) = (view.last_offset_delta(), view.records_count());
    if delta < 0 {
        return Err(Refusal::invalid(format!(
            "Batch has an invalid offset range: [0, {delta}] in topic partition {name}."
        )));
    }
    if count <= 0 {
        return Err(Refusal::invalid(format!(
            "Invalid reported count for record batch: {count} in topic partition {name}."
        )));
    }
    if i64::from(delta) + 1 != i64::from(count) {
        return Err(Refusal::invalid(format!(
            "Inconsistent batch offset range [0, {delta}] and count of records {count} in topic partition {name}."
        )));
    }
    if view.is_control() {
        return Err(Refusal::invalid(format!(
            "Clients are not allowed to write control records in topic partition {name}."
        )));
    }
    if view.has_producer_id() && view.base_sequence() < 0 {
        let (sequence, id) = (view.base_sequence(), view.producer_id());
        return Err(Refusal::invalid(format!(
            "Invalid sequence number {sequence} in record batch with producerId {id} in topic partition {name}."
        )));
    }
    if view.delete_horizon().is_some() {
        return Err(Refusal::invalid(format!(
            "Clients are not allowed to set a delete horizon in topic partition {name}."
        )));
    }
    check_timestamps(view, rules)
}

/// The greatest timestamp stands in the header, so that a compressed batch need not be read.
fn check_timestamps(view: &BatchView<'_>, rules: &Rules<'_>) -> Result<(), Refusal> {
    if rules.config.message_timestamp_is_log_append_time {
        return Ok(());
    }
    if view.timestamp_type() == TimestampType::LogAppendTime {
        let name = rules.partition;
        return Err(Refusal::new(
            ErrorCode::InvalidTimestamp,
            format!(
                "Invalid timestamp type in message in topic partition {name}. Producer should not set timestamp type to LogAppendTime."
            ),
        ));
    }
    check_timestamp(view.base_timestamp(), 0, rules)?;
    check_timestamp(view.max_timestamp(), 0, rules)
}

fn check_timestamp(timestamp: Timestamp, index: usize, rules: &Rules<'_>) -> Result<(), Refusal> {
    if timestamp == Timestamp::NONE || rules.config.message_timestamp_is_log_append_time {
        return Ok(());
    }
    let now = rules.now.0;
    let before = rules.config.message_timestamp_before_max_ms;
    let after = rules.config.message_timestamp_after_max_ms;
    let is_within =
        now.saturating_sub(timestamp.0) <= before && timestamp.0.saturating_sub(now) <= after;
    if is_within {
        return Ok(());
    }
    let (least, most) = (now.saturating_sub(before), now.saturating_add(after));
    Err(Refusal::of_record(
        ErrorCode::InvalidTimestamp,
        index,
        format!(
            "Timestamp {timestamp} of message with offset {index} is out of range. The timestamp should be within [{least}, {most}]"
        ),
    ))
}

/// How the batch is to be stored.
fn target(source: Compression, config: &TopicConfig) -> Compression {
    match config.compression_type {
        StoredCompression::Producer => source,
        StoredCompression::Uncompressed => Compression::None,
        StoredCompression::Gzip => Compression::Gzip,
        StoredCompression::Snappy => Compression::Snappy,
        StoredCompression::Lz4 => Compression::Lz4,
        StoredCompression::Zstd => Compression::Zstd,
    }
}

/// Walks the records where they are not compressed, or where their keys count. Gives the greatest
/// timestamp, if they were walked.
fn check_records(
    view: &BatchView<'_>,
    source: Compression,
    rules: &Rules<'_>,
) -> Result<Option<Timestamp>, Refusal> {
    let bytes = match source {
        Compression::None => None,
        _ if rules.config.cleanup_policy.compact => Some(decompress(view, source)?),
        _ => return Ok(None),
    };
    let mut greatest = Timestamp::NONE;
    walk(view, bytes.as_deref(), rules, |record| {
        greatest = greatest.max(record.timestamp);
        Ok(())
    })?;
    Ok(Some(greatest))
}

/// Hands each record on, after its own checks. `decompressed` is what a compressed batch holds.
fn walk(
    view: &BatchView<'_>,
    decompressed: Option<&[u8]>,
    rules: &Rules<'_>,
    mut take: impl FnMut(&RecordView<'_>) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    let name = rules.partition;
    let records = match decompressed {
        None => view.records_in_place(),
        Some(bytes) => Ok(view.records_in(bytes)),
    };
    let wrong =
        |error: RecordsError| Refusal::invalid(format!("{error} in topic partition {name}."));
    for (index, record) in records.map_err(wrong)?.enumerate() {
        let record = record.map_err(wrong)?;
        let expected = view.base_offset().plus(index as i64);
        if record.offset != expected {
            let text = format!(
                "Record offset {} is not {expected} in topic partition {name}.",
                record.offset
            );
            return Err(Refusal::of_record(ErrorCode::InvalidRecord, index, text));
        }
        if rules.config.cleanup_policy.compact && record.key.is_none() {
            let text = format!(
                "Compacted topic cannot accept message without key in topic partition {name}."
            );
            return Err(Refusal::of_record(ErrorCode::InvalidRecord, index, text));
        }
        check_timestamp(record.timestamp, index, rules)?;
        take(&record)?;
    }
    Ok(())
}

fn decompress(view: &BatchView<'_>, source: Compression) -> Result<Vec<u8>, Refusal> {
    let mut budget = Budget::new(DECOMPRESSED_BYTES_MAX);
    compression::decompress(source, view.compressed_records(), &mut budget)
        .map_err(|error| Refusal::new(ErrorCode::CorruptMessage, error.to_string()))
}

/// The batch in the compression that the topic wants.
fn rebuild(
    view: &BatchView<'_>,
    source: Compression,
    target: Compression,
    rules: &Rules<'_>,
) -> Result<Vec<u8>, Refusal> {
    let bytes = match source {
        Compression::None => None,
        _ => Some(decompress(view, source)?),
    };
    let level = match target {
        Compression::Gzip => rules.config.compression_gzip_level,
        Compression::Lz4 => rules.config.compression_lz4_level,
        Compression::Zstd => rules.config.compression_zstd_level,
        Compression::None | Compression::Snappy => 0,
    };
    let compressor = match target {
        Compression::None | Compression::Snappy => Compressor::from(target),
        _ => Compressor::new(target, level).unwrap_or_else(|_| Compressor::from(target)),
    };
    let mut builder = BatchBuilder::new().compressed(compressor).producer(
        view.producer_id(),
        view.producer_epoch(),
        view.base_sequence(),
    );
    if view.is_transactional() {
        builder = builder.transactional();
    }
    if rules.config.message_timestamp_is_log_append_time {
        builder = builder.append_time(rules.now);
    }
    walk(view, bytes.as_deref(), rules, |record| {
        let mut headers = Vec::new();
        for header in record.headers() {
            let key = header.key().map_err(|error| Refusal::invalid(error.to_string()))?;
            headers.push((key, header.value));
        }
        let new = NewRecord {
            timestamp: record.timestamp,
            key: record.key,
            value: record.value,
            headers: &headers,
        };
        builder.append(new).map(drop).map_err(|error| Refusal::invalid(error.to_string()))
    })?;
    Ok(builder.build().to_vec())
}
