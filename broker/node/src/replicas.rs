//! The partitions of this broker: made, led, configured and deleted as the committed metadata says.
//!
//! [`Replicas::apply`] is called for each committed image, in order, by one thread at a time. Logs
//! are opened by jobs, a bounded number at a time; each partition is served as soon as its own is
//! open.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use hashbrown::HashMap;
use kt_core::metadata::{
    ConfigResource, ConfigResourceType, MetadataDelta, MetadataImage, PartitionRegistration,
    TopicImage,
};
use kt_protocol::ErrorCode;
use kt_protocol::types::{NodeId, Now, Offset, PartitionIndex, Timestamp, TopicPartition, Uuid};
use kt_storage::directory_names::{DirectoryName, DirectoryState};
use kt_storage::disk::OpenMode;
use kt_storage::{
    Disk, DiskError, FileCache, LoadFacts, Log, LogHome, WallClockGuard, partition_metadata,
};

use crate::assignments::is_unsaid;
use crate::config::{BrokerConfig, BrokerSources, TopicConfig, TopicConfigs};
use crate::effect::Effect;
use crate::inventory::{Found, Inventory};
use crate::jobs::{Jobs, Outcome};
use crate::lock_rank::{Rank, RankedMutex};
use crate::log_config::log_config;
use crate::log_directories::LogDirectory;
use crate::partition::{
    Closing, Durability, Fault, Identity, Moved, OpenedLog, Partition, Service,
};
use crate::served::{Served, ServedTopic};

/// How many logs are opened at a time, for each of `num.recovery.threads.per.data.dir`: enough to
/// keep a disk busy, few enough that a partition somebody waits for is opened soon.
const OPENINGS_PER_THREAD: usize = 2;

/// Logs that wait to be opened, in the order of their partitions' numbers, unless somebody asks.
#[derive(Default)]
struct Openings {
    queue: BTreeMap<u64, (Arc<Partition>, Opening)>,
    /// Numbers of partitions that somebody asked for, the first first. Each is asked for once.
    wanted: VecDeque<u64>,
    /// Directories that another partition of that name is about to leave, with who comes next.
    vacating: BTreeMap<PathBuf, Option<(Arc<Partition>, Opening)>>,
    running: usize,
}

impl Openings {
    /// Queues a log to be opened, once nobody else has its directory. False if it has to wait.
    fn add(&mut self, partition: Arc<Partition>, opening: Opening) -> bool {
        if let Some(next) = self.vacating.get_mut(&opening.home.directory) {
            *next = Some((partition, opening));
            return false;
        }
        self.queue.insert(partition.identity.number, (partition, opening));
        true
    }

    /// Forgets a partition that waits for a directory. True if it did.
    fn forget_next(&mut self, path: &Path, number: u64) -> bool {
        let Some(next) = self.vacating.get_mut(path) else { return false };
        next.take_if(|(partition, _)| partition.identity.number == number).is_some()
    }

    fn next(&mut self) -> Option<(Arc<Partition>, Opening)> {
        while let Some(number) = self.wanted.pop_front() {
            if let Some(wanted) = self.queue.remove(&number) {
                return Some(wanted);
            }
        }
        self.queue.pop_first().map(|(_, first)| first)
    }
}

/// What opening a log needs beyond the partition.
struct Opening {
    home: LogHome,
    facts: LoadFacts,
    high_watermark: Offset,
}

/// What the shape of this broker's storage is; fixed at start.
pub(crate) struct Home {
    pub(crate) own: NodeId,
    pub(crate) durability: Durability,
    pub(crate) directories: Vec<Arc<LogDirectory>>,
    /// That of the metadata log; one of `directories`, or one of its own.
    pub(crate) metadata_directory: Arc<LogDirectory>,
    pub(crate) cache: Arc<FileCache>,
    pub(crate) openings_max: usize,
}

impl Home {
    /// How many logs may be opened at a time.
    pub(crate) fn openings_max(config: &BrokerConfig) -> usize {
        let threads = config.num_recovery_threads_per_data_dir.max(1);
        threads * config.log_dirs.len().max(1) * OPENINGS_PER_THREAD
    }
}

/// What the metadata changes, with the configs to see it by.
pub(crate) struct Change<'a> {
    pub(crate) image: &'a MetadataImage,
    pub(crate) delta: &'a MetadataDelta,
    pub(crate) config: &'a BrokerConfig,
    pub(crate) sources: &'a BrokerSources,
}

/// The partitions of this broker.
pub(crate) struct Replicas {
    pub(crate) home: Home,
    served: ArcSwap<Served>,
    by_number: RankedMutex<HashMap<u64, Arc<Partition>, foldhash::fast::FixedState>>,
    inventory: RankedMutex<Inventory>,
    openings: RankedMutex<Openings>,
    next_number: AtomicU64,
    clock: RankedMutex<WallClockGuard>,
}

impl Replicas {
    /// No partitions yet; `inventory` is what the directories hold.
    pub(crate) fn new(home: Home, inventory: Inventory, clock: WallClockGuard) -> Replicas {
        Replicas {
            home,
            served: ArcSwap::default(),
            by_number: RankedMutex::new(Rank::Waiter, HashMap::default()),
            inventory: RankedMutex::new(Rank::Waiter, inventory),
            openings: RankedMutex::new(Rank::Waiter, Openings::default()),
            next_number: AtomicU64::new(0),
            clock: RankedMutex::new(Rank::Waiter, clock),
        }
    }

    /// All topics, as of now.
    pub(crate) fn served(&self) -> Arc<Served> {
        self.served.load_full()
    }

    /// The partition of this machine number.
    pub(crate) fn by_number(&self, number: u64) -> Option<Arc<Partition>> {
        self.by_number.lock().get(&number).cloned()
    }

    /// Makes, leads, configures and deletes partitions as a newly committed image says. What became
    /// due is to be delivered; faults are to be reported.
    pub(crate) fn apply(
        &self,
        now: Now,
        change: &Change<'_>,
        jobs: &Jobs,
        effects: &mut Vec<Effect>,
    ) -> Applied {
        let mut served = Served::clone(&self.served.load());
        let mut turn = Applied::default();
        for id in change.delta.topics_deleted.keys() {
            let Some(topic) = served.remove(*id) else { continue };
            for partition in topic.own() {
                self.delete(partition, jobs, effects, &mut turn);
            }
        }
        let touched: BTreeSet<Uuid> = change.delta.partitions.iter().map(|(id, _)| *id).collect();
        for id in touched {
            let Some(topic) = change.image.topics().get_by_id(id) else { continue };
            let indexes = change.delta.partitions.range((id, PartitionIndex(i32::MIN))..);
            let indexes = indexes.take_while(|(it, _)| *it == id).map(|(_, index)| *index);
            let next = self.apply_topic(change, &served, topic, indexes, &mut turn);
            served.insert(next);
        }
        self.apply_configs(change, &served);
        self.served.store(Arc::new(served));
        self.open_next(now, jobs, effects);
        turn
    }

    fn apply_topic(
        &self,
        change: &Change<'_>,
        served: &Served,
        topic: &TopicImage,
        indexes: impl Iterator<Item = PartitionIndex>,
        turn: &mut Applied,
    ) -> ServedTopic {
        let mut next = match served.by_id(topic.id) {
            Some(before) => ServedTopic::clone(before),
            None => {
                ServedTopic { id: topic.id, name: topic.name.clone(), partitions: BTreeMap::new() }
            }
        };
        for index in indexes {
            let Some(registration) = topic.partition(index) else { continue };
            let slot = next.partitions.entry(index.0).or_default();
            let is_ours = registration.replicas.contains(&self.home.own);
            match slot {
                Some(partition) => turn.register(partition, registration),
                None if is_ours => {
                    *slot = Some(self.create(change, topic, index, registration, turn));
                }
                None => {}
            }
            if let Some(partition) = slot.as_ref().filter(|it| is_unsaid(it, registration)) {
                turn.unsaid.push(Arc::clone(partition));
            }
        }
        next
    }

    /// A partition that this broker has from now on; its log is opened soon.
    fn create(
        &self,
        change: &Change<'_>,
        topic: &TopicImage,
        index: PartitionIndex,
        registration: &Arc<PartitionRegistration>,
        turn: &mut Applied,
    ) -> Arc<Partition> {
        let name = TopicPartition::new(topic.name.clone(), index.0);
        let found = self.inventory.lock().claim(topic.id, &name);
        let directory = match &found {
            Some(found) => Arc::clone(&found.directory),
            None => self.directory_for(registration),
        };
        directory.partition_came();
        let config = topic_config(change, &topic.name);
        let number = self.next_number.fetch_add(1, Ordering::Relaxed);
        let path = directory.path().join(name.to_string());
        if self.inventory.lock().holds(&path) {
            // Of an earlier topic of that name, which the metadata does not speak of any more.
            self.openings.lock().vacating.entry(path.clone()).or_default();
        }
        let home = LogHome {
            cache: Arc::clone(&self.home.cache),
            directory: path,
            config: log_config(&config, change.config),
            seed: number,
        };
        let identity = Identity {
            number,
            own: self.home.own,
            topic_id: topic.id,
            name,
            directory,
            durability: self.home.durability,
            was_found: found.is_some(),
        };
        let partition = Arc::new(Partition::new(identity, Arc::clone(registration), config));
        let (facts, high_watermark) = match found {
            Some(Found { facts, high_watermark, .. }) => (facts, high_watermark),
            None => (LoadFacts::default(), Offset(0)),
        };
        self.by_number.lock().insert(number, Arc::clone(&partition));
        let opening = Opening { home, facts, high_watermark };
        turn.awaits_directory |= !self.openings.lock().add(Arc::clone(&partition), opening);
        partition
    }

    /// Where a new partition goes: where the metadata says, else where the fewest are.
    fn directory_for(&self, registration: &PartitionRegistration) -> Arc<LogDirectory> {
        let usable = || self.home.directories.iter().filter(|directory| !directory.is_lost());
        let assigned = registration.directory_of(self.home.own);
        let assigned = usable().find(|directory| Some(directory.id) == assigned);
        let emptiest = usable().min_by_key(|directory| directory.partitions());
        let any = assigned.or(emptiest).or(self.home.directories.first());
        Arc::clone(any.expect("a broker has a log directory"))
    }

    /// Opens as many waiting logs as may be opened at a time.
    fn open_next(&self, now: Now, jobs: &Jobs, effects: &mut Vec<Effect>) {
        loop {
            let (partition, opening) = {
                let mut openings = self.openings.lock();
                if self.home.openings_max <= openings.running {
                    return;
                }
                let Some(next) = openings.next() else { return };
                openings.running += 1;
                next
            };
            jobs.run("open", effects, move || open(partition, opening, now));
        }
    }

    /// What to tell who asks for a partition that is not served; none if it is. A log that is still
    /// to be opened is the next to be: the client comes back soon, as it does to find a leader.
    pub(crate) fn refusal(&self, partition: &Partition) -> Option<ErrorCode> {
        let service = partition.service();
        self.note_wanted(partition, service);
        service.refusal()
    }

    fn note_wanted(&self, partition: &Partition, service: Service) {
        if service == Service::Opening && partition.begin_wanted() {
            self.openings.lock().wanted.push_back(partition.identity.number);
        }
    }

    /// A log was opened, or not. The next may be.
    pub(crate) fn opening_ended(&self, now: Now, jobs: &Jobs, effects: &mut Vec<Effect>) {
        self.openings.lock().running -= 1;
        self.open_next(now, jobs, effects);
    }

    /// Opens no more logs: the node stops.
    pub(crate) fn stop_opening(&self) {
        let mut openings = self.openings.lock();
        openings.queue.clear();
        openings.vacating.clear();
    }

    /// Takes out those that will not be opened: their directory is lost.
    pub(crate) fn take_unopenable(&self) -> Vec<Arc<Partition>> {
        let is_lost = |partition: &Arc<Partition>| partition.identity.directory.is_lost();
        if self.lost_directories().next().is_none() {
            return Vec::new();
        }
        let mut openings = self.openings.lock();
        let Openings { queue, vacating, .. } = &mut *openings;
        let queued = queue.extract_if(.., |_, (partition, _)| is_lost(partition));
        let mut taken: Vec<Arc<Partition>> = queued.map(|(_, (partition, _))| partition).collect();
        for next in vacating.values_mut() {
            taken.extend(next.take_if(|(partition, _)| is_lost(partition)).map(|(it, _)| it));
        }
        taken
    }

    /// Stops serving a partition and gets rid of its log: renamed at once, removed later.
    fn delete(
        &self,
        partition: &Arc<Partition>,
        jobs: &Jobs,
        effects: &mut Vec<Effect>,
        turn: &mut Applied,
    ) {
        let (closing, moved) = partition.close(Service::Deleted);
        turn.add_moved(moved);
        let Identity { number, directory, .. } = &partition.identity;
        self.by_number.lock().remove(number);
        directory.partition_went();
        turn.deleted.push(Arc::clone(partition));
        let path = partition.directory_path();
        let has_begun = {
            let mut openings = self.openings.lock();
            let has_begun = !openings.forget_next(&path, *number);
            if has_begun && !directory.is_lost() {
                // Who comes next under this name waits until it is gone.
                openings.vacating.entry(path.clone()).or_default();
            }
            has_begun
        };
        match closing {
            Closing::Open(log, _) => self.delete_log(partition, *log, jobs, effects),
            // The job that opens it brings the log back, to be deleted then.
            Closing::Opening => {}
            Closing::Gone if has_begun && !directory.is_lost() => {
                self.delete_files(partition, path, jobs, effects);
            }
            Closing::Gone => {}
        }
    }

    /// Renames the directory of a log that cannot be used, by a job, so that it counts as deleted.
    fn delete_files(
        &self,
        partition: &Arc<Partition>,
        path: PathBuf,
        jobs: &Jobs,
        effects: &mut Vec<Effect>,
    ) {
        let partition = Arc::clone(partition);
        let disk = Arc::clone(self.home.cache.disk());
        jobs.run("delete", effects, move || {
            let state = DirectoryState::Delete(partition.identity.topic_id);
            let name = DirectoryName::new(partition.name(), state).to_string();
            let to = path.with_file_name(name);
            let renamed = rename_if_there(&*disk, &path, &to).map(|()| to);
            Outcome::Renamed(partition, renamed)
        });
    }

    /// Whether somebody waits for this directory.
    pub(crate) fn is_awaited(&self, path: &Path) -> bool {
        self.openings.lock().vacating.get(path).is_some_and(Option::is_some)
    }

    /// A directory has no partition any more, and no checkpoint speaks of one: the next may come.
    pub(crate) fn vacated(&self, now: Now, path: &Path, jobs: &Jobs, effects: &mut Vec<Effect>) {
        {
            let mut openings = self.openings.lock();
            if let Some((partition, opening)) = openings.vacating.remove(path).flatten() {
                openings.add(partition, opening);
            }
        }
        self.open_next(now, jobs, effects);
    }

    /// Renames a log's directory, by a job, so that it counts as deleted.
    pub(crate) fn delete_log(
        &self,
        partition: &Arc<Partition>,
        mut log: Log,
        jobs: &Jobs,
        effects: &mut Vec<Effect>,
    ) {
        let partition = Arc::clone(partition);
        jobs.run("delete", effects, move || {
            let renamed = log.rename_to_deleted(partition.identity.topic_id);
            Outcome::Renamed(partition, renamed)
        });
    }

    /// Renames the directories that the metadata does not speak of: they are left for a person to
    /// look at, and never deleted.
    pub(crate) fn set_aside_strays(
        &self,
        jobs: &Jobs,
        effects: &mut Vec<Effect>,
    ) -> Vec<(Arc<LogDirectory>, TopicPartition)> {
        let strays = self.inventory.lock().take_strays();
        let names = strays.iter().map(|it| (Arc::clone(&it.directory), it.name.clone())).collect();
        for stray in strays {
            let disk = Arc::clone(self.home.cache.disk());
            jobs.run("stray", effects, move || {
                let to = stray.stray_path();
                let renamed = disk.rename(&stray.path, &to);
                let result = renamed.and_then(|()| disk.sync_directory(stray.directory.path()));
                Outcome::SetAside(stray.directory, stray.path, result)
            });
        }
        names
    }

    /// A partition by its topic's name.
    ///
    /// # Errors
    ///
    /// What to tell who asks for one that is not there, or not here.
    pub(crate) fn find(&self, topic: &str, index: i32) -> Result<Arc<Partition>, ErrorCode> {
        let served = self.served.load();
        let topic = served.by_name(topic).ok_or(ErrorCode::UnknownTopicOrPartition)?;
        let partition = topic.partition(index)?;
        self.note_wanted(&partition, partition.service());
        Ok(partition)
    }

    /// The log directory at this path.
    pub(crate) fn directory(&self, path: &Path) -> Option<Arc<LogDirectory>> {
        let all = self.home.directories.iter().chain([&self.home.metadata_directory]);
        all.into_iter().find(|directory| directory.path() == path).cloned()
    }

    /// The partitions in a log directory.
    pub(crate) fn in_directory(&self, directory: &Arc<LogDirectory>) -> Vec<Arc<Partition>> {
        let served = self.served();
        let is_in = |it: &&Arc<Partition>| Arc::ptr_eq(&it.identity.directory, directory);
        served.partitions().filter(is_in).cloned().collect()
    }

    /// The log directories that are lost.
    pub(crate) fn lost_directories(&self) -> impl Iterator<Item = &Arc<LogDirectory>> {
        self.home.directories.iter().filter(|directory| directory.is_lost())
    }

    /// The wall clock to judge age by; none while it is in doubt.
    pub(crate) fn trusted_wall(&self, now: Now) -> Option<Timestamp> {
        self.clock.lock().trusted(now)
    }

    fn apply_configs(&self, change: &Change<'_>, served: &Served) {
        let is_broker = |it: &ConfigResource| it.resource_type == ConfigResourceType::BROKER;
        if change.delta.configs.iter().any(is_broker) {
            // What topics inherit may have changed.
            served.topics().for_each(|topic| configure(change, topic));
            return;
        }
        let topics =
            change.delta.configs.iter().filter(|it| it.resource_type == ConfigResourceType::TOPIC);
        for topic in topics.filter_map(|it| served.by_name(&it.name)) {
            configure(change, topic);
        }
    }
}

/// What applying an image came to.
#[derive(Default)]
pub(crate) struct Applied {
    /// What became due, to be delivered.
    pub(crate) moved: Moved,
    /// What failed, to be dealt with.
    pub(crate) faults: Vec<(Arc<Partition>, Fault)>,
    /// What is not served any more.
    pub(crate) deleted: Vec<Arc<Partition>>,
    /// What the metadata does not say the directory of, or another.
    pub(crate) unsaid: Vec<Arc<Partition>>,
    /// Something new waits for the directory of something old.
    pub(crate) awaits_directory: bool,
}

impl Applied {
    /// Adds what a later image came to.
    pub(crate) fn add(&mut self, later: Applied) {
        self.add_moved(later.moved);
        self.faults.extend(later.faults);
        self.deleted.extend(later.deleted);
        self.unsaid.extend(later.unsaid);
        self.awaits_directory |= later.awaits_directory;
    }

    fn add_moved(&mut self, moved: Moved) {
        self.moved = std::mem::take(&mut self.moved).and(moved);
    }

    fn register(&mut self, partition: &Arc<Partition>, registration: &Arc<PartitionRegistration>) {
        match partition.register(registration) {
            Ok(moved) => self.add_moved(moved),
            Err(error) => self.faults.push((Arc::clone(partition), Fault::from(&error))),
        }
    }
}

fn configure(change: &Change<'_>, topic: &ServedTopic) {
    let config = topic_config(change, &topic.name);
    let log = log_config(&config, change.config);
    topic.own().for_each(|partition| partition.configure(&config, &log));
}

/// A topic's configs over the broker's. What the controller let in is valid; should it not be, the
/// broker's own count.
fn topic_config(change: &Change<'_>, topic: &str) -> Arc<TopicConfig> {
    let none = TopicConfigs::new();
    let own = change.image.configs().get(&ConfigResource::topic(topic));
    let own = own.map_or(&none, |own| &**own);
    let resolved = TopicConfig::resolve(own, change.sources);
    Arc::new(resolved.unwrap_or_else(|_| change.config.topic_defaults.clone()))
}

fn rename_if_there(disk: &dyn Disk, from: &Path, to: &Path) -> Result<(), DiskError> {
    if !disk.exists(from)? {
        return Ok(());
    }
    disk.rename(from, to)?;
    match to.parent() {
        Some(above) => disk.sync_directory(above),
        None => Ok(()),
    }
}

/// Opens a log, and makes its directory if it is new.
fn open(partition: Arc<Partition>, opening: Opening, now: Now) -> Outcome {
    let Opening { home, facts, high_watermark } = opening;
    let disk = Arc::clone(home.cache.disk());
    let (directory, topic_id) = (home.directory.clone(), partition.identity.topic_id);
    let result = Log::open(home, facts, now).and_then(|(log, report)| {
        let mut unsynced = None;
        if partition_metadata::read(&*disk, &directory).ok().flatten().is_none() {
            partition_metadata::write_unsynced(&*disk, &directory, topic_id)?;
            let path = directory.join(partition_metadata::FILE_NAME);
            unsynced = Some(disk.open(&path, OpenMode::Write)?);
        }
        Ok(Box::new((OpenedLog { log, high_watermark, unsynced }, report)))
    });
    Outcome::Opened(partition, result)
}
