//! `kt serve` as a process: a server.properties, several log directories, metrics, signals.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdout, Stdio};

use rdkafka::producer::FutureRecord;

use crate::support::broker::kt;
use crate::support::{Broker, client, ports};

/// A process that was started by hand. Dropping it kills it.
struct Process {
    child: Child,
    stdout: BufReader<ChildStdout>,
}

impl Process {
    fn start(arguments: &[&str]) -> Process {
        let mut command = kt();
        command.arg("serve").args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("kt runs");
        let stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
        Process { child, stdout }
    }

    /// Where it is ready; or what it says on stderr instead.
    fn ready(&mut self) -> Result<String, String> {
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("stdout can be read");
        if let Some(addresses) = line.trim_end().strip_prefix("ready ") {
            return Ok(addresses.to_owned());
        }
        let mut text = String::new();
        let stderr = self.child.stderr.as_mut().expect("stderr is piped");
        stderr.read_to_string(&mut text).expect("stderr can be read");
        Err(text)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// As an operator of Apache Kafka has it, with keys that kt does not know and two directories.
fn server_properties(directory: &Path) -> String {
    let path = directory.join("server.properties");
    let (one, two) = (directory.join("one"), directory.join("two"));
    let text = format!(
        "# a combined node\n\
         process.roles=broker,controller\n\
         node.id=7\n\
         controller.quorum.voters=7@127.0.0.1:0\n\
         listeners=PLAINTEXT://127.0.0.1:0,CONTROLLER://127.0.0.1:0\n\
         controller.listener.names=CONTROLLER\n\
         listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT\n\
         log.dirs={},{}\n\
         num.partitions=4\n\
         offsets.topic.replication.factor=1\n\
         confluent.balancer.enable=true\n",
        one.display(),
        two.display(),
    );
    std::fs::write(&path, text).expect("it can be written");
    path.to_str().expect("the path is text").to_owned()
}

#[tokio::test]
async fn a_node_of_a_server_properties_is_formatted_once_and_served() {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let config = server_properties(directory.path());
    let refusal = Process::start(&["--config", &config]).ready().expect_err("it is not formatted");
    assert!(refusal.contains("is not formatted") && refusal.contains("--cluster-id"), "{refusal}");
    let id = "MkU3OEVBNTcwNTJENDM2Qk";
    let mut first = Process::start(&["--config", &config, "--cluster-id", id]);
    let address = first.ready().expect("it starts");
    client::create_topic(&address, "spread", -1, &[]).await;
    let producer = client::producer(&address, &[]);
    for partition in 0..4 {
        let record = FutureRecord::<(), str>::to("spread").payload("kept").partition(partition);
        producer.send(record, client::SOON).await.expect("it is delivered");
    }
    drop(first);
    for directory in [directory.path().join("one"), directory.path().join("two")] {
        let entries = std::fs::read_dir(&directory).expect("it is there").flatten();
        let names = entries.map(|it| it.file_name().to_string_lossy().into_owned());
        let count = names.filter(|name| name.starts_with("spread-")).count();
        assert_eq!(count, 2, "partitions in {}", directory.display());
    }
    // Formatted by now: the id is not asked for again, and a wrong one is refused.
    let wrong = "AAAAAAAAAAAAAAAAAAAAAA";
    let refusal = Process::start(&["--config", &config, "--cluster-id", wrong]).ready();
    let refusal = refusal.expect_err("another cluster's id");
    assert!(refusal.contains(id), "{refusal}");
    let address = Process::start(&["--config", &config]);
    let mut second = address;
    let address = second.ready().expect("it starts again");
    for partition in 0..4 {
        assert_eq!(client::read_all(&address, "spread", partition, 0).len(), 1, "{partition}");
    }
}

fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("somebody listens");
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("it is read");
    let mut response = String::new();
    stream.read_to_string(&mut response).expect("it is answered");
    response
}

#[tokio::test]
async fn metrics_tell_the_unflushed_tail_of_each_partition() {
    let metrics = format!("127.0.0.1:{}", ports::in_a_row(1));
    let broker =
        Broker::start_with(&[("metrics.listener", &metrics), ("log.flush.on.ack", "false")]);
    client::create_topic(&broker.address(), "tail", 1, &[]).await;
    let producer = client::producer(&broker.address(), &[]);
    for _ in 0..3 {
        let record = FutureRecord::<(), str>::to("tail").payload("in the page cache");
        producer.send(record, client::SOON).await.expect("it is delivered");
    }
    assert!(get(&metrics, "/healthz").starts_with("HTTP/1.1 200"));
    let text = get(&metrics, "/metrics");
    for line in [
        r#"kt_unflushed_records{topic="tail",partition="0"} 3"#,
        r#"kt_log_end_offset{topic="tail",partition="0"} 3"#,
    ] {
        assert!(text.contains(line), "{line} is missing in\n{text}");
    }
}

#[test]
fn a_stop_under_load_is_clean_and_quick() {
    let mut broker = Broker::start();
    let producer: rdkafka::producer::FutureProducer = client::producer(
        &broker.address(),
        &[("message.timeout.ms", "60000"), ("log_level", "0"), ("linger.ms", "0")],
    );
    for number in 0..1_000 {
        let value = format!("{number}");
        let record = FutureRecord::<(), String>::to("load").payload(&value);
        drop(producer.send_result(record).expect("the queue has room"));
    }
    let started = std::time::Instant::now();
    assert!(broker.stop().success(), "{}", broker.log());
    assert!(started.elapsed() < std::time::Duration::from_secs(10), "{:?}", started.elapsed());
    assert!(broker.data().join(".kafka_cleanshutdown").exists());
}

/// Bugs that are planted to prove the checks are not in what is shipped, not even by name.
#[test]
fn the_binary_has_no_planted_bugs() {
    let binary = std::fs::read(kt().get_program()).expect("the binary is there");
    let has = |text: &str| binary.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(has("acknowledged is flushed to disk"), "its texts can be found");
    for bug in ["acknowledged before the flush", "recovered without a sync"] {
        assert!(!has(bug), "{bug}");
    }
}
