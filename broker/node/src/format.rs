//! Formatting: what makes directories this node's, once, before its first start (StorageTool).
//!
//! `meta.properties` is written last, after everything else is durable: a directory without it is
//! not formatted, and an interrupted format is simply done again.

use std::path::{Path, PathBuf};

use kt_core::metadata::MetadataVersion;
use kt_core::raft::{ReplicaKey, Voter, VoterEndpoint, VoterSet};
use kt_core::random::Random;
use kt_protocol::messages::FeatureLevelRecord;
use kt_protocol::messages::metadata_record::MetadataRecord;
use kt_protocol::types::{NodeId, Now, Timestamp, Uuid};
use kt_storage::meta_properties::{self, MetaProperties};
use kt_storage::metadata_snapshot::{self, SnapshotContents, SnapshotId};
use kt_storage::{Disk, DiskError, atomic_file};

use crate::config::BrokerConfig;
use crate::open_error::OpenError;

/// The directory of the metadata log, within `metadata.log.dir`.
pub(crate) const METADATA_DIRECTORY: &str = "__cluster_metadata-0";
/// The finalized `kraft.version` of what we format (KIP-853).
pub(crate) const KRAFT_VERSION: i16 = 1;
/// The largest `kraft.version` there is.
const KRAFT_VERSION_MAX: i16 = 1;

/// Whether a directory that is not formatted may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Formatting {
    /// A new cluster, under this id or a random one.
    IfEmpty(Option<String>),
    /// No: a node of a cluster is formatted on purpose.
    Refuse,
}

/// Directories that are this node's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Directories {
    pub(crate) cluster_id: String,
    /// In the order of `log.dirs`.
    pub(crate) log_dirs: Vec<(PathBuf, Uuid)>,
    /// The id of `metadata.log.dir`.
    pub(crate) metadata_directory_id: Uuid,
}

/// Checks that the directories are this node's, and formats them if none is and it may.
pub(crate) fn prepare(
    disk: &dyn Disk,
    config: &BrokerConfig,
    formatting: &Formatting,
    random: &mut Random,
    now: Now,
) -> Result<Directories, OpenError> {
    let mut all: Vec<&Path> = config.log_dirs.iter().map(PathBuf::as_path).collect();
    if !all.contains(&config.metadata_log_dir.as_path()) {
        all.push(&config.metadata_log_dir);
    }
    let mut found = Vec::new();
    for directory in &all {
        found.push((*directory, meta_properties::read(disk, directory)?));
    }
    if found.iter().all(|(_, properties)| properties.is_none()) {
        return format_all(disk, config, &all, formatting, random, now);
    }
    let mut whole = Vec::new();
    for (directory, properties) in found {
        let directory_of = || OpenError::MissingDirectory { directory: directory.to_owned() };
        whole.push((directory, properties.ok_or_else(directory_of)?));
    }
    let expected = match formatting {
        Formatting::IfEmpty(cluster_id) => cluster_id.as_deref(),
        Formatting::Refuse => None,
    };
    let pairs = whole.iter().map(|(directory, properties)| (*directory, properties));
    meta_properties::check_same_node(pairs, expected, config.node_id)?;
    Ok(directories(config, &whole))
}

fn directories(config: &BrokerConfig, all: &[(&Path, MetaProperties)]) -> Directories {
    let id_of = |path: &Path| {
        let found = all.iter().find(|(directory, _)| *directory == path);
        found.expect("every directory was read or made").1.directory_id
    };
    Directories {
        cluster_id: all.first().expect("there is a directory").1.cluster_id.clone(),
        log_dirs: config.log_dirs.iter().map(|path| (path.clone(), id_of(path))).collect(),
        metadata_directory_id: id_of(&config.metadata_log_dir),
    }
}

fn format_all(
    disk: &dyn Disk,
    config: &BrokerConfig,
    all: &[&Path],
    formatting: &Formatting,
    random: &mut Random,
    now: Now,
) -> Result<Directories, OpenError> {
    for directory in all {
        check_empty(disk, directory)?;
    }
    let Formatting::IfEmpty(cluster_id) = formatting else {
        return Err(OpenError::NotFormatted { directory: config.metadata_log_dir.clone() });
    };
    let cluster_id = cluster_id.clone().unwrap_or_else(|| random.id().to_string());
    let mut formatted = Vec::new();
    for directory in all {
        let directory_id = random.id();
        disk.create_directory(directory)?;
        let bootstrap = bootstrap_checkpoint(now.wall);
        let path = directory.join(metadata_snapshot::BOOTSTRAP_FILE_NAME);
        atomic_file::write_unsynced(disk, &path, &bootstrap)?;
        if *directory == config.metadata_log_dir {
            write_voters(disk, config, directory, directory_id, now.wall)?;
        }
        let cluster_id = cluster_id.clone();
        let properties = MetaProperties { cluster_id, node_id: config.node_id, directory_id };
        formatted.push((*directory, properties));
    }
    for (directory, _) in &formatted {
        // One call for all the small files; then the name that makes them count.
        disk.sync_file_system(directory)?;
    }
    for (directory, properties) in &formatted {
        meta_properties::write(disk, directory, properties)?;
    }
    Ok(directories(config, &formatted))
}

/// What may lie in a directory that is to be formatted: what an interrupted format, the lock and
/// the file system itself leave.
fn is_harmless(name: &str) -> bool {
    name == "lost+found"
        || name == METADATA_DIRECTORY
        || name.starts_with('.')
        || name.starts_with(metadata_snapshot::BOOTSTRAP_FILE_NAME)
        || name.starts_with(meta_properties::FILE_NAME)
}

fn check_empty(disk: &dyn Disk, directory: &Path) -> Result<(), OpenError> {
    if !disk.exists(directory)? {
        return Ok(());
    }
    let foreign =
        |found: String| OpenError::UnknownContents { directory: directory.to_owned(), found };
    for entry in disk.list(directory)? {
        if !is_harmless(&entry.name) {
            return Err(foreign(entry.name));
        }
    }
    let metadata = directory.join(METADATA_DIRECTORY);
    let inside = match disk.exists(&metadata)? {
        true => disk.list(&metadata)?,
        false => Vec::new(),
    };
    match inside.iter().find(|entry| entry.name.ends_with(".log")) {
        Some(log) => Err(foreign(format!("{METADATA_DIRECTORY}/{}", log.name))),
        None => Ok(()),
    }
}

/// The records that the first controller of a new cluster writes: the finalized levels of what is
/// built.
pub(crate) fn bootstrap_records() -> Vec<MetadataRecord> {
    let level = MetadataVersion::MAX_SUPPORTED.level();
    let metadata_version =
        FeatureLevelRecord { name: "metadata.version".to_owned(), feature_level: level };
    vec![metadata_version.into()]
}

fn bootstrap_checkpoint(now: Timestamp) -> bytes::Bytes {
    let encode = |record: MetadataRecord| {
        record.encode(0).expect("a feature level is a record of version 0")
    };
    let contents = SnapshotContents {
        last_contained_log_timestamp: Timestamp(0),
        kraft_version: None,
        voters: None,
        records: bootstrap_records().into_iter().map(encode).collect(),
    };
    metadata_snapshot::encode(&contents, now).expect("a few small records fit into a batch")
}

/// The first voter set: this node alone.
fn write_voters(
    disk: &dyn Disk,
    config: &BrokerConfig,
    directory: &Path,
    directory_id: Uuid,
    now: Timestamp,
) -> Result<(), DiskError> {
    let contents = SnapshotContents {
        last_contained_log_timestamp: now,
        kraft_version: Some(KRAFT_VERSION),
        voters: Some(first_voters(config, config.node_id, directory_id).to_record()),
        records: Vec::new(),
    };
    let bytes = metadata_snapshot::encode(&contents, now).expect("one voter fits into a batch");
    let metadata = directory.join(METADATA_DIRECTORY);
    disk.create_directory(&metadata)?;
    atomic_file::write_unsynced(disk, &metadata.join(SnapshotId::BOOTSTRAP.file_name()), &bytes)
}

fn first_voters(config: &BrokerConfig, node_id: NodeId, directory_id: Uuid) -> VoterSet {
    let controllers = config.listeners.iter().filter(|it| config.is_controller_listener(&it.name));
    let endpoints = controllers
        .map(|listener| VoterEndpoint {
            name: listener.name.clone(),
            host: reachable_host(&listener.host),
            port: listener.port,
        })
        .collect();
    VoterSet::new([Voter {
        key: ReplicaKey { id: node_id, directory_id: Some(directory_id) },
        endpoints,
        min_kraft_version: 0,
        max_kraft_version: KRAFT_VERSION_MAX,
    }])
}

/// A listener that is bound to every address is reached on this machine by its name for itself.
pub(crate) fn reachable_host(host: &str) -> String {
    if matches!(host, "" | "0.0.0.0" | "::") { "localhost".to_owned() } else { host.to_owned() }
}
