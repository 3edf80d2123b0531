//! How the conversation shows records, answers and groups.

use std::collections::BTreeMap;
use std::fmt::Write;

use kt_protocol::error_code::ErrorCode;
use kt_protocol::messages::JoinGroupResponse;
use kt_protocol::messages::describe_groups_response::DescribedGroup;
use kt_protocol::messages::group_coordinator_record::GroupCoordinatorRecord;
use kt_protocol::messages::list_groups_response::ListedGroup;
use kt_protocol::messages::offset_fetch_response::OffsetFetchResponseGroup;
use kt_protocol::types::Uuid;

use super::super::shard::{Group, Shard};
use super::super::{Answer, GroupRecord};

/// How long the random part of a member id is.
const UUID_LEN: usize = 36;

/// Short names for random member ids.
#[derive(Debug, Default)]
pub(super) struct Names {
    by_id: BTreeMap<String, String>,
}

impl Names {
    /// Gives names to the members that the groups have.
    pub(super) fn learn<T>(&mut self, shard: &Shard<T>) {
        for (_, group) in shard.groups_from("") {
            if let Group::Classic(group) = group {
                group.known_ids().for_each(|it| self.name(it));
            }
        }
    }

    fn name(&mut self, id: &str) {
        if id.len() <= UUID_LEN || self.by_id.contains_key(id) {
            return;
        }
        let prefix = &id[..id.len() - UUID_LEN - 1];
        let same = |it: &&String| it[..it.len() - UUID_LEN - 1] == *prefix;
        let number = self.by_id.keys().filter(same).count() + 1;
        self.by_id.insert(id.to_owned(), format!("{prefix}.{number}"));
    }

    /// The member id that a name stands for.
    pub(super) fn real(&self, name: &str) -> String {
        let found = self.by_id.iter().find(|(_, it)| *it == name);
        found.map_or_else(|| name.to_owned(), |(id, _)| id.clone())
    }

    pub(super) fn shown(&self, text: &str) -> String {
        let replace = |text: String, (id, name): (&String, &String)| text.replace(id, name);
        self.by_id.iter().fold(text.to_owned(), replace)
    }
}

fn error(code: i16) -> &'static str {
    ErrorCode::from_code(code).name()
}

pub(super) fn record(record: &GroupRecord) -> String {
    let version = record.version;
    match &record.record {
        GroupCoordinatorRecord::OffsetCommit { key, value } => {
            let of = format!("{} {}-{}", key.group, key.topic, key.partition);
            let Some(value) = value else { return format!("OffsetCommit {of} tombstone") };
            let mut text = format!("OffsetCommit v{version} {of} offset={}", value.offset);
            if value.leader_epoch != -1 {
                _ = write!(text, " epoch={}", value.leader_epoch);
            }
            if !value.metadata.is_empty() {
                _ = write!(text, " metadata={}", value.metadata);
            }
            if value.topic_id != Uuid::ZERO {
                _ = write!(text, " topic-id={}", value.topic_id.0[0]);
            }
            if value.expire_timestamp != -1 {
                let after = value.expire_timestamp - value.commit_timestamp;
                _ = write!(text, " expires-after={after}");
            }
            text
        }
        GroupCoordinatorRecord::GroupMetadata { key, value } => {
            let Some(value) = value else {
                return format!("GroupMetadata {} tombstone", key.group);
            };
            let mut text = format!(
                "GroupMetadata v{version} {} generation={} type={} protocol={} leader={}",
                key.group,
                value.generation,
                value.protocol_type,
                value.protocol.as_deref().unwrap_or("-"),
                value.leader.as_deref().unwrap_or("-"),
            );
            for member in &value.members {
                let assignment = String::from_utf8_lossy(&member.assignment);
                _ = write!(text, " {}={assignment}", member.member_id);
                if let Some(instance_id) = &member.group_instance_id {
                    _ = write!(text, "({instance_id})");
                }
            }
            text
        }
        other => other.name().to_owned(),
    }
}

pub(super) fn answer(answer: &Answer) -> String {
    match answer {
        Answer::JoinGroup(it) => join(it),
        Answer::SyncGroup(it) if it.error_code == 0 => {
            format!("sync {}", String::from_utf8_lossy(&it.assignment))
        }
        Answer::SyncGroup(it) => format!("sync {}", error(it.error_code)),
        Answer::Heartbeat(it) => format!("heartbeat {}", error(it.error_code)),
        Answer::LeaveGroup(it) => {
            let mut text = format!("leave {}", error(it.error_code));
            for member in &it.members {
                let instance = member.group_instance_id.as_deref().unwrap_or("-");
                let code = error(member.error_code);
                _ = write!(text, ", {}/{instance} {code}", member.member_id);
            }
            text
        }
        Answer::OffsetCommit(it) => {
            let mut text = "commit".to_owned();
            for topic in &it.topics {
                for partition in &topic.partitions {
                    let code = error(partition.error_code);
                    _ = write!(text, " {}-{} {code}", topic.name, partition.partition_index);
                }
            }
            text
        }
        Answer::OffsetDelete(it) => {
            let mut text = format!("delete-offsets {}", error(it.error_code));
            for topic in &it.topics {
                for partition in &topic.partitions {
                    let code = error(partition.error_code);
                    _ = write!(text, ", {}-{} {code}", topic.name, partition.partition_index);
                }
            }
            text
        }
        Answer::DeleteGroups(results) => {
            let result =
                |it: &kt_protocol::messages::delete_groups_response::DeletableGroupResult| {
                    format!(" {} {}", it.group_id, error(it.error_code))
                };
            format!("delete-groups{}", results.iter().map(result).collect::<String>())
        }
    }
}

fn join(it: &JoinGroupResponse) -> String {
    if it.error_code != 0 {
        let member_id = if it.member_id.is_empty() { "-" } else { &it.member_id };
        return format!("join {} member={member_id}", error(it.error_code));
    }
    let mut text = format!(
        "join generation={} protocol={} leader={} member={}",
        it.generation_id,
        it.protocol_name.as_deref().unwrap_or("-"),
        it.leader,
        it.member_id
    );
    if it.skip_assignment {
        text.push_str(" skip-assignment");
    }
    if !it.members.is_empty() {
        let members: Vec<&str> = it.members.iter().map(|it| it.member_id.as_str()).collect();
        _ = write!(text, " members={}", members.join(","));
    }
    text
}

pub(super) fn fetched(group: &OffsetFetchResponseGroup) -> String {
    let mut text = String::new();
    if group.error_code != 0 {
        _ = writeln!(text, "{}", error(group.error_code));
    }
    for topic in &group.topics {
        for it in &topic.partitions {
            _ = write!(text, "{}-{} {}", topic.name, it.partition_index, it.committed_offset);
            if it.committed_leader_epoch != -1 {
                _ = write!(text, " epoch={}", it.committed_leader_epoch);
            }
            if it.metadata.as_ref().is_some_and(|it| !it.is_empty()) {
                _ = write!(text, " metadata={}", it.metadata.as_deref().unwrap_or_default());
            }
            if it.error_code != 0 {
                _ = write!(text, " {}", error(it.error_code));
            }
            text.push('\n');
        }
    }
    text
}

pub(super) fn listed(groups: &[ListedGroup]) -> String {
    let group = |it: &ListedGroup| {
        let protocol_type = if it.protocol_type.is_empty() { "-" } else { &it.protocol_type };
        format!("{} {} {} {protocol_type}\n", it.group_id, it.group_type, it.group_state)
    };
    groups.iter().map(group).collect()
}

pub(super) fn described(it: &DescribedGroup) -> String {
    let mut text = format!("{} {}", it.group_id, it.group_state);
    if !it.protocol_type.is_empty() {
        _ = write!(text, " type={} protocol={}", it.protocol_type, it.protocol_data);
    }
    if let Some(message) = &it.error_message {
        _ = write!(text, " {}: {message}", error(it.error_code));
    }
    for member in &it.members {
        let assignment = String::from_utf8_lossy(&member.member_assignment);
        _ = write!(
            text,
            "\n{} instance={} client={} host={} metadata={} assignment={assignment}",
            member.member_id,
            member.group_instance_id.as_deref().unwrap_or("-"),
            member.client_id,
            member.client_host,
            member.member_metadata.len(),
        );
    }
    text
}

/// All that is known of all groups.
pub(super) fn state<T>(shard: &Shard<T>) -> String {
    let mut text = String::new();
    for (group_id, group) in shard.groups_from("") {
        match group {
            Group::Classic(group) => _ = writeln!(text, "{group_id} {}", group.summary()),
            Group::Foreign(group) => {
                let members: Vec<&str> = group.members.iter().map(String::as_str).collect();
                _ = writeln!(text, "{group_id} {} [{}]", group.group_type, members.join(" "));
            }
        }
    }
    for (group_id, topic, partition, stored) in shard.offsets().iter() {
        let offset = stored.committed.offset;
        _ = writeln!(text, "{group_id} {topic}-{partition} {offset}");
    }
    for (group_id, topic, partition, stored) in shard.transactions().iter() {
        let offset = stored.committed.offset;
        _ = writeln!(text, "{group_id} {topic}-{partition} {offset} pending");
    }
    text
}
