//! Stopping: the controller is told (controlled shutdown), every log is closed by a job, then the
//! checkpoints and the clean-shutdown markers are written, then nothing is left to do.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use kt_protocol::messages::BrokerHeartbeatResponse;
use kt_protocol::types::Now;
use kt_storage::{LogError, clean_shutdown};

use crate::checkpointing::PartitionOffsets;
use crate::effect::Effect;
use crate::jobs::Outcome;
use crate::lock_rank::{Rank, RankedMutex};
use crate::metadata_log::metadata_partition;
use crate::node::Node;
use crate::partition::{Closing, Partition, Service};

/// How often the controller is asked at once: the first time it moves leaders, the second time it
/// lets go. After that it waits for others, and so do we.
const ASKED_AT_ONCE: u32 = 2;

#[derive(Default)]
struct State {
    /// How often the controller was asked to let this broker go.
    asked: u32,
    /// How many logs are being closed.
    closing: usize,
    /// Log directories in which something was not closed cleanly: recovery looks at them.
    unclean: BTreeSet<PathBuf>,
}

/// The node runs.
const RUNNING: u8 = 0;
/// The controller is told that this broker leaves; what it decides is still applied.
const LEAVING: u8 = 1;
/// Logs are being closed: nothing moves any more.
const CLOSING: u8 = 2;

/// How far a stop has come.
pub(crate) struct Stopping {
    phase: AtomicU8,
    state: RankedMutex<State>,
}

impl Stopping {
    pub(crate) fn new() -> Stopping {
        Stopping {
            phase: AtomicU8::new(RUNNING),
            state: RankedMutex::new(Rank::Waiter, State::default()),
        }
    }

    /// Whether the node stops: requests are not taken any more.
    pub(crate) fn has_begun(&self) -> bool {
        self.phase.load(Ordering::Acquire) != RUNNING
    }

    /// Whether logs are being closed: no machine is called any more.
    pub(crate) fn is_closing(&self) -> bool {
        self.phase.load(Ordering::Acquire) == CLOSING
    }
}

impl Node {
    /// Begins to stop.
    pub(crate) fn on_stop(&self, now: Now, effects: &mut Vec<Effect>) {
        if self.stopping.phase.swap(LEAVING, Ordering::AcqRel) != RUNNING {
            return;
        }
        self.cleaning.stop();
        // Who never joined need not leave.
        match self.config().controlled_shutdown_enable && self.lifecycle.is_registered() {
            true => self.leave(now, effects),
            false => self.close_all(effects),
        }
    }

    /// Says that this broker wants to stop, until the controller lets it: the first time it moves
    /// what the broker leads, the second time it fences the broker. The next start then has no
    /// leader to depose, and nobody asks this broker meanwhile.
    pub(crate) fn leave(&self, now: Now, effects: &mut Vec<Effect>) {
        self.stopping.state.lock().asked += 1;
        let request = self.lifecycle.last_heartbeat();
        let told = self.metadata.submit(
            now,
            |it| it.controller.broker_heartbeat(now, &request),
            |node, now, response, effects| node.on_leave_answered(now, &response, effects),
            effects,
        );
        // A failed append has said so itself, and ends the node.
        if told.is_err() {
            self.close_all(effects);
        }
    }

    fn on_leave_answered(
        &self,
        now: Now,
        response: &BrokerHeartbeatResponse,
        effects: &mut Vec<Effect>,
    ) {
        if response.error_code != 0 || response.should_shut_down {
            return self.close_all(effects);
        }
        if self.stopping.state.lock().asked < ASKED_AT_ONCE {
            return self.leave(now, effects);
        }
        self.await_heartbeat(now, effects);
    }

    fn close_all(&self, effects: &mut Vec<Effect>) {
        if self.stopping.phase.swap(CLOSING, Ordering::AcqRel) == CLOSING {
            return;
        }
        self.replicas.stop_opening();
        let served = self.replicas.served();
        let partitions: Vec<&Arc<Partition>> = served.partitions().collect();
        // One more, so that the last step is not taken before all are counted.
        self.stopping.state.lock().closing = partitions.len() + 1;
        for partition in partitions {
            let (closing, moved) = partition.close(Service::NotLeader);
            self.deliver(moved, effects);
            match closing {
                Closing::Open(mut log, high_watermark) => {
                    let partition = Arc::clone(partition);
                    self.jobs.run("close", effects, move || {
                        let closed =
                            log.close().map(|()| PartitionOffsets::of(&log, high_watermark));
                        Outcome::Closed(partition, closed)
                    });
                }
                Closing::Opening => self.log_ended(Some(partition), effects),
                Closing::Gone => self.log_ended(None, effects),
            }
        }
        self.log_ended(None, effects);
    }

    /// A log was closed, or not.
    pub(crate) fn on_partition_closed(
        &self,
        partition: &Arc<Partition>,
        result: &Result<PartitionOffsets, LogError>,
        effects: &mut Vec<Effect>,
    ) {
        match result {
            Ok(offsets) => {
                self.checkpointing.closed(partition, offsets);
                self.log_ended(None, effects);
            }
            Err(_) => self.log_ended(Some(partition), effects),
        }
    }

    /// One log less to wait for; `unclean` names one that was not closed cleanly.
    fn log_ended(&self, unclean: Option<&Arc<Partition>>, effects: &mut Vec<Effect>) {
        let is_last = {
            let mut state = self.stopping.state.lock();
            if let Some(partition) = unclean {
                state.unclean.insert(partition.identity.directory.path().to_owned());
            }
            state.closing -= 1;
            state.closing == 0
        };
        if is_last {
            self.close_directories(effects);
        }
    }

    /// The last step, one job: the metadata log, the checkpoints, and the markers that say that
    /// all of it is clean.
    fn close_directories(&self, effects: &mut Vec<Effect>) {
        let unclean = std::mem::take(&mut self.stopping.state.lock().unclean);
        let broker_epoch = self.lifecycle.broker_epoch();
        let disk = Arc::clone(&self.disk);
        // Nothing else is going on any more: this job may take the metadata log's own lock.
        let metadata = Arc::clone(&self.metadata);
        let mut offsets = self.checkpointing.take_all();
        let lost: BTreeSet<PathBuf> = self
            .replicas
            .home
            .directories
            .iter()
            .filter(|directory| directory.is_lost())
            .map(|directory| directory.path().to_owned())
            .collect();
        self.jobs.run("stop", effects, move || {
            let metadata_is_clean = metadata.close().is_ok();
            for (directory, offsets) in &mut offsets {
                let holds_metadata = directory == metadata.log_directory();
                if holds_metadata {
                    offsets.set(&metadata_partition(), &metadata.checkpoint());
                }
                if lost.contains(directory) {
                    continue;
                }
                let is_clean =
                    !unclean.contains(directory) && (metadata_is_clean || !holds_metadata);
                let written = offsets.write(&*disk, directory);
                if written.is_ok() && is_clean {
                    // Without the marker the next start looks closer: nothing is lost by that.
                    drop(clean_shutdown::write(&*disk, directory, broker_epoch));
                }
            }
            Outcome::Stopped
        });
    }
}
