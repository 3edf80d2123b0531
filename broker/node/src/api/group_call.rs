//! The way of a request about one group: to the group's shard, and back once what it decided is
//! committed.

use std::net::IpAddr;

use kt_core::group::{Answer, Outcome, Shard};
use kt_protocol::ErrorCode;
use kt_protocol::codec::Message;
use kt_protocol::types::Now;

use super::Context;
use crate::effect::Effect;
use crate::group_coordinator::Token;
use crate::node::Node;

/// Lets the shard of `group_id` decide, and answers. `answer` takes the answer out of what the
/// shard says, or makes one of the code for which it says nothing.
pub(super) fn call<R: Message>(
    node: &Node,
    now: Now,
    context: Context,
    group_id: &str,
    decide: impl FnOnce(&mut Shard<Token>, Token) -> Outcome<Token>,
    answer: impl FnOnce(Result<Answer, ErrorCode>) -> R + Send + 'static,
    effects: &mut Vec<Effect>,
) {
    let asker = move |result: Result<Answer, ErrorCode>, effects: &mut Vec<Effect>| {
        context.answer(&answer(result), effects);
    };
    match node.group_shard(&node.image(), group_id) {
        Ok(shard) => shard.ask(node, now, Box::new(asker), decide, effects),
        Err(code) => asker(Err(code), effects),
    }
}

/// An address as Java writes it (`InetAddress.toString` without a host name): groups' records and
/// descriptions hold it so.
pub(super) fn java_address(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => format!("/{address}"),
        IpAddr::V6(address) => {
            let parts = address.segments().map(|it| format!("{it:x}"));
            format!("/{}", parts.join(":"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_written_as_by_java() {
        let written = |text: &str| java_address(text.parse().expect("an address"));
        assert_eq!(written("10.0.0.1"), "/10.0.0.1");
        assert_eq!(written("::1"), "/0:0:0:0:0:0:0:1");
        assert_eq!(written("::ffff:10.0.0.1"), "/10.0.0.1");
        assert_eq!(written("fe80::a0:1"), "/fe80:0:0:0:0:0:a0:1");
    }
}
