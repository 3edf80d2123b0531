//! ListConfigResources (74), v0-1: the things that have configurations (KIP-1142).
//!
//! v0 lists client metrics subscriptions alone (it was ListClientMetricsResources). v1+ lists the
//! kinds that are asked for, or all; topics and brokers all count, the others only with a value set.

use kt_protocol::ApiKey;
use kt_protocol::codec::Versions;
use kt_protocol::types::Now;

use super::{Api, Incoming, Listeners};
use crate::effect::Effect;
use crate::node::Node;
use kt_core::metadata::{ConfigResourceType, MetadataImage};
use kt_protocol::ErrorCode;
use kt_protocol::messages::list_config_resources_response::ConfigResource;
use kt_protocol::messages::{ListConfigResourcesRequest, ListConfigResourcesResponse};

const ALL: [ConfigResourceType; 5] = [
    ConfigResourceType::TOPIC,
    ConfigResourceType::BROKER,
    ConfigResourceType::BROKER_LOGGER,
    ConfigResourceType::CLIENT_METRICS,
    ConfigResourceType::GROUP,
];

pub(super) const API: Api = Api {
    key: ApiKey::ListConfigResources,
    advertised: Versions::new(0, 1),
    listeners: Listeners::Broker,
    handle,
};

/// Answers from an image.
pub(crate) fn answer(
    image: &MetadataImage,
    request: &ListConfigResourcesRequest,
    version: i16,
) -> ListConfigResourcesResponse {
    let asked: Vec<ConfigResourceType> = match version {
        0 => vec![ConfigResourceType::CLIENT_METRICS],
        _ if request.resource_types.is_empty() => ALL.to_vec(),
        _ => request.resource_types.iter().map(|it| ConfigResourceType(*it)).collect(),
    };
    if asked.iter().any(|it| !ALL.contains(it)) {
        return ListConfigResourcesResponse {
            error_code: ErrorCode::UnsupportedVersion.code(),
            ..ListConfigResourcesResponse::default()
        };
    }
    let mut config_resources = Vec::new();
    for resource_type in ALL.into_iter().filter(|it| asked.contains(it)) {
        let named =
            |resource_name| ConfigResource { resource_name, resource_type: resource_type.0 };
        config_resources.extend(names(image, resource_type).into_iter().map(named));
    }
    ListConfigResourcesResponse { config_resources, ..ListConfigResourcesResponse::default() }
}

fn names(image: &MetadataImage, resource_type: ConfigResourceType) -> Vec<String> {
    match resource_type {
        ConfigResourceType::TOPIC => image.topics().iter().map(|it| it.name.clone()).collect(),
        ConfigResourceType::BROKER | ConfigResourceType::BROKER_LOGGER => {
            image.brokers().iter().map(|it| it.id.to_string()).collect()
        }
        _ => {
            let set = image.configs().iter().filter(|(it, _)| it.resource_type == resource_type);
            set.map(|(resource, _)| resource.name.clone()).collect()
        }
    }
}

fn handle(node: &Node, now: Now, incoming: Incoming, effects: &mut Vec<Effect>) {
    let decoded = incoming.decode_or_close::<ListConfigResourcesRequest>(effects);
    let Some((context, request)) = decoded else { return };
    let response = answer(&node.metadata.image(), &request, context.version);
    let _ = now;
    context.answer(&response, effects);
}
