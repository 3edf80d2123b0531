//! The controllers that have registered (`ClusterImage`, `ControllerRegistration`).

use std::collections::BTreeMap;

use kt_protocol::messages::RegisterControllerRecord;
use kt_protocol::types::NodeId;

/// One controller: the record as it is.
pub type ControllerRegistration = RegisterControllerRecord;

/// The part of the image that holds controllers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ControllersImage {
    controllers: BTreeMap<NodeId, ControllerRegistration>,
}

impl ControllersImage {
    /// The controller of this number.
    pub fn get(&self, id: NodeId) -> Option<&ControllerRegistration> {
        self.controllers.get(&id)
    }

    /// All controllers, by number.
    pub fn iter(&self) -> impl Iterator<Item = &ControllerRegistration> {
        self.controllers.values()
    }

    pub(super) fn apply(&mut self, record: &RegisterControllerRecord) {
        self.controllers.insert(NodeId(record.controller_id), record.clone());
    }
}
