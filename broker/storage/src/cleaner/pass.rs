//! One pass over a log: maps the keys of its dirty part, then writes its segments anew, group by
//! group. Kafka's `Cleaner.doClean`.

use std::sync::Arc;

use kt_protocol::planted;
use kt_protocol::records::{AnyBatch, Budget};
use kt_protocol::types::{Offset, Timestamp};

use super::batch_reader::{BatchReader, SourceBatch};
use super::filter::{Kept, LegacyTombstones, Rules};
use super::groups::groups;
use super::offset_map::{Full, OffsetMap};
use super::output::Output;
use super::records::{BatchFault, control_content, each_record};
use super::transactions::{CleanedTransactions, Use};
use super::{CleanError, Cleaned, Cleaner, CleaningView, Dirtiness, Pace, Pacing};
use crate::error::LogError;
use crate::file_names::FileKind;
use crate::log::Swapped;
use crate::read::segments_from;
use crate::segment::Segment;
use crate::transaction_index::AbortedTransaction;

/// What the records of one batch may take decompressed: what a produce request may hold.
const DECOMPRESSED_BYTES_MAX: u64 = 256 << 20;

/// What a pass did.
#[derive(Debug, Default)]
#[must_use = "the checkpoint is to say how far it came"]
pub struct CleanReport {
    /// Up to where the log is clean now: for [`super::CleanerCheckpoint::set`].
    pub end_offset: Offset,
    /// Bytes read while the keys were mapped.
    pub bytes_mapped: u64,
    /// Bytes of the segments before.
    pub bytes_before: u64,
    /// Bytes of the segments after.
    pub bytes_after: u64,
    /// Records in the batches that were read.
    pub records_before: u64,
    /// Records that stayed.
    pub records_after: u64,
    /// Records without a key that were met: none belongs into a compacted log.
    pub records_without_key: u64,
    /// Keys in the map.
    pub keys: u64,
    /// The map was full before the dirty part ended: the next pass goes on there.
    pub is_map_full: bool,
}

impl Cleaner {
    /// Cleans a log from its beginning on, as far as `dirtiness` says, or as the map of keys holds.
    ///
    /// `swap` takes the log's lock, calls [`crate::Log::swap_cleaned`], publishes the segments, and
    /// has what they replaced removed later; it is called once for each group of segments, in order.
    /// A tombstone goes only after what it takes back, so no other order will do.
    ///
    /// `wall` is the time that horizons are judged by: [`crate::WallClockGuard::trusted`].
    ///
    /// # Errors
    /// [`CleanError`]. Groups that were swapped in stay so, and the checkpoint as it is: the next
    /// pass takes them again.
    pub fn clean(
        &mut self,
        view: &CleaningView,
        dirtiness: &Dirtiness,
        wall: Timestamp,
        pace: &mut Pace<'_>,
        swap: &mut dyn FnMut(&Cleaned) -> Result<Swapped, LogError>,
    ) -> Result<CleanReport, CleanError> {
        let mut pacing = Pacing { pace, directory: view.directory.path() };
        let first_dirty = dirtiness.first_dirty_offset;
        let mut report = CleanReport { end_offset: first_dirty, ..CleanReport::default() };
        if dirtiness.first_uncleanable_offset <= first_dirty {
            return Ok(report);
        }
        let end = self.map_keys(view, dirtiness, &mut pacing, &mut report)?;
        report.keys = self.map.len();
        let limits = self.limits(view);
        let mut rewriting = Rewriting {
            rules: Rules {
                view,
                map: &self.map,
                mapped_up_to: end.plus(-1),
                round_end: dirtiness.first_uncleanable_offset,
                now: wall,
                budget_bytes: DECOMPRESSED_BYTES_MAX,
            },
            transactions: CleanedTransactions::default(),
            buffer: &mut self.buffer,
            limits,
            legacy_horizon: legacy_horizon(view, first_dirty)?,
            report: &mut report,
        };
        let mut groups = groups(view, end)?.into_iter().peekable();
        while let Some(group) = groups.next() {
            let completes = groups.peek().is_none().then_some(end);
            let cleaned = rewriting.clean_group(group, completes, &mut pacing)?;
            if let Swapped::Refused = swap(&cleaned)? {
                return Err(CleanError::Changed { directory: pacing.directory });
            }
        }
        report.end_offset = end;
        Ok(report)
    }

    /// Maps the keys from the first dirty offset on. Says up to where all of them are mapped.
    fn map_keys(
        &mut self,
        view: &CleaningView,
        dirtiness: &Dirtiness,
        pacing: &mut Pacing<'_>,
        report: &mut CleanReport,
    ) -> Result<Offset, CleanError> {
        self.map.clear();
        let (start, end) = (dirtiness.first_dirty_offset, dirtiness.first_uncleanable_offset);
        let limits = self.limits(view);
        let mut transactions = CleanedTransactions::default();
        transactions.expect(&aborted_within(view, start, end)?);
        let mut mapped = start;
        for segment in view.segments_within(start, end) {
            let next_base = view.base_after(segment).min(end);
            let Some(first) = segment.locate(start)? else {
                mapped = mapped.max(next_base);
                continue;
            };
            let position = first.position;
            let mut reader =
                BatchReader::new(segment, position, next_base, &mut self.buffer, limits)?;
            while let Some(source) = reader.next_batch(pacing)? {
                report.bytes_mapped += source.header.size() as u64;
                let is_mapped = map_batch(&mut self.map, &source, start, &mut transactions)
                    .map_err(|fault| uncleanable(segment, &source, &fault))?;
                if let Err(Full) = is_mapped {
                    report.is_map_full = true;
                    check_progress(segment, &source, start, mapped, self.map.limit())?;
                    return Ok(mapped);
                }
                mapped = mapped.max(source.header.next_offset());
            }
            // Behind the last batch of a segment there may be a hole.
            mapped = mapped.max(next_base);
        }
        Ok(mapped)
    }
}

/// A batch with more keys than the map holds would be met again by every pass.
fn check_progress(
    segment: &Segment,
    source: &SourceBatch<'_>,
    start: Offset,
    mapped: Offset,
    limit: u64,
) -> Result<(), CleanError> {
    if start < mapped {
        return Ok(());
    }
    Err(CleanError::Uncleanable {
        file: segment.path(FileKind::Log),
        position: source.position,
        offset: source.header.base_offset(),
        reason: format!(
            "a batch has more keys than the {limit} that log.cleaner.dedupe.buffer.size allows for"
        ),
    })
}

fn uncleanable(segment: &Segment, source: &SourceBatch<'_>, fault: &BatchFault) -> CleanError {
    CleanError::Uncleanable {
        file: segment.path(FileKind::Log),
        position: source.position,
        offset: source.header.base_offset(),
        reason: fault.to_string(),
    }
}

/// Maps the keys of a batch, unless its transaction was aborted.
fn map_batch(
    map: &mut OffsetMap,
    source: &SourceBatch<'_>,
    start: Offset,
    transactions: &mut CleanedTransactions,
) -> Result<Result<(), Full>, BatchFault> {
    let mut result = Ok(());
    let mut put = |key: Option<&[u8]>, offset: Offset| {
        if let Some(key) = key.filter(|_| start <= offset && result.is_ok()) {
            result = map.put(key, offset);
        }
    };
    match &source.batch {
        AnyBatch::Batch(batch) if batch.header().is_control() => {
            let content = control_content(batch, DECOMPRESSED_BYTES_MAX)?;
            transactions.on_control(batch.header(), content);
        }
        AnyBatch::Batch(batch) => {
            let is_aborted = transactions.on_data(batch.header()) == Use::Spent;
            if !is_aborted || planted!("aborted records mapped") {
                each_record(batch, DECOMPRESSED_BYTES_MAX, |record| {
                    put(record.key, record.offset);
                    Ok(())
                })?;
            }
        }
        AnyBatch::Legacy(message) => {
            let mut budget = Budget::new(DECOMPRESSED_BYTES_MAX);
            for record in message.decompress(&mut budget)?.records() {
                put(record.key, record.offset);
            }
        }
    }
    Ok(result)
}

/// The aborted transactions that touch `from..to`, of which each stands in the index of the segment
/// that holds its marker.
fn aborted_within(
    view: &CleaningView,
    from: Offset,
    to: Offset,
) -> Result<Vec<AbortedTransaction>, LogError> {
    let mut aborted = Vec::new();
    for segment in segments_from(&view.segments, from)? {
        if segment.collect_aborted(from, to, &mut aborted)? {
            break;
        }
    }
    Ok(aborted)
}

/// The time before which tombstones without a horizon go: `delete.retention.ms` before the last
/// clean segment was written.
fn legacy_horizon(view: &CleaningView, first_dirty: Offset) -> Result<Timestamp, LogError> {
    let clean = view.segments.iter().take_while(|it| it.base_offset() < first_dirty).last();
    let Some(last) = clean else { return Ok(Timestamp(0)) };
    let retention = i64::try_from(view.config.delete_retention_ms).unwrap_or(i64::MAX);
    Ok(Timestamp(last.log_file()?.modified()?.0.saturating_sub(retention)))
}

/// What writing segments anew needs, from one group to the next.
struct Rewriting<'a> {
    rules: Rules<'a>,
    transactions: CleanedTransactions,
    buffer: &'a mut super::ReadBuffer,
    limits: super::ReadLimits,
    legacy_horizon: Timestamp,
    report: &'a mut CleanReport,
}

impl Rewriting<'_> {
    /// Writes one segment that is to take the place of `group`. Where it fails, nothing is left.
    fn clean_group(
        &mut self,
        group: Vec<Arc<Segment>>,
        completes: Option<Offset>,
        pacing: &mut Pacing<'_>,
    ) -> Result<Cleaned, CleanError> {
        let view = self.rules.view;
        let base = group.first().map_or(Offset(0), |first| first.base_offset());
        let mut output = Output::create(view, base, self.limits.read_bytes)?;
        let mut result = Ok(());
        for segment in &group {
            result = result.and_then(|()| self.clean_segment(segment, &mut output, pacing));
        }
        if let Err(error) = result {
            // What cannot be removed now is removed by the next pass, or when the log is opened.
            let _ = output.discard();
            return Err(error);
        }
        let aborted = self.transactions.take_kept();
        let segment = Arc::new(output.finish(view, &aborted, pacing)?);
        self.report.bytes_after += segment.size()?;
        Ok(Cleaned { segment, replaced: group, generation: view.generation, completes })
    }

    fn clean_segment(
        &mut self,
        segment: &Arc<Segment>,
        output: &mut Output,
        pacing: &mut Pacing<'_>,
    ) -> Result<(), CleanError> {
        let view = self.rules.view;
        let end = view.base_after(segment);
        self.transactions.expect(&aborted_within(view, segment.base_offset(), end)?);
        let tombstones = match self.legacy_horizon < segment.log_file()?.modified()? {
            true => LegacyTombstones::Stay,
            false => LegacyTombstones::Go,
        };
        self.report.bytes_before += segment.size()?;
        let mut reader = BatchReader::new(segment, 0, end, self.buffer, self.limits)?;
        while let Some(source) = reader.next_batch(pacing)? {
            let (kept, counts) = self
                .rules
                .filter(&source, &mut self.transactions, tombstones)
                .map_err(|fault| uncleanable(segment, &source, &fault))?;
            self.report.records_before += counts.read;
            self.report.records_after += counts.kept;
            self.report.records_without_key += counts.without_key;
            match kept {
                Kept::Whole => output.push(source.batch.bytes(), pacing)?,
                Kept::Instead(bytes) => output.push(&bytes, pacing)?,
                Kept::Nothing => {}
            }
        }
        Ok(())
    }
}
