//! What `--where` wants, and how much was looked at for it.

use kt_client::consumer::Record;
use kt_protocol::records::BatchHeader;
use kt_protocol::types::Timestamp;
use kt_storage::inspect::Listed;

use super::log::{DumpedRecord, timestamp_type};
use crate::record_filter::RecordFilter;

/// Records that were looked at, of all files.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Scanned {
    seen: u64,
    matched: u64,
    /// In batches whose records cannot be read.
    hidden: u64,
}

impl Scanned {
    /// Whether the record is shown.
    pub(super) fn is_wanted(
        &mut self,
        filter: &RecordFilter,
        file: &Listed,
        record: &DumpedRecord<'_>,
    ) -> bool {
        if filter.is_empty() {
            return true;
        }
        self.seen += 1;
        let is_wanted = matches(filter, file, record);
        self.matched += u64::from(is_wanted);
        is_wanted
    }

    /// A batch whose records are not looked at.
    pub(super) fn hidden(&mut self, batch: &BatchHeader) {
        self.hidden += u64::try_from(batch.records_count()).unwrap_or(0);
    }

    /// What is said of it.
    pub(super) fn summary(&self) -> String {
        let Scanned { seen, matched, hidden } = *self;
        let noun = if matched == 1 { "record matches" } else { "records match" };
        format!("scanned {seen} of {} records: {matched} {noun}", seen + hidden)
    }
}

fn matches(filter: &RecordFilter, file: &Listed, dumped: &DumpedRecord<'_>) -> bool {
    let (header, view) = (dumped.batch, &dumped.view);
    let mut record = Record {
        offset: view.offset,
        timestamp: (view.timestamp != Timestamp::NONE).then_some(view.timestamp),
        timestamp_type: timestamp_type(header),
        attributes: header.attributes(),
        key: view.key,
        value: view.value,
        headers: view.headers(),
        leader_epoch: None,
        producer: None,
    };
    // What is decoded is compared as it is shown.
    let decoded = dumped.decoder.and_then(|it| it.decode(view.key, view.value).ok());
    let Some(decoded) = decoded else { return filter.matches(file.partition.as_ref(), &record) };
    let text = |value: serde_json::Value| (!value.is_null()).then(|| value.to_string());
    let (key, value) = (text(decoded.key()), text(decoded.value()));
    record.key = key.as_deref().map(str::as_bytes);
    record.value = value.as_deref().map(str::as_bytes);
    filter.matches(file.partition.as_ref(), &record)
}
