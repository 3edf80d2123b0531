//! Which batches belong to aborted transactions, and which markers have outlived their data.
//! Kafka's `CleanedTransactionMetadata`.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use kt_protocol::records::BatchHeader;
use kt_protocol::records::control::TxnOutcome;
use kt_protocol::types::{Offset, ProducerId};

use crate::transaction_index::AbortedTransaction;

/// What a control batch says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ControlContent {
    /// The end of a transaction.
    End(TxnOutcome),
    /// Nothing: an earlier pass emptied it.
    Empty,
    /// Something that is no end of a transaction, and stays.
    Other,
}

/// Whether what was met has no use any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// It counts.
    Needed,
    /// Of an aborted transaction; or a marker of a transaction without data.
    Spent,
}

struct Aborted {
    transaction: AbortedTransaction,
    /// Data of it was met in this pass.
    has_data: bool,
}

/// The transactions that are under way where a walk through the log has come to.
#[derive(Default)]
pub(crate) struct CleanedTransactions {
    committed: BTreeSet<ProducerId>,
    aborted: BTreeMap<ProducerId, Aborted>,
    /// Aborted ones that are not begun yet, the first of them on top.
    coming: BinaryHeap<Reverse<(Offset, Offset, i64, Offset)>>,
    /// Those whose marker was met and stays: what the transaction index is to hold.
    kept: Vec<AbortedTransaction>,
}

impl CleanedTransactions {
    /// Learns of aborted transactions that touch what comes next. Twice does no harm.
    pub(crate) fn expect(&mut self, aborted: &[AbortedTransaction]) {
        self.coming.extend(aborted.iter().map(|it| {
            Reverse((it.first_offset, it.last_offset, it.producer_id.0, it.last_stable_offset))
        }));
    }

    /// The walk has come to a data batch.
    pub(crate) fn on_data(&mut self, header: &BatchHeader) -> Use {
        self.begin_up_to(header.last_offset());
        if !header.is_transactional() {
            return Use::Needed;
        }
        match self.aborted.get_mut(&header.producer_id()) {
            Some(aborted) if header.last_offset() < aborted.transaction.last_offset => {
                aborted.has_data = true;
                Use::Spent
            }
            _ => {
                self.committed.insert(header.producer_id());
                Use::Needed
            }
        }
    }

    /// The walk has come to a control batch. A marker stays as long as there is data in front of
    /// it, which this pass may just have dropped: the next one will know.
    pub(crate) fn on_control(&mut self, header: &BatchHeader, content: ControlContent) -> Use {
        self.begin_up_to(header.last_offset());
        let is_needed = match content {
            ControlContent::Empty => false,
            ControlContent::Other => true,
            ControlContent::End(TxnOutcome::Commit) => self.committed.remove(&header.producer_id()),
            ControlContent::End(TxnOutcome::Abort) => {
                let ended = self.aborted.remove(&header.producer_id());
                let kept = ended.filter(|aborted| aborted.has_data);
                self.kept.extend(kept.iter().map(|aborted| aborted.transaction));
                kept.is_some()
            }
        };
        if is_needed { Use::Needed } else { Use::Spent }
    }

    /// The aborted transactions whose markers were met since this was last asked, and stay.
    pub(crate) fn take_kept(&mut self) -> Vec<AbortedTransaction> {
        std::mem::take(&mut self.kept)
    }

    fn begin_up_to(&mut self, offset: Offset) {
        while let Some(Reverse((first_offset, last_offset, id, last_stable_offset))) =
            self.coming.peek().copied().filter(|next| next.0.0 <= offset)
        {
            self.coming.pop();
            let producer_id = ProducerId(id);
            let transaction =
                AbortedTransaction { producer_id, first_offset, last_offset, last_stable_offset };
            // One that has ended is not begun again: segments tell of it twice.
            if offset <= last_offset {
                let begun = Aborted { transaction, has_data: false };
                let before = self.aborted.get(&producer_id);
                if before.is_none_or(|before| before.transaction.last_offset < first_offset) {
                    self.aborted.insert(producer_id, begun);
                }
            }
        }
    }
}
