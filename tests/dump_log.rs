//! `kt dump-log`: the directories that Apache Kafka wrote, directories with damage, and one that a
//! broker is writing.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use flate2::read::GzDecoder;
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
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("kt runs");
    let mut stdin = producer.stdin.take().expect("stdin is piped");
    let writer = std::thread::spawn(move || {
        std::io::Write::write_all(&mut stdin, lines.as_bytes()).expect("it is taken");
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
