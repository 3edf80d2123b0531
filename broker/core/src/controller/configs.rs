//! IncrementalAlterConfigs and AlterConfigs: what is set for topics, brokers, groups and client
//! metrics (`ConfigurationControlManager`).

use std::collections::{BTreeMap, BTreeSet};

use kt_protocol::error_code::ErrorCode;
use kt_protocol::messages::create_topics_response::CreatableTopicConfigs;
use kt_protocol::messages::{
    AlterConfigsRequest, AlterConfigsResponse, ConfigRecord, IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResponse, alter_configs_response, incremental_alter_configs_request,
    incremental_alter_configs_response,
};
use kt_protocol::types::NodeId;

use super::{ApiError, Controller, Decision, RECORDS_PER_REQUEST_MAX};
use crate::metadata::{
    ConfigMap, ConfigResource, ConfigResourceType, MetadataImage, VersionedRecord,
};
use crate::topic_name;

/// What the node's config table knows and the controller asks.
pub trait ConfigSchema {
    /// Checks what a thing's configuration would be, all of it together. `altered` is what the
    /// request sets, within `configs`; what it only takes away is not in it.
    ///
    /// # Errors
    ///
    /// The code and sentence to answer with: `INVALID_CONFIG` for a bad key or value,
    /// `INVALID_REQUEST` for one that cannot change while the broker runs.
    fn validate(
        &self,
        resource: &ConfigResource,
        configs: &ConfigMap,
        altered: &ConfigMap,
    ) -> Result<(), ApiError>;

    /// Whether a key's value is a list, so that it can be appended to.
    fn is_list(&self, resource_type: ConfigResourceType, key: &str) -> bool;

    /// The value of a key that is nowhere set.
    fn default_value(&self, resource_type: ConfigResourceType, key: &str) -> Option<String>;

    /// All configurations of a topic with these of its own, as CreateTopics answers them, by key.
    fn effective_topic_configs(
        &self,
        image: &MetadataImage,
        own: &ConfigMap,
    ) -> Vec<CreatableTopicConfigs>;
}

/// What one key is to become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigUpdate {
    /// This value.
    Set(String),
    /// Whatever is inherited.
    Delete,
    /// Its list with these added.
    Append(String),
    /// Its list without these.
    Subtract(String),
}

impl ConfigUpdate {
    fn name(&self) -> &'static str {
        match self {
            ConfigUpdate::Set(_) => "SET",
            ConfigUpdate::Delete => "DELETE",
            ConfigUpdate::Append(_) => "APPEND",
            ConfigUpdate::Subtract(_) => "SUBTRACT",
        }
    }
}

type Updates = BTreeMap<String, ConfigUpdate>;

impl Controller {
    /// Sets, unsets, and adds to lists; of one thing all or nothing.
    pub fn incremental_alter_configs(
        &self,
        schema: &dyn ConfigSchema,
        request: &IncrementalAlterConfigsRequest,
    ) -> Decision<IncrementalAlterConfigsResponse> {
        let key = |it: &incremental_alter_configs_request::AlterConfigsResource| ConfigResource {
            resource_type: ConfigResourceType(it.resource_type),
            name: it.resource_name.clone(),
        };
        let resources = request.resources.iter().map(|it| (key(it), it)).collect();
        let (records, outcomes) = alter_each(resources, |resource, it| {
            self.updated(schema, resource, &incremental_updates(it)?)
        });
        let response = |(resource, error): (ConfigResource, Option<ApiError>)| {
            incremental_alter_configs_response::AlterConfigsResourceResponse {
                error_code: error.as_ref().map_or(0, |error| error.code as i16),
                error_message: error.and_then(|error| error.message),
                resource_type: resource.resource_type.0,
                resource_name: resource.name,
            }
        };
        let responses = outcomes.into_iter().map(response).collect();
        Decision {
            records: if request.validate_only { Vec::new() } else { records },
            response: IncrementalAlterConfigsResponse { responses, ..Default::default() },
        }
    }

    /// Sets everything of a thing at once: what is not named is unset.
    pub fn alter_configs(
        &self,
        schema: &dyn ConfigSchema,
        request: &AlterConfigsRequest,
    ) -> Decision<AlterConfigsResponse> {
        let key = |it: &kt_protocol::messages::alter_configs_request::AlterConfigsResource| {
            ConfigResource {
                resource_type: ConfigResourceType(it.resource_type),
                name: it.resource_name.clone(),
            }
        };
        let resources = request.resources.iter().map(|it| (key(it), it)).collect();
        let (records, outcomes) = alter_each(resources, |resource, it| {
            let mut updates = Updates::new();
            let own = self.image().configs().get(resource);
            for name in own.into_iter().flat_map(|configs| configs.keys()) {
                updates.insert(name.clone(), ConfigUpdate::Delete);
            }
            let mut given = Vec::new();
            for config in &it.configs {
                let value = config.value.clone();
                updates.insert(config.name.clone(), set_or_refused(&config.name, value)?);
                given.push(config.name.as_str());
            }
            refuse_twice(given)?;
            self.updated(schema, resource, &updates)
        });
        let response = |(resource, error): (ConfigResource, Option<ApiError>)| {
            alter_configs_response::AlterConfigsResourceResponse {
                error_code: error.as_ref().map_or(0, |error| error.code as i16),
                error_message: error.and_then(|error| error.message),
                resource_type: resource.resource_type.0,
                resource_name: resource.name,
            }
        };
        let responses = outcomes.into_iter().map(response).collect();
        Decision {
            records: if request.validate_only { Vec::new() } else { records },
            response: AlterConfigsResponse { responses, ..Default::default() },
        }
    }

    /// The records of one thing's updates.
    fn updated(
        &self,
        schema: &dyn ConfigSchema,
        resource: &ConfigResource,
        updates: &Updates,
    ) -> Result<Vec<VersionedRecord>, ApiError> {
        check_resource(resource)?;
        let existing = self.image().configs().get(resource).cloned().unwrap_or_default();
        let mut configs = ConfigMap::clone(&existing);
        let mut altered = ConfigMap::new();
        let mut records = Vec::new();
        for (key, update) in updates {
            let before = existing.get(key);
            let after = new_value(schema, resource, key, before, update)?;
            match &after {
                Some(value) => {
                    configs.insert(key.clone(), value.clone());
                    altered.insert(key.clone(), value.clone());
                }
                None => _ = configs.remove(key),
            }
            // A broker reads its configuration again on every record, even an unchanged one: files
            // that it names may have changed (KAFKA-14136).
            let is_broker = resource.resource_type == ConfigResourceType::BROKER;
            if before != after.as_ref() || is_broker {
                records.push(config_record(resource, key, after));
            }
        }
        schema.validate(resource, &configs, &altered)?;
        self.check_exists(resource)?;
        Ok(records)
    }

    fn check_exists(&self, resource: &ConfigResource) -> Result<(), ApiError> {
        let name = resource.name.as_str();
        match resource.resource_type {
            ConfigResourceType::TOPIC if self.image().topics().get(name).is_none() => {
                Err(ApiError::new(
                    ErrorCode::UnknownTopicOrPartition,
                    format!("The topic '{name}' does not exist."),
                ))
            }
            ConfigResourceType::BROKER if !name.is_empty() => {
                let id: i32 = name.parse().map_err(|_| {
                    ApiError::new(ErrorCode::InvalidRequest, format!("Invalid broker name {name}"))
                })?;
                let is_broker = self.image().brokers().get(NodeId(id)).is_some();
                let is_controller = self.image().controllers().get(NodeId(id)).is_some();
                if is_broker || is_controller || NodeId(id) == self.config.node_id {
                    return Ok(());
                }
                Err(ApiError::new(
                    ErrorCode::BrokerIdNotRegistered,
                    format!("No broker with id {id} found."),
                ))
            }
            _ => Ok(()),
        }
    }
}

/// Decides each thing by itself; one that is named twice is refused.
fn alter_each<T>(
    resources: Vec<(ConfigResource, T)>,
    decide: impl Fn(&ConfigResource, &T) -> Result<Vec<VersionedRecord>, ApiError>,
) -> (Vec<VersionedRecord>, Vec<(ConfigResource, Option<ApiError>)>) {
    let mut seen = BTreeSet::new();
    let names = resources.iter().map(|(resource, _)| resource);
    let twice: BTreeSet<ConfigResource> =
        names.filter(|resource| !seen.insert(*resource)).cloned().collect();
    let mut answered = BTreeSet::new();
    let mut records = Vec::new();
    let mut outcomes = Vec::new();
    for (resource, it) in resources {
        if !answered.insert(resource.clone()) {
            continue;
        }
        let outcome = if twice.contains(&resource) {
            let message = "Each resource must appear at most once.";
            Err(ApiError::new(ErrorCode::InvalidRequest, message))
        } else {
            decide(&resource, &it).and_then(|new| fitting(new, records.len()))
        };
        outcomes.push((resource, outcome.as_ref().err().cloned()));
        records.extend(outcome.unwrap_or_default());
    }
    (records, outcomes)
}

fn fitting(new: Vec<VersionedRecord>, before: usize) -> Result<Vec<VersionedRecord>, ApiError> {
    if RECORDS_PER_REQUEST_MAX < before + new.len() {
        let message = "Unable to perform excessively large batch operation.";
        return Err(ApiError::new(ErrorCode::PolicyViolation, message));
    }
    Ok(new)
}

fn incremental_updates(
    resource: &incremental_alter_configs_request::AlterConfigsResource,
) -> Result<Updates, ApiError> {
    let mut updates = Updates::new();
    for config in &resource.configs {
        let value = || match &config.value {
            Some(value) => Ok(value.clone()),
            None => Err(null_value(&config.name)),
        };
        let update = match config.config_operation {
            0 => ConfigUpdate::Set(value()?),
            1 => ConfigUpdate::Delete,
            2 => ConfigUpdate::Append(value()?),
            3 => ConfigUpdate::Subtract(value()?),
            unknown => {
                return Err(ApiError::new(
                    ErrorCode::InvalidRequest,
                    format!("Unknown config operation {unknown} for {}", config.name),
                ));
            }
        };
        updates.insert(config.name.clone(), update);
    }
    refuse_twice(resource.configs.iter().map(|config| config.name.as_str()).collect())?;
    Ok(updates)
}

fn set_or_refused(name: &str, value: Option<String>) -> Result<ConfigUpdate, ApiError> {
    value.map(ConfigUpdate::Set).ok_or_else(|| null_value(name))
}

fn null_value(name: &str) -> ApiError {
    ApiError::new(ErrorCode::InvalidRequest, format!("Null value not supported for : {name}"))
}

fn refuse_twice(mut keys: Vec<&str>) -> Result<(), ApiError> {
    let given = keys.len();
    keys.sort_unstable();
    keys.dedup();
    if keys.len() == given {
        return Ok(());
    }
    Err(ApiError::new(ErrorCode::InvalidRequest, "Error due to duplicate config keys"))
}

/// Which things can have a configuration at all.
fn check_resource(resource: &ConfigResource) -> Result<(), ApiError> {
    let unnamed = |what: &str| {
        let message = format!("Default {what} resources are not allowed.");
        Err(ApiError::new(ErrorCode::InvalidRequest, message))
    };
    let is_unnamed = resource.name.is_empty();
    match resource.resource_type {
        ConfigResourceType::TOPIC if is_unnamed => unnamed("topic"),
        ConfigResourceType::TOPIC => topic_name::validate(&resource.name)
            .map_err(|error| ApiError::new(ErrorCode::InvalidTopicException, error.to_string())),
        ConfigResourceType::CLIENT_METRICS if is_unnamed => unnamed("client metrics"),
        ConfigResourceType::GROUP if is_unnamed => unnamed("group"),
        ConfigResourceType::BROKER
        | ConfigResourceType::CLIENT_METRICS
        | ConfigResourceType::GROUP => Ok(()),
        other => Err(ApiError::new(
            ErrorCode::InvalidRequest,
            format!("Unexpected resource type {other}"),
        )),
    }
}

fn new_value(
    schema: &dyn ConfigSchema,
    resource: &ConfigResource,
    key: &str,
    before: Option<&String>,
    update: &ConfigUpdate,
) -> Result<Option<String>, ApiError> {
    let (ConfigUpdate::Append(given) | ConfigUpdate::Subtract(given)) = update else {
        return Ok(match update {
            ConfigUpdate::Set(value) => Some(value.clone()),
            _ => None,
        });
    };
    if !schema.is_list(resource.resource_type, key) {
        let operation = update.name();
        return Err(ApiError::new(
            ErrorCode::InvalidConfig,
            format!("Can't {operation} to key {key} because its type is not LIST."),
        ));
    }
    let default = || schema.default_value(resource.resource_type, key);
    let list = before.cloned().or_else(default).unwrap_or_default();
    let mut items: Vec<&str> = list.split(',').filter(|item| !item.is_empty()).collect();
    for item in given.split(',') {
        let position = items.iter().position(|it| *it == item);
        match (update, position) {
            (ConfigUpdate::Append(_), None) => items.push(item),
            (ConfigUpdate::Subtract(_), Some(index)) => _ = items.remove(index),
            _ => {}
        }
    }
    Ok(Some(items.join(",")))
}

fn config_record(resource: &ConfigResource, key: &str, value: Option<String>) -> VersionedRecord {
    VersionedRecord::v0(ConfigRecord {
        resource_type: resource.resource_type.0,
        resource_name: resource.name.clone(),
        name: key.to_owned(),
        value,
    })
}
