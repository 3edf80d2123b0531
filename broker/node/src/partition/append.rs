//! Appending: everything about a batch that needs the log's state, then one write.
//!
//! An append may one day have to wait before it happens: a transactional batch for the word of its
//! transaction's coordinator (KIP-890). The seam is here: `append` borrows a batch out of a frame
//! that the request owns, so a queue of waiting appends, one per producer and partition so that a
//! producer's order is kept, holds frame and batch until the answer comes and then calls `append`
//! as it is. Until then a transactional batch is refused before it gets here.

use kt_core::replica::{Acks, check_appendable};
use kt_protocol::records::{BatchHeader, BatchPatch};
use kt_protocol::types::{LeaderEpoch, Now, Offset, Timestamp};
use kt_protocol::{ErrorCode, planted};
use kt_storage::LogError;
use kt_storage::producer_state::{Admission, ProducerBatch};

use super::{Fault, LogState, Moved, OpenLog, Partition, Writer};
use crate::effect::Effect;

/// A batch that was checked as far as it can be without the log.
pub(crate) struct ProducedBatch<'a> {
    /// The batch, within its frame or recompressed. Base offset and leader epoch are patched in.
    pub(crate) bytes: &'a mut [u8],
    /// Its head, with base offset 0.
    pub(crate) header: BatchHeader,
    /// The time that the broker gave its records, or none.
    pub(crate) log_append_time: Timestamp,
}

/// What an append came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Appended {
    pub(crate) base_offset: Offset,
    /// The offset after it: what acks=all waits for.
    pub(crate) end: Offset,
    pub(crate) log_append_time: Timestamp,
    pub(crate) log_start: Offset,
    /// The epoch it was appended in.
    pub(crate) epoch: LeaderEpoch,
}

/// Why an append was refused.
#[derive(Clone, Debug)]
pub(crate) struct AppendError {
    pub(crate) code: ErrorCode,
    /// Details for a person.
    pub(crate) message: Option<String>,
    /// What of the storage failed, if that is why.
    pub(crate) fault: Option<Fault>,
}

impl From<ErrorCode> for AppendError {
    fn from(code: ErrorCode) -> AppendError {
        AppendError { code, message: None, fault: None }
    }
}

impl AppendError {
    pub(crate) fn new(code: ErrorCode, message: impl Into<String>) -> AppendError {
        AppendError { code, message: Some(message.into()), fault: None }
    }
}

impl From<LogError> for AppendError {
    fn from(error: LogError) -> AppendError {
        if let LogError::TooLarge { .. } = error {
            return AppendError::new(ErrorCode::RecordListTooLarge, error.to_string());
        }
        // Whatever else a checked batch meets is the storage's fault.
        let fault = Some(Fault::from(&error));
        AppendError { code: ErrorCode::KafkaStorageError, message: None, fault }
    }
}

impl Partition {
    /// Appends a batch as its leader.
    ///
    /// # Errors
    ///
    /// [`AppendError`]: nothing was appended.
    pub(crate) fn append(
        &self,
        now: Now,
        batch: ProducedBatch<'_>,
        acks: Acks,
        effects: &mut Vec<Effect>,
    ) -> Result<(Appended, Moved), AppendError> {
        let mut writer = self.writer.lock();
        let Writer { state, registration } = &mut *writer;
        let open = match state {
            LogState::Open(open) => open,
            LogState::Opening | LogState::Closed => {
                return Err(ErrorCode::NotLeaderOrFollower.into());
            }
            LogState::Offline(_) => return Err(ErrorCode::KafkaStorageError.into()),
        };
        let leader = open.leader.as_ref().ok_or(ErrorCode::NotLeaderOrFollower)?;
        let (epoch, isr) = (leader.epoch(), leader.isr().len());
        let replicas = registration.replicas.len();
        let wanted = self.min_isr(replicas);
        check_appendable(acks, isr, wanted).map_err(|code| {
            let name = self.name();
            AppendError::new(code, format!("{name} has {isr} in-sync replicas, needs {wanted}"))
        })?;
        if let Some(appended) = duplicate_of(open, &batch.header, epoch, batch.log_append_time)? {
            return Ok((appended, Moved::default()));
        }
        let appended = write(now, open, batch, epoch)?;
        self.flush_if_due(open, effects)?;
        let moved = self.advance(open, replicas);
        Ok((appended, moved))
    }
}

/// A batch that its producer sends again: it has its place already.
fn duplicate_of(
    open: &OpenLog,
    header: &BatchHeader,
    epoch: LeaderEpoch,
    log_append_time: Timestamp,
) -> Result<Option<Appended>, AppendError> {
    let Some(batch) = ProducerBatch::of(header) else { return Ok(None) };
    let admission = open.log.producers().check(&batch);
    match admission.map_err(|error| AppendError::new(error.code(), error.to_string()))? {
        Admission::Append => Ok(None),
        Admission::Duplicate(_) if planted!("duplicate appended") => Ok(None),
        Admission::Duplicate(kept) => Ok(Some(Appended {
            base_offset: kept.base_offset(),
            end: kept.last_offset.plus(1),
            // The time that it was given then.
            log_append_time: match log_append_time {
                Timestamp::NONE => Timestamp::NONE,
                _ => kept.timestamp,
            },
            log_start: open.log.log_start_offset(),
            epoch,
        })),
    }
}

/// Gives the batch its place, and writes it there.
fn write(
    now: Now,
    open: &mut OpenLog,
    batch: ProducedBatch<'_>,
    epoch: LeaderEpoch,
) -> Result<Appended, AppendError> {
    let ProducedBatch { bytes, header, log_append_time } = batch;
    let base_offset = open.log.log_end_offset();
    let header = header.placed(base_offset, epoch);
    let mut patch = BatchPatch::first_of(bytes)
        .map_err(|error| AppendError::new(ErrorCode::CorruptMessage, error.to_string()))?;
    patch.set_base_offset(base_offset);
    patch.set_partition_leader_epoch(epoch);
    let appended = open.log.append_parsed(now, bytes, &[header])?;
    Ok(Appended {
        base_offset,
        end: appended.last_offset.plus(1),
        log_append_time,
        log_start: open.log.log_start_offset(),
        epoch,
    })
}
