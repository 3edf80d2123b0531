//! One Fetch to one broker without a session, and what came of it: for those who look once.

use std::collections::BTreeMap;

use bytes::Bytes;
use kt_protocol::codec::Records;
use kt_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kt_protocol::messages::{FetchRequest, FetchResponse};
use kt_protocol::types::{NodeId, Offset, TopicPartition, Uuid};
use kt_protocol::{ApiKey, ErrorCode};
use tokio::time::Instant;

use super::ConsumerConfig;
use super::records::{Aborted, FetchedRecords, Marks};
use crate::admin::Isolation;
use crate::client::{Client, Limit, Target};
use crate::connection::Wanted;
use crate::duration::{after, request_millis};
use crate::error::{Error, Subject};
use crate::pool::Lane;

/// From here on requests name topics by id (KIP-516).
const TOPIC_ID_VERSION: i16 = 13;

/// Whoever looks once has no connection of its own.
const LANE: Lane = Lane::Fetches(0);

/// What is asked of a broker.
pub(crate) struct Request {
    asked: Vec<(TopicPartition, Offset)>,
    topics: Vec<FetchTopic>,
    ids: BTreeMap<Uuid, String>,
    wanted: Wanted,
    config: ConsumerConfig,
}

/// The end of one request.
#[derive(Debug)]
pub(crate) struct Fetched {
    pub(crate) asked: Vec<(TopicPartition, Offset)>,
    pub(crate) result: Result<Vec<FetchedPartition>, Error>,
}

/// A partition's part of an answer.
#[derive(Debug)]
pub(crate) struct FetchedPartition {
    pub(crate) partition: TopicPartition,
    pub(crate) code: ErrorCode,
    marks: Marks,
    aborted: Vec<Aborted>,
    bytes: Bytes,
}

impl Request {
    pub(crate) fn new(
        client: &Client,
        config: &ConsumerConfig,
        asked: Vec<(TopicPartition, Offset)>,
    ) -> Request {
        let metadata = client.metadata();
        let mut topics: Vec<FetchTopic> = Vec::new();
        let mut ids = BTreeMap::new();
        let mut all_have_ids = true;
        for (partition, offset) in &asked {
            // No epoch is sent: this reader trusts whoever leads now.
            let it = FetchPartition {
                partition: partition.partition.0,
                fetch_offset: offset.0,
                partition_max_bytes: config.partition_fetch_bytes_max,
                ..Default::default()
            };
            match topics.last_mut() {
                Some(last) if last.topic == partition.topic => last.partitions.push(it),
                _ => {
                    let known = metadata.topics.get(&partition.topic);
                    let topic_id = known.map_or(Uuid::ZERO, |it| it.id);
                    all_have_ids &= !topic_id.is_zero();
                    ids.insert(topic_id, partition.topic.clone());
                    let topic = partition.topic.clone();
                    topics.push(FetchTopic { topic, topic_id, partitions: vec![it] });
                }
            }
        }
        let mut wanted = Wanted::any::<FetchRequest>();
        if !all_have_ids {
            wanted.versions.max = wanted.versions.max.min(TOPIC_ID_VERSION - 1);
        }
        Request { asked, topics, ids, wanted, config: config.clone() }
    }

    fn of_version(&self, version: i16) -> FetchRequest {
        let topics = self.topics.iter().map(|it| {
            let mut topic = it.clone();
            match version < TOPIC_ID_VERSION {
                true => topic.topic_id = Uuid::ZERO,
                false => topic.topic = String::new(),
            }
            topic
        });
        FetchRequest {
            max_wait_ms: request_millis(self.config.fetch_max_wait),
            min_bytes: self.config.fetch_min_bytes,
            max_bytes: self.config.fetch_max_bytes,
            isolation_level: self.config.isolation.code(),
            topics: topics.collect(),
            // Without a session: id 0, epoch -1.
            ..Default::default()
        }
    }
}

/// Asks, once.
pub(crate) async fn fetch(client: Client, node: NodeId, request: Request) -> Fetched {
    let timeout = client.config().request_timeout + request.config.fetch_max_wait;
    let limit = Limit { operation: "Fetch", deadline: after(Instant::now(), timeout), timeout };
    let result = async {
        let connection = client.connection(Target::Node(node), LANE, limit).await?;
        let build = |version| request.of_version(version);
        let response = client.call_on(&connection, request.wanted, limit, build).await?;
        partitions(response, &request.ids)
    }
    .await;
    Fetched { asked: request.asked, result }
}

fn partitions(
    response: FetchResponse,
    ids: &BTreeMap<Uuid, String>,
) -> Result<Vec<FetchedPartition>, Error> {
    let code = ErrorCode::from_code(response.error_code);
    if !code.is_none() {
        return Err(Error::broker(ApiKey::Fetch, code, Subject::Request));
    }
    let mut partitions = Vec::new();
    for topic in response.responses {
        let by_id = ids.get(&topic.topic_id).cloned();
        let name = if topic.topic.is_empty() { by_id } else { Some(topic.topic) };
        let Some(name) = name else { continue };
        for it in topic.partitions {
            let bytes = match it.records {
                Some(Records::Bytes(bytes)) => bytes,
                Some(Records::External { .. }) | None => Bytes::new(),
            };
            partitions.push(FetchedPartition {
                partition: TopicPartition::new(name.clone(), it.partition_index),
                code: ErrorCode::from_code(it.error_code),
                marks: Marks {
                    log_start: Offset(it.log_start_offset),
                    last_stable: Offset(it.last_stable_offset),
                    high_watermark: Offset(it.high_watermark),
                },
                aborted: it.aborted_transactions.iter().flatten().map(Aborted::from).collect(),
                bytes,
            });
        }
    }
    Ok(partitions)
}

impl FetchedPartition {
    /// What its code says.
    pub(crate) fn error(&self) -> Error {
        Error::broker(ApiKey::Fetch, self.code, Subject::Partition(self.partition.clone()))
    }

    /// The first offset that a reader may not see yet.
    pub(crate) fn end(&self, isolation: Isolation) -> Offset {
        self.marks.end(isolation)
    }

    /// Its records from `position` on.
    pub(crate) fn records(
        self,
        position: Offset,
        isolation: Isolation,
    ) -> Result<FetchedRecords, Error> {
        let end = self.end(isolation);
        let hidden = match isolation {
            Isolation::ReadCommitted => self.aborted,
            Isolation::ReadUncommitted => Vec::new(),
        };
        let marks = self.marks;
        let partition = self.partition.clone();
        let records = FetchedRecords::new(self.partition, &self.bytes, position, end, hidden);
        records.map(|it| it.with_marks(marks)).map_err(|reason| {
            Error::protocol(ApiKey::Fetch, format!("{partition} at offset {position}: {reason}"))
        })
    }
}
