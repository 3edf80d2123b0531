//! DeleteRecords (21), v0-2: everything below an offset is given to nobody any more.
//!
//! The answer leaves once the new log start offset stands in its checkpoint file: what was deleted
//! does not come back with a crash.

use std::collections::BTreeSet;
use std::sync::Arc;

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
use crate::partition::Partition;

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
    let mut directories = BTreeSet::new();
    for topic in &request.topics {
        let delete = |asked: &DeleteRecordsPartition| {
            let deleted = delete(node, now, &topic.name, asked, effects);
            let deleted = deleted.map(|(partition, start)| {
                directories.insert(partition.identity.directory.path().to_owned());
                start
            });
            result(asked.partition_index, deleted)
        };
        let partitions = topic.partitions.iter().map(delete).collect();
        topics.push(DeleteRecordsTopicResult { name: topic.name.clone(), partitions });
    }
    let mut response = DeleteRecordsResponse { topics, ..DeleteRecordsResponse::default() };
    let answer =
        Box::new(move |node: &Node, _: Now, is_written: bool, effects: &mut Vec<Effect>| {
            if !is_written {
                refuse_lost(node, &mut response);
            }
            context.answer(&response, effects);
        });
    node.once_checkpointed(now, &directories, answer, effects);
}

fn result(index: i32, deleted: Result<Offset, ErrorCode>) -> DeleteRecordsPartitionResult {
    let (error, low_watermark) = match deleted {
        Ok(start) => (ErrorCode::None, start.0),
        Err(code) => (code, -1),
    };
    DeleteRecordsPartitionResult { partition_index: index, low_watermark, error_code: error as i16 }
}

/// A directory was lost while its checkpoint was waited for: what lies there may come back.
fn refuse_lost(node: &Node, response: &mut DeleteRecordsResponse) {
    for topic in &mut response.topics {
        for partition in topic.partitions.iter_mut().filter(|it| it.error_code == 0) {
            let index = partition.partition_index;
            let served = node.replicas.find(&topic.name, index).and_then(|it| it.bounds());
            if let Err(code) = served {
                *partition = result(index, Err(code));
            }
        }
    }
}

fn delete(
    node: &Node,
    now: Now,
    topic: &str,
    asked: &DeleteRecordsPartition,
    effects: &mut Vec<Effect>,
) -> Result<(Arc<Partition>, Offset), ErrorCode> {
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
    Ok((partition, start))
}
