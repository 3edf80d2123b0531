//! One member of a classic group: finding the coordinator, joining, sharing out if it leads,
//! heartbeats, leaving. No clock and no socket: `now` is passed in, requests are effects.
//!
//! What changes in what the member reads comes out as [`Event`]s, one at a time. The caller does
//! what each says, calls its listener, and [`Membership::acknowledge`]s it; only then the member
//! joins again. So nothing is given back that is still read.

mod events;
mod heartbeat;
mod held_back;
mod join;
mod leave;
mod metadata;
mod sync;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use kt_protocol::messages::join_group_response::JoinGroupResponseMember;
use kt_protocol::types::{Millis, NodeId, TopicPartition};
use kt_protocol::{ApiKey, ErrorCode};

use super::super::assignor::{
    Assignor, GenerationId, LastAssignment, RebalanceProtocol, common_protocol,
};
use super::coordinator::{self, Coordinator, wait_ms};
use super::loss::LossCause;
use super::metrics::{MembershipCounts, RebalanceClock};
use super::request::{Effect, GroupRequest, GroupResponse, Recipient, RequestId, RequestIds};
use super::subscription::{InternalTopics, Subscription};
use crate::backoff::{Backoff, BackoffRange};
use crate::duration::millis;
use crate::error::Error;
use crate::random::Random;
pub use events::Event;

/// What a member is told before it joins.
#[derive(Clone, Debug)]
pub struct MembershipConfig {
    /// `group.id`
    pub group_id: String,
    /// `group.instance.id`, of a static member.
    pub instance_id: Option<String>,
    /// `session.timeout.ms`
    pub session_timeout: Duration,
    /// `heartbeat.interval.ms`
    pub heartbeat_interval: Duration,
    /// `max.poll.interval.ms`, which is also how long a rebalance may take.
    pub max_poll_interval: Duration,
    /// `partition.assignment.strategy`, the most wanted one first.
    pub assignors: Vec<Arc<dyn Assignor>>,
    /// `client.rack`
    pub rack: Option<String>,
    /// `exclude.internal.topics`
    pub internal_topics: InternalTopics,
    /// `metadata.max.age.ms`
    pub metadata_max_age: Duration,
    /// `request.timeout.ms`
    pub request_timeout: Duration,
    /// `default.api.timeout.ms`: after looking for the coordinator for so long, a poll says so.
    pub timeout: Duration,
    /// `retry.backoff.ms`, `retry.backoff.max.ms`
    pub backoff: BackoffRange,
}

/// Who the member is in its group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The coordinator's name for it; empty until it gave one.
    pub member_id: String,
    /// The generation that it takes part in; `None` if it takes part in none.
    pub generation: Option<GenerationId>,
}

/// Whether a member may commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It may, as this.
    Member(Identity),
    /// Not now, or not any more.
    Barred(LossCause),
}

/// What the member is doing.
#[derive(Clone, Debug)]
enum Phase {
    /// It takes part in nothing.
    Outside,
    /// JoinGroup is out.
    Joining(RequestId),
    /// It is in the next generation, and has to ask what it reads there.
    Joined(Role),
    /// SyncGroup is out.
    Syncing(RequestId),
    /// It reads what it was given.
    Stable,
}

/// What a member has to bring to SyncGroup.
#[derive(Clone, Debug)]
enum Role {
    /// Nothing.
    Follower,
    /// What each of these is to read, once it is known what topics there are.
    Leader(Vec<JoinGroupResponseMember>),
    /// Nothing: a static leader has come back and the group goes on as it was. It still watches
    /// the topics.
    ReturnedLeader,
}

/// One member.
#[derive(Debug)]
pub struct Membership {
    config: MembershipConfig,
    protocol: RebalanceProtocol,
    random: Random,
    ids: RequestIds,
    coordinator: Coordinator,
    /// True while somebody else needs the coordinator too.
    is_coordinator_wanted: bool,
    subscription: Option<Subscription>,
    phase: Phase,
    identity: Identity,
    /// The assignor that the group agreed on.
    assignor: String,
    /// The topics that were asked for in the last JoinGroup.
    joined_topics: BTreeSet<String>,
    /// Why it must join, if it must.
    rejoin: Option<String>,
    retry_at: Option<Millis>,
    backoff: Backoff,
    /// What it reads, as the caller was told.
    owned: BTreeSet<TopicPartition>,
    last: Option<LastAssignment>,
    events: VecDeque<events::Pending>,
    fatal: Option<Error>,
    loss: LossCause,
    heartbeat: heartbeat::Heartbeat,
    polls: heartbeat::Polls,
    topics: metadata::Watch,
    /// True while the caller gives everything back.
    is_parting: bool,
    leaving: Option<RequestId>,
    held_back: held_back::HeldBack,
    counts: MembershipCounts,
    rebalance: RebalanceClock,
}

impl Membership {
    /// A member of nothing. `seed` spreads retries.
    ///
    /// # Errors
    ///
    /// Fails if there is no assignor, or no protocol that all of them can.
    pub fn new(config: MembershipConfig, seed: u64) -> Result<Membership, Error> {
        let Some(protocol) = common_protocol(&config.assignors) else {
            let names: Vec<&str> = config.assignors.iter().map(|it| it.name()).collect();
            let names = names.join(", ");
            let reason =
                format!("partition.assignment.strategy={names}: no rebalance protocol in common");
            return Err(Error::Refused(reason));
        };
        Ok(Membership {
            protocol,
            random: Random::new(seed),
            ids: RequestIds::default(),
            coordinator: Coordinator::new(config.backoff),
            is_coordinator_wanted: false,
            subscription: None,
            phase: Phase::Outside,
            identity: Identity::default(),
            assignor: String::new(),
            joined_topics: BTreeSet::new(),
            rejoin: None,
            retry_at: None,
            backoff: Backoff::new(config.backoff),
            owned: BTreeSet::new(),
            last: None,
            events: VecDeque::new(),
            fatal: None,
            loss: LossCause::NotJoined,
            heartbeat: heartbeat::Heartbeat::default(),
            polls: heartbeat::Polls::default(),
            topics: metadata::Watch::default(),
            is_parting: false,
            leaving: None,
            held_back: held_back::HeldBack::default(),
            counts: MembershipCounts::default(),
            rebalance: RebalanceClock::default(),
            config,
        })
    }

    /// Wants to read; joins with the next poll, or again if it wanted something else before.
    pub fn subscribe(&mut self, subscription: Subscription) {
        self.topics.begin(subscription.is_pattern());
        self.subscription = Some(subscription);
        self.note_changed_topics();
    }

    /// The group's id, as it was told.
    pub fn group_id(&self) -> &str {
        &self.config.group_id
    }

    /// The member's own name, if it is a static one.
    pub fn instance_id(&self) -> Option<&str> {
        self.config.instance_id.as_deref()
    }

    /// Who it is.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// What it reads.
    pub fn owned(&self) -> &BTreeSet<TopicPartition> {
        &self.owned
    }

    /// Counts since the beginning.
    pub fn counts(&self) -> MembershipCounts {
        MembershipCounts { assigned: self.owned.len() as u64, ..self.counts }
    }

    /// True while it wants to read anything.
    pub fn is_subscribed(&self) -> bool {
        self.subscription.is_some()
    }

    /// True while it takes part in a rebalance, or waits for one.
    pub fn is_rebalancing(&self) -> bool {
        self.rejoin.is_some() || !matches!(self.phase, Phase::Stable) || !self.events.is_empty()
    }

    /// Whether it may commit.
    pub fn standing(&self, now: Millis) -> Standing {
        match self.phase {
            Phase::Stable => Standing::Member(self.identity.clone()),
            Phase::Outside => Standing::Barred(self.poll_loss(now).unwrap_or(self.loss)),
            Phase::Joining(_) | Phase::Joined(_) | Phase::Syncing(_) => {
                Standing::Barred(LossCause::Rebalancing)
            }
        }
    }

    /// The coordinator, if it is known.
    pub fn coordinator(&self) -> Option<NodeId> {
        self.coordinator.node
    }

    /// Keeps the coordinator known, also while nothing is subscribed.
    pub fn want_coordinator(&mut self, is_wanted: bool) {
        self.is_coordinator_wanted = is_wanted;
    }

    /// Shares out anew although nothing has changed.
    pub fn enforce_rebalance(&mut self, reason: &str) {
        self.must_join(reason);
    }

    /// Does what is due.
    pub fn poll(&mut self, now: Millis, effects: &mut Vec<Effect>) {
        self.check_poll_interval(now, effects);
        self.check_session(now);
        self.share_held_back(now);
        let wants_coordinator = self.subscription.is_some() && self.fatal.is_none();
        if (wants_coordinator || self.is_coordinator_wanted) && self.coordinator.is_due(now) {
            let id = self.ids.next();
            self.coordinator.asking = Some(id);
            let request = coordinator::question(&self.config.group_id);
            let request = GroupRequest::FindCoordinator(request);
            let within = self.config.request_timeout;
            effects.push(Effect::Send { id, to: Recipient::Any, request, within });
        }
        if !wants_coordinator {
            return;
        }
        self.ask_for_topics(now, effects);
        self.send_heartbeat(now, effects);
        self.join_if_due(now, effects);
        self.sync_if_due(now, effects);
    }

    /// When [`Membership::poll`] has something to do, if nothing else happens.
    pub fn next_deadline(&self) -> Option<Millis> {
        let wants_coordinator = self.subscription.is_some() && self.fatal.is_none();
        let of_group = [
            self.join_deadline(),
            self.heartbeat_deadline(),
            self.topics_deadline(),
            self.held_back_deadline(),
        ];
        let of_group = of_group.into_iter().flatten().filter(|_| wants_coordinator).min();
        let of_coordinator = self
            .coordinator
            .next_deadline()
            .filter(|_| wants_coordinator || self.is_coordinator_wanted);
        [of_group, of_coordinator, self.poll_deadline(), self.session_deadline()]
            .into_iter()
            .flatten()
            .min()
    }

    /// Takes an answer, or that there is none. Answers to what is given up are nothing.
    pub fn on_answer(
        &mut self,
        now: Millis,
        id: RequestId,
        answer: Result<GroupResponse, Error>,
        effects: &mut Vec<Effect>,
    ) {
        if self.coordinator.asking == Some(id) {
            self.on_coordinator(now, answer);
        } else if self.leaving == Some(id) {
            self.leaving = None;
        } else if self.heartbeat.asked.as_ref().is_some_and(|it| it.id == id) {
            self.on_heartbeat(now, answer);
        } else {
            match self.phase {
                Phase::Joining(asked) if asked == id => self.on_join(now, answer),
                Phase::Syncing(asked) if asked == id => self.on_sync(now, answer),
                _ => {}
            }
        }
        self.poll(now, effects);
    }

    /// The coordinator has answered somebody.
    pub fn on_coordinator_heard(&mut self) {
        self.coordinator.answered();
    }

    fn on_coordinator(&mut self, now: Millis, answer: Result<GroupResponse, Error>) {
        let found = answer.and_then(|it| match it {
            GroupResponse::FindCoordinator(it) => coordinator::answer(&self.config.group_id, it),
            _ => Err(Error::protocol(ApiKey::FindCoordinator, "another answer came")),
        });
        match found {
            Ok(node) => {
                self.coordinator.found(node);
                self.heartbeat.session_from = now;
            }
            Err(error) if is_final(&error) => {
                self.coordinator.lost(now, &mut self.random);
                self.fail(error);
            }
            Err(error) => {
                self.coordinator.lost(now, &mut self.random);
                self.complain_of_coordinator(now, error);
            }
        }
    }

    /// A coordinator that says of the group that it is not its coordinator is still looked for.
    fn note_answer(&mut self, code: ErrorCode) {
        let is_elsewhere =
            matches!(code, ErrorCode::NotCoordinator | ErrorCode::CoordinatorNotAvailable);
        if !is_elsewhere {
            self.coordinator.answered();
        }
    }

    fn complain_of_coordinator(&mut self, now: Millis, error: Error) {
        let after = self.config.timeout;
        let is_subscribed = self.subscription.is_some();
        if self.coordinator.is_missing_for(millis(after), now) && is_subscribed {
            let operation =
                format!("finding the coordinator of group \"{}\"", self.config.group_id);
            let last = Some(Box::new(error));
            self.emit(Event::Failed(Error::TimedOut { operation, after, last }));
        }
    }

    /// What a commit was answered tells of the group as well.
    pub fn on_commit_code(
        &mut self,
        now: Millis,
        code: ErrorCode,
        sent: Option<GenerationId>,
    ) -> LossCause {
        match code {
            ErrorCode::NotCoordinator
            | ErrorCode::CoordinatorNotAvailable
            | ErrorCode::RequestTimedOut => {
                self.coordinator.lost(now, &mut self.random);
                LossCause::Rebalancing
            }
            ErrorCode::RebalanceInProgress => {
                self.must_join("offset commit failed since group is already rebalancing");
                LossCause::Rebalancing
            }
            code if sent != self.identity.generation => match (code, &self.phase) {
                (ErrorCode::FencedInstanceId, _) => LossCause::Fenced,
                // Another answer was first to say so, and knew why.
                (_, Phase::Outside) => self.poll_loss(now).unwrap_or(self.loss),
                _ => LossCause::Rebalanced,
            },
            code => self.lose(now, ApiKey::OffsetCommit, code),
        }
    }

    /// The coordinator did not answer somebody: it is asked for anew.
    pub fn on_coordinator_gone(&mut self, now: Millis) {
        self.coordinator.lost(now, &mut self.random);
    }

    fn must_join(&mut self, reason: &str) {
        if self.subscription.is_some() {
            self.rejoin = Some(reason.to_owned());
        }
    }

    /// The coordinator does not know the member, or not in this generation.
    fn lose(&mut self, now: Millis, api: ApiKey, code: ErrorCode) -> LossCause {
        if code == ErrorCode::FencedInstanceId {
            return self.fenced();
        }
        let silent = Duration::from_millis(now - self.heartbeat.heard);
        let limit = self.config.session_timeout;
        let cause = match code {
            _ if limit < silent && self.heartbeat.heard != Millis(0) => {
                LossCause::Session { limit, by: silent - limit }
            }
            ErrorCode::IllegalGeneration => LossCause::Rebalanced,
            _ => LossCause::Removed,
        };
        // After ILLEGAL_GENERATION the member id may still be good.
        let keeps_id = code == ErrorCode::IllegalGeneration;
        self.reset(cause, keeps_id);
        let reason = format!("encountered {code} from {api} response");
        self.must_join(&reason);
        cause
    }

    /// Another member has its name. Joining again would only fence that one.
    fn fenced(&mut self) -> LossCause {
        let cause = LossCause::Fenced;
        self.fail(Error::GroupLost { group: self.config.group_id.clone(), cause });
        self.loss = cause;
        cause
    }

    /// Takes part in nothing any more. What it read is lost; the caller hears of it when the member
    /// is about to join again.
    fn reset(&mut self, cause: LossCause, keeps_id: bool) {
        let is_rebalancing = !matches!(self.phase, Phase::Outside | Phase::Stable);
        self.counts.failed_rebalances += u64::from(is_rebalancing);
        self.rebalance = RebalanceClock::default();
        self.phase = Phase::Outside;
        self.identity.generation = None;
        if !keeps_id {
            self.identity.member_id.clear();
        }
        self.loss = cause;
        self.heartbeat.asked = None;
        self.topics.shared = None;
        self.held_back = held_back::HeldBack::default();
        // What nobody has looked at yet has not happened.
        self.events.retain(|it| it.is_taken || matches!(it.event, Event::Failed(_)));
    }

    /// Nothing helps: every poll says so until the subscription ends.
    fn fail(&mut self, error: Error) {
        self.reset(self.loss, false);
        self.lose_owned();
        self.fatal = Some(error);
        self.rejoin = None;
    }

    /// Tries again after a while.
    fn retry(&mut self, now: Millis) {
        let wait = wait_ms(&mut self.backoff, &mut self.random);
        self.retry_at = Some(now + wait);
    }

    fn send(
        &mut self,
        request: GroupRequest,
        within: Duration,
        effects: &mut Vec<Effect>,
    ) -> Option<RequestId> {
        let node = self.coordinator.node?;
        let id = self.ids.next();
        effects.push(Effect::Send { id, to: Recipient::Node(node), request, within });
        Some(id)
    }
}

/// True of what no later try would change.
fn is_final(error: &Error) -> bool {
    !error.is_retriable() && !matches!(error, Error::TimedOut { .. })
}
