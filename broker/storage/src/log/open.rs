//! Opening a partition's directory.

use std::path::PathBuf;
use std::sync::Arc;

use kt_protocol::types::{Now, Offset, Timestamp};

use crate::config::LogConfig;
use crate::error::LogError;
use crate::file_cache::{FileCache, PartitionDirectory};
use crate::segment::{Segment, SegmentHome};

use super::{Active, Log, flush::Dirty};

/// Where a log lives.
#[derive(Clone)]
pub struct LogHome {
    /// The open files of all logs.
    pub cache: Arc<FileCache>,
    /// The partition's directory, `TOPIC-PARTITION`. Made if it is not there.
    pub directory: PathBuf,
    /// The topic's configs.
    pub config: Arc<LogConfig>,
    /// For the jitter of rolling.
    pub seed: u64,
}

/// What the checkpoint files say of a log that is to be opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LoadFacts {
    /// The clean-shutdown marker was there: the files are as they were closed.
    pub clean_shutdown: bool,
    /// The machine has not gone down since the files were written: whatever was written is there.
    pub same_boot: bool,
    /// `recovery-point-offset-checkpoint`: everything below was flushed.
    pub recovery_point: Offset,
    /// `replication-offset-checkpoint`: everything below was seen by consumers.
    pub high_watermark: Offset,
    /// `log-start-offset-checkpoint`: everything below was deleted.
    pub log_start_offset: Offset,
}

/// What opening a log met and did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecoveryReport {
    /// How many segments were read and verified.
    pub segments_scanned: u32,
    /// How many bytes of batches were read and verified.
    pub bytes_scanned: u64,
    /// How many bytes of a torn tail were cut off.
    pub bytes_cut: u64,
    /// The first offset that was cut off.
    pub cut_at: Option<Offset>,
    /// Files that a crash had left, removed or completed.
    pub leftovers: Vec<String>,
    /// Indexes, snapshots and epochs that were made anew.
    pub rebuilt: Vec<String>,
}

impl Log {
    /// Opens the log in `home`, or makes it.
    ///
    /// This may scan and sync files: it runs as a job.
    ///
    /// # Errors
    /// [`LogError::Damaged`] if what was flushed, or seen by consumers, is no longer there:
    /// nothing was changed then, and the replica is faulty.
    pub fn open(
        home: LogHome,
        facts: LoadFacts,
        now: Now,
    ) -> Result<(Log, RecoveryReport), LogError> {
        let LogHome { cache, directory, config, seed } = home;
        cache.disk().create_directory(&directory)?;
        let directory = PartitionDirectory::new(directory);
        let segment_home = SegmentHome {
            cache: &cache,
            directory: &directory,
            index_interval_bytes: config.index_interval_bytes,
        };
        let start = facts.log_start_offset;
        let first = Segment::create(&segment_home, start, config.segment_index_bytes)?;
        let mut log = Log {
            segments: Arc::new([Arc::new(first)]),
            cache,
            directory,
            config,
            active: Active {
                created: Timestamp::NONE,
                first_batch_timestamp: None,
                bytes_since_entry: 0,
                jitter_ms: 0,
            },
            random: seed,
            log_start_offset: start,
            log_end_offset: start,
            recovery_point: start,
            generation: 0,
            dirty: Dirty::default(),
            has_failed: false,
        };
        log.begin_active(now);
        Ok((log, RecoveryReport::default()))
    }
}
