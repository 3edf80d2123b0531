//! Which producer ids are given out (`ProducerIdsImage`).

use kt_protocol::messages::ProducerIdsRecord;
use kt_protocol::types::ProducerId;

/// The part of the image that says which producer id comes next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProducerIdsImage {
    /// The first id that no broker has been given; none before the first block was.
    next: Option<ProducerId>,
}

impl ProducerIdsImage {
    /// The first id that no broker has been given.
    pub fn next_producer_id(&self) -> ProducerId {
        self.next.unwrap_or(ProducerId(0))
    }

    pub(super) fn apply(&mut self, record: &ProducerIdsRecord) {
        self.next = Some(ProducerId(record.next_producer_id));
    }

    pub(super) fn to_record(self) -> Option<ProducerIdsRecord> {
        let next = self.next?;
        // A snapshot does not say which broker had the last block: nothing depends on it.
        Some(ProducerIdsRecord { broker_id: -1, broker_epoch: -1, next_producer_id: next.0 })
    }
}
