//! The config table as the controller asks for it.

use kt_core::controller::{ApiError, ConfigSchema};
use kt_core::metadata::{ConfigMap, ConfigResource, ConfigResourceType, MetadataImage};
use kt_protocol::ErrorCode;
use kt_protocol::messages::create_topics_response::CreatableTopicConfigs;

use super::broker::{BrokerConfig, BrokerSources};
use super::key::{ConfigKey, Kind};
use super::{broker_key, describe_topic, group_key, topic, topic_key};

/// The config table, over this broker's own values.
pub struct Schema<'a> {
    /// This broker's static values. Those of all brokers are in the image.
    pub sources: &'a BrokerSources,
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new(ErrorCode::InvalidConfig, message)
}

impl ConfigSchema for Schema<'_> {
    fn validate(
        &self,
        resource: &ConfigResource,
        configs: &ConfigMap,
        altered: &ConfigMap,
    ) -> Result<(), ApiError> {
        let checked = match resource.resource_type {
            ConfigResourceType::TOPIC => topic::validate_topic(configs),
            ConfigResourceType::GROUP => topic::validate_group(configs),
            ConfigResourceType::CLIENT_METRICS => topic::validate_client_metrics(configs),
            ConfigResourceType::BROKER => {
                return self.validate_broker(resource, configs, altered);
            }
            _ => {
                let message = format!("Unexpected resource type {}", resource.resource_type);
                return Err(ApiError::new(ErrorCode::InvalidRequest, message));
            }
        };
        checked.map_err(|error| invalid(error.to_string()))
    }

    fn is_list(&self, resource_type: ConfigResourceType, key: &str) -> bool {
        find(resource_type, key).is_some_and(|it| it.kind == Kind::List)
    }

    fn default_value(&self, resource_type: ConfigResourceType, key: &str) -> Option<String> {
        match resource_type {
            ConfigResourceType::TOPIC => Some(topic::inherited(key, self.sources)),
            ConfigResourceType::BROKER => self.sources.value(key).map(str::to_owned),
            _ => find(resource_type, key)?.default.value().map(str::to_owned),
        }
    }

    fn effective_topic_configs(
        &self,
        image: &MetadataImage,
        own: &ConfigMap,
    ) -> Vec<CreatableTopicConfigs> {
        let sources = with_dynamic(self.sources, image, None);
        let show = |it: super::DescribedConfig| CreatableTopicConfigs {
            name: it.name,
            value: it.value,
            read_only: it.is_read_only,
            config_source: it.source as i8,
            is_sensitive: it.is_sensitive,
        };
        describe_topic(own, &sources).into_iter().map(show).collect()
    }
}

impl Schema<'_> {
    fn validate_broker(
        &self,
        resource: &ConfigResource,
        configs: &ConfigMap,
        altered: &ConfigMap,
    ) -> Result<(), ApiError> {
        let is_fixed = |name: &&String| broker_key(name).is_some_and(ConfigKey::is_read_only);
        let fixed: Vec<&str> = altered.keys().filter(is_fixed).map(String::as_str).collect();
        if !fixed.is_empty() {
            let message =
                format!("Cannot update these configs dynamically: [{}]", fixed.join(", "));
            return Err(ApiError::new(ErrorCode::InvalidRequest, message));
        }
        let mut sources = self.sources.clone();
        match resource.name.is_empty() {
            true => sources.dynamic_default.clone_from(configs),
            false => sources.dynamic_broker.clone_from(configs),
        }
        BrokerConfig::resolve(&sources).map(drop).map_err(|error| invalid(error.to_string()))
    }
}

fn find(resource_type: ConfigResourceType, key: &str) -> Option<&'static ConfigKey> {
    match resource_type {
        ConfigResourceType::TOPIC => topic_key(key),
        ConfigResourceType::BROKER => broker_key(key),
        ConfigResourceType::GROUP => group_key(key),
        _ => None,
    }
}

/// `sources` with the dynamic values of an image: those of all brokers, and of broker `own`.
pub fn with_dynamic(
    sources: &BrokerSources,
    image: &MetadataImage,
    own: Option<kt_protocol::types::NodeId>,
) -> BrokerSources {
    let values = |name: String| {
        let configs = image.configs().get(&ConfigResource::broker(name));
        configs.map(|it| (**it).clone()).unwrap_or_default()
    };
    BrokerSources {
        static_values: sources.static_values.clone(),
        dynamic_default: values(String::new()),
        dynamic_broker: own.map(|id| values(id.to_string())).unwrap_or_default(),
    }
}
