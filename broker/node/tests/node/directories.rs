//! What lies in the log directories: kept, removed, set aside, refused.

use std::collections::BTreeMap;
use std::path::PathBuf;

use kt_protocol::ErrorCode;
use kt_protocol::messages::{
    DescribeLogDirsRequest, DescribeLogDirsResponse, MetadataRequest, MetadataResponse,
};
use kt_storage::simulated_disk::{Call, CrashMode, Fault};

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

/// The partitions of each log directory, by DescribeLogDirs; none for one that is lost.
fn placement(harness: &mut Harness) -> BTreeMap<String, Option<Vec<i32>>> {
    let request = DescribeLogDirsRequest { topics: None };
    let response: DescribeLogDirsResponse = harness.call(4, &request);
    let mut placement = BTreeMap::new();
    for directory in response.results {
        let lost = directory.error_code == ErrorCode::KafkaStorageError as i16;
        let partitions = directory.topics.iter().flat_map(|topic| &topic.partitions);
        let partitions: Vec<i32> = partitions.map(|it| it.partition_index).collect();
        placement.insert(directory.log_dir, Some(partitions).filter(|_| !lost));
    }
    placement
}

/// Error, leader and offline replicas of each partition, by Metadata.
fn leaders(harness: &mut Harness) -> Vec<(i16, i32, Vec<i32>)> {
    let request = MetadataRequest { topics: None, ..MetadataRequest::default() };
    let mut metadata: MetadataResponse = harness.call(12, &request);
    let partitions = metadata.topics.remove(0).partitions;
    partitions.into_iter().map(|it| (it.error_code, it.leader_id, it.offline_replicas)).collect()
}

#[test]
fn with_two_directories_each_replica_is_known_to_lie_where_it_does() {
    let mut harness = Harness::new(&[("log.dirs", "/a,/b")]);
    harness.create_topic("orders", 4, &[]);
    for partition in 0..4 {
        harness.produce("orders", partition, batch(&["x"]));
    }
    let before = placement(&mut harness);
    let in_b = before["/b"].clone().unwrap();
    assert_eq!(in_b.len(), 2, "{before:?}");
    for mode in [CrashMode::LoseUnsynced, CrashMode::Process] {
        harness.crash_and_reopen(mode);
        assert_eq!(placement(&mut harness), before);
        assert_eq!(leaders(&mut harness), vec![(0, 1, Vec::new()); 4]);
    }
    // The controller knows it too: what lay in a lost directory has no leader any more.
    harness.disk.fail(Call::Write, 1, Fault::Eio);
    let failed = harness.produce("orders", in_b[0], batch(&["y"]));
    assert_eq!(failed.error_code, ErrorCode::KafkaStorageError as i16);
    assert_eq!(placement(&mut harness)["/b"], None);
    assert_eq!(harness.fatal, None);
    for (partition, found) in (0..).zip(leaders(&mut harness)) {
        let expected = match in_b.contains(&partition) {
            true => (ErrorCode::LeaderNotAvailable as i16, -1, vec![1]),
            false => (0, 1, Vec::new()),
        };
        assert_eq!(found, expected, "partition {partition}");
    }
    let other = (0..4).find(|it| !in_b.contains(it)).unwrap();
    assert_eq!(harness.produce("orders", other, batch(&["y"])).error_code, 0);
    // The disk is well again.
    harness.crash_and_reopen(CrashMode::Process);
    assert_eq!(placement(&mut harness), before);
    assert_eq!(leaders(&mut harness), vec![(0, 1, Vec::new()); 4]);
    assert_eq!(harness.values("orders", in_b[0], 0), ["x"]);
    assert_eq!(harness.values("orders", other, 0), ["x", "y"]);
}

#[test]
fn a_topic_made_anew_under_its_name_does_not_meet_the_old_one() {
    for order in [["open", "delete"], ["delete", "open"]] {
        let mut harness = Harness::new(&[]);
        harness.create_topic("orders", 1, &[]);
        harness.produce("orders", 0, batch(&["old"]));
        harness.holds_jobs = true;
        harness.delete_topic("orders");
        harness.begin_create_topic("orders");
        // Jobs run in any order.
        for name in order {
            harness.release_jobs_named(name, 1);
        }
        harness.release_jobs();
        assert_eq!(harness.values("orders", 0, 0), [] as [&str; 0], "{order:?}");
        assert_eq!(harness.produce("orders", 0, batch(&["new"])).base_offset, 0);
        harness.advance(120_000);
        harness.crash_and_reopen(CrashMode::LoseUnsynced);
        assert_eq!(harness.values("orders", 0, 0), ["new"], "{order:?}");
    }
}

#[test]
fn what_was_known_of_a_deleted_topic_is_not_held_against_the_next() {
    for mode in CrashMode::ALL {
        let mut harness = Harness::new(&[]);
        harness.create_topic("orders", 1, &[]);
        for _ in 0..5 {
            harness.produce("orders", 0, batch(&["a", "b", "c"]));
        }
        harness.advance(5_000);
        harness.delete_topic("orders");
        harness.create_topic("orders", 1, &[]);
        harness.produce("orders", 0, batch(&["new"]));
        harness.crash_and_reopen(mode);
        assert_eq!(harness.values("orders", 0, 0), ["new"], "{mode:?}");
    }
}

#[test]
fn a_deleted_topic_whose_files_are_still_there_makes_room_for_the_next() {
    let mut harness = Harness::new(&[]);
    harness.create_topic("orders", 1, &[]);
    harness.produce("orders", 0, batch(&["old", "old"]));
    harness.advance(5_000);
    harness.holds_jobs = true;
    harness.delete_topic("orders");
    harness.begin_create_topic("orders");
    harness.crash(CrashMode::LoseUnsynced);
    // Whatever order the jobs of the start have.
    harness.open().unwrap();
    harness.release_jobs_named("open", 1);
    harness.release_jobs();
    assert_eq!(harness.values("orders", 0, 0), [] as [&str; 0]);
    harness.produce("orders", 0, batch(&["new"]));
    harness.crash_and_reopen(CrashMode::LoseUnsynced);
    assert_eq!(harness.values("orders", 0, 0), ["new"]);
    let names: Vec<_> = harness.disk.export().into_keys().collect();
    let is_stray = |path: &&PathBuf| path.to_string_lossy().contains("-stray/");
    assert!(names.iter().any(|path| is_stray(&path)), "kept for a person: {names:?}");
}

#[test]
fn a_damaged_topic_can_be_deleted_and_made_anew() {
    let mut harness = Harness::new(&[]);
    harness.create_topic("orders", 1, &[]);
    harness.produce("orders", 0, batch(&["old"]));
    harness.advance(5_000);
    harness.crash(CrashMode::LoseUnsynced);
    harness.disk.flip_bit("/data/orders-0/00000000000000000000.log".as_ref(), 40, 0);
    harness.open().unwrap();
    let metrics = harness.node().metrics();
    assert_eq!(metrics.partitions_offline.len(), 1);
    assert!(harness.log.iter().any(|(_, text)| text.starts_with("orders-0 is offline")));
    harness.delete_topic("orders");
    harness.create_topic("orders", 1, &[]);
    assert_eq!(harness.produce("orders", 0, batch(&["new"])).error_code, 0);
    harness.crash_and_reopen(CrashMode::LoseUnsynced);
    assert_eq!(harness.values("orders", 0, 0), ["new"]);
}

fn logs(harness: &Harness) -> Vec<PathBuf> {
    let is_log = |path: &PathBuf| {
        let text = path.to_string_lossy();
        text.contains("/orders-") && text.ends_with(".log")
    };
    harness.disk.export().into_keys().filter(is_log).collect()
}

#[test]
fn a_stop_while_logs_are_opened_deletes_nothing() {
    let mut harness = Harness::new(&[]);
    harness.create_topic("orders", 3, &[]);
    for partition in 0..3 {
        harness.produce("orders", partition, batch(&["kept"]));
    }
    let before = logs(&harness);
    harness.crash(CrashMode::LoseUnsynced);
    harness.holds_jobs = true;
    harness.open().unwrap();
    harness.input(kt_node::Input::Stop);
    harness.release_jobs();
    assert!(harness.is_stopped);
    harness.crash(CrashMode::Process);
    assert_eq!(logs(&harness), before);
    harness.open().unwrap();
    for partition in 0..3 {
        assert_eq!(harness.values("orders", partition, 0), ["kept"]);
    }
}

#[test]
fn a_directory_that_is_lost_while_logs_are_opened_loses_nothing() {
    let mut harness = Harness::new(&[
        ("log.dirs", "/a,/b"),
        ("metadata.max.idle.interval.ms", "0"),
        ("num.recovery.threads.per.data.dir", "1"),
    ]);
    harness.create_topic("orders", 12, &[]);
    for partition in 0..12 {
        harness.produce("orders", partition, batch(&["kept"]));
    }
    harness.advance(5_000);
    let before = logs(&harness);
    harness.crash(CrashMode::LoseUnsynced);
    harness.holds_jobs = true;
    harness.open().unwrap();
    // Some are open, some are being opened, some wait.
    harness.release_jobs_named("open", 4);
    let in_b = placement(&mut harness)["/b"].clone().unwrap();
    harness.disk.fail(Call::Write, 1, Fault::Eio);
    let failed = harness.produce("orders", in_b[0], batch(&["lost"]));
    assert_eq!(failed.error_code, ErrorCode::KafkaStorageError as i16);
    harness.release_jobs();
    harness.advance(200_000);
    assert_eq!(harness.node().metrics().partitions_opening, 0);
    assert_eq!(logs(&harness), before);
    harness.crash_and_reopen(CrashMode::Process);
    for partition in 0..12 {
        assert_eq!(harness.values("orders", partition, 0), ["kept"]);
    }
}
