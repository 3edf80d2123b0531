//! Stopping: every log is closed by a job, then the checkpoints and the clean-shutdown markers are
//! written, then nothing is left to do.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use kt_storage::{LogError, clean_shutdown};

use crate::checkpointing::PartitionOffsets;
use crate::effect::Effect;
use crate::jobs::Outcome;
use crate::lock_rank::{Rank, RankedMutex};
use crate::metadata_log::metadata_partition;
use crate::node::Node;
use crate::partition::{Closing, Partition, Service};

#[derive(Default)]
struct State {
    /// How many logs are being closed.
    closing: usize,
    /// Log directories in which something was not closed cleanly: recovery looks at them.
    unclean: BTreeSet<PathBuf>,
}

/// How far a stop has come.
pub(crate) struct Stopping {
    has_begun: AtomicBool,
    state: RankedMutex<State>,
}

impl Stopping {
    pub(crate) fn new() -> Stopping {
        Stopping {
            has_begun: AtomicBool::new(false),
            state: RankedMutex::new(Rank::Waiter, State::default()),
        }
    }

    /// Whether the node stops: requests are not taken any more.
    pub(crate) fn has_begun(&self) -> bool {
        self.has_begun.load(Ordering::Acquire)
    }
}

impl Node {
    /// Begins to stop.
    pub(crate) fn on_stop(&self, effects: &mut Vec<Effect>) {
        if self.stopping.has_begun.swap(true, Ordering::AcqRel) {
            return;
        }
        drop(self.replicas.stop_opening());
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
