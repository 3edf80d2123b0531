//! The real node behind the [`Engine`]: opened with what this machine says of itself.

use std::sync::Arc;

use kt_node::{Effect, Formatting, HostFacts, Input, Node, NodeMetrics, Start};
use kt_protocol::types::Now;

use crate::engine::Engine;
use crate::server::{Opened, Opening};

/// Changes with each start of the machine.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// Files of logs that are open at a time: far below what a process may open, since every
/// connection is one, too.
const OPEN_LOG_FILES_MAX: usize = 4_096;

impl Engine for Node {
    fn handle(&self, now: Now, input: Input, effects: &mut Vec<Effect>) {
        Node::handle(self, now, input, effects);
    }

    fn metrics(&self) -> NodeMetrics {
        Node::metrics(self)
    }
}

/// Opens a node. The sentence of a refusal says what to do.
///
/// # Errors
///
/// Why the node does not open, for the operator.
pub fn open_node(opening: Opening, formatting: Formatting) -> Result<Opened, String> {
    let boot_id = std::fs::read_to_string(BOOT_ID).unwrap_or_default().trim().to_owned();
    let host = HostFacts { boot_id, open_files_max: OPEN_LOG_FILES_MAX };
    let Opening { sources, config: _, disk, seed, now } = opening;
    let start = Start { sources, disk, host, formatting, seed, now };
    let mut effects = Vec::new();
    let node = Node::open(start, &mut effects).map_err(|error| match error.hint() {
        Some(hint) => format!("{error}\nhint: {hint}"),
        None => error.to_string(),
    })?;
    let engine: Arc<dyn Engine> = Arc::new(node);
    Ok((engine, effects))
}
