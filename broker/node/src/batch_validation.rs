//! What a produced batch has to be before it may be stored, as far as its bytes tell.
//!
//! No lock is held and nothing of the log is known here. The records of a batch that is stored as
//! it came are read only where that costs no decompression, or where the topic's configs ask for
//! their keys. Kafka's `ProduceRequest.validateRecords`, `UnifiedLog.analyzeAndValidateRecords` and
//! `LogValidator`, with their words: producers log them.

use std::ops::RangeInclusive;

use kt_protocol::ErrorCode;
use kt_protocol::records::compression::DecompressError;
use kt_protocol::records::validation::{
    self, InvalidBatch, KeyRule, RecordRules, RecordsSummary, RefusedRecord,
};
use kt_protocol::records::{
    BatchBuilder, BatchPatch, BatchView, Budget, Compression, Compressor, NewRecord, RecordFault,
    RecordView, RecordsError, TimestampType,
};
use kt_protocol::types::{Offset, Timestamp, TopicPartition};

use crate::config::{StoredCompression, TopicConfig};

/// How many bytes the records of one batch may take decompressed, where they have to be read: more
/// than any batch that a client would hold in memory, a window of zstd's highest levels (128 MiB)
/// included. They pass by in pieces: this bounds time more than memory.
const DECOMPRESSED_BYTES_MAX: u64 = 256 << 20;

/// How many of them may be compressed anew, which takes all of them in memory.
const REBUILT_BYTES_MAX: u64 = 64 << 20;

/// How many refused records the sentence itself names; the answer lists all.
const SHOWN_RECORDS: usize = 3;

/// The first version of Produce that may bring zstd (KIP-110).
const FIRST_VERSION_WITH_ZSTD: i16 = 7;

/// Why a batch is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: ErrorCode,
    pub(crate) message: String,
    /// Which records are to blame, by their place in the batch, and why: the first
    /// [`validation::MAX_REFUSED_RECORDS`].
    pub(crate) records: Vec<(i32, String)>,
}

impl Refusal {
    fn new(code: ErrorCode, message: impl Into<String>) -> Refusal {
        Refusal { code, message: message.into(), records: Vec::new() }
    }

    fn invalid(message: impl Into<String>) -> Refusal {
        Refusal::new(ErrorCode::InvalidRecord, message)
    }

    /// Kafka's `LogValidator.processRecordErrors`: one bad timestamp gives the batch its code.
    fn of_records(code: ErrorCode, records: Vec<(i32, String)>) -> Refusal {
        if code == ErrorCode::InvalidTimestamp {
            let message = "One or more records have been rejected due to invalid timestamp".into();
            return Refusal { code, message, records };
        }
        let shown = records.iter().take(SHOWN_RECORDS);
        let shown: Vec<String> = shown
            .map(|(index, message)| format!("RecordError(batchIndex={index}, message='{message}')"))
            .collect();
        let message = format!(
            "One or more records have been rejected due to {} record errors in total, and only showing the first three errors at most: [{}]",
            records.len(),
            shown.join(", ")
        );
        Refusal { code, message, records }
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

impl Rules<'_> {
    /// Those that a walk over the records looks at.
    fn of_records(&self) -> RecordRules {
        let key = match self.config.cleanup_policy.compact {
            true => KeyRule::Required,
            false => KeyRule::Optional,
        };
        match self.config.message_timestamp_is_log_append_time {
            true => RecordRules { key, ..RecordRules::default() },
            false => RecordRules { key, timestamps: self.timestamps() },
        }
    }

    /// The timestamps that records may have.
    fn timestamps(&self) -> RangeInclusive<Timestamp> {
        let before = self.config.message_timestamp_before_max_ms;
        let after = self.config.message_timestamp_after_max_ms;
        let least = self.now.0.saturating_sub(before);
        Timestamp(least)..=Timestamp(self.now.0.saturating_add(after))
    }
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
        let rebuilt = rebuild(&view, target, rules)?;
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
    let is_stamped = rules.config.message_timestamp_is_log_append_time;
    if !is_stamped && view.timestamp_type() == TimestampType::LogAppendTime {
        return Err(Refusal::new(
            ErrorCode::InvalidTimestamp,
            format!(
                "Invalid timestamp type in message in topic partition {name}. Producer should not set timestamp type to LogAppendTime."
            ),
        ));
    }
    Ok(())
}

/// First and greatest timestamp stand in the header, so that a compressed batch need not be read.
fn check_timestamps(view: &BatchView<'_>, rules: &Rules<'_>) -> Result<(), Refusal> {
    if rules.config.message_timestamp_is_log_append_time {
        return Ok(());
    }
    for timestamp in [view.base_timestamp(), view.max_timestamp()] {
        if timestamp != Timestamp::NONE && !rules.timestamps().contains(&timestamp) {
            let records = vec![(0, out_of_range(timestamp, 0, &rules.timestamps()))];
            return Err(Refusal::of_records(ErrorCode::InvalidTimestamp, records));
        }
    }
    Ok(())
}

fn out_of_range(timestamp: Timestamp, index: usize, allowed: &RangeInclusive<Timestamp>) -> String {
    let (least, most) = (allowed.start(), allowed.end());
    format!(
        "Timestamp {timestamp} of message with offset {index} is out of range. The timestamp should be within [{least}, {most}]"
    )
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
/// timestamp, if they were walked. Nothing is kept of what is decompressed.
fn check_records(
    view: &BatchView<'_>,
    source: Compression,
    rules: &Rules<'_>,
) -> Result<Option<Timestamp>, Refusal> {
    if source != Compression::None && !rules.config.cleanup_policy.compact {
        check_timestamps(view, rules)?;
        return Ok(None);
    }
    walk(view, rules).map(|summary| Some(summary.max_timestamp))
}

/// Walks all records, decompressing them piece by piece.
fn walk(view: &BatchView<'_>, rules: &Rules<'_>) -> Result<RecordsSummary, Refusal> {
    let mut budget = Budget::new(DECOMPRESSED_BYTES_MAX);
    validation::check_records(view, &rules.of_records(), &mut budget)
        .map_err(|error| refusal_of(error, rules))
}

/// Kafka's code and words for a walk that ended early.
fn refusal_of(error: InvalidBatch, rules: &Rules<'_>) -> Refusal {
    let refused = match error {
        InvalidBatch::Refused(refused) => refused,
        InvalidBatch::Records(error) => return unreadable(&error, rules),
        other => {
            return Refusal::invalid(format!("{other} in topic partition {}.", rules.partition));
        }
    };
    let mut code = ErrorCode::InvalidRecord;
    let mut records = Vec::with_capacity(refused.len());
    for RefusedRecord { index, reason } in refused {
        let message = match reason {
            validation::Refusal::NoKey => format!(
                "Compacted topic cannot accept message without key in topic partition {}.",
                rules.partition
            ),
            validation::Refusal::Timestamp { timestamp, allowed } => {
                code = ErrorCode::InvalidTimestamp;
                out_of_range(timestamp, index, &allowed)
            }
        };
        records.push((i32::try_from(index).unwrap_or(i32::MAX), message));
    }
    Refusal::of_records(code, records)
}

/// Records that cannot be read. One whose records are too large is refused by the code on which
/// producers send fewer at a time, instead of the same again.
fn unreadable(error: &RecordsError, rules: &Rules<'_>) -> Refusal {
    let fault = match error {
        RecordsError::Record { fault: RecordFault::Decompress(fault), .. } => Some(fault),
        RecordsError::Decompress(fault) => Some(fault),
        _ => None,
    };
    let text = format!("{error} in topic partition {}.", rules.partition);
    match fault {
        None => Refusal::invalid(text),
        Some(DecompressError::Damaged { .. }) => Refusal::new(ErrorCode::CorruptMessage, text),
        Some(DecompressError::Budget(_)) => Refusal::new(ErrorCode::MessageTooLarge, text),
    }
}

/// The batch in the compression that the topic wants. Two walks: the first keeps nothing, so that
/// only what is right in every part, and not too large, ever takes memory.
fn rebuild(
    view: &BatchView<'_>,
    target: Compression,
    rules: &Rules<'_>,
) -> Result<Vec<u8>, Refusal> {
    let uncompressed = walk(view, rules)?.uncompressed_bytes;
    if REBUILT_BYTES_MAX < uncompressed {
        let name = rules.partition;
        let text = format!(
            "The records of a batch for {name} take {uncompressed} bytes, of which {REBUILT_BYTES_MAX} at most can be compressed anew."
        );
        return Err(Refusal::new(ErrorCode::MessageTooLarge, text));
    }
    let mut builder = BatchBuilder::new().compressed(compressor(target, rules.config)).producer(
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
    let mut budget = Budget::new(DECOMPRESSED_BYTES_MAX);
    let unread = |error: RecordsError| unreadable(&error, rules);
    let mut records = view.stream(&mut budget).map_err(unread)?;
    while let Some(record) = records.next().map_err(unread)? {
        append(&mut builder, &record)?;
    }
    Ok(builder.build().to_vec())
}

fn append(builder: &mut BatchBuilder, record: &RecordView<'_>) -> Result<(), Refusal> {
    let mut headers = Vec::new();
    for header in record.headers() {
        let key = header.key().map_err(|error| Refusal::invalid(error.to_string()))?;
        headers.push((key, header.value));
    }
    let RecordView { timestamp, key, value, .. } = *record;
    let new = NewRecord { timestamp, key, value, headers: &headers };
    builder.append(new).map(drop).map_err(|error| Refusal::invalid(error.to_string()))
}

fn compressor(target: Compression, config: &TopicConfig) -> Compressor {
    let level = match target {
        Compression::Gzip => config.compression_gzip_level,
        Compression::Lz4 => config.compression_lz4_level,
        Compression::Zstd => config.compression_zstd_level,
        Compression::None | Compression::Snappy => return Compressor::from(target),
    };
    Compressor::new(target, level).unwrap_or_else(|_| Compressor::from(target))
}
