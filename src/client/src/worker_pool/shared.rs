//! A worker pool's machine on a runtime: tasks process records, tell it how they ended, and start
//! what it says next.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use kt_protocol::types::{Millis, TopicPartition};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::{Duration, Instant};

use super::effect::{Commit, Effect, Offered, Outcome, Refused, Report, WorkId};
use super::machine::Machine;
use super::owned_record::OwnedRecord;
use crate::duration::{after, millis};
use crate::panic::caught;

/// Processes one record.
pub(super) type Handler = dyn Fn(OwnedRecord) -> Processing + Send + Sync;

/// A record that is processed; the error is the reason why it could not be.
pub(super) type Processing = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

/// Hears of tries that failed.
pub(super) type OnReport = dyn Fn(&Report) + Send + Sync;

/// What the pool, its handles and its tasks share.
pub(super) struct Shared {
    state: Mutex<State>,
    handler: Box<Handler>,
    on_report: Box<OnReport>,
    started: Instant,
    /// For who polls: there is room, or the pool has stopped.
    pub(super) attention: Notify,
    /// For who gives partitions away: one is released.
    released: Notify,
    /// For the timer: the earliest deadline may be another.
    deadline: Notify,
}

struct State {
    machine: Machine<OwnedRecord>,
    tasks: BTreeMap<WorkId, AbortHandle>,
    /// Partitions that were told to pause or to resume since the last look.
    paused: BTreeSet<TopicPartition>,
    resumed: BTreeSet<TopicPartition>,
    /// Partitions that were released, with their last commits, until they are assigned again.
    released: BTreeMap<TopicPartition, Option<Commit>>,
    is_closed: bool,
}

/// Which partitions are to be polled otherwise than before.
#[derive(Debug, Default)]
pub(super) struct Flow {
    pub(super) paused: BTreeSet<TopicPartition>,
    pub(super) resumed: BTreeSet<TopicPartition>,
}

impl Shared {
    pub(super) fn new(
        machine: Machine<OwnedRecord>,
        handler: Box<Handler>,
        on_report: Box<OnReport>,
    ) -> Shared {
        Shared {
            state: Mutex::new(State {
                machine,
                tasks: BTreeMap::new(),
                paused: BTreeSet::new(),
                resumed: BTreeSet::new(),
                released: BTreeMap::new(),
                is_closed: false,
            }),
            handler,
            on_report,
            started: Instant::now(),
            attention: Notify::new(),
            released: Notify::new(),
            deadline: Notify::new(),
        }
    }

    fn now(&self) -> Millis {
        Millis(millis(self.started.elapsed()))
    }

    /// Asks the machine and does what it says.
    pub(super) fn with<T>(
        self: &Arc<Self>,
        ask: impl FnOnce(&mut Machine<OwnedRecord>, Millis, &mut Vec<Effect<OwnedRecord>>) -> T,
    ) -> T {
        let mut effects = Vec::new();
        let mut reports = Vec::new();
        let mut state = self.state.lock();
        let deadline = state.machine.next_deadline();
        let answer = ask(&mut state.machine, self.now(), &mut effects);
        for effect in effects {
            if let Some(report) = self.perform(&mut state, effect) {
                reports.push(report);
            }
        }
        if state.machine.stopped().is_some() {
            self.attention.notify_one();
        }
        if state.machine.next_deadline() != deadline {
            self.deadline.notify_one();
        }
        drop(state);
        for report in reports {
            self.report(&report);
        }
        answer
    }

    fn perform(self: &Arc<Self>, state: &mut State, effect: Effect<OwnedRecord>) -> Option<Report> {
        match effect {
            Effect::Start { work, record } if !state.is_closed => {
                let task = tokio::spawn(process(Arc::clone(self), work, record));
                state.tasks.insert(work, task.abort_handle());
            }
            Effect::Start { .. } => {}
            Effect::Abandon(work) => {
                if let Some(task) = state.tasks.remove(&work) {
                    task.abort();
                }
            }
            Effect::Pause(partition) => {
                state.resumed.remove(&partition);
                state.paused.insert(partition);
                self.attention.notify_one();
            }
            Effect::Resume(partition) => {
                state.paused.remove(&partition);
                state.resumed.insert(partition);
                self.attention.notify_one();
            }
            Effect::Released { partition, commit } => {
                state.released.insert(partition, commit);
                self.released.notify_waiters();
            }
            Effect::Report(report) => return Some(report),
        }
        None
    }

    /// Offers a record to the machine.
    pub(super) fn offer(
        self: &Arc<Self>,
        partition: &TopicPartition,
        record: OwnedRecord,
    ) -> Result<(), Refused<OwnedRecord>> {
        let offered = Offered {
            offset: record.offset,
            leader_epoch: record.leader_epoch,
            key: record.key.clone(),
            bytes: record.bytes(),
            record,
        };
        self.with(|machine, now, effects| {
            let answer = machine.offer(partition, offered, effects);
            machine.poll(now, effects);
            answer
        })
    }

    /// What changed since the last look.
    pub(super) fn take_flow(&self) -> Flow {
        let mut state = self.state.lock();
        let state = &mut *state;
        Flow {
            paused: std::mem::take(&mut state.paused),
            resumed: std::mem::take(&mut state.resumed),
        }
    }

    /// Tells whoever listens.
    pub(super) fn report(&self, report: &Report) {
        (self.on_report)(report);
    }

    /// Looks at the machine.
    pub(super) fn look<T>(&self, ask: impl FnOnce(&Machine<OwnedRecord>) -> T) -> T {
        ask(&self.state.lock().machine)
    }

    /// Gives partitions away: waits until nothing of them is under way. Gives what may be committed.
    pub(super) async fn revoke(self: &Arc<Self>, partitions: &[TopicPartition]) -> Vec<Commit> {
        self.with(|machine, now, effects| {
            for partition in partitions {
                machine.revoke(now, partition, effects);
            }
        });
        let mut left: BTreeSet<&TopicPartition> = partitions.iter().collect();
        let mut commits = Vec::new();
        loop {
            let released = self.released.notified();
            tokio::pin!(released);
            // From here on word of a release is not missed.
            released.as_mut().enable();
            {
                let state = self.state.lock();
                left.retain(|partition| match state.released.get(*partition) {
                    // It stays until the partition comes again: the commit may not come about.
                    Some(commit) => {
                        commits.extend(commit.clone());
                        false
                    }
                    // One that was never assigned is not released either.
                    None => state.machine.is_known(partition),
                });
                if left.is_empty() || state.is_closed {
                    return commits;
                }
            }
            released.await;
        }
    }

    /// A partition has come again.
    pub(super) fn forget_release(&self, partition: &TopicPartition) {
        self.state.lock().released.remove(partition);
    }

    /// Runs until the pool is closed: wakes the machine at its deadlines.
    pub(super) async fn keep_time(self: Arc<Self>) {
        loop {
            let deadline = self.look(Machine::next_deadline);
            tokio::select! {
                () = self.sleep_until(deadline) => {
                    self.with(|machine, now, effects| machine.poll(now, effects));
                }
                () = self.deadline.notified() => {}
            }
        }
    }

    async fn sleep_until(&self, deadline: Option<Millis>) {
        match deadline {
            // A millisecond that has only begun is not over.
            Some(Millis(ms)) => {
                let at = after(self.started, Duration::from_millis(ms));
                tokio::time::sleep_until(at).await;
            }
            None => std::future::pending().await,
        }
    }

    /// Stops everything that is under way, for good.
    pub(super) fn close(&self) {
        let mut state = self.state.lock();
        state.is_closed = true;
        for task in std::mem::take(&mut state.tasks).into_values() {
            task.abort();
        }
        self.released.notify_waiters();
    }

    fn finish(self: &Arc<Self>, work: WorkId, outcome: Outcome) {
        self.state.lock().tasks.remove(&work);
        self.with(|machine, now, effects| machine.finish(now, work, outcome, effects));
    }
}

async fn process(shared: Arc<Shared>, work: WorkId, record: OwnedRecord) {
    // What the handler does before its first await may panic too.
    let processed = caught(async { (shared.handler)(record).await }).await;
    let outcome = match processed {
        Ok(Ok(())) => Outcome::Done,
        Ok(Err(reason)) => Outcome::Failed(reason),
        Err(words) => Outcome::Failed(format!("panicked: {words}")),
    };
    shared.finish(work, outcome);
}
