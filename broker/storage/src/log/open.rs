//! Opening a partition's directory, and closing it.

use std::path::PathBuf;
use std::sync::Arc;

use kt_protocol::planted;
use kt_protocol::types::{LeaderEpoch, Now, Offset};

use crate::config::LogConfig;
use crate::error::LogError;
use crate::file_cache::{FileCache, PartitionDirectory};
use crate::file_names::FileKind;
use crate::leader_epochs::{LEADER_EPOCH_FILE, LeaderEpochFileCache};
use crate::loader::{self, Holdings};
use crate::producer_state::ProducerStates;
use crate::random::Random;
use crate::recovery::{Recovered, Recovery};
use crate::scan::{HeaderScan, Located};
use crate::segment::Segment;
use crate::small_file_error::SmallFileError;
use crate::sparse_index::IndexEnd;

use super::checkpoint::Snapshots;
use super::producers::Replay;
use super::{Active, Log, epochs::Epochs, flush::Dirty};

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
    /// `replication-offset-checkpoint`: everything below was seen by consumers. Without a flush
    /// before the acknowledgement, and after the machine went down, that was not promised to
    /// last: then give the recovery point here.
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
    /// A log that was closed cleanly is not read, but for its last few batches. Any other is
    /// verified from its recovery point on, and what is accepted is synced before it is served:
    /// this runs as a job.
    ///
    /// # Errors
    /// [`LogError::Damaged`] if what was flushed, or seen by consumers, is no longer there:
    /// no batch was cut off then, and the replica is faulty.
    pub fn open(
        home: LogHome,
        facts: LoadFacts,
        now: Now,
    ) -> Result<(Log, RecoveryReport), LogError> {
        let LogHome { cache, directory, config, seed } = home;
        let is_new = !cache.disk().exists(&directory)?;
        cache.disk().create_directory(&directory)?;
        let holdings = loader::settle(&**cache.disk(), &directory)?;
        let mut report = RecoveryReport::default();
        report.leftovers.clone_from(&holdings.leftovers);
        let directory = PartitionDirectory::new(directory);
        let expiration_ms = config.producer_id_expiration_ms;
        let mut log = Log {
            segments: Arc::new([]),
            cache,
            directory,
            config,
            active: Active::new(now),
            random: Random::new(seed),
            log_start_offset: facts.log_start_offset,
            log_end_offset: facts.log_start_offset,
            recovery_point: facts.log_start_offset,
            generation: 0,
            truncating_to: None,
            cleaned_at_most: None,
            swapped_out: Vec::new(),
            dirty: Dirty::default(),
            has_failed: false,
            index_write_failures: 0,
            epochs: Epochs::default(),
            producers: ProducerStates::new(expiration_ms),
            snapshots: Snapshots::new(facts.log_start_offset),
        };
        log.check_expected(&holdings, &facts)?;
        if holdings.segments.is_empty() {
            log.begin_at(now, facts.log_start_offset)?;
            log.dirty.new_directory(is_new);
            return Ok((log, report));
        }
        let recovered = log.load(&holdings, &facts, &mut report)?;
        let first_scanned = recovered.first_scanned;
        let found = recovered.epochs.clone();
        log.adopt(now, recovered, &facts)?;
        let known_below =
            if facts.clean_shutdown { log.log_end_offset } else { facts.recovery_point };
        log.load_epochs(known_below, &found, &mut report)?;
        let unsound = log.first_unsound_transaction_index()?;
        // A snapshot above was of a log that may have been another, and is not durable.
        let snapshots_up_to = match facts.clean_shutdown {
            true => log.log_end_offset,
            false => facts.recovery_point,
        };
        let replay = Replay {
            snapshots_up_to: unsound.into_iter().chain([snapshots_up_to]).min().unwrap_or_default(),
            rebuilds: !facts.clean_shutdown || unsound.is_some(),
        };
        log.load_producers(now, &replay, &mut report)?;
        match facts.clean_shutdown {
            true if report.leftovers.is_empty() => {}
            true => log.cache.disk().sync_directory(&log.directory.path())?,
            false => log.store_recovered(first_scanned)?,
        }
        Ok((log, report))
    }

    /// A directory without segments, where something was flushed, has lost it.
    fn check_expected(&self, holdings: &Holdings, facts: &LoadFacts) -> Result<(), LogError> {
        let promised = facts.recovery_point.max(facts.high_watermark);
        if !holdings.segments.is_empty() || promised <= facts.log_start_offset {
            return Ok(());
        }
        let (file, offset) = (self.directory.path(), facts.log_start_offset);
        let reason = format!("it has no segments, and should reach offset {promised}");
        Err(LogError::Damaged { file, position: 0, offset, reason })
    }

    fn load(
        &self,
        holdings: &Holdings,
        facts: &LoadFacts,
        report: &mut RecoveryReport,
    ) -> Result<Recovered, LogError> {
        let home = self.home();
        let flushed_below =
            if facts.clean_shutdown { Offset(i64::MAX) } else { facts.recovery_point };
        // The segment that ends at the recovery point too: that it was closed may not be flushed.
        let first_scanned =
            holdings.segments.range(..flushed_below).next_back().copied().unwrap_or_default();
        let segment = |base: &Offset| {
            let is_written = first_scanned <= *base || holdings.without_index.contains(base);
            let segment = match is_written {
                true if first_scanned <= *base && !facts.clean_shutdown => {
                    Segment::writable(&home, *base, IndexEnd::Zeros)
                }
                true => Segment::writable(&home, *base, IndexEnd::Entry),
                false => Segment::inactive(&home, *base),
            };
            if holdings.with_aborted.contains(base) {
                segment.note_aborted();
            }
            Arc::new(segment)
        };
        let segments: Vec<Arc<Segment>> = holdings.segments.iter().map(segment).collect();
        for segment in segments.iter().take_while(|segment| segment.base_offset() < first_scanned) {
            if holdings.without_index.contains(&segment.base_offset()) {
                segment.rebuild_indexes()?;
                report.rebuilt.push(segment.path(FileKind::OffsetIndex).display().to_string());
            }
        }
        Recovery {
            facts: *facts,
            flushed_below,
            index_interval_bytes: self.config.index_interval_bytes,
            may_have_holes: self.config.compacts,
            preallocates: self.config.preallocate,
            report,
            bytes_since_entry: 0,
        }
        .run(segments)
    }

    fn adopt(&mut self, now: Now, recovered: Recovered, facts: &LoadFacts) -> Result<(), LogError> {
        let Recovered { segments, end, bytes_since_entry, .. } = recovered;
        let first = segments.first().map_or(Offset(0), |first| first.base_offset());
        self.segments = segments.into();
        self.log_start_offset = facts.log_start_offset.max(first);
        self.log_end_offset = end;
        self.begin_active(now);
        self.active.bytes_since_entry = bytes_since_entry;
        // What lay between the end and the log start was deleted, and so was what is left.
        if end < self.log_start_offset {
            let gone = self.take_out(&Arc::clone(&self.segments))?;
            gone.carry_out()?;
            self.remove_snapshots(|_| true)?;
            return self.begin_at(now, self.log_start_offset);
        }
        self.recovery_point = match facts.clean_shutdown {
            true => end,
            false => facts.recovery_point.min(end),
        };
        Ok(())
    }

    /// Reads the leader epochs, adds those that recovery met, and makes all of them anew from the
    /// batches if the file cannot be used.
    ///
    /// From `known_below` on the batches tell: those that the file is of may have been replaced.
    fn load_epochs(
        &mut self,
        known_below: Offset,
        found: &[(LeaderEpoch, Offset)],
        report: &mut RecoveryReport,
    ) -> Result<(), LogError> {
        let disk = Arc::clone(self.cache.disk());
        let directory = self.directory.path();
        let is_there = disk.exists(&directory.join(LEADER_EPOCH_FILE))?;
        let loaded = match LeaderEpochFileCache::load(&*disk, &directory) {
            Ok(cache) if is_there => Some(cache),
            Ok(_) | Err(SmallFileError::Damaged { .. }) => None,
            Err(SmallFileError::Disk(error)) => return Err(error.into()),
        };
        let is_rebuilt = loaded.is_none() && Offset(0) < self.log_end_offset;
        let mut cache = match loaded {
            Some(cache) => self.with_first_epochs(cache)?,
            None => LeaderEpochFileCache::default(),
        };
        cache.truncate_from_end(known_below);
        let found = match is_rebuilt {
            true => self.epochs_of_batches_below(self.log_end_offset)?,
            false => found.to_vec(),
        };
        for (epoch, start) in found {
            if cache.latest().is_none_or(|latest| latest.epoch < epoch) {
                cache.assign(epoch, start);
            }
        }
        cache.truncate_from_end(self.log_end_offset);
        cache.truncate_from_start(self.log_start_offset);
        if is_rebuilt {
            report.rebuilt.push(LEADER_EPOCH_FILE.to_owned());
        }
        self.epochs = Epochs::new(cache);
        Ok(())
    }

    /// The epochs of records that the file says nothing of: retention or DeleteRecords had taken
    /// them out of it, and a crash then brought the records back. Batches of before there were
    /// epochs have none.
    fn with_first_epochs(
        &self,
        cache: LeaderEpochFileCache,
    ) -> Result<LeaderEpochFileCache, LogError> {
        let Some(first) = cache.entries().first().copied() else { return Ok(cache) };
        if first.start_offset <= self.log_start_offset || !self.first_batch_has_epoch()? {
            return Ok(cache);
        }
        let mut whole = LeaderEpochFileCache::default();
        for (epoch, start) in self.epochs_of_batches_below(first.start_offset)? {
            if epoch <= first.epoch {
                whole.assign(epoch, start);
            }
        }
        for entry in cache.entries() {
            if whole.latest().is_none_or(|latest| latest.epoch < entry.epoch) {
                whole.assign(entry.epoch, entry.start_offset);
            }
        }
        Ok(whole)
    }

    fn first_batch_has_epoch(&self) -> Result<bool, LogError> {
        let Some(segment) = self.segments.first() else { return Ok(false) };
        let (file, size) = (segment.log_file()?, segment.size()?);
        let first = HeaderScan::new(&*file, 0, size).next_batch().ok().flatten();
        Ok(first.is_some_and(|it| LeaderEpoch(0) <= it.header.partition_leader_epoch()))
    }

    /// Reads their heads, of no more segments than it has to.
    fn epochs_of_batches_below(
        &self,
        below: Offset,
    ) -> Result<Vec<(LeaderEpoch, Offset)>, LogError> {
        let mut latest = LeaderEpoch::UNKNOWN;
        let mut found = Vec::new();
        for segment in self.segments.iter().take_while(|it| it.base_offset() < below) {
            let (file, size) = (segment.log_file()?, segment.size()?);
            let mut scan = HeaderScan::new(&*file, 0, size);
            while let Ok(Some(Located { header, .. })) = scan.next_batch() {
                if below <= header.base_offset() {
                    break;
                }
                if latest < header.partition_leader_epoch() {
                    latest = header.partition_leader_epoch();
                    found.push((latest, header.base_offset()));
                }
            }
        }
        Ok(found)
    }

    /// Makes durable what recovery accepted, before anybody is told of it (KAFKA-10101).
    fn store_recovered(&mut self, first_scanned: Offset) -> Result<(), LogError> {
        let is_scanned = |segment: &&Arc<Segment>| first_scanned <= segment.base_offset();
        for segment in self.segments.iter().filter(is_scanned) {
            segment.close_indexes()?;
            if planted!("recovered without a sync") {
                continue;
            }
            segment.sync()?;
        }
        self.write_epochs()?;
        self.cache.disk().sync_directory(&self.directory.path())?;
        self.recovery_point = self.log_end_offset;
        Ok(())
    }

    /// Makes the only segment of a log that holds nothing.
    pub(super) fn begin_at(&mut self, now: Now, offset: Offset) -> Result<(), LogError> {
        let segment = Segment::create(&self.home(), offset, &self.config)?;
        self.dirty.segment(&segment)?;
        self.dirty.names();
        self.segments = Arc::new([Arc::new(segment)]);
        self.log_start_offset = offset;
        self.log_end_offset = offset;
        self.recovery_point = offset;
        self.begin_active(now);
        self.active.is_preallocated = true;
        self.active.is_log_preallocated = self.config.preallocate;
        Ok(())
    }
}

impl Active {
    pub(super) fn new(now: Now) -> Active {
        Active {
            created: now.wall,
            first_batch_timestamp: None,
            bytes_since_entry: 0,
            jitter_ms: 0,
            is_preallocated: false,
            is_log_preallocated: false,
        }
    }
}
