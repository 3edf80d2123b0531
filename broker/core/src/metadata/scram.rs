//! SCRAM credentials of users (`ScramImage`). Kept and written back; SASL reads them.

use std::sync::Arc;

use kt_protocol::messages::{RemoveUserScramCredentialRecord, UserScramCredentialRecord};

use super::SharedMap;

/// Salt, keys and iterations of one user for one mechanism: the record as it is.
pub type ScramCredential = UserScramCredentialRecord;

/// The part of the image that holds SCRAM credentials.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScramImage {
    /// By mechanism (1 is SCRAM-SHA-256, 2 SCRAM-SHA-512) and user.
    credentials: SharedMap<(i8, String), Arc<ScramCredential>>,
}

impl ScramImage {
    /// The credential of `user` for a mechanism.
    pub fn get(&self, mechanism: i8, user: &str) -> Option<&Arc<ScramCredential>> {
        self.credentials.get(&(mechanism, user.to_owned()))
    }

    /// All credentials, by mechanism and user.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<ScramCredential>> {
        self.credentials.values()
    }

    pub(super) fn apply(&mut self, record: &UserScramCredentialRecord) {
        let key = (record.mechanism, record.name.clone());
        self.credentials.insert(key, Arc::new(record.clone()));
    }

    /// Removing what is not there changes nothing, as in Kafka's `ScramDelta`.
    pub(super) fn apply_remove(&mut self, record: &RemoveUserScramCredentialRecord) {
        self.credentials.remove(&(record.mechanism, record.name.clone()));
    }
}
