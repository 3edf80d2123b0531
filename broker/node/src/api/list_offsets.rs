//! ListOffsets (2), v1-11: offsets by time, and by the names that have negative times.
//!
//! - v2 has isolation levels, v4 leader epochs (KIP-320), v7 the greatest timestamp (KIP-734), v8
//!   the earliest local offset, v9 the latest tiered one (KIP-405, KIP-1005), v11 the earliest
//!   that waits to be tiered: without tiered storage all is local, and nothing is tiered.
//! - v10 has a timeout for tiered storage.

use kt_core::replica::check_leader_epoch;
use kt_protocol::codec::Versions;
use kt_protocol::messages::list_offsets_request::ListOffsetsPartition;
use kt_protocol::messages::list_offsets_response::{
    ListOffsetsPartitionResponse, ListOffsetsTopicResponse,
};
use kt_protocol::messages::{ListOffsetsRequest, ListOffsetsResponse};
use kt_protocol::records::Budget;
use kt_protocol::types::{LeaderEpoch, Now, Offset, Timestamp};
use kt_protocol::{ApiKey, ErrorCode};
use kt_storage::lookup::{offset_for_timestamp, offset_of_max_timestamp};

use super::{Api, Incoming, Listeners};
use crate::effect::Effect;
use crate::fetch_session::Isolation;
use crate::node::Node;
use crate::partition::{Bounds, Fault, Partition};

pub(super) const API: Api = Api {
    key: ApiKey::ListOffsets,
    advertised: Versions::new(1, 11),
    listeners: Listeners::Broker,
    handle,
};

const LATEST: i64 = -1;
const EARLIEST: i64 = -2;
const MAX_TIMESTAMP: i64 = -3;
const EARLIEST_LOCAL: i64 = -4;
const LATEST_TIERED: i64 = -5;
const EARLIEST_PENDING_UPLOAD: i64 = -6;

/// The first versions that know the negative times.
const FIRST_VERSIONS: [(i64, i16); 4] =
    [(MAX_TIMESTAMP, 7), (EARLIEST_LOCAL, 8), (LATEST_TIERED, 9), (EARLIEST_PENDING_UPLOAD, 11)];

/// What one look-up may decompress: a zstd window of the greatest size, and a batch beside it.
const LOOKUP_BYTES_MAX: u64 = 256 << 20;

/// An offset with its time and epoch; what is unknown is -1.
struct Listed {
    offset: Offset,
    timestamp: Timestamp,
    epoch: LeaderEpoch,
}

const NOTHING: Listed =
    Listed { offset: Offset(-1), timestamp: Timestamp::NONE, epoch: LeaderEpoch::UNKNOWN };

fn handle(node: &Node, _now: Now, incoming: Incoming, effects: &mut Vec<Effect>) {
    let Some((context, request)) = incoming.decode_or_close::<ListOffsetsRequest>(effects) else {
        return;
    };
    let isolation = Isolation::from_wire(request.isolation_level);
    let version = context.version;
    let mut topics = Vec::with_capacity(request.topics.len());
    for topic in request.topics {
        let list = |asked| partition(node, &topic.name, asked, isolation, version, effects);
        let partitions = topic.partitions.iter().map(list).collect();
        topics.push(ListOffsetsTopicResponse { name: topic.name.clone(), partitions });
    }
    context.answer(&ListOffsetsResponse { topics, ..Default::default() }, effects);
}

fn partition(
    node: &Node,
    topic: &str,
    asked: &ListOffsetsPartition,
    isolation: Isolation,
    version: i16,
    effects: &mut Vec<Effect>,
) -> ListOffsetsPartitionResponse {
    let found = node.replicas.find(topic, asked.partition_index);
    let listed = found.and_then(|partition| {
        let listed = list(&partition, asked, isolation, version);
        listed.map_err(|refusal| {
            if let Some(fault) = refusal.fault {
                node.fault(&partition, fault, effects);
            }
            refusal.code
        })
    });
    let (error, listed) = match listed {
        Ok(listed) => (ErrorCode::None, listed),
        Err(code) => (code, NOTHING),
    };
    ListOffsetsPartitionResponse {
        partition_index: asked.partition_index,
        error_code: error as i16,
        timestamp: listed.timestamp.0,
        offset: listed.offset.0,
        // Older versions cannot say it.
        leader_epoch: if 4 <= version { listed.epoch.0 } else { LeaderEpoch::UNKNOWN.0 },
    }
}

struct Refused {
    code: ErrorCode,
    fault: Option<Fault>,
}

impl From<ErrorCode> for Refused {
    fn from(code: ErrorCode) -> Refused {
        Refused { code, fault: None }
    }
}

fn list(
    partition: &Partition,
    asked: &ListOffsetsPartition,
    isolation: Isolation,
    version: i16,
) -> Result<Listed, Refused> {
    let bounds = partition.bounds()?;
    check_leader_epoch(LeaderEpoch(asked.current_leader_epoch), bounds.epoch)?;
    let first_version = FIRST_VERSIONS.iter().find(|(time, _)| *time == asked.timestamp);
    if first_version.is_some_and(|(_, first)| version < *first) || asked.timestamp < -6 {
        return Err(ErrorCode::UnsupportedVersion.into());
    }
    let offsets = bounds.offsets;
    let end = match isolation {
        Isolation::ReadUncommitted => offsets.high_watermark,
        Isolation::ReadCommitted => offsets.last_stable,
    };
    match asked.timestamp {
        LATEST => Ok(Listed { offset: end, timestamp: Timestamp::NONE, epoch: bounds.epoch }),
        EARLIEST | EARLIEST_LOCAL => Ok(Listed {
            offset: offsets.log_start,
            timestamp: Timestamp::NONE,
            epoch: partition.epoch_of(offsets.log_start),
        }),
        // There is no other tier than this one.
        LATEST_TIERED | EARLIEST_PENDING_UPLOAD => Ok(NOTHING),
        time => by_time(&bounds, time, end),
    }
}

/// The first record that is as late as `time`, or the latest of all.
fn by_time(bounds: &Bounds, time: i64, end: Offset) -> Result<Listed, Refused> {
    let offsets = bounds.offsets.log_start..end;
    let mut budget = Budget::new(LOOKUP_BYTES_MAX);
    let found = match time {
        MAX_TIMESTAMP => offset_of_max_timestamp(&bounds.segments, offsets, &mut budget),
        time => offset_for_timestamp(&bounds.segments, Timestamp(time), offsets, &mut budget),
    };
    match found {
        Ok(Some(record)) => Ok(Listed {
            offset: record.offset,
            timestamp: record.timestamp,
            epoch: record.leader_epoch,
        }),
        Ok(None) => Ok(NOTHING),
        Err(error) => {
            Err(Refused { code: ErrorCode::KafkaStorageError, fault: Some(Fault::from(&error)) })
        }
    }
}
