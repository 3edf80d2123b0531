//! What members and the operator make of answers.

use kt_node::Reply;
use kt_protocol::messages::{
    HeartbeatResponse, JoinGroupResponse, LeaveGroupResponse, OffsetCommitResponse,
    SyncGroupResponse,
};
use kt_protocol::{ApiKey, ErrorCode};

use super::{Asked, By, Simulation, Stage, What, requests};
use crate::client;
use crate::group_history::GroupSeen;

/// How late a commit of the generation before comes, at most, in milliseconds.
const LATE_COMMIT_MS_MAX: usize = 2_500;

impl Simulation {
    pub(super) fn hear(&mut self, asked: &Asked, reply: &Reply) -> Result<(), String> {
        let request = asked.request;
        self.history.push(GroupSeen::Answered { request, at: self.now() });
        match asked.by {
            By::Member(number) => self.members[number].is_waiting = false,
            By::Operator => self.hear_as_operator(),
            By::Former => {}
        }
        match (&asked.what, asked.by) {
            (What::CreateTopic, _) => self.on_topic(reply),
            (What::FindCoordinator, _) => self.on_coordinator(reply),
            (What::Describe(group), _) => self.on_described(group, reply),
            (What::Delete, _) => self.on_deleted(request, reply),
            (What::Fetch, _) => self.on_offsets(request, reply),
            (What::Commit, by) => self.on_committed(request, by, reply),
            (What::Join, By::Member(number)) => self.on_joined(number, reply),
            (What::Sync, By::Member(number)) => self.on_synced(number, reply),
            (What::Heartbeat, By::Member(number)) => self.on_heartbeat(number, reply),
            (What::Leave, By::Member(number)) => self.on_left(number, reply),
            // Nobody hears what it says, but it had to come.
            (_, By::Former) | (What::Leave, By::Operator) => Ok(()),
            (what, by) => Err(format!("{by:?} does not ask {what:?}")),
        }
    }

    fn on_joined(&mut self, number: usize, reply: &Reply) -> Result<(), String> {
        let response: JoinGroupResponse =
            client::response(ApiKey::JoinGroup, requests::JOIN_VERSION, reply)?;
        let error = ErrorCode::from_code(response.error_code);
        self.note(number, format_args!("joined {error} {}", response.generation_id));
        let now = self.now();
        let member = &mut self.members[number];
        match error {
            ErrorCode::None => {}
            ErrorCode::MemberIdRequired => {
                member.member_id = response.member_id;
                return Ok(());
            }
            error => return member.on_error(error, now),
        }
        let is_sharing = response.leader == response.member_id && !response.skip_assignment;
        let led = response.members.iter().map(|it| it.member_id.clone());
        member.led = if is_sharing { led.collect() } else { Vec::new() };
        member.member_id.clone_from(&response.member_id);
        member.generation = response.generation_id;
        member.stage = Stage::Syncing;
        self.history.push(GroupSeen::Joined {
            group: member.group.clone(),
            generation: response.generation_id,
            member_id: response.member_id,
            instance_id: member.instance_id.clone(),
            leader: response.leader,
        });
        Ok(())
    }

    fn on_synced(&mut self, number: usize, reply: &Reply) -> Result<(), String> {
        let response: SyncGroupResponse =
            client::response(ApiKey::SyncGroup, requests::SYNC_VERSION, reply)?;
        let error = ErrorCode::from_code(response.error_code);
        self.note(number, format_args!("synced {error} {:?}", &response.assignment[..]));
        let now = self.now();
        let member = &mut self.members[number];
        if !error.is_none() {
            return member.on_error(error, now);
        }
        member.partitions = response.assignment.iter().map(|it| i32::from(*it)).collect();
        member.partitions.sort_unstable();
        member.stage = Stage::Reading;
        self.history.push(GroupSeen::Synced {
            group: member.group.clone(),
            generation: member.generation,
            member_id: member.member_id.clone(),
            partitions: member.partitions.clone(),
        });
        Ok(())
    }

    fn on_heartbeat(&mut self, number: usize, reply: &Reply) -> Result<(), String> {
        let response: HeartbeatResponse =
            client::response(ApiKey::Heartbeat, requests::HEARTBEAT_VERSION, reply)?;
        let error = ErrorCode::from_code(response.error_code);
        self.note(number, format_args!("heartbeat {error}"));
        let now = self.now();
        match error {
            ErrorCode::None => Ok(()),
            ErrorCode::RebalanceInProgress if !self.is_quiet && self.one_in(2) => {
                // What it commits of this generation comes when it may be in the next.
                let late_ms = self.host.random.below(LATE_COMMIT_MS_MAX) as u64;
                self.formers.push((now + late_ms, self.members[number].clone()));
                self.members[number].on_error(error, now)
            }
            error => self.members[number].on_error(error, now),
        }
    }

    /// Whatever it is told, it is gone; until it comes back.
    fn on_left(&mut self, number: usize, reply: &Reply) -> Result<(), String> {
        let response: LeaveGroupResponse =
            client::response(ApiKey::LeaveGroup, requests::LEAVE_VERSION, reply)?;
        let of_member = response.members.first().map_or(0, |it| it.error_code);
        self.note(number, format_args!("left {} {of_member}", response.error_code));
        let until = self.now() + 100;
        self.members[number].go_down(until);
        Ok(())
    }

    fn on_committed(&mut self, request: u64, by: By, reply: &Reply) -> Result<(), String> {
        let response: OffsetCommitResponse =
            client::response(ApiKey::OffsetCommit, requests::COMMIT_VERSION, reply)?;
        let mut codes =
            response.topics.iter().flat_map(|it| &it.partitions).map(|it| it.error_code);
        let code = codes.next().ok_or("an answer without partitions")?;
        if !codes.all(|it| it == code) {
            return Err(format!("commit {request} was done in part"));
        }
        let error = ErrorCode::from_code(code);
        self.host.trace.note(format_args!("{by:?}: {request} committed {error}"));
        match error {
            ErrorCode::None => {
                self.history.push(GroupSeen::Acknowledged { request });
                return Ok(());
            }
            // It may have been appended.
            ErrorCode::NotCoordinator | ErrorCode::CoordinatorNotAvailable => {}
            _ => self.history.push(GroupSeen::Refused { request }),
        }
        let now = self.now();
        match by {
            By::Member(number) => self.members[number].on_error(error, now),
            By::Operator | By::Former => Ok(()),
        }
    }

    fn on_offsets(&mut self, request: u64, reply: &Reply) -> Result<(), String> {
        match requests::fetched_offsets(reply)? {
            Ok(offsets) => {
                self.host.trace.note(format_args!("{request}: read {offsets:?}"));
                self.history.push(GroupSeen::Read { request, offsets });
                self.on_last_read(request);
            }
            Err(code) => {
                let error = ErrorCode::from_code(code);
                self.host.trace.note(format_args!("{request}: read {error}"));
                if !error.is_retriable() {
                    return Err(format!("offsets cannot be read: {error}"));
                }
            }
        }
        Ok(())
    }

    fn note(&mut self, number: usize, text: std::fmt::Arguments<'_>) {
        self.host.trace.note(format_args!("member {number}: {text}"));
    }
}
