//! kt's own commands in pipes and scripts: what they print, and the exit codes they end with.

use std::io::Write;
use std::process::{Output, Stdio};

use serde_json::Value;

use crate::support::Broker;
use crate::support::broker::kt;

fn run(broker: &Broker, arguments: &[&str], input: &str) -> Output {
    let mut process = kt()
        .env("KT_BOOTSTRAP", broker.address())
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
    process.wait_with_output().expect("kt ends")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("text")
}

fn ok(broker: &Broker, arguments: &[&str], input: &str) -> String {
    let output = run(broker, arguments, input);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "kt {arguments:?}: {stderr}");
    stdout(&output)
}

fn fails(broker: &Broker, arguments: &[&str], code: i32) -> String {
    let output = run(broker, arguments, "");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "kt {arguments:?}: {stderr}");
    assert!(!stderr.contains("panicked"), "{stderr}");
    stderr
}

#[test]
fn topics_are_created_listed_described_and_deleted() {
    let broker = Broker::start();
    ok(
        &broker,
        &["topics", "create", "orders", "--partitions", "3", "--set", "retention.ms=9"],
        "",
    );
    ok(&broker, &["topics", "create", "orders", "--if-not-exists"], "");
    assert_eq!(ok(&broker, &["topics", "list", "-o", "name"], ""), "orders\n");
    let described = ok(&broker, &["topics", "describe", "orders", "-o", "json"], "");
    let described: Value = serde_json::from_str(&described).expect("JSON");
    assert_eq!(described["kind"], "topics.describe");
    assert_eq!(described["version"], 1);
    let topic = &described["items"][0];
    assert_eq!(topic["name"], "orders");
    assert_eq!(topic["partitions"].as_array().map(Vec::len), Some(3));
    assert_eq!(topic["partitions"][0]["leader"], 1);
    assert_eq!(topic["partitions"][0]["isr"], serde_json::json!([1]));
    let refused = fails(&broker, &["topics", "delete", "orders"], 2);
    assert!(refused.contains("needs -y"), "{refused}");
    ok(&broker, &["topics", "delete", "orders", "--dry-run"], "");
    ok(&broker, &["topics", "delete", "orders", "--yes"], "");
    assert_eq!(ok(&broker, &["topics", "list", "-o", "name"], ""), "");
}

#[test]
fn lines_go_in_and_come_out() {
    let broker = Broker::start();
    ok(&broker, &["topics", "create", "lines"], "");
    ok(&broker, &["produce", "lines", "--key-separator", ":"], "a:1\nb:2\n");
    ok(&broker, &["produce", "lines"], "plain\n");
    assert_eq!(ok(&broker, &["consume", "lines"], ""), "1\n2\nplain\n");
    assert_eq!(ok(&broker, &["consume", "lines", "-c", "1"], ""), "1\n");
    assert_eq!(ok(&broker, &["consume", "lines", "--from", "-1"], ""), "plain\n");
    assert_eq!(ok(&broker, &["consume", "lines:0", "--from", "1", "--until", "2"], ""), "2\n");
}

#[test]
fn records_are_the_same_after_a_round_trip_through_json() {
    let broker = Broker::start();
    for topic in ["from", "to"] {
        ok(&broker, &["topics", "create", topic], "");
    }
    let records = concat!(
        r#"{"key":"k","value":"v","headers":[{"key":"a","value":"1"},{"key":"a","value":null}],"#,
        r#""timestamp":1732154400123}"#,
        "\n",
        r#"{"value":null}"#,
        "\n",
        r#"{"key":"","value":{"base64":"AP8="}}"#,
        "\n",
    );
    ok(&broker, &["produce", "from", "--jsonl"], records);
    let first = ok(&broker, &["consume", "from", "-o", "jsonl"], "");
    let line = first.lines().next().expect("a line");
    assert_eq!(
        line,
        r#"{"topic":"from","partition":0,"offset":0,"timestamp":1732154400123,"timestamp_type":"create","key":"k","value":"v","headers":[{"key":"a","value":"1"},{"key":"a","value":null}]}"#
    );
    ok(&broker, &["produce", "to", "--jsonl"], &first);
    let second = ok(&broker, &["consume", "to", "-o", "jsonl"], "");
    assert_eq!(second, first.replace("\"topic\":\"from\"", "\"topic\":\"to\""));
}

#[test]
fn each_error_has_its_exit_code_and_names_the_thing() {
    let broker = Broker::start();
    ok(&broker, &["topics", "create", "orders"], "");
    let missing = fails(&broker, &["topics", "describe", "order"], 5);
    assert!(missing.contains("order") && missing.contains("orders"), "{missing}");
    fails(&broker, &["consume", "nosuch"], 5);
    fails(&broker, &["produce", "nosuch"], 5);
    fails(&broker, &["consume", "orders", "--from", "17"], 5);
    fails(&broker, &["topics", "create", "orders"], 1);
    fails(&broker, &["topics", "list", "--nosuchflag"], 2);
    fails(&broker, &["consume", "orders", "--from", "soon"], 2);
    let unreachable = fails(&broker, &["topics", "list", "-b", "127.0.0.1:1"], 6);
    assert!(unreachable.contains("127.0.0.1:1"), "{unreachable}");
}

#[test]
fn a_reader_that_closes_the_pipe_is_no_error() {
    let broker = Broker::start();
    ok(&broker, &["topics", "create", "many"], "");
    let lines: String = (0..20_000).map(|it| format!("{it}\n")).collect();
    ok(&broker, &["produce", "many"], &lines);
    let script = format!(
        "{} consume many -b {} | head -n 3; echo ${{PIPESTATUS[0]}}",
        env!("CARGO_BIN_EXE_kt"),
        broker.address()
    );
    let output =
        std::process::Command::new("bash").args(["-c", &script]).output().expect("bash runs");
    assert_eq!(stdout(&output), "0\n1\n2\n0\n");
    assert_eq!(output.stderr, b"");
}
