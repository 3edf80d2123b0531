//! DescribeLogDirs (35), v1-5: what lies in the log directories, and how full they are.
//!
//! v2 has errors for all, v3 one error code, v4 the space (KIP-827), v5 cordoned directories.

use std::collections::BTreeMap;
use std::sync::Arc;

use kt_protocol::codec::Versions;
use kt_protocol::messages::describe_log_dirs_response::{
    DescribeLogDirsPartition, DescribeLogDirsResult, DescribeLogDirsTopic,
};
use kt_protocol::messages::{DescribeLogDirsRequest, DescribeLogDirsResponse};
use kt_protocol::types::Now;
use kt_protocol::{ApiKey, ErrorCode};

use super::{Api, Incoming, Listeners};
use crate::effect::Effect;
use crate::log_directories::LogDirectory;
use crate::node::Node;
use crate::partition::Partition;

pub(super) const API: Api = Api {
    key: ApiKey::DescribeLogDirs,
    advertised: Versions::new(1, 5),
    listeners: Listeners::Broker,
    handle,
};

fn handle(node: &Node, _now: Now, incoming: Incoming, effects: &mut Vec<Effect>) {
    let Some((context, request)) = incoming.decode_or_close::<DescribeLogDirsRequest>(effects)
    else {
        return;
    };
    let is_asked_for = |partition: &Arc<Partition>| {
        let name = partition.name();
        request.topics.as_ref().is_none_or(|topics| {
            let of_topic = topics.iter().filter(|topic| topic.topic == name.topic);
            of_topic.flat_map(|topic| &topic.partitions).any(|it| *it == name.partition.0)
        })
    };
    let describe = |directory| describe(node, directory, &is_asked_for);
    let results = node.replicas.home.directories.iter().map(describe).collect();
    context.answer(&DescribeLogDirsResponse { results, ..Default::default() }, effects);
}

fn describe(
    node: &Node,
    directory: &Arc<LogDirectory>,
    is_asked_for: &impl Fn(&Arc<Partition>) -> bool,
) -> DescribeLogDirsResult {
    let log_dir = directory.path().display().to_string();
    if directory.is_lost() {
        let error_code = ErrorCode::KafkaStorageError as i16;
        return DescribeLogDirsResult { error_code, log_dir, ..Default::default() };
    }
    let mut topics: BTreeMap<String, Vec<DescribeLogDirsPartition>> = BTreeMap::new();
    for partition in node.replicas.in_directory(directory) {
        let Some(size) = partition.size().filter(|_| is_asked_for(&partition)) else { continue };
        let name = partition.name();
        topics.entry(name.topic.clone()).or_default().push(DescribeLogDirsPartition {
            partition_index: name.partition.0,
            partition_size: i64::try_from(size).unwrap_or(i64::MAX),
            offset_lag: 0,
            is_future_key: false,
        });
    }
    let topic = |(name, partitions)| DescribeLogDirsTopic { name, partitions };
    let space = node.disk.space(directory.path()).ok();
    let bytes = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
    DescribeLogDirsResult {
        log_dir,
        topics: topics.into_iter().map(topic).collect(),
        total_bytes: space.map_or(-1, |space| bytes(space.total_bytes)),
        usable_bytes: space.map_or(-1, |space| bytes(space.usable_bytes)),
        ..Default::default()
    }
}
