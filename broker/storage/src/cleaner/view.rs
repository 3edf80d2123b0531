//! A log as the cleaner sees it: what there is, how much of it is dirty, and how far it may go.
//! Kafka's `LogCleanerManager.cleanableOffsets` and `LogToClean`.

use std::collections::BTreeMap;
use std::sync::Arc;

use kt_protocol::records::BatchHeader;
use kt_protocol::types::{Offset, ProducerEpoch, ProducerId, Timestamp};

use crate::config::LogConfig;
use crate::error::LogError;
use crate::file_cache::{FileCache, PartitionDirectory};
use crate::segment::{Segment, SegmentHome};

/// Which batch is the last of a producer that is remembered: it keeps the producer's sequence, or
/// where there is none, its epoch. Kafka's `LastRecord`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LastBatch {
    /// The data batch that ends here.
    Data(Offset),
    /// The marker with this epoch, as no data was written with it.
    Marker(ProducerEpoch),
}

/// A log at one moment, for a pass that runs without its lock. See [`crate::Log::cleaning_view`].
#[derive(Clone)]
pub struct CleaningView {
    pub(crate) cache: Arc<FileCache>,
    pub(crate) directory: Arc<PartitionDirectory>,
    pub(crate) config: Arc<LogConfig>,
    pub(crate) segments: Arc<[Arc<Segment>]>,
    pub(crate) log_start_offset: Offset,
    pub(crate) log_end_offset: Offset,
    pub(crate) last_stable_offset: Offset,
    pub(crate) cleaned_at_most: Option<Offset>,
    pub(crate) generation: u32,
    pub(crate) last_batches: Arc<BTreeMap<ProducerId, LastBatch>>,
}

/// How dirty a log is: by this the one to clean next is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dirtiness {
    /// Everything below was cleaned by an earlier pass.
    pub first_dirty_offset: Offset,
    /// Where a pass would end: the base of a segment.
    pub first_uncleanable_offset: Offset,
    /// Bytes of segments below the first dirty offset.
    pub clean_bytes: u64,
    /// Bytes of segments that a pass would take anew.
    pub cleanable_bytes: u64,
    /// By how many milliseconds the oldest dirty records are beyond `max.compaction.lag.ms`; 0 if
    /// they are not.
    pub compaction_delay_ms: u64,
    /// What the checkpoint said makes no sense: it is to say `first_dirty_offset` instead.
    pub resets_checkpoint: bool,
}

impl Dirtiness {
    /// The part of the bytes that is dirty, 0 to 1: the log with the greatest is cleaned first.
    pub fn ratio(&self) -> f64 {
        let total = self.clean_bytes.saturating_add(self.cleanable_bytes);
        match total {
            0 => 0.0,
            total => self.cleanable_bytes as f64 / total as f64,
        }
    }

    /// Whether the log is to be cleaned, by `min.cleanable.dirty.ratio`, or as its records have
    /// waited for longer than `max.compaction.lag.ms`.
    pub fn is_due(&self, min_cleanable_dirty_ratio: f64) -> bool {
        let is_late = 0 < self.compaction_delay_ms && 0 < self.cleanable_bytes;
        is_late || min_cleanable_dirty_ratio < self.ratio()
    }
}

impl CleaningView {
    /// How dirty the log is at `wall`, given what the checkpoint says of it. Looks at no batch but
    /// the first of dirty segments, and only where a lag is configured.
    ///
    /// `wall` is [`crate::WallClockGuard::trusted`]: while that gives none, nothing is cleaned.
    ///
    /// # Errors
    /// The disk's, or what makes a `.log` unreadable.
    pub fn dirtiness(
        &self,
        last_clean: Option<Offset>,
        wall: Timestamp,
    ) -> Result<Dirtiness, LogError> {
        let (first_dirty_offset, resets_checkpoint) = self.first_dirty_offset(last_clean);
        let bound = self.first_uncleanable_offset(first_dirty_offset, wall)?;
        let first_uncleanable_offset = self.first_base_from(bound.max(first_dirty_offset));
        let mut dirtiness = Dirtiness {
            first_dirty_offset,
            first_uncleanable_offset,
            clean_bytes: 0,
            cleanable_bytes: 0,
            compaction_delay_ms: self.compaction_delay_ms(first_dirty_offset, wall)?,
            resets_checkpoint,
        };
        for segment in self.segments.iter().filter(|it| it.base_offset() < first_dirty_offset) {
            dirtiness.clean_bytes += segment.size()?;
        }
        let from = first_dirty_offset.min(first_uncleanable_offset);
        for segment in self.segments_within(from, first_uncleanable_offset) {
            dirtiness.cleanable_bytes += segment.size()?;
        }
        Ok(dirtiness)
    }

    /// What the checkpoint says, unless it cannot be: then everything is dirty.
    fn first_dirty_offset(&self, last_clean: Option<Offset>) -> (Offset, bool) {
        let (start, end) = (self.log_start_offset, self.log_end_offset);
        let offset = match last_clean {
            None => return (start, false),
            Some(offset) => offset.min(self.cleaned_at_most.unwrap_or(offset)),
        };
        match start <= offset && offset <= end {
            true => (offset, last_clean != Some(offset)),
            false => (start, true),
        }
    }

    /// Not beyond the last stable offset (below the high watermark), not into the active segment,
    /// and not into a segment with records younger than `min.compaction.lag.ms`.
    fn first_uncleanable_offset(&self, dirty: Offset, wall: Timestamp) -> Result<Offset, LogError> {
        let active = self.active_base();
        let mut bound = active.min(self.last_stable_offset);
        let lag = i64::try_from(self.config.min_compaction_lag_ms).unwrap_or(i64::MAX);
        if lag == 0 {
            return Ok(bound);
        }
        for segment in self.segments_within(dirty, active) {
            if wall.0.saturating_sub(lag) < segment.newest_timestamp()?.0 {
                bound = bound.min(segment.base_offset());
                break;
            }
        }
        Ok(bound)
    }

    /// The base of the segment that holds `bound`: segments are cleaned whole.
    fn first_base_from(&self, bound: Offset) -> Offset {
        let active = self.active_base();
        let above = self.segments.partition_point(|it| it.base_offset() <= bound);
        let holder = above.checked_sub(1).and_then(|at| self.segments.get(at));
        holder.map_or(active, |segment| segment.base_offset()).min(active)
    }

    fn compaction_delay_ms(&self, dirty: Offset, wall: Timestamp) -> Result<u64, LogError> {
        let Some(lag) = self.config.max_compaction_lag_ms else { return Ok(0) };
        let due = wall.0.saturating_sub(i64::try_from(lag).unwrap_or(i64::MAX));
        let mut earliest = i64::MAX;
        for segment in self.segments_within(dirty, self.active_base()) {
            let first = segment.locate_header(segment.base_offset())?;
            let timestamp = first.map_or(0, |first| first.header.max_timestamp().0);
            if 0 < timestamp {
                earliest = earliest.min(timestamp);
            }
        }
        Ok(u64::try_from(due.saturating_sub(earliest)).unwrap_or(0))
    }

    fn active_base(&self) -> Offset {
        self.segments.last().map_or(self.log_start_offset, |active| active.base_offset())
    }

    /// The segments that hold offsets from `from` up to `to`, which is the base of one.
    pub(crate) fn segments_within(&self, from: Offset, to: Offset) -> &[Arc<Segment>] {
        let first = self.segments.partition_point(|it| it.base_offset() <= from).saturating_sub(1);
        let end = self.segments.partition_point(|it| it.base_offset() < to);
        self.segments.get(first..end).unwrap_or(&[])
    }

    /// The base of the segment behind `segment`.
    pub(crate) fn base_after(&self, segment: &Segment) -> Offset {
        let above = self.segments.partition_point(|it| it.base_offset() <= segment.base_offset());
        self.segments.get(above).map_or(self.log_end_offset, |next| next.base_offset())
    }

    pub(crate) fn home(&self) -> SegmentHome<'_> {
        SegmentHome {
            cache: &self.cache,
            directory: &self.directory,
            index_interval_bytes: self.config.index_interval_bytes,
        }
    }

    /// Whether a batch keeps what is known of its producer.
    pub(crate) fn is_last_of_producer(&self, header: &BatchHeader) -> bool {
        if !header.has_producer_id() {
            return false;
        }
        match self.last_batches.get(&header.producer_id()) {
            Some(LastBatch::Data(offset)) => header.last_offset() == *offset,
            Some(LastBatch::Marker(epoch)) => {
                header.is_control() && header.producer_epoch() == *epoch
            }
            None => false,
        }
    }
}
