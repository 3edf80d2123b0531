//! An answer to a Fetch whose batches were walked and whose checksums hold: what costs time is done
//! before the machine is locked.

use bytes::Bytes;
use kt_protocol::ErrorCode;
use kt_protocol::codec::Records;
use kt_protocol::messages::FetchResponse;
use kt_protocol::messages::fetch_response::PartitionData;
use kt_protocol::types::Uuid;

use crate::consumer::records::{CrcCheck, ReadError, Walked};

/// A FetchResponse, ready for [`super::Fetcher::on_fetch`].
#[derive(Debug)]
pub struct CheckedFetch {
    pub(super) code: ErrorCode,
    pub(super) session_id: i32,
    pub(super) throttle_ms: u64,
    pub(super) partitions: Vec<CheckedPartition>,
    /// Bytes of record batches.
    pub(super) size: usize,
}

#[derive(Debug)]
pub(super) struct CheckedPartition {
    pub(super) topic: String,
    pub(super) topic_id: Uuid,
    /// Without its records.
    pub(super) data: PartitionData,
    pub(super) walked: Result<Walked, ReadError>,
}

impl CheckedFetch {
    /// Walks the batches of a response.
    pub fn new(response: FetchResponse, crcs: CrcCheck) -> CheckedFetch {
        let mut size = 0;
        let mut partitions = Vec::new();
        for topic in response.responses {
            for mut data in topic.partitions {
                let bytes = match data.records.take() {
                    Some(Records::Bytes(bytes)) => bytes,
                    Some(Records::External { .. }) | None => Bytes::new(),
                };
                size += bytes.len();
                partitions.push(CheckedPartition {
                    topic: topic.topic.clone(),
                    topic_id: topic.topic_id,
                    data,
                    walked: Walked::new(&bytes, crcs),
                });
            }
        }
        CheckedFetch {
            code: ErrorCode::from_code(response.error_code),
            session_id: response.session_id,
            throttle_ms: u64::try_from(response.throttle_time_ms).unwrap_or(0),
            partitions,
            size,
        }
    }
}
