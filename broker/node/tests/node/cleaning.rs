//! Compacted topics: old values go, what counts stays, and a crash or a stop changes neither.

use kt_protocol::records::{BatchBuilder, NewRecord};
use kt_protocol::types::Timestamp;
use kt_storage::Disk;
use kt_storage::simulated_disk::CrashMode;

use crate::support::Harness;

/// Longer than `log.cleaner.backoff.ms`.
const A_WHILE_MS: u64 = 16_000;

const COMPACTED: &[(&str, &str)] = &[
    ("cleanup.policy", "compact"),
    ("segment.ms", "100"),
    ("min.cleanable.dirty.ratio", "0.01"),
    ("delete.retention.ms", "60000"),
    ("file.delete.delay.ms", "1000"),
];

fn write(harness: &mut Harness, pairs: &[(&str, Option<&str>)]) {
    let mut builder = BatchBuilder::new();
    for (key, value) in pairs {
        let record = NewRecord {
            timestamp: Timestamp(harness.now.wall.0),
            key: Some(key.as_bytes()),
            value: value.map(str::as_bytes),
            ..NewRecord::default()
        };
        builder.append(record).unwrap();
    }
    assert_eq!(harness.produce("state", 0, builder.build()).error_code, 0);
    // The next batch is in another segment.
    harness.advance(200);
}

/// Everything of the topic, as a reader sees it: values, tombstones as "-".
fn read(harness: &mut Harness) -> String {
    let values = harness.values("state", 0, 0);
    let shown = values.iter().map(|it| if it.is_empty() { "-" } else { it });
    shown.collect::<Vec<_>>().join(" ")
}

fn cleaned_up_to(harness: &Harness) -> String {
    let path = std::path::Path::new("/data/cleaner-offset-checkpoint");
    match harness.disk.open(path, kt_storage::disk::OpenMode::Read) {
        Ok(file) => {
            let mut bytes = vec![0; usize::try_from(file.len().unwrap()).unwrap()];
            file.read_at(0, &mut bytes).unwrap();
            String::from_utf8(bytes).unwrap()
        }
        Err(_) => "none".to_owned(),
    }
}

#[test]
fn old_values_go_and_the_last_of_each_key_stays() {
    let mut harness = Harness::new(&[]);
    harness.create_topic("state", 1, COMPACTED);
    write(&mut harness, &[("a", Some("a1")), ("b", Some("b1"))]);
    write(&mut harness, &[("a", Some("a2"))]);
    write(&mut harness, &[("b", None), ("c", Some("c1"))]);
    write(&mut harness, &[("active", Some("x"))]);
    assert_eq!(read(&mut harness), "a1 b1 a2 - c1 x");
    harness.advance(A_WHILE_MS);
    assert_eq!(read(&mut harness), "a2 - c1 x");
    assert_eq!(cleaned_up_to(&harness), "0\n1\nstate 0 5\n");
    // Offsets are what they were.
    assert_eq!(harness.values("state", 0, 5), ["x"]);
    harness.crash_and_reopen(CrashMode::LoseUnsynced);
    assert_eq!(read(&mut harness), "a2 - c1 x");
    // A tombstone goes after its time, once more is dirty.
    harness.advance(70_000);
    write(&mut harness, &[("d", Some("d1"))]);
    harness.advance(A_WHILE_MS);
    write(&mut harness, &[("active", Some("y"))]);
    harness.advance(A_WHILE_MS);
    harness.advance(70_000);
    write(&mut harness, &[("active", Some("z"))]);
    harness.advance(A_WHILE_MS);
    assert!(!read(&mut harness).contains('-'), "{}", read(&mut harness));
}

#[test]
fn other_topics_are_left_alone_and_cleaning_can_be_off() {
    let mut harness = Harness::new(&[("log.cleaner.enable", "false")]);
    harness.create_topic("state", 1, COMPACTED);
    write(&mut harness, &[("a", Some("a1"))]);
    write(&mut harness, &[("a", Some("a2"))]);
    write(&mut harness, &[("a", Some("a3"))]);
    harness.advance(A_WHILE_MS);
    assert_eq!(read(&mut harness), "a1 a2 a3");
    let mut harness = Harness::new(&[]);
    harness.create_topic("state", 1, &[("segment.ms", "100")]);
    write(&mut harness, &[("a", Some("a1"))]);
    write(&mut harness, &[("a", Some("a2"))]);
    write(&mut harness, &[("a", Some("a3"))]);
    harness.advance(A_WHILE_MS);
    assert_eq!(read(&mut harness), "a1 a2 a3");
    assert_eq!(cleaned_up_to(&harness), "none");
}

#[test]
fn a_stop_and_a_deletion_meet_a_pass_that_is_under_way() {
    for ending in ["stop", "delete"] {
        let mut harness = Harness::new(&[]);
        harness.create_topic("state", 1, COMPACTED);
        write(&mut harness, &[("a", Some("a1"))]);
        write(&mut harness, &[("a", Some("a2"))]);
        write(&mut harness, &[("active", Some("x"))]);
        harness.holds_jobs = true;
        harness.advance(A_WHILE_MS);
        if ending == "stop" {
            harness.release_jobs_named("clean", 0);
            harness.holds_jobs = false;
            harness.stop();
            harness.open().expect("it opens");
            assert!(read(&mut harness).ends_with("a2 x"));
        } else {
            harness.delete_topic("state");
            harness.release_jobs();
            harness.create_topic("state", 1, COMPACTED);
            write(&mut harness, &[("a", Some("new"))]);
            assert_eq!(read(&mut harness), "new");
        }
        assert_eq!(harness.fatal, None);
    }
}
