//! Compacted topics from end to end: what is left is the last of each key, and Apache Kafka's tools
//! and client read it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::support::Broker;
use crate::support::broker::kt;
use crate::support::tool::ApacheKafka;

const KEYS: usize = 100;
const RECORDS: usize = 6_000;

/// A busy machine takes its time.
const CLEAN_WITHIN: Duration = Duration::from_secs(60);

fn run(broker: &Broker, arguments: &[&str]) -> String {
    let output =
        kt().env("KT_BOOTSTRAP", broker.address()).args(arguments).output().expect("kt runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "kt {arguments:?}: {stderr}");
    String::from_utf8(output.stdout).expect("text")
}

/// What a reader finds: the number of records, and the last value of each key.
fn read(text: &str) -> (usize, BTreeMap<String, String>) {
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    let pairs: Vec<(String, String)> = pairs
        .map(|(key, value)| (key.to_owned(), value.trim_end_matches('.').to_owned()))
        .collect();
    (pairs.len(), pairs.into_iter().collect())
}

#[test]
fn the_last_value_of_each_key_is_left() {
    let broker = Broker::start_with(&[
        ("log.cleaner.backoff.ms", "50"),
        ("log.cleaner.min.cleanable.ratio", "0.01"),
        ("log.segment.delete.delay.ms", "0"),
    ]);
    let compacted = ["--set", "cleanup.policy=compact", "--set", "segment.bytes=1048576"];
    run(&broker, &[&["topics", "create", "state"][..], &compacted].concat());
    let folder = tempfile::tempdir().expect("a folder");
    let lines: String =
        (0..RECORDS).map(|at| format!("k{}={at}{}\n", at % KEYS, ".".repeat(1000))).collect();
    let path = folder.path().join("lines");
    std::fs::write(&path, lines).expect("a file");
    let path = path.to_str().expect("text");
    run(&broker, &["produce", "state", "--key-separator", "=", "--file", path, "-q"]);
    let oracle: BTreeMap<String, String> =
        (RECORDS - KEYS..RECORDS).map(|at| (format!("k{}", at % KEYS), at.to_string())).collect();
    let started = Instant::now();
    let consume = ["consume", "state", "-f", "%k=%v\\n"];
    let found = loop {
        let (count, found) = read(&run(&broker, &consume));
        assert_eq!(found, oracle, "at no moment anything is missing");
        // The active segment is never cleaned.
        if count < RECORDS / 3 {
            break count;
        }
        assert!(started.elapsed() < CLEAN_WITHIN, "{count} records are left");
    };
    assert!(KEYS <= found);
    let directory = broker.data().join("state-0");
    run(
        &broker,
        &["dump-log", directory.to_str().expect("text"), "--strict", "--records", "-o", "name"],
    );
    apache_kafka_reads(&broker, &directory, &oracle);
}

fn apache_kafka_reads(
    broker: &Broker,
    directory: &std::path::Path,
    oracle: &BTreeMap<String, String>,
) {
    let Some(kafka) = ApacheKafka::find("a compacted topic's readers") else { return };
    let address = broker.address();
    let properties = ["--formatter-property", "print.key=true"];
    let separator = ["--formatter-property", "key.separator=="];
    let console = ["--bootstrap-server", &address, "--topic", "state", "--from-beginning"];
    let times_out = ["--timeout-ms", "4000"];
    let all = [&console[..], &properties, &separator, &times_out].concat();
    let output: std::process::Output = kafka.run("kafka-console-consumer", &all);
    let (_, found) = read(&String::from_utf8_lossy(&output.stdout));
    assert_eq!(&found, oracle);
    let logs: Vec<String> = std::fs::read_dir(directory)
        .expect("the directory is there")
        .filter_map(|it| Some(it.ok()?.path()))
        .filter(|it| it.extension().is_some_and(|it| it == "log"))
        .map(|it| it.display().to_string())
        .collect();
    let dumped = kafka.output("kafka-dump-log", &["--deep-iteration", "--files", &logs.join(",")]);
    assert!(dumped.contains("isvalid: true") && !dumped.contains("isvalid: false"), "{dumped}");
    assert!(!dumped.contains("mismatch"), "{dumped}");
}
