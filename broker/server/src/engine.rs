//! What the server drives: a node; in tests, a script.

use kt_node::{Effect, Input};
use kt_protocol::types::{Now, TopicPartition};

/// Inputs in, effects out, from any thread. Does page-cache I/O, never a flush and never a socket.
pub trait Engine: Send + Sync {
    /// Takes one input; what must be done outside is added to `effects`.
    fn handle(&self, now: Now, input: Input, effects: &mut Vec<Effect>);

    /// Each partition's bytes that are appended and not yet flushed, for metrics.
    fn unflushed_bytes(&self) -> Vec<(TopicPartition, u64)> {
        Vec::new()
    }
}
