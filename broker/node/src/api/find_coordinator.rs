//! FindCoordinator (10), v0-6: there is no coordinator of groups, transactions or shares yet.
//!
//! Groups and shares get COORDINATOR_NOT_AVAILABLE, on which clients wait and ask again; a consumer
//! that was assigned its partitions reads on meanwhile. A transactional producer would wait for
//! nothing: it gets the one code on which every client gives up at once. v4+ asks for several keys
//! at once (KIP-699).

use kt_protocol::ApiKey;
use kt_protocol::codec::Versions;
use kt_protocol::types::Now;

use super::{Api, Incoming, Listeners};
use crate::effect::Effect;
use crate::node::Node;
use kt_protocol::ErrorCode;
use kt_protocol::messages::find_coordinator_response::Coordinator;
use kt_protocol::messages::{FindCoordinatorRequest, FindCoordinatorResponse};

pub(super) const API: Api = Api {
    key: ApiKey::FindCoordinator,
    advertised: Versions::new(0, 6),
    listeners: Listeners::Broker,
    handle,
};

const GROUP: i8 = 0;
const TRANSACTION: i8 = 1;
const SHARE: i8 = 2;

/// Answers that nobody coordinates.
pub(crate) fn answer(request: &FindCoordinatorRequest, version: i16) -> FindCoordinatorResponse {
    let (error, message) = match request.key_type {
        GROUP | SHARE => (ErrorCode::CoordinatorNotAvailable, "The coordinator is not available."),
        TRANSACTION => (
            ErrorCode::TransactionalIdAuthorizationFailed,
            "Transactions are not supported by this broker yet.",
        ),
        _ => (ErrorCode::InvalidRequest, "Unknown coordinator key type."),
    };
    let mut response = FindCoordinatorResponse::default();
    if version < 4 {
        response.error_code = error.code();
        response.error_message = Some(message.to_owned());
        response.node_id = -1;
        response.port = -1;
        return response;
    }
    let nobody = |key: &String| Coordinator {
        key: key.clone(),
        node_id: -1,
        host: String::new(),
        port: -1,
        error_code: error.code(),
        error_message: Some(message.to_owned()),
    };
    response.coordinators = request.coordinator_keys.iter().map(nobody).collect();
    response
}

fn handle(node: &Node, now: Now, incoming: Incoming, effects: &mut Vec<Effect>) {
    let decoded = incoming.decode_or_close::<FindCoordinatorRequest>(effects);
    let Some((context, request)) = decoded else { return };
    let response = answer(&request, context.version);
    let _ = (node, now);
    context.answer(&response, effects);
}
