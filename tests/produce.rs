//! `kt produce`: every way to say what a record is, and every way to end.

use std::io::Write;

use serde_json::Value;

use crate::support::Broker;
use crate::support::command::{command, fails, ok, run, signal, stderr};

fn topic(broker: &Broker, name: &str, partitions: &str) {
    ok(broker, &["topics", "create", name, "--partitions", partitions], "");
}

#[test]
fn a_format_says_where_the_fields_stand() {
    let broker = Broker::start();
    topic(&broker, "orders", "3");
    ok(&broker, &["produce", "orders", "-f", "%k,%p,%T,%v"], "a,2,1700000000123,x,y\nb,0,5,z");
    let read = ok(&broker, &["consume", "orders", "-f", "%p %T %k=%v\\n"], "");
    let mut lines: Vec<&str> = read.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["0 5 b=z", "2 1700000000123 a=x,y"]);
    let bytes = b"\x00\x00\x00\x03\n\xff\n\x00\x00\x00\x00";
    let written = run(&broker, &["produce", "orders:1", "-f", "%V{big32}%v"], bytes);
    assert_eq!(written.status.code(), Some(0), "{}", stderr(&written));
    let read = ok(&broker, &["consume", "orders:1", "-f", "%v{hex}|"], "");
    assert_eq!(read, "0aff0a||");
    let wrong = fails(&broker, &["produce", "orders", "-f", "%k,%v"], "a,1\nb2\n", 3);
    assert!(wrong.contains("record 2: no \",\" in what is left"), "{wrong}");
    let wrong = fails(&broker, &["produce", "orders", "-f", "%k%v"], "", 2);
    assert!(wrong.contains("nothing tells where %k ends"), "{wrong}");
}

#[test]
fn a_partition_that_does_not_exist_is_refused_at_once() {
    let broker = Broker::start();
    topic(&broker, "orders", "3");
    for arguments in [["produce", "orders", "-p", "3"], ["produce", "orders:3", "-k", "a"]] {
        let refused = fails(&broker, &arguments, "never sent\n", 5);
        assert!(refused.contains("partition 3 of topic \"orders\" does not exist"), "{refused}");
        assert!(refused.contains("it has partitions 0 to 2"), "{refused}");
    }
    let lines = "{\"value\":\"a\",\"partition\":0}\n{\"value\":\"b\",\"partition\":9}\n";
    let refused = fails(&broker, &["produce", "orders", "--jsonl"], lines, 3);
    assert!(refused.contains("line 2: topic \"orders\" has no partition 9: it has 3"), "{refused}");
    assert_eq!(ok(&broker, &["consume", "orders"], ""), "a\n");
}

#[test]
fn records_are_repeated_and_spread() {
    let broker = Broker::start();
    topic(&broker, "turns", "3");
    let arguments = ["produce", "turns", "--repeat", "3", "--partitioner", "round-robin"];
    let written = run(&broker, &arguments, b"a\nb\n");
    assert_eq!(stderr(&written), "6 records delivered: 6 to turns\n");
    let read = ok(&broker, &["consume", "turns", "-f", "%p%v "], "");
    let mut found: Vec<&str> = read.split_whitespace().collect();
    found.sort_unstable();
    assert_eq!(found, ["0a", "0b", "1a", "1b", "2a", "2b"]);
    topic(&broker, "keys", "4");
    ok(&broker, &["produce", "keys", "-k", "123456789", "--partitioner", "crc32"], "x\n");
    ok(&broker, &["produce", "keys", "-k", "123456789"], "x\n");
    let read = ok(&broker, &["consume", "keys", "-f", "%p "], "");
    // CRC-32 of the key is cbf43926; murmur2 of it is the Java client's.
    assert!(read.contains(&format!("{} ", 0xcbf4_3926_u32 % 4)), "{read}");
}

#[test]
fn each_delivery_is_reported_with_its_line() {
    let broker = Broker::start();
    topic(&broker, "told", "1");
    let arguments = ["produce", "told", "-o", "jsonl", "--timestamp", "@1700000000123"];
    let told = ok(&broker, &[&arguments[..], &["--repeat", "2"]].concat(), "a\nb\n");
    insta::assert_snapshot!(told, @r#"
    {"line":1,"topic":"told","partition":0,"offset":0,"timestamp":1700000000123,"error":null}
    {"line":1,"topic":"told","partition":0,"offset":1,"timestamp":1700000000123,"error":null}
    {"line":2,"topic":"told","partition":0,"offset":2,"timestamp":1700000000123,"error":null}
    {"line":2,"topic":"told","partition":0,"offset":3,"timestamp":1700000000123,"error":null}
    "#);
    let table = ok(&broker, &["produce", "told", "-o", "csv"], "a\n");
    assert!(
        table.starts_with("line,topic,partition,offset,timestamp,error\n1,told,0,4,"),
        "{table}"
    );
    let whole = ok(&broker, &["produce", "told", "--json"], "a\n");
    let whole: Value = serde_json::from_str(&whole).expect("JSON");
    assert_eq!((&whole["kind"], &whole["items"][0]["offset"]), (&"produce".into(), &5.into()));
}

#[test]
fn nulls_tombstones_headers_and_a_dry_run() {
    let broker = Broker::start();
    topic(&broker, "t", "1");
    ok(&broker, &["produce", "t", "--key-separator", ":", "--null", "-", "-H", "a=1"], "k:-\n-:\n");
    ok(&broker, &["produce", "t", "-k", "gone", "--tombstone"], "not read\n");
    let planned = run(&broker, &["produce", "t", "-n"], b"a\nb\n");
    assert_eq!(stderr(&planned), "2 records would be written\n");
    let read = ok(&broker, &["consume", "t", "-f", "%k{json} %v{json} %h\\n"], "");
    assert_eq!(read, "\"k\" null a=1\nnull \"\" a=1\n\"gone\" null \n");
}

#[test]
fn signals_deliver_what_was_read_and_say_what_was_not_sent() {
    let broker = Broker::start();
    topic(&broker, "cut", "1");
    for (name, code) in [("TERM", 143), ("INT", 130)] {
        let mut process =
            command(&broker, &["produce", "cut", "--rate", "5/s"]).spawn().expect("kt runs");
        let mut stdin = process.stdin.take().expect("stdin is piped");
        stdin.write_all("line\n".repeat(1000).as_bytes()).expect("it is read");
        // Until one of them is there the command is in the middle of its work.
        ok(&broker, &["consume", "cut", "--from", "earliest", "-F", "-c", "1"], "");
        signal(&process, name);
        let output = process.wait_with_output().expect("kt ends");
        let told = stderr(&output);
        assert_eq!(output.status.code(), Some(code), "{told}");
        assert!(told.contains(" records delivered: "), "{told}");
        assert!(told.contains(", 1 not sent"), "{told}");
        drop(stdin);
        ok(&broker, &["topics", "delete", "cut", "-y"], "");
        topic(&broker, "cut", "1");
    }
}

#[test]
fn failures_have_their_codes() {
    let broker = Broker::start();
    topic(&broker, "t", "1");
    fails(&broker, &["produce", "t", "--repeat", "0"], "", 2);
    fails(&broker, &["produce", "t", "--partitioner", "no"], "", 2);
    fails(&broker, &["produce", "t", "--file", "/nosuch"], "", 5);
    fails(&broker, &["produce", "nosuch"], "", 5);
    let all = "{\"value\":\"a\",\"partition\":9}\n";
    fails(&broker, &["produce", "t", "--jsonl"], all, 1);
    ok(&broker, &["produce", "made", "--create"], "a\n");
    assert_eq!(ok(&broker, &["consume", "made"], ""), "a\n");
}
