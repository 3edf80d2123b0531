//! Batches of the metadata log ↔ records.

use bytes::Bytes;
use kt_core::metadata::VersionedRecord;
use kt_core::raft::ControlRecord;
use kt_protocol::records::{BatchBuilder, NewRecord};
use kt_protocol::types::{LeaderEpoch, Offset, Timestamp};

/// Makes the batch of a decision.
///
/// # Panics
///
/// If a record cannot be written in the version that its decider chose.
pub(super) fn data_batch(
    base_offset: Offset,
    epoch: LeaderEpoch,
    now: Timestamp,
    records: &[VersionedRecord],
) -> Bytes {
    let mut batch = BatchBuilder::new().base_offset(base_offset).leader_epoch(epoch);
    for VersionedRecord { record, version } in records {
        let value = record.encode(*version).expect("a decider chooses a version that fits");
        let record = NewRecord { timestamp: now, value: Some(&value), ..NewRecord::default() };
        batch.append(record).expect("a decision is bounded far below a batch");
    }
    batch.build()
}

/// Makes the batch that begins an epoch.
pub(super) fn control_batch(
    base_offset: Offset,
    epoch: LeaderEpoch,
    now: Timestamp,
    records: &[ControlRecord],
) -> Bytes {
    let mut batch = BatchBuilder::new().base_offset(base_offset).leader_epoch(epoch);
    for record in records {
        batch
            .append_control(now, record.control_type(), &record.value())
            .expect("a few small records fit into a batch");
    }
    batch.build()
}
