//! The transaction index of a segment: a file that is there once a transaction was aborted.

use std::sync::Arc;

use kt_protocol::types::Offset;

use super::Segment;
use crate::disk::{DiskError, File, OpenMode};
use crate::error::LogError;
use crate::transaction_index::{self, AbortedTransaction, TransactionIndexError};

impl Segment {
    /// Notes that there is a transaction index.
    pub(crate) fn note_aborted(&self) {
        self.state.lock().has_aborted = true;
    }

    /// Whether there is a transaction index.
    pub(crate) fn has_aborted(&self) -> bool {
        self.state.lock().has_aborted
    }

    /// Forgets the aborted transactions whose marker is at `end` or above, durably.
    pub(crate) fn cut_transaction_index(&self, end: Offset) -> Result<(), LogError> {
        let path = self.transaction_index.path();
        let file = self.transaction_index.disk().open(&path, OpenMode::Write)?;
        match transaction_index::truncate(&*file, end) {
            Ok(()) => Ok(file.sync()?),
            Err(error) => Err(self.damaged_transactions(error)),
        }
    }

    pub(crate) fn damaged_transactions(&self, error: TransactionIndexError) -> LogError {
        let (entry, reason) = match error {
            TransactionIndexError::Disk(error) => return error.into(),
            TransactionIndexError::Unsound { entry, reason } => (entry, reason.to_owned()),
        };
        LogError::Damaged {
            file: self.transaction_index.path(),
            position: entry * transaction_index::ENTRY_BYTES,
            offset: self.base_offset,
            reason,
        }
    }

    /// The transaction index, which is made by the first aborted transaction.
    pub(crate) fn transaction_file(&self) -> Result<Arc<dyn File>, DiskError> {
        self.transaction_index.file()
    }

    /// Lets go of the transaction index: another file takes its name.
    pub(crate) fn forget_transaction_file(&self) {
        self.transaction_index.forget();
        self.state.lock().has_aborted = false;
    }

    /// Collects the aborted transactions that a reader of `from..upper_bound` must skip. True if
    /// all are found.
    pub(crate) fn collect_aborted(
        &self,
        from: Offset,
        upper_bound: Offset,
        aborted: &mut Vec<AbortedTransaction>,
    ) -> Result<bool, LogError> {
        if !self.has_aborted() {
            return Ok(false);
        }
        let file = self.transaction_file()?;
        transaction_index::collect(&*file, from, upper_bound, aborted)
            .map_err(|error| self.damaged_transactions(error))
    }
}
