//! The records of a batch one by one, and why they may not be had.

use kt_protocol::records::control::{ControlType, TxnOutcome};
use kt_protocol::records::{AppendError, BatchView, Budget, RecordView, RecordsError};

use super::transactions::ControlContent;

/// Why a batch whose checksum is right cannot be cleaned.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum BatchFault {
    /// The records cannot be read.
    #[error(transparent)]
    Records(#[from] RecordsError),
    /// What stays of them does not fit into one batch.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// What stays of an old message is too large for one.
    #[error("what stays of it makes a message of {size} bytes, more than 2147483647")]
    MessageTooLarge {
        /// The message's bytes.
        size: usize,
    },
}

/// Hands each record to `take`.
pub(crate) fn each_record(
    batch: &BatchView<'_>,
    budget_bytes: u64,
    mut take: impl FnMut(&RecordView<'_>) -> Result<(), BatchFault>,
) -> Result<(), BatchFault> {
    let mut budget = Budget::new(budget_bytes);
    let mut records = batch.stream(&mut budget)?;
    while let Some(record) = records.next()? {
        take(&record)?;
    }
    Ok(())
}

/// What a control batch says.
pub(crate) fn control_content(
    batch: &BatchView<'_>,
    budget_bytes: u64,
) -> Result<ControlContent, BatchFault> {
    let mut budget = Budget::new(budget_bytes);
    let mut records = batch.stream(&mut budget)?;
    let Some(record) = records.next()? else { return Ok(ControlContent::Empty) };
    Ok(match ControlType::from_key(record.key) {
        Ok(ControlType::Abort) => ControlContent::End(TxnOutcome::Abort),
        Ok(ControlType::Commit) => ControlContent::End(TxnOutcome::Commit),
        _ => ControlContent::Other,
    })
}
