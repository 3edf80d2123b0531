//! DescribeCluster (60), v0-2: the cluster's id and its nodes, brokers or controllers (KIP-919).
//!
//! v1+: `endpoint_type` 1 asks for brokers, 2 for controllers; each is answered on its own kind of
//! listener only. v2+: fenced brokers on demand (KIP-1073).

use kt_protocol::ApiKey;
use kt_protocol::codec::Versions;
use kt_protocol::types::Now;

use super::{Api, Incoming, Listeners};
use crate::effect::Effect;
use crate::node::Node;
use kt_core::metadata::MetadataImage;
use kt_protocol::ErrorCode;
use kt_protocol::messages::describe_cluster_response::DescribeClusterBroker;
use kt_protocol::messages::{DescribeClusterRequest, DescribeClusterResponse};

use super::authorized_operations::{ALL_OF_CLUSTER, NOT_ASKED};
use super::metadata::Answering;

const BROKERS: i8 = 1;
const CONTROLLERS: i8 = 2;

pub(super) const API: Api = Api {
    key: ApiKey::DescribeCluster,
    advertised: Versions::new(0, 2),
    listeners: Listeners::Both,
    handle,
};

/// Answers from an image.
pub(crate) fn answer(
    image: &MetadataImage,
    answering: Answering<'_>,
    is_controller_listener: bool,
    request: &DescribeClusterRequest,
) -> DescribeClusterResponse {
    let served = if is_controller_listener { CONTROLLERS } else { BROKERS };
    if request.endpoint_type != served {
        return refuse(request.endpoint_type, served);
    }
    let brokers = match is_controller_listener {
        true => controllers(image, answering.listener),
        false => brokers(image, answering.listener, request.include_fenced_brokers),
    };
    DescribeClusterResponse {
        endpoint_type: served,
        cluster_id: answering.cluster_id.to_owned(),
        controller_id: answering.node_id.0,
        brokers,
        cluster_authorized_operations: match request.include_cluster_authorized_operations {
            true => ALL_OF_CLUSTER,
            false => NOT_ASKED,
        },
        ..DescribeClusterResponse::default()
    }
}

fn refuse(asked: i8, served: i8) -> DescribeClusterResponse {
    let (error, message) = match asked {
        BROKERS | CONTROLLERS => (
            ErrorCode::MismatchedEndpointType,
            format!(
                "The request was sent to an endpoint of the wrong type: this one describes {}, not {}",
                kind(served),
                kind(asked)
            ),
        ),
        _ => (ErrorCode::UnsupportedEndpointType, format!("Unsupported endpoint type {asked}")),
    };
    DescribeClusterResponse {
        error_code: error.code(),
        error_message: Some(message),
        endpoint_type: served,
        ..DescribeClusterResponse::default()
    }
}

fn kind(endpoint_type: i8) -> &'static str {
    if endpoint_type == CONTROLLERS { "controllers" } else { "brokers" }
}

fn brokers(
    image: &MetadataImage,
    listener: &str,
    include_fenced: bool,
) -> Vec<DescribeClusterBroker> {
    let shown = image.brokers().iter().filter(|it| include_fenced || it.is_active());
    shown
        .filter_map(|broker| {
            let endpoint = broker.endpoint(listener)?;
            Some(DescribeClusterBroker {
                broker_id: broker.id.0,
                host: endpoint.host.clone(),
                port: i32::from(endpoint.port),
                rack: broker.rack.clone(),
                is_fenced: broker.fenced,
            })
        })
        .collect()
}

fn controllers(image: &MetadataImage, listener: &str) -> Vec<DescribeClusterBroker> {
    image
        .controllers()
        .iter()
        .filter_map(|controller| {
            let endpoint = controller.end_points.iter().find(|it| it.name == listener)?;
            Some(DescribeClusterBroker {
                broker_id: controller.controller_id,
                host: endpoint.host.clone(),
                port: i32::from(endpoint.port),
                ..DescribeClusterBroker::default()
            })
        })
        .collect()
}

fn handle(node: &Node, now: Now, incoming: Incoming, effects: &mut Vec<Effect>) {
    let decoded = incoming.decode_or_close::<DescribeClusterRequest>(effects);
    let Some((context, request)) = decoded else { return };
    let answering = node.answering(&context);
    let is_controller = context.is_on_controller();
    let response = answer(&node.metadata.image(), answering, is_controller, &request);
    let _ = now;
    context.answer(&response, effects);
}
