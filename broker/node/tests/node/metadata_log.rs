//! The metadata log: signs of life, snapshots, what is kept of the past, what is refused.

use std::path::PathBuf;

use bytes::Bytes;
use kt_node::LogLevel;
use kt_protocol::messages::describe_quorum_request::{PartitionData, TopicData};
use kt_protocol::messages::metadata_record::MetadataRecord;
use kt_protocol::messages::{
    DescribeQuorumRequest, DescribeQuorumResponse, FeatureLevelRecord, MetadataRequest,
    MetadataResponse,
};
use kt_protocol::records::Batches;
use kt_protocol::types::{LeaderEpoch, Offset, Timestamp};
use kt_storage::metadata_snapshot::{self, SnapshotContents, SnapshotId};
use kt_storage::simulated_disk::{Call, CrashMode, Fault};

use crate::records::batch;
use crate::support::Harness;

const DIRECTORY: &str = "/data/__cluster_metadata-0/";

/// The names of the metadata log's files that end like this, sorted.
fn files(harness: &Harness, suffix: &str) -> Vec<String> {
    let names = harness.disk.export().into_keys();
    let names = names.filter_map(|path| Some(path.to_str()?.strip_prefix(DIRECTORY)?.to_owned()));
    names.filter(|name| name.ends_with(suffix)).collect()
}

fn snapshots(harness: &Harness) -> Vec<SnapshotId> {
    files(harness, ".checkpoint").iter().filter_map(|name| SnapshotId::parse(name)).collect()
}

fn read_snapshot(harness: &Harness, id: SnapshotId) -> SnapshotContents {
    let path = PathBuf::from(format!("{DIRECTORY}{}", id.file_name()));
    metadata_snapshot::decode(&Bytes::from(harness.disk.contents(&path).unwrap())).unwrap()
}

/// The records of the first segment, batch by batch, with their versions.
fn batches(harness: &Harness) -> Vec<Vec<(MetadataRecord, i16)>> {
    let path = format!("{DIRECTORY}00000000000000000000.log");
    let log = harness.disk.contents(path.as_ref()).unwrap();
    let data = Batches::new(&log).map(Result::unwrap).filter(|batch| !batch.is_control());
    let decode = |value: &[u8]| MetadataRecord::decode(&Bytes::copy_from_slice(value)).unwrap();
    data.map(|batch| {
        let records = batch.records_in_place().unwrap();
        records.map(|record| decode(record.unwrap().value.unwrap())).collect()
    })
    .collect()
}

fn no_ops(harness: &Harness) -> usize {
    let records = batches(harness).into_iter().flatten();
    records.filter(|(record, _)| matches!(record, MetadataRecord::NoOp(_))).count()
}

fn topic_names(harness: &mut Harness) -> Vec<String> {
    let request = MetadataRequest { topics: None, ..MetadataRequest::default() };
    let metadata: MetadataResponse = harness.call(12, &request);
    let mut names: Vec<String> =
        metadata.topics.into_iter().filter_map(|topic| topic.name).collect();
    names.sort();
    names
}

/// The high watermark and the leader's own end.
fn quorum(harness: &mut Harness) -> (i64, i64) {
    let request = DescribeQuorumRequest {
        topics: vec![TopicData {
            topic_name: "__cluster_metadata".to_owned(),
            partitions: vec![PartitionData { partition_index: 0 }],
        }],
    };
    let quorum: DescribeQuorumResponse = harness.call_controller(2, &request);
    let partition = &quorum.topics[0].partitions[0];
    (partition.high_watermark, partition.current_voters[0].log_end_offset)
}

#[test]
fn an_idle_controller_shows_that_it_lives_and_costs_one_sync_each_time() {
    let mut harness = Harness::new(&[]);
    harness.advance(3_000);
    let before = no_ops(&harness);
    let (syncs, renames) = (harness.disk.count(Call::Sync), harness.disk.count(Call::Rename));
    harness.advance(10_000);
    assert_eq!(no_ops(&harness) - before, 20);
    assert_eq!(harness.disk.count(Call::Sync) - syncs, 20);
    assert_eq!(harness.disk.count(Call::Rename), renames, "no checkpoint is written for it");
    let (high_watermark, end) = quorum(&mut harness);
    assert_eq!(high_watermark, end, "nothing looks like a lag");
    assert_eq!(harness.node().metrics().metadata_high_watermark, end);
}

#[test]
fn a_busy_controller_says_nothing_more() {
    let mut harness = Harness::new(&[]);
    for number in 0..10 {
        harness.advance(400);
        harness.create_topic(&format!("t-{number}"), 1, &[]);
    }
    assert_eq!(no_ops(&harness), 0);
}

#[test]
fn an_interval_of_zero_turns_it_off() {
    let mut harness = Harness::new(&[("metadata.max.idle.interval.ms", "0")]);
    harness.advance(60_000);
    assert_eq!(no_ops(&harness), 0);
}

#[test]
fn enough_bytes_make_a_snapshot_to_start_from() {
    let mut harness = Harness::new(&[("metadata.log.max.record.bytes.between.snapshots", "2000")]);
    for number in 0..30 {
        harness.create_topic(&format!("t-{number:02}"), 1, &[("retention.ms", "1234")]);
    }
    harness.produce("t-07", 0, batch(&["a"]));
    let ids = snapshots(&harness);
    assert!(2 < ids.len(), "{ids:?}");
    let newest = *ids.last().unwrap();
    let contents = read_snapshot(&harness, newest);
    assert_eq!(contents.kraft_version, Some(1));
    assert_eq!(contents.voters.unwrap().voters.len(), 1);
    let expected = topic_names(&mut harness);
    assert_eq!(expected.len(), 30);
    for mode in [CrashMode::LoseUnsynced, CrashMode::Torn, CrashMode::Process] {
        harness.crash_and_reopen(mode);
        assert_eq!(topic_names(&mut harness), expected);
        assert_eq!(harness.values("t-07", 0, 0), ["a"]);
    }
    // It is read: without it and what the log holds before it, nothing would be there.
    harness.crash(CrashMode::Process);
    let path = format!("{DIRECTORY}{}", snapshots(&harness).last().unwrap().file_name());
    harness.disk.flip_bit(path.as_ref(), 70, 0);
    assert!(harness.open().unwrap_err().to_string().contains("checkpoint is damaged"));
}

#[test]
fn enough_time_makes_a_snapshot() {
    let mut harness = Harness::new(&[
        ("metadata.log.max.snapshot.interval.ms", "5000"),
        ("metadata.max.idle.interval.ms", "0"),
    ]);
    harness.create_topic("orders", 1, &[]);
    harness.advance(4_000);
    assert_eq!(snapshots(&harness), [SnapshotId::BOOTSTRAP]);
    harness.advance(6_000);
    let ids = snapshots(&harness);
    assert_eq!(ids.len(), 2, "{ids:?}");
    assert_eq!(ids[1].end_offset.0, quorum(&mut harness).1);
    // Nothing was written since: nothing is to be snapshot.
    harness.advance(60_000);
    assert_eq!(snapshots(&harness), ids);
    harness.crash_and_reopen(CrashMode::LoseUnsynced);
    assert_eq!(topic_names(&mut harness), ["orders"]);
}

#[test]
fn what_a_snapshot_replaces_is_kept_no_longer_than_it_should() {
    let mut harness = Harness::new(&[
        ("metadata.log.max.record.bytes.between.snapshots", "2000"),
        ("metadata.log.segment.ms", "1000"),
        ("metadata.max.retention.bytes", "12000"),
        ("metadata.max.idle.interval.ms", "0"),
    ]);
    for number in 0..60 {
        harness.advance(1_100);
        harness.create_topic(&format!("t-{number:02}"), 1, &[]);
    }
    let expected = topic_names(&mut harness);
    harness.advance(120_000);
    let ids = snapshots(&harness);
    let segments = files(&harness, ".log");
    assert!(SnapshotId::BOOTSTRAP < ids[0], "{ids:?}");
    assert_ne!(segments[0], "00000000000000000000.log");
    let first: i64 = segments[0].strip_suffix(".log").unwrap().parse().unwrap();
    assert!(first <= ids[0].end_offset.0, "no hole: {segments:?} {ids:?}");
    assert_eq!(files(&harness, ".deleted"), [] as [&str; 0], "their time is over");
    for mode in [CrashMode::LoseUnsynced, CrashMode::Process] {
        harness.crash_and_reopen(mode);
        assert_eq!(topic_names(&mut harness), expected);
        harness.create_topic(&format!("after-{mode:?}"), 1, &[]);
        harness.input(kt_node::Input::Closed(kt_node::ConnectionId(1)));
        assert_eq!(topic_names(&mut harness).len(), expected.len() + 1);
        let request = kt_protocol::messages::DeleteTopicsRequest {
            topic_names: vec![format!("after-{mode:?}")],
            ..Default::default()
        };
        let _: kt_protocol::messages::DeleteTopicsResponse = harness.call(5, &request);
    }
    harness.stop();
    harness.open().unwrap();
    assert_eq!(topic_names(&mut harness), expected);
}

#[test]
fn old_snapshots_go_by_their_age() {
    let mut harness = Harness::new(&[
        ("metadata.log.max.snapshot.interval.ms", "10000"),
        ("metadata.max.retention.ms", "35000"),
        ("metadata.max.retention.bytes", "-1"),
    ]);
    harness.create_topic("orders", 1, &[]);
    harness.advance(100_000);
    let ids = snapshots(&harness);
    assert!((3..=6).contains(&ids.len()), "{ids:?}");
    assert!(SnapshotId::BOOTSTRAP < ids[0], "{ids:?}");
    harness.crash_and_reopen(CrashMode::LoseUnsynced);
    assert_eq!(topic_names(&mut harness), ["orders"]);
}

#[test]
fn a_snapshot_that_fails_is_said_and_tried_again_later() {
    let mut harness = Harness::new(&[("metadata.log.max.record.bytes.between.snapshots", "500")]);
    harness.advance(2_000);
    let before = snapshots(&harness);
    harness.log.clear();
    harness.holds_jobs = true;
    let creating = (0..3).map(|it| format!("t-{it}")).collect::<Vec<_>>();
    for name in &creating {
        harness.begin_create_topic(name);
    }
    harness.disk.fail(Call::Rename, 1, Fault::Enospc);
    harness.release_jobs_named("snapshot", 1);
    let lines: Vec<_> = harness.log.iter().filter(|it| it.0 == LogLevel::Error).collect();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].1.contains("no metadata snapshot was written"), "{lines:?}");
    assert_eq!(snapshots(&harness), before);
    harness.release_jobs();
    harness.advance(59_000);
    assert_eq!(snapshots(&harness), before);
    harness.advance(62_000);
    assert!(before.len() < snapshots(&harness).len());
    assert_eq!(harness.fatal, None);
}

#[test]
fn a_log_that_ends_before_its_snapshot_is_refused() {
    let mut harness = Harness::new(&[]);
    harness.create_topic("orders", 1, &[]);
    harness.crash(CrashMode::Process);
    let contents = read_snapshot(&harness, SnapshotId::BOOTSTRAP);
    let id = SnapshotId { end_offset: Offset(1_000), epoch: LeaderEpoch(1) };
    let bytes = metadata_snapshot::encode_at(id, &contents, Timestamp(1)).unwrap();
    harness.disk.import([(format!("{DIRECTORY}{}", id.file_name()).into(), bytes.to_vec())]);
    let error = harness.open().unwrap_err();
    assert!(error.to_string().contains("but the newest snapshot at 1000"), "{error}");
    assert!(error.hint().is_some());
}

fn feature(name: &str, feature_level: i16) -> Bytes {
    let record = FeatureLevelRecord { name: name.to_owned(), feature_level };
    MetadataRecord::from(record).encode(0).unwrap()
}

#[test]
fn a_log_with_features_that_are_not_built_is_refused() {
    let mut harness = Harness::new(&[]);
    harness.stop();
    harness.open().unwrap();
    let end_offset = Offset(harness.node().metrics().metadata_high_watermark);
    harness.crash(CrashMode::Process);
    let contents = SnapshotContents {
        records: vec![feature("metadata.version", 30), feature("share.version", 1)],
        ..read_snapshot(&harness, SnapshotId::BOOTSTRAP)
    };
    let id = SnapshotId { end_offset, epoch: LeaderEpoch(2) };
    let bytes = metadata_snapshot::encode_at(id, &contents, Timestamp(1)).unwrap();
    let path = PathBuf::from(format!("{DIRECTORY}{}", id.file_name()));
    harness.disk.import([(path, bytes.to_vec())]);
    let error = harness.open().unwrap_err();
    assert!(error.to_string().contains("finalized at share.version 1"), "{error}");
    assert!(error.hint().is_some());
}

#[test]
fn a_bootstrap_with_features_that_are_not_built_is_refused() {
    let formatted = Harness::new(&[]).disk.export();
    let mut harness = Harness::unopened(&[]);
    let kept = [
        "/data/meta.properties",
        "/data/__cluster_metadata-0/00000000000000000000-0000000000.checkpoint",
    ];
    let kept =
        formatted.into_iter().filter(|(path, _)| kept.iter().any(|it| path.as_os_str() == *it));
    harness.disk.import(kept);
    let contents = SnapshotContents {
        records: vec![feature("metadata.version", 30), feature("group.version", 1)],
        ..SnapshotContents::default()
    };
    let bytes = metadata_snapshot::encode(&contents, Timestamp(1)).unwrap();
    harness.disk.import([("/data/bootstrap.checkpoint".into(), bytes.to_vec())]);
    let error = harness.open().unwrap_err();
    assert!(error.to_string().contains("finalized at group.version 1"), "{error}");
}

#[test]
fn a_broker_that_stops_gives_up_what_it_leads_and_is_fenced() {
    let mut harness = Harness::new(&[]);
    harness.create_topic("orders", 2, &[]);
    harness.produce("orders", 1, batch(&["a"]));
    harness.stop();
    let mut batches = batches(&harness);
    let fencing = batches.pop().unwrap();
    let leaving = batches.pop().unwrap();
    let change = |record: &MetadataRecord| match record {
        MetadataRecord::BrokerRegistrationChange(it) => it.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!((change(&leaving[0].0).in_controlled_shutdown, leaving[0].1), (1, 1));
    let leaders: Vec<i32> = leaving[1..]
        .iter()
        .map(|(record, _)| match record {
            MetadataRecord::PartitionChange(it) => it.leader,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(leaders, [-1, -1]);
    assert_eq!(fencing.len(), 1);
    assert_eq!((change(&fencing[0].0).fenced, fencing[0].1), (1, 0));
    harness.open().unwrap();
    assert!(harness.is_ready);
    assert_eq!(harness.values("orders", 1, 0), ["a"]);
    assert_eq!(harness.produce("orders", 0, batch(&["b"])).error_code, 0);
}

#[test]
fn a_broker_that_leads_nothing_is_fenced_at_once() {
    let mut harness = Harness::new(&[]);
    harness.stop();
    let last = batches(&harness).pop().unwrap();
    assert!(
        matches!(&last[..], [(MetadataRecord::BrokerRegistrationChange(it), 0)] if it.fenced == 1),
        "{last:?}"
    );
}

#[test]
fn without_controlled_shutdown_nothing_is_said() {
    let mut harness = Harness::new(&[("controlled.shutdown.enable", "false")]);
    harness.create_topic("orders", 1, &[]);
    let before = batches(&harness).len();
    harness.stop();
    assert_eq!(batches(&harness).len(), before);
    harness.open().unwrap();
    assert_eq!(harness.values("orders", 0, 0), [] as [&str; 0]);
}
