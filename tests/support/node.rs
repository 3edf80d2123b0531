//! A node of Apache Kafka, broker and controller in one.

use std::process::Command;

use super::ports;
use super::tool::ApacheKafka;

/// A running node. Dropping it kills it.
pub(crate) struct Node {
    stop: Command,
    address: String,
    directory: tempfile::TempDir,
}

impl Node {
    /// Starts one on an empty directory with each of these lines, `key=value`, in its properties.
    /// Its features are kt's own: with eligible leader replicas it would keep a config of its own.
    pub(crate) fn start(kafka: &ApacheKafka, properties: &[&str]) -> Node {
        Node::start_with(kafka, |_| properties.iter().map(|it| (*it).to_owned()).collect())
    }

    /// The same with lines that depend on the port.
    pub(crate) fn start_with(
        kafka: &ApacheKafka,
        properties: impl FnOnce(u16) -> Vec<String>,
    ) -> Node {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        // One for clients; the controller takes the next.
        let port = ports::in_a_row(2);
        let properties = properties(port);
        let node = directory.path().join("node");
        let mut start = kafka.command("start");
        start.env("FORMAT_OPTS", "--feature eligible.leader.replicas.version=0");
        let output = start.arg(&node).arg(port.to_string()).args(properties).output();
        let output = output.expect("it runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Node { stop: kafka.command("stop"), address: format!("127.0.0.1:{port}"), directory }
    }

    /// `HOST:PORT` for clients.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let node = self.directory.path().join("node");
        let _ = self.stop.env("KILL", "1").arg(node).status();
    }
}
