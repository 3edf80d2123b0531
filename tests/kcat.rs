//! kcat 1.7.1 on librdkafka 2.0.2: old clients compress, produce and consume.

use std::io::Write;
use std::process::{Command, Stdio};

use kt_protocol::records::Batches;

use crate::support::{Broker, client, tool};

fn is_here() -> bool {
    tool::is_here("kcat", &["-V"], "kcat's own tests")
}

fn run(arguments: &[&str], input: &str) -> String {
    let mut process = Command::new("kcat")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("kcat runs");
    let mut stdin = process.stdin.take().expect("stdin is piped");
    stdin.write_all(input.as_bytes()).expect("kcat reads");
    drop(stdin);
    let output = process.wait_with_output().expect("kcat ends");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "kcat {arguments:?}: {stderr}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn lists_produces_and_consumes() {
    if !is_here() {
        return;
    }
    let broker = Broker::start();
    let address = broker.address();
    run(&["-b", &address, "-P", "-t", "auto", "-K", ":"], "k1:one\nk2:two\nk1:three\n");
    let listed = run(&["-b", &address, "-L"], "");
    assert!(listed.contains("topic \"auto\" with 1 partitions"), "{listed}");
    let read = run(&["-b", &address, "-C", "-t", "auto", "-e", "-q", "-f", "%o %k %s\n"], "");
    assert_eq!(read, "0 k1 one\n1 k2 two\n2 k1 three\n");
    let found = run(&["-b", &address, "-Q", "-t", "auto:0:1"], "");
    assert!(found.contains("auto [0] offset 0"), "{found}");
}

/// A member of a group that goes on where the one before it has stopped.
#[test]
fn reads_in_a_group() {
    if !is_here() {
        return;
    }
    let broker = Broker::start();
    let address = broker.address();
    let read = || {
        let quick = ["-X", "auto.offset.reset=earliest", "-X", "heartbeat.interval.ms=100"];
        let group = ["-b", &address, "-G", "kcats", "-e", "-q", "-f", "%o %s\n"];
        run(&[&quick[..], &group[..], &["auto"]].concat(), "")
    };
    run(&["-b", &address, "-P", "-t", "auto"], "one\ntwo\n");
    assert_eq!(read(), "0 one\n1 two\n");
    run(&["-b", &address, "-P", "-t", "auto"], "three\n");
    assert_eq!(read(), "2 three\n");
}

/// With a floor of 3 for Produce, librdkafka before 2.11 would send these uncompressed.
#[tokio::test]
async fn compressed_batches_arrive_compressed() {
    if !is_here() {
        return;
    }
    let broker = Broker::start();
    let lines: String = (0..200).map(|it| format!("{it} {}\n", "kafka ".repeat(20))).collect();
    for codec in ["gzip", "snappy", "lz4", "zstd"] {
        let topic = format!("kcat-{codec}");
        client::create_topic(&broker.address(), &topic, 1, &[]).await;
        run(&["-b", &broker.address(), "-P", "-t", &topic, "-z", codec], &lines);
        let path = broker.data().join(format!("{topic}-0/00000000000000000000.log"));
        let bytes = std::fs::read(path).expect("the segment is there");
        for batch in Batches::new(&bytes) {
            let batch = batch.expect("the batch is whole");
            let stored = batch.compression().expect("a known codec");
            assert_eq!(stored.name(), codec);
        }
        let read = run(&["-b", &broker.address(), "-C", "-t", &topic, "-e", "-q"], "");
        assert_eq!(read, lines, "{codec}");
    }
}
