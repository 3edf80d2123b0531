//! A `.log` or `.checkpoint`: its batches and their records.

use std::path::Path;

use kt_protocol::records::{
    AnyBatch, BatchHeader, BatchView, Budget, Compression, MAGIC_V2, RecordView, TimestampType,
};
use kt_protocol::types::Offset;
use kt_storage::File;
use kt_storage::inspect::{FaultKind, FileClass, Listed, LogWalk, Step, WalkedBatch};

use super::findings::Findings;
use super::form::Form;
use super::positions::Range;
use super::scanned::Scanned;
use super::{seek, unreadable};
use crate::error::CliError;
use crate::internal_records::Decoder;
use crate::read_only_disk::ReadOnlyFile;
use crate::record_filter::RecordFilter;

/// What of a log is shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style<'a> {
    pub(super) records: bool,
    pub(super) decoder: Option<Decoder>,
    pub(super) filter: &'a RecordFilter,
}

/// The checksum of a record of its own, as records of magic 0 and 1 have it.
#[derive(Clone, Copy, Debug)]
pub(super) struct OwnChecksum {
    pub(super) crc: u32,
    pub(super) is_valid: bool,
}

/// A record, and what is known of it beside.
#[derive(Debug)]
pub(super) struct DumpedRecord<'a> {
    pub(super) view: RecordView<'a>,
    pub(super) batch: &'a BatchHeader,
    /// Where its batch begins.
    pub(super) position: u64,
    pub(super) own_checksum: Option<OwnChecksum>,
    pub(super) decoder: Option<Decoder>,
}

impl DumpedRecord<'_> {
    /// Of its key, its value and its headers.
    pub(super) fn payload_bytes(&self) -> usize {
        let length = |bytes: Option<&[u8]>| bytes.map_or(0, <[u8]>::len);
        let headers = self.view.headers().map(|it| it.key_bytes.len() + length(it.value));
        length(self.view.key) + length(self.view.value) + headers.sum::<usize>()
    }

    /// Counted on from the batch's; -1 if there is none.
    pub(super) fn sequence(&self) -> i32 {
        let base = self.batch.base_sequence();
        if base < 0 {
            return -1;
        }
        let delta = self.view.offset.0.wrapping_sub(self.batch.base_offset().0);
        ((i64::from(base).wrapping_add(delta)) & i64::from(i32::MAX)) as i32
    }
}

/// Who set the timestamps of a batch or message.
pub(super) fn timestamp_type(header: &BatchHeader) -> TimestampType {
    match header.magic() {
        0 => TimestampType::NoTimestampType,
        _ => header.timestamp_type(),
    }
}

/// Shows a file and reports what is wrong with it.
pub(super) fn dump(
    listed: &Listed,
    style: Style<'_>,
    range: &mut Range,
    scanned: &mut Scanned,
    form: &mut dyn Form,
    findings: &mut Findings<'_>,
) -> Result<(), CliError> {
    if range.is_done() || range.ends_below(listed.base_offset) {
        return Ok(());
    }
    if listed.next_base.is_some_and(|next| range.searches_from(next)) {
        return Ok(());
    }
    let file = ReadOnlyFile::open(&listed.path).map_err(|error| unreadable(&error))?;
    let begin = match range.searched() {
        Some(offset) => seek::offset(listed, &file, offset, findings)?,
        None => 0,
    };
    form.begin(listed)?;
    let mut batches = Batches { listed, style, range, scanned, form, findings };
    batches.walk(&file, begin)?;
    form.end()
}

struct Batches<'a, 'f> {
    listed: &'a Listed,
    style: Style<'a>,
    range: &'a mut Range,
    scanned: &'a mut Scanned,
    form: &'a mut dyn Form,
    findings: &'a mut Findings<'f>,
}

impl Batches<'_, '_> {
    fn walk(&mut self, file: &dyn File, begin: u64) -> Result<(), CliError> {
        let Listed { path, base_offset, next_base, .. } = self.listed;
        let walk = LogWalk::new(file, *base_offset, *next_base);
        let mut walk = walk.map_err(|error| unreadable(&error))?.beginning_at(begin);
        let mut trailing = 0;
        let mut has_footer = false;
        loop {
            let end = walk.end();
            match walk.next_step() {
                Step::End => break,
                Step::Fault(fault) => {
                    if fault.end == end {
                        trailing = end - fault.position;
                    }
                    let reason = match fault.end < end {
                        true => {
                            format!("{}; the next batch is at byte {}", fault.reason, fault.end)
                        }
                        false => fault.reason,
                    };
                    self.fault(path, fault.kind, fault.position, &reason);
                }
                Step::Batch(batch) => {
                    // Control batches are the first and the last of a snapshot.
                    has_footer = 0 < batch.position && batch.header.is_control();
                    self.batch(&batch)?;
                    if self.range.is_done() {
                        return Ok(());
                    }
                }
            }
        }
        if self.listed.class == FileClass::MetadataSnapshot && trailing == 0 && !has_footer {
            self.findings.damage(path, walk.end(), "the snapshot ends without its footer");
        }
        if trailing != 0 && self.range.is_all() {
            self.form.trailing(self.listed, trailing)?;
        }
        Ok(())
    }

    /// A snapshot has its name only once it is whole; a log grows, and a crash may cut its end.
    fn may_be_torn(&self) -> bool {
        self.listed.class == FileClass::Log && self.listed.is_of_last_segment()
    }

    fn fault(&mut self, path: &Path, kind: FaultKind, position: u64, reason: &str) {
        match kind {
            FaultKind::Torn if self.may_be_torn() => {
                self.findings.torn(path, position, reason);
            }
            FaultKind::Torn | FaultKind::Damaged => self.findings.damage(path, position, reason),
            FaultKind::Unreadable => self.findings.unreadable(path, position, reason),
        }
    }

    fn batch(&mut self, batch: &WalkedBatch<'_>) -> Result<(), CliError> {
        let header = &batch.header;
        if !self.range.meets(header) {
            return Ok(());
        }
        let path = &self.listed.path;
        if let Some(fault) = &batch.fault {
            self.findings.damage(path, batch.position, fault);
        }
        self.form.batch(self.listed, batch)?;
        if !self.style.records {
            if let Some(note) = self.range.found(header.base_offset()) {
                self.findings.note(&note);
            }
            return Ok(());
        }
        // What a broken checksum stands over may be anything.
        if !batch.is_intact {
            self.scanned.hidden(header);
            return Ok(());
        }
        let Some(bytes) = batch.bytes else {
            let size = header.size();
            let path = path.display();
            self.scanned.hidden(header);
            self.findings.note(&format!(
                "{path} at byte {}: the records of a batch of {size} bytes are not shown",
                batch.position
            ));
            return Ok(());
        };
        self.records(batch, bytes)
    }

    fn records(&mut self, batch: &WalkedBatch<'_>, bytes: &[u8]) -> Result<(), CliError> {
        let mut expected = batch.header.base_offset();
        let last = batch.header.last_offset();
        let is_legacy = batch.header.magic() != MAGIC_V2;
        let mut out_of_order = None;
        let mut wrong_checksum = None;
        let decoder = self.style.decoder.filter(|_| !batch.header.is_control());
        let read = each_record(batch, bytes, |view, own_checksum| {
            let offset = view.offset;
            if !is_legacy && (offset < expected || last < offset) {
                out_of_order.get_or_insert(offset);
            }
            if own_checksum.is_some_and(|it| !it.is_valid) {
                wrong_checksum.get_or_insert(offset);
            }
            expected = Offset(offset.0.saturating_add(1));
            if !self.range.holds(offset) {
                return Ok(());
            }
            if let Some(note) = self.range.found(offset) {
                self.findings.note(&note);
            }
            let (header, position) = (&batch.header, batch.position);
            let record = DumpedRecord { view, batch: header, position, own_checksum, decoder };
            if !self.scanned.is_wanted(self.style.filter, self.listed, &record) {
                return Ok(());
            }
            self.form.record(self.listed, &record)
        });
        let path = &self.listed.path;
        match read {
            Ok(()) => {}
            Err(Stopped::Records(reason)) => self.findings.damage(path, batch.position, &reason),
            Err(Stopped::Cli(error)) => return Err(error),
        }
        if let Some(offset) = out_of_order {
            let reason = format!("its record at offset {offset} is out of the batch's order");
            self.findings.damage(path, batch.position, &reason);
        }
        if let Some(offset) = wrong_checksum {
            let reason = format!("the checksum of the message at offset {offset} does not fit");
            self.findings.damage(path, batch.position, &reason);
        }
        Ok(())
    }
}

/// Why the records of a batch were not read to their end.
pub(super) enum Stopped {
    /// They are damaged.
    Records(String),
    /// Whoever took them failed.
    Cli(CliError),
}

impl From<CliError> for Stopped {
    fn from(error: CliError) -> Stopped {
        Stopped::Cli(error)
    }
}

fn damaged(reason: impl std::fmt::Display) -> Stopped {
    Stopped::Records(reason.to_string())
}

/// Calls `each` with every record of a batch, one in memory at a time.
pub(super) fn each_record(
    batch: &WalkedBatch<'_>,
    bytes: &[u8],
    mut each: impl FnMut(RecordView<'_>, Option<OwnChecksum>) -> Result<(), CliError>,
) -> Result<(), Stopped> {
    // Each batch may give as much as a disk can hold: what is asked for is memory, and a stream
    // takes little.
    let mut budget = Budget::new(u64::MAX >> 1);
    if batch.header.magic() == MAGIC_V2 {
        let view = BatchView::first_of(bytes).map_err(damaged)?;
        if view.compression().map_err(damaged)? == Compression::None {
            for record in view.records_in_place().map_err(damaged)? {
                each(record.map_err(damaged)?, None)?;
            }
            return Ok(());
        }
        let mut records = view.stream(&mut budget).map_err(damaged)?;
        while let Some(record) = records.next().map_err(damaged)? {
            each(record, None)?;
        }
        return Ok(());
    }
    let AnyBatch::Legacy(message) = AnyBatch::first_of(bytes).map_err(damaged)? else {
        return Ok(());
    };
    let mut budget = Budget::new(1 << 30);
    let body = message.decompress(&mut budget).map_err(damaged)?;
    for (message, record) in body.messages().zip(body.records()) {
        let checksum = OwnChecksum { crc: message.crc(), is_valid: message.crc_is_valid() };
        each(record, Some(checksum))?;
    }
    Ok(())
}
