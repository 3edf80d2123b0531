//! Producer ids: handed out of a block that the controller gave this broker.

use std::collections::VecDeque;

use kt_protocol::ErrorCode;
use kt_protocol::messages::{AllocateProducerIdsRequest, AllocateProducerIdsResponse};
use kt_protocol::types::{Now, ProducerId};

use crate::effect::Effect;
use crate::lock_rank::{Rank, RankedMutex};
use crate::node::Node;

/// What to do with an id, or without one.
type Taker = Box<dyn FnOnce(Result<ProducerId, ErrorCode>, &mut Vec<Effect>) + Send>;

#[derive(Default)]
struct State {
    next: i64,
    /// The end of the block, exclusive.
    end: i64,
    /// A block was asked for.
    is_asking: bool,
    /// Who waits for it. Bounded by the connections: each waits with one request.
    waiting: VecDeque<Taker>,
}

/// The ids that this broker may hand out.
pub(crate) struct ProducerIds {
    state: RankedMutex<State>,
}

impl ProducerIds {
    pub(crate) fn new() -> ProducerIds {
        ProducerIds { state: RankedMutex::new(Rank::Waiter, State::default()) }
    }
}

impl State {
    fn take(&mut self) -> Option<ProducerId> {
        (self.next < self.end).then(|| {
            self.next += 1;
            ProducerId(self.next - 1)
        })
    }
}

impl Node {
    /// Hands out an id nobody ever had, now or once the controller has given another block.
    pub(crate) fn take_producer_id(
        &self,
        now: Now,
        take: impl FnOnce(Result<ProducerId, ErrorCode>, &mut Vec<Effect>) + Send + 'static,
        effects: &mut Vec<Effect>,
    ) {
        let id = {
            let mut state = self.producer_ids.state.lock();
            match state.take() {
                Some(id) => id,
                None => {
                    state.waiting.push_back(Box::new(take));
                    if std::mem::replace(&mut state.is_asking, true) {
                        return;
                    }
                    drop(state);
                    self.ask_for_block(now, effects);
                    return;
                }
            }
        };
        take(Ok(id), effects);
    }

    fn ask_for_block(&self, now: Now, effects: &mut Vec<Effect>) {
        let broker_epoch = self.lifecycle.broker_epoch();
        let request = AllocateProducerIdsRequest { broker_id: self.id().0, broker_epoch };
        let asked = self.metadata.submit(
            now,
            |it| it.controller.allocate_producer_ids(&request),
            |node, now, response, effects| node.on_block(now, &response, effects),
            effects,
        );
        if asked.is_err() {
            let failed = AllocateProducerIdsResponse {
                error_code: ErrorCode::CoordinatorNotAvailable as i16,
                ..AllocateProducerIdsResponse::default()
            };
            self.on_block(now, &failed, effects);
        }
    }

    fn on_block(
        &self,
        now: Now,
        response: &AllocateProducerIdsResponse,
        effects: &mut Vec<Effect>,
    ) {
        let is_given = response.error_code == 0;
        let mut takers = Vec::new();
        let must_ask = {
            let mut state = self.producer_ids.state.lock();
            state.is_asking = false;
            if is_given {
                state.next = response.producer_id_start;
                state.end = response.producer_id_start + i64::from(response.producer_id_len);
            }
            while let Some(taker) = state.waiting.pop_front() {
                let id = state.take();
                if id.is_none() && is_given {
                    state.waiting.push_front(taker);
                    break;
                }
                // Clients try again on this one, and find another broker or a healed controller.
                takers.push((taker, id.ok_or(ErrorCode::CoordinatorLoadInProgress)));
            }
            let must_ask = !state.waiting.is_empty();
            state.is_asking = must_ask;
            must_ask
        };
        for (taker, id) in takers {
            taker(id, effects);
        }
        if must_ask {
            self.ask_for_block(now, effects);
        }
    }
}
