//! One partition's log: the writer. Readers use its segments and never this struct.
//!
//! The node holds a `Log` behind the partition's writer lock. Appends, rolls, truncation and
//! retention change it; they write to the page cache and never flush. What is to be flushed is
//! told by [`Log::flush_candidates`], and that it was, by [`Log::flushed`].

mod append;
mod checkpoint;
mod cleaning;
mod close;
mod epochs;
mod flush;
mod open;
mod producers;
mod retention;
mod roll;
mod truncate;

use std::path::PathBuf;
use std::sync::{Arc, Weak};

use kt_protocol::types::{Offset, Timestamp};

pub use append::Appended;
pub use checkpoint::UnsyncedSnapshot;
pub use cleaning::Swapped;
pub use flush::FlushCandidates;
pub use open::{LoadFacts, LogHome, RecoveryReport};
pub use retention::{Deletion, WallClockGuard};

use crate::config::LogConfig;
use crate::error::LogError;
use crate::file_cache::{FileCache, PartitionDirectory};
use crate::producer_state::ProducerStates;
use crate::random::Random;
use crate::segment::{Segment, SegmentHome};

use checkpoint::Snapshots;
use epochs::Epochs;
use flush::Dirty;

/// What only the writer needs of the active segment.
#[derive(Clone, Copy, Debug)]
struct Active {
    /// When it was made or loaded.
    created: Timestamp,
    /// The greatest timestamp of its first batch: rolling by time counts from there.
    first_batch_timestamp: Option<Timestamp>,
    /// Bytes of batches since the last index entry.
    bytes_since_entry: u64,
    /// How much of `segment.ms` this segment does without.
    jitter_ms: u64,
    /// Its index files are as long as they may get. Those of a log that was only opened are not.
    is_preallocated: bool,
    /// Its `.log` is as long as it may get, and is to be trimmed.
    is_log_preallocated: bool,
}

/// One partition's log.
pub struct Log {
    cache: Arc<FileCache>,
    directory: Arc<PartitionDirectory>,
    config: Arc<LogConfig>,
    segments: Arc<[Arc<Segment>]>,
    active: Active,
    /// For rolling jitter, which needs spread, not secrecy.
    random: Random,
    log_start_offset: Offset,
    log_end_offset: Offset,
    recovery_point: Offset,
    generation: u32,
    /// A truncation is being prepared: no checkpoint may say more than this.
    truncating_to: Option<Offset>,
    /// The lowest end that a truncation of this run left: nothing above counts as cleaned.
    cleaned_at_most: Option<Offset>,
    /// Segments that cleaned ones replaced, as long as somebody holds them.
    swapped_out: Vec<Weak<Segment>>,
    dirty: Dirty,
    has_failed: bool,
    index_write_failures: u64,
    epochs: Epochs,
    producers: ProducerStates,
    snapshots: Snapshots,
}

impl Log {
    /// The partition's directory, as it is called now.
    pub fn directory(&self) -> PathBuf {
        self.directory.path()
    }

    /// The configs in force.
    pub fn config(&self) -> &Arc<LogConfig> {
        &self.config
    }

    /// Puts other configs in force, from the next append or retention on.
    pub fn set_config(&mut self, config: Arc<LogConfig>) {
        self.producers.set_expiration_ms(config.producer_id_expiration_ms);
        self.config = config;
    }

    /// The segments in order, the active one last. A snapshot for readers; taken anew after
    /// everything that changes the log.
    pub fn segments(&self) -> &Arc<[Arc<Segment>]> {
        &self.segments
    }

    /// The first offset that is given to anybody.
    pub fn log_start_offset(&self) -> Offset {
        self.log_start_offset
    }

    /// The offset that the next record gets.
    pub fn log_end_offset(&self) -> Offset {
        self.log_end_offset
    }

    /// Everything below is durable: the flushed end of the log.
    pub fn recovery_point(&self) -> Offset {
        self.recovery_point
    }

    /// How often index entries could not be written in their time. The batches were.
    pub fn index_write_failures(&self) -> u64 {
        self.index_write_failures
    }

    /// How often the log was truncated in this run. A flush of an older generation says nothing.
    pub fn generation(&self) -> u32 {
        self.generation
    }

    /// True after a write failed and could not be undone. Everything fails from then on.
    pub fn has_failed(&self) -> bool {
        self.has_failed
    }

    /// The bytes of all segments.
    ///
    /// # Errors
    /// The disk's, while learning the size of a segment that was not used yet.
    pub fn size(&self) -> Result<u64, LogError> {
        let mut size = 0;
        for segment in self.segments.iter() {
            size += segment.size()?;
        }
        Ok(size)
    }

    /// Writes indexes of closed segments that readers found unsound and made anew, durably: in a
    /// job. Says how many segments had one.
    ///
    /// # Errors
    /// The disk's.
    pub fn repair_indexes(&mut self) -> Result<u32, LogError> {
        let mut repaired = 0;
        let closed = self.segments.len().saturating_sub(1);
        for segment in self.segments.iter().take(closed) {
            repaired += u32::from(segment.store_rebuilt()?);
        }
        Ok(repaired)
    }

    fn active_segment(&self) -> &Arc<Segment> {
        self.segments.last().expect("a log always has an active segment")
    }

    fn home(&self) -> SegmentHome<'_> {
        SegmentHome {
            cache: &self.cache,
            directory: &self.directory,
            index_interval_bytes: self.config.index_interval_bytes,
        }
    }

    fn check_usable(&self) -> Result<(), LogError> {
        if self.has_failed {
            return Err(LogError::Failed { directory: self.directory.path() });
        }
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod tests;
