//! Whoever runs the cluster: makes the topic, looks at groups, resets and deletes those that are
//! empty.

use std::collections::{BTreeMap, BTreeSet};

use kt_node::{ConnectionId, Reply, ReplyTo, Request};
use kt_protocol::messages::{
    CreateTopicsResponse, DeleteGroupsResponse, DescribeGroupsResponse, FindCoordinatorResponse,
};
use kt_protocol::{ApiKey, ErrorCode};

use super::requests::{self, Committer, PARTITIONS};
use super::{By, GROUPS, Simulation, What};
use crate::client;
use crate::group_history::GroupSeen;

/// What it knows.
pub(super) struct Operator {
    has_topic: bool,
    has_coordinator: bool,
    is_waiting: bool,
    connection: ConnectionId,
    next_sequence: u64,
    /// Groups that were found stable with all their members, in the quiet.
    stable: BTreeSet<String>,
    /// The last reads: groups by request, until they are answered.
    last_reads: BTreeMap<u64, String>,
    read: BTreeSet<String>,
}

impl Operator {
    pub(super) fn new() -> Operator {
        Operator {
            has_topic: false,
            has_coordinator: false,
            is_waiting: false,
            connection: ConnectionId(0),
            next_sequence: 0,
            stable: BTreeSet::new(),
            last_reads: BTreeMap::new(),
            read: BTreeSet::new(),
        }
    }

    /// Whether members may begin.
    pub(super) fn is_ready(&self) -> bool {
        self.has_coordinator
    }

    /// Whether every group was stable, and read after that.
    pub(super) fn has_read_all(&self, groups: &[&str]) -> bool {
        groups.iter().all(|it| self.read.contains(*it))
    }

    pub(super) fn reconnect(&mut self, connection: ConnectionId) {
        self.connection = connection;
        self.next_sequence = 0;
        self.is_waiting = false;
    }
}

impl Simulation {
    pub(super) fn act_as_operator(&mut self) -> Result<(), String> {
        if self.operator.is_waiting {
            return Ok(());
        }
        if !self.operator.has_topic {
            return self.ask_as_operator(What::CreateTopic, requests::create_topic());
        }
        let group = GROUPS[self.host.random.below(GROUPS.len())];
        if !self.operator.has_coordinator {
            let request = requests::find_coordinator(group);
            return self.ask_as_operator(What::FindCoordinator, request);
        }
        if self.is_quiet && self.operator.stable.contains(group) {
            self.operator.last_reads.insert(self.next_request, group.to_owned());
            return self.read_offsets(group);
        }
        match self.host.random.below(10) {
            0..3 if !self.is_quiet => self.delete(group),
            3 if !self.is_quiet => self.reset(group),
            4 if !self.is_quiet => self.remove_static(group),
            5..7 => {
                let what = What::Describe(group.to_owned());
                self.ask_as_operator(what, requests::describe(group))
            }
            _ => self.read_offsets(group),
        }
    }

    fn read_offsets(&mut self, group: &str) -> Result<(), String> {
        let request = self.next_request;
        self.history.push(GroupSeen::ReadAsked { request, group: group.to_owned() });
        self.ask_as_operator(What::Fetch, requests::fetch_offsets(group))
    }

    fn delete(&mut self, group: &str) -> Result<(), String> {
        let request = self.next_request;
        self.history.push(GroupSeen::DeleteAsked { request, group: group.to_owned() });
        self.ask_as_operator(What::Delete, requests::delete(group))
    }

    /// A commit of nobody: it is refused while the group has members.
    fn reset(&mut self, group: &str) -> Result<(), String> {
        let by = Committer { group, generation: -1, member_id: "", instance_id: None };
        let partitions = vec![self.host.random.below(PARTITIONS.unsigned_abs() as usize) as i32];
        let request = requests::commit(&by, &partitions, self.next_request);
        self.note_commit(&by, partitions);
        self.ask_as_operator(What::Commit, request)
    }

    /// Puts out a static member, as nobody else can before its session ends.
    fn remove_static(&mut self, group: &str) -> Result<(), String> {
        let mut of_group = self.members.iter().filter(|it| it.group == group);
        let instance_id = of_group.find_map(|it| it.instance_id.clone());
        let Some(instance_id) = instance_id else { return Ok(()) };
        self.ask_as_operator(What::Leave, requests::remove(group, &instance_id))
    }

    fn ask_as_operator(&mut self, what: What, request: Request) -> Result<(), String> {
        let operator = &mut self.operator;
        let to = ReplyTo { connection: operator.connection, sequence: operator.next_sequence };
        operator.next_sequence += 1;
        operator.is_waiting = true;
        self.ask(to, By::Operator, what, request)
    }

    pub(super) fn hear_as_operator(&mut self) {
        self.operator.is_waiting = false;
    }

    pub(super) fn on_topic(&mut self, reply: &Reply) -> Result<(), String> {
        let version = requests::CREATE_TOPICS_VERSION;
        let response: CreateTopicsResponse =
            client::response(ApiKey::CreateTopics, version, reply)?;
        let code = response.topics.first().map(|topic| ErrorCode::from_code(topic.error_code));
        self.operator.has_topic =
            matches!(code, Some(ErrorCode::None | ErrorCode::TopicAlreadyExists));
        Ok(())
    }

    pub(super) fn on_coordinator(&mut self, reply: &Reply) -> Result<(), String> {
        let version = requests::FIND_COORDINATOR_VERSION;
        let response: FindCoordinatorResponse =
            client::response(ApiKey::FindCoordinator, version, reply)?;
        self.operator.has_coordinator =
            response.coordinators.first().is_some_and(|it| it.error_code == 0);
        Ok(())
    }

    pub(super) fn on_described(&mut self, group: &str, reply: &Reply) -> Result<(), String> {
        let version = requests::DESCRIBE_VERSION;
        let response: DescribeGroupsResponse =
            client::response(ApiKey::DescribeGroups, version, reply)?;
        let described = response.groups.first().ok_or("an answer without the group")?;
        let (state, count) = (described.group_state.as_str(), described.members.len());
        self.host.trace.note(format_args!("{group} is {state} with {count}"));
        let expected = self.members.iter().filter(|it| it.group == group).count();
        if self.is_quiet && state == "Stable" && count == expected && self.is_settled(group) {
            self.operator.stable.insert(group.to_owned());
        }
        Ok(())
    }

    /// Deletions are answered as commits are: done, refused, or who knows.
    pub(super) fn on_deleted(&mut self, request: u64, reply: &Reply) -> Result<(), String> {
        let version = requests::DELETE_VERSION;
        let response: DeleteGroupsResponse =
            client::response(ApiKey::DeleteGroups, version, reply)?;
        let result = response.results.first().ok_or("an answer without the group")?;
        self.host.trace.note(format_args!("{request}: deleted {}", result.error_code));
        match ErrorCode::from_code(result.error_code) {
            ErrorCode::None => self.history.push(GroupSeen::Acknowledged { request }),
            ErrorCode::NonEmptyGroup
            | ErrorCode::GroupIdNotFound
            | ErrorCode::CoordinatorLoadInProgress => {
                self.history.push(GroupSeen::Refused { request });
            }
            ErrorCode::NotCoordinator | ErrorCode::CoordinatorNotAvailable => {}
            other => return Err(format!("a deletion was refused: {other}")),
        }
        Ok(())
    }

    /// Offsets were read.
    pub(super) fn on_last_read(&mut self, request: u64) {
        if let Some(group) = self.operator.last_reads.remove(&request) {
            self.operator.read.insert(group);
        }
    }
}
