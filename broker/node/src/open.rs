//! Opening a node: directories are checked or formatted, what they hold is listed, the metadata log
//! is read, and the node begins to join its cluster.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use arc_swap::ArcSwap;
use kt_core::controller::ControllerConfig;
use kt_core::random::Random;
use kt_protocol::types::{NodeId, Now};
use kt_storage::disk::OpenMode;
use kt_storage::{
    Disk, DiskError, FileCache, LoadFacts, WallClockGuard, atomic_file, clean_shutdown,
};

use crate::broker::Broker;
use crate::checkpointing::{Checkpointing, DirectoryOffsets};
use crate::config::{BrokerConfig, BrokerSources, with_dynamic};
use crate::effect::Effect;
use crate::fetch_sessions::FetchSessions;
use crate::format::{self, Directories, Formatting};
use crate::group_coordinator::GroupCoordinator;
use crate::inventory::{Inventory, LastRun};
use crate::jobs::Jobs;
use crate::lifecycle::Lifecycle;
use crate::lock_rank::{Rank, RankedMutex};
use crate::log_cleaning::LogCleaning;
use crate::log_directories::LogDirectory;
use crate::machine::Machine;
use crate::metadata_log::{LoadedMetadata, MetadataLog, Opening, metadata_partition};
use crate::metrics::Counters;
use crate::node::{Node, Settings};
use crate::open_error::OpenError;
use crate::partition::Durability;
use crate::producer_ids::ProducerIds;
use crate::purgatory::Purgatory;
use crate::recovery_log::recovery_line;
use crate::removals::{Removal, Removals};
use crate::replicas::{Home, Replicas};
use crate::served_waiters::ServedWaiters;
use crate::stopping::Stopping;
use crate::timed_flush::TimedFlush;

/// Holds the boot id of the machine that wrote a log directory last.
const BOOT_ID_FILE: &str = ".boot_id";

/// What the operating system says of itself.
#[derive(Clone, Debug, Default)]
pub struct HostFacts {
    /// Another one each time the machine starts (`/proc/sys/kernel/random/boot_id`); empty where
    /// there is none: then every unclean start looks as if the machine had gone down.
    pub boot_id: String,
    /// How many files of logs may be open at a time.
    pub open_files_max: usize,
}

/// Everything that a node is opened with.
pub struct Start {
    /// Raw values, with the real ports of listeners.
    pub sources: BrokerSources,
    /// Where everything is kept.
    pub disk: Arc<dyn Disk>,
    /// What the operating system says of itself.
    pub host: HostFacts,
    /// Whether an empty directory may be formatted.
    pub formatting: Formatting,
    /// For everything that is random.
    pub seed: u64,
    /// When.
    pub now: Now,
}

/// A log directory as it was found.
struct FoundDirectory {
    directory: Arc<LogDirectory>,
    offsets: DirectoryOffsets,
}

/// What the directories said before anything was written.
struct Found {
    inventory: Inventory,
    directories: Vec<FoundDirectory>,
    metadata_directory: Arc<LogDirectory>,
    metadata_facts: LoadFacts,
    previous_broker_epoch: i64,
}

impl Node {
    /// Opens a node: formats what is empty and may be, checks the rest, reads the metadata log, and
    /// begins to join. [`Effect::Ready`] says that it has.
    ///
    /// # Errors
    ///
    /// [`OpenError`]: what is wrong, with which thing; [`OpenError::hint`] says what to do.
    pub fn open(start: Start, effects: &mut Vec<Effect>) -> Result<Node, OpenError> {
        let Start { sources, disk, host, formatting, seed, now } = start;
        let config = BrokerConfig::resolve(&sources)?;
        let mut random = Random::new(seed);
        let directories = format::prepare(&*disk, &config, &formatting, &mut random, now)?;
        let found = look(&*disk, &config, &directories, &host)?;
        begin_run(&*disk, &config)?;
        let cache = FileCache::new(Arc::clone(&disk), host.open_files_max.max(1));
        let LoadedMetadata { metadata_log, report, bootstrap } = MetadataLog::open(&Opening {
            cache: &cache,
            config: &config,
            directories: &directories,
            controller: controller_config(&config, &directories),
            facts: found.metadata_facts,
            seed: random.next_bits(),
            now,
        })?;
        effects.extend(recovery_line(&metadata_partition(), &report));
        let epoch = found.previous_broker_epoch;
        let lifecycle = Lifecycle::new(&config, &directories, random.id(), epoch);
        let settings = settings(&sources, config.node_id, &metadata_log)?;
        let parts = Parts { disk, cache, metadata: metadata_log, lifecycle, settings, host };
        let node = assemble(parts, found, &mut random, now, effects)?;
        node.join(now, &bootstrap, effects);
        node.metadata.flush_what_was_opened(effects);
        let machines =
            [Machine::Snapshots, Machine::Cleanup, Machine::MetadataLog, Machine::LogCleaning];
        for machine in machines {
            effects.push(Effect::Wake(machine.id()));
        }
        Ok(node)
    }
}

/// Lists what the directories hold, and what the last run left to know.
fn look(
    disk: &dyn Disk,
    config: &BrokerConfig,
    directories: &Directories,
    host: &HostFacts,
) -> Result<Found, OpenError> {
    let durability = durability(config);
    let mut inventory = Inventory::default();
    let mut found = Vec::new();
    for (path, id) in &directories.log_dirs {
        let same_boot = is_same_boot(disk, path, host)?;
        let directory = Arc::new(LogDirectory::new(path.clone(), *id));
        let offsets = inventory.add(disk, &directory, LastRun { same_boot, durability })?;
        directory.set_unrecovered(inventory.count_in(&directory));
        found.push(FoundDirectory { directory, offsets });
    }
    let metadata = &config.metadata_log_dir;
    let holds_metadata = |it: &&FoundDirectory| it.directory.path() == metadata;
    let metadata_directory = match found.iter().find(holds_metadata) {
        Some(it) => Arc::clone(&it.directory),
        None => Arc::new(LogDirectory::new(metadata.clone(), directories.metadata_directory_id)),
    };
    let path = metadata.join(kt_storage::checkpoints::RECOVERY_POINT);
    let recovery_points = kt_storage::checkpoints::read(disk, &path)?;
    let recovery_point = recovery_points.get(&metadata_partition()).copied().unwrap_or_default();
    let marker = clean_shutdown::read(disk, metadata)?;
    Ok(Found {
        inventory,
        directories: found,
        metadata_directory,
        metadata_facts: LoadFacts {
            clean_shutdown: marker.is_some(),
            same_boot: is_same_boot(disk, metadata, host)?,
            recovery_point,
            high_watermark: recovery_point,
            ..LoadFacts::default()
        },
        previous_broker_epoch: marker.and_then(|it| it.broker_epoch).unwrap_or(-1),
    })
}

fn is_same_boot(disk: &dyn Disk, path: &Path, host: &HostFacts) -> Result<bool, OpenError> {
    let stored = atomic_file::read(disk, &path.join(BOOT_ID_FILE))?;
    let is_known = !host.boot_id.is_empty();
    Ok(is_known && stored.is_some_and(|stored| *stored == *host.boot_id.as_bytes()))
}

/// The wall clock's guard, from when the last run wrote last: what the clock did since nobody has
/// seen, and retention must not believe it at once.
fn clock(disk: &dyn Disk, directories: &[FoundDirectory], now: Now) -> WallClockGuard {
    let written = |it: &FoundDirectory| {
        let path = it.directory.path().join(kt_storage::checkpoints::REPLICATION);
        disk.open(&path, OpenMode::Read).and_then(|file| file.modified()).ok()
    };
    match directories.iter().filter_map(written).max() {
        Some(last_write) => WallClockGuard::since(last_write, now),
        None => WallClockGuard::default(),
    }
}

/// From here on the directories are being written: no marker says any more that they are clean.
fn begin_run(disk: &dyn Disk, config: &BrokerConfig) -> Result<(), DiskError> {
    let mut all: Vec<&Path> = config.log_dirs.iter().map(|path| &**path).collect();
    if !all.contains(&&*config.metadata_log_dir) {
        all.push(&config.metadata_log_dir);
    }
    for path in all {
        clean_shutdown::remove(disk, path)?;
        // The last run may have renamed a checkpoint without living to sync its name: what it says
        // is believed from here on, so it has to stay.
        disk.sync_directory(path)?;
    }
    Ok(())
}

fn durability(config: &BrokerConfig) -> Durability {
    if config.log_flush_on_ack { Durability::Flushed } else { Durability::PageCache }
}

fn controller_config(config: &BrokerConfig, directories: &Directories) -> ControllerConfig {
    ControllerConfig {
        node_id: config.node_id,
        cluster_id: directories.cluster_id.clone(),
        own_broker: Some(config.node_id),
        default_replication_factor: config.default_replication_factor,
        num_partitions: config.num_partitions,
        unclean_leader_election_enable: config.topic_defaults.unclean_leader_election_enable,
        delete_topic_enable: config.delete_topic_enable,
        broker_session_timeout_ms: config.broker_session_timeout_ms,
        metadata_max_idle_interval_ms: config.metadata_max_idle_interval_ms,
    }
}

/// The static values with the dynamic ones that the log holds.
fn settings(
    sources: &BrokerSources,
    own: NodeId,
    metadata: &MetadataLog,
) -> Result<Settings, OpenError> {
    let sources = with_dynamic(sources, &metadata.image(), Some(own));
    let config = BrokerConfig::resolve(&sources)?;
    Ok(Settings { sources: Arc::new(sources), config: Arc::new(config) })
}

/// What a node is made of, beyond what it is born with.
struct Parts {
    disk: Arc<dyn Disk>,
    cache: Arc<FileCache>,
    metadata: MetadataLog,
    lifecycle: Lifecycle,
    settings: Settings,
    host: HostFacts,
}

fn assemble(
    parts: Parts,
    found: Found,
    random: &mut Random,
    now: Now,
    effects: &mut Vec<Effect>,
) -> Result<Node, OpenError> {
    let Parts { disk, cache, metadata, lifecycle, settings, host } = parts;
    let Found { mut inventory, directories, metadata_directory, .. } = found;
    let config = Arc::clone(&settings.config);
    let home = Home {
        own: config.node_id,
        durability: durability(&config),
        directories: directories.iter().map(|it| Arc::clone(&it.directory)).collect(),
        metadata_directory,
        cache,
        openings_max: Home::openings_max(&config),
    };
    for directory in &home.directories {
        if directory.is_recovered() {
            write_boot_id(&*disk, directory.path(), &host.boot_id)?;
        }
    }
    let clock = clock(&*disk, &directories, now);
    let disk_of_cleaning = Arc::clone(&disk);
    let removals = Removals::new();
    for (directory, path) in std::mem::take(&mut inventory.deleted) {
        removals.add(now.monotonic, directory, Removal::Directory(path), effects);
    }
    let offsets = directories.into_iter().map(|it| (it.directory.path().to_owned(), it.offsets));
    Ok(Node {
        disk,
        boot_id: host.boot_id,
        lifecycle,
        metadata: Arc::new(metadata),
        served: ServedWaiters::new(),
        sessions: FetchSessions::new(config.max_incremental_fetch_session_cache_slots),
        purgatory: Purgatory::new(),
        groups: GroupCoordinator::new(),
        checkpointing: Checkpointing::new(offsets),
        producer_ids: ProducerIds::new(),
        removals,
        cleaning: LogCleaning::new(disk_of_cleaning),
        timed_flush: TimedFlush::new(),
        jobs: Jobs::default(),
        counters: Counters::new(),
        settings: ArcSwap::from_pointee(settings),
        broker: RankedMutex::new(Rank::Shard, Broker::default()),
        stopping: Stopping::new(),
        random_state: AtomicU64::new(random.next_bits()),
        next_session_number: AtomicU64::new(0),
        replicas: Replicas::new(home, inventory, clock),
    })
}

/// Notes on which start of the machine a directory was written last. Only once every log in it was
/// recovered: what an earlier start of the machine left there is judged by that.
pub(crate) fn write_boot_id(
    disk: &dyn Disk,
    directory: &Path,
    boot_id: &str,
) -> Result<(), DiskError> {
    atomic_file::write(disk, &directory.join(BOOT_ID_FILE), boot_id.as_bytes())
}
