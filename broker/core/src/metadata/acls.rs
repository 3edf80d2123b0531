//! Access control entries, by id (`AclsImage`). Kept and written back; the authorizer reads them.

use std::sync::Arc;

use kt_protocol::messages::{AccessControlEntryRecord, RemoveAccessControlEntryRecord};
use kt_protocol::types::Uuid;

use super::{ApplyError, SharedMap};

/// Who may do what from where: the record as it is.
pub type AccessControlEntry = AccessControlEntryRecord;

/// The part of the image that holds access control entries.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AclsImage {
    entries: SharedMap<Uuid, Arc<AccessControlEntry>>,
}

impl AclsImage {
    /// All entries, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<AccessControlEntry>> {
        self.entries.values()
    }

    pub(super) fn apply(&mut self, record: &AccessControlEntryRecord) {
        self.entries.insert(record.id, Arc::new(record.clone()));
    }

    pub(super) fn apply_remove(
        &mut self,
        record: &RemoveAccessControlEntryRecord,
    ) -> Result<(), ApplyError> {
        self.entries.remove(&record.id).ok_or(ApplyError::NoSuchAcl(record.id))?;
        Ok(())
    }
}
