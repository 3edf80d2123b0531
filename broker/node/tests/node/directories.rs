//! What lies in the log directories: kept, removed, set aside, refused.

use std::path::PathBuf;

use kt_storage::simulated_disk::CrashMode;

use crate::records::batch;
use crate::support::Harness;

const HEX: &str = "0b6fa5a1c2e84d3d9a5c3a0f1e2d4c5b";

fn put(harness: &Harness, directory: &str) -> PathBuf {
    let path = PathBuf::from(format!("/data/{directory}/00000000000000000000.log"));
    harness.disk.import([(path.clone(), Vec::new())]);
    path
}

#[test]
fn only_directories_of_deleted_partitions_are_removed() {
    let mut harness = Harness::new(&[]);
    for name in ["x-delete", "x-stray", "x-future"] {
        harness.create_topic(name, 1, &[]);
        harness.produce(name, 0, batch(&["kept"]));
    }
    harness.stop();
    let deleted = put(&harness, &format!("orders-0.{HEX}-delete"));
    let stray = put(&harness, &format!("orders-0.{HEX}-stray"));
    harness.open().unwrap();
    harness.advance(120_000);
    assert_eq!(harness.disk.contents(&deleted), None);
    assert!(harness.disk.contents(&stray).is_some(), "a person is to look at it");
    for name in ["x-delete", "x-stray", "x-future"] {
        assert_eq!(harness.values(name, 0, 0), ["kept"], "{name}");
    }
}

#[test]
fn a_directory_that_only_looks_deleted_is_foreign() {
    for name in ["x-delete", "backup-delete", "orders-0-delete", "orders-0.0b6f-delete", "x-stray"]
    {
        let mut harness = Harness::new(&[]);
        harness.crash(CrashMode::Process);
        let file = put(&harness, name);
        let error = harness.open().unwrap_err();
        assert!(error.to_string().contains(name), "{error}");
        assert!(harness.disk.contents(&file).is_some());
    }
}

#[test]
fn the_metadata_log_may_have_a_directory_of_its_own() {
    let mut harness = Harness::new(&[("metadata.log.dir", "/metadata")]);
    harness.create_topic("orders", 1, &[]);
    harness.produce("orders", 0, batch(&["a", "b"]));
    harness.advance(5_000);
    let path = "/metadata/recovery-point-offset-checkpoint";
    let checkpoint = harness.disk.contents(path.as_ref()).expect("it is written while it runs");
    assert!(String::from_utf8(checkpoint).unwrap().contains("__cluster_metadata 0 "));
    // Waits for the checkpoints of all directories.
    harness.delete_records("orders", 0, 1);
    harness.crash_and_reopen(CrashMode::LoseUnsynced);
    assert_eq!(harness.values("orders", 0, 1), ["b"]);
}
