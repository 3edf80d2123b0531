//! InitProducerId (22), v0-5: an id for an idempotent producer.
//!
//! - v3 lets a producer keep its id and raise its epoch after an error (KIP-360).
//! - v6 is not released.
//! - There are no transactions yet: a transactional id is refused at once, with an error that a
//!   client does not retry.

use kt_protocol::codec::Versions;
use kt_protocol::messages::{InitProducerIdRequest, InitProducerIdResponse};
use kt_protocol::types::{Now, ProducerId};
use kt_protocol::{ApiKey, ErrorCode};

use super::{Api, Incoming, Listeners};
use crate::effect::Effect;
use crate::node::Node;

pub(super) const API: Api = Api {
    key: ApiKey::InitProducerId,
    advertised: Versions::new(0, 5),
    listeners: Listeners::Broker,
    handle,
};

/// What a producer says that has no id or epoch yet.
const NONE: i64 = -1;

fn handle(node: &Node, now: Now, incoming: Incoming, effects: &mut Vec<Effect>) {
    let Some((context, request)) = incoming.decode_or_close::<InitProducerIdRequest>(effects)
    else {
        return;
    };
    if let Some(id) = &request.transactional_id {
        let code = match id.is_empty() {
            true => ErrorCode::InvalidRequest,
            false => ErrorCode::TransactionalIdAuthorizationFailed,
        };
        context.answer(&answer(Err(code)), effects);
        return;
    }
    let has_id = request.producer_id != NONE;
    let has_epoch = i64::from(request.producer_epoch) != NONE;
    if has_id != has_epoch {
        context.answer(&answer(Err(ErrorCode::InvalidRequest)), effects);
        return;
    }
    // An idempotent producer that comes back with its id gets another: that is as good as a new
    // epoch, and as Kafka does it.
    let take = move |id: Result<ProducerId, ErrorCode>, effects: &mut Vec<Effect>| {
        context.answer(&answer(id), effects);
    };
    node.take_producer_id(now, take, effects);
}

fn answer(id: Result<ProducerId, ErrorCode>) -> InitProducerIdResponse {
    match id {
        Ok(id) => InitProducerIdResponse {
            producer_id: id.0,
            producer_epoch: 0,
            ..InitProducerIdResponse::default()
        },
        Err(code) => InitProducerIdResponse {
            error_code: code as i16,
            producer_id: NONE,
            producer_epoch: -1,
            ..InitProducerIdResponse::default()
        },
    }
}
