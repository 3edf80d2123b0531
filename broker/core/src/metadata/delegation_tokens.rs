//! Delegation tokens, by id (`DelegationTokenImage`). Kept and written back; SASL reads them.

use std::sync::Arc;

use kt_protocol::messages::{DelegationTokenRecord, RemoveDelegationTokenRecord};

use super::SharedMap;

/// One token: the record as it is.
pub type DelegationToken = DelegationTokenRecord;

/// The part of the image that holds delegation tokens.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DelegationTokensImage {
    tokens: SharedMap<String, Arc<DelegationToken>>,
}

impl DelegationTokensImage {
    /// The token of this id.
    pub fn get(&self, token_id: &str) -> Option<&Arc<DelegationToken>> {
        self.tokens.get(token_id)
    }

    /// All tokens, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<DelegationToken>> {
        self.tokens.values()
    }

    pub(super) fn apply(&mut self, record: &DelegationTokenRecord) {
        self.tokens.insert(record.token_id.clone(), Arc::new(record.clone()));
    }

    /// Removing what is not there changes nothing, as in Kafka's `DelegationTokenDelta`.
    pub(super) fn apply_remove(&mut self, record: &RemoveDelegationTokenRecord) {
        self.tokens.remove(&record.token_id);
    }
}
