//! Which producers are inside an aborted transaction, while batches pass in their order (as Kafka's
//! `CompletedFetch` does).

use std::collections::BTreeSet;
use std::sync::Arc;

use kt_protocol::records::control::ControlType;
use kt_protocol::records::{AnyBatch, BatchView, Budget};
use kt_protocol::types::ProducerId;

use super::{Aborted, BATCH_BYTES_MAX, ReadError};

/// What is known before a batch. A clone goes its own way.
#[derive(Clone, Debug)]
pub(super) struct AbortFilter {
    /// By rising first offset, as brokers send them.
    aborted: Arc<[Aborted]>,
    /// How many of them have begun.
    begun: usize,
    open: BTreeSet<ProducerId>,
}

impl AbortFilter {
    pub(super) fn new(aborted: Vec<Aborted>) -> AbortFilter {
        AbortFilter { aborted: aborted.into(), begun: 0, open: BTreeSet::new() }
    }

    /// Sees the next batch. True: nothing of it is shown.
    pub(super) fn hides(&mut self, batch: &AnyBatch<'_>) -> Result<bool, ReadError> {
        let AnyBatch::Batch(view) = batch else { return Ok(false) };
        if view.is_control() {
            self.see_marker(view)?;
            return Ok(true);
        }
        Ok(view.is_transactional() && self.is_aborted(view))
    }

    fn is_aborted(&mut self, view: &BatchView<'_>) -> bool {
        while let Some(next) = self.aborted.get(self.begun) {
            if view.base_offset() < next.first_offset {
                break;
            }
            self.open.insert(next.producer_id);
            self.begun += 1;
        }
        self.open.contains(&view.producer_id())
    }

    fn see_marker(&mut self, view: &BatchView<'_>) -> Result<(), ReadError> {
        if self.open.is_empty() {
            return Ok(());
        }
        let mut budget = Budget::new(BATCH_BYTES_MAX);
        let unreadable = |error| ReadError::Records { last_offset: view.last_offset(), error };
        let body = view.decompress(&mut budget).map_err(unreadable)?;
        if let Some(Ok(marker)) = body.records().next()
            && ControlType::from_key(marker.key) == Ok(ControlType::Abort)
        {
            self.open.remove(&view.producer_id());
        }
        Ok(())
    }
}
