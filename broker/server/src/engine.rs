//! What the server drives: a node; in tests, a script.

use kt_node::{Effect, Input, NodeMetrics};
use kt_protocol::types::Now;

/// Inputs in, effects out, from any thread. Does page-cache I/O, never a flush and never a socket.
pub trait Engine: Send + Sync {
    /// Takes one input; what must be done outside is added to `effects`.
    fn handle(&self, now: Now, input: Input, effects: &mut Vec<Effect>);

    /// What is counted inside, for metrics.
    fn metrics(&self) -> NodeMetrics {
        NodeMetrics::default()
    }
}
