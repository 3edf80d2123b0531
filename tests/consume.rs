//! `kt consume`: what is read, in which form, and how it ends.

use std::io::{BufRead, BufReader};

use crate::support::command::{command, fails, ok, run, signal, stderr};
use crate::support::{Broker, Operator, scenarios};

scenarios![
    every_form_of_output,
    filters_say_how_much_they_looked_at,
    merging_gives_the_order_of_time_and_names_what_is_late,
    following_ends_by_count_idle_duration_or_signal,
    times_become_offsets_as_a_walk_over_all_records_finds_them,
    records_in_every_format,
];

/// A topic with records of these partitions, times, keys and values.
fn filled(operator: &Operator, topic: &str, partitions: &str, records: &[(u32, i64, &str, &str)]) {
    ok(operator, &["topics", "create", topic, "--partitions", partitions], "");
    let lines: String = records
        .iter()
        .map(|(partition, time, key, value)| format!("{partition},{time},{key},{value}\n"))
        .collect();
    ok(operator, &["produce", topic, "-f", "%p,%T,%k,%v\\n"], &lines);
}

fn every_form_of_output(operator: &Operator) {
    ok(operator, &["topics", "create", "forms"], "");
    let lines = concat!(
        r#"{"key":"k","value":{"base64":"AP8="},"headers":[{"key":"h","value":null}],"timestamp":1700000000123}"#,
        "\n",
        r#"{"value":null,"timestamp":1700000000124}"#,
        "\n",
    );
    ok(operator, &["produce", "forms", "--jsonl", "--no-idempotent"], lines);
    let consume = |more: &[&str]| ok(operator, &[&["consume", "forms"], more].concat(), "");
    let raw = run(operator, &["consume", "forms"], b"");
    assert_eq!(raw.stdout, b"\x00\xff\n\n");
    assert_eq!(raw.stderr, b"");
    insta::assert_snapshot!(consume(&["-o", "jsonl"]), @r#"
    {"topic":"forms","partition":0,"offset":0,"timestamp":1700000000123,"timestamp_type":"create","key":"k","value":{"base64":"AP8="},"headers":[{"key":"h","value":null}]}
    {"topic":"forms","partition":0,"offset":1,"timestamp":1700000000124,"timestamp_type":"create","key":null,"value":null,"headers":[]}
    "#);
    insta::assert_snapshot!(consume(&["-o", "jsonl", "--meta", "--base64", "-c", "1"]), @r#"{"topic":"forms","partition":0,"offset":0,"timestamp":1700000000123,"timestamp_type":"create","key":{"base64":"aw=="},"value":{"base64":"AP8="},"headers":[{"key":"h","value":null}],"leader_epoch":0,"producer_id":null,"producer_epoch":null,"sequence":null}"#);
    insta::assert_snapshot!(consume(&["-f", "%i %t:%p@%o %T %d{strftime[%F]} %k %v{base64} [%[ %| %]]\\n", "--utc"]), @"
    1 forms:0@0 1700000000123 2023-11-14 k AP8= [0 2 2]
    2 forms:0@1 1700000000124 2023-11-14   [0 2 2]
    ");
    let whole: serde_json::Value = serde_json::from_str(&consume(&["--json"])).expect("JSON");
    assert_eq!(whole["kind"], "consume");
    assert_eq!(whole["items"].as_array().map(Vec::len), Some(2));
    // The format wins over the output.
    assert_eq!(consume(&["-o", "jsonl", "-f", "%o,"]), "0,1,");
}

fn filters_say_how_much_they_looked_at(operator: &Operator) {
    let records: Vec<(u32, i64, String, String)> = (0..100)
        .map(|it| (0, 1_700_000_000_000 + it, format!("k{it}"), format!("{{\"n\":{it}}}")))
        .collect();
    let records: Vec<_> = records.iter().map(|it| (it.0, it.1, &*it.2, &*it.3)).collect();
    filled(operator, "seen", "1", &records);
    let found = run(operator, &["consume", "seen", "--where", "value.n >= 97", "-f", "%o "], b"");
    assert_eq!(String::from_utf8_lossy(&found.stdout), "97 98 99 ");
    assert_eq!(stderr(&found), "scanned 100 of 100 offsets: 3 records match\n");
    let found = run(operator, &["consume", "seen", "--grep", "^k1", "-c", "2", "-f", "%o "], b"");
    assert_eq!(String::from_utf8_lossy(&found.stdout), "1 10 ");
    assert_eq!(stderr(&found), "scanned 11 of 100 offsets: 2 records match\n");
    let at = "timestamp >= @1700000000050 and timestamp < @1700000000052";
    assert_eq!(ok(operator, &["consume", "seen", "--where", at, "-f", "%o "], ""), "50 51 ");
    let wrong = fails(operator, &["consume", "seen", "--where", "vlaue = 1"], "", 2);
    assert!(wrong.contains("no field \"vlaue\" (column 1)"), "{wrong}");
    assert!(wrong.contains("did you mean value?"), "{wrong}");
    fails(operator, &["consume", "seen", "--grep", "("], "", 2);
    fails(operator, &["consume", "seen", "-f", "%z"], "", 2);
    fails(operator, &["consume", "seen", "--where", "offset < 5", "--expect", "6"], "", 7);
    ok(operator, &["consume", "seen", "--where", "offset < 5", "--expect", "5"], "");
    ok(operator, &["consume", "seen", "--check-gaps"], "");
}

fn merging_gives_the_order_of_time_and_names_what_is_late(operator: &Operator) {
    let records = [
        (0, 10, "a", "1"),
        (0, 40, "a", "2"),
        (0, 20, "a", "3"),
        (1, 15, "b", "4"),
        (1, 35, "b", "5"),
        (2, 5, "c", "6"),
    ];
    filled(operator, "merged", "3", &records);
    let merged = run(operator, &["consume", "merged", "--merge", "-f", "%T "], b"");
    assert_eq!(String::from_utf8_lossy(&merged.stdout), "5 10 15 35 40 20 ");
    assert_eq!(
        stderr(&merged),
        "warning: the record at merged:0 offset 2 is 20 ms out of the order of time\n"
    );
    let some = ok(operator, &["consume", "merged", "--merge", "-f", "%T ", "-c", "3"], "");
    assert_eq!(some, "5 10 15 ");
}

/// More than the windows hold, so that reading ahead has to stop and go on.
#[test]
fn merging_much_keeps_every_record_and_their_order() {
    let operator = &Operator::start();
    ok(operator, &["topics", "create", "much", "--partitions", "3"], "");
    let filler = "x".repeat(400);
    let lines: String = (0..60_000)
        .map(|it| format!("{},{},{filler}\n", if it < 20_000 { 0 } else { 1 + it % 2 }, it))
        .collect();
    let arguments = ["produce", "much", "-f", "%p,%T,%v", "--compression", "zstd"];
    ok(operator, &arguments, &lines);
    let read = ok(operator, &["consume", "much", "--merge", "-f", "%T\\n"], "");
    let expected: String = (0..60_000).map(|it| format!("{it}\n")).collect();
    assert!(read == expected, "{} lines came", read.lines().count());
}

fn following_ends_by_count_idle_duration_or_signal(operator: &Operator) {
    filled(operator, "live", "1", &[(0, 1, "k", "one"), (0, 2, "k", "two")]);
    let follow = ["consume", "live", "-F", "--from", "earliest"];
    let with = |more: &[&'static str]| [&follow[..], more].concat();
    assert_eq!(ok(operator, &with(&["-c", "1"]), ""), "one\n");
    assert_eq!(ok(operator, &with(&["--idle", "300ms"]), ""), "one\ntwo\n");
    assert_eq!(ok(operator, &with(&["--duration", "3s"]), ""), "one\ntwo\n");
    fails(operator, &with(&["--idle", "300ms", "--expect", "3"]), "", 7);
    for (name, code) in [("INT", 130), ("TERM", 143)] {
        let mut process = command(operator, &follow).spawn().expect("kt runs");
        let stdout = process.stdout.take().expect("stdout is piped");
        let mut lines = BufReader::new(stdout).lines();
        assert_eq!(lines.next().expect("a line").expect("text"), "one");
        signal(&process, name);
        let ended = process.wait().expect("kt ends");
        assert_eq!(ended.code(), Some(code));
    }
}

/// A time is the first record with that time or a later one, wherever that stands.
fn times_become_offsets_as_a_walk_over_all_records_finds_them(operator: &Operator) {
    let mut state = 7_u64;
    let mut random = |below: u64| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    const BASE: i64 = 1_700_000_000_000;
    let times: Vec<i64> = (0..300_i64)
        .map(|it| BASE + it * 10 + i64::try_from(random(400)).expect("small") - 200)
        .collect();
    let records: Vec<_> = times.iter().map(|time| (0, *time, "k", "v")).collect();
    // Several batches, so that the place inside of one matters as much as the batch.
    ok(operator, &["topics", "create", "times"], "");
    for chunk in records.chunks(37) {
        let lines: String =
            chunk.iter().map(|it| format!("{},{},{},{}\n", it.0, it.1, it.2, it.3)).collect();
        ok(operator, &["produce", "times", "-f", "%p,%T,%k,%v\\n"], &lines);
    }
    let first = |at: i64| times.iter().position(|it| at <= *it).unwrap_or(times.len());
    for _ in 0..40 {
        let from = BASE - 300 + i64::try_from(random(3700)).expect("small");
        let until = from + i64::try_from(random(1500)).expect("small");
        let (from_at, until_at) = (format!("@{from}"), format!("@{until}"));
        let arguments = ["consume", "times", "--from", &from_at, "--until", &until_at, "-f", "%o "];
        let read = ok(operator, &arguments, "");
        let expected: String = (first(from)..first(until)).map(|it| format!("{it} ")).collect();
        assert_eq!(read, expected, "from {from} until {until}");
    }
}

#[test]
fn records_of_kafkas_own_topics_are_decoded_and_not_written_by_accident() {
    let operator = &Operator::start();
    let topic = "__consumer_offsets";
    ok(operator, &["topics", "create", topic, "topic"], "");
    // An offset that group `app` committed, its deletion, and what is neither.
    let lines = concat!(
        r#"{"key":{"base64":"AAEAA2FwcAAGb3JkZXJzAAAAAg=="},"value":{"base64":"AAMAAAAAAAAAKgAAAAcABG5vdGUAAAGLz+VoAA=="}}"#,
        "\n",
        r#"{"key":{"base64":"AAEAA2FwcAAGb3JkZXJzAAAAAg=="},"value":null}"#,
        "\n",
        r#"{"key":"odd","value":"odd"}"#,
        "\n",
    );
    let said = fails(operator, &["produce", topic, "--jsonl"], lines, 1);
    assert!(said.contains("Kafka's own"), "{said}");
    let line = format!("{{\"topic\":\"{topic}\",\"value\":\"v\"}}\n");
    fails(operator, &["produce", "--jsonl"], &line, 1);
    // Nor by purpose: coordinators write it, and would not know. Kafka lets one client, by name.
    let internal = ["produce", topic, "--jsonl", "--internal"];
    let said = fails(operator, &internal, lines, 1);
    assert!(said.contains("Cannot append to internal topic"), "{said}");
    ok(operator, &[&internal[..], &["-X", "client.id=__admin_client"]].concat(), lines);
    let consume = |more: &[&str]| ok(operator, &[&["consume", topic], more].concat(), "");
    let read = |text: String| -> Vec<serde_json::Value> {
        text.lines().map(|it| serde_json::from_str(it).expect("JSON")).collect()
    };
    let decoded = read(consume(&["-o", "jsonl"]));
    assert_eq!(decoded[0]["key"]["type"], "OffsetCommit");
    assert_eq!(decoded[0]["key"]["data"]["group"], "app");
    assert_eq!(decoded[0]["value"]["data"]["offset"], 42);
    assert_eq!(decoded[1]["value"], serde_json::Value::Null);
    assert_eq!(decoded[2]["value"], "odd");
    assert!(consume(&["-f", "%v\\n", "-c", "1"]).starts_with("{\"version\":3,"));
    let raw = read(consume(&["-o", "jsonl", "--raw"]));
    assert_eq!(raw[0]["value"]["base64"], "AAMAAAAAAAAAKgAAAAcABG5vdGUAAAGLz+VoAA==");
}

fn records_in_every_format(operator: &Operator) {
    filled(operator, "forms", "1", &[(0, 1_700_000_000_123, "k", "one"), (0, 5, "", "two")]);
    insta::assert_snapshot!(operator.every_format("consume forms"), @r#"
    $ kt consume forms -o table
    one
    two
    $ kt consume forms -o wide
    error: consume prints values, or -o jsonl, or -o json
    $ kt consume forms -o json
    {"kind":"consume","version":1,"cluster_id":"ID","time":"TIME","items":[
    {"topic":"forms","partition":0,"offset":0,"timestamp":1700000000123,"timestamp_type":"create","key":"k","value":"one","headers":[]},
    {"topic":"forms","partition":0,"offset":1,"timestamp":5,"timestamp_type":"create","key":"","value":"two","headers":[]}
    ],"errors":[]}
    $ kt consume forms -o jsonl
    {"topic":"forms","partition":0,"offset":0,"timestamp":1700000000123,"timestamp_type":"create","key":"k","value":"one","headers":[]}
    {"topic":"forms","partition":0,"offset":1,"timestamp":5,"timestamp_type":"create","key":"","value":"two","headers":[]}
    $ kt consume forms -o yaml
    error: consume prints values, or -o jsonl, or -o json
    $ kt consume forms -o csv
    error: consume prints values, or -o jsonl, or -o json
    $ kt consume forms -o tsv
    error: consume prints values, or -o jsonl, or -o json
    $ kt consume forms -o name
    error: consume prints values, or -o jsonl, or -o json
    $ kt consume forms -o kafka
    error: consume prints values, or -o jsonl, or -o json
    "#);
    insta::assert_snapshot!(operator.run("consume forms -o template={offset}"), @"
    $ kt consume forms -o template={offset}
    error: consume prints values, or -o jsonl, or -o json
    exit 2
    ");
}

/// A log whose middle is gone, as compaction would leave it.
#[test]
fn a_gap_is_named_and_ends_with_7() {
    let mut broker = Broker::start();
    let operator = &Operator::at(&broker.address());
    ok(operator, &["topics", "create", "holes"], "");
    for values in ["a\nb\n", "c\nd\ne\n", "f\n", "g\n"] {
        ok(operator, &["produce", "holes", "--no-idempotent"], values);
    }
    ok(operator, &["consume", "holes", "--check-gaps"], "");
    broker.stop();
    let log = broker.data().join("holes-0/00000000000000000000.log");
    let batches = std::fs::read(&log).expect("the log");
    std::fs::write(&log, without_batch(&batches, 2)).expect("it can be written");
    broker.restart();
    let operator = &Operator::at(&broker.address());
    let read = run(operator, &["consume", "holes", "--check-gaps"], b"");
    assert_eq!(String::from_utf8_lossy(&read.stdout), "a\nb\nf\ng\n");
    insta::assert_snapshot!(stderr(&read), @r#"
    warning: partition 0 of topic "holes" has no records at 2 to 4
    error: 1 gap, 3 offsets without a record
    hint: compaction and aborted transactions leave gaps too
    "#);
    assert_eq!(read.status.code(), Some(7));
    ok(operator, &["consume", "holes", "--check-gaps", "--from", "5"], "");
    assert_eq!(ok(operator, &["consume", "holes"], ""), "a\nb\nf\ng\n");
}

/// A log without the batch that begins at this offset.
fn without_batch(mut log: &[u8], base_offset: i64) -> Vec<u8> {
    let mut kept = Vec::new();
    while let Some((head, _)) = log.split_first_chunk::<12>() {
        let offset = i64::from_be_bytes(head[..8].try_into().expect("eight bytes"));
        let length = i32::from_be_bytes(head[8..].try_into().expect("four bytes"));
        let (batch, rest) = log.split_at(12 + usize::try_from(length).expect("a length"));
        if offset != base_offset {
            kept.extend_from_slice(batch);
        }
        log = rest;
    }
    kept
}
