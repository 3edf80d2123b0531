//! `kt groups`: what each command prints in every format, and how it ends.

mod beside_apache_kafka;
mod check;
mod delete;
mod describe;
mod list;
mod offsets;
mod reset;

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::support::Operator;
use crate::support::client::{self, SOON};
use crate::support::scenario::Scenario;

/// Of each command.
pub(crate) const SCENARIOS: [&[Scenario]; 6] = [
    list::SCENARIOS,
    describe::SCENARIOS,
    offsets::SCENARIOS,
    reset::SCENARIOS,
    delete::SCENARIOS,
    check::SCENARIOS,
];

/// Two topics, five records, and a group without members that has read three of them.
fn set_up(operator: &Operator) {
    operator.ok("topics create orders --partitions 2");
    operator.ok("topics create pay");
    operator.produce("orders", 0, "a\nb\n");
    operator.produce("orders", 1, "c\nd\ne\n");
    commit(operator, "app", &[("orders", 0, 2), ("orders", 1, 1)]);
}

/// Commits as a client does that is no member.
pub(crate) fn commit(operator: &Operator, group: &str, offsets: &[(&str, i32, i64)]) {
    let address = operator.address();
    let consumer: BaseConsumer =
        client::config(address, &[("group.id", group)]).create().expect("right");
    let mut list = TopicPartitionList::new();
    for (topic, partition, offset) in offsets {
        let offset = Offset::Offset(*offset);
        list.add_partition_offset(topic, *partition, offset).expect("the offset is right");
    }
    // A broker that makes the coordinator's topic for it says at first that it is another's.
    let deadline = Instant::now() + SOON;
    while let Err(error) = consumer.commit(&list, CommitMode::Sync) {
        let is_early = error.rdkafka_error_code() == Some(RDKafkaErrorCode::NotCoordinator);
        assert!(is_early && Instant::now() < deadline, "{error}");
    }
}

/// A member that has its partitions, with `pairs` set.
fn member(
    operator: &Operator,
    group: &str,
    topics: &[&str],
    pairs: &[(&str, &str)],
) -> BaseConsumer {
    let address = operator.address();
    let mut all = vec![
        ("group.id", group),
        ("enable.auto.commit", "false"),
        ("auto.offset.reset", "earliest"),
        ("client.id", "reader"),
    ];
    all.extend(pairs);
    let consumer: BaseConsumer = client::config(address, &all).create().expect("right");
    consumer.subscribe(topics).expect("it subscribes");
    let deadline = Instant::now() + SOON;
    while consumer.assignment().expect("an assignment").count() == 0 {
        assert!(Instant::now() < deadline, "the member gets no partitions");
        consumer.poll(Duration::from_millis(100));
    }
    consumer
}

/// Ages and ids of members differ from run to run.
fn steady(text: &str) -> String {
    let ids = regex::Regex::new(r"[\w.-]+-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}");
    let text = ids.expect("a pattern").replace_all(text, "MEMBER").into_owned();
    let ages = regex::Regex::new(r#"("time_lag_ms":|time_lag_ms: )\d+"#).expect("a pattern");
    ages.replace_all(&text, "${1}AGE").into_owned()
}

/// A static member does not leave when it ends: it must be forgotten soon.
const STATIC: [(&str, &str); 2] = [("group.instance.id", "node-1"), ("session.timeout.ms", "6000")];
