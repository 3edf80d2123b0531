//! Reading: bounds are copied under the published lock, batches are found without any.

use kt_core::replica::check_leader_epoch;
use kt_protocol::types::{LeaderEpoch, Offset};
use kt_protocol::{ErrorCode, planted};
use kt_storage::leader_epochs::EpochEnd;
use kt_storage::transaction_index::AbortedTransaction;
use kt_storage::{FileRange, LogError, ReadRequest, aborted_transactions};

use super::{Bounds, Fault, LogState, Offsets, Partition};
use crate::fetch_session::{Isolation, PartitionAsk};

/// How often a reader takes the segments anew because one was deleted under it.
const ATTEMPTS: usize = 3;

/// What a fetch wants of one partition, now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReadAsk {
    pub(crate) ask: PartitionAsk,
    pub(crate) isolation: Isolation,
    /// What the answer still has room for, in bytes.
    pub(crate) room: u64,
    /// Give the first batch whole, however large.
    pub(crate) min_one_batch: bool,
}

/// What a fetch gets of one partition.
#[derive(Clone, Debug, Default)]
pub(crate) struct Read {
    pub(crate) error: Option<ErrorCode>,
    /// Where the reader's log parts from ours: the last epoch in common, and its end.
    pub(crate) diverging: Option<(LeaderEpoch, Offset)>,
    pub(crate) offsets: Option<Offsets>,
    pub(crate) records: Option<FileRange>,
    /// There may be records for which there was no room.
    pub(crate) is_left_out: bool,
    /// For a committed reader: transactions that were aborted and touch the records.
    pub(crate) aborted: Vec<AbortedTransaction>,
    /// What of the storage failed, if that is why.
    pub(crate) fault: Option<Fault>,
}

impl Read {
    fn refused(error: ErrorCode) -> Read {
        Read { error: Some(error), ..Read::default() }
    }

    pub(crate) fn length(&self) -> u64 {
        self.records.as_ref().map_or(0, |range| range.length)
    }
}

impl Partition {
    /// What a reader may see, or why it may see nothing.
    pub(crate) fn bounds(&self) -> Result<Bounds, ErrorCode> {
        self.published.lock().bounds()
    }

    /// Reads for a fetch.
    pub(crate) fn read(&self, ask: &ReadAsk) -> Read {
        for _ in 0..ATTEMPTS {
            match self.try_read(ask) {
                Ok(read) => return read,
                // A segment was deleted between the two: look again.
                Err(LogError::Disk(error)) if error.is_not_found() => {}
                Err(error) => return failed(&error),
            }
        }
        Read::refused(ErrorCode::NotLeaderOrFollower)
    }

    fn try_read(&self, asked: &ReadAsk) -> Result<Read, LogError> {
        let bounds = match self.bounds() {
            Ok(bounds) => bounds,
            Err(refusal) => return Ok(Read::refused(refusal)),
        };
        let ask = &asked.ask;
        if let Err(code) = check_leader_epoch(ask.current_leader_epoch, bounds.epoch) {
            return Ok(Read::refused(code));
        }
        let offsets = bounds.offsets;
        match self.divergence(ask, &bounds)? {
            Divergence::None => {}
            Divergence::Unknown => return Ok(Read::refused(ErrorCode::OffsetOutOfRange)),
            Divergence::At(epoch, end) => {
                let diverging = Some((epoch, end));
                return Ok(Read { diverging, offsets: Some(offsets), ..Read::default() });
            }
        }
        if ask.fetch_offset < offsets.log_start || offsets.log_end < ask.fetch_offset {
            return Ok(Read::refused(ErrorCode::OffsetOutOfRange));
        }
        let mut read = Read { offsets: Some(offsets), ..Read::default() };
        let max_bytes = asked.room.min(u64::from(ask.max_bytes));
        let max_offset = match asked.isolation {
            _ if planted!("read above the high watermark") => offsets.log_end,
            Isolation::ReadUncommitted => offsets.high_watermark,
            Isolation::ReadCommitted => offsets.last_stable,
        };
        if ask.fetch_offset < max_offset && max_bytes == 0 && !asked.min_one_batch {
            read.is_left_out = true;
        } else if ask.fetch_offset < max_offset {
            let from = ask.fetch_offset;
            let min_one_batch = asked.min_one_batch;
            let request = ReadRequest { from, max_offset, max_bytes, min_one_batch };
            let slice = kt_storage::read(&bounds.segments, &request)?;
            read.is_left_out = slice.is_none() && !min_one_batch;
            if let Some(slice) = slice {
                if asked.isolation == Isolation::ReadCommitted {
                    read.aborted = aborted_transactions(&bounds.segments, &slice, max_offset)?;
                }
                read.records = Some(slice.range);
            }
        }
        Ok(read)
    }

    /// Compares the last epoch that the reader has with ours (KIP-320).
    fn divergence(&self, ask: &PartitionAsk, bounds: &Bounds) -> Result<Divergence, LogError> {
        let last = ask.last_fetched_epoch;
        // Of the newest epoch the end is the log's: nothing can part there but by its offset.
        let is_newest = last == bounds.epoch && ask.fetch_offset <= bounds.offsets.log_end;
        if last == LeaderEpoch::UNKNOWN || is_newest {
            return Ok(Divergence::None);
        }
        let end = match &self.writer.lock().state {
            LogState::Open(open) => open.log.end_offset_for(last),
            LogState::Opening | LogState::Offline(_) | LogState::Closed => None,
        };
        let Some(EpochEnd { epoch, end_offset }) = end else { return Ok(Divergence::Unknown) };
        if epoch < last || end_offset < ask.fetch_offset {
            return Ok(Divergence::At(epoch, end_offset));
        }
        Ok(Divergence::None)
    }
}

fn failed(error: &LogError) -> Read {
    match error {
        LogError::OutOfRange { .. } => Read::refused(ErrorCode::OffsetOutOfRange),
        _ => {
            Read { fault: Some(Fault::from(error)), ..Read::refused(ErrorCode::KafkaStorageError) }
        }
    }
}

enum Divergence {
    None,
    /// We know no epoch as old as the reader's.
    Unknown,
    At(LeaderEpoch, Offset),
}
