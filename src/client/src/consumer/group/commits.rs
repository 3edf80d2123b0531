//! Commits of one consumer, in the order in which they were asked for: one request at a time, so
//! that an older commit never overtakes a newer one. No clock and no socket.
//!
//! A synchronous commit is tried again until its time is up; an asynchronous one is tried once.
//! Auto commit covers what the caller was given in earlier polls: by polling again it says that it
//! is done with that. A commit belongs to the generation in which it was asked for, and is refused
//! in any other: what was revoked since is not its business any more.

mod answer;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use kt_protocol::messages::OffsetCommitRequest;
use kt_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kt_protocol::planted;
use kt_protocol::types::{LeaderEpoch, Millis, Offset, TopicPartition};

use super::coordinator::wait_ms;
use super::loss::LossCause;
use super::membership::{Identity, Membership, Standing};
use super::metrics::CommitCounts;
use super::request::{Effect, GroupRequest, Recipient, RequestId, RequestIds};
use crate::backoff::{Backoff, BackoffRange};
use crate::consumer::Position;
use crate::consumer::by_topic::by_topic;
use crate::duration::millis;
use crate::error::Error;
use crate::random::Random;

/// What is committed of a partition.
///
/// ```
/// use kt_client::consumer::group::OffsetAndMetadata;
/// use kt_protocol::types::Offset;
///
/// // The record at 41 is done: 42 is the next to read.
/// let commit = OffsetAndMetadata::from(Offset(42));
/// assert_eq!(commit.metadata, "");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffsetAndMetadata {
    /// The next offset to read.
    pub offset: Offset,
    /// The leader epoch of the last record read, if it is known.
    pub leader_epoch: Option<LeaderEpoch>,
    /// A note of the caller's; empty for none.
    pub metadata: String,
}

impl From<Offset> for OffsetAndMetadata {
    fn from(offset: Offset) -> OffsetAndMetadata {
        OffsetAndMetadata { offset, leader_epoch: None, metadata: String::new() }
    }
}

impl From<Position> for OffsetAndMetadata {
    fn from(position: Position) -> OffsetAndMetadata {
        let Position { offset, leader_epoch } = position;
        OffsetAndMetadata { offset, leader_epoch, metadata: String::new() }
    }
}

/// Hears what became of an asynchronous commit.
///
/// Shown at [`GroupConsumer::commit_async`](super::GroupConsumer::commit_async).
pub type OffsetCommitCallback = Box<dyn FnOnce(&Offsets, Result<(), Error>) + Send>;

/// What is committed, by partition.
///
/// Shown at [`GroupConsumer::commit`](super::GroupConsumer::commit).
pub type Offsets = BTreeMap<TopicPartition, OffsetAndMetadata>;

/// Which commit an outcome is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CommitId(u64);

/// What became of a commit.
#[derive(Clone, Debug)]
pub struct Committed {
    /// Which.
    pub id: CommitId,
    /// What was to be committed.
    pub offsets: Offsets,
    /// True of auto commits, which nobody waits for.
    pub is_auto: bool,
    /// Whether it is.
    pub result: Result<(), Error>,
}

/// What commits are told before they begin.
#[derive(Clone, Debug)]
pub struct CommitsConfig {
    /// `auto.commit.interval.ms`, if `enable.auto.commit` is.
    pub auto_commit_interval: Option<Duration>,
    /// `request.timeout.ms`
    pub request_timeout: Duration,
    /// `default.api.timeout.ms`: the longest that an asynchronous commit waits for a coordinator.
    pub timeout: Duration,
    /// `retry.backoff.ms`, `retry.backoff.max.ms`
    pub backoff: BackoffRange,
}

/// How a commit was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Sync,
    Async,
    Auto,
}

#[derive(Clone, Debug)]
struct Commit {
    id: CommitId,
    kind: Kind,
    offsets: Offsets,
    /// Who asked for it.
    identity: Identity,
    deadline: Millis,
    timeout: Duration,
    /// What the last try failed of.
    last: Option<Error>,
}

/// A request that is not answered.
#[derive(Debug)]
struct InFlight {
    id: RequestId,
    /// What it commits; none once its time is up and the caller has heard so.
    commit: Option<Commit>,
}

/// The commits of one consumer.
#[derive(Debug)]
pub struct Commits {
    config: CommitsConfig,
    random: Random,
    ids: RequestIds,
    next_commit: u64,
    queue: VecDeque<Commit>,
    in_flight: Option<InFlight>,
    retry_at: Option<Millis>,
    backoff: Backoff,
    done: Vec<Committed>,
    /// What the caller is done with.
    processed: Offsets,
    /// What the coordinator has of that.
    stored: BTreeMap<TopicPartition, Offset>,
    auto_at: Millis,
    counts: CommitCounts,
}

/// So many commits may wait when an asynchronous one is asked for. A caller that commits each record
/// while there is no coordinator does not use up the memory: a later commit covers the earlier ones.
const ASYNC_WAITING_MAX: usize = 1_000;

/// The ids of these requests are not those of the membership's.
const FIRST_REQUEST: u64 = 1 << 63;

impl Commits {
    /// Nothing to commit yet. `seed` spreads retries.
    pub fn new(config: CommitsConfig, seed: u64) -> Commits {
        Commits {
            random: Random::new(seed),
            ids: RequestIds::after(FIRST_REQUEST),
            next_commit: 0,
            queue: VecDeque::new(),
            in_flight: None,
            retry_at: None,
            backoff: Backoff::new(config.backoff),
            done: Vec::new(),
            processed: Offsets::new(),
            stored: BTreeMap::new(),
            auto_at: Millis(0),
            counts: CommitCounts::default(),
            config,
        }
    }

    /// Commits, trying again for `timeout`.
    pub fn commit_sync(
        &mut self,
        now: Millis,
        membership: &Membership,
        offsets: Offsets,
        timeout: Duration,
    ) -> CommitId {
        self.ask(now, membership, Kind::Sync, offsets, timeout)
    }

    /// The last commit that was asked for, if it is the same and nobody waits for it.
    pub(super) fn take_up(
        &mut self,
        now: Millis,
        membership: &Membership,
        offsets: &Offsets,
        timeout: Duration,
        is_given_up: impl Fn(CommitId) -> bool,
    ) -> Option<CommitId> {
        let in_flight = self.in_flight.as_mut().and_then(|it| it.commit.as_mut());
        let last = self.queue.back_mut().or(in_flight)?;
        let is_same = last.kind == Kind::Sync && last.offsets == *offsets;
        if !is_same || !is_given_up(last.id) || barred(now, membership, &last.identity).is_some() {
            return None;
        }
        last.deadline = now + millis(timeout);
        last.timeout = timeout;
        Some(last.id)
    }

    /// Commits, trying once.
    pub fn commit_async(
        &mut self,
        now: Millis,
        membership: &Membership,
        offsets: Offsets,
    ) -> CommitId {
        let timeout = self.config.timeout;
        self.ask(now, membership, Kind::Async, offsets, timeout)
    }

    /// The caller is done with everything before these offsets.
    pub fn note_processed(
        &mut self,
        offsets: impl IntoIterator<Item = (TopicPartition, OffsetAndMetadata)>,
    ) {
        self.processed.extend(offsets);
    }

    /// These partitions are read no more.
    pub fn forget<'a>(&mut self, gone: impl IntoIterator<Item = &'a TopicPartition>) {
        for it in gone {
            self.processed.remove(it);
            self.stored.remove(it);
        }
    }

    /// What auto commit has still to commit, if it is on.
    pub fn uncommitted(&self) -> Offsets {
        if self.config.auto_commit_interval.is_none() {
            return Offsets::new();
        }
        let is_new = |(it, offset): &(&TopicPartition, &OffsetAndMetadata)| {
            self.stored.get(*it) != Some(&offset.offset)
        };
        let new = self.processed.iter().filter(is_new);
        new.map(|(it, offset)| (it.clone(), offset.clone())).collect()
    }

    fn has_uncommitted(&self) -> bool {
        let is_new = |(it, offset): (&TopicPartition, &OffsetAndMetadata)| {
            self.stored.get(it) != Some(&offset.offset)
        };
        self.config.auto_commit_interval.is_some() && self.processed.iter().any(is_new)
    }

    /// True if a commit waits to be sent.
    pub(super) fn needs_coordinator(&self) -> bool {
        !self.queue.is_empty()
    }

    /// What has become of commits since the last call.
    pub fn take_done(&mut self) -> Vec<Committed> {
        std::mem::take(&mut self.done)
    }

    /// Counts since the beginning.
    pub fn counts(&self) -> CommitCounts {
        self.counts
    }

    /// True if no commit is on its way.
    pub fn is_idle(&self) -> bool {
        self.queue.is_empty() && self.in_flight.as_ref().is_none_or(|it| it.commit.is_none())
    }

    /// Does what is due.
    pub fn poll(&mut self, now: Millis, membership: &mut Membership, effects: &mut Vec<Effect>) {
        self.drop_late(now);
        self.begin_auto(now, membership);
        if self.in_flight.is_some() || self.retry_at.is_some_and(|at| now < at) {
            return;
        }
        self.retry_at = None;
        while let Some(commit) = self.queue.pop_front() {
            if let Some(cause) = barred(now, membership, &commit.identity) {
                self.finish(commit, Err(lost(membership, cause)));
                continue;
            }
            let Some(node) = membership.coordinator() else {
                self.queue.push_front(commit);
                return;
            };
            let id = self.ids.next();
            let request = GroupRequest::OffsetCommit(request(membership, &commit));
            let (to, within) = (Recipient::Node(node), self.config.request_timeout);
            effects.push(Effect::Send { id, to, request, within });
            self.counts.requests += 1;
            self.in_flight = Some(InFlight { id, commit: Some(commit) });
            return;
        }
    }

    /// When [`Commits::poll`] has something to do, if nothing else happens.
    pub fn next_deadline(&self) -> Option<Millis> {
        let in_flight = self.in_flight.as_ref().and_then(|it| it.commit.as_ref());
        let late = self.queue.iter().chain(in_flight).map(|it| it.deadline).min();
        let retry = self.retry_at.filter(|_| self.in_flight.is_none() && !self.queue.is_empty());
        let is_auto_due = self.has_uncommitted() && !self.has_auto();
        let auto = is_auto_due.then_some(self.auto_at);
        [late, retry, auto].into_iter().flatten().min()
    }

    fn ask(
        &mut self,
        now: Millis,
        membership: &Membership,
        kind: Kind,
        offsets: Offsets,
        timeout: Duration,
    ) -> CommitId {
        self.next_commit += 1;
        let id = CommitId(self.next_commit);
        let deadline = now + millis(timeout);
        let identity = Identity::default();
        let mut commit = Commit { id, kind, offsets, identity, deadline, timeout, last: None };
        if commit.offsets.is_empty() {
            self.finish(commit, Ok(()));
            return id;
        }
        match standing(now, membership) {
            Standing::Member(_) if kind == Kind::Async && ASYNC_WAITING_MAX <= self.queue.len() => {
                let group = membership.group_id();
                let full = format!("{ASYNC_WAITING_MAX} commits of group \"{group}\" wait already");
                self.finish(commit, Err(Error::Full(full)));
            }
            Standing::Member(identity) => {
                commit.identity = identity;
                self.queue.push_back(commit);
            }
            Standing::Barred(cause) => self.finish(commit, Err(lost(membership, cause))),
        }
        id
    }

    fn has_auto(&self) -> bool {
        let in_flight = self.in_flight.as_ref().and_then(|it| it.commit.as_ref());
        self.queue.iter().chain(in_flight).any(|it| it.kind == Kind::Auto)
    }

    fn begin_auto(&mut self, now: Millis, membership: &Membership) {
        let Some(interval) = self.config.auto_commit_interval else { return };
        if now < self.auto_at || self.has_auto() {
            return;
        }
        let offsets = self.uncommitted();
        self.auto_at = now + millis(interval);
        let may_commit = matches!(standing(now, membership), Standing::Member(_));
        if may_commit && !offsets.is_empty() {
            let timeout = self.config.timeout;
            self.ask(now, membership, Kind::Auto, offsets, timeout);
        }
    }

    /// Gives up what has waited for too long.
    fn drop_late(&mut self, now: Millis) {
        let (late, rest): (VecDeque<Commit>, VecDeque<Commit>) =
            self.queue.drain(..).partition(|it| it.deadline <= now);
        self.queue = rest;
        let is_late = |it: &InFlight| it.commit.as_ref().is_some_and(|it| it.deadline <= now);
        let in_flight = self.in_flight.as_mut().filter(|it| is_late(it));
        let in_flight = in_flight.and_then(|it| it.commit.take());
        for commit in in_flight.into_iter().chain(late) {
            let last = commit.last.clone().map(Box::new);
            let operation = "OffsetCommit".to_owned();
            let error = Error::TimedOut { operation, after: commit.timeout, last };
            self.finish(commit, Err(error));
        }
    }

    fn finish(&mut self, commit: Commit, result: Result<(), Error>) {
        let Commit { id, kind, offsets, .. } = commit;
        self.counts.stored += u64::from(result.is_ok());
        self.counts.failed += u64::from(result.is_err());
        if result.is_ok() {
            let stored = offsets.iter().map(|(it, offset)| (it.clone(), offset.offset));
            self.stored.extend(stored);
        }
        self.done.push(Committed { id, offsets, is_auto: kind == Kind::Auto, result });
    }

    fn try_again(&mut self, now: Millis, mut commit: Commit, error: Error) {
        commit.last = Some(error);
        self.retry_at = Some(now + wait_ms(&mut self.backoff, &mut self.random));
        self.queue.push_front(commit);
    }
}

/// Whether the consumer may commit. One that has not subscribed is no member and needs not be.
fn standing(now: Millis, membership: &Membership) -> Standing {
    match membership.is_subscribed() {
        true => membership.standing(now),
        false => Standing::Member(Identity::default()),
    }
}

/// Why a commit of then must not be sent now.
fn barred(now: Millis, membership: &Membership, asked_by: &Identity) -> Option<LossCause> {
    match standing(now, membership) {
        Standing::Member(it) if it == *asked_by => None,
        Standing::Member(_) => Some(LossCause::Rebalanced),
        Standing::Barred(cause) => Some(cause),
    }
}

fn lost(membership: &Membership, cause: LossCause) -> Error {
    Error::GroupLost { group: membership.group_id().to_owned(), cause }
}

fn request(membership: &Membership, commit: &Commit) -> OffsetCommitRequest {
    let parts = commit.offsets.iter().map(|(partition, offset)| {
        let part = OffsetCommitRequestPartition {
            partition_index: partition.partition.0,
            committed_offset: offset.offset.0 + i64::from(planted!("a commit goes too far")),
            committed_leader_epoch: offset.leader_epoch.unwrap_or(LeaderEpoch::UNKNOWN).0,
            committed_metadata: Some(offset.metadata.clone()),
        };
        (partition, part)
    });
    let topic = |(name, partitions)| OffsetCommitRequestTopic {
        name,
        partitions,
        ..OffsetCommitRequestTopic::default()
    };
    let topics = by_topic(parts).into_iter().map(topic).collect();
    let is_member = commit.identity.generation.is_some();
    OffsetCommitRequest {
        group_id: membership.group_id().to_owned(),
        generation_id_or_member_epoch: commit.identity.generation.map_or(-1, |it| it.0),
        member_id: commit.identity.member_id.clone(),
        group_instance_id: membership.instance_id().filter(|_| is_member).map(str::to_owned),
        topics,
        ..Default::default()
    }
}
