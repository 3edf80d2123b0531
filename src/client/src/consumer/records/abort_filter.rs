//! Which producers are inside an aborted transaction, while batches pass in their order (as Kafka's
//! `CompletedFetch` does).

use std::collections::BTreeSet;
use std::sync::Arc;

use kt_protocol::records::control::ControlType;
use kt_protocol::records::{AnyBatch, BatchView, Budget};
use kt_protocol::types::{Offset, ProducerId};

use super::{Aborted, BATCH_BYTES_MAX, ReadError};

/// What is known before a batch. A clone goes its own way.
#[derive(Clone, Debug)]
pub(super) struct AbortFilter {
    /// By rising first offset. Brokers send them as their transactions ended.
    aborted: Arc<[Aborted]>,
    /// How many of them have begun.
    begun: usize,
    open: BTreeSet<ProducerId>,
}

impl AbortFilter {
    pub(super) fn new(mut aborted: Vec<Aborted>) -> AbortFilter {
        aborted.sort_by_key(|it| it.first_offset);
        AbortFilter { aborted: aborted.into(), begun: 0, open: BTreeSet::new() }
    }

    /// Sees the next batch: each in its turn, also one that the reader has passed. True: nothing of
    /// it is shown.
    pub(super) fn hides(&mut self, batch: &AnyBatch<'_>) -> Result<bool, ReadError> {
        let AnyBatch::Batch(view) = batch else { return Ok(false) };
        // Before a marker too: what it ends may have begun before all that was fetched.
        self.begin_up_to(view.last_offset());
        if view.is_control() {
            self.see_marker(view)?;
            return Ok(true);
        }
        Ok(view.is_transactional() && self.open.contains(&view.producer_id()))
    }

    fn begin_up_to(&mut self, last_offset: Offset) {
        let not_begun = self.aborted.get(self.begun..).unwrap_or_default();
        for next in not_begun.iter().take_while(|it| it.first_offset <= last_offset) {
            self.open.insert(next.producer_id);
            self.begun += 1;
        }
    }

    fn see_marker(&mut self, view: &BatchView<'_>) -> Result<(), ReadError> {
        if !self.open.contains(&view.producer_id()) {
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
