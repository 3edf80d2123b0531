//! A fetch session with one broker (KIP-227): what it was told to read, and what it must be told
//! now. The rules are those of Kafka's `FetchSessionHandler`.

use std::collections::{BTreeMap, BTreeSet};

use kt_protocol::ErrorCode;
use kt_protocol::messages::FetchRequest;
use kt_protocol::messages::fetch_request::{FetchPartition, FetchTopic, ForgottenTopic};
use kt_protocol::types::{LeaderEpoch, Offset, TopicPartition, Uuid};

use super::checked::CheckedFetch;

/// From here on requests name topics by id (KIP-516).
const TOPIC_ID_VERSION: i16 = 13;

/// What a broker is told of one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) topic_id: Uuid,
    pub(super) leader_epoch: LeaderEpoch,
    pub(super) offset: Offset,
    pub(super) bytes_max: i32,
}

/// The session as both sides have it after the last answer.
#[derive(Debug, Default)]
pub(super) struct Session {
    /// 0: there is none, and one is asked for.
    id: i32,
    /// 0: the next request is full.
    epoch: i32,
    asked: BTreeMap<TopicPartition, Asked>,
    names: BTreeMap<Uuid, String>,
}

/// The part of a request that the session decides.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) session_id: i32,
    pub(super) session_epoch: i32,
    pub(super) topics: Vec<FetchTopic>,
    pub(super) forgotten: Vec<ForgottenTopic>,
    pub(super) version_max: i16,
}

impl Session {
    /// True if the last request was complete by itself.
    pub(super) fn is_full(&self) -> bool {
        self.epoch == 0
    }

    /// What it reads, with where.
    pub(super) fn asked(&self) -> &BTreeMap<TopicPartition, Asked> {
        &self.asked
    }

    /// The partition that an answer speaks of.
    pub(super) fn partition(&self, name: &str, id: Uuid, index: i32) -> Option<TopicPartition> {
        let name = if id.is_zero() { name } else { self.names.get(&id)? };
        Some(TopicPartition::new(name, index))
    }

    /// The next request reads `wanted` and nothing else. Brokers fill answers in the given order.
    pub(super) fn tell(&mut self, wanted: &[(TopicPartition, Asked)]) -> Told {
        let is_full = self.epoch == 0;
        let before = std::mem::take(&mut self.asked);
        let next: BTreeMap<TopicPartition, Asked> = wanted.iter().cloned().collect();
        let mut topics = Vec::new();
        let mut forgotten = Vec::new();
        for (partition, asked) in wanted {
            if is_full || before.get(partition) != Some(asked) {
                push(&mut topics, partition, *asked);
            }
        }
        if !is_full {
            for (partition, old) in &before {
                // Another topic of the same name is read by another id: the old one is forgotten.
                let new = next.get(partition);
                if new.is_none_or(|new| new.topic_id != old.topic_id) {
                    forget(&mut forgotten, partition, old.topic_id);
                }
            }
        }
        let has_ids = next.values().chain(before.values()).all(|it| !it.topic_id.is_zero());
        self.names = next.iter().map(|(it, asked)| (asked.topic_id, it.topic.clone())).collect();
        self.asked = next;
        Told {
            session_id: self.id,
            session_epoch: self.epoch,
            topics,
            forgotten,
            version_max: if has_ids { i16::MAX } else { TOPIC_ID_VERSION - 1 },
        }
    }

    /// Takes an answer over. False: it cannot be used, and the next request begins anew.
    pub(super) fn accept(&mut self, answer: &CheckedFetch) -> bool {
        match answer.code {
            ErrorCode::None => {}
            ErrorCode::FetchSessionIdNotFound => {
                self.begin_anew();
                return false;
            }
            _ => {
                self.epoch = 0;
                return false;
            }
        }
        let mut answered = BTreeSet::new();
        let mut is_known = true;
        for it in &answer.partitions {
            match self.partition(&it.topic, it.topic_id, it.data.partition_index) {
                Some(partition) if self.asked.contains_key(&partition) => {
                    answered.insert(partition);
                }
                _ => is_known = false,
            }
        }
        if self.epoch == 0 {
            // A broker that throttles answers a full request with nothing (KIP-219).
            let is_whole = is_known && answered.len() == self.asked.len();
            self.id = if is_whole { answer.session_id } else { 0 };
            self.epoch = i32::from(self.id != 0);
            return is_whole;
        }
        if !is_known {
            self.epoch = 0;
            return false;
        }
        match answer.session_id {
            0 => self.begin_anew(),
            _ => self.epoch = if self.epoch == i32::MAX { 1 } else { self.epoch + 1 },
        }
        true
    }

    /// No answer came: what the broker knows is not known.
    pub(super) fn fail(&mut self) {
        self.epoch = 0;
    }

    /// The request that closes it, if there is something to close.
    pub(super) fn close(&mut self) -> Option<FetchRequest> {
        let id = std::mem::take(&mut self.id);
        self.begin_anew();
        (id != 0).then(|| FetchRequest { session_id: id, session_epoch: -1, ..Default::default() })
    }

    fn begin_anew(&mut self) {
        self.id = 0;
        self.epoch = 0;
    }
}

fn push(topics: &mut Vec<FetchTopic>, partition: &TopicPartition, asked: Asked) {
    let it = FetchPartition {
        partition: partition.partition.0,
        current_leader_epoch: asked.leader_epoch.0,
        fetch_offset: asked.offset.0,
        partition_max_bytes: asked.bytes_max,
        ..Default::default()
    };
    match topics.last_mut() {
        Some(last) if last.topic == partition.topic && last.topic_id == asked.topic_id => {
            last.partitions.push(it);
        }
        _ => topics.push(FetchTopic {
            topic: partition.topic.clone(),
            topic_id: asked.topic_id,
            partitions: vec![it],
        }),
    }
}

fn forget(topics: &mut Vec<ForgottenTopic>, partition: &TopicPartition, topic_id: Uuid) {
    let index = partition.partition.0;
    match topics.last_mut() {
        Some(last) if last.topic == partition.topic => last.partitions.push(index),
        _ => topics.push(ForgottenTopic {
            topic: partition.topic.clone(),
            topic_id,
            partitions: vec![index],
        }),
    }
}

/// The request as a version writes it: topics by name or by id.
pub fn request_for(request: &FetchRequest, version: i16) -> FetchRequest {
    let mut request = request.clone();
    let by_id = TOPIC_ID_VERSION <= version;
    for topic in &mut request.topics {
        match by_id {
            true => topic.topic.clear(),
            false => topic.topic_id = Uuid::ZERO,
        }
    }
    let mut forgotten = std::mem::take(&mut request.forgotten_topics_data);
    for topic in &mut forgotten {
        match by_id {
            true => topic.topic.clear(),
            false => {
                topic.topic_id = Uuid::ZERO;
                // By name the old topic and the new one are the same: it is read on.
                let read = request.topics.iter().filter(|it| it.topic == topic.topic);
                let read: BTreeSet<i32> =
                    read.flat_map(|it| it.partitions.iter().map(|it| it.partition)).collect();
                topic.partitions.retain(|it| !read.contains(it));
            }
        }
    }
    forgotten.retain(|it| !it.partitions.is_empty());
    request.forgotten_topics_data = forgotten;
    request
}
