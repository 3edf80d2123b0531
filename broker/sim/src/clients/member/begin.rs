//! Where a member begins to read what it was given, and answers of its coordinator.

use std::collections::BTreeSet;

use kt_client::consumer::group::request::{Effect, GroupResponse, RequestId};
use kt_client::consumer::group::{KnownTopic, KnownTopics};
use kt_client::{Error, Metadata};
use kt_protocol::ApiKey;
use kt_protocol::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopics,
};
use kt_protocol::messages::{
    JoinGroupResponse, OffsetFetchRequest, OffsetFetchResponse, SyncGroupResponse,
};
use kt_protocol::types::{Millis, Now, Offset, TopicPartition};

use super::{Begins, Member, OF_GROUP, Waits};
use crate::clients::answers::{decoded, error};
use crate::clients::cluster::{self, GROUPS, REQUEST_TIMEOUT_MS};
use crate::clients::program::{Answer, Asked, Desk, Lane};

const OFFSET_FETCH_VERSION: i16 = 9;

impl Member {
    /// Asks for the committed offsets of the partitions that it was given.
    pub(super) fn ask_for_offsets(&mut self, desk: &mut Desk) {
        let Waits::Begins(added, begins) = &mut self.waits else { return };
        *begins = Begins::HasAsked;
        let topic = |it: &TopicPartition| OffsetFetchRequestTopics {
            name: it.topic.clone(),
            partition_indexes: vec![it.partition.0],
            ..OffsetFetchRequestTopics::default()
        };
        let group = OffsetFetchRequestGroup {
            group_id: GROUPS[self.role.group].to_owned(),
            topics: Some(added.iter().map(topic).collect()),
            member_epoch: -1,
            ..OffsetFetchRequestGroup::default()
        };
        let message = OffsetFetchRequest {
            groups: vec![group],
            require_stable: true,
            ..OffsetFetchRequest::default()
        };
        let asked = Asked { api: ApiKey::OffsetFetch, version: OFFSET_FETCH_VERSION, id: 0 };
        desk.ask(Lane::Group, asked, &message, REQUEST_TIMEOUT_MS);
    }

    /// Begins where the group has come to. Asks again if that was not told.
    pub(super) fn on_offsets(
        &mut self,
        now: Now,
        asked: Asked,
        answer: Answer,
        effects: &mut Vec<Effect>,
        desk: &mut Desk,
    ) -> Result<(), String> {
        let Waits::Begins(added, _) = std::mem::replace(&mut self.waits, Waits::No) else {
            return Err("offsets were told that nobody waits for".to_owned());
        };
        let reply = answer.map_err(|it| error(asked.api, it));
        let response = decoded(asked.api, asked.version, reply)?;
        let Some(found) = response.ok().and_then(|it| found(&it, &added)) else {
            self.waits = Waits::Begins(added, Begins::Asks);
            return Ok(());
        };
        for (partition, offset) in found {
            desk.note(format_args!("begins {partition} at {offset:?}"));
            self.reading.assign(&partition, offset, desk)?;
        }
        self.acknowledge(now, effects, desk)?;
        self.look_at_events(now, effects, desk)?;
        self.reading.poll(now, desk)
    }

    /// Takes an answer to what the machine asked.
    pub(super) fn on_group_answer(
        &mut self,
        now: Millis,
        asked: Asked,
        answer: Answer,
        effects: &mut Vec<Effect>,
        desk: &mut Desk,
    ) -> Result<(), String> {
        let id = RequestId(asked.id & !OF_GROUP);
        let (api, version) = (asked.api, asked.version);
        let reply = answer.map_err(|it| error(api, it));
        if api == ApiKey::Metadata {
            let answer = decoded(api, version, reply)?.map(|it| known(&cluster::metadata(it).0));
            self.machine.on_topics(now, id, answer, effects);
            return Ok(());
        }
        let answer: Result<GroupResponse, Error> = match api {
            ApiKey::FindCoordinator => {
                decoded(api, version, reply)?.map(GroupResponse::FindCoordinator)
            }
            ApiKey::JoinGroup => {
                let answer = decoded(api, version, reply)?;
                answer.inspect(|it| note_joined(it, desk)).map(GroupResponse::JoinGroup)
            }
            ApiKey::SyncGroup => {
                let answer = decoded(api, version, reply)?;
                answer.inspect(|it| note_synced(it, desk)).map(GroupResponse::SyncGroup)
            }
            ApiKey::Heartbeat => decoded(api, version, reply)?.map(GroupResponse::Heartbeat),
            ApiKey::LeaveGroup => decoded(api, version, reply)?.map(GroupResponse::LeaveGroup),
            ApiKey::OffsetCommit => decoded(api, version, reply)?.map(GroupResponse::OffsetCommit),
            other => return Err(format!("a member does not ask {other}")),
        };
        self.machine.on_answer(now, id, answer, effects);
        Ok(())
    }
}

/// The committed offset of each partition, or none; nothing if one was not told.
fn found(
    response: &OffsetFetchResponse,
    added: &BTreeSet<TopicPartition>,
) -> Option<Vec<(TopicPartition, Option<Offset>)>> {
    let group = response.groups.first().filter(|it| it.error_code == 0)?;
    let mut found = Vec::new();
    for topic in &group.topics {
        for it in &topic.partitions {
            if it.error_code != 0 {
                return None;
            }
            let partition = TopicPartition::new(topic.name.clone(), it.partition_index);
            let offset = (0 <= it.committed_offset).then_some(Offset(it.committed_offset));
            found.push((partition, offset));
        }
    }
    let is_whole = added.iter().all(|it| found.iter().any(|(told, _)| told == it));
    is_whole.then_some(found)
}

/// What came, for the trace.
fn note_joined(response: &JoinGroupResponse, desk: &mut Desk) {
    let (code, generation) = (response.error_code, response.generation_id);
    let (me, leader) = (&response.member_id, &response.leader);
    let members: Vec<&str> = response.members.iter().map(|it| it.member_id.as_str()).collect();
    desk.note(format_args!("joined: {code} {generation} as {me}, {leader} leads {members:?}"));
}

/// The same.
fn note_synced(response: &SyncGroupResponse, desk: &mut Desk) {
    let bytes = response.assignment.len();
    desk.note(format_args!("synced: {} with {bytes} bytes", response.error_code));
}

fn known(metadata: &Metadata) -> KnownTopics {
    let topics = metadata.topics.iter().map(|(name, topic)| {
        let partitions = topic.partitions.iter().map(|_| BTreeSet::new()).collect();
        (name.clone(), KnownTopic { is_internal: topic.is_internal, partitions })
    });
    KnownTopics(topics.collect())
}
