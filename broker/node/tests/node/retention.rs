//! Retention by time and by size, and the delay before files go.

use kt_protocol::messages::FetchResponse;

use crate::records::batch;
use crate::support::Harness;

const SETTINGS: [(&str, &str); 2] =
    [("log.retention.check.interval.ms", "10000"), ("log.cleaner.backoff.ms", "1000")];

fn log_start(harness: &mut Harness) -> i64 {
    let response: FetchResponse = harness.fetch("orders", 0, 0);
    response.responses[0].partitions[0].log_start_offset.max(0)
}

fn segments(harness: &Harness, suffix: &str) -> Vec<String> {
    let names = harness.disk.export().into_keys();
    let names =
        names.filter_map(|path| Some(path.to_str()?.strip_prefix("/data/orders-0/")?.to_owned()));
    names.filter(|name| name.ends_with(suffix)).collect()
}

#[test]
fn records_go_when_they_are_old_and_their_files_a_little_later() {
    let mut harness = Harness::new(&SETTINGS);
    let configs =
        [("retention.ms", "100000"), ("segment.ms", "60000"), ("file.delete.delay.ms", "25000")];
    harness.create_topic("orders", 1, &configs);
    harness.produce("orders", 0, batch(&["a", "b"]));
    harness.advance(95_000);
    assert_eq!(harness.values("orders", 0, 0), ["a", "b"]);
    harness.advance(20_000);
    assert_eq!(harness.fetch("orders", 0, 0).responses[0].partitions[0].error_code, 1);
    assert_eq!(harness.values("orders", 0, 2), [] as [&str; 0]);
    assert_eq!(segments(&harness, ".log"), ["00000000000000000002.log"]);
    assert_eq!(segments(&harness, ".log.deleted"), ["00000000000000000000.log.deleted"]);
    harness.advance(36_000);
    assert_eq!(segments(&harness, ".deleted"), [] as [&str; 0]);
    assert_eq!(harness.produce("orders", 0, batch(&["c"])).base_offset, 2);
    harness.crash_and_reopen(kt_storage::simulated_disk::CrashMode::LoseUnsynced);
    assert_eq!(harness.values("orders", 0, 2), ["c"]);
}

#[test]
fn the_oldest_records_go_when_there_are_too_many() {
    let mut harness = Harness::new(&SETTINGS);
    let configs = [("retention.bytes", "2000000"), ("segment.bytes", "1048576")];
    harness.create_topic("orders", 1, &configs);
    let value = "x".repeat(700_000);
    for _ in 0..6 {
        assert_eq!(harness.produce("orders", 0, batch(&[&value])).error_code, 0);
    }
    assert_eq!(log_start(&mut harness), 0);
    harness.advance(11_000);
    // Never below what is to be kept.
    let kept: usize = segments(&harness, ".log").len();
    assert_eq!(kept, 3, "{:?}", segments(&harness, ".log"));
    assert_eq!(harness.fetch("orders", 0, 0).responses[0].partitions[0].error_code, 1);
    assert_eq!(harness.values("orders", 0, 3).len(), 3);
}

#[test]
fn a_topic_that_keeps_everything_keeps_everything() {
    let mut harness = Harness::new(&SETTINGS);
    harness.create_topic("orders", 1, &[("retention.ms", "-1"), ("segment.ms", "1000")]);
    harness.produce("orders", 0, batch(&["a"]));
    harness.advance(400_000);
    assert_eq!(harness.values("orders", 0, 0), ["a"]);
}

#[test]
fn a_clock_that_jumps_deletes_nothing_at_once() {
    let mut harness = Harness::new(&SETTINGS);
    harness.create_topic("orders", 1, &[("retention.ms", "100000")]);
    harness.produce("orders", 0, batch(&["a"]));
    harness.advance(11_000);
    harness.now.wall.0 += 30 * 24 * 3_600_000;
    harness.advance(60_000);
    assert_eq!(harness.values("orders", 0, 0), ["a"]);
}

#[test]
fn a_clock_that_jumped_while_the_node_was_down_deletes_nothing_at_once() {
    let mut harness = Harness::new(&SETTINGS);
    harness.create_topic("orders", 1, &[("retention.ms", "100000")]);
    harness.produce("orders", 0, batch(&["a"]));
    harness.advance(11_000);
    harness.stop();
    harness.now.wall.0 += 30 * 24 * 3_600_000;
    harness.open().unwrap();
    harness.advance(60_000);
    assert_eq!(harness.values("orders", 0, 0), ["a"]);
    // It stood for a while: it is believed.
    harness.advance(3_700_000);
    assert_eq!(harness.fetch("orders", 0, 0).responses[0].partitions[0].error_code, 1);
}
