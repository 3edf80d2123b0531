//! A member of a group: membership and commits, a fetcher, and a caller that polls, processes what
//! it is given until the next poll, commits, is too slow now and then, and leaves.

mod begin;
mod events;
mod role;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kt_client::consumer::group::InternalTopics;
use kt_client::consumer::group::commits::{CommitId, CommitsConfig, Offsets};
use kt_client::consumer::group::machine::GroupMachine;
use kt_client::consumer::group::membership::MembershipConfig;
use kt_client::consumer::group::request::{Effect, GroupRequest, InVersion, Recipient, RequestId};
use kt_core::random::Random;
use kt_protocol::ApiKey;
use kt_protocol::messages::OffsetCommitRequest;
use kt_protocol::types::{Millis, Now, Offset, TopicPartition};

use super::cluster::{self, GROUPS, REQUEST_TIMEOUT_MS};
use super::program::{Answer, Asked, Desk, Lane, Program};
use super::reading::{BACKOFF, METADATA_VERSION, Reading};
use crate::client_history::{ClientSeen, Life, Place};
use role::Committing;
pub(super) use role::MemberRole;

/// `session.timeout.ms`, `heartbeat.interval.ms`, `max.poll.interval.ms`
const SESSION_TIMEOUT_MS: u64 = 1_000;
const HEARTBEAT_MS: u64 = 250;
const MAX_POLL_INTERVAL_MS: u64 = 1_200;
/// How long a caller processes what it was given, when that takes long.
const SLOW_MS: std::ops::Range<usize> = 100..2_500;
/// How long it waits for a commit.
const COMMIT_TIMEOUT: Duration = Duration::from_millis(900);

/// What a caller waits for inside of a call.
#[derive(Clone, Debug)]
enum Waits {
    /// For nothing.
    No,
    /// For a commit that it asked for.
    Commit(CommitId),
    /// For what may still be committed of these, which it then gives back.
    GivesBack(BTreeSet<TopicPartition>, CommitId),
    /// For the offsets at which to begin with these.
    Begins(BTreeSet<TopicPartition>, Begins),
    /// For the last commit, and then it leaves.
    Parts(CommitId),
    /// For the coordinator to hear that it has left.
    Left,
}

/// Whether the coordinator was asked for offsets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Begins {
    Asks,
    HasAsked,
}

/// See the module's text.
#[derive(Debug)]
pub(super) struct Member {
    machine: GroupMachine,
    reading: Reading,
    role: MemberRole,
    life: Life,
    waits: Waits,
    /// The offsets behind what it has processed.
    processed: BTreeMap<TopicPartition, Offset>,
    /// What it last asked to commit.
    asked_to_commit: Offsets,
    /// It processes what it was given, until then.
    busy_until: u64,
    has_begun: bool,
    is_calm: bool,
    is_over: bool,
}

impl Member {
    pub(super) fn new(role: &MemberRole, life: Life, seed: u64) -> Result<Member, String> {
        let membership = MembershipConfig {
            group_id: GROUPS[role.group].to_owned(),
            instance_id: role.instance_id.clone(),
            session_timeout: Duration::from_millis(SESSION_TIMEOUT_MS),
            heartbeat_interval: Duration::from_millis(HEARTBEAT_MS),
            max_poll_interval: Duration::from_millis(MAX_POLL_INTERVAL_MS),
            assignors: role.assignors.clone(),
            rack: None,
            internal_topics: InternalTopics::Excluded,
            metadata_max_age: Duration::from_secs(2),
            request_timeout: Duration::from_millis(REQUEST_TIMEOUT_MS),
            timeout: Duration::from_secs(3),
            backoff: BACKOFF,
        };
        let interval = Duration::from_millis(100);
        let commits = CommitsConfig {
            auto_commit_interval: (role.committing == Committing::Auto).then_some(interval),
            request_timeout: Duration::from_millis(REQUEST_TIMEOUT_MS),
            timeout: Duration::from_secs(3),
            backoff: BACKOFF,
        };
        let machine = GroupMachine::new(membership, commits, seed).map_err(|it| it.to_string())?;
        Ok(Member {
            machine,
            reading: Reading::new(&role.reading, life, seed),
            role: role.clone(),
            life,
            waits: Waits::No,
            processed: BTreeMap::new(),
            asked_to_commit: Offsets::new(),
            busy_until: 0,
            has_begun: false,
            is_calm: false,
            is_over: false,
        })
    }

    /// The caller has processed all that it was given.
    fn process(&mut self, desk: &mut Desk) -> Result<(), String> {
        for (partition, offset) in &self.reading.given {
            let place = cluster::place(partition)?;
            let (group, life) = (self.role.group, self.life);
            desk.see(ClientSeen::Processed { group, life, place, up_to: offset.0 });
        }
        self.processed.clone_from(&self.reading.given);
        let processed = self.processed.iter().map(|(it, offset)| (it.clone(), (*offset).into()));
        self.machine.commits_mut().note_processed(processed);
        Ok(())
    }

    fn processed(&self) -> Offsets {
        let read = |it: &(&TopicPartition, &Offset)| self.reading.given.contains_key(it.0);
        let processed = self.processed.iter().filter(read);
        processed.map(|(partition, offset)| (partition.clone(), (*offset).into())).collect()
    }

    /// A call of the library's poll, or of something else.
    fn call(
        &mut self,
        now: Now,
        random: &mut Random,
        effects: &mut Vec<Effect>,
        desk: &mut Desk,
    ) -> Result<(), String> {
        self.process(desk)?;
        let chance = random.below(100);
        match chance {
            0 if !self.is_calm => {
                desk.note("closes");
                let (last, timeout) = (self.last_commit(), COMMIT_TIMEOUT);
                let id = self.machine.commit_sync(now.monotonic, last, timeout, effects);
                self.waits = Waits::Parts(id);
                return Ok(());
            }
            1..3 if !self.is_calm => {
                let ms = SLOW_MS.start + random.below(SLOW_MS.len());
                self.busy_until = now.monotonic.0 + ms as u64;
            }
            3..30 if self.role.committing == Committing::Async && self.has_news() => {
                let offsets = self.processed();
                self.asked_to_commit = offsets.clone();
                self.machine.commit_async(now.monotonic, offsets, effects);
            }
            3..30 if self.role.committing == Committing::Sync && self.has_news() => {
                let (offsets, timeout) = (self.processed(), COMMIT_TIMEOUT);
                self.asked_to_commit = offsets.clone();
                let id = self.machine.commit_sync(now.monotonic, offsets, timeout, effects);
                self.waits = Waits::Commit(id);
                return Ok(());
            }
            _ => {}
        }
        self.machine.on_poll(now.monotonic, effects);
        self.look_at_events(now, effects, desk)?;
        match self.waits {
            Waits::No => self.reading.give(now, self.role.records_max, desk),
            _ => Ok(()),
        }
    }

    /// Whether there is anything to commit that it has not asked for.
    fn has_news(&self) -> bool {
        self.processed() != self.asked_to_commit
    }

    /// What is committed when partitions are given back or the member leaves.
    fn last_commit(&self) -> Offsets {
        match self.role.committing {
            Committing::Auto => self.machine.commits().uncommitted(),
            Committing::Async | Committing::Sync => self.processed(),
        }
    }

    /// Does what the machines want done.
    fn perform(&mut self, now: Now, desk: &mut Desk, effects: Vec<Effect>) -> Result<(), String> {
        let mut effects = effects;
        self.look_at_commits(now, &mut effects, desk)?;
        for effect in effects {
            match effect {
                Effect::Send { id, to, request, within } => {
                    let within = u64::try_from(within.as_millis()).unwrap_or(u64::MAX);
                    self.send(id, to, request, within, desk)?;
                }
                Effect::Metadata { id, topics } => {
                    let asked = Asked {
                        api: ApiKey::Metadata,
                        version: METADATA_VERSION,
                        id: of_group(id),
                    };
                    let names: Option<Vec<String>> = topics.map(|it| it.into_iter().collect());
                    let mut request = cluster::metadata_request(names.as_deref().unwrap_or(&[]));
                    if names.is_none() {
                        request.topics = None;
                    }
                    desk.ask(Lane::Calls, asked, &request, REQUEST_TIMEOUT_MS);
                }
            }
        }
        Ok(())
    }

    fn send(
        &self,
        id: RequestId,
        to: Recipient,
        request: GroupRequest,
        within: u64,
        desk: &mut Desk,
    ) -> Result<(), String> {
        let lane = if to == Recipient::Any { Lane::Calls } else { Lane::Group };
        let id = of_group(id);
        let asked = |api, new, old| Asked { api, version: self.role.version(new, old), id };
        match request {
            GroupRequest::FindCoordinator(it) => {
                ask(lane, asked(ApiKey::FindCoordinator, 6, 3), it, within, desk);
            }
            GroupRequest::JoinGroup(it) => {
                desk.note(format_args!("joins as {:?}: {:?}", it.member_id, it.reason));
                ask(lane, asked(ApiKey::JoinGroup, 9, 5), it, within, desk);
            }
            GroupRequest::SyncGroup(it) => {
                let given: Vec<(&String, usize)> =
                    it.assignments.iter().map(|it| (&it.member_id, it.assignment.len())).collect();
                desk.note(format_args!("syncs in {}: {given:?}", it.generation_id));
                ask(lane, asked(ApiKey::SyncGroup, 5, 3), it, within, desk);
            }
            GroupRequest::Heartbeat(it) => {
                ask(lane, asked(ApiKey::Heartbeat, 4, 3), it, within, desk);
            }
            GroupRequest::LeaveGroup(it) => {
                ask(lane, asked(ApiKey::LeaveGroup, 5, 2), it, within, desk);
            }
            GroupRequest::OffsetCommit(it) => {
                self.note_commit(&it, desk)?;
                ask(lane, asked(ApiKey::OffsetCommit, 9, 7), it, within, desk);
            }
        }
        Ok(())
    }

    fn note_commit(&self, request: &OffsetCommitRequest, desk: &mut Desk) -> Result<(), String> {
        let (group, life) = (self.role.group, self.life);
        for topic in &request.topics {
            for it in &topic.partitions {
                let partition = TopicPartition::new(topic.name.clone(), it.partition_index);
                let (place, offset) = (cluster::place(&partition)?, it.committed_offset);
                desk.see(ClientSeen::CommitAsked { group, life, place, offset });
            }
        }
        Ok(())
    }
}

/// Numbers of a group's requests are apart from those of the fetcher's.
const OF_GROUP: u64 = 1 << 62;

fn of_group(id: RequestId) -> u64 {
    id.0 | OF_GROUP
}

fn ask<M: kt_protocol::codec::Message + InVersion>(
    lane: Lane,
    asked: Asked,
    mut request: M,
    within: u64,
    desk: &mut Desk,
) {
    request.in_version(asked.version);
    desk.ask(lane, asked, &request, within);
}

impl Program for Member {
    fn act(&mut self, now: Now, random: &mut Random, desk: &mut Desk) -> Result<(), String> {
        let mut effects = Vec::new();
        if !self.has_begun {
            self.has_begun = true;
            self.machine.subscribe(self.role.subscription()?);
        }
        if self.busy_until <= now.monotonic.0 {
            match &self.waits {
                Waits::No => self.call(now, random, &mut effects, desk)?,
                Waits::Begins(_, Begins::Asks) => self.ask_for_offsets(desk),
                _ => {}
            }
        }
        self.perform(now, desk, effects)
    }

    fn wake(&mut self, now: Now, desk: &mut Desk) -> Result<(), String> {
        let mut effects = Vec::new();
        self.machine.poll(now.monotonic, &mut effects);
        self.perform(now, desk, effects)?;
        self.reading.poll(now, desk)
    }

    fn hear(
        &mut self,
        now: Now,
        asked: Asked,
        answer: Answer,
        desk: &mut Desk,
    ) -> Result<(), String> {
        if asked.api == ApiKey::OffsetFetch {
            let mut effects = Vec::new();
            self.on_offsets(now, asked, answer, &mut effects, desk)?;
            return self.perform(now, desk, effects);
        }
        if asked.id & OF_GROUP == 0 {
            return self.reading.hear(now, asked, answer, desk);
        }
        let mut effects = Vec::new();
        self.on_group_answer(now.monotonic, asked, answer, &mut effects, desk)?;
        self.perform(now, desk, effects)
    }

    fn next_deadline(&self) -> Option<u64> {
        let of_group = self.machine.next_deadline().map(|Millis(at)| at);
        [of_group, self.reading.next_deadline()].into_iter().flatten().min()
    }

    fn calm_down(&mut self) {
        self.is_calm = true;
        self.busy_until = 0;
    }

    fn is_done(&self, ends: Option<&[i64]>) -> bool {
        let Some(ends) = ends else { return false };
        let is_read = |partition: &TopicPartition| {
            let end = cluster::place(partition).ok().and_then(|it| ends.get(it.0));
            let processed = self.processed.get(partition);
            end.is_some_and(|end| processed.is_some_and(|it| *end <= it.0))
        };
        matches!(self.waits, Waits::No)
            && !self.machine.membership().is_rebalancing()
            && self.reading.given.keys().all(is_read)
            && self.machine.commits().is_idle()
            && self.machine.commits().uncommitted().is_empty()
    }

    fn shares(&self) -> Option<(usize, Vec<Place>)> {
        let places = self.reading.given.keys().filter_map(|it| cluster::place(it).ok());
        Some((self.role.group, places.collect()))
    }

    fn is_over(&self) -> bool {
        self.is_over
    }
}
