//! DeleteRecords (21), v0-2: everything below an offset is given to nobody any more.
//!
//! The answer leaves once the new log start offset stands in its checkpoint file: what was deleted
//! does not come back with a crash.

use kt_protocol::codec::Versions;
use kt_protocol::messages::delete_records_request::DeleteRecordsPartition;
use kt_protocol::messages::delete_records_response::{
    DeleteRecordsPartitionResult, DeleteRecordsTopicResult,
};
use kt_protocol::messages::{DeleteRecordsRequest, DeleteRecordsResponse};
use kt_protocol::types::{Now, Offset};
use kt_protocol::{ApiKey, ErrorCode};

use super::{Api, Incoming, Listeners};
use crate::effect::Effect;
use crate::node::Node;

pub(super) const API: Api = Api {
    key: ApiKey::DeleteRecords,
    advertised: Versions::new(0, 2),
    listeners: Listeners::Broker,
    handle,
};

/// Means the high watermark.
const HIGH_WATERMARK: i64 = -1;

fn handle(node: &Node, now: Now, incoming: Incoming, effects: &mut Vec<Effect>) {
    let Some((context, request)) = incoming.decode_or_close::<DeleteRecordsRequest>(effects) else {
        return;
    };
    let mut topics = Vec::with_capacity(request.topics.len());
    for topic in &request.topics {
        let delete = |asked| partition(node, now, &topic.name, asked, effects);
        let partitions = topic.partitions.iter().map(delete).collect();
        topics.push(DeleteRecordsTopicResult { name: topic.name.clone(), partitions });
    }
    let response = DeleteRecordsResponse { topics, ..DeleteRecordsResponse::default() };
    let answer = Box::new(move |_: &Node, _: Now, effects: &mut Vec<Effect>| {
        context.answer(&response, effects);
    });
    node.once_checkpointed(now, answer, effects);
}

fn partition(
    node: &Node,
    now: Now,
    topic: &str,
    asked: &DeleteRecordsPartition,
    effects: &mut Vec<Effect>,
) -> DeleteRecordsPartitionResult {
    let deleted = delete(node, now, topic, asked, effects);
    let (error, low_watermark) = match deleted {
        Ok(start) => (ErrorCode::None, start.0),
        Err(code) => (code, -1),
    };
    DeleteRecordsPartitionResult {
        partition_index: asked.partition_index,
        low_watermark,
        error_code: error as i16,
    }
}

fn delete(
    node: &Node,
    now: Now,
    topic: &str,
    asked: &DeleteRecordsPartition,
    effects: &mut Vec<Effect>,
) -> Result<Offset, ErrorCode> {
    let partition = node.replicas.find(topic, asked.partition_index)?;
    let bounds = partition.bounds()?;
    if !partition.config().cleanup_policy.delete {
        return Err(ErrorCode::PolicyViolation);
    }
    let before = match asked.offset {
        HIGH_WATERMARK => bounds.offsets.high_watermark,
        offset => Offset(offset),
    };
    if before < Offset(0) || bounds.offsets.high_watermark < before {
        return Err(ErrorCode::OffsetOutOfRange);
    }
    let (start, moved) =
        partition.delete_records(before).map_err(|_| ErrorCode::KafkaStorageError)?;
    node.checkpointing.moved(&partition, now.monotonic, effects);
    node.deliver(moved, effects);
    Ok(start)
}
