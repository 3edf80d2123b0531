//! The task that performs what a [`GroupMachine`] wants, over a [`Client`], and brings it the
//! answers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use kt_protocol::messages::{FindCoordinatorRequest, OffsetCommitRequest};
use kt_protocol::types::{Millis, NodeId};
use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use super::commits::{CommitId, Committed, OffsetCommitCallback, Offsets};
use super::machine::GroupMachine;
use super::request::{Effect, GroupRequest, GroupResponse, InVersion, Recipient, RequestId};
use super::subscription::{KnownTopic, KnownTopics};
use crate::client::{Client, Limit, Target};
use crate::connection::{Connection, Wanted};
use crate::consumer::panic_guard::guarded;
use crate::duration::millis;
use crate::error::Error;
use crate::metadata::{Broker, Metadata, Topic, TopicErrors};
use crate::pool::Lane;
use crate::request::Request;

/// Version 10 names topics by ids, which a deleted and recreated topic does not keep.
const COMMIT_BY_NAME: (i16, i16) = (2, 9);

/// What the caller's side and the task share.
pub(super) struct Shared {
    state: Mutex<State>,
    /// Something changed that the task must look at.
    work: Notify,
    /// Something happened that a caller may wait for.
    pub(super) changed: Notify,
    started: Instant,
    pub(super) lane: Lane,
}

struct State {
    machine: GroupMachine,
    effects: Vec<Effect>,
    waiting: BTreeMap<CommitId, oneshot::Sender<Committed>>,
    callbacks: BTreeMap<CommitId, OffsetCommitCallback>,
    /// Callbacks whose commits are done: called in the caller's own calls.
    due: Vec<(OffsetCommitCallback, Committed)>,
    /// Commits that have ended, until the caller's own calls tell of them.
    ended: Ended,
    audience: Audience,
    /// When the task looks again by itself; `None` if it does not.
    wakes_at: Option<Millis>,
}

/// What others than those who asked for it want to know of commits.
#[derive(Default)]
pub(super) struct Ended {
    /// What was committed, in the order of the commits.
    pub(super) committed: Vec<Offsets>,
    /// Why auto commits failed, which nobody waits for.
    pub(super) failed: Vec<Error>,
}

/// Who hears of commits that succeed, besides those who asked for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Audience {
    Nobody,
    Interceptors,
}

/// What a caller may wait for.
#[derive(PartialEq)]
struct Seen {
    coordinator: Option<NodeId>,
    is_idle: bool,
    is_leaving: bool,
    due: usize,
}

/// What came of an effect.
enum Answer {
    Response(RequestId, Result<GroupResponse, Error>),
    Topics(RequestId, Result<(KnownTopics, TopicErrors), Error>),
}

impl Shared {
    pub(super) fn new(machine: GroupMachine, lane: u64, audience: Audience) -> Shared {
        let state = State {
            machine,
            effects: Vec::new(),
            waiting: BTreeMap::new(),
            callbacks: BTreeMap::new(),
            due: Vec::new(),
            ended: Ended::default(),
            audience,
            wakes_at: None,
        };
        Shared {
            state: Mutex::new(state),
            work: Notify::new(),
            changed: Notify::new(),
            started: Instant::now(),
            lane: Lane::Group(lane),
        }
    }

    fn now(&self) -> Millis {
        // Zero would mean that nothing was heard of a coordinator yet.
        Millis(millis(self.started.elapsed()).max(1))
    }

    /// Changes the machine. What it wants done is done by the task.
    pub(super) fn with<T>(
        &self,
        change: impl FnOnce(&mut GroupMachine, Millis, &mut Vec<Effect>) -> T,
    ) -> T {
        self.change(|state, now| change(&mut state.machine, now, &mut state.effects))
    }

    fn change<T>(&self, change: impl FnOnce(&mut State, Millis) -> T) -> T {
        let mut state = self.state.lock();
        let before = state.seen();
        let result = change(&mut state, self.now());
        state.hand_out();
        let is_news = before != state.seen() || state.machine.wants_something();
        let has_work = state.has_work();
        drop(state);
        if is_news {
            self.changed.notify_waiters();
        }
        // A poll for each few records must not cost a turn of the task.
        if has_work {
            self.work.notify_one();
        }
        result
    }

    /// Looks at the machine.
    pub(super) fn look<T>(&self, look: impl FnOnce(&GroupMachine) -> T) -> T {
        look(&self.state.lock().machine)
    }

    /// Waits until the machine has it.
    pub(super) async fn until<T>(&self, mut has: impl FnMut(&GroupMachine) -> Option<T>) -> T {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            if let Some(found) = self.look(&mut has) {
                return found;
            }
            changed.await;
        }
    }

    /// Commits; the receiver hears what became of it. One that was dropped has not asked for another
    /// commit than the next that asks for the same.
    pub(super) fn commit(
        &self,
        offsets: Offsets,
        timeout: Duration,
    ) -> oneshot::Receiver<Committed> {
        let (sender, receiver) = oneshot::channel();
        self.change(|State { machine, effects, waiting, .. }, now| {
            let is_given_up = |id| waiting.get(&id).is_some_and(oneshot::Sender::is_closed);
            let id = machine
                .take_up_commit(now, &offsets, timeout, is_given_up)
                .unwrap_or_else(|| machine.commit_sync(now, offsets, timeout, effects));
            waiting.insert(id, sender);
        });
        receiver
    }

    /// Commits; the callback is due when that is done.
    pub(super) fn commit_then(
        &self,
        ask: impl FnOnce(&mut GroupMachine, Millis, &mut Vec<Effect>) -> CommitId,
        callback: OffsetCommitCallback,
    ) {
        self.change(|state, now| {
            let id = ask(&mut state.machine, now, &mut state.effects);
            state.callbacks.insert(id, callback);
        });
    }

    /// Calls the callbacks whose commits are done, in the order of the commits.
    pub(super) fn call_back(&self) {
        let due = std::mem::take(&mut self.state.lock().due);
        for (callback, committed) in due {
            callback(&committed.offsets, committed.result);
        }
    }

    /// The commits that have ended since the last call.
    pub(super) fn take_ended(&self) -> Ended {
        std::mem::take(&mut self.state.lock().ended)
    }
}

impl State {
    fn seen(&self) -> Seen {
        let membership = self.machine.membership();
        Seen {
            coordinator: membership.coordinator(),
            is_idle: self.machine.commits().is_idle(),
            is_leaving: membership.is_leaving(),
            due: self.due.len(),
        }
    }

    /// True if the task would sleep over something.
    fn has_work(&self) -> bool {
        let deadline = self.machine.next_deadline();
        let is_earlier = match (deadline, self.wakes_at) {
            (Some(deadline), Some(wakes_at)) => deadline < wakes_at,
            (deadline, None) => deadline.is_some(),
            (None, Some(_)) => false,
        };
        is_earlier || !self.effects.is_empty()
    }

    /// Says what became of commits to those who wait for it.
    fn hand_out(&mut self) {
        for committed in self.machine.take_done() {
            match &committed.result {
                Ok(()) if committed.offsets.is_empty() || self.audience == Audience::Nobody => {}
                Ok(()) => self.ended.committed.push(committed.offsets.clone()),
                Err(error) if committed.is_auto => self.ended.failed.push(error.clone()),
                Err(_) => {}
            }
            if let Some(sender) = self.waiting.remove(&committed.id) {
                // Who does not wait any more does not want to know.
                let _ = sender.send(committed);
            } else if let Some(callback) = self.callbacks.remove(&committed.id) {
                self.due.push((callback, committed));
            }
        }
    }
}

/// Runs until the consumer is dropped.
pub(super) async fn run(client: Client, shared: Arc<Shared>) {
    let mut answers: JoinSet<Answer> = JoinSet::new();
    loop {
        let (effects, deadline) = shared.change(|state, now| {
            state.machine.poll(now, &mut state.effects);
            state.wakes_at = state.machine.next_deadline();
            (std::mem::take(&mut state.effects), state.wakes_at)
        });
        for effect in effects {
            perform(&client, shared.lane, effect, &mut answers);
        }
        let deadline = deadline.map(|at| shared.started + Duration::from_millis(at.0));
        tokio::select! {
            () = shared.work.notified() => {}
            Some(answer) = answers.join_next() => {
                // What panics answers too: a task is cancelled only with the runtime.
                if let Ok(answer) = answer {
                    take(&shared, answer);
                }
            }
            () = sleep_until(deadline) => {}
        }
    }
}

fn take(shared: &Shared, answer: Answer) {
    shared.change(|State { machine, effects, .. }, now| match answer {
        Answer::Response(id, answer) => machine.on_answer(now, id, answer, effects),
        Answer::Topics(id, answer) => {
            let answer = answer.map(|(known, refused)| {
                machine.on_refused_topics(&refused);
                known
            });
            machine.on_topics(now, id, answer, effects);
        }
    });
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

fn perform(client: &Client, lane: Lane, effect: Effect, answers: &mut JoinSet<Answer>) {
    let client = client.clone();
    match effect {
        Effect::Send { id, to, request, within } => {
            answers.spawn(async move {
                let asked = ask(&client, lane, to, request, within);
                let asked = guarded("asking the coordinator", asked);
                let limited = tokio::time::timeout(within, asked).await;
                let late = || Error::TimedOut {
                    operation: "asking the coordinator".to_owned(),
                    after: within,
                    last: None,
                };
                Answer::Response(id, limited.unwrap_or_else(|_| Err(late())))
            });
        }
        Effect::Metadata { id, topics } => {
            answers.spawn(async move {
                let asked = guarded("asking for topics", known_topics(&client, topics));
                Answer::Topics(id, asked.await)
            });
        }
    }
}

async fn ask(
    client: &Client,
    lane: Lane,
    to: Recipient,
    request: GroupRequest,
    within: Duration,
) -> Result<GroupResponse, Error> {
    let way = Way { client, lane, within };
    match request {
        GroupRequest::FindCoordinator(it) => {
            let wanted = Wanted::any::<FindCoordinatorRequest>();
            way.send(to, it, wanted).await.map(GroupResponse::FindCoordinator)
        }
        GroupRequest::JoinGroup(it) => way.send_any(to, it).await.map(GroupResponse::JoinGroup),
        GroupRequest::SyncGroup(it) => way.send_any(to, it).await.map(GroupResponse::SyncGroup),
        GroupRequest::Heartbeat(it) => way.send_any(to, it).await.map(GroupResponse::Heartbeat),
        GroupRequest::LeaveGroup(it) => way.send_any(to, it).await.map(GroupResponse::LeaveGroup),
        GroupRequest::OffsetCommit(it) => {
            let wanted = Wanted::between(COMMIT_BY_NAME.0, COMMIT_BY_NAME.1);
            way.send::<OffsetCommitRequest>(to, it, wanted).await.map(GroupResponse::OffsetCommit)
        }
    }
}

/// How requests of one consumer go.
struct Way<'a> {
    client: &'a Client,
    lane: Lane,
    within: Duration,
}

impl Way<'_> {
    async fn send_any<R: Request + InVersion>(
        &self,
        to: Recipient,
        request: R,
    ) -> Result<R::Response, Error> {
        self.send(to, request, Wanted::any::<R>()).await
    }

    async fn send<R: Request + InVersion>(
        &self,
        to: Recipient,
        mut request: R,
        wanted: Wanted,
    ) -> Result<R::Response, Error> {
        let (deadline, timeout) = (Instant::now() + self.within, self.within);
        let limit = Limit { operation: R::NAME, deadline, timeout };
        let connection = match to {
            Recipient::Any => self.client.connection(Target::Any, Lane::Calls, limit).await?,
            Recipient::Node(node) => connect(self.client, node, self.lane, limit).await?,
        };
        let version = connection.version::<R>(wanted)?;
        request.in_version(version);
        connection.call(&request, version, self.within).await
    }
}

/// A connection to a coordinator, which is named by its number: its address is in the metadata, and
/// may be another one since it was asked for.
pub(super) async fn connect(
    client: &Client,
    node: NodeId,
    lane: Lane,
    limit: Limit,
) -> Result<Arc<Connection>, Error> {
    let address = || client.metadata().brokers.get(&node).map(Broker::address);
    let target = Target::Node(node);
    let Some(before) = address() else {
        client.refresh(Some(&[])).await?;
        return client.connection(target, lane, limit).await;
    };
    let error = match client.connection(target, lane, limit).await {
        Err(error @ (Error::Unreachable { .. } | Error::WrongListener { .. })) => error,
        result => return result,
    };
    // A member that reads nothing asks for no topics, so nobody else would find out.
    let refreshed = timeout_at(limit.deadline, client.refresh(Some(&[]))).await;
    if !matches!(refreshed, Ok(Ok(_))) || address().is_none_or(|it| it == before) {
        return Err(error);
    }
    client.connection(target, lane, limit).await
}

async fn known_topics(
    client: &Client,
    topics: Option<BTreeSet<String>>,
) -> Result<(KnownTopics, TopicErrors), Error> {
    let names: Option<Vec<String>> = topics.map(|it| it.into_iter().collect());
    let refused = client.refresh(names.as_deref()).await?;
    let metadata = client.metadata();
    let of_name = |name: &String| metadata.topics.get(name);
    let topics: Vec<&Topic> = match &names {
        Some(names) => names.iter().filter_map(of_name).collect(),
        None => metadata.topics.values().collect(),
    };
    let known = topics.into_iter().map(|it| (it.name.clone(), known(&metadata, it)));
    Ok((KnownTopics(known.collect()), refused))
}

fn known(metadata: &Metadata, topic: &Topic) -> KnownTopic {
    let rack = |id: &i32| metadata.brokers.get(&NodeId(*id))?.rack.clone();
    let racks = topic.partitions.iter().map(|it| it.replicas.iter().filter_map(rack).collect());
    KnownTopic { is_internal: topic.is_internal, partitions: racks.collect() }
}
