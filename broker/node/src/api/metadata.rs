//! Metadata (3), v0-13: brokers, topics, partitions and who leads them.
//!
//! v0: an empty list of topics means all; v1+: null means all, an empty list none. v4+ may ask for
//! topics to be made; v10+ may name topics by id (v12+ by id alone); v8-10 cluster operations.
//! A topic that is made on the way is answered once it can be used, so that the client need not
//! ask again.

use kt_protocol::ApiKey;
use kt_protocol::codec::Versions;
use kt_protocol::types::Now;

use super::{Api, Context, Incoming, Listeners};
use crate::config::{BrokerConfig, Schema};
use crate::effect::Effect;
use crate::group_coordinator::{OFFSETS_TOPIC, creatable_offsets_topic};
use crate::metadata_log::Deciding;
use crate::node::Node;
use kt_core::metadata::{MetadataImage, TopicImage};
use kt_core::topic_name;
use kt_protocol::ErrorCode;
use kt_protocol::messages::create_topics_request::CreatableTopic;
use kt_protocol::messages::metadata_request::MetadataRequestTopic;
use kt_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kt_protocol::messages::{
    CreateTopicsRequest, CreateTopicsResponse, MetadataRequest, MetadataResponse,
};
use kt_protocol::types::{NodeId, Uuid};

use super::authorized_operations::{ALL_OF_CLUSTER, ALL_OF_TOPIC, NOT_ASKED};
use super::partition_view::PartitionView;

pub(super) const API: Api = Api {
    key: ApiKey::Metadata,
    advertised: Versions::new(0, 13),
    listeners: Listeners::Broker,
    handle,
};

/// Who answers, and through which listener.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answering<'a> {
    /// The cluster.
    pub(crate) cluster_id: &'a str,
    /// This node.
    pub(crate) node_id: NodeId,
    /// The listener that the request came by.
    pub(crate) listener: &'a str,
}

/// The topics that the request names, that do not exist and that could be made.
pub(crate) fn missing_topics(image: &MetadataImage, request: &MetadataRequest) -> Vec<String> {
    let named = request.topics.iter().flatten().filter_map(|topic| topic.name.as_ref());
    let is_missing =
        |name: &&String| image.topics().get(name).is_none() && topic_name::validate(name).is_ok();
    let mut missing: Vec<String> = named.filter(is_missing).cloned().collect();
    missing.sort();
    missing.dedup();
    missing
}

/// Answers from an image.
pub(crate) fn answer(
    image: &MetadataImage,
    answering: Answering<'_>,
    request: &MetadataRequest,
    version: i16,
) -> MetadataResponse {
    let operations =
        if request.include_topic_authorized_operations { ALL_OF_TOPIC } else { NOT_ASKED };
    let show = |topic: &TopicImage| show_topic(image, topic, answering.listener, operations);
    let all = || image.topics().iter().map(|topic| show(topic)).collect();
    let topics = match &request.topics {
        None => all(),
        Some(topics) if topics.is_empty() && version == 0 => all(),
        Some(topics) => topics
            .iter()
            .map(|wanted| match find(image, wanted, version) {
                Ok(topic) => show(topic),
                Err(error) => refuse(wanted, error),
            })
            .collect(),
    };
    MetadataResponse {
        brokers: brokers(image, answering.listener),
        cluster_id: Some(answering.cluster_id.to_owned()),
        controller_id: answering.node_id.0,
        topics,
        cluster_authorized_operations: match request.include_cluster_authorized_operations {
            true => ALL_OF_CLUSTER,
            false => NOT_ASKED,
        },
        ..MetadataResponse::default()
    }
}

fn find<'a>(
    image: &'a MetadataImage,
    wanted: &MetadataRequestTopic,
    version: i16,
) -> Result<&'a TopicImage, ErrorCode> {
    if !wanted.topic_id.is_zero() {
        // Ids were on the wire from v10 on, but brokers looked at them from v12 on only.
        if version < 12 {
            return Err(ErrorCode::InvalidRequest);
        }
        let topic = image.topics().get_by_id(wanted.topic_id);
        return topic.map(|it| &**it).ok_or(ErrorCode::UnknownTopicId);
    }
    let name = wanted.name.as_deref().ok_or(ErrorCode::InvalidRequest)?;
    match image.topics().get(name) {
        Some(topic) => Ok(topic),
        None if topic_name::validate(name).is_err() => Err(ErrorCode::InvalidTopicException),
        None => Err(ErrorCode::UnknownTopicOrPartition),
    }
}

fn refuse(wanted: &MetadataRequestTopic, error: ErrorCode) -> MetadataResponseTopic {
    MetadataResponseTopic {
        error_code: error.code(),
        name: wanted.name.clone().or_else(|| wanted.topic_id.is_zero().then(String::new)),
        topic_id: wanted.topic_id,
        is_internal: wanted.name.as_deref().is_some_and(topic_name::is_internal),
        ..MetadataResponseTopic::default()
    }
}

fn show_topic(
    image: &MetadataImage,
    topic: &TopicImage,
    listener: &str,
    operations: i32,
) -> MetadataResponseTopic {
    let partitions = topic.partitions.iter().map(|(index, partition)| {
        let view = PartitionView::of(image, partition, listener);
        MetadataResponsePartition {
            error_code: view.error.code(),
            partition_index: index.0,
            leader_id: view.leader,
            leader_epoch: partition.leader_epoch.0,
            replica_nodes: view.replicas,
            isr_nodes: view.isr,
            offline_replicas: view.offline,
        }
    });
    MetadataResponseTopic {
        error_code: ErrorCode::None.code(),
        name: Some(topic.name.clone()),
        topic_id: topic.id,
        is_internal: topic_name::is_internal(&topic.name),
        partitions: partitions.collect(),
        topic_authorized_operations: operations,
    }
}

fn brokers(image: &MetadataImage, listener: &str) -> Vec<MetadataResponseBroker> {
    let active = image.brokers().iter().filter(|broker| broker.is_active());
    active
        .filter_map(|broker| {
            let endpoint = broker.endpoint(listener)?;
            Some(MetadataResponseBroker {
                node_id: broker.id.0,
                host: endpoint.host.clone(),
                port: i32::from(endpoint.port),
                rack: broker.rack.clone(),
            })
        })
        .collect()
}

fn handle(node: &Node, now: Now, incoming: Incoming, effects: &mut Vec<Effect>) {
    let Some((context, request)) = incoming.decode_or_close::<MetadataRequest>(effects) else {
        return;
    };
    let missing = match may_create(node, &request, context.version) {
        true => missing_topics(&node.metadata.image(), &request),
        false => Vec::new(),
    };
    if missing.is_empty() {
        reply(node, &context, &request, effects);
        return;
    }
    let sources = node.sources();
    let schema = Schema { sources: &sources };
    let create = creation(&node.config(), missing);
    let closed = context.clone();
    let answer = move |node: &Node, now: Now, made: CreateTopicsResponse, effects: &mut Vec<_>| {
        let topics: Vec<Uuid> = made.topics.iter().map(|it| it.topic_id).collect();
        let answer = Box::new(move |node: &Node, _: Now, effects: &mut Vec<Effect>| {
            reply(node, &context, &request, effects);
        });
        node.once_served(now, &topics, answer, effects);
    };
    let decide = |it: Deciding<'_>| it.controller.create_topics(it.random, &schema, &create);
    if let Err(why) = node.metadata.submit(now, decide, answer, effects) {
        closed.close(&why.to_string(), effects);
    }
}

/// Versions before 4 cannot say that they do not want it.
fn may_create(node: &Node, request: &MetadataRequest, version: i16) -> bool {
    node.config().auto_create_topics_enable && (version < 4 || request.allow_auto_topic_creation)
}

fn reply(node: &Node, context: &Context, request: &MetadataRequest, effects: &mut Vec<Effect>) {
    let answering = node.answering(context);
    let response = answer(&node.metadata.image(), answering, request, context.version);
    context.answer(&response, effects);
}

/// With the broker's own number of partitions and replicas; the coordinators' topic as they want it.
fn creation(config: &BrokerConfig, names: Vec<String>) -> CreateTopicsRequest {
    let topic = |name: String| match name == OFFSETS_TOPIC {
        true => creatable_offsets_topic(config),
        false => CreatableTopic {
            name,
            num_partitions: -1,
            replication_factor: -1,
            ..CreatableTopic::default()
        },
    };
    CreateTopicsRequest {
        topics: names.into_iter().map(topic).collect(),
        ..CreateTopicsRequest::default()
    }
}
