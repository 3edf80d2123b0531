//! All configs of one thing, with what each is for: of what a screen was about.

use kt_client::admin::DocumentedConfig;
use kt_protocol::types::Millis;

use super::{Cluster, Failure, Sample};
use crate::config_entity::ConfigEntity;

/// What is known of the configs of an entity.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct EntityConfigs {
    /// The last that were told.
    pub(crate) told: Option<Sample<Vec<DocumentedConfig>>>,
    /// Why they were not told, the last time.
    pub(crate) failure: Option<Failure>,
}

/// Entities that are kept: a broker has hundreds of configs, each with its text.
const KEPT: usize = 8;

impl Cluster {
    pub(super) fn fold_entity_configs(
        &mut self,
        entity: ConfigEntity,
        told: Result<Vec<DocumentedConfig>, Failure>,
        at: Millis,
    ) {
        if !self.configs.contains_key(&entity) && KEPT <= self.configs.len() {
            let age = |it: &EntityConfigs| it.told.as_ref().map(|it| it.at);
            let oldest = self.configs.iter().min_by_key(|(_, it)| age(it)).map(|it| it.0.clone());
            oldest.map(|it| self.configs.remove(&it));
        }
        let known = self.configs.entry(entity).or_default();
        match told {
            Ok(value) => *known = EntityConfigs { told: Some(Sample { value, at }), failure: None },
            Err(failure) => known.failure = Some(failure),
        }
    }
}
