//! A group coordinator in conversation: requests, the records they cause, and who is answered when.
//!
//! Tokens are the first word of a request. Member ids are random; what is said of them is
//! `CLIENT.NUMBER`, in the order in which they appear.

mod show;

use std::fmt::Write;

use bytes::Bytes;
use kt_protocol::codec::{Message, Writer};
use kt_protocol::messages::group_coordinator_record::GroupCoordinatorRecord;
use kt_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kt_protocol::messages::leave_group_request::MemberIdentity;
use kt_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kt_protocol::messages::offset_delete_request::{
    OffsetDeleteRequestPartition, OffsetDeleteRequestTopic,
};
use kt_protocol::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopics,
};
use kt_protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use kt_protocol::messages::*;
use kt_protocol::types::Uuid;

use super::owner::Owner;
use super::{Caller, DeletedTopic, GroupConfig, OffsetStability, Outcome, TransactionResult};
use crate::transcript::Command;
use show::Names;

/// The newest versions, where a command does not say one.
const JOIN_VERSION: i16 = 9;
const SYNC_VERSION: i16 = 5;
const LEAVE_VERSION: i16 = 5;
const COMMIT_VERSION: i16 = 10;
const FETCH_VERSION: i16 = 10;
const DESCRIBE_VERSION: i16 = 6;

pub(super) struct Conversation {
    owner: Owner<String>,
    names: Names,
}

impl Conversation {
    pub(super) fn new() -> Conversation {
        let config = GroupConfig { initial_rebalance_delay_ms: 0, ..GroupConfig::default() };
        Conversation { owner: Owner::new(config, 1), names: Names::default() }
    }

    pub(super) fn say(&mut self, command: &Command<'_>) -> String {
        let text = match command.name {
            "configure" => self.configure(command),
            "advance" => self.advance(command),
            "deadline" => self.deadline(),
            "reload" => {
                self.owner.reload();
                show::state(&self.owner.shard)
            }
            "state" => show::state(&self.owner.shard),
            "join" => self.join(command),
            "sync" => self.sync(command),
            "heartbeat" => self.heartbeat(command),
            "leave" => self.leave(command),
            "commit" => self.commit(command),
            "fetch" => self.fetch(command),
            "delete-offsets" => self.delete_offsets(command),
            "delete-groups" => {
                let group_ids: Vec<String> =
                    command.words.iter().map(|it| (*it).to_owned()).collect();
                let outcome = self.owner.shard.delete_groups("deleter".to_owned(), &group_ids);
                self.decided(outcome)
            }
            "delete-topics" => self.delete_topics(command),
            "list" => show::listed(
                &self.owner.shard.list_groups(&texts(command, "states"), &texts(command, "types")),
            ),
            "describe" => show::described(&self.owner.shard.describe_group(
                command.number("version").unwrap_or(DESCRIBE_VERSION),
                command.words[0],
            )),
            "transactional" => self.transactional(command),
            "end-transaction" => {
                let result = match command.has("commit") {
                    true => TransactionResult::Commit,
                    false => TransactionResult::Abort,
                };
                self.owner.end_transaction(command.number("producer").unwrap(), result);
                String::new()
            }
            "foreign" => self.foreign(command),
            other => panic!("no command is called {other}"),
        };
        self.names.shown(&text)
    }

    fn configure(&mut self, command: &Command<'_>) -> String {
        let mut config = self.owner.shard.config().clone();
        if let Some(delay) = command.number("delay") {
            config.initial_rebalance_delay_ms = delay;
        }
        if let Some(max_size) = command.number("max-size") {
            config.max_size = max_size;
        }
        if let Some(batch) = command.number("batch") {
            config.batch_max_bytes = batch;
        }
        if let Some(check) = command.number("check") {
            config.offsets_retention_check_interval_ms = check;
        }
        if let Some(retention) = command.number("retention") {
            config.offsets_retention_ms = retention;
        }
        if let Some(metadata) = command.number("metadata") {
            config.offset_metadata_max = metadata;
        }
        self.owner.shard.set_config(config);
        String::new()
    }

    /// Lets time pass from deadline to deadline, and says what happened when.
    fn advance(&mut self, command: &Command<'_>) -> String {
        let start = self.owner.now.monotonic;
        let end = start + command.number::<u64>("ms").unwrap();
        let mut text = String::new();
        for _ in 0..10_000 {
            let due = self.owner.shard.next_deadline().filter(|at| *at <= end);
            let Some(due) = due else {
                self.owner.advance(end - self.owner.now.monotonic);
                return text;
            };
            self.owner.advance(due - self.owner.now.monotonic);
            let outcome = self.owner.shard.on_deadline(self.owner.now);
            let happened = self.decided(outcome);
            if !happened.is_empty() {
                _ = write!(text, "after {} ms:\n{happened}", self.owner.now.monotonic - start);
            }
        }
        panic!("deadlines do not end");
    }

    fn deadline(&self) -> String {
        let deadline = self.owner.shard.next_deadline();
        format!("{:?}", deadline.map(|it| it - self.owner.now.monotonic))
    }

    fn join(&mut self, command: &Command<'_>) -> String {
        let protocols = command.get("protocols").unwrap_or("range:t").split(['/']);
        let session_timeout_ms = command.number("session").unwrap_or(10_000);
        let request = JoinGroupRequest {
            group_id: command.get("group").unwrap_or("g").to_owned(),
            session_timeout_ms,
            rebalance_timeout_ms: command.number("rebalance").unwrap_or(60_000),
            member_id: self.member(command, "member"),
            group_instance_id: command.get("instance").map(str::to_owned),
            protocol_type: command.get("type").unwrap_or("consumer").to_owned(),
            protocols: protocols.filter(|it| !it.is_empty()).map(protocol).collect(),
            reason: None,
        };
        let version = command.number("version").unwrap_or(JOIN_VERSION);
        let client_id = command.get("client").unwrap_or("c");
        let caller = Caller { client_id, client_host: "/10.0.0.1" };
        let (now, token) = (self.owner.now, token(command));
        let outcome = self.owner.shard.join_group(now, token, version, caller, &request);
        self.decided(outcome)
    }

    fn sync(&mut self, command: &Command<'_>) -> String {
        let assignment = |it: &str| {
            let (member, assignment) = it.split_once(':').unwrap();
            SyncGroupRequestAssignment {
                member_id: self.names.real(member),
                assignment: Bytes::copy_from_slice(assignment.as_bytes()),
            }
        };
        let assignments = command.list("assign", ',').into_iter().map(assignment).collect();
        let version = command.number("version").unwrap_or(SYNC_VERSION);
        let or_default = |key, default: &str| {
            let value = command.get(key).unwrap_or(default);
            (value != "none").then(|| value.to_owned())
        };
        let request = SyncGroupRequest {
            group_id: command.get("group").unwrap_or("g").to_owned(),
            generation_id: command.number("generation").unwrap_or(1),
            member_id: self.member(command, "member"),
            group_instance_id: command.get("instance").map(str::to_owned),
            protocol_type: or_default("type", "consumer"),
            protocol_name: or_default("protocol", "range"),
            assignments,
        };
        let (now, token) = (self.owner.now, token(command));
        let outcome = self.owner.shard.sync_group(now, token, version, &request);
        self.decided(outcome)
    }

    fn heartbeat(&mut self, command: &Command<'_>) -> String {
        let request = HeartbeatRequest {
            group_id: command.get("group").unwrap_or("g").to_owned(),
            generation_id: command.number("generation").unwrap_or(1),
            member_id: self.member(command, "member"),
            group_instance_id: command.get("instance").map(str::to_owned),
        };
        let outcome = self.owner.shard.heartbeat(self.owner.now, token(command), &request);
        self.decided(outcome)
    }

    fn leave(&mut self, command: &Command<'_>) -> String {
        let identity = |it: &str| {
            let (member, instance) = it.split_once('/').unwrap_or((it, ""));
            MemberIdentity {
                member_id: self.names.real(member),
                group_instance_id: (!instance.is_empty()).then(|| instance.to_owned()),
                reason: None,
            }
        };
        let request = LeaveGroupRequest {
            group_id: command.get("group").unwrap_or("g").to_owned(),
            member_id: self.member(command, "member"),
            members: command.list("members", ',').into_iter().map(identity).collect(),
        };
        let version = command.number("version").unwrap_or(LEAVE_VERSION);
        let (now, token) = (self.owner.now, token(command));
        let outcome = self.owner.shard.leave_group(now, token, version, &request);
        self.decided(outcome)
    }

    fn commit(&mut self, command: &Command<'_>) -> String {
        let topics = command.list("at", ',').into_iter().map(|it| {
            let parts: Vec<&str> = it.split(':').collect();
            OffsetCommitRequestTopic {
                name: parts[0].to_owned(),
                topic_id: Uuid([command.number("topic-id").unwrap_or(0); 16]),
                partitions: vec![OffsetCommitRequestPartition {
                    partition_index: parts[1].parse().unwrap(),
                    committed_offset: parts[2].parse().unwrap(),
                    committed_leader_epoch: command.number("epoch").unwrap_or(-1),
                    committed_metadata: parts.get(3).map(|it| (*it).to_owned()),
                }],
            }
        });
        let request = OffsetCommitRequest {
            group_id: command.get("group").unwrap_or("g").to_owned(),
            generation_id_or_member_epoch: command.number("generation").unwrap_or(-1),
            member_id: self.member(command, "member"),
            group_instance_id: command.get("instance").map(str::to_owned),
            retention_time_ms: command.number("retention").unwrap_or(-1),
            topics: topics.collect(),
        };
        let version = command.number("version").unwrap_or(COMMIT_VERSION);
        let (now, token) = (self.owner.now, token(command));
        let outcome = self.owner.shard.commit_offsets(now, token, version, &request);
        self.decided(outcome)
    }

    fn fetch(&self, command: &Command<'_>) -> String {
        let topics = command.list("at", ',').into_iter().map(|it| {
            let (name, partition) = it.split_once(':').unwrap();
            OffsetFetchRequestTopics {
                name: name.to_owned(),
                topic_id: Uuid([command.number("topic-id").unwrap_or(0); 16]),
                partition_indexes: vec![partition.parse().unwrap()],
            }
        });
        let request = OffsetFetchRequestGroup {
            group_id: command.get("group").unwrap_or("g").to_owned(),
            member_id: command.get("member").map(|it| self.names.real(it)),
            member_epoch: command.number("epoch").unwrap_or(-1),
            topics: command.get("at").map(|_| topics.collect()),
        };
        let stability = match command.has("stable") {
            true => OffsetStability::Stable,
            false => OffsetStability::Any,
        };
        let version = command.number("version").unwrap_or(FETCH_VERSION);
        show::fetched(&self.owner.shard.fetch_offsets(version, &request, stability))
    }

    fn delete_offsets(&mut self, command: &Command<'_>) -> String {
        let topics = command.list("at", ',').into_iter().map(|it| {
            let (name, partition) = it.split_once(':').unwrap();
            OffsetDeleteRequestTopic {
                name: name.to_owned(),
                partitions: vec![OffsetDeleteRequestPartition {
                    partition_index: partition.parse().unwrap(),
                }],
            }
        });
        let request = OffsetDeleteRequest {
            group_id: command.get("group").unwrap_or("g").to_owned(),
            topics: topics.collect(),
        };
        let outcome = self.owner.shard.delete_offsets("deleter".to_owned(), &request);
        self.decided(outcome)
    }

    fn delete_topics(&mut self, command: &Command<'_>) -> String {
        let id = Uuid([command.number("topic-id").unwrap_or(0); 16]);
        let topic = |it: &&str| DeletedTopic { name: (*it).to_owned(), id };
        let topics: Vec<DeletedTopic> = command.words.iter().map(topic).collect();
        let outcome = self.owner.shard.on_topics_deleted(self.owner.now, &topics);
        self.decided(outcome)
    }

    /// A log that Kafka wrote: an offset within a transaction.
    fn transactional(&mut self, command: &Command<'_>) -> String {
        let parts: Vec<&str> = command.get("at").unwrap().split(':').collect();
        let key = OffsetCommitKey {
            group: command.get("group").unwrap_or("g").to_owned(),
            topic: parts[0].to_owned(),
            partition: parts[1].parse().unwrap(),
        };
        let offset = parts[2].parse().unwrap();
        let value = Some(OffsetCommitValue { offset, ..Default::default() });
        let record = GroupCoordinatorRecord::OffsetCommit { key, value };
        self.owner.append_record(&record, command.number("producer").unwrap());
        String::new()
    }

    /// A log that Kafka wrote: a group of another kind.
    fn foreign(&mut self, command: &Command<'_>) -> String {
        let [group_type, group_id, ..] = command.words[..] else { panic!("TYPE GROUP") };
        let group_id = group_id.to_owned();
        let gone = command.has("gone");
        let member_id = command.get("member").map(str::to_owned);
        let record = match (group_type, member_id) {
            ("consumer", None) => GroupCoordinatorRecord::ConsumerGroupMetadata {
                key: ConsumerGroupMetadataKey { group_id },
                value: (!gone).then(ConsumerGroupMetadataValue::default),
            },
            ("consumer", Some(member_id)) => GroupCoordinatorRecord::ConsumerGroupMemberMetadata {
                key: ConsumerGroupMemberMetadataKey { group_id, member_id },
                value: (!gone).then(ConsumerGroupMemberMetadataValue::default),
            },
            ("share", _) => GroupCoordinatorRecord::ShareGroupMetadata {
                key: ShareGroupMetadataKey { group_id },
                value: (!gone).then(ShareGroupMetadataValue::default),
            },
            ("streams", _) => GroupCoordinatorRecord::StreamsGroupMetadata {
                key: StreamsGroupMetadataKey { group_id },
                value: (!gone).then(StreamsGroupMetadataValue::default),
            },
            (other, _) => panic!("no group type is called {other}"),
        };
        self.owner.append_record(&record, -1);
        String::new()
    }

    fn member(&self, command: &Command<'_>, key: &str) -> String {
        self.names.real(command.get(key).unwrap_or_default())
    }

    /// Appends, replays, and shows what was decided.
    fn decided(&mut self, outcome: Outcome<String>) -> String {
        let (records, answers) = self.owner.take(outcome);
        self.names.learn(&self.owner.shard);
        let mut text = String::new();
        for record in &records {
            _ = writeln!(text, "{}", show::record(record));
        }
        for (token, answer) in &answers {
            _ = writeln!(text, "{token}: {}", show::answer(answer));
        }
        text
    }
}

fn token(command: &Command<'_>) -> String {
    command.words.first().map_or_else(|| "client".to_owned(), |it| (*it).to_owned())
}

fn texts(command: &Command<'_>, key: &str) -> Vec<String> {
    command.list(key, ',').into_iter().map(str::to_owned).collect()
}

/// `NAME:TOPIC+TOPIC` is a subscription, `NAME` alone something that nobody can read.
fn protocol(text: &str) -> JoinGroupRequestProtocol {
    let Some((name, topics)) = text.split_once(':') else {
        let metadata = Bytes::from_static(b"?");
        return JoinGroupRequestProtocol { name: text.to_owned(), metadata };
    };
    let topics = topics.split('+').map(str::to_owned).collect();
    JoinGroupRequestProtocol { name: name.to_owned(), metadata: subscription(topics) }
}

/// A subscription of version 1, as consumers write it.
pub(super) fn subscription(topics: Vec<String>) -> Bytes {
    let mut writer = Writer::new();
    let mut bytes = 1i16.to_be_bytes().to_vec();
    let subscription = ConsumerProtocolSubscription { topics, ..Default::default() };
    subscription.encode(&mut writer, 1).expect("it can be written");
    bytes.extend_from_slice(&writer.into_bytes().expect("it can be written"));
    Bytes::from(bytes)
}
