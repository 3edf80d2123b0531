//! Apache Kafka's own tools and Java client against kt, and its dump-log on our directories.

use std::io::Write;
use std::process::Stdio;

use crate::support::tool::ApacheKafka;
use crate::support::{Broker, client};

fn tools(left_out: &str) -> Option<ApacheKafka> {
    ApacheKafka::find(left_out)
}

/// Feeds lines to the console producer.
fn produce(kafka: &ApacheKafka, broker: &Broker, topic: &str, extra: &[&str], lines: &str) {
    let mut process = kafka
        .command("kafka-console-producer")
        .args(["--bootstrap-server", &broker.address(), "--topic", topic, "--timeout", "0"])
        .args(extra)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the script runs");
    let mut stdin = process.stdin.take().expect("stdin is piped");
    stdin.write_all(lines.as_bytes()).expect("the producer reads");
    drop(stdin);
    let output = process.wait_with_output().expect("the producer ends");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn its_java_client_passes() {
    let Some(kafka) = tools("Apache Kafka's Java client") else { return };
    let broker = Broker::start();
    let program = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop/Client.java");
    let output = kafka.java(&[program, &broker.address()]);
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stdout}\n{stderr}");
    assert!(stdout.trim_end().ends_with("ok"), "{stdout}");
}

#[test]
fn topics_are_made_described_altered_and_deleted() {
    let Some(kafka) = tools("kafka-topics") else { return };
    let broker = Broker::start();
    let address = broker.address();
    let topics = |arguments: &[&str]| {
        let mut all = vec!["--bootstrap-server", &address];
        all.extend_from_slice(arguments);
        kafka.output("kafka-topics", &all)
    };
    let made =
        topics(&["--create", "--topic", "java", "--partitions", "3", "--config", "retention.ms=9"]);
    assert_eq!(made, "Created topic java.\n");
    let described = topics(&["--describe", "--topic", "java"]);
    let id = described.split("TopicId: ").nth(1).expect("an id").split('\t').next().expect("id");
    assert_eq!(id.len(), 22);
    let header =
        format!("Topic: java\tTopicId: {id}\tPartitionCount: 3\tReplicationFactor: 1\tConfigs: ");
    assert!(described.starts_with(&header), "{described}");
    assert!(described.contains("retention.ms=9"), "{described}");
    let partition = "\tTopic: java\tPartition: 2\tLeader: 1\tReplicas: 1\tIsr: 1\t";
    assert!(described.contains(partition), "{described}");
    topics(&["--alter", "--topic", "java", "--partitions", "4"]);
    assert!(topics(&["--describe", "--topic", "java"]).contains("PartitionCount: 4"));
    assert_eq!(topics(&["--list"]), "java\n");
    topics(&["--delete", "--topic", "java"]);
    assert_eq!(topics(&["--list"]), "\n");
}

#[test]
fn console_tools_write_and_read() {
    let Some(kafka) = tools("the console producer and consumer") else { return };
    let broker = Broker::start();
    let properties =
        ["--reader-property", "parse.key=true", "--reader-property", "key.separator=:"];
    produce(&kafka, &broker, "lines", &properties, "a:1\nb:2\nc:3\n");
    let read = kafka.output(
        "kafka-console-consumer",
        &[
            "--bootstrap-server",
            &broker.address(),
            "--topic",
            "lines",
            "--partition",
            "0",
            "--offset",
            "earliest",
            "--max-messages",
            "3",
            "--formatter-property",
            "print.key=true",
            "--formatter-property",
            "print.offset=true",
        ],
    );
    assert_eq!(read, "Offset:0\ta\t1\nOffset:1\tb\t2\nOffset:2\tc\t3\n");
    let offsets = kafka.output(
        "kafka-get-offsets",
        &["--bootstrap-server", &broker.address(), "--topic", "lines"],
    );
    assert_eq!(offsets, "lines:0:3\n");
}

#[test]
fn configs_records_and_log_dirs_are_administered() {
    let Some(kafka) = tools("kafka-configs, kafka-delete-records, kafka-log-dirs") else { return };
    let broker = Broker::start();
    let address = broker.address();
    produce(&kafka, &broker, "kept", &[], "1\n2\n3\n4\n");
    let configs = |arguments: &[&str]| {
        let mut all = vec!["--bootstrap-server", &address];
        all.extend_from_slice(arguments);
        kafka.output("kafka-configs", &all)
    };
    let altered = configs(&["--alter", "--topic", "kept", "--add-config", "retention.ms=1234567"]);
    assert_eq!(altered, "Completed updating config for topic kept.\n");
    let described = configs(&["--describe", "--topic", "kept"]);
    assert_eq!(
        described,
        "Dynamic configs for topic kept are:\n  retention.ms=1234567 sensitive=false \
         synonyms={DYNAMIC_TOPIC_CONFIG:retention.ms=1234567}\n"
    );
    let mut json = tempfile::NamedTempFile::new().expect("a temporary file can be made");
    json.write_all(br#"{"partitions":[{"topic":"kept","partition":0,"offset":3}],"version":1}"#)
        .expect("it can be written");
    let path = json.path().to_str().expect("the path is text");
    let deleted = kafka.output(
        "kafka-delete-records",
        &["--bootstrap-server", &address, "--offset-json-file", path],
    );
    assert!(deleted.contains("partition: kept-0\tlow_watermark: 3"), "{deleted}");
    let dirs = kafka.output("kafka-log-dirs", &["--bootstrap-server", &address, "--describe"]);
    let json = dirs.lines().last().expect("a line of JSON");
    let json: serde_json::Value = serde_json::from_str(json).expect("JSON");
    let dir = &json["brokers"][0]["logDirs"][0];
    assert!(dir["error"].is_null());
    let partitions = dir["partitions"].as_array().expect("a list");
    assert!(partitions.iter().any(|it| it["partition"] == "kept-0"), "{dirs}");
}

#[test]
fn the_perf_test_runs_and_the_quorum_is_described() {
    let Some(kafka) = tools("kafka-producer-perf-test, kafka-metadata-quorum") else { return };
    let broker = Broker::start();
    let bootstrap = format!("bootstrap.servers={}", broker.address());
    let report = kafka.output(
        "kafka-producer-perf-test",
        &[
            "--topic",
            "perf",
            "--num-records",
            "50000",
            "--throughput",
            "-1",
            "--record-size",
            "100",
            "--producer-props",
            &bootstrap,
            "acks=all",
            "compression.type=lz4",
        ],
    );
    assert!(report.contains("50000 records sent"), "{report}");
    let status = kafka.output(
        "kafka-metadata-quorum",
        &["--bootstrap-server", &broker.address(), "describe", "--status"],
    );
    assert!(status.contains("LeaderId:               1"), "{status}");
    let versions =
        kafka.output("kafka-broker-api-versions", &["--bootstrap-server", &broker.address()]);
    assert!(versions.contains("Produce(0): 0 to 13"), "{versions}");
}

#[tokio::test]
async fn its_dump_log_reads_our_directories() {
    let Some(kafka) = tools("kafka-dump-log on our directories") else { return };
    let mut broker = Broker::start();
    client::create_topic(&broker.address(), "dumped", 1, &[("index.interval.bytes", "100")]).await;
    let lines: String = (0..3_000).map(|it| format!("record number {it}\n")).collect();
    produce(&kafka, &broker, "dumped", &["--batch-size", "500"], &lines[..20_000]);
    assert!(broker.stop().success());
    let dump = |name: &str, extra: &[&str]| {
        let path = broker.data().join(name);
        let mut all = vec!["--files", path.to_str().expect("the path is text")];
        all.extend_from_slice(extra);
        kafka.output("kafka-dump-log", &all)
    };
    let log = dump("dumped-0/00000000000000000000.log", &["--deep-iteration"]);
    assert!(log.contains("isvalid: true") && !log.contains("isvalid: false"), "{log}");
    let index = dump("dumped-0/00000000000000000000.index", &["--verify-index-only"]);
    assert!(!index.contains("Mismatch"), "{index}");
    let index = dump("dumped-0/00000000000000000000.index", &["--index-sanity-check"]);
    assert!(index.contains("passed sanity check"), "{index}");
    let time_index = dump("dumped-0/00000000000000000000.timeindex", &["--verify-index-only"]);
    assert!(!time_index.contains("Found timestamp mismatch"), "{time_index}");
    let metadata =
        dump("__cluster_metadata-0/00000000000000000000.log", &["--cluster-metadata-decoder"]);
    for record in ["REGISTER_BROKER_RECORD", "TOPIC_RECORD", "PARTITION_RECORD"] {
        assert!(metadata.contains(record), "{record} is missing in\n{metadata}");
    }
    let info_config = broker.data().join("../server.properties");
    std::fs::write(
        &info_config,
        format!(
            "process.roles=broker,controller\nnode.id=1\nlog.dirs={}\n\
             controller.listener.names=CONTROLLER\n\
             listeners=PLAINTEXT://127.0.0.1:1,CONTROLLER://127.0.0.1:2\n\
             listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT\n\
             controller.quorum.bootstrap.servers=127.0.0.1:2\n",
            broker.data().display()
        ),
    )
    .expect("it can be written");
    let config = info_config.to_str().expect("the path is text").to_owned();
    let info = kafka.output("kafka-storage", &["info", "-c", &config]);
    assert!(info.contains("Found metadata") && info.contains("node.id=1"), "{info}");
    let segment = broker.data().join("__cluster_metadata-0/00000000000000000000.log");
    let segment = segment.to_str().expect("the path is text");
    // The shell answers while it still reads the log, so what it lacks at first may come.
    let shell_shows = |arguments: &[&str], text: &str| {
        let arguments = [&["--snapshot", segment], arguments].concat();
        let shown = |_| kafka.output("kafka-metadata-shell", &arguments).contains(text);
        (0..20).any(shown)
    };
    assert!(shell_shows(&["ls", "/image/topics/byName"], "dumped"));
    assert!(shell_shows(&["cat", "/image/topics/byName/dumped/0"], "isr=[1]"));
}
