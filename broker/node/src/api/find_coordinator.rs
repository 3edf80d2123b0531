//! FindCoordinator (10), v0-6: which broker coordinates groups.
//!
//! v4+ asks for several keys at once (KIP-699). The topic of the coordinators is made when somebody
//! first asks for one, and the answer waits for it, so that the client need not ask again.
//! There are no coordinators of transactions and shares yet. Shares get COORDINATOR_NOT_AVAILABLE,
//! on which clients wait and ask again. A transactional producer would wait for nothing: it
//! gets the one code on which every client gives up at once.

use kt_core::metadata::MetadataImage;
use kt_protocol::codec::Versions;
use kt_protocol::messages::find_coordinator_response::Coordinator;
use kt_protocol::messages::{
    CreateTopicsRequest, CreateTopicsResponse, FindCoordinatorRequest, FindCoordinatorResponse,
};
use kt_protocol::types::{Now, Uuid};
use kt_protocol::{ApiKey, ErrorCode};

use super::{Api, Context, Incoming, Listeners};
use crate::config::Schema;
use crate::effect::Effect;
use crate::group_coordinator::{OFFSETS_TOPIC, creatable_offsets_topic, partition_of};
use crate::metadata_log::Deciding;
use crate::node::Node;

pub(super) const API: Api = Api {
    key: ApiKey::FindCoordinator,
    advertised: Versions::new(0, 6),
    listeners: Listeners::Broker,
    handle,
};

const GROUP: i8 = 0;
const TRANSACTION: i8 = 1;
const SHARE: i8 = 2;

/// The first version that asks for several keys.
const FIRST_VERSION_WITH_KEYS: i16 = 4;

fn handle(node: &Node, now: Now, incoming: Incoming, effects: &mut Vec<Effect>) {
    let decoded = incoming.decode_or_close::<FindCoordinatorRequest>(effects);
    let Some((context, request)) = decoded else { return };
    let is_missing = node.image().topics().get(OFFSETS_TOPIC).is_none();
    if request.key_type != GROUP || !is_missing {
        return reply(node, &context, &request, effects);
    }
    let sources = node.sources();
    let schema = Schema { sources: &sources };
    let creatable = creatable_offsets_topic(&node.config());
    let create = CreateTopicsRequest { topics: vec![creatable], ..Default::default() };
    let closed = context.clone();
    let answer = move |node: &Node, now: Now, made: CreateTopicsResponse, effects: &mut Vec<_>| {
        note_refusal(&made, effects);
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

/// Without the topic no group can be: whoever runs the broker has to know why.
fn note_refusal(made: &CreateTopicsResponse, effects: &mut Vec<Effect>) {
    for topic in &made.topics {
        let code = ErrorCode::from_code(topic.error_code);
        if !code.is_none() && code != ErrorCode::TopicAlreadyExists {
            let why = topic.error_message.as_deref().unwrap_or(code.name());
            let text = format!("{OFFSETS_TOPIC} cannot be made: {why}");
            effects.push(Effect::log(crate::effect::LogLevel::Warn, text));
        }
    }
}

fn reply(
    node: &Node,
    context: &Context,
    request: &FindCoordinatorRequest,
    effects: &mut Vec<Effect>,
) {
    let image = node.image();
    // What Kafka says where nothing is wrong.
    let fine = if FIRST_VERSION_WITH_KEYS <= context.version { "" } else { "NONE" };
    let find = |key: &String| {
        let found = find(&image, &context.session.listener, request.key_type, key);
        let found = found.unwrap_or_else(|(code, message)| nobody(key, code, message));
        Coordinator { error_message: found.error_message.or(Some(fine.to_owned())), ..found }
    };
    if FIRST_VERSION_WITH_KEYS <= context.version {
        let coordinators = request.coordinator_keys.iter().map(find).collect();
        let response = FindCoordinatorResponse { coordinators, ..Default::default() };
        return context.answer(&response, effects);
    }
    let Coordinator { error_code, error_message, node_id, host, port, .. } = find(&request.key);
    let response = FindCoordinatorResponse {
        error_code,
        error_message,
        node_id,
        host,
        port,
        ..Default::default()
    };
    context.answer(&response, effects);
}

fn find(
    image: &MetadataImage,
    listener: &str,
    key_type: i8,
    key: &str,
) -> Result<Coordinator, (ErrorCode, &'static str)> {
    let not_available = (ErrorCode::CoordinatorNotAvailable, "The coordinator is not available.");
    match key_type {
        GROUP => {}
        SHARE => return Err(not_available),
        TRANSACTION => {
            let code = ErrorCode::TransactionalIdAuthorizationFailed;
            return Err((code, "Transactions are not supported by this broker yet."));
        }
        _ => return Err((ErrorCode::InvalidRequest, "Unknown coordinator key type.")),
    }
    let partition = partition_of(image, key).ok_or(not_available)?;
    let topic = image.topics().get(OFFSETS_TOPIC).ok_or(not_available)?;
    let leader = topic.partition(partition).and_then(|it| it.leader).ok_or(not_available)?;
    let broker = image.brokers().get(leader).filter(|it| it.is_active()).ok_or(not_available)?;
    let endpoint = broker.endpoint(listener).ok_or(not_available)?;
    Ok(Coordinator {
        key: key.to_owned(),
        node_id: leader.0,
        host: endpoint.host.clone(),
        port: i32::from(endpoint.port),
        error_code: 0,
        error_message: None,
    })
}

fn nobody(key: &str, code: ErrorCode, message: &str) -> Coordinator {
    Coordinator {
        key: key.to_owned(),
        node_id: -1,
        host: String::new(),
        port: -1,
        error_code: code.code(),
        error_message: Some(message.to_owned()),
    }
}
