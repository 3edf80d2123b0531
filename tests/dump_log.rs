//! `kt dump-log`: the directories that Apache Kafka wrote, directories with damage, and one that a
//! broker is writing.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use flate2::read::GzDecoder;
use kt_protocol::records::{BatchBuilder, NewRecord};
use kt_protocol::types::{Offset, Timestamp};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::Broker;
use crate::support::broker::kt;

/// Archives, each with the folder of the repository that keeps it.
const ARCHIVES: [(&str, &str); 10] = [
    ("a-codecs", "broker/protocol/tests/data"),
    ("b-transactions", "broker/protocol/tests/data"),
    ("c-compacted", "broker/protocol/tests/data"),
    ("d-coordinators", "broker/storage/tests/data"),
    ("e-metadata", "broker/storage/tests/data"),
    ("f-killed", "broker/storage/tests/data"),
    ("f-recovered", "broker/storage/tests/data"),
    ("f-torn", "broker/storage/tests/data"),
    ("g-cluster", "broker/storage/tests/data"),
    ("h-old-formats", "broker/protocol/tests/data"),
];

fn unpack(archive: &str) -> TempDir {
    let is_of = |it: &&(&str, &str)| archive.starts_with(it.0);
    let (_, folder) = ARCHIVES.iter().find(is_of).expect("the archive is listed");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let file = fs::File::open(path.join(format!("{archive}.tar.gz"))).expect("the archive");
    let directory = tempfile::tempdir().expect("a directory");
    tar::Archive::new(GzDecoder::new(file)).unpack(directory.path()).expect("it unpacks");
    directory
}

fn dump(directory: &Path, arguments: &[&str]) -> Output {
    let mut command = kt();
    command.arg("dump-log").args(arguments).current_dir(directory);
    let output = command.output().expect("kt runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!stderr.contains("panicked"), "{arguments:?}: {stderr}");
    output
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("text")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn files_below(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).expect("a directory").map(|it| it.expect("an entry")) {
        match entry.path().is_dir() {
            true => found.extend(files_below(&entry.path())),
            false => found.push(entry.path()),
        }
    }
    found.sort();
    found
}

/// What kt prints of a file, with the remarks that Kafka's tool prints after all else; our own
/// notes left out, and paths as the texts have them.
fn as_kafka(directory: &Path, file: &str, records: bool) -> Vec<u8> {
    let mut arguments = vec![file, "-o", "kafka"];
    if records {
        arguments.push("--records");
    }
    let output = dump(directory, &arguments);
    assert!(output.status.success(), "{file}: {}", stderr(&output));
    let remarks = stderr(&output);
    let remarks = remarks.lines().filter(|it| !it.starts_with("note: "));
    let root = fs::canonicalize(directory).expect("it is there");
    let mut text = output.stdout;
    for line in remarks {
        let line = line.replace(&format!("{}/", root.display()), "");
        text.extend_from_slice(line.replace(&format!("{}/", directory.display()), "").as_bytes());
        text.push(b'\n');
    }
    text
}

#[test]
fn the_kafka_form_is_kafkas_byte_for_byte() {
    let mut compared = 0;
    for (archive, _) in ARCHIVES {
        let (files, dumps) = (unpack(archive), unpack(&format!("{archive}.dumps")));
        for dump in files_below(dumps.path()) {
            let expected = fs::read(&dump).expect("a text");
            let name = dump.strip_prefix(dumps.path()).expect("below").to_str().expect("text");
            let with_records = name.strip_suffix(".data.dump");
            let file = with_records.or(name.strip_suffix(".dump")).expect("a dump");
            let records = with_records.is_some() || file.ends_with(".checkpoint");
            let found = as_kafka(files.path(), file, records);
            // Where the index points behind a torn batch, Kafka's tool ends with an exception.
            let exception = b"exception: ".as_slice();
            let at = expected.windows(exception.len()).position(|it| it == exception);
            let is_same = match at {
                Some(at) => found.starts_with(&expected[..at]),
                None => found == expected,
            };
            assert!(is_same, "{archive}/{name}:\n{}", String::from_utf8_lossy(&found));
            compared += 1;
        }
    }
    assert_eq!(compared, 536);
}

#[test]
fn what_kafka_wrote_has_no_damage() {
    for (archive, _) in ARCHIVES {
        let files = unpack(archive);
        let paths: Vec<String> = match archive {
            "g-cluster" => ["1", "2", "3"].map(String::from).to_vec(),
            _ => vec![".".to_owned()],
        };
        let mut arguments: Vec<&str> = paths.iter().map(String::as_str).collect();
        arguments.extend(["--records", "-o", "jsonl"]);
        let output = dump(files.path(), &arguments);
        assert_eq!(output.status.code(), Some(0), "{archive}: {}", stderr(&output));
        for line in stdout(&output).lines() {
            serde_json::from_str::<Value>(line).expect("JSON");
        }
    }
}

const CODECS: &str = "codec-none-0/00000000000000000000.log";

#[test]
fn batches_and_records_have_their_columns_and_fields() {
    let files = unpack("a-codecs");
    let show = |arguments: &[&str]| stdout(&dump(files.path(), arguments));
    let head = |text: String| text.lines().take(4).collect::<Vec<_>>().join("\n");
    insta::assert_snapshot!(head(show(&[CODECS, "--utc"])), @"
codec-none-0/00000000000000000000.log
   POSITION   BASE OFFSET   LAST OFFSET  RECORDS  MAX TIMESTAMP            SIZE BYTES  CODEC   EPOCH   PRODUCER   SEQUENCE  NOTES
          0             0             4        5  2023-11-14 22:13:20.004         122  none        0        0:0          0
        122             5             6        2  2023-11-14 22:13:20.010         176  none        0        0:0          5
");
    insta::assert_snapshot!(head(show(&[CODECS, "--utc", "--records"])), @"
codec-none-0/00000000000000000000.log
      OFFSET  TIMESTAMP                KEY                   VALUE
           0  2023-11-14 22:13:20.000  key                   value
           1  2023-11-14 22:13:20.001  -                     null key
");
    insta::assert_snapshot!(head(show(&["codec-none-0/00000000000000000000.timeindex", "--utc"])), @"
codec-none-0/00000000000000000000.timeindex
   POSITION  TIMESTAMP                      OFFSET
          0  2023-11-14 22:13:20.030             9
");
    insta::assert_snapshot!(head(show(&[CODECS, "-o", "jsonl", "--until", "1"])), @r#"{"kind":"batch","path":"codec-none-0/00000000000000000000.log","topic":"codec-none","partition":0,"position":0,"size_bytes":122,"magic":2,"base_offset":0,"last_offset":4,"records":5,"compression":"none","timestamp_type":"create","base_timestamp":1700000000000,"max_timestamp":1700000000004,"delete_horizon_ms":null,"leader_epoch":0,"producer_id":0,"producer_epoch":0,"base_sequence":0,"last_sequence":4,"transactional":false,"control":false,"crc":3117819495,"valid":true}"#);
    insta::assert_snapshot!(head(show(&[CODECS, "-o", "jsonl", "--records", "--find", "5"])), @r#"{"kind":"record","topic":"codec-none","partition":0,"offset":5,"timestamp":1700000000010,"timestamp_type":"create","key":"headers","value":"five","headers":[{"key":"h","value":"first"},{"key":"h","value":"second of the same name"},{"key":"null","value":null},{"key":"empty","value":""},{"key":"","value":"no name"}],"leader_epoch":0,"producer_id":0,"producer_epoch":0,"sequence":5,"transactional":false,"control":null,"path":"codec-none-0/00000000000000000000.log","position":122}"#);
    insta::assert_snapshot!(head(show(&[CODECS, "-o", "csv", "--fields", "base_offset,records"])), @"
base_offset,records
0,5
5,2
7,2
");
    let document: Value = serde_json::from_str(&show(&[CODECS, "--json"])).expect("JSON");
    assert_eq!((&document["kind"], &document["version"]), (&"dump-log".into(), &1.into()));
    assert_eq!(document["items"][0]["kind"], "batch");
    assert_eq!(document["errors"], serde_json::json!([]));
}

#[test]
fn internal_topics_are_decoded_and_transactions_are_shown() {
    let files = unpack("d-coordinators");
    let show = |arguments: &[&str]| stdout(&dump(files.path(), arguments));
    let offsets = "__consumer_offsets-0";
    insta::assert_snapshot!(show(&[offsets, "--records", "--find", "0", "-o", "jsonl"]), @r#"{"kind":"record","topic":"__consumer_offsets","partition":0,"offset":0,"timestamp":1795232119529,"timestamp_type":"create","key":{"type":"OffsetCommit","data":{"group":"txn-group","topic":"txn","partition":0}},"value":{"version":4,"data":{"offset":5,"leaderEpoch":0,"metadata":"in a transaction","commitTimestamp":1795232119520}},"headers":[],"leader_epoch":0,"producer_id":8,"producer_epoch":6,"sequence":0,"transactional":true,"control":null,"path":"__consumer_offsets-0/00000000000000000000.log","position":0}"#);
    insta::assert_snapshot!(show(&[offsets, "--records", "--find", "1", "-o", "jsonl"]), @r#"{"kind":"record","topic":"__consumer_offsets","partition":0,"offset":1,"timestamp":1795232119596,"timestamp_type":"create","key":"\u0000\u0000\u0000\u0001","value":"\u0000\u0000\u0000\u0000\u0000\u0000","headers":[],"leader_epoch":0,"producer_id":8,"producer_epoch":7,"sequence":null,"transactional":true,"control":{"type":"COMMIT","data":{"coordinatorEpoch":0}},"path":"__consumer_offsets-0/00000000000000000000.log","position":131}"#);
    let raw = show(&[offsets, "--records", "--find", "0", "-o", "jsonl", "--decoder", "none"]);
    let raw: Value = serde_json::from_str(&raw).expect("JSON");
    assert!(raw["key"].is_string() || raw["key"]["base64"].is_string(), "{raw}");
}

#[test]
fn positions_choose_what_is_shown() {
    let files = unpack("a-codecs");
    let offsets = |arguments: &[&str]| {
        let mut all = vec!["codec-none-0", "--records", "-o", "jsonl"];
        all.extend(arguments);
        let output = dump(files.path(), &all);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", stderr(&output));
        let text = stdout(&output);
        let items = text.lines().map(|it| serde_json::from_str::<Value>(it).expect("JSON"));
        let records = items.filter(|it| it["kind"] == "record");
        records.map(|it| it["offset"].as_i64().expect("offset")).collect::<Vec<i64>>()
    };
    assert_eq!(offsets(&["--from", "7", "--until", "12"]), [7, 8, 9, 10, 11]);
    assert_eq!(offsets(&["--find", "9"]), [9]);
    assert_eq!(offsets(&["--find", "@1700000000020"]), [7]);
    assert_eq!(offsets(&["--until", "+2"]), [0, 1]);
    let all = offsets(&[]);
    assert_eq!(offsets(&["--from", "-1"]), all[all.len() - 1..]);
    let missing = dump(files.path(), &["codec-none-0", "--from", "99999"]);
    assert_eq!(missing.status.code(), Some(5));
    assert!(stderr(&missing).contains("codec-none-0 has offsets 0 to"), "{}", stderr(&missing));
    let group = dump(files.path(), &["codec-none-0", "--from", "committed:g"]);
    assert_eq!(group.status.code(), Some(2));
}

#[test]
fn an_index_that_lies_is_told_and_what_was_asked_for_is_found() {
    let files = unpack("b-transactions");
    let directory = files.path().join("txn-0");
    let find = |at: &str| dump(&directory, &[".", "--records", "--find", at, "-o", "tsv"]);
    let is_filled = |it: &PathBuf| {
        it.extension().is_some_and(|it| it == "index") && 8 <= fs::metadata(it).unwrap().len()
    };
    let index = files_below(&directory).into_iter().find(is_filled).expect("an index");
    let bytes = fs::read(&index).expect("a file");
    let relative = i64::from(u32::from_be_bytes(bytes[..4].try_into().unwrap()));
    let base: i64 = index.file_stem().unwrap().to_str().unwrap().parse().unwrap();
    let at = (base + relative).to_string();
    let expected = find(&at);
    assert_eq!(expected.status.code(), Some(0), "{}", stderr(&expected));
    let mut damaged = bytes.clone();
    damaged[7] ^= 1;
    fs::write(&index, &damaged).expect("it can be written");
    let output = find(&at);
    assert_eq!(output.status.code(), Some(7), "{}", stderr(&output));
    assert!(stderr(&output).contains("index is damaged at byte 0: it says offset"));
    assert_eq!(stderr(&output).lines().count(), 1, "told once: {}", stderr(&output));
    assert_eq!(stdout(&output), stdout(&expected));
}

#[test]
fn a_compacted_offset_gives_the_next_record_and_a_note() {
    let files = unpack("c-compacted");
    let arguments = ["compacted-0", "--records", "--find", "1", "-o", "jsonl"];
    let output = dump(files.path(), &arguments);
    let record: Value = serde_json::from_str(&stdout(&output)).expect("one record");
    let offset = record["offset"].as_i64().expect("an offset");
    assert!(1 < offset);
    assert!(stderr(&output).contains(&format!("offset 1 any more; {offset} is next")));
}

#[test]
fn a_condition_chooses_records_and_says_how_many_were_scanned() {
    let files = unpack("a-codecs");
    let arguments = ["codec-none-0", "--where", "key = 'key' or offset in (5, 7)", "-o", "tsv"];
    let output = dump(files.path(), &[&arguments[..], &["--fields", "kind,offset"]].concat());
    insta::assert_snapshot!(stdout(&output), @"
kind	offset
record	0
record	5
record	7
");
    insta::assert_snapshot!(stderr(&output), @"scanned 130 of 130 records: 3 records match");
    let table = stdout(&dump(files.path(), &["codec-none-0", "--where", "offset = 40"]));
    insta::assert_snapshot!(table.lines().next().expect("a heading"), @"codec-none-0/00000000000000000030.log");
    assert_eq!(table.lines().count(), 3, "files without such records are not named: {table}");
    let damaged = files.path().join(CODECS);
    let mut bytes = fs::read(&damaged).expect("a file");
    bytes[200] ^= 1;
    fs::write(&damaged, &bytes).expect("it can be written");
    let output = dump(files.path(), &[CODECS, "--where", "offset < 7", "--fields", "offset"]);
    assert_eq!(output.status.code(), Some(7), "two records of a batch were not seen");
    insta::assert_snapshot!(stderr(&output), @"
error: codec-none-0/00000000000000000000.log is damaged at byte 122: its checksum does not fit its bytes
scanned 8 of 10 records: 5 records match
");
    for (arguments, said) in [
        (vec![CODECS, "--where", "keys = 1"], "did you mean"),
        (vec![CODECS, "--where", "offset = 1", "-o", "kafka"], "not with --where"),
        (vec![CODECS, "--where", "offset = 1", "--find", "1"], "cannot be used with"),
        (vec!["codec-none-0/00000000000000000000.index", "--where", "offset = 1"], "--where do"),
    ] {
        let output = dump(files.path(), &arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(stderr(&output).contains(said), "{arguments:?}: {}", stderr(&output));
    }
}

#[test]
fn a_condition_compares_decoded_records_as_they_are_shown() {
    let files = unpack("d-coordinators");
    let condition = "value.data.metadata = 'in a transaction'";
    let arguments = ["__consumer_offsets-0", "--where", condition, "-o", "tsv"];
    let output = dump(files.path(), &[&arguments[..], &["--fields", "offset,key"]].concat());
    insta::assert_snapshot!(stdout(&output), @r#"
offset	key
0	{"type":"OffsetCommit","data":{"group":"txn-group","topic":"txn","partition":0}}
2	{"type":"OffsetCommit","data":{"group":"txn-group","topic":"txn","partition":0}}
"#);
    let raw = dump(files.path(), &[&arguments[..], &["--decoder", "none"]].concat());
    assert_eq!(stdout(&raw).lines().count(), 1, "only the header: {}", stdout(&raw));
}

/// A partition's directory with one segment: so many batches, each of one record of so many bytes.
fn generated(batches: i64, bytes: usize) -> TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    let partition = directory.path().join("made-0");
    fs::create_dir(&partition).expect("a directory");
    let value = vec![b'x'; bytes];
    let mut log = Vec::new();
    for offset in 0..batches {
        let timestamp = Timestamp(1_700_000_000_000 + offset);
        let mut batch = BatchBuilder::new().base_offset(Offset(offset));
        let record = NewRecord { timestamp, value: Some(&value), ..NewRecord::default() };
        batch.append(record).expect("it has room");
        log.extend_from_slice(&batch.build());
    }
    fs::write(partition.join("00000000000000000000.log"), log).expect("it can be written");
    directory
}

const MADE: &str = "made-0/00000000000000000000.log";

#[test]
fn what_is_written_block_by_block_is_one_document() {
    let files = generated(1234, 10);
    let show = |arguments: &[&str]| {
        let output = dump(files.path(), &[&[MADE][..], arguments].concat());
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", stderr(&output));
        stdout(&output)
    };
    let columns = ["-o", "csv", "--fields", "base_offset,max_timestamp"];
    let csv = show(&columns);
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!((lines.len(), lines[0]), (1235, "base_offset,max_timestamp"));
    assert_eq!(lines[1234], "1233,1700000001233");
    // What is held to be sorted has the same shape as what is not.
    assert_eq!(csv, show(&[&columns[..], &["--sort", "base_offset"]].concat()));
    for form in ["tsv", "csv", "jsonl", "template={base_offset} {crc}\\n"] {
        let sorted = show(&["-o", form, "--sort", "base_offset"]);
        assert!(show(&["-o", form]) == sorted, "{form}");
    }
    for fields in [&[][..], &["--fields", "base_offset,crc"]] {
        let without_time = |arguments: &[&str]| {
            let text = show(&[arguments, fields].concat());
            let time = text.find("time: ").expect("a time") + 6;
            format!("{}{}", &text[..time], &text[time + 26..])
        };
        let sorted = without_time(&["-o", "yaml", "--sort", "base_offset"]);
        assert!(without_time(&["-o", "yaml"]) == sorted, "yaml, {fields:?}");
        let json = |arguments: &[&str]| {
            let text = show(&[arguments, fields].concat());
            serde_json::from_str::<Value>(&text).expect("JSON")["items"].clone()
        };
        let sorted = json(&["-o", "json", "--sort", "base_offset"]);
        assert!(json(&["-o", "json"]) == sorted, "json, {fields:?}");
    }
    let table = show(&["--fields", "base_offset,size_bytes,compression"]);
    let head: Vec<&str> = table.lines().take(3).collect();
    insta::assert_snapshot!(head.join("\n"), @"
BASE OFFSET  SIZE BYTES  COMPRESSION
          0          78  none
          1          78  none
");
    assert_eq!(table.lines().filter(|it| it.contains("BASE")).count(), 1);
    assert!(table.lines().skip(1).all(|it| it.find("none") == Some(25)), "they stand in columns");
    assert_eq!(show(&["-o", "name"]), format!("{MADE}\n"));
    let empty = show(&["-o", "yaml", "--until", "earliest"]);
    assert!(empty.ends_with("items: []\nerrors: []\n"), "{empty}");
}

#[test]
fn only_so_many_items_are_sorted() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut batch = BatchBuilder::new();
    for _ in 0..100_001 {
        batch.append(NewRecord::default()).expect("it has room");
    }
    let path = directory.path().join("00000000000000000000.log");
    fs::write(path, batch.build()).expect("it can be written");
    let arguments = [".", "--records", "-o", "tsv", "--fields", "offset", "--sort", "-offset"];
    let output = dump(directory.path(), &arguments);
    assert_eq!(output.status.code(), Some(1));
    insta::assert_snapshot!(stderr(&output), @"
error: --sort holds all items in memory: these are more than 100000, or 64 MiB
hint: choose fewer of them, or sort the lines of -o tsv
");
    let output = dump(directory.path(), &[&arguments[..], &["--from", "+1"]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).starts_with("offset\n100000\n99999\n"), "the last is the first");
}

/// The greatest memory of a process so far, in KiB.
#[cfg(target_os = "linux")]
fn peak_kib(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("it runs");
    let line = status.lines().find_map(|it| it.strip_prefix("VmHWM:")).expect("a peak");
    line.trim_end_matches("kB").trim().parse().expect("a number")
}

/// The peak of a dump of these paths, of which the last one is this process's standard input: once
/// its first bytes are taken, all before was read.
#[cfg(target_os = "linux")]
fn peak_of(directory: &Path, arguments: &[&str]) -> u64 {
    let mut child = kt()
        .arg("dump-log")
        .args([MADE, "leader-epoch-checkpoint"])
        .args(arguments)
        .current_dir(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("kt runs");
    let mut stdout = child.stdout.take().expect("stdout is piped");
    let reader = std::thread::spawn(move || std::io::copy(&mut stdout, &mut std::io::sink()));
    let mut stdin = child.stdin.take().expect("stdin is piped");
    stdin.write_all(&vec![b' '; 1 << 20]).expect("it reads on");
    let peak = peak_kib(child.id());
    drop(stdin);
    reader.join().expect("no panic").expect("it is read");
    child.wait().expect("it ends");
    peak
}

#[cfg(target_os = "linux")]
#[test]
fn memory_does_not_grow_with_the_file() {
    let files = generated(60_000, 1024);
    let last = files.path().join("leader-epoch-checkpoint");
    std::os::unix::fs::symlink("/dev/stdin", last).expect("a link");
    let forms = ["table", "wide", "json", "jsonl", "yaml", "csv", "tsv", "name", "kafka"];
    let mut all: Vec<Vec<&str>> = forms.iter().map(|it| vec!["-o", it]).collect();
    all.push(vec!["-o", "template={path} {crc}\\n"]);
    for form in ["table", "json", "yaml"] {
        all.push(vec!["-o", form, "--fields", "base_offset,crc"]);
    }
    all.push(vec!["-o", "csv", "--records"]);
    for arguments in all {
        let peak = peak_of(files.path(), &arguments);
        assert!(peak < 40 << 10, "{arguments:?}: {peak} KiB");
    }
    // What has to be held is: so the measure is one.
    let sorted = peak_of(files.path(), &["-o", "tsv", "--sort", "crc"]);
    assert!(80 << 10 < sorted, "{sorted} KiB");
}

#[test]
fn a_torn_tail_is_a_note_and_damage_when_strict() {
    let files = unpack("f-torn");
    let torn = dump(files.path(), &["crash-0"]);
    assert_eq!(torn.status.code(), Some(0), "{}", stderr(&torn));
    assert!(stderr(&torn).contains("00000000000000000280.log is torn at byte 768"));
    let strict = dump(files.path(), &["crash-0", "--strict"]);
    assert_eq!(strict.status.code(), Some(7));
}

#[test]
fn a_snapshot_is_whole_or_damaged() {
    let files = unpack("e-metadata");
    let path = files.path().join("bootstrap.checkpoint");
    let bytes = fs::read(&path).expect("a file");
    // The footer is a batch of 75 bytes.
    for cut in [1, 75] {
        fs::write(&path, &bytes[..bytes.len() - cut]).expect("it can be written");
        let output = dump(files.path(), &["bootstrap.checkpoint"]);
        assert_eq!(output.status.code(), Some(7), "{cut} bytes less: {}", stderr(&output));
    }
}

#[test]
fn what_cannot_be_dumped_is_said() {
    let files = unpack("a-codecs");
    let missing = dump(files.path(), &["nosuch.log"]);
    assert_eq!(missing.status.code(), Some(5));
    insta::assert_snapshot!(stderr(&missing), @"error: nosuch.log does not exist");
    let other = dump(files.path(), &["codec-none-0/partition.metadata"]);
    assert_eq!(other.status.code(), Some(1));
    let flag = dump(files.path(), &["--files", CODECS, "--print-data-log"]);
    assert_eq!(flag.status.code(), Some(2));
    assert!(stderr(&flag).contains("--records"), "{}", stderr(&flag));
    insta::assert_snapshot!(stderr(&other), @"
error: codec-none-0/partition.metadata is no file of a log directory
hint: dump-log reads .log, .index, .timeindex, .txnindex, .snapshot, .checkpoint and -checkpoint files, and directories of them
");
}

/// A small generator with a fixed seed: the same flips in every run.
struct Flips(u64);

impl Flips {
    fn below(&mut self, bound: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }
}

#[test]
fn flipped_bits_are_found_in_every_class_of_files() {
    let files = unpack("b-transactions");
    let directory = files.path().join("txn-0");
    let mut flips = Flips(7);
    for extension in ["log", "index", "timeindex", "txnindex", "snapshot"] {
        let of_class = |it: &PathBuf| {
            it.extension().is_some_and(|it| it == extension)
                && 0 < fs::metadata(it).expect("a file").len()
        };
        let all: Vec<PathBuf> = files_below(&directory).into_iter().filter(of_class).collect();
        assert!(!all.is_empty(), "no {extension}");
        for _ in 0..6 {
            let path = &all[flips.below(all.len())];
            let bytes = fs::read(path).expect("a file");
            let mut at = flips.below(bytes.len());
            if extension == "log" {
                // Offsets and epochs are under no checksum: elsewhere every bit is.
                at = at.max(21).min(bytes.len() - 1);
            }
            // The first field of an entry of the transaction index that no log tells is where the
            // transaction began.
            if extension == "txnindex" {
                at = at / 34 * 34 + [0, 1, 9, 25][flips.below(4)];
            }
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << flips.below(8);
            fs::write(path, &damaged).expect("it can be written");
            let output = dump(&directory, &[".", "--records", "-o", "kafka"]);
            let name = path.file_name().expect("a name").to_str().expect("text");
            let said = stderr(&output);
            let is_named = said.contains(name) && said.contains("at byte");
            assert!(is_named, "{name}, byte {at}: {said}");
            fs::write(path, &bytes).expect("it can be written");
        }
    }
    assert_eq!(dump(&directory, &["."]).status.code(), Some(0), "all is as it was");
}

#[test]
fn flipped_bits_of_texts_and_snapshots_are_named_or_are_another_text() {
    let (files, mut flips) = (unpack("e-metadata"), Flips(11));
    let is_of_class = |it: &PathBuf| {
        let name = it.file_name().expect("a name").to_string_lossy().into_owned();
        name.ends_with("checkpoint") && 4 < fs::metadata(it).expect("a file").len()
    };
    let all: Vec<PathBuf> = files_below(files.path()).into_iter().filter(is_of_class).collect();
    assert!(3 < all.len(), "{all:?}");
    for path in all {
        let bytes = fs::read(&path).expect("a file");
        for _ in 0..4 {
            let at = flips.below(bytes.len());
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << flips.below(8);
            fs::write(&path, &damaged).expect("it can be written");
            let name = path.to_str().expect("text");
            let output = dump(files.path(), &[name, "-o", "jsonl"]);
            let said = stderr(&output);
            match output.status.code() {
                Some(0) => assert_eq!(said, "", "{name}, byte {at}"),
                Some(7) => assert!(said.contains(name), "{name}, byte {at}: {said}"),
                code => panic!("{name}, byte {at}: {code:?}: {said}"),
            }
        }
        fs::write(&path, &bytes).expect("it can be written");
    }
}

#[test]
fn damage_ends_with_7_and_names_file_and_byte() {
    let files = unpack("a-codecs");
    let path = files.path().join(CODECS);
    let mut bytes = fs::read(&path).expect("a file");
    bytes[200] ^= 1;
    fs::write(&path, &bytes).expect("it can be written");
    let output = dump(files.path(), &[CODECS, "--json"]);
    assert_eq!(output.status.code(), Some(7));
    let said = stderr(&output);
    assert!(said.contains(&format!("{CODECS} is damaged at byte 122: its checksum")), "{said}");
    let document: Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    assert_eq!(document["items"][1]["valid"], false);
    assert_eq!(document["errors"][0]["error"], "DAMAGED");
    assert_eq!(document["errors"][0]["exit"], 7);
}

#[test]
fn a_directory_can_be_read_while_a_broker_writes_it() {
    let broker = Broker::start();
    let lines: String = (0..5000).map(|number| format!("line {number}\n")).collect();
    let mut producer = kt()
        .env("KT_BOOTSTRAP", broker.address())
        .args(["produce", "live", "--create"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("kt runs");
    let mut stdin = producer.stdin.take().expect("stdin is piped");
    let writer = std::thread::spawn(move || {
        stdin.write_all(lines.as_bytes()).expect("it is taken");
    });
    let before = files_below(&broker.data()).len();
    for _ in 0..5 {
        let output = dump(&broker.data(), &[".", "--records", "-o", "jsonl"]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    }
    writer.join().expect("all was written");
    assert!(producer.wait().expect("it ends").success());
    let partition = fs::read_dir(broker.data()).expect("a directory").find_map(|it| {
        let name = it.expect("an entry").file_name().into_string().expect("text");
        name.starts_with("live-").then_some(name)
    });
    let output = dump(&broker.data(), &[&partition.expect("it is there"), "--records"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).contains("line "), "what was produced is shown");
    assert!(before <= files_below(&broker.data()).len(), "nothing was removed");
}

/// What is printed of a segment with one batch of one record, in all formats and by a template.
fn in_every_format(flags: &[&str], template: &str) -> String {
    let directory = generated(1, 2);
    let mut text = String::new();
    let formats = ["table", "wide", "json", "jsonl", "yaml", "csv", "tsv", "name", "kafka"];
    for format in formats.iter().chain([&template]) {
        let arguments = [&[MADE][..], flags, &["--utc", "-o", format]].concat();
        let output = dump(directory.path(), &arguments);
        text.push_str(&format!("$ kt dump-log {}\n", arguments[1..].join(" ")));
        text.push_str(&stdout(&output));
    }
    let now = regex::Regex::new(r#"time("?): ?"?\d{4}-[^",\n]*"?"#).expect("a pattern");
    now.replace_all(&text, "time$1: NOW").into_owned()
}

#[test]
fn batches_in_every_format() {
    let shown = in_every_format(&[], "template={kind} {base_offset} {records}\\n");
    insta::assert_snapshot!(shown, @r#"
    $ kt dump-log --utc -o table
    made-0/00000000000000000000.log
       POSITION   BASE OFFSET   LAST OFFSET  RECORDS  MAX TIMESTAMP            SIZE BYTES  CODEC   EPOCH   PRODUCER   SEQUENCE  NOTES
              0             0             0        1  2023-11-14 22:13:20.000          70  none        -          -          -
    $ kt dump-log --utc -o wide
    made-0/00000000000000000000.log
       POSITION   BASE OFFSET   LAST OFFSET  RECORDS  MAX TIMESTAMP            SIZE BYTES  CODEC   EPOCH   PRODUCER   SEQUENCE  MAGIC         CRC  NOTES
              0             0             0        1  2023-11-14 22:13:20.000          70  none        -          -          -      2  3876148585
    $ kt dump-log --utc -o json
    {"kind":"dump-log","version":1,"cluster_id":null,"time": NOW,"items":[
    {"kind":"batch","path":"made-0/00000000000000000000.log","topic":"made","partition":0,"position":0,"size_bytes":70,"magic":2,"base_offset":0,"last_offset":0,"records":1,"compression":"none","timestamp_type":"create","base_timestamp":1700000000000,"max_timestamp":1700000000000,"delete_horizon_ms":null,"leader_epoch":null,"producer_id":null,"producer_epoch":null,"base_sequence":null,"last_sequence":null,"transactional":false,"control":false,"crc":3876148585,"valid":true}],"errors":[]}
    $ kt dump-log --utc -o jsonl
    {"kind":"batch","path":"made-0/00000000000000000000.log","topic":"made","partition":0,"position":0,"size_bytes":70,"magic":2,"base_offset":0,"last_offset":0,"records":1,"compression":"none","timestamp_type":"create","base_timestamp":1700000000000,"max_timestamp":1700000000000,"delete_horizon_ms":null,"leader_epoch":null,"producer_id":null,"producer_epoch":null,"base_sequence":null,"last_sequence":null,"transactional":false,"control":false,"crc":3876148585,"valid":true}
    $ kt dump-log --utc -o yaml
    kind: dump-log
    version: 1
    cluster_id: null
    time: NOW
    items:
    - kind: batch
      path: made-0/00000000000000000000.log
      topic: made
      partition: 0
      position: 0
      size_bytes: 70
      magic: 2
      base_offset: 0
      last_offset: 0
      records: 1
      compression: none
      timestamp_type: create
      base_timestamp: 1700000000000
      max_timestamp: 1700000000000
      delete_horizon_ms: null
      leader_epoch: null
      producer_id: null
      producer_epoch: null
      base_sequence: null
      last_sequence: null
      transactional: false
      control: false
      crc: 3876148585
      valid: true
    errors: []
    $ kt dump-log --utc -o csv
    kind,path,position,topic,partition,offset,base_offset,first_offset,start_offset,last_offset,last_stable_offset,transaction_first_offset,log_position,size_bytes,records,magic,compression,timestamp_type,timestamp,base_timestamp,max_timestamp,delete_horizon_ms,leader_epoch,producer_id,producer_epoch,coordinator_epoch,sequence,base_sequence,last_sequence,transactional,control,valid,key,value
    batch,made-0/00000000000000000000.log,0,made,0,,0,,,0,,,,70,1,2,none,create,,1700000000000,1700000000000,,,,,,,,,false,false,true,,
    $ kt dump-log --utc -o tsv
    kind	path	position	topic	partition	offset	base_offset	first_offset	start_offset	last_offset	last_stable_offset	transaction_first_offset	log_position	size_bytes	records	magic	compression	timestamp_type	timestamp	base_timestamp	max_timestamp	delete_horizon_ms	leader_epoch	producer_id	producer_epoch	coordinator_epoch	sequence	base_sequence	last_sequence	transactional	control	valid	key	value
    batch	made-0/00000000000000000000.log	0	made	0		0			0				70	1	2	none	create		1700000000000	1700000000000									false	false	true		
    $ kt dump-log --utc -o name
    made-0/00000000000000000000.log
    $ kt dump-log --utc -o kafka
    Dumping made-0/00000000000000000000.log
    Log starting offset: 0
    baseOffset: 0 lastOffset: 0 count: 1 baseSequence: -1 lastSequence: -1 producerId: -1 producerEpoch: -1 partitionLeaderEpoch: -1 isTransactional: false isControl: false deleteHorizonMs: OptionalLong.empty position: 0 CreateTime: 1700000000000 size: 70 magic: 2 compresscodec: none crc: 3876148585 isvalid: true
    $ kt dump-log --utc -o template={kind} {base_offset} {records}\n
    batch 0 1
    "#);
}

#[test]
fn records_in_every_format() {
    let shown = in_every_format(&["--records"], "template={offset}={value}\\n");
    insta::assert_snapshot!(shown, @r#"
    $ kt dump-log --records --utc -o table
    made-0/00000000000000000000.log
          OFFSET  TIMESTAMP                KEY                   VALUE
               0  2023-11-14 22:13:20.000  -                     xx
    $ kt dump-log --records --utc -o wide
    made-0/00000000000000000000.log
          OFFSET  TIMESTAMP                 PRODUCER   SEQUENCE  HEADERS  KEY                   VALUE
               0  2023-11-14 22:13:20.000          -          -        0  -                     xx
    $ kt dump-log --records --utc -o json
    {"kind":"dump-log","version":1,"cluster_id":null,"time": NOW,"items":[
    {"kind":"record","topic":"made","partition":0,"offset":0,"timestamp":1700000000000,"timestamp_type":"create","key":null,"value":"xx","headers":[],"leader_epoch":null,"producer_id":null,"producer_epoch":null,"sequence":null,"transactional":false,"control":null,"path":"made-0/00000000000000000000.log","position":0}],"errors":[]}
    $ kt dump-log --records --utc -o jsonl
    {"kind":"record","topic":"made","partition":0,"offset":0,"timestamp":1700000000000,"timestamp_type":"create","key":null,"value":"xx","headers":[],"leader_epoch":null,"producer_id":null,"producer_epoch":null,"sequence":null,"transactional":false,"control":null,"path":"made-0/00000000000000000000.log","position":0}
    $ kt dump-log --records --utc -o yaml
    kind: dump-log
    version: 1
    cluster_id: null
    time: NOW
    items:
    - kind: record
      topic: made
      partition: 0
      offset: 0
      timestamp: 1700000000000
      timestamp_type: create
      key: null
      value: xx
      headers: []
      leader_epoch: null
      producer_id: null
      producer_epoch: null
      sequence: null
      transactional: false
      control: null
      path: made-0/00000000000000000000.log
      position: 0
    errors: []
    $ kt dump-log --records --utc -o csv
    kind,path,position,topic,partition,offset,base_offset,first_offset,start_offset,last_offset,last_stable_offset,transaction_first_offset,log_position,size_bytes,records,magic,compression,timestamp_type,timestamp,base_timestamp,max_timestamp,delete_horizon_ms,leader_epoch,producer_id,producer_epoch,coordinator_epoch,sequence,base_sequence,last_sequence,transactional,control,valid,key,value
    record,made-0/00000000000000000000.log,0,made,0,0,,,,,,,,,,,,create,1700000000000,,,,,,,,,,,false,,,,xx
    $ kt dump-log --records --utc -o tsv
    kind	path	position	topic	partition	offset	base_offset	first_offset	start_offset	last_offset	last_stable_offset	transaction_first_offset	log_position	size_bytes	records	magic	compression	timestamp_type	timestamp	base_timestamp	max_timestamp	delete_horizon_ms	leader_epoch	producer_id	producer_epoch	coordinator_epoch	sequence	base_sequence	last_sequence	transactional	control	valid	key	value
    record	made-0/00000000000000000000.log	0	made	0	0												create	1700000000000											false				xx
    $ kt dump-log --records --utc -o name
    made-0/00000000000000000000.log
    $ kt dump-log --records --utc -o kafka
    Dumping made-0/00000000000000000000.log
    Log starting offset: 0
    baseOffset: 0 lastOffset: 0 count: 1 baseSequence: -1 lastSequence: -1 producerId: -1 producerEpoch: -1 partitionLeaderEpoch: -1 isTransactional: false isControl: false deleteHorizonMs: OptionalLong.empty position: 0 CreateTime: 1700000000000 size: 70 magic: 2 compresscodec: none crc: 3876148585 isvalid: true
    | offset: 0 CreateTime: 1700000000000 keySize: -1 valueSize: 2 sequence: -1 headerKeys: [] payload: xx
    $ kt dump-log --records --utc -o template={offset}={value}\n
    0=xx
    "#);
}
