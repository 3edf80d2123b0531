//! What the producer's machine wants done, and what it tells. No tokio.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kt_protocol::codec::Records;
use kt_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kt_protocol::messages::{InitProducerIdRequest, ProduceRequest};
use kt_protocol::types::{NodeId, Uuid};

use super::batch::Sealed;
use super::record::Delivery;
use crate::error::Error;

/// From here on requests name topics by id (KIP-516).
pub const TOPIC_ID_VERSION: i16 = 13;

/// The number of a request, given back with its answer.
///
/// Shown at [`Sender`](super::sender::Sender).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequestId(pub u64);

/// What is to be done. Those of one node are to be done in their order; no other order matters.
///
/// Shown at [`Sender`](super::sender::Sender).
#[derive(Debug)]
pub enum Effect {
    /// Send records; the answer goes to `Sender::on_answer`.
    Produce(Produce),
    /// Ask any broker for an identity; the answer goes to `Sender::on_identity`.
    InitProducerId(InitProducerIdRequest),
    /// Ask for the leaders of these topics; the answer goes to `Sender::on_topics`.
    FindTopics(Vec<String>),
    /// Tell what became of records.
    Deliver(Delivery),
    /// Tell that a batch is sent again, and why: nothing is to be done.
    Retrying {
        /// What the last try failed of.
        error: Error,
        /// How long until the next try.
        wait: Duration,
    },
}

/// Records for one broker.
///
/// Shown at [`Sender`](super::sender::Sender).
#[derive(Clone, Debug)]
pub struct Produce {
    /// Its number.
    pub id: RequestId,
    /// To whom.
    pub node: NodeId,
    pub(super) acks: i16,
    pub(super) timeout_ms: i32,
    pub(super) topics: Vec<Outgoing>,
}

/// The batches of one topic.
#[derive(Clone, Debug)]
pub(super) struct Outgoing {
    pub(super) name: Arc<str>,
    pub(super) topic_id: Uuid,
    pub(super) partitions: Vec<(i32, Sealed)>,
}

impl Produce {
    /// The highest version that can say it: without the topics' ids not the last ones.
    pub fn version_max(&self) -> i16 {
        match self.topics.iter().any(|it| it.topic_id.is_zero()) {
            true => TOPIC_ID_VERSION - 1,
            false => i16::MAX,
        }
    }

    /// Whether the broker answers.
    pub fn is_answered(&self) -> bool {
        self.acks != 0
    }

    /// Makes the batches' final bytes. Takes its time; the request is made faster afterwards.
    pub fn prepare(&self) {
        for (_, sealed) in self.topics.iter().flat_map(|it| &it.partitions) {
            sealed.bytes();
        }
    }

    /// The request in a version.
    pub fn request(&self, version: i16) -> ProduceRequest {
        let by_id = TOPIC_ID_VERSION <= version;
        let topics = self.topics.iter().map(|topic| TopicProduceData {
            name: if by_id { String::new() } else { topic.name.to_string() },
            topic_id: if by_id { topic.topic_id } else { Uuid::ZERO },
            partition_data: topic.partitions.iter().map(partition_data).collect(),
        });
        ProduceRequest {
            transactional_id: None,
            acks: self.acks,
            timeout_ms: self.timeout_ms,
            topic_data: topics.collect(),
        }
    }

    /// The names of the topics that the answer may name by id.
    pub(super) fn names(&self) -> BTreeMap<Uuid, Arc<str>> {
        self.topics.iter().map(|it| (it.topic_id, Arc::clone(&it.name))).collect()
    }
}

fn partition_data((index, sealed): &(i32, Sealed)) -> PartitionProduceData {
    PartitionProduceData { index: *index, records: Some(Records::Bytes(sealed.bytes())) }
}
