//! kt's commands against Apache Kafka 4.3: the tools are for any cluster.

use std::io::Write;
use std::net::TcpListener;
use std::process::{Command, Stdio};

use crate::support::broker::kt;
use crate::support::tool::ApacheKafka;

/// A combined node of Apache Kafka. Dropping it kills it.
struct Node {
    script: Command,
    address: String,
    directory: tempfile::TempDir,
}

impl Node {
    fn start(kafka: &ApacheKafka) -> Node {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let port = two_free_ports().to_string();
        let node = directory.path().join("node");
        let output = kafka.command("start").arg(&node).arg(&port).output().expect("it runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Node { script: kafka.command("stop"), address: format!("127.0.0.1:{port}"), directory }
    }

    fn kt(&self, arguments: &[&str], input: &str) -> String {
        let mut process = kt()
            .env("KT_BOOTSTRAP", &self.address)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("kt runs");
        let mut stdin = process.stdin.take().expect("stdin is piped");
        // A command that does not read its input may be gone before it is written.
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        let output = process.wait_with_output().expect("kt ends");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "kt {arguments:?}: {stderr}");
        String::from_utf8(output.stdout).expect("text")
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let node = self.directory.path().join("node");
        let _ = self.script.env("KILL", "1").arg(node).status();
    }
}

/// One for clients; the controller takes the next.
fn two_free_ports() -> u16 {
    loop {
        let first = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let port = first.local_addr().expect("it is bound").port();
        if port < u16::MAX && TcpListener::bind(("127.0.0.1", port + 1)).is_ok() {
            return port;
        }
    }
}

#[test]
fn topics_and_records_of_apache_kafka() {
    let Some(kafka) = ApacheKafka::find("kt against Apache Kafka") else { return };
    let node = Node::start(&kafka);
    node.kt(
        &["topics", "create", "orders", "--partitions", "2", "--set", "retention.ms=9000000"],
        "",
    );
    assert_eq!(node.kt(&["topics", "list", "-o", "name"], ""), "orders\n");
    let described = node.kt(&["topics", "describe", "orders", "-o", "json"], "");
    assert!(described.contains(r#""partition":1,"leader":1"#), "{described}");
    node.kt(&["produce", "orders", "--key-separator", ":"], "a:1\na:2\na:3\n");
    assert_eq!(node.kt(&["consume", "orders"], ""), "1\n2\n3\n");
    assert_eq!(node.kt(&["consume", "orders", "--from", "-1", "-c", "1"], ""), "3\n");
    node.kt(&["topics", "delete", "orders", "--yes"], "");
    assert_eq!(node.kt(&["topics", "list", "-o", "name"], ""), "");
}
