//! One partition on this broker: its replica, its log, and what it publishes.
//!
//! Two locks: the writer's (rank log) over everything that changes the log, and the published
//! struct's (rank published) that readers copy from. The log is opened by a job; until then, and
//! when it is lost, requests are refused with a code that says so.

mod append;
mod flush;
mod leadership;
mod lifecycle;
mod maintenance;
mod published;
mod read;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
use kt_core::metadata::PartitionRegistration;
use kt_core::replica::{LeaderState, LogFacts, check_acknowledgeable, effective_min_isr};
use kt_protocol::types::{LeaderEpoch, NodeId, Offset, TopicPartition, Uuid};
use kt_protocol::{ErrorCode, planted};
use kt_storage::{File, Log, LogError};

pub(crate) use append::{AppendError, Appended, ProducedBatch};
pub(crate) use lifecycle::{Closing, OpenTurn, OpenedLog};
pub(crate) use maintenance::Swapping;
pub(crate) use published::{Bounds, Moved, Offsets, Service};
pub(crate) use read::{Read, ReadAsk};

#[cfg(not(all(test, loom)))]
use published::Published;
#[cfg(all(test, loom))]
pub(crate) use published::Published;

use crate::config::TopicConfig;
use crate::effect::MachineId;
use crate::fetch_session::FetchSession;
use crate::lock_rank::{Rank, RankedMutex};
use crate::log_directories::LogDirectory;
use crate::machine::Machine;
use crate::purgatory::ParkedProduce;
use crate::served_waiters::PartitionKey;

/// When an appended record counts as kept (`log.flush.on.ack`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durability {
    /// Once it is flushed.
    Flushed,
    /// Once it is in the page cache, as Apache Kafka does.
    PageCache,
}

/// What of the storage failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The disk: nothing in the log directory can be trusted to be written any more.
    Directory(String),
    /// The partition's own files: they are left as they are, and the replica is offline.
    Partition(String),
}

impl From<&LogError> for Fault {
    fn from(error: &LogError) -> Fault {
        match error {
            LogError::Disk(error) => Fault::Directory(error.to_string()),
            other => Fault::Partition(other.to_string()),
        }
    }
}

/// A log that is open, and the leadership over it.
struct OpenLog {
    log: Log,
    /// None while somebody else leads, or nobody.
    leader: Option<LeaderState>,
    /// What was last known of it, where we do not lead.
    high_watermark: Offset,
    /// At most one flush is out.
    ticket_is_out: bool,
    /// A small file that the first flush covers.
    unsynced: Option<Arc<dyn File>>,
}

enum LogState {
    /// A job opens it.
    Opening,
    Open(Box<OpenLog>),
    /// Damaged, or its directory is lost: why.
    Offline(String),
    /// Given to the job that closes or deletes it.
    Closed,
}

struct Writer {
    state: LogState,
    /// What the metadata says of the partition.
    registration: Arc<PartitionRegistration>,
}

/// What makes a partition what it is; none of it changes.
pub(crate) struct Identity {
    /// Its number among the machines.
    pub(crate) number: u64,
    /// This broker.
    pub(crate) own: NodeId,
    pub(crate) topic_id: Uuid,
    pub(crate) name: TopicPartition,
    pub(crate) directory: Arc<LogDirectory>,
    pub(crate) durability: Durability,
    /// Whether its directory was there when the node started.
    pub(crate) was_found: bool,
}

/// One partition on this broker.
pub(crate) struct Partition {
    pub(crate) identity: Identity,
    config: ArcSwap<TopicConfig>,
    /// Its offsets moved since the last checkpoint.
    has_moved: AtomicBool,
    /// Somebody asked for it before its log was open.
    is_wanted: AtomicBool,
    /// `flush.ms` counts.
    is_flush_timed: AtomicBool,
    writer: RankedMutex<Writer>,
    published: RankedMutex<Published>,
}

impl Partition {
    /// A partition whose log is to be opened.
    pub(crate) fn new(
        identity: Identity,
        registration: Arc<PartitionRegistration>,
        config: Arc<TopicConfig>,
    ) -> Partition {
        let writer = Writer { state: LogState::Opening, registration };
        Partition {
            identity,
            config: ArcSwap::new(config),
            has_moved: AtomicBool::new(false),
            is_wanted: AtomicBool::new(false),
            is_flush_timed: AtomicBool::new(false),
            writer: RankedMutex::new(Rank::Log, writer),
            published: RankedMutex::new(Rank::Published, Published::new()),
        }
    }

    pub(crate) fn name(&self) -> &TopicPartition {
        &self.identity.name
    }

    /// Its topic's id and its number.
    pub(crate) fn key(&self) -> PartitionKey {
        (self.identity.topic_id, self.identity.name.partition)
    }

    /// Where its files are.
    pub(crate) fn directory_path(&self) -> PathBuf {
        self.identity.directory.path().join(self.name().to_string())
    }

    pub(crate) fn machine(&self) -> MachineId {
        Machine::Partition(self.identity.number).id()
    }

    /// Whether it can be asked, now.
    pub(crate) fn service(&self) -> Service {
        self.published.lock().service()
    }

    /// Somebody asks for it before its log is open. False if somebody did before.
    pub(crate) fn begin_wanted(&self) -> bool {
        !self.is_wanted.swap(true, Ordering::AcqRel)
    }

    /// Where its log stands, now; zeros before it is open.
    pub(crate) fn offsets(&self) -> Offsets {
        self.published.lock().offsets()
    }

    /// Its topic's configs.
    pub(crate) fn config(&self) -> Arc<TopicConfig> {
        self.config.load_full()
    }

    /// Registers a session's slot, to hear of every change from now on.
    pub(crate) fn watch(&self, session: &Arc<FetchSession>, slot: u32) {
        self.published.lock().watch(session, slot);
    }

    /// Parks a produce until the high watermark reaches its end, unless it is done already: then
    /// it comes back with what it came to.
    pub(crate) fn park(
        &self,
        epoch: LeaderEpoch,
        parked: ParkedProduce,
    ) -> Option<(ParkedProduce, ErrorCode)> {
        self.published.lock().park(epoch, parked)
    }

    /// Waits until the high watermark of `epoch` reaches `end`: none, and then `machine` is woken. It
    /// is woken once, also by the end of the leadership. If the high watermark is there, gives it.
    ///
    /// # Errors
    ///
    /// What to tell who waits for what will not come.
    pub(crate) fn wait_for_high_watermark(
        &self,
        epoch: LeaderEpoch,
        end: Offset,
        machine: MachineId,
    ) -> Result<Option<Offset>, ErrorCode> {
        self.published.lock().wait_for_high_watermark(epoch, end, machine)
    }

    /// Takes back what [`Partition::watch`] did.
    pub(crate) fn unwatch(&self, session: &FetchSession, slot: u32) {
        self.published.lock().unwatch(session, slot);
    }

    /// Counts our own log in the high watermark, and publishes where it stands now. The caller
    /// holds the writer's lock.
    fn advance(&self, open: &mut OpenLog, replicas: usize) -> Moved {
        let facts = self.facts(&open.log);
        let mut acknowledgement = ErrorCode::None;
        if let Some(leader) = &mut open.leader {
            leader.on_stable_end(&facts);
            open.high_watermark = leader.high_watermark();
            let min_isr = self.min_isr(replicas);
            if let Err(code) = check_acknowledgeable(leader.isr().len(), min_isr) {
                acknowledgement = code;
            }
        }
        open.log.on_high_watermark(open.high_watermark);
        let first_unstable = open.log.first_unstable_offset().unwrap_or(open.high_watermark);
        let offsets = Offsets {
            log_start: facts.start,
            high_watermark: open.high_watermark,
            last_stable: first_unstable.min(open.high_watermark),
            log_end: facts.end,
            stable_end: facts.stable,
        };
        self.published.lock().advance(offsets, open.log.segments(), acknowledgement)
    }

    /// How many replicas have to be in sync for acks=all.
    fn min_isr(&self, replicas: usize) -> usize {
        let configured = self.config.load().min_insync_replicas;
        effective_min_isr(usize::try_from(configured).unwrap_or(1), replicas)
    }

    fn facts(&self, log: &Log) -> Facts {
        let (start, end) = (log.log_start_offset(), log.log_end_offset());
        let stable = match self.identity.durability {
            Durability::Flushed if planted!("acknowledged before the flush") => end,
            Durability::Flushed => log.recovery_point(),
            Durability::PageCache => end,
        };
        Facts { start, stable, end }
    }
}

/// What the replication rules ask of a log.
#[derive(Clone, Copy, Debug)]
struct Facts {
    start: Offset,
    stable: Offset,
    end: Offset,
}

impl LogFacts for Facts {
    fn log_start_offset(&self) -> Offset {
        self.start
    }

    fn log_end_offset(&self) -> Offset {
        self.end
    }

    fn stable_end(&self) -> Offset {
        self.stable
    }
}
