//! A node that dies at any change of its disk: what it acknowledged is there afterwards.

use kt_protocol::messages::{DeleteTopicsRequest, DeleteTopicsResponse, ProduceResponse};
use kt_storage::simulated_disk::CrashMode;

use crate::records::{PRODUCE_VERSION, batch, produce_request};
use crate::support::Harness;

/// Snapshots and segments of the metadata log come and go all the time.
const SETTINGS: [(&str, &str); 4] = [
    ("metadata.log.max.record.bytes.between.snapshots", "700"),
    ("metadata.log.segment.ms", "1000"),
    ("metadata.max.retention.bytes", "4000"),
    ("log.dirs", "/a,/b"),
];

/// What is known of one topic.
#[derive(Clone, Debug, PartialEq)]
enum Known {
    /// It may be there or not, with these records or others.
    Unsure,
    /// It is there, with these records first.
    Holds(Vec<String>),
}

struct Life {
    harness: Harness,
    topics: Vec<(String, Known)>,
}

impl Life {
    fn is_over(&self) -> bool {
        self.harness.disk.is_crashed() || self.harness.fatal.is_some()
    }

    fn know(&mut self, name: &str, known: Known) {
        self.topics.retain(|(topic, _)| topic != name);
        self.topics.push((name.to_owned(), known));
    }

    fn create(&mut self, name: &str) {
        if self.is_over() {
            return;
        }
        let reply_to = self.harness.begin_create_topic(name);
        if self.harness.is_answered(reply_to) {
            self.know(name, Known::Holds(Vec::new()));
        }
    }

    fn delete(&mut self, name: &str) {
        if self.is_over() {
            return;
        }
        self.know(name, Known::Unsure);
        let request = DeleteTopicsRequest {
            topic_names: vec![name.to_owned()],
            ..DeleteTopicsRequest::default()
        };
        let reply_to = self.harness.send(1, 5, &request);
        if self.harness.is_answered(reply_to) {
            let response: DeleteTopicsResponse = self.harness.answer(reply_to, 5);
            assert_eq!(response.responses[0].error_code, 0);
        }
    }

    fn produce(&mut self, name: &str, value: &str) {
        if self.is_over() {
            return;
        }
        let request = produce_request(name, 0, -1, batch(&[value]));
        let reply_to = self.harness.send(1, PRODUCE_VERSION, &request);
        if !self.harness.is_answered(reply_to) {
            return;
        }
        let response: ProduceResponse = self.harness.answer(reply_to, PRODUCE_VERSION);
        if response.responses[0].partition_responses[0].error_code != 0 {
            return;
        }
        let known = self.topics.iter_mut().find(|(topic, _)| topic == name);
        if let Some((_, Known::Holds(values))) = known {
            values.push(value.to_owned());
        }
    }

    fn advance(&mut self, ms: u64) {
        if !self.is_over() {
            self.harness.advance(ms);
        }
    }

    fn live(&mut self) {
        for name in ["a", "b", "c"] {
            self.create(name);
            self.produce(name, "1");
        }
        self.advance(1_500);
        self.delete("a");
        self.create("a");
        self.produce("a", "new");
        self.produce("b", "2");
        self.advance(1_500);
        self.create("d");
        self.produce("d", "1");
        self.delete("c");
        self.advance(70_000);
        self.create("c");
        self.produce("c", "new");
        if !self.is_over() {
            self.harness.input(kt_node::Input::Stop);
        }
    }
}

fn check(mode: CrashMode, after: u64) -> bool {
    let harness = Harness::new(&SETTINGS);
    harness.disk.crash_after(after);
    let mut life = Life { harness, topics: Vec::new() };
    life.live();
    let Life { mut harness, topics } = life;
    let is_whole = !harness.disk.is_crashed();
    harness.fatal = None;
    harness.crash(mode);
    harness.open().unwrap_or_else(|error| panic!("{mode:?} after {after}: {error}"));
    assert!(harness.is_ready, "{mode:?} after {after}: {:?}", harness.fatal);
    for (name, known) in topics {
        let Known::Holds(expected) = known else { continue };
        let found = harness.values(&name, 0, 0);
        assert!(
            found.starts_with(&expected),
            "{mode:?} after {after}: {name} {found:?} {expected:?}"
        );
        // At the most what was on its way.
        assert!(found.len() <= expected.len() + 1, "{mode:?} after {after}: {name} {found:?}");
    }
    is_whole
}

/// How many changes lie between two of the crashes that are looked at.
const STEP: u64 = 3;

fn sweep(mode: CrashMode) {
    // Each mode looks at others, and all together at each.
    let mut after = mode as u64 % STEP;
    while !check(mode, after) {
        after += STEP;
    }
    assert!(300 < after, "the whole life was looked at: {after} changes");
}

#[test]
fn the_process_dies_anywhere() {
    sweep(CrashMode::Process);
}

#[test]
fn the_power_goes_anywhere() {
    sweep(CrashMode::LoseUnsynced);
}

#[test]
fn the_power_goes_anywhere_after_everything_was_written() {
    sweep(CrashMode::KeepUnsynced);
}

#[test]
fn the_power_goes_anywhere_in_the_middle_of_writing() {
    sweep(CrashMode::Torn);
}
