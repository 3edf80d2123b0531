//! Quotas of users, clients and addresses (`ClientQuotasImage`).

use std::collections::BTreeMap;
use std::sync::Arc;

use kt_protocol::messages::ClientQuotaRecord;
use kt_protocol::messages::client_quota_record::EntityData;

use super::SharedMap;

/// Whom a quota binds: names by entity type (`user`, `client-id`, `ip`); no name is the default.
pub type ClientQuotaEntity = BTreeMap<String, Option<String>>;

/// The part of the image that holds quotas. Nothing is stored for an entity without any.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClientQuotasImage {
    entities: SharedMap<ClientQuotaEntity, Arc<BTreeMap<String, f64>>>,
}

impl ClientQuotasImage {
    /// The limits of this very entity, by key.
    pub fn get(&self, entity: &ClientQuotaEntity) -> Option<&Arc<BTreeMap<String, f64>>> {
        self.entities.get(entity)
    }

    /// All entities with their limits.
    pub fn iter(&self) -> impl Iterator<Item = (&ClientQuotaEntity, &Arc<BTreeMap<String, f64>>)> {
        self.entities.iter()
    }

    pub(super) fn apply(&mut self, record: &ClientQuotaRecord) {
        let entity: ClientQuotaEntity = record
            .entity
            .iter()
            .map(|data| (data.entity_type.clone(), data.entity_name.clone()))
            .collect();
        let mut limits = self.entities.get(&entity).cloned().unwrap_or_default();
        if record.remove {
            Arc::make_mut(&mut limits).remove(&record.key);
        } else {
            Arc::make_mut(&mut limits).insert(record.key.clone(), record.value);
        }
        if limits.is_empty() {
            self.entities.remove(&entity);
        } else {
            self.entities.insert(entity, limits);
        }
    }

    pub(super) fn records(&self) -> impl Iterator<Item = ClientQuotaRecord> {
        self.entities.iter().flat_map(|(entity, limits)| {
            limits.iter().map(|(key, value)| ClientQuotaRecord {
                entity: entity_data(entity),
                key: key.clone(),
                value: *value,
                remove: false,
            })
        })
    }
}

fn entity_data(entity: &ClientQuotaEntity) -> Vec<EntityData> {
    let data = |(entity_type, entity_name): (&String, &Option<String>)| EntityData {
        entity_type: entity_type.clone(),
        entity_name: entity_name.clone(),
    };
    entity.iter().map(data).collect()
}
