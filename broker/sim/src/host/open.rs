//! The node of a simulation: one, on a simulated disk, on the default listeners.

use std::sync::Arc;

use kt_node::config::{BrokerSources, Strictness};
use kt_node::{Effect, Formatting, HostFacts, Node, Start};
use kt_protocol::types::Now;
use kt_storage::simulated_disk::SimulatedDisk;

/// What a node is opened on.
pub(super) struct Opening {
    pub(super) disk: SimulatedDisk,
    /// How often the machine went down.
    pub(super) boot: u64,
    /// `log.flush.on.ack`.
    pub(super) flushes: bool,
    /// Beside what every simulated node is configured to.
    pub(super) configs: &'static [(&'static str, &'static str)],
}

/// Opens the node, formatting an empty disk.
pub(super) fn open(
    opening: Opening,
    seed: u64,
    now: Now,
    effects: &mut Vec<Effect>,
) -> Result<Node, String> {
    let Opening { disk, boot, flushes, configs } = opening;
    let flush_on_ack = if flushes { "true" } else { "false" };
    let pairs = [
        ("node.id", "1"),
        ("process.roles", "broker,controller"),
        ("listeners", "PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093"),
        ("listener.security.protocol.map", "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT"),
        ("controller.listener.names", "CONTROLLER"),
        ("log.dirs", "/data"),
        ("log.flush.on.ack", flush_on_ack),
        // Small enough to roll within a run.
        ("log.segment.bytes", "1048576"),
    ];
    let pairs = pairs.iter().chain(configs);
    let pairs = pairs.map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    let mut sources = BrokerSources::default();
    sources
        .add_static(pairs, Strictness::RefuseUnknown, &mut Vec::new())
        .map_err(|it| it.to_string())?;
    let start = Start {
        sources,
        disk: Arc::new(disk),
        host: HostFacts { boot_id: format!("boot {boot}"), open_files_max: 16 },
        formatting: Formatting::IfEmpty(None),
        seed,
        now,
    };
    Node::open(start, effects).map_err(|error| format!("the node does not open: {error}"))
}
