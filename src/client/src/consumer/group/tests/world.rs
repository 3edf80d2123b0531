//! A coordinator, a network and programs, on one clock.

use std::collections::BTreeMap;
use std::fmt::Write;

use kt_core::group::{Answer, Caller, GroupConfig, Outcome, Shard};
use kt_protocol::ErrorCode;
use kt_protocol::messages::find_coordinator_response::Coordinator;
use kt_protocol::messages::*;
use kt_protocol::types::{Millis, Now, Offset, ProducerId, Timestamp, TopicPartition};

use super::app::{App, Setup};
use crate::consumer::assignor::Racks;
use crate::consumer::group::request::{Effect, GroupRequest, GroupResponse, RequestId};
use crate::consumer::group::{KnownTopic, KnownTopics};
use crate::error::Error;

/// Who asked: a program, in which run, and its request.
type Token = (usize, u32, RequestId);

#[derive(Debug)]
enum Packet {
    Request(Token, GroupRequest),
    Answer(Token, Box<Result<GroupResponse, Error>>),
    Topics(Token),
}

pub(super) struct World {
    shard: Shard<Token>,
    records: i64,
    pub(super) now: Millis,
    pub(super) apps: Vec<App>,
    lives: Vec<u32>,
    packets: Vec<Packet>,
    pub(super) topics: BTreeMap<String, usize>,
    pub(super) committed: BTreeMap<TopicPartition, i64>,
    /// What commits said, so that an answer shows what is stored.
    asked: BTreeMap<Token, OffsetCommitRequest>,
    pub(super) is_moved: bool,
    pub(super) lines: String,
    names: BTreeMap<String, String>,
}

impl World {
    pub(super) fn new(topics: &[(&str, usize)]) -> World {
        let config = GroupConfig { initial_rebalance_delay_ms: 0, ..GroupConfig::default() };
        let mut world = World {
            shard: Shard::new(config, 1),
            records: 0,
            now: Millis(1_000),
            apps: Vec::new(),
            lives: Vec::new(),
            packets: Vec::new(),
            topics: topics.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect(),
            committed: BTreeMap::new(),
            asked: BTreeMap::new(),
            is_moved: false,
            lines: String::new(),
            names: BTreeMap::new(),
        };
        world.shard.loaded(world.wall());
        world
    }

    fn wall(&self) -> Now {
        Now { monotonic: self.now, wall: Timestamp(1_000_000 + self.now.0 as i64) }
    }

    pub(super) fn add(&mut self, name: &str, setup: Setup) -> usize {
        self.apps.push(App::new(name, setup, self.apps.len() as u64));
        self.lives.push(0);
        self.apps.len() - 1
    }

    /// The program ends without a word and is started again.
    pub(super) fn restart(&mut self, app: usize) {
        let setup = self.apps[app].setup.clone();
        let name = self.apps[app].name.clone();
        self.lives[app] += 1;
        self.apps[app] = App::new(&name, setup, 100 + u64::from(self.lives[app]));
    }

    /// Lets a program do something.
    pub(super) fn act(
        &mut self,
        app: usize,
        what: impl FnOnce(&mut App, Millis, &mut Vec<Effect>),
    ) {
        let mut effects = Vec::new();
        what(&mut self.apps[app], self.now, &mut effects);
        self.perform(app, effects);
    }

    /// The program begins what its member wants of it, if anything.
    pub(super) fn take(&mut self, app: usize) {
        if self.apps[app].taken.is_some() {
            return;
        }
        let mut effects = Vec::new();
        let line = self.apps[app].take(self.now, &self.committed, &mut effects);
        if let Some(line) = line {
            self.say(app, &line);
        }
        self.perform(app, effects);
    }

    pub(super) fn finish(&mut self, app: usize) {
        self.act(app, |app, now, effects| app.finish(now, effects));
    }

    /// One poll of a program, with all that it has to do.
    pub(super) fn poll(&mut self, app: usize) {
        self.act(app, |app, now, effects| app.poll(now, effects));
        for _ in 0..4 {
            self.take(app);
            self.finish(app);
        }
    }

    fn say(&mut self, app: usize, line: &str) {
        let name = &self.apps[app].name;
        writeln!(self.lines, "{:>7} {name} {line}", self.now.0 - 1_000).unwrap();
    }

    fn perform(&mut self, app: usize, effects: Vec<Effect>) {
        for effect in effects {
            let (id, packet) = match effect {
                Effect::Send { id, request, .. } => {
                    self.say_request(app, &request);
                    (id, Some(request))
                }
                Effect::Metadata { id, .. } => (id, None),
            };
            let token = (app, self.lives[app], id);
            self.packets.push(match packet {
                Some(request) => Packet::Request(token, request),
                None => Packet::Topics(token),
            });
        }
    }

    pub(super) fn has_packets(&self) -> bool {
        !self.packets.is_empty()
    }

    /// Delivers one packet; `at` chooses which. Packets of one program stay in order: they are of
    /// one connection.
    pub(super) fn deliver(&mut self, at: usize, is_lost: bool) {
        let Some(chosen) = at.checked_rem(self.packets.len()) else { return };
        let (app, _, _) = self.packets[chosen].token();
        let first = self.packets.iter().position(|it| it.token().0 == app).unwrap();
        let packet = self.packets.remove(first);
        let token = packet.token();
        if is_lost {
            let operation = "request".to_owned();
            let lost = Error::Disconnected { operation, reason: "lost".to_owned() };
            return self.answer(token, Err(lost));
        }
        match packet {
            Packet::Request(token, request) => self.ask(token, request),
            Packet::Answer(token, answer) => self.answer(token, *answer),
            Packet::Topics((app, life, id)) => {
                let known = self.known();
                if self.lives[app] == life {
                    self.act(app, |app, now, effects| {
                        app.machine.on_topics(now, id, Ok(known), effects);
                    });
                }
            }
        }
    }

    pub(super) fn deliver_all(&mut self) {
        while self.has_packets() {
            self.deliver(0, false);
        }
    }

    fn known(&self) -> KnownTopics {
        let known =
            |count: usize| KnownTopic { is_internal: false, partitions: vec![Racks::new(); count] };
        KnownTopics(self.topics.iter().map(|(name, count)| (name.clone(), known(*count))).collect())
    }

    fn answer(&mut self, (app, life, id): Token, answer: Result<GroupResponse, Error>) {
        if self.lives[app] != life {
            return;
        }
        self.say_answer(app, &answer);
        self.act(app, |app, now, effects| app.machine.on_answer(now, id, answer, effects));
    }

    fn ask(&mut self, token: Token, request: GroupRequest) {
        let now = self.wall();
        if self.is_moved && !matches!(request, GroupRequest::FindCoordinator(_)) {
            let answer = refused(&request, ErrorCode::NotCoordinator);
            return self.packets.push(Packet::Answer(token, Box::new(Ok(answer))));
        }
        let caller = Caller { client_id: &self.apps[token.0].name.clone(), client_host: "/h" };
        let outcome = match request {
            GroupRequest::FindCoordinator(it) => {
                let key = it.key;
                let coordinator = Coordinator { key, node_id: 1, ..Default::default() };
                let coordinators = vec![coordinator];
                let found = FindCoordinatorResponse { coordinators, ..Default::default() };
                let found = GroupResponse::FindCoordinator(found);
                return self.packets.push(Packet::Answer(token, Box::new(Ok(found))));
            }
            GroupRequest::JoinGroup(it) => self.shard.join_group(now, token, 9, caller, &it),
            GroupRequest::SyncGroup(it) => self.shard.sync_group(now, token, 5, &it),
            GroupRequest::Heartbeat(it) => self.shard.heartbeat(now, token, &it),
            GroupRequest::LeaveGroup(it) => self.shard.leave_group(now, token, 5, &it),
            GroupRequest::OffsetCommit(it) => {
                let outcome = self.shard.commit_offsets(now, token, 9, &it);
                self.asked.insert(token, it);
                outcome
            }
        };
        self.take_outcome(outcome);
    }

    fn take_outcome(&mut self, outcome: Outcome<Token>) {
        for record in outcome.records {
            self.shard.replay(&record.record, Offset(self.records), ProducerId::NONE);
            self.records += 1;
        }
        for (token, answer) in outcome.answers {
            let answer = match answer {
                Answer::JoinGroup(it) => GroupResponse::JoinGroup(it),
                Answer::SyncGroup(it) => GroupResponse::SyncGroup(it),
                Answer::Heartbeat(it) => GroupResponse::Heartbeat(it),
                Answer::LeaveGroup(it) => GroupResponse::LeaveGroup(it),
                Answer::OffsetCommit(it) => {
                    self.check_commit(token, &it);
                    GroupResponse::OffsetCommit(it)
                }
                Answer::OffsetDelete(_) | Answer::DeleteGroups(_) => unreachable!("not asked"),
            };
            self.packets.push(Packet::Answer(token, Box::new(Ok(answer))));
        }
    }

    /// What is stored never goes back, and is never of a partition that another member reads.
    fn check_commit(&mut self, token: Token, response: &OffsetCommitResponse) {
        let request = self.asked.remove(&token).unwrap();
        let code = response.topics.first().and_then(|it| it.partitions.first()).unwrap().error_code;
        if code != 0 {
            return;
        }
        for topic in &request.topics {
            for it in &topic.partitions {
                let partition = TopicPartition::new(topic.name.clone(), it.partition_index);
                for (other, app) in self.apps.iter().enumerate() {
                    let generation = app.machine.membership().identity().generation;
                    let is_of_generation =
                        generation.is_some_and(|it| it.0 == request.generation_id_or_member_epoch);
                    assert!(
                        other == token.0
                            || !is_of_generation
                            || !app.reading.contains_key(&partition),
                        "{partition} is committed by its former owner"
                    );
                }
                let before = self.committed.insert(partition.clone(), it.committed_offset);
                assert!(
                    before.is_none_or(|before| before <= it.committed_offset),
                    "the commit of {partition} goes back from {before:?} to {}",
                    it.committed_offset
                );
            }
        }
    }

    /// Lets time pass, with all that is due on the way. Programs that are frozen do nothing.
    pub(super) fn advance(&mut self, ms: u64) {
        let end = self.now + ms;
        loop {
            let of_apps = self.apps.iter().filter(|it| !it.is_frozen);
            let due = of_apps.filter_map(|it| it.machine.next_deadline()).min();
            let next = [due, self.shard.next_deadline()].into_iter().flatten().min();
            let Some(next) = next.filter(|it| *it <= end) else { break };
            self.now = self.now.max(next);
            while self.shard.next_deadline().is_some_and(|it| it <= self.now) {
                let outcome = self.shard.on_deadline(self.wall());
                self.take_outcome(outcome);
            }
            for app in 0..self.apps.len() {
                if !self.apps[app].is_frozen {
                    self.act(app, |app, now, effects| app.machine.poll(now, effects));
                    let later = self.apps[app].machine.next_deadline();
                    assert!(
                        later.is_none_or(|it| self.now < it),
                        "{} turns on the spot",
                        self.apps[app].name
                    );
                }
            }
        }
        self.now = end;
    }

    /// Programs poll and packets arrive, a second at a time.
    pub(super) fn run(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.deliver_all();
            for app in 0..self.apps.len() {
                if !self.apps[app].is_frozen {
                    self.poll(app);
                }
            }
            self.deliver_all();
            self.advance(1_000);
        }
    }

    /// No two members of one generation read one partition.
    pub(super) fn check_owners(&self) {
        let mut owners = BTreeMap::new();
        for app in &self.apps {
            let Some(generation) = app.machine.membership().identity().generation else { continue };
            for it in app.owned() {
                if let Some(other) = owners.insert((generation, it), &app.name) {
                    panic!("{} and {other} both read {it} in generation {generation}", app.name);
                }
            }
        }
    }

    fn say_request(&mut self, app: usize, request: &GroupRequest) {
        let line = match request {
            GroupRequest::JoinGroup(it) => {
                let reason = it.reason.as_deref().unwrap_or_default();
                // Member ids are random.
                let reason = reason.split(": ").next().unwrap_or_default();
                format!("JoinGroup {} ({reason})", self.name_of(&it.member_id))
            }
            GroupRequest::SyncGroup(it) => {
                format!("SyncGroup {} of {}", it.generation_id, it.assignments.len())
            }
            GroupRequest::LeaveGroup(_) => "LeaveGroup".to_owned(),
            GroupRequest::OffsetCommit(it) => {
                let topics = it.topics.iter().flat_map(|topic| {
                    let name = &topic.name;
                    topic.partitions.iter().map(move |it| {
                        format!("{name}-{}@{}", it.partition_index, it.committed_offset)
                    })
                });
                let offsets = topics.collect::<Vec<_>>().join(" ");
                format!("OffsetCommit {} {offsets}", it.generation_id_or_member_epoch)
            }
            GroupRequest::FindCoordinator(_) => "FindCoordinator".to_owned(),
            GroupRequest::Heartbeat(_) => return,
        };
        self.say(app, &format!("-> {line}"));
    }

    fn name_of(&mut self, member_id: &str) -> String {
        if member_id.is_empty() {
            return "?".to_owned();
        }
        let next = format!("m{}", self.names.len() + 1);
        self.names.entry(member_id.to_owned()).or_insert(next).clone()
    }

    fn say_answer(&mut self, app: usize, answer: &Result<GroupResponse, Error>) {
        let code = match answer {
            Ok(GroupResponse::JoinGroup(it)) => it.error_code,
            Ok(GroupResponse::SyncGroup(it)) => it.error_code,
            Ok(GroupResponse::Heartbeat(it)) => it.error_code,
            Ok(GroupResponse::LeaveGroup(it)) => it.error_code,
            Ok(GroupResponse::OffsetCommit(it)) => {
                it.topics.first().and_then(|it| it.partitions.first()).map_or(0, |it| it.error_code)
            }
            Ok(GroupResponse::FindCoordinator(_)) => 0,
            Err(_) => return self.say(app, "<- nothing"),
        };
        if code != 0 {
            self.say(app, &format!("<- {}", ErrorCode::from_code(code)));
        }
    }
}

impl Packet {
    fn token(&self) -> Token {
        match self {
            Packet::Request(token, _) | Packet::Answer(token, _) | Packet::Topics(token) => *token,
        }
    }
}

/// The request's answer with one code.
fn refused(request: &GroupRequest, code: ErrorCode) -> GroupResponse {
    use kt_protocol::messages::offset_commit_request::{
        OffsetCommitRequestPartition, OffsetCommitRequestTopic,
    };
    use kt_protocol::messages::offset_commit_response as commit;
    let error_code = code.code();
    match request {
        GroupRequest::FindCoordinator(_) => {
            GroupResponse::FindCoordinator(FindCoordinatorResponse {
                error_code,
                ..Default::default()
            })
        }
        GroupRequest::JoinGroup(_) => {
            GroupResponse::JoinGroup(JoinGroupResponse { error_code, ..Default::default() })
        }
        GroupRequest::SyncGroup(_) => {
            GroupResponse::SyncGroup(SyncGroupResponse { error_code, ..Default::default() })
        }
        GroupRequest::Heartbeat(_) => {
            GroupResponse::Heartbeat(HeartbeatResponse { error_code, ..Default::default() })
        }
        GroupRequest::LeaveGroup(_) => {
            GroupResponse::LeaveGroup(LeaveGroupResponse { error_code, ..Default::default() })
        }
        GroupRequest::OffsetCommit(it) => {
            let refused = |it: &OffsetCommitRequestPartition| {
                let partition_index = it.partition_index;
                commit::OffsetCommitResponsePartition { partition_index, error_code }
            };
            let topic = |it: &OffsetCommitRequestTopic| commit::OffsetCommitResponseTopic {
                name: it.name.clone(),
                partitions: it.partitions.iter().map(refused).collect(),
                ..Default::default()
            };
            let topics = it.topics.iter().map(topic).collect();
            GroupResponse::OffsetCommit(OffsetCommitResponse { topics, ..Default::default() })
        }
    }
}
