//! The broker's side of the node: committed metadata becomes partitions, leadership and
//! configuration; storage that is lost is taken offline.

use std::path::PathBuf;
use std::sync::Arc;

use kt_core::group::DeletedTopic;
use kt_core::metadata::{ConfigResourceType, MetadataDelta, MetadataImage};
use kt_protocol::types::Now;
use kt_storage::metadata_snapshot::SnapshotId;
use kt_storage::{DiskError, LogError, RecoveryReport, SmallFileError};

use crate::checkpointing::Write;
use crate::config::{BrokerConfig, with_dynamic};
use crate::effect::{Effect, LogLevel};
use crate::group_coordinator::OFFSETS_TOPIC;
use crate::jobs::Outcome;
use crate::log_directories::LogDirectory;
use crate::machine::Machine;
use crate::metadata_log::{Committed, SnapshotError, metadata_partition};
use crate::node::{Node, Settings};
use crate::open::write_boot_id;
use crate::partition::{Fault, OpenTurn, OpenedLog, Partition, Service};
use crate::recovery_log::recovery_line;
use crate::removals::Removal;
use crate::replicas::{Applied, Change};

/// How long segments that left the metadata log stay for those who read them
/// (`file.delete.delay.ms`, by default).
const METADATA_DELETE_DELAY_MS: u64 = 60_000;

/// What the broker remembers between two commits.
#[derive(Default)]
pub(crate) struct Broker {
    /// The first committed image tells of everything that the log held before.
    has_applied: bool,
}

impl Node {
    /// Applies what was committed, in order, and answers whoever waited for it.
    pub(crate) fn on_broker_wake(&self, now: Now, effects: &mut Vec<Effect>) {
        let mut dones = Vec::new();
        let mut all = Applied::default();
        let mut strays = Vec::new();
        let mut topics_deleted = Vec::new();
        {
            let mut broker = self.broker.lock();
            for Committed { publish, done } in self.metadata.take_committed() {
                dones.extend(done);
                let Some((image, delta)) = publish else { continue };
                let is_first = !std::mem::replace(&mut broker.has_applied, true);
                let delta = if is_first { whole(&image) } else { delta };
                self.apply_settings(&image, &delta);
                let deleted = delta.topics_deleted.iter();
                topics_deleted
                    .extend(deleted.map(|(id, name)| DeletedTopic { name: name.clone(), id: *id }));
                all.add(self.apply_image(now, &image, &delta, effects));
                if is_first {
                    strays = self.replicas.set_aside_strays(&self.jobs, effects);
                }
            }
        }
        for partition in &all.deleted {
            let directory = partition.identity.directory.path();
            self.checkpointing.remove(directory, partition.name(), now.monotonic, effects);
            self.cleaning.forget(partition, &self.jobs, effects);
            self.settle(now, partition.key(), effects);
        }
        for (directory, name) in strays {
            self.checkpointing.remove(directory.path(), &name, now.monotonic, effects);
        }
        if all.awaits_directory {
            effects.push(Effect::Wake(Machine::Checkpoints.id()));
        }
        self.deliver(all.moved, effects);
        for (partition, fault) in all.faults {
            self.fault(&partition, fault, effects);
        }
        for done in self.checkpointing.take_failed() {
            done(self, now, false, effects);
        }
        for partition in self.replicas.take_unopenable() {
            self.settle(now, partition.key(), effects);
        }
        self.refresh_group_shards(now, effects);
        self.forget_offsets_of(now, &topics_deleted, effects);
        self.assign(now, &all.unsaid, effects);
        for done in dones {
            done(self, now, effects);
        }
        self.take_snapshot_if_due(now, effects);
    }

    fn apply_image(
        &self,
        now: Now,
        image: &MetadataImage,
        delta: &MetadataDelta,
        effects: &mut Vec<Effect>,
    ) -> Applied {
        let settings = self.settings.load_full();
        let (config, sources) = (&*settings.config, &*settings.sources);
        let change = Change { image, delta, config, sources };
        self.replicas.apply(now, &change, &self.jobs, effects)
    }

    /// Takes changed dynamic configs. What the controller let in is valid; should it not be, what
    /// was in force stays so.
    fn apply_settings(&self, image: &MetadataImage, delta: &MetadataDelta) {
        let is_broker =
            delta.configs.iter().any(|it| it.resource_type == ConfigResourceType::BROKER);
        if !is_broker {
            return;
        }
        let sources = with_dynamic(&self.sources(), image, Some(self.id()));
        if let Ok(config) = BrokerConfig::resolve(&sources) {
            let settings = Settings { sources: Arc::new(sources), config: Arc::new(config) };
            self.settings.store(Arc::new(settings));
        }
    }

    /// A partition's log was opened, or cannot be.
    pub(crate) fn on_opened(
        &self,
        now: Now,
        partition: &Arc<Partition>,
        result: Result<Box<(OpenedLog, RecoveryReport)>, LogError>,
        effects: &mut Vec<Effect>,
    ) {
        match result {
            Ok(opened) => {
                let (opened, report) = *opened;
                effects.extend(recovery_line(partition.name(), &report));
                self.take_opened(now, partition, opened, effects);
            }
            Err(error) => self.fault(partition, Fault::from(&error), effects),
        }
        self.settle(now, partition.key(), effects);
        if partition.identity.was_found {
            self.recovered_one(&partition.identity.directory, effects);
        }
    }

    fn take_opened(
        &self,
        now: Now,
        partition: &Arc<Partition>,
        opened: OpenedLog,
        effects: &mut Vec<Effect>,
    ) {
        match partition.opened(opened) {
            OpenTurn::Served(Ok(moved)) => {
                self.checkpointing.moved(partition, now.monotonic, effects);
                self.deliver(moved, effects);
                if partition.name().topic == OFFSETS_TOPIC {
                    self.refresh_group_shards(now, effects);
                }
            }
            OpenTurn::Served(Err(error)) => self.fault(partition, Fault::from(&error), effects),
            OpenTurn::Deleted(log) => {
                self.replicas.delete_log(partition, *log, &self.jobs, effects);
            }
            OpenTurn::Unwanted => {}
        }
    }

    /// One more of the partitions that were found at the start is open. After the last the
    /// directory is of this start of the machine.
    pub(crate) fn recovered_one(&self, directory: &Arc<LogDirectory>, effects: &mut Vec<Effect>) {
        // What lies in a lost directory was not recovered, whatever became of its partitions.
        if !directory.recovered_one() || directory.is_lost() {
            return;
        }
        let (disk, boot_id) = (Arc::clone(&self.disk), self.boot_id.clone());
        let directory = Arc::clone(directory);
        self.jobs.run("boot-id", effects, move || {
            let result = write_boot_id(&*disk, directory.path(), &boot_id);
            Outcome::Removed(directory, result)
        });
    }

    /// A deleted partition's directory has its new name; its files stay for those who read them.
    pub(crate) fn on_renamed(
        &self,
        now: Now,
        partition: &Arc<Partition>,
        result: Result<PathBuf, DiskError>,
        effects: &mut Vec<Effect>,
    ) {
        let directory = &partition.identity.directory;
        match result {
            Ok(path) => {
                let delay = partition.config().file_delete_delay_ms;
                let at = now.monotonic + u64::try_from(delay).unwrap_or(0);
                self.removals.add(at, Arc::clone(directory), Removal::Directory(path), effects);
                self.vacate(now, directory, partition.directory_path(), effects);
            }
            Err(error) => self.lose_directory(directory, &error.to_string(), effects),
        }
    }

    /// A partition has left its directory. Another one of that name may be opened there once no
    /// checkpoint says of it what was true of the old one: after a crash it would look as if it
    /// had lost records.
    pub(crate) fn vacate(
        &self,
        now: Now,
        directory: &Arc<LogDirectory>,
        path: PathBuf,
        effects: &mut Vec<Effect>,
    ) {
        let is_awaited = self.replicas.is_awaited(&path);
        let vacated =
            Box::new(move |node: &Node, now: Now, is_written: bool, effects: &mut Vec<_>| {
                if is_written {
                    node.replicas.vacated(now, &path, &node.jobs, effects);
                }
            });
        match self.checkpointing.once_written(directory.path(), vacated) {
            Some(vacated) => vacated(self, now, true, effects),
            None if is_awaited => effects.push(Effect::Wake(Machine::Checkpoints.id())),
            None => {}
        }
    }

    pub(crate) fn on_removals_due(&self, now: Now, effects: &mut Vec<Effect>) {
        for (directory, removal) in self.removals.take_due(now.monotonic, effects) {
            let disk = Arc::clone(&self.disk);
            self.jobs.run("remove", effects, move || {
                let result = removal.carry_out(&*disk);
                Outcome::Removed(directory, result)
            });
        }
    }

    pub(crate) fn on_snapshots_due(&self, now: Now, effects: &mut Vec<Effect>) {
        self.take_snapshot_if_due(now, effects);
        self.clean_metadata(now, effects);
        let at = self.metadata.next_snapshot_check(now.monotonic);
        effects.push(Effect::WakeAt(Machine::Snapshots.id(), at));
    }

    fn take_snapshot_if_due(&self, now: Now, effects: &mut Vec<Effect>) {
        if let Some(work) = self.metadata.due_snapshot(now) {
            self.jobs.run("snapshot", effects, move || Outcome::Snapshotted(work.run()));
        }
    }

    /// A metadata snapshot was written, or was not: then the log grows until one is.
    pub(crate) fn on_snapshot(
        &self,
        now: Now,
        result: &Result<SnapshotId, SnapshotError>,
        effects: &mut Vec<Effect>,
    ) {
        self.metadata.on_snapshot(result, now);
        match result {
            Ok(_) => self.clean_metadata(now, effects),
            Err(error) => {
                let text = format!("no metadata snapshot was written: {error}; tried again later");
                effects.push(Effect::log(LogLevel::Error, text));
            }
        }
    }

    fn clean_metadata(&self, now: Now, effects: &mut Vec<Effect>) {
        if let Some(work) = self.metadata.cleaning(now) {
            self.jobs.run("metadata retention", effects, move || Outcome::Cleaned(work.run()));
        }
    }

    /// Old metadata snapshots are gone, and so is the part of the log that they began.
    pub(crate) fn on_metadata_cleaned(
        &self,
        now: Now,
        result: Result<Option<SnapshotId>, SmallFileError>,
        effects: &mut Vec<Effect>,
    ) {
        let oldest = result.unwrap_or_else(|error| {
            let text = format!("old metadata snapshots were not removed: {error}");
            effects.push(Effect::log(LogLevel::Error, text));
            None
        });
        let directory = Arc::clone(&self.replicas.home.metadata_directory);
        match self.metadata.cleaned(oldest, now) {
            Ok(deletion) if deletion.is_empty() => {}
            Ok(deletion) => {
                let at = now.monotonic + METADATA_DELETE_DELAY_MS;
                self.removals.add(at, directory, Removal::Segments(deletion), effects);
            }
            Err(error) => self.lose_directory(&directory, &error.to_string(), effects),
        }
    }

    /// Writes the checkpoint files of the directories where something moved.
    pub(crate) fn write_checkpoints(&self, effects: &mut Vec<Effect>) {
        self.run_checkpoints(self.checkpointing.take_due(), effects);
    }

    pub(crate) fn run_checkpoints(&self, writes: Vec<Write>, effects: &mut Vec<Effect>) {
        for write in writes {
            let disk = Arc::clone(&self.disk);
            let Some(log_directory) = self.replicas.directory(&write.directory) else { continue };
            self.jobs.run("checkpoint", effects, move || {
                let result = write.carry_out(&*disk);
                Outcome::Checkpointed(log_directory, result)
            });
        }
    }

    pub(crate) fn checkpoint_metadata(&self, now: Now, effects: &mut Vec<Effect>) {
        let (name, offsets) = (metadata_partition(), self.metadata.checkpoint());
        let directory = self.metadata.log_directory();
        self.checkpointing.set(directory, &name, &offsets, now.monotonic, effects);
    }

    /// Rolls, deletes and expires what time has made old, and looks again later.
    pub(crate) fn on_cleanup_due(&self, now: Now, effects: &mut Vec<Effect>) {
        let wall = self.replicas.trusted_wall(now);
        for partition in self.replicas.served().partitions() {
            if let Some(wall) = wall {
                partition.expire_producers(wall);
            }
            match partition.delete_old_segments(now, wall) {
                Ok((deletion, moved)) => {
                    self.deliver(moved, effects);
                    if !deletion.is_empty() {
                        self.checkpointing.moved(partition, now.monotonic, effects);
                        self.remove_later(now, partition, deletion, effects);
                    }
                }
                Err(error) => self.fault(partition, Fault::from(&error), effects),
            }
        }
        let at = now.monotonic + self.config().log_retention_check_interval_ms;
        effects.push(Effect::WakeAt(Machine::Cleanup.id(), at));
    }

    /// Storage failed under a partition. What it was doing has failed already; nothing is tried
    /// again. May be called under the lock of a fetch session.
    pub(crate) fn fault(
        &self,
        partition: &Arc<Partition>,
        fault: Fault,
        effects: &mut Vec<Effect>,
    ) {
        match fault {
            Fault::Partition(why) => {
                if partition.service() != Service::Offline {
                    let name = partition.name();
                    let text = format!("{name} is offline until the next start: {why}");
                    effects.push(Effect::log(LogLevel::Error, text));
                }
                let moved = partition.lose(&why);
                self.deliver(moved, effects);
            }
            Fault::Directory(why) => {
                self.lose_directory(&partition.identity.directory, &why, effects);
            }
        }
    }

    /// A log directory is lost: everything in it goes offline, for good in this run.
    pub(crate) fn lose_directory(
        &self,
        directory: &Arc<LogDirectory>,
        why: &str,
        effects: &mut Vec<Effect>,
    ) {
        if !directory.lose() {
            return;
        }
        let path = directory.path().display();
        let text = format!("the log directory {path} is offline until the next start: {why}");
        effects.push(Effect::log(LogLevel::Error, text));
        self.checkpointing.lose(directory.path());
        for partition in self.replicas.in_directory(directory) {
            let moved = partition.lose(why);
            self.deliver(moved, effects);
        }
        // The controller is told, and nobody waits for logs that will not be opened.
        effects.push(Effect::Wake(Machine::Heartbeat.id()));
        effects.push(Effect::Wake(Machine::Broker.id()));
        let holds_metadata = directory.path() == self.metadata.log_directory();
        if holds_metadata || self.replicas.home.directories.iter().all(|it| it.is_lost()) {
            let message = format!(
                "the log directory {path} is lost: {why}; check the disk, then start again"
            );
            effects.push(Effect::Fatal { exit_code: 1, message });
        }
    }
}

/// Everything in an image, as if it were new.
fn whole(image: &MetadataImage) -> MetadataDelta {
    MetadataDelta {
        topics_created: image.topics().iter().map(|topic| topic.id).collect(),
        partitions: image
            .topics()
            .partitions()
            .map(|(topic, index, _)| (topic.id, index))
            .collect(),
        configs: image.configs().iter().map(|(resource, _)| resource.clone()).collect(),
        brokers: image.brokers().iter().map(|broker| broker.id).collect(),
        ..MetadataDelta::default()
    }
}
