//! DescribeConfigs (32), v1-4: configurations of topics, brokers, groups and client metrics.
//!
//! v1+ synonyms; v3+ types and documentation (kt has none: Kafka's own holds). A null list of keys
//! asks for all, an empty one too, as Kafka's clients before 2.3 send it. Loggers are not listed:
//! kt's log levels are not configured by name.

use kt_protocol::ApiKey;
use kt_protocol::codec::Versions;
use kt_protocol::types::Now;

use super::{Api, Incoming, Listeners};
use crate::effect::Effect;
use crate::node::Node;
use kt_core::metadata::{ConfigResource, ConfigResourceType, MetadataImage};
use kt_protocol::ErrorCode;
use kt_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kt_protocol::messages::describe_configs_response::{
    DescribeConfigsResourceResult, DescribeConfigsResult, DescribeConfigsSynonym,
};
use kt_protocol::messages::{DescribeConfigsRequest, DescribeConfigsResponse};
use kt_protocol::types::NodeId;

use crate::config::{self, BrokerSources, ConfigSource, DescribedConfig, DescribedSynonym};

pub(super) const API: Api = Api {
    key: ApiKey::DescribeConfigs,
    advertised: Versions::new(1, 4),
    listeners: Listeners::Both,
    handle,
};

/// Answers from an image and this broker's own configuration.
pub(crate) fn answer(
    image: &MetadataImage,
    sources: &BrokerSources,
    node_id: NodeId,
    request: &DescribeConfigsRequest,
) -> DescribeConfigsResponse {
    let describe = |resource: &DescribeConfigsResource| {
        let described = describe(image, sources, node_id, resource);
        result(resource, described, request.include_synonyms)
    };
    DescribeConfigsResponse {
        results: request.resources.iter().map(describe).collect(),
        ..DescribeConfigsResponse::default()
    }
}

type Refusal = (ErrorCode, String);

fn describe(
    image: &MetadataImage,
    sources: &BrokerSources,
    node_id: NodeId,
    resource: &DescribeConfigsResource,
) -> Result<Vec<DescribedConfig>, Refusal> {
    let name = &resource.resource_name;
    let own = |resource_type| {
        let resource = ConfigResource { resource_type, name: name.clone() };
        image.configs().get(&resource).map(|it| (**it).clone()).unwrap_or_default()
    };
    match ConfigResourceType(resource.resource_type) {
        ConfigResourceType::TOPIC => {
            kt_core::topic_name::validate(name)
                .map_err(|it| (ErrorCode::InvalidTopicException, it.to_string()))?;
            if image.topics().get(name).is_none() {
                return Err((ErrorCode::UnknownTopicOrPartition, unknown_topic()));
            }
            Ok(config::describe_topic(&own(ConfigResourceType::TOPIC), sources))
        }
        ConfigResourceType::BROKER if name.is_empty() => {
            Ok(describe_defaults(&own(ConfigResourceType::BROKER)))
        }
        ConfigResourceType::BROKER => {
            check_broker(name, node_id)?;
            Ok(config::describe_broker(sources))
        }
        ConfigResourceType::BROKER_LOGGER => {
            check_broker(name, node_id)?;
            Ok(Vec::new())
        }
        ConfigResourceType::GROUP => {
            Ok(config::describe_group(&own(ConfigResourceType::GROUP), sources))
        }
        ConfigResourceType::CLIENT_METRICS => {
            Ok(config::describe_client_metrics(&own(ConfigResourceType::CLIENT_METRICS)))
        }
        ConfigResourceType(other) => {
            Err((ErrorCode::InvalidRequest, format!("Unsupported resource type: {other}")))
        }
    }
}

fn unknown_topic() -> String {
    "This server does not host this topic-partition.".to_owned()
}

fn check_broker(name: &str, node_id: NodeId) -> Result<(), Refusal> {
    if name.parse() == Ok(node_id.0) {
        return Ok(());
    }
    let message =
        format!("Unexpected broker id, expected {node_id} or empty string, but received {name}");
    Err((ErrorCode::InvalidRequest, message))
}

/// What is set for all brokers: nothing stands behind it.
fn describe_defaults(own: &std::collections::BTreeMap<String, String>) -> Vec<DescribedConfig> {
    let describe = |(name, value): (&String, &String)| {
        let key = config::broker_key(name);
        let is_sensitive = key.is_some_and(config::ConfigKey::is_sensitive);
        let value = Some(value.clone()).filter(|_| !is_sensitive);
        let source = ConfigSource::DynamicDefaultBrokerConfig;
        DescribedConfig {
            name: name.clone(),
            value: value.clone(),
            source,
            is_read_only: false,
            is_sensitive,
            kind: key.map_or(0, |it| it.kind.wire_code()),
            synonyms: vec![DescribedSynonym { name: name.clone(), value, source }],
        }
    };
    own.iter().map(describe).collect()
}

fn result(
    resource: &DescribeConfigsResource,
    described: Result<Vec<DescribedConfig>, Refusal>,
    include_synonyms: bool,
) -> DescribeConfigsResult {
    let mut result = DescribeConfigsResult {
        resource_type: resource.resource_type,
        resource_name: resource.resource_name.clone(),
        ..DescribeConfigsResult::default()
    };
    match described {
        Ok(configs) => {
            let keys = resource.configuration_keys.as_deref().unwrap_or_default();
            let is_wanted = |it: &DescribedConfig| keys.is_empty() || keys.contains(&it.name);
            let wanted = configs.into_iter().filter(is_wanted);
            result.configs = wanted.map(|it| show(it, include_synonyms)).collect();
        }
        Err((error, message)) => {
            result.error_code = error.code();
            result.error_message = Some(message);
        }
    }
    result
}

fn show(config: DescribedConfig, include_synonyms: bool) -> DescribeConfigsResourceResult {
    let synonyms = if include_synonyms { config.synonyms } else { Vec::new() };
    let show_synonym = |it: DescribedSynonym| DescribeConfigsSynonym {
        name: it.name,
        value: it.value,
        source: it.source as i8,
    };
    DescribeConfigsResourceResult {
        name: config.name,
        value: config.value,
        read_only: config.is_read_only,
        config_source: config.source as i8,
        is_sensitive: config.is_sensitive,
        synonyms: synonyms.into_iter().map(show_synonym).collect(),
        config_type: config.kind,
        documentation: None,
    }
}

fn handle(node: &Node, now: Now, incoming: Incoming, effects: &mut Vec<Effect>) {
    let decoded = incoming.decode_or_close::<DescribeConfigsRequest>(effects);
    let Some((context, request)) = decoded else { return };
    let response = answer(&node.metadata.image(), &node.sources(), node.config().node_id, &request);
    let _ = now;
    context.answer(&response, effects);
}
