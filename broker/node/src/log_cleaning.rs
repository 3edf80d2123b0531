//! Cleaning compacted logs: when, which next, and what becomes of what a pass says (`LogCleaner`).
//!
//! The rules are `kt_storage::cleaner`. Here `log.cleaner.threads` jobs look for the dirtiest log
//! that nobody cleans yet and clean it; one that found something looks again at once, one that did
//! not rests for `log.cleaner.backoff.ms`. The map of keys is memory only while a log is cleaned.

mod choosing;

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use kt_protocol::types::{Millis, Now, Timestamp};
use kt_storage::cleaner::{CleanError, Cleaner, CleanerCheckpoint, CleanerConfig, HashKey};
use kt_storage::{Deletion, Disk, LogError};

use crate::config::{BrokerConfig, TopicConfig};
use crate::effect::{Effect, LogLevel};
use crate::jobs::{Jobs, Outcome};
use crate::lock_rank::{Rank, RankedMutex};
use crate::machine::Machine;
use crate::node::Node;
use crate::partition::{Fault, Moved, Partition, Swapping};
use crate::removals::Removal;
use crate::served_waiters::PartitionKey;
use choosing::Chosen;

/// What the jobs share. They take its locks for a moment, and none of the node's but a log's, to
/// swap results in.
struct Shared {
    disk: Arc<dyn Disk>,
    hash_key: HashKey,
    /// Ends passes early.
    is_stopping: AtomicBool,
    state: RankedMutex<State>,
    /// What the files say of each log directory. Only jobs take this lock, and hold it over a write:
    /// there is one file for all logs of a directory.
    checkpoints: RankedMutex<Checkpoints>,
}

type Checkpoints = BTreeMap<PathBuf, CleanerCheckpoint>;

#[derive(Default)]
struct State {
    /// Who is being cleaned.
    in_progress: BTreeSet<PartitionKey>,
    /// Who cannot be, as long as its configs are these.
    uncleanable: BTreeMap<PartitionKey, Arc<TopicConfig>>,
}

/// When logs are cleaned.
pub(crate) struct LogCleaning {
    shared: Arc<Shared>,
    /// How many jobs look or clean.
    running: RankedMutex<usize>,
}

/// How far a pass came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    /// More is clean than before.
    Some,
    /// No log was due, or the map of keys holds nothing of it: trying again at once is no use.
    None,
}

/// What a job came to.
pub(crate) struct Pass {
    partition: Option<Arc<Partition>>,
    result: Result<Progress, CleanError>,
    moved: Moved,
    replaced: Vec<Deletion>,
    /// What else is to be said.
    notes: Vec<(LogLevel, String)>,
}

impl LogCleaning {
    /// Nothing is cleaned yet.
    pub(crate) fn new(disk: Arc<dyn Disk>) -> LogCleaning {
        // The system's own randomness: a client that could guess the key could make keys collide.
        let half = || RandomState::new().build_hasher().finish().to_le_bytes();
        let mut hash_key = [0; 16];
        hash_key[..8].copy_from_slice(&half());
        hash_key[8..].copy_from_slice(&half());
        let shared = Shared {
            disk,
            hash_key: HashKey(hash_key),
            is_stopping: AtomicBool::new(false),
            state: RankedMutex::new(Rank::Waiter, State::default()),
            checkpoints: RankedMutex::new(Rank::Waiter, Checkpoints::new()),
        };
        LogCleaning { shared: Arc::new(shared), running: RankedMutex::new(Rank::Waiter, 0) }
    }

    /// Has the files forget a partition that is deleted: another may come under its name.
    pub(crate) fn forget(
        &self,
        partition: &Arc<Partition>,
        jobs: &Jobs,
        effects: &mut Vec<Effect>,
    ) {
        if !partition.config().cleanup_policy.compact {
            return;
        }
        let (shared, partition) = (Arc::clone(&self.shared), Arc::clone(partition));
        jobs.run("forget cleaned", effects, move || {
            let result = shared.forget(&partition);
            Outcome::Removed(Arc::clone(&partition.identity.directory), result)
        });
    }

    /// Passes end soon, and none begins.
    pub(crate) fn stop(&self) {
        self.shared.is_stopping.store(true, Ordering::Release);
    }
}

impl Node {
    /// Has logs cleaned, by as many jobs as there may be.
    pub(crate) fn on_log_cleaning_due(&self, now: Now, effects: &mut Vec<Effect>) {
        let config = self.config();
        if !config.cleaner.enable {
            return;
        }
        if let Some(wall) = self.replicas.trusted_wall(now) {
            loop {
                {
                    let mut running = self.cleaning.running.lock();
                    if config.cleaner.threads <= *running {
                        break;
                    }
                    *running += 1;
                }
                if !self.begin_cleaning(wall, &config, effects) {
                    break;
                }
            }
        }
        let at = now.monotonic + config.cleaner.backoff_ms;
        effects.push(Effect::WakeAt(Machine::LogCleaning.id(), at));
    }

    /// Asks for a job that was counted already. False if there is nothing to look at.
    fn begin_cleaning(
        &self,
        wall: Timestamp,
        config: &BrokerConfig,
        effects: &mut Vec<Effect>,
    ) -> bool {
        let served = self.replicas.served();
        let is_compacted = |it: &&Arc<Partition>| it.config().cleanup_policy.compact;
        let candidates: Vec<Arc<Partition>> =
            served.partitions().filter(is_compacted).cloned().collect();
        if candidates.is_empty() || self.stopping.has_begun() {
            *self.cleaning.running.lock() -= 1;
            return false;
        }
        let shared = Arc::clone(&self.cleaning.shared);
        let config = cleaner_config(config, shared.hash_key);
        self.jobs.run("clean", effects, move || {
            Outcome::LogCleaned(Box::new(shared.clean(&candidates, wall, config)))
        });
        true
    }

    /// A job has ended: what it replaced is removed later, and if it found a log the next is looked
    /// for at once.
    pub(crate) fn on_log_cleaned(&self, now: Now, pass: Pass, effects: &mut Vec<Effect>) {
        *self.cleaning.running.lock() -= 1;
        let Pass { partition, result, moved, replaced, notes } = pass;
        effects.extend(notes.into_iter().map(|(level, text)| Effect::log(level, text)));
        self.deliver(moved, effects);
        let Some(partition) = partition else { return };
        for deletion in replaced {
            self.remove_later(now, &partition, deletion, effects);
        }
        match result {
            Ok(Progress::None) => {}
            Ok(Progress::Some) => {
                self.checkpointing.moved(&partition, now.monotonic, effects);
                effects.push(Effect::Wake(Machine::LogCleaning.id()));
            }
            Err(CleanError::Log(error)) if is_full_disk(&error) && !partition.has_failed() => {
                let text = format!("{} is not cleaned: {error}", partition.name());
                effects.push(Effect::log(LogLevel::Warn, text));
            }
            Err(CleanError::Log(error)) => self.fault(&partition, Fault::from(&error), effects),
            Err(error @ CleanError::Uncleanable { .. }) => {
                let text = format!("{} is left as it is: {error}", partition.name());
                effects.push(Effect::log(LogLevel::Error, text));
            }
            Err(CleanError::Stopped { .. } | CleanError::Changed { .. }) => {}
        }
    }

    /// Segments that left a log stay for those who read them.
    pub(crate) fn remove_later(
        &self,
        now: Now,
        partition: &Arc<Partition>,
        deletion: Deletion,
        effects: &mut Vec<Effect>,
    ) {
        let delay = partition.config().file_delete_delay_ms;
        let at: Millis = now.monotonic + u64::try_from(delay).unwrap_or(0);
        let directory = Arc::clone(&partition.identity.directory);
        self.removals.add(at, directory, Removal::Segments(deletion), effects);
    }
}

impl Shared {
    /// Looks for the dirtiest log and cleans it; a job.
    fn clean(&self, candidates: &[Arc<Partition>], wall: Timestamp, config: CleanerConfig) -> Pass {
        let mut notes = Vec::new();
        let (chosen, failed) = self.choose(candidates, wall, &mut notes);
        let mut pass = Pass {
            partition: None,
            result: Ok(Progress::None),
            moved: Moved::default(),
            replaced: Vec::new(),
            notes,
        };
        if let Some((partition, error)) = failed {
            pass.partition = Some(partition);
            pass.result = Err(CleanError::Log(error));
        }
        let Some(Chosen { partition, view, dirtiness }) = chosen else { return pass };
        let mut pace = |_| match self.is_stopping.load(Ordering::Acquire) {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        };
        let mut swap = |cleaned: &kt_storage::cleaner::Cleaned| {
            let Swapping { swapped, moved } = partition.swap_cleaned(cleaned)?;
            pass.moved = std::mem::take(&mut pass.moved).and(moved);
            match swapped {
                kt_storage::Swapped::Done(deletion) => {
                    pass.replaced.push(deletion);
                    Ok(kt_storage::Swapped::Done(Deletion::default()))
                }
                refused @ kt_storage::Swapped::Refused => Ok(refused),
            }
        };
        let cleaned = Cleaner::new(config).clean(&view, &dirtiness, wall, &mut pace, &mut swap);
        pass.result = cleaned.and_then(|report| {
            self.set_checkpoint(&partition, report.end_offset).map_err(LogError::from)?;
            match dirtiness.first_dirty_offset < report.end_offset {
                true => Ok(Progress::Some),
                false => Ok(Progress::None),
            }
        });
        let mut state = self.state.lock();
        state.in_progress.remove(&partition.key());
        if let Err(CleanError::Uncleanable { .. }) = &pass.result {
            state.uncleanable.insert(partition.key(), partition.config());
        }
        drop(state);
        pass.partition = Some(partition);
        pass
    }
}

fn is_full_disk(error: &LogError) -> bool {
    matches!(error, LogError::Disk(error) if error.kind == std::io::ErrorKind::StorageFull)
}

fn cleaner_config(config: &BrokerConfig, hash_key: HashKey) -> CleanerConfig {
    let threads = u64::try_from(config.cleaner.threads.max(1)).unwrap_or(1);
    let io_buffer = config.cleaner.io_buffer_size / threads;
    CleanerConfig {
        dedupe_buffer_bytes: config.cleaner.dedupe_buffer_size / threads,
        load_factor: config.cleaner.io_buffer_load_factor,
        io_buffer_bytes: u32::try_from(io_buffer).unwrap_or(u32::MAX),
        message_max_bytes: u32::try_from(config.topic_defaults.max_message_bytes).unwrap_or(0),
        hash_key,
    }
}
