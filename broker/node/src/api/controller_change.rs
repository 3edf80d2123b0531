//! The way of a request that changes metadata: decided by the controller, answered once it is
//! committed, applied, and, for new partitions, served.

use kt_core::controller::Decision;
use kt_protocol::codec::Message;
use kt_protocol::types::{Now, Uuid};

use super::Context;
use crate::effect::Effect;
use crate::metadata_log::{Deciding, NotSubmitted};
use crate::node::Node;

/// Decides and answers.
pub(super) fn change<R: Message + Send + 'static>(
    node: &Node,
    now: Now,
    context: Context,
    decide: impl FnOnce(Deciding<'_>) -> Decision<R>,
    effects: &mut Vec<Effect>,
) {
    let closed = context.clone();
    let answer = move |_: &Node, _, response: R, effects: &mut Vec<Effect>| {
        context.answer(&response, effects);
    };
    let submitted = node.metadata.submit(now, decide, answer, effects);
    close_unless(submitted, &closed, effects);
}

/// Decides, and answers once this broker serves the topics that `topics` names of the response.
pub(super) fn change_and_serve<R: Message + Send + 'static>(
    node: &Node,
    now: Now,
    context: Context,
    decide: impl FnOnce(Deciding<'_>) -> Decision<R>,
    topics: fn(&Node, &R) -> Vec<Uuid>,
    effects: &mut Vec<Effect>,
) {
    let closed = context.clone();
    let answer = move |node: &Node, now: Now, response: R, effects: &mut Vec<Effect>| {
        let topics = topics(node, &response);
        let reply = Box::new(move |_: &Node, _: Now, effects: &mut Vec<Effect>| {
            context.answer(&response, effects);
        });
        node.once_served(now, &topics, reply, effects);
    };
    let submitted = node.metadata.submit(now, decide, answer, effects);
    close_unless(submitted, &closed, effects);
}

/// A controller that cannot write any more takes the node with it: its clients look elsewhere.
fn close_unless(submitted: Result<(), NotSubmitted>, context: &Context, effects: &mut Vec<Effect>) {
    if let Err(why) = submitted {
        context.close(&why.to_string(), effects);
    }
}
