//! Opening the metadata log: snapshot, then log, then an election of one.
//!
//! Runs before anything is served, and syncs what it writes: nobody waits for it but the operator.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;
use kt_core::controller::{Controller, ControllerConfig};
use kt_core::metadata::{MetadataImage, Provenance, VersionedRecord};
use kt_core::raft::{
    ControlRecord, Effect as QuorumEffect, ElectionState, LogEnd, Quorum, QuorumFacts, ReplicaKey,
    VoterSet, VoterSource,
};
use kt_core::random::Random;
use kt_protocol::messages::metadata_record::MetadataRecord;
use kt_protocol::records::control::ControlType;
use kt_protocol::records::{BatchView, RecordView};
use kt_protocol::types::{LeaderEpoch, Millis, Now, Offset, Uuid};
use kt_storage::log::{LoadFacts, LogHome};
use kt_storage::metadata_snapshot::{self, SnapshotId};
use kt_storage::partition_metadata;
use kt_storage::quorum_state::{self, Form, QuorumState};
use kt_storage::{
    Disk, FileCache, Log, LogConfig, RecoveryReport, WalkError, batch_records, walk_batches,
};

use super::no_op::CheckpointNeed;
use super::snapshots::{Limits, Snapshots};
use super::{MetadataLog, QuorumLog, Shard, codec, ranked};
use crate::config::BrokerConfig;
use crate::format::{Directories, METADATA_DIRECTORY};
use crate::lock_rank::Rank;
use crate::open_error::OpenError;

/// What opening gives.
pub(crate) struct LoadedMetadata {
    pub(crate) metadata_log: MetadataLog,
    /// What opening its log met.
    pub(crate) report: RecoveryReport,
    /// What a new cluster starts with, from `bootstrap.checkpoint`.
    pub(crate) bootstrap: Vec<VersionedRecord>,
}

/// Everything that opening needs.
pub(crate) struct Opening<'a> {
    pub(crate) cache: &'a Arc<FileCache>,
    pub(crate) config: &'a BrokerConfig,
    pub(crate) directories: &'a Directories,
    pub(crate) controller: ControllerConfig,
    /// What is known of the log's files; its high watermark is its recovery point.
    pub(crate) facts: LoadFacts,
    pub(crate) seed: u64,
    pub(crate) now: Now,
}

/// What the snapshot and the log say of the quorum, apart from metadata.
struct Found {
    voters: VoterSet,
    voter_source: VoterSource,
    kraft_version: i16,
}

impl Found {
    fn read(&mut self, record: &RecordView<'_>) -> Result<(), String> {
        let control_type = ControlType::from_key(record.key).map_err(|it| it.to_string())?;
        let value = record.value.ok_or("a control record has no value")?;
        let control = ControlRecord::decode(control_type, &Bytes::copy_from_slice(value));
        match control.map_err(|error| error.to_string())? {
            Some(ControlRecord::KRaftVersion(version)) => self.kraft_version = version,
            Some(ControlRecord::Voters(voters)) => {
                self.voters = voters;
                self.voter_source = VoterSource::Log(record.offset);
            }
            Some(ControlRecord::LeaderChange { .. }) | None => {}
        }
        Ok(())
    }
}

impl MetadataLog {
    /// Opens the metadata log, folds it and takes the lead of its quorum of one.
    pub(crate) fn open(opening: &Opening<'_>) -> Result<LoadedMetadata, OpenError> {
        let disk = opening.cache.disk();
        let log_directory = opening.config.metadata_log_dir.clone();
        let directory = log_directory.join(METADATA_DIRECTORY);
        let election = quorum_state::read(&**disk, &directory)?;
        let (id, snapshot) = newest_snapshot(&**disk, &directory)?;
        let (log, report) = open_log(opening, &directory)?;
        check_joined(&log, id)?;
        let mut found = Found {
            voters: snapshot.voters.as_ref().map(VoterSet::from_record).unwrap_or_default(),
            voter_source: match id.end_offset {
                Offset(0) => VoterSource::BootstrapCheckpoint,
                end => VoterSource::Log(end),
            },
            kraft_version: snapshot.kraft_version.unwrap_or(0),
        };
        let image = fold_snapshot(id, &snapshot)?;
        let mut controller = Controller::new(opening.controller.clone(), image);
        let replayed = replay_log(&log, id, &mut controller, &mut found)?;
        controller.image().features().check_supported()?;
        let quorum = Quorum::open(QuorumFacts {
            own: ReplicaKey {
                id: opening.config.node_id,
                directory_id: Some(opening.directories.metadata_directory_id),
            },
            election: election.as_ref().map(election_state),
            voters: found.voters,
            voter_source: found.voter_source,
            kraft_version: found.kraft_version,
            log_end: LogEnd { offset: log.log_end_offset(), epoch: replayed.epoch },
        })?;
        let bootstrap = bootstrap_records(&**disk, &log_directory)?;
        if controller.image().features().finalized().is_empty() {
            check_bootstrap(&bootstrap)?;
        }
        let image = controller.image().clone();
        let next_offset = log.log_end_offset();
        let mut metadata_log = MetadataLog {
            disk: Arc::clone(disk),
            directory,
            log_directory,
            shard: ranked(Rank::Shard, new_shard(controller, next_offset, opening.seed)),
            log: ranked(
                Rank::Log,
                QuorumLog {
                    log,
                    quorum,
                    epoch: LeaderEpoch(0),
                    is_flushing: false,
                    checkpoint_need: CheckpointNeed::default(),
                },
            ),
            committed: ranked(Rank::Published, VecDeque::new()),
            image: ArcSwap::from_pointee(image),
            limits: Limits::of(opening.config),
            snapshots: ranked(
                Rank::Waiter,
                Snapshots::new(id, replayed.bytes, opening.now.monotonic),
            ),
        };
        metadata_log.elect(opening.now)?;
        Ok(LoadedMetadata { metadata_log, report, bootstrap })
    }

    /// The election of a quorum of one. Its two states are written in one go: nobody else hears of
    /// the first, and the log is touched only once the second is durable.
    fn elect(&mut self, now: Now) -> Result<(), OpenError> {
        let mut shard = self.shard.lock();
        let mut log = self.log.lock();
        let mut effects = Vec::new();
        log.quorum.start(&mut effects)?;
        let mut newest = None;
        while let Some(at) = effects.iter().position(|it| matches!(it, QuorumEffect::Persist(..))) {
            let QuorumEffect::Persist(version, state) = effects.remove(at) else { break };
            newest = Some(state);
            log.quorum.on_persisted(version, &mut effects);
        }
        let state = newest.expect("a start is an election");
        quorum_state::write(&*self.disk, &self.directory, &stored_state(&state))?;
        for effect in effects {
            match effect {
                QuorumEffect::AppendControl(epoch, records) => {
                    append_control(&mut log, now, epoch, &records)?;
                }
                QuorumEffect::BecomeLeader(epoch) => log.epoch = epoch,
                QuorumEffect::Persist(..) | QuorumEffect::HighWatermark(_) => {}
            }
        }
        shard.next_offset = log.log.log_end_offset();
        Ok(())
    }
}

/// Opens the log's files.
fn open_log(opening: &Opening<'_>, directory: &Path) -> Result<(Log, RecoveryReport), OpenError> {
    let disk = opening.cache.disk();
    let mut facts = opening.facts;
    facts.log_start_offset = facts.log_start_offset.max(Offset(0));
    let home = LogHome {
        cache: Arc::clone(opening.cache),
        directory: directory.to_owned(),
        config: Arc::new(log_config(opening.config)),
        seed: opening.seed,
    };
    let opened = Log::open(home, facts, opening.now)?;
    // It says nothing that is not known: one that a crash has torn is made anew.
    if !matches!(partition_metadata::read(&**disk, directory), Ok(Some(_))) {
        partition_metadata::write_unsynced(&**disk, directory, Uuid::ONE)?;
    }
    Ok(opened)
}

/// Checks that log and snapshot make one history. The only voter fetches snapshots from nobody: a
/// log that ends before its snapshot has lost records that were committed.
fn check_joined(log: &Log, snapshot: SnapshotId) -> Result<(), OpenError> {
    let snapshot_end = snapshot.end_offset;
    let (log_start, log_end) = (log.log_start_offset(), log.log_end_offset());
    if snapshot_end < log_start {
        return Err(OpenError::MetadataGap { log_start, snapshot_end });
    }
    if log_end < snapshot_end {
        return Err(OpenError::MetadataShort { log_end, snapshot_end });
    }
    Ok(())
}

fn append_control(
    log: &mut QuorumLog,
    now: Now,
    epoch: LeaderEpoch,
    records: &[ControlRecord],
) -> Result<(), OpenError> {
    let base = log.log.log_end_offset();
    log.log.append(now, &codec::control_batch(base, epoch, now.wall, records))?;
    let end = log.log.log_end_offset();
    log.quorum.on_appended(end);
    Ok(())
}

fn new_shard(controller: Controller, next_offset: Offset, seed: u64) -> Shard {
    Shard {
        controller,
        random: Random::new(seed),
        next_offset,
        high_watermark: Offset(0),
        last_append: Millis(0),
        uncommitted: VecDeque::new(),
        has_failed: false,
    }
}

fn log_config(config: &BrokerConfig) -> LogConfig {
    LogConfig {
        segment_bytes: u32::try_from(config.metadata_log_segment_bytes).unwrap_or(u32::MAX / 2),
        segment_ms: config.metadata_log_segment_ms,
        // Its own retention is by snapshots.
        deletes: false,
        ..LogConfig::default()
    }
}

fn election_state(state: &QuorumState) -> ElectionState {
    ElectionState {
        epoch: state.leader_epoch,
        voted: state.voted.map(|(id, directory)| ReplicaKey {
            id,
            directory_id: Some(directory).filter(|it| !it.is_zero()),
        }),
        leader: state.leader,
    }
}

fn stored_state(state: &ElectionState) -> QuorumState {
    QuorumState {
        leader_epoch: state.epoch,
        leader: state.leader,
        voted: state.voted.map(|it| (it.id, it.directory_id.unwrap_or(Uuid::ZERO))),
        form: Form::DynamicVoters,
    }
}

fn newest_snapshot(
    disk: &dyn Disk,
    directory: &Path,
) -> Result<(SnapshotId, metadata_snapshot::SnapshotContents), OpenError> {
    let ids = match disk.exists(directory)? {
        true => metadata_snapshot::list(disk, directory)?,
        false => Vec::new(),
    };
    let Some(id) = ids.last().copied() else {
        return Ok((SnapshotId::BOOTSTRAP, metadata_snapshot::SnapshotContents::default()));
    };
    let path = directory.join(id.file_name());
    let contents = metadata_snapshot::read(disk, &path)?;
    Ok((id, contents.unwrap_or_default()))
}

fn bootstrap_records(
    disk: &dyn Disk,
    log_directory: &Path,
) -> Result<Vec<VersionedRecord>, OpenError> {
    let path: PathBuf = log_directory.join(metadata_snapshot::BOOTSTRAP_FILE_NAME);
    let Some(contents) = metadata_snapshot::read(disk, &path)? else {
        let records = crate::format::bootstrap_records();
        return Ok(records.into_iter().map(VersionedRecord::v0).collect());
    };
    let record = |value: &Bytes| {
        let decoded = MetadataRecord::decode(value);
        let (record, version) = decoded.map_err(|error| OpenError::MetadataRecord {
            offset: Offset(0),
            reason: format!("{}: {error}", path.display()),
        })?;
        Ok(VersionedRecord::new(record, version))
    };
    contents.records.iter().map(record).collect()
}

/// What a new cluster would start with is as binding as what a log says.
fn check_bootstrap(records: &[VersionedRecord]) -> Result<(), OpenError> {
    let mut image = MetadataImage::default();
    for VersionedRecord { record, .. } in records {
        image
            .apply(record)
            .map_err(|source| OpenError::MetadataApply { offset: Offset(0), source })?;
    }
    Ok(image.features().check_supported()?)
}

fn fold_snapshot(
    id: SnapshotId,
    snapshot: &metadata_snapshot::SnapshotContents,
) -> Result<MetadataImage, OpenError> {
    let mut image = MetadataImage::default();
    for value in &snapshot.records {
        apply_value(value, id.end_offset, |record| image.apply(record))?;
    }
    image.set_provenance(Provenance {
        last_offset: Offset(id.end_offset.0 - 1),
        last_epoch: id.epoch,
        last_timestamp: snapshot.last_contained_log_timestamp,
    });
    Ok(image)
}

fn apply_value(
    value: &Bytes,
    offset: Offset,
    apply: impl FnOnce(&MetadataRecord) -> Result<(), kt_core::metadata::ApplyError>,
) -> Result<(), OpenError> {
    let (record, _) = MetadataRecord::decode(value)
        .map_err(|error| OpenError::MetadataRecord { offset, reason: error.to_string() })?;
    apply(&record).map_err(|source| OpenError::MetadataApply { offset, source })
}

/// What the log holds beyond the snapshot.
struct Replayed {
    /// The epoch of its last batch.
    epoch: LeaderEpoch,
    bytes: u64,
}

/// Replays the log from the snapshot's end on.
fn replay_log(
    log: &Log,
    snapshot: SnapshotId,
    controller: &mut Controller,
    found: &mut Found,
) -> Result<Replayed, OpenError> {
    let mut replayed = Replayed { epoch: snapshot.epoch, bytes: 0 };
    let (from, to) = (snapshot.end_offset, log.log_end_offset());
    let walked = walk_batches(log.segments(), from, to, |batch| {
        replay_batch(batch, controller, found)?;
        replayed.epoch = batch.partition_leader_epoch();
        replayed.bytes += batch.size() as u64;
        Ok(())
    });
    match walked {
        Ok(()) => Ok(replayed),
        Err(WalkError::Log(error)) => Err(error.into()),
        Err(WalkError::NoBatch(offset)) => {
            let reason = "no whole batch can be read here".to_owned();
            Err(OpenError::MetadataRecord { offset, reason })
        }
        Err(WalkError::Visitor(error)) => Err(error),
    }
}

fn replay_batch(
    batch: &BatchView<'_>,
    controller: &mut Controller,
    found: &mut Found,
) -> Result<(), OpenError> {
    let wrong = |reason: String| OpenError::MetadataRecord { offset: batch.base_offset(), reason };
    if batch.is_control() {
        return batch_records::for_each(batch, |record| found.read(record)).map_err(wrong);
    }
    let mut failed = None;
    let walked = batch_records::for_each(batch, |record| {
        let value = Bytes::copy_from_slice(record.value.ok_or("a metadata record has no value")?);
        let applied = apply_value(&value, record.offset, |it| controller.replay(it, record.offset));
        applied.map_err(|error| {
            failed = Some(error);
            String::new()
        })
    });
    if let Some(error) = failed {
        return Err(error);
    }
    walked.map_err(wrong)?;
    controller.end_batch(Provenance {
        last_offset: batch.last_offset(),
        last_epoch: batch.partition_leader_epoch(),
        last_timestamp: batch.max_timestamp(),
    });
    Ok(())
}
