//! Loading a shard: every record of its partition is read and replayed, by a job.

use bytes::Bytes;
use kt_core::group::{GroupConfig, Shard, TransactionResult};
use kt_protocol::messages::group_coordinator_record::GroupCoordinatorRecord;
use kt_protocol::planted;
use kt_protocol::records::control::{EndTxnMarker, TxnOutcome};
use kt_protocol::records::{BatchView, Budget, RecordView};
use kt_protocol::types::{Offset, ProducerId};
use kt_storage::{LogError, WalkError, walk_batches};

use super::shard::Token;
use crate::partition::Bounds;

/// How large the records of one batch may become; no coordinator writes any as large.
const BATCH_BYTES_MAX: u64 = 256 << 20;

/// A shard as its log has it.
pub(crate) struct LoadedShard {
    pub(crate) shard: Shard<Token>,
    /// The end of what was read.
    pub(crate) end: Offset,
}

impl LoadedShard {
    /// That of a log without records.
    pub(crate) fn empty(config: GroupConfig, seed: u64, end: Offset) -> LoadedShard {
        LoadedShard { shard: Shard::new(config, seed), end }
    }
}

/// Why there is no shard.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    /// The log cannot be read.
    #[error(transparent)]
    Log(LogError),
    /// Something in it is not what a coordinator writes.
    #[error("the record at offset {offset} is not a group coordinator's: {reason}")]
    Record { offset: Offset, reason: String },
}

/// Reads a partition from its start to its end; a job.
pub(super) fn load(
    config: GroupConfig,
    seed: u64,
    bounds: &Bounds,
) -> Result<LoadedShard, LoadError> {
    let offsets = bounds.offsets;
    let mut loaded = LoadedShard::empty(config, seed, offsets.log_end);
    let shard = &mut loaded.shard;
    let walked = walk_batches(&bounds.segments, offsets.log_start, offsets.log_end, |batch| {
        if planted!("the last batch of groups is not loaded")
            && batch.last_offset().plus(1) == offsets.log_end
        {
            return Ok(());
        }
        replay_batch(shard, batch, offsets.log_start)
    });
    match walked {
        Ok(()) => Ok(loaded),
        Err(WalkError::Log(error)) => Err(LoadError::Log(error)),
        Err(WalkError::NoBatch(offset)) => {
            Err(LoadError::Record { offset, reason: "no whole batch can be read here".to_owned() })
        }
        Err(WalkError::Visitor(error)) => Err(error),
    }
}

fn replay_batch(
    shard: &mut Shard<Token>,
    batch: &BatchView<'_>,
    log_start: Offset,
) -> Result<(), LoadError> {
    let wrong = |offset: Offset, reason: String| LoadError::Record { offset, reason };
    let producer_id = match batch.is_transactional() {
        true => batch.producer_id(),
        false => ProducerId::NONE,
    };
    let mut budget = Budget::new(BATCH_BYTES_MAX);
    let unreadable = |reason: String| wrong(batch.base_offset(), reason);
    let mut records = batch.stream(&mut budget).map_err(|it| unreadable(it.to_string()))?;
    while let Some(record) = records.next().map_err(|it| unreadable(it.to_string()))? {
        let offset = record.offset;
        if offset < log_start {
            continue;
        }
        if batch.is_control() {
            let marker = EndTxnMarker::from_record(&record);
            if let Some(marker) = marker.map_err(|it| wrong(offset, it.to_string()))? {
                shard.replay_end_transaction(batch.producer_id(), result(marker));
            }
            continue;
        }
        if planted!("tombstones of groups are not loaded") && record.value.is_none() {
            continue;
        }
        let decoded = decode(&record).map_err(|reason| wrong(offset, reason))?;
        shard.replay(&decoded, offset, producer_id);
    }
    Ok(())
}

fn decode(record: &RecordView<'_>) -> Result<GroupCoordinatorRecord, String> {
    let key = Bytes::copy_from_slice(record.key.ok_or("it has no key")?);
    let value = record.value.map(Bytes::copy_from_slice);
    GroupCoordinatorRecord::decode(&key, value.as_ref()).map_err(|it| it.to_string())
}

fn result(marker: EndTxnMarker) -> TransactionResult {
    match marker.outcome {
        TxnOutcome::Commit => TransactionResult::Commit,
        TxnOutcome::Abort => TransactionResult::Abort,
    }
}
