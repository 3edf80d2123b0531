//! `kt produce`: every way to say what a record is, and every way to end.

use std::io::{BufRead, BufReader, Read, Write};
use std::sync::Arc;

use serde_json::Value;

use crate::support::command::{command, fails, ok, run, signal, stderr};
use crate::support::proxy::{Proxy, Verdict};
use crate::support::{Broker, Operator, scenarios};

scenarios![
    a_format_says_where_the_fields_stand,
    a_partition_that_does_not_exist_is_refused_at_once,
    records_are_repeated_and_spread,
    each_delivery_is_reported_with_its_line,
    nulls_tombstones_headers_and_a_dry_run,
    signals_deliver_what_was_read_and_say_what_was_not_sent,
    failures_have_their_codes,
    deliveries_in_every_format,
    a_format_that_produce_has_not_is_refused_before_a_record_is_sent,
    what_delivered_nothing_does_not_say_that_some_was_done,
    a_reader_of_the_report_who_leaves_stops_no_input,
    deliveries_are_told_while_a_rate_holds_the_rest_back,
    sums_say_just_what_was_done,
    a_line_for_a_topic_that_is_not_there_is_looked_for_as_long_as_an_answer,
];

fn topic(operator: &Operator, name: &str, partitions: &str) {
    ok(operator, &["topics", "create", name, "--partitions", partitions], "");
}

fn a_format_says_where_the_fields_stand(operator: &Operator) {
    topic(operator, "orders", "3");
    ok(operator, &["produce", "orders", "-f", "%k,%p,%T,%v"], "a,2,1700000000123,x,y\nb,0,5,z");
    let read = ok(operator, &["consume", "orders", "-f", "%p %T %k=%v\\n"], "");
    let mut lines: Vec<&str> = read.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["0 5 b=z", "2 1700000000123 a=x,y"]);
    let bytes = b"\x00\x00\x00\x03\n\xff\n\x00\x00\x00\x00";
    let written = run(operator, &["produce", "orders:1", "-f", "%V{big32}%v"], bytes);
    assert_eq!(written.status.code(), Some(0), "{}", stderr(&written));
    let read = ok(operator, &["consume", "orders:1", "-f", "%v{hex}|"], "");
    assert_eq!(read, "0aff0a||");
    let wrong = fails(operator, &["produce", "orders", "-f", "%k,%v"], "a,1\nb2\n", 3);
    assert!(wrong.contains("record 2: no \",\" in what is left"), "{wrong}");
    let wrong = fails(operator, &["produce", "orders", "-f", "%k%v"], "", 2);
    assert!(wrong.contains("nothing tells where %k ends"), "{wrong}");
}

fn a_partition_that_does_not_exist_is_refused_at_once(operator: &Operator) {
    topic(operator, "orders", "3");
    for arguments in [["produce", "orders", "-p", "3"], ["produce", "orders:3", "-k", "a"]] {
        let refused = fails(operator, &arguments, "never sent\n", 5);
        assert!(refused.contains("partition 3 of topic \"orders\" does not exist"), "{refused}");
        assert!(refused.contains("it has partitions 0 to 2"), "{refused}");
    }
    let lines = "{\"value\":\"a\",\"partition\":0}\n{\"value\":\"b\",\"partition\":9}\n";
    let refused = fails(operator, &["produce", "orders", "--jsonl"], lines, 3);
    assert!(refused.contains("line 2: topic \"orders\" has no partition 9: it has 3"), "{refused}");
    assert_eq!(ok(operator, &["consume", "orders"], ""), "a\n");
}

fn records_are_repeated_and_spread(operator: &Operator) {
    topic(operator, "turns", "3");
    let arguments = ["produce", "turns", "--repeat", "3", "--partitioner", "round-robin"];
    let written = run(operator, &arguments, b"a\nb\n");
    assert_eq!(stderr(&written), "6 records delivered: 6 to turns\n");
    let read = ok(operator, &["consume", "turns", "-f", "%p%v "], "");
    let mut found: Vec<&str> = read.split_whitespace().collect();
    found.sort_unstable();
    assert_eq!(found, ["0a", "0b", "1a", "1b", "2a", "2b"]);
    let arguments = ["produce", "turns", "--repeat", "99", "--partitioner", "random", "-v"];
    let written = run(operator, &arguments, b"c\n");
    let said = stderr(&written);
    assert!(said.starts_with("99 records delivered: 99 to turns\n"), "{said}");
    assert!(said.contains(" batches of ") && said.contains(", 0 retried, 0 halved; "), "{said}");
    let read = ok(operator, &["consume", "turns", "--where", "value = 'c'", "-f", "%p"], "");
    assert!(["0", "1", "2"].iter().all(|it| read.contains(it)), "{read}");
    topic(operator, "keys", "4");
    ok(operator, &["produce", "keys", "-k", "123456789", "--partitioner", "crc32"], "x\n");
    ok(operator, &["produce", "keys", "-k", "123456789"], "x\n");
    let read = ok(operator, &["consume", "keys", "-f", "%p "], "");
    // CRC-32 of the key is cbf43926; murmur2 of it is the Java client's.
    assert!(read.contains(&format!("{} ", 0xcbf4_3926_u32 % 4)), "{read}");
}

fn each_delivery_is_reported_with_its_line(operator: &Operator) {
    topic(operator, "told", "1");
    let arguments = ["produce", "told", "-o", "jsonl", "--timestamp", "@1700000000123"];
    let told = ok(operator, &[&arguments[..], &["--repeat", "2"]].concat(), "a\nb\n");
    insta::assert_snapshot!(told, @r#"
    {"line":1,"topic":"told","partition":0,"offset":0,"timestamp":1700000000123,"error":null}
    {"line":1,"topic":"told","partition":0,"offset":1,"timestamp":1700000000123,"error":null}
    {"line":2,"topic":"told","partition":0,"offset":2,"timestamp":1700000000123,"error":null}
    {"line":2,"topic":"told","partition":0,"offset":3,"timestamp":1700000000123,"error":null}
    "#);
    let table = ok(operator, &["produce", "told", "-o", "csv"], "a\n");
    assert!(
        table.starts_with("line,topic,partition,offset,timestamp,error\n1,told,0,4,"),
        "{table}"
    );
    let whole = ok(operator, &["produce", "told", "--json"], "a\n");
    let whole: Value = serde_json::from_str(&whole).expect("JSON");
    assert_eq!((&whole["kind"], &whole["items"][0]["offset"]), (&"produce".into(), &5.into()));
}

fn nulls_tombstones_headers_and_a_dry_run(operator: &Operator) {
    topic(operator, "t", "1");
    ok(
        operator,
        &["produce", "t", "--key-separator", ":", "--null", "-", "-H", "a=1"],
        "k:-\n-:\n",
    );
    ok(operator, &["produce", "t", "-k", "gone", "--tombstone"], "not read\n");
    let planned = run(operator, &["produce", "t", "-n"], b"a\nb\n");
    assert_eq!(stderr(&planned), "2 records would be written\n");
    let read = ok(operator, &["consume", "t", "-f", "%k{json} %v{json} %h\\n"], "");
    assert_eq!(read, "\"k\" null a=1\nnull \"\" a=1\n\"gone\" null \n");
}

fn signals_deliver_what_was_read_and_say_what_was_not_sent(operator: &Operator) {
    topic(operator, "cut", "1");
    for (name, code) in [("TERM", 143), ("INT", 130)] {
        let mut process =
            command(operator, &["produce", "cut", "--rate", "5/s"]).spawn().expect("kt runs");
        let mut stdin = process.stdin.take().expect("stdin is piped");
        stdin.write_all("line\n".repeat(1000).as_bytes()).expect("it is read");
        // Until one of them is there the command is in the middle of its work.
        ok(operator, &["consume", "cut", "--from", "earliest", "-F", "-c", "1"], "");
        signal(&process, name);
        let output = process.wait_with_output().expect("kt ends");
        let told = stderr(&output);
        assert_eq!(output.status.code(), Some(code), "{told}");
        assert!(told.contains(" delivered: "), "{told}");
        assert!(told.contains(", 1 not sent"), "{told}");
        drop(stdin);
        ok(operator, &["topics", "delete", "cut", "-y"], "");
        topic(operator, "cut", "1");
    }
}

fn failures_have_their_codes(operator: &Operator) {
    topic(operator, "t", "1");
    fails(operator, &["produce", "t", "--repeat", "0"], "", 2);
    fails(operator, &["produce", "-r", "t.*"], "", 2);
    fails(operator, &["produce", "t", "--partitioner", "no"], "", 2);
    fails(operator, &["produce", "t", "--file", "/nosuch"], "", 5);
    fails(operator, &["produce", "nosuch"], "", 5);
    let all = "{\"value\":\"a\",\"partition\":9}\n";
    fails(operator, &["produce", "t", "--jsonl"], all, 1);
    ok(operator, &["produce", "made", "--create"], "a\n");
    assert_eq!(ok(operator, &["consume", "made"], ""), "a\n");
}

fn deliveries_in_every_format(operator: &Operator) {
    topic(operator, "told", "1");
    let line = "produce told --timestamp @1700000000123 -q";
    insta::assert_snapshot!(operator.every_format_of(line, "a\nb\n"), @r#"
    $ kt produce told --timestamp @1700000000123 -q -o table
    $ kt produce told --timestamp @1700000000123 -q -o wide
    LINE  TOPIC  PARTITION  OFFSET      TIMESTAMP  ERROR
       1  told           0       2  1700000000123  -
       2  told           0       3  1700000000123  -
    $ kt produce told --timestamp @1700000000123 -q -o json
    {"kind":"produce","version":1,"cluster_id":"ID","time":"TIME","items":[{"line":1,"topic":"told","partition":0,"offset":4,"timestamp":1700000000123,"error":null},{"line":2,"topic":"told","partition":0,"offset":5,"timestamp":1700000000123,"error":null}],"errors":[]}
    $ kt produce told --timestamp @1700000000123 -q -o jsonl
    {"line":1,"topic":"told","partition":0,"offset":6,"timestamp":1700000000123,"error":null}
    {"line":2,"topic":"told","partition":0,"offset":7,"timestamp":1700000000123,"error":null}
    $ kt produce told --timestamp @1700000000123 -q -o yaml
    kind: produce
    version: 1
    cluster_id: ID
    time: "TIME"
    items:
    - line: 1
      topic: told
      partition: 0
      offset: 8
      timestamp: 1700000000123
      error: null
    - line: 2
      topic: told
      partition: 0
      offset: 9
      timestamp: 1700000000123
      error: null
    errors: []
    $ kt produce told --timestamp @1700000000123 -q -o csv
    line,topic,partition,offset,timestamp,error
    1,told,0,10,1700000000123,
    2,told,0,11,1700000000123,
    $ kt produce told --timestamp @1700000000123 -q -o tsv
    line	topic	partition	offset	timestamp	error
    1	told	0	12	1700000000123	
    2	told	0	13	1700000000123	
    $ kt produce told --timestamp @1700000000123 -q -o name
    told:0@14
    told:0@15
    $ kt produce told --timestamp @1700000000123 -q -o kafka
    error: -o kafka: this command has no form of Apache Kafka's tools
    hint: -o jsonl
    "#);
    let template = ["produce", "told", "-q", "-o", "template={line}@{offset} "];
    assert_eq!(ok(operator, &template, "a\nb\n"), "1@16 2@17 ");
}

fn a_format_that_produce_has_not_is_refused_before_a_record_is_sent(operator: &Operator) {
    topic(operator, "told", "1");
    fails(operator, &["produce", "told", "-o", "kafka"], "a\n", 2);
    assert_eq!(ok(operator, &["consume", "told"], ""), "");
}

fn what_delivered_nothing_does_not_say_that_some_was_done(operator: &Operator) {
    topic(operator, "t", "1");
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let path = directory.path().to_str().expect("text");
    let wrong = fails(operator, &["produce", "t", "--key-separator", ":"], "a\n", 1);
    assert!(wrong.contains("line 1: no \":\" between key and value"), "{wrong}");
    fails(operator, &["produce", "t", "--jsonl"], "no JSON\n{\"value\":\"a\"}\n", 1);
    fails(operator, &["produce", "t", "--file", path], "", 1);
    fails(operator, &["produce", "t", "--key-separator", ":"], "a:b\nc\n", 3);
    let spool = directory.path().join("spool");
    let spool = spool.to_str().expect("text");
    let arguments = ["produce", "t", "--spool", spool, "--key-separator", ":"];
    fails(operator, &arguments, "a\n", 1);
    let wrong = fails(operator, &arguments, "a:b\nc\nd:e\n", 3);
    assert!(wrong.contains("line 2: no \":\"") && !wrong.contains("behind it"), "{wrong}");
    assert_eq!(ok(operator, &["consume", "t", "-f", "%k=%v\\n"], ""), "a=b\na=b\n");
}

fn a_reader_of_the_report_who_leaves_stops_no_input(operator: &Operator) {
    const LINES: usize = 50_000;
    for (name, format) in [("lines", "jsonl"), ("whole", "csv")] {
        topic(operator, name, "1");
        let mut process =
            command(operator, &["produce", name, "-o", format]).spawn().expect("kt runs");
        drop(process.stdout.take());
        let mut stdin = process.stdin.take().expect("stdin is piped");
        let input: String = (0..LINES).map(|it| format!("{it}\n")).collect();
        stdin.write_all(input.as_bytes()).expect("it is read");
        drop(stdin);
        let output = process.wait_with_output().expect("kt ends");
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        assert_eq!(stderr(&output), format!("{LINES} records delivered: {LINES} to {name}\n"));
        assert!(ok(operator, &["consume", name], "") == input);
    }
    // Whoever cannot write the report says so, and produces all the same.
    let full = std::fs::File::options().write(true).open("/dev/full").expect("it is there");
    let mut process = command(operator, &["produce", "lines", "-o", "jsonl"]);
    let mut process = process.stdout(full).spawn().expect("kt runs");
    process.stdin.take().expect("stdin is piped").write_all(b"a\nb\n").expect("it is read");
    let output = process.wait_with_output().expect("kt ends");
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("2 records delivered") && said.contains("No space left"), "{said}");
}

fn deliveries_are_told_while_a_rate_holds_the_rest_back(operator: &Operator) {
    topic(operator, "slow", "1");
    let arguments = ["produce", "slow", "--rate", "5/s", "-o", "jsonl"];
    let mut process = command(operator, &arguments).spawn().expect("kt runs");
    let mut stdin = process.stdin.take().expect("stdin is piped");
    stdin.write_all("line\n".repeat(40).as_bytes()).expect("it is read");
    let mut told = BufReader::new(process.stdout.take().expect("stdout is piped"));
    let mut line = String::new();
    told.read_line(&mut line).expect("text");
    assert!(line.starts_with("{\"line\":1,"), "{line}");
    signal(&process, "TERM");
    let mut rest = String::new();
    told.read_to_string(&mut rest).expect("text");
    // All at once they would come when the last one was sent.
    assert!(rest.lines().count() < 39, "{rest}");
    process.wait().expect("it ends");
}

/// The client would wait a minute for each.
fn a_line_for_a_topic_that_is_not_there_is_looked_for_as_long_as_an_answer(operator: &Operator) {
    topic(operator, "here", "1");
    let lines = "{\"topic\":\"hree\",\"value\":\"a\"}\n{\"topic\":\"here\",\"value\":\"b\"}\n";
    let begun = std::time::Instant::now();
    let refused = fails(operator, &["produce", "--jsonl", "--timeout", "1s"], lines, 3);
    assert!(refused.contains("line 1: topic \"hree\""), "{refused}");
    assert!(begun.elapsed() < std::time::Duration::from_secs(50), "{:?}", begun.elapsed());
    assert_eq!(ok(operator, &["consume", "here"], ""), "b\n");
}

fn sums_say_just_what_was_done(operator: &Operator) {
    topic(operator, "t", "1");
    let planned = run(operator, &["produce", "t", "-n", "-o", "json"], b"a\n");
    assert_eq!(stderr(&planned), "1 record would be written\n");
    let document: Value = serde_json::from_slice(&planned.stdout).expect("a document");
    assert_eq!(document["items"], Value::Array(Vec::new()));
    let sent = run(operator, &["produce", "t", "--acks", "0"], b"a\nb\n");
    assert_eq!(stderr(&sent), "2 records sent: 2 to t\n");
    let internal = "{\"topic\":\"__consumer_offsets\",\"value\":\"a\"}\n".repeat(3);
    let refused = fails(operator, &["produce", "--jsonl"], &internal, 1);
    assert_eq!(refused.matches("--internal allows").count(), 1, "{refused}");
    assert_eq!(refused.matches("\"__consumer_offsets\"").count(), 3, "{refused}");
    let invalid = fails(operator, &["produce", "t.*"], "a\n", 1);
    assert!(invalid.contains("\"t.*\" cannot be the name of a topic"), "{invalid}");
}

/// The broker gets the records, and its answers are held back for good.
#[test]
fn a_second_signal_ends_what_waits_for_the_broker() {
    const PRODUCE: i16 = 0;
    let (listener, address) = Proxy::bind();
    let advertised = format!("PLAINTEXT://{address}");
    let broker = Broker::start_with(&[("advertised.listeners", &advertised)]);
    let judge = |key, _| match key {
        PRODUCE => loop {
            std::thread::park();
        },
        _ => Verdict::Pass,
    };
    let upstream = broker.address().parse().expect("an address");
    let proxy = Proxy::start(listener, upstream, Arc::new(judge));
    let operator = &Operator::at(&proxy.address());
    topic(operator, "held", "1");
    for (first, second, code) in [("INT", "INT", 130), ("TERM", "TERM", 143), ("INT", "TERM", 143)]
    {
        let arguments = ["produce", "held", "--no-idempotent", "-o", "csv"];
        let mut process = command(operator, &arguments).spawn().expect("kt runs");
        let mut stdin = process.stdin.take().expect("stdin is piped");
        stdin.write_all(b"line\n").expect("it is read");
        let mut told = BufReader::new(process.stderr.take().expect("stderr is piped"));
        wait_for_records(operator);
        signal(&process, first);
        let mut line = String::new();
        told.read_line(&mut line).expect("text");
        assert_eq!(line, "note: delivering what was read; a second signal ends at once\n");
        signal(&process, second);
        let output = process.wait_with_output().expect("kt ends");
        let mut rest = String::new();
        told.read_to_string(&mut rest).expect("text");
        assert_eq!(output.status.code(), Some(code), "{rest}");
        assert_eq!(rest, "0 records delivered, 1 not sent\n");
        drop(stdin);
        ok(operator, &["topics", "trim", "held", "--before", "latest", "-y"], "");
    }
}

/// Until then the command may not have read its line.
fn wait_for_records(operator: &Operator) {
    let arguments = ["consume", "held", "--from", "earliest", "-F", "-c", "1"];
    ok(operator, &arguments, "");
}
