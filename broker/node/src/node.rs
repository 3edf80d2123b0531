//! The node: one broker and controller as a value, and where each input goes.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use kt_core::metadata::MetadataImage;
use kt_protocol::ErrorCode;
use kt_protocol::types::{NodeId, Now, PartitionIndex, Uuid};
use kt_storage::{Disk, DiskError, LogError};

use crate::api::{self, Answering, Context};
use crate::broker::Broker;
use crate::checkpointing::{Checkpointed, Checkpointing};
use crate::config::{BrokerConfig, BrokerSources};
use crate::effect::{Effect, FlushTicket, MachineId};
use crate::fetch_sessions::FetchSessions;
use crate::group_coordinator::GroupCoordinator;
use crate::input::{ConnectionId, Input, ReplyTo};
use crate::jobs::{self, Jobs, Outcome};
use crate::lifecycle::Lifecycle;
use crate::lock_rank::RankedMutex;
use crate::log_cleaning::LogCleaning;
use crate::machine::Machine;
use crate::metadata_log::{Done, MetadataLog};
use crate::metrics::Counters;
use crate::partition::{Fault, Moved, Partition, Service};
use crate::producer_ids::ProducerIds;
use crate::purgatory::{ParkedProduce, Purgatory, Waiting};
use crate::removals::Removals;
use crate::replicas::Replicas;
use crate::served_waiters::ServedWaiters;
use crate::stopping::Stopping;
use crate::timed_flush::TimedFlush;

/// The configuration in force: static values with the dynamic ones of the committed metadata.
pub(crate) struct Settings {
    pub(crate) sources: Arc<BrokerSources>,
    pub(crate) config: Arc<BrokerConfig>,
}

/// One broker and controller.
///
/// Shared between threads; deterministic for one order of calls.
pub struct Node {
    pub(crate) disk: Arc<dyn Disk>,
    /// Which start of the machine this is.
    pub(crate) boot_id: String,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) metadata: Arc<MetadataLog>,
    pub(crate) replicas: Replicas,
    pub(crate) served: ServedWaiters,
    pub(crate) sessions: FetchSessions,
    pub(crate) purgatory: Purgatory,
    pub(crate) groups: GroupCoordinator,
    pub(crate) checkpointing: Checkpointing,
    pub(crate) producer_ids: ProducerIds,
    pub(crate) removals: Removals,
    pub(crate) cleaning: LogCleaning,
    pub(crate) timed_flush: TimedFlush,
    pub(crate) jobs: Jobs,
    pub(crate) counters: Counters,
    pub(crate) settings: ArcSwap<Settings>,
    /// Lock of rank shard: committed metadata is applied by one thread at a time.
    pub(crate) broker: RankedMutex<Broker>,
    pub(crate) stopping: Stopping,
    /// The state of a SplitMix64: spread, not secrecy.
    pub(crate) random_state: AtomicU64,
    pub(crate) next_session_number: AtomicU64,
}

impl Node {
    /// Takes one input. What is to be done because of it is appended to `effects`.
    pub fn handle(&self, now: Now, input: Input, effects: &mut Vec<Effect>) {
        match input {
            Input::Request(reply_to, _) if self.stopping.has_begun() => {
                let text = "the broker is stopping".to_owned();
                effects.push(Effect::Close(reply_to.connection, text));
            }
            Input::Request(reply_to, request) => {
                api::dispatch(self, now, reply_to, request, effects);
            }
            Input::Expired(reply_to) => self.on_expired(reply_to, effects),
            Input::Closed(connection) => self.on_closed(connection),
            Input::Flushed(ticket, result) => self.on_flushed(now, &ticket, result, effects),
            Input::Done(_, result) => self.on_done(now, jobs::outcome(result), effects),
            Input::Wake(_) if self.stopping.is_closing() => {}
            Input::Wake(machine) => self.on_wake(now, machine, effects),
            Input::Stop => self.on_stop(now, effects),
        }
    }

    /// The configuration in force.
    pub(crate) fn config(&self) -> Arc<BrokerConfig> {
        Arc::clone(&self.settings.load().config)
    }

    /// The raw values in force.
    pub(crate) fn sources(&self) -> Arc<BrokerSources> {
        Arc::clone(&self.settings.load().sources)
    }

    /// This broker.
    pub(crate) fn id(&self) -> NodeId {
        self.replicas.home.own
    }

    /// The newest committed image.
    pub(crate) fn image(&self) -> Arc<MetadataImage> {
        self.metadata.image()
    }

    /// Who answers a request, and by which listener.
    pub(crate) fn answering<'a>(&'a self, context: &'a Context) -> Answering<'a> {
        Answering {
            cluster_id: self.lifecycle.cluster_id(),
            node_id: self.id(),
            listener: &context.session.listener,
        }
    }

    /// The next of the node's random numbers.
    pub(crate) fn random(&self) -> u64 {
        const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
        let state = self.random_state.fetch_add(GOLDEN, Ordering::Relaxed).wrapping_add(GOLDEN);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number that no fetch session had before.
    pub(crate) fn next_session_number(&self) -> u64 {
        self.next_session_number.fetch_add(1, Ordering::Relaxed)
    }

    fn on_expired(&self, reply_to: ReplyTo, effects: &mut Vec<Effect>) {
        match self.purgatory.take(reply_to) {
            Some(Waiting::Produce(waiter)) => {
                effects.extend(waiter.finish());
            }
            Some(Waiting::Fetch(session)) => api::expire_fetch(self, &session, reply_to, effects),
            None => {}
        }
    }

    fn on_closed(&self, connection: ConnectionId) {
        for (_, waiting) in self.purgatory.take_connection(connection) {
            match waiting {
                Waiting::Produce(waiter) => waiter.give_up(),
                Waiting::Fetch(session) => api::close_fetch(self, &session, connection),
            }
        }
    }

    fn on_flushed(
        &self,
        now: Now,
        ticket: &FlushTicket,
        result: Result<(), DiskError>,
        effects: &mut Vec<Effect>,
    ) {
        match Machine::from_id(ticket.machine) {
            Some(Machine::MetadataLog) => match result {
                Ok(()) => {
                    self.metadata.on_flushed(ticket, effects);
                    if self.metadata.needs_checkpoint(now.monotonic) {
                        self.checkpoint_metadata(now, effects);
                    }
                }
                Err(error) => effects.push(metadata_lost(&error)),
            },
            Some(Machine::Partition(number)) => {
                let Some(partition) = self.replicas.by_number(number) else { return };
                let flushed = result.map_err(LogError::from);
                match flushed.and_then(|()| partition.flushed(ticket, effects)) {
                    Ok(moved) => {
                        self.checkpointing.moved(&partition, now.monotonic, effects);
                        self.deliver(moved, effects);
                    }
                    Err(error) => self.fault(&partition, Fault::from(&error), effects),
                }
            }
            _ => {}
        }
    }

    fn on_done(&self, now: Now, outcome: Outcome, effects: &mut Vec<Effect>) {
        match outcome {
            Outcome::Opened(partition, result) => {
                self.replicas.opening_ended(now, &self.jobs, effects);
                self.on_opened(now, &partition, result, effects);
            }
            Outcome::Renamed(partition, result) => {
                self.on_renamed(now, &partition, result, effects);
            }
            Outcome::SetAside(directory, path, result) => {
                self.recovered_one(&directory, effects);
                match result {
                    Ok(()) => self.vacate(now, &directory, path, effects),
                    Err(error) => self.lose_directory(&directory, &error.to_string(), effects),
                }
            }
            Outcome::Removed(directory, result) => {
                if let Err(error) = result {
                    self.lose_directory(&directory, &error.to_string(), effects);
                }
            }
            Outcome::Checkpointed(directory, result) => {
                let path = directory.path();
                match result {
                    Ok(()) => {
                        for done in self.checkpointing.written(path, now.monotonic, effects) {
                            done(self, now, true, effects);
                        }
                    }
                    Err(error) => self.lose_directory(&directory, &error.to_string(), effects),
                }
            }
            Outcome::Snapshotted(result) => self.on_snapshot(now, &result, effects),
            Outcome::Cleaned(result) => self.on_metadata_cleaned(now, result, effects),
            Outcome::Closed(partition, result) => {
                self.on_partition_closed(&partition, &result, effects);
            }
            Outcome::GroupsLoaded(shard, result) => {
                self.on_groups_loaded(now, &shard, result, effects);
            }
            Outcome::LogCleaned(pass) => self.on_log_cleaned(now, *pass, effects),
            Outcome::Stopped => effects.push(Effect::Stopped),
        }
    }

    fn on_wake(&self, now: Now, machine: MachineId, effects: &mut Vec<Effect>) {
        match Machine::from_id(machine) {
            Some(Machine::Broker) => self.on_broker_wake(now, effects),
            Some(Machine::Snapshots) => self.on_snapshots_due(now, effects),
            Some(Machine::Checkpoints) => self.write_checkpoints(effects),
            Some(Machine::Cleanup) => self.on_cleanup_due(now, effects),
            Some(Machine::Removals) => self.on_removals_due(now, effects),
            Some(Machine::TimedFlush) => self.on_timed_flush_due(now.monotonic, effects),
            Some(Machine::Heartbeat) => self.on_heartbeat_due(now, effects),
            Some(Machine::FetchSession(number)) => api::wake_fetch(self, number, effects),
            Some(Machine::MetadataLog) => self.metadata.on_idle_due(now, effects),
            Some(Machine::LogCleaning) => self.on_log_cleaning_due(now, effects),
            Some(Machine::GroupShard(number)) => self.on_group_shard_wake(now, number, effects),
            Some(Machine::Partition(_)) | None => {}
        }
    }

    /// Hands out what an offset that moved has made due. No lock is held.
    pub(crate) fn deliver(&self, moved: Moved, effects: &mut Vec<Effect>) {
        moved.deliver(&self.purgatory, effects);
    }

    /// Fills a part of a produce that waited. True if that answered it.
    pub(crate) fn fill(
        &self,
        parked: &ParkedProduce,
        error: ErrorCode,
        effects: &mut Vec<Effect>,
    ) -> bool {
        let reply = self.purgatory.fill(parked, error);
        let is_answered = reply.is_some();
        effects.extend(reply);
        is_answered
    }

    /// A batch was appended.
    pub(crate) fn appended(
        &self,
        now: Now,
        partition: &Arc<Partition>,
        bytes: u64,
        effects: &mut Vec<Effect>,
    ) {
        self.counters.appended(bytes);
        self.timed_flush.appended(partition, now.monotonic, effects);
        self.checkpointing.moved(partition, now.monotonic, effects);
    }

    /// Calls `done` once this broker serves all its partitions of `topics`, or never will.
    pub(crate) fn once_served(
        &self,
        now: Now,
        topics: &[Uuid],
        done: Done,
        effects: &mut Vec<Effect>,
    ) {
        let served = self.replicas.served();
        let topics = topics.iter().filter_map(|id| served.by_id(*id));
        let partitions: Vec<&Arc<Partition>> = topics.flat_map(|topic| topic.own()).collect();
        let is_waiting = |it: &&&Arc<Partition>| it.service() == Service::Opening;
        let pending = partitions.iter().filter(is_waiting).map(|it| it.key()).collect();
        self.served.wait(pending, done);
        // One that was opened between the two is not missed.
        for partition in partitions {
            if partition.service() != Service::Opening {
                self.settle(now, partition.key(), effects);
            }
        }
        self.settle(now, (Uuid::ZERO, PartitionIndex(-1)), effects);
    }

    /// Calls `done` once everything that moved so far stands in the checkpoint files of these
    /// directories.
    pub(crate) fn once_checkpointed(
        &self,
        now: Now,
        directories: &BTreeSet<PathBuf>,
        done: Checkpointed,
        effects: &mut Vec<Effect>,
    ) {
        let (writes, done) = self.checkpointing.write_now(directories, done);
        self.run_checkpoints(writes, effects);
        if let Some(done) = done {
            done(self, now, true, effects);
        }
    }

    /// A partition is served, or never will be.
    pub(crate) fn settle(
        &self,
        now: Now,
        partition: (Uuid, PartitionIndex),
        effects: &mut Vec<Effect>,
    ) {
        for done in self.served.settled(partition) {
            done(self, now, effects);
        }
    }
}

/// A node without its metadata log cannot go on.
pub(crate) fn metadata_lost(error: &dyn std::fmt::Display) -> Effect {
    let message = format!(
        "the metadata log cannot be made durable: {error}; check the disk, then start again"
    );
    Effect::Fatal { exit_code: 1, message }
}
