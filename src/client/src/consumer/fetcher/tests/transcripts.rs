//! What is asked of whom, one situation for each test.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use kt_protocol::ErrorCode;
use kt_protocol::codec::Records;
use kt_protocol::messages::fetch_response::{
    FetchableTopicResponse, LeaderIdAndEpoch, PartitionData,
};
use kt_protocol::messages::list_offsets_response::{
    ListOffsetsPartitionResponse, ListOffsetsTopicResponse,
};
use kt_protocol::messages::offset_for_leader_epoch_response::{
    EpochEndOffset, OffsetForLeaderTopicResult,
};
use kt_protocol::messages::{FetchResponse, ListOffsetsResponse, OffsetForLeaderEpochResponse};
use kt_protocol::records::{BatchBuilder, NewRecord};
use kt_protocol::types::{
    LeaderEpoch, Millis, NodeId, Now, Offset, Timestamp, TopicPartition, Uuid,
};

use crate::backoff::BackoffRange;
use crate::consumer::config::{ConsumerConfig, OffsetReset, PartitionEnds};
use crate::consumer::fetcher::{
    CheckedFetch, Effect, Fetcher, Position, RequestId, Settings, Start,
};
use crate::consumer::offset_store::Continuity;
use crate::consumer::records::CrcCheck;
use crate::error::Error;
use crate::metadata::{Broker, Metadata, Partition, Topic};

/// A fetcher, the time, and the number of the last request.
struct Desk {
    fetcher: Fetcher,
    now: u64,
    last: RequestId,
}

fn orders(index: i32) -> TopicPartition {
    TopicPartition::new("orders", index)
}

/// Brokers 1 and 2; the leader and epoch of each partition of `orders`.
fn cluster(leaders: &[(i32, i32)]) -> Arc<Metadata> {
    let brokers = [1, 2].map(|id| {
        let id = NodeId(id);
        (id, Broker { id, host: "host".to_owned(), port: 9092, rack: None })
    });
    let partitions = leaders.iter().zip(0..).map(|((leader, epoch), index)| Partition {
        index,
        leader: Some(NodeId(*leader)),
        leader_epoch: LeaderEpoch(*epoch),
        ..Default::default()
    });
    let (name, partitions) = ("orders".to_owned(), partitions.collect());
    let topic = Topic { name: name.clone(), id: Uuid([7; 16]), is_internal: false, partitions };
    Arc::new(Metadata {
        brokers: BTreeMap::from(brokers),
        topics: BTreeMap::from([(name, topic)]),
        ..Default::default()
    })
}

impl Desk {
    fn new(config: ConsumerConfig, leaders: &[(i32, i32)]) -> Desk {
        let settings = Settings {
            consumer: config,
            backoff: BackoffRange {
                first: Duration::from_millis(100),
                max: Duration::from_secs(1),
            },
            metadata_max_age: Duration::from_secs(300),
            error_after: Duration::from_secs(60),
        };
        let metadata = if leaders.is_empty() { Arc::default() } else { cluster(leaders) };
        Desk { fetcher: Fetcher::new(settings, metadata, 1), now: 0, last: RequestId(0) }
    }

    fn reading(offsets: &[i64]) -> Desk {
        let leaders: Vec<(i32, i32)> = offsets.iter().map(|_| (1, 3)).collect();
        let mut desk = Desk::new(ConsumerConfig::default(), &leaders);
        let starts = offsets.iter().zip(0..);
        desk.fetcher.assign(starts.map(|(it, index)| (orders(index), Start::from(Offset(*it)))));
        desk
    }

    fn now(&self) -> Now {
        Now { monotonic: Millis(self.now), wall: Timestamp(1_000_000_000) }
    }

    fn after(&mut self, millis: u64) -> String {
        self.now += millis;
        self.asks()
    }

    fn asks(&mut self) -> String {
        let mut effects = Vec::new();
        self.fetcher.poll(self.now(), &mut effects);
        let mut text = String::new();
        for effect in &effects {
            match effect {
                Effect::Fetch { id, .. }
                | Effect::ListOffsets { id, .. }
                | Effect::OffsetForLeaderEpoch { id, .. } => self.last = *id,
                Effect::RefreshMetadata { .. } => {}
            }
            writeln!(text, "{}", show(effect)).unwrap();
        }
        if text.is_empty() { "nothing".to_owned() } else { text }
    }

    fn fetched(&mut self, session_id: i32, partitions: Vec<PartitionData>) {
        let topic_id = Uuid([7; 16]);
        let topic = FetchableTopicResponse { topic_id, partitions, ..Default::default() };
        let response = FetchResponse { session_id, responses: vec![topic], ..Default::default() };
        let checked = CheckedFetch::new(response, CrcCheck::On);
        self.fetcher.on_fetch(self.now(), self.last, Ok(checked));
    }

    fn refused(&mut self, code: ErrorCode) {
        let response = FetchResponse { error_code: code.code(), ..Default::default() };
        let checked = CheckedFetch::new(response, CrcCheck::On);
        self.fetcher.on_fetch(self.now(), self.last, Ok(checked));
    }

    fn no_answer(&mut self) {
        let (operation, reason) = ("Fetch".to_owned(), "gone".to_owned());
        let gone = Error::Disconnected { operation, reason };
        self.fetcher.on_fetch(self.now(), self.last, Err(gone));
    }

    fn metadata(&mut self, metadata: Arc<Metadata>) {
        self.fetcher.on_metadata(self.now(), Ok((metadata, BTreeMap::new())));
    }

    fn no_topic(&mut self) {
        let errors = BTreeMap::from([("orders".to_owned(), ErrorCode::UnknownTopicOrPartition)]);
        self.fetcher.on_metadata(self.now(), Ok((Arc::default(), errors)));
    }

    fn listed(&mut self, offset: i64) {
        let partition = ListOffsetsPartitionResponse { offset, ..Default::default() };
        let (name, partitions) = ("orders".to_owned(), vec![partition]);
        let topics = vec![ListOffsetsTopicResponse { name, partitions }];
        let response = ListOffsetsResponse { topics, ..Default::default() };
        self.fetcher.on_list_offsets(self.now(), self.last, Ok(response));
    }

    fn epoch_ends(&mut self, leader_epoch: i32, end_offset: i64) {
        let partition = EpochEndOffset { leader_epoch, end_offset, ..Default::default() };
        let (topic, partitions) = ("orders".to_owned(), vec![partition]);
        let topics = vec![OffsetForLeaderTopicResult { topic, partitions }];
        let response = OffsetForLeaderEpochResponse { topics, ..Default::default() };
        self.fetcher.on_epochs(self.now(), self.last, Ok(response));
    }

    fn gives(&mut self, max: usize) -> String {
        match self.fetcher.give(max) {
            Err(error) => format!("error: {error}"),
            Ok(given) => {
                let mut text = String::new();
                for it in &given.records {
                    let (from, next) = (it.position(), it.next_offset());
                    write!(text, "{}@{from}..{next} ", it.partition()).unwrap();
                }
                for it in &given.ends {
                    write!(text, "{} read to {} of {} ", it.partition, it.position, it.end)
                        .unwrap();
                }
                if text.is_empty() { "nothing".to_owned() } else { text.trim_end().to_owned() }
            }
        }
    }
}

fn show(effect: &Effect) -> String {
    match effect {
        Effect::RefreshMetadata { topics } => format!("metadata of {}", topics.join(", ")),
        Effect::ListOffsets { node, request, .. } => {
            let mut text = format!("list offsets of {node}:");
            for topic in &request.topics {
                for it in &topic.partitions {
                    write!(text, " {}-{} at {}", topic.name, it.partition_index, it.timestamp)
                        .unwrap();
                }
            }
            text
        }
        Effect::OffsetForLeaderEpoch { node, request, .. } => {
            let mut text = format!("epoch ends of {node}:");
            for topic in &request.topics {
                for it in &topic.partitions {
                    let (own, leaders) = (it.leader_epoch, it.current_leader_epoch);
                    write!(
                        text,
                        " {}-{} epoch {own} (leader's {leaders})",
                        topic.topic, it.partition
                    )
                    .unwrap();
                }
            }
            text
        }
        Effect::Fetch { node, request, .. } => {
            let (session, epoch) = (request.session_id, request.session_epoch);
            let (wait, bytes) = (request.max_wait_ms, request.max_bytes >> 10);
            let mut text =
                format!("fetch from {node}, session {session}/{epoch}, {wait} ms, {bytes} KiB:");
            for topic in &request.topics {
                for it in &topic.partitions {
                    let (index, offset) = (it.partition, it.fetch_offset);
                    let epoch = it.current_leader_epoch;
                    write!(text, " {}-{index}@{offset}/{epoch}", topic.topic).unwrap();
                }
            }
            for topic in &request.forgotten_topics_data {
                for index in &topic.partitions {
                    write!(text, " forget {}-{index}", topic.topic).unwrap();
                }
            }
            text
        }
    }
}

/// Records `from..until` of epoch 3, in batches of ten.
fn records(index: i32, from: i64, until: i64) -> PartitionData {
    let mut bytes = Vec::new();
    let mut at = from;
    while at < until {
        let epoch = LeaderEpoch(3);
        let mut batch = BatchBuilder::new().base_offset(Offset(at)).leader_epoch(epoch);
        for _ in at..until.min(at + 10) {
            batch.append(NewRecord { value: Some(b"hello"), ..Default::default() }).unwrap();
        }
        bytes.extend_from_slice(&batch.build());
        at += 10;
    }
    PartitionData {
        partition_index: index,
        high_watermark: until,
        records: Some(Records::Bytes(bytes.into())),
        ..Default::default()
    }
}

fn none(index: i32, high_watermark: i64) -> PartitionData {
    PartitionData { partition_index: index, high_watermark, ..Default::default() }
}

fn code(index: i32, code: ErrorCode) -> PartitionData {
    let high_watermark = -1;
    PartitionData {
        partition_index: index,
        error_code: code.code(),
        high_watermark,
        ..Default::default()
    }
}

#[test]
fn reading_begins_with_metadata_then_offsets_then_a_session() {
    let mut desk = Desk::new(ConsumerConfig::default(), &[]);
    desk.fetcher.assign([(orders(0), Start::Reset)]);
    insta::assert_snapshot!(desk.asks(), @"metadata of orders");
    desk.metadata(cluster(&[(2, 3)]));
    insta::assert_snapshot!(desk.asks(), @"list offsets of 2: orders-0 at -1");
    desk.listed(40);
    insta::assert_snapshot!(desk.asks(), @"fetch from 2, session 0/0, 500 ms, 4096 KiB: orders-0@40/3");
    assert_eq!(desk.asks(), "nothing");
    desk.fetched(77, vec![none(0, 40)]);
    // Nothing is said twice within a session.
    insta::assert_snapshot!(desk.asks(), @"fetch from 2, session 77/1, 500 ms, 4096 KiB:");
    desk.fetched(77, vec![records(0, 40, 60)]);
    insta::assert_snapshot!(desk.asks(), @"fetch from 2, session 77/2, 500 ms, 4096 KiB: orders-0@60/3");
    assert_eq!(desk.gives(5), "orders-0@40..45");
    assert_eq!(desk.gives(500), "orders-0@45..60");
    assert_eq!(desk.fetcher.lag(&orders(0)), Some(0));
}

#[test]
fn a_lost_session_is_begun_anew_at_once() {
    let mut desk = Desk::reading(&[0, 0]);
    desk.asks();
    desk.fetched(77, vec![none(0, 0), none(1, 0)]);
    desk.asks();
    desk.refused(ErrorCode::FetchSessionIdNotFound);
    insta::assert_snapshot!(desk.asks(), @"fetch from 1, session 0/0, 500 ms, 8192 KiB: orders-0@0/3 orders-1@0/3");
    desk.fetched(78, vec![none(0, 0), none(1, 0)]);
    desk.asks();
    desk.refused(ErrorCode::InvalidFetchSessionEpoch);
    // The old one is closed by asking for another in its place.
    insta::assert_snapshot!(desk.asks(), @"fetch from 1, session 78/0, 500 ms, 8192 KiB: orders-0@0/3 orders-1@0/3");
    // Twice in a row is not asked again at once.
    desk.refused(ErrorCode::FetchSessionIdNotFound);
    assert_eq!(desk.asks(), "nothing");
    assert!(desk.after(200).starts_with("fetch from 1, session 0/0"));
}

#[test]
fn after_an_answer_that_did_not_come_all_is_said_again() {
    let mut desk = Desk::reading(&[0, 0]);
    desk.asks();
    desk.fetched(77, vec![none(0, 0), none(1, 0)]);
    assert!(desk.fetcher.pause(&orders(1)));
    insta::assert_snapshot!(desk.asks(), @"fetch from 1, session 77/1, 500 ms, 4096 KiB: forget orders-1");
    // Whether the broker heard that orders-1 is forgotten is not known.
    desk.no_answer();
    desk.metadata(cluster(&[(1, 3), (1, 3)]));
    insta::assert_snapshot!(desk.after(150), @"
    fetch from 1, session 77/0, 500 ms, 4096 KiB: orders-0@0/3
    metadata of orders
    ");
    desk.fetched(79, vec![none(0, 0)]);
    insta::assert_snapshot!(desk.asks(), @"fetch from 1, session 79/1, 500 ms, 4096 KiB:");
}

#[test]
fn a_new_leader_is_followed_and_the_log_validated() {
    let mut desk = Desk::reading(&[0]);
    desk.asks();
    desk.fetched(77, vec![records(0, 0, 10)]);
    desk.asks();
    let mut moved = code(0, ErrorCode::NotLeaderOrFollower);
    moved.current_leader = LeaderIdAndEpoch { leader_id: 2, leader_epoch: 4 };
    desk.fetched(77, vec![moved]);
    // What it hinted at is asked without waiting for metadata.
    insta::assert_snapshot!(desk.asks(), @r"
    epoch ends of 2: orders-0 epoch 3 (leader's 4)
    metadata of orders
    ");
    // Until it answers, what was fetched may be gone.
    assert_eq!(desk.gives(500), "nothing");
    desk.epoch_ends(3, 10);
    assert_eq!(desk.gives(500), "orders-0@0..10");
    insta::assert_snapshot!(desk.asks(), @"fetch from 2, session 0/0, 500 ms, 4096 KiB: orders-0@10/4");
    // Old metadata do not lead back.
    desk.metadata(cluster(&[(1, 3)]));
    assert_eq!(desk.asks(), "nothing");
}

#[test]
fn a_truncated_log_is_read_on_from_where_it_diverges_or_is_an_error() {
    let begin = |offset_reset| {
        let config = ConsumerConfig { offset_reset, ..ConsumerConfig::default() };
        let mut desk = Desk::new(config, &[(2, 5)]);
        let position = Position { offset: Offset(10), leader_epoch: Some(LeaderEpoch(3)) };
        desk.fetcher.assign([(orders(0), Start::Position(position))]);
        assert_eq!(desk.asks(), "epoch ends of 2: orders-0 epoch 3 (leader's 5)\n");
        desk.epoch_ends(3, 7);
        desk
    };
    let mut desk = begin(OffsetReset::Earliest);
    insta::assert_snapshot!(desk.asks(), @"fetch from 2, session 0/0, 500 ms, 4096 KiB: orders-0@7/5");
    let mut desk = begin(OffsetReset::None);
    assert_eq!(desk.asks(), "nothing");
    insta::assert_snapshot!(desk.gives(1), @r#"error: the log of partition 0 of topic "orders" was truncated: 10 was read up to, it differs from 7 on"#);
    // Once said it waits for the caller.
    assert_eq!(desk.gives(1), "nothing");
    assert_eq!(desk.fetcher.failed().collect::<Vec<_>>(), [&orders(0)]);
    desk.fetcher.seek(&orders(0), Start::from(Offset(7)));
    assert!(desk.asks().ends_with("orders-0@7/5\n"));
}

#[test]
fn an_offset_out_of_range_is_reset_or_an_error() {
    let mut desk = Desk::reading(&[100]);
    desk.asks();
    desk.fetched(77, vec![code(0, ErrorCode::OffsetOutOfRange)]);
    insta::assert_snapshot!(desk.asks(), @"list offsets of 1: orders-0 at -1");
    let config = ConsumerConfig { offset_reset: OffsetReset::None, ..ConsumerConfig::default() };
    let mut desk = Desk::new(config, &[(1, 3), (1, 3)]);
    desk.fetcher.assign([(orders(0), Start::from(Offset(100))), (orders(1), Start::Reset)]);
    desk.asks();
    desk.fetched(77, vec![code(0, ErrorCode::OffsetOutOfRange)]);
    insta::assert_snapshot!(desk.gives(1), @r#"error: offset 100 of partition 0 of topic "orders" is out of range and auto.offset.reset is none"#);
    insta::assert_snapshot!(desk.gives(1), @r#"error: partition 1 of topic "orders" has no position to begin at and auto.offset.reset is none"#);
}

#[test]
fn a_duration_becomes_a_time_and_the_end_if_nothing_is_so_young() {
    let offset_reset = OffsetReset::ByDuration(Duration::from_secs(60));
    let config = ConsumerConfig { offset_reset, ..ConsumerConfig::default() };
    let mut desk = Desk::new(config, &[(1, 3)]);
    desk.fetcher.assign([(orders(0), Start::Reset)]);
    insta::assert_snapshot!(desk.asks(), @"list offsets of 1: orders-0 at 999940000");
    desk.listed(-1);
    insta::assert_snapshot!(desk.asks(), @"list offsets of 1: orders-0 at -1");
}

#[test]
fn a_follower_that_the_leader_names_is_read_while_that_holds() {
    let mut desk = Desk::reading(&[5]);
    desk.asks();
    desk.fetched(77, vec![PartitionData { preferred_read_replica: 2, ..none(0, 9) }]);
    insta::assert_snapshot!(desk.asks(), @"fetch from 2, session 0/0, 500 ms, 4096 KiB: orders-0@5/-1");
    // It is behind: the leader knows better.
    desk.fetched(55, vec![code(0, ErrorCode::OffsetOutOfRange)]);
    insta::assert_snapshot!(desk.asks(), @"fetch from 1, session 77/1, 500 ms, 4096 KiB:");
    desk.fetched(77, vec![PartitionData { preferred_read_replica: 2, ..none(0, 9) }]);
    assert!(desk.asks().starts_with("fetch from 2"));
    desk.fetched(55, vec![none(0, 9)]);
    // As long as metadata are good.
    assert!(desk.after(300_000).starts_with("fetch from 1"));
    desk.fetcher.read_from(&orders(0), Some(NodeId(2)));
    desk.fetched(77, vec![]);
    assert!(desk.asks().starts_with("fetch from 2"));
}

#[test]
fn a_partition_with_enough_does_not_wait_for_one_with_nothing() {
    let mut desk = Desk::reading(&[0, 0]);
    desk.asks();
    desk.fetched(77, vec![records(0, 0, 10), none(1, 0)]);
    desk.asks();
    desk.fetched(77, vec![records(0, 10, 20)]);
    // Two answers of the one wait. The other one alone would keep the broker for 500 ms.
    assert_eq!(desk.asks(), "nothing");
    assert_eq!(desk.fetcher.next_deadline(), Some(Millis(20)));
    insta::assert_snapshot!(desk.after(20), @"fetch from 1, session 77/2, 20 ms, 4096 KiB: forget orders-0");
    assert_eq!(desk.gives(10), "orders-0@0..10");
    desk.fetched(77, vec![]);
    insta::assert_snapshot!(desk.asks(), @"fetch from 1, session 77/3, 500 ms, 8192 KiB: orders-0@20/3");
}

#[test]
fn what_waits_is_bounded_and_paused_ones_make_room() {
    let config = ConsumerConfig {
        partition_fetch_bytes_max: 1024,
        queued_bytes_max: Some(2048),
        ..ConsumerConfig::default()
    };
    let mut desk = Desk::new(config, &[(1, 3), (2, 3)]);
    desk.fetcher.assign([(orders(0), Start::from(Offset(0)))]);
    desk.asks();
    desk.fetched(77, vec![records(0, 0, 100)]);
    assert_eq!(desk.fetcher.counts().queued_bytes, 1810);
    // 238 bytes are free, and a request may bring 1024.
    desk.fetcher.assign([(orders(1), Start::from(Offset(0)))]);
    assert_eq!(desk.asks(), "nothing");
    desk.fetcher.pause(&orders(0));
    assert_eq!(desk.asks(), "nothing");
    assert_eq!(desk.fetcher.counts().dropped_bytes, 1810);
    insta::assert_snapshot!(desk.asks(), @"fetch from 2, session 0/0, 500 ms, 1 KiB: orders-1@0/3");
    // What was dropped is fetched again: the session has its offset still.
    desk.fetched(55, vec![none(1, 0)]);
    desk.fetcher.resume(&orders(0));
    insta::assert_snapshot!(desk.asks(), @r"
    fetch from 1, session 77/1, 500 ms, 1 KiB:
    fetch from 2, session 55/1, 500 ms, 1 KiB:
    ");
}

#[test]
fn partitions_take_turns() {
    let mut desk = Desk::reading(&[0, 0]);
    desk.asks();
    desk.fetched(77, vec![records(0, 0, 20), records(1, 0, 20)]);
    desk.asks();
    desk.fetched(77, vec![records(0, 20, 40), records(1, 20, 40)]);
    assert_eq!(desk.gives(15), "orders-0@0..15");
    assert_eq!(desk.gives(10), "orders-0@15..20 orders-1@0..5");
    desk.fetcher.pause(&orders(1));
    assert_eq!(desk.gives(10), "orders-0@20..30");
    desk.fetcher.resume(&orders(1));
    assert_eq!(desk.gives(100), "orders-1@5..20 orders-0@30..40 orders-1@20..40");
    // Who was served longest ago comes first in the next request.
    assert!(desk.asks().ends_with("orders-0@40/3 orders-1@40/3\n"));
}

#[test]
fn a_topic_that_is_gone_is_an_error_and_one_that_is_new_is_waited_for() {
    let mut desk = Desk::new(ConsumerConfig::default(), &[]);
    desk.fetcher.assign([(orders(0), Start::Earliest)]);
    desk.asks();
    desk.no_topic();
    assert_eq!(desk.gives(1), "nothing");
    insta::assert_snapshot!(desk.after(200), @"metadata of orders");
    desk.no_topic();
    insta::assert_snapshot!(desk.gives(1), @r#"error: topic "orders" does not exist"#);
}

#[test]
fn another_topic_of_the_same_name_is_read_from_its_beginning() {
    let mut desk = Desk::reading(&[50]);
    desk.asks();
    desk.fetched(77, vec![code(0, ErrorCode::UnknownTopicId)]);
    insta::assert_snapshot!(desk.asks(), @"metadata of orders");
    let mut metadata = Metadata::clone(&cluster(&[(1, 0)]));
    metadata.topics.get_mut("orders").unwrap().id = Uuid([8; 16]);
    desk.metadata(Arc::new(metadata));
    insta::assert_snapshot!(desk.after(200), @"list offsets of 1: orders-0 at -2");
    desk.listed(0);
    insta::assert_snapshot!(desk.asks(), @"fetch from 1, session 77/1, 500 ms, 4096 KiB: orders-0@0/0 forget orders-0");
}

#[test]
fn damage_is_an_error_behind_what_is_good() {
    let mut desk = Desk::reading(&[0]);
    desk.asks();
    let mut damaged = records(0, 0, 20);
    let Some(Records::Bytes(bytes)) = &damaged.records else { unreachable!() };
    let mut bytes = bytes.to_vec();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    damaged.records = Some(Records::Bytes(bytes.clone().into()));
    desk.fetched(77, vec![damaged.clone()]);
    desk.asks();
    damaged.records = Some(Records::Bytes(bytes.split_off(bytes.len() / 2).into()));
    desk.fetched(77, vec![damaged]);
    assert_eq!(desk.gives(100), "orders-0@0..10");
    insta::assert_snapshot!(desk.gives(100), @"error: Fetch: orders-0 at offset 10: the batch that ends at offset 19 is damaged: its checksum does not hold");
}

#[test]
fn ends_are_told_once_for_each_place() {
    let config = ConsumerConfig { partition_ends: PartitionEnds::Told, ..Default::default() };
    let mut desk = Desk::new(config, &[(1, 3)]);
    desk.fetcher.assign([(orders(0), Start::from(Offset(5)))]);
    desk.asks();
    desk.fetched(77, vec![none(0, 9)]);
    assert_eq!(desk.gives(1), "orders-0 read to 5 of 9");
    desk.asks();
    desk.fetched(77, vec![]);
    assert_eq!(desk.gives(1), "nothing");
    desk.asks();
    desk.fetched(77, vec![records(0, 9, 12)]);
    desk.asks();
    desk.fetched(77, vec![]);
    assert_eq!(desk.gives(9), "orders-0@5..12 orders-0 read to 12 of 12");
}

#[test]
fn nothing_but_errors_is_reported_after_a_while_and_tried_on() {
    let mut desk = Desk::reading(&[0]);
    desk.asks();
    let mut tries = 0;
    while desk.gives(1) == "nothing" {
        desk.no_answer();
        desk.after(1_300);
        tries += 1;
    }
    assert!((40..60).contains(&tries), "{tries}");
    assert!(desk.now < 65_000);
    desk.metadata(cluster(&[(1, 3)]));
    desk.fetched(77, vec![records(0, 0, 10)]);
    assert_eq!(desk.gives(100), "orders-0@0..10");
}

#[test]
fn a_stored_position_that_the_log_does_not_go_on_at_is_an_error_with_both_offsets() {
    let begin = |offset: i64, continuity| {
        let mut desk = Desk::new(ConsumerConfig::default(), &[(1, 3)]);
        let stored = Start::Stored(Position::from(Offset(offset)), continuity);
        desk.fetcher.assign([(orders(0), stored)]);
        desk.asks();
        desk
    };
    // In the middle of a batch: what is missing was compacted out of it, or is a marker.
    let mut desk = begin(5, Continuity::Whole);
    desk.fetched(77, vec![records(0, 0, 20)]);
    assert_eq!(desk.gives(100), "orders-0@5..20");
    // Whole batches are missing.
    let mut desk = begin(5, Continuity::Whole);
    desk.fetched(77, vec![records(0, 10, 20)]);
    insta::assert_snapshot!(desk.gives(100), @r#"error: partition 0 of topic "orders" goes on at offset 10, the stored position is 5: the records in between are gone"#);
    assert_eq!(desk.gives(100), "nothing");
    let mut desk = begin(5, Continuity::Compacted);
    desk.fetched(77, vec![records(0, 10, 20)]);
    assert_eq!(desk.gives(100), "orders-0@5..20");
    // Retention took it; the policy would go on elsewhere without a word.
    let mut desk = begin(5, Continuity::Compacted);
    desk.fetched(77, vec![code(0, ErrorCode::OffsetOutOfRange)]);
    insta::assert_snapshot!(desk.asks(), @"list offsets of 1: orders-0 at -2");
    desk.listed(10);
    insta::assert_snapshot!(desk.gives(100), @r#"error: partition 0 of topic "orders" goes on at offset 10, the stored position is 5: the records in between are gone"#);
    // The log is shorter than the store knew it.
    let mut desk = begin(50, Continuity::Whole);
    desk.fetched(77, vec![code(0, ErrorCode::OffsetOutOfRange)]);
    desk.asks();
    desk.listed(0);
    insta::assert_snapshot!(desk.gives(100), @r#"error: the log of partition 0 of topic "orders" was truncated: 50 was read up to, it knows nothing of what was read last"#);
}

/// A caller reads from a chosen replica, which has less than was read elsewhere.
#[test]
fn a_replica_that_is_behind_is_waited_for() {
    let mut desk = Desk::reading(&[100]);
    assert!(desk.fetcher.read_from(&orders(0), Some(NodeId(2))));
    insta::assert_snapshot!(desk.asks(), @"fetch from 2, session 0/0, 500 ms, 4096 KiB: orders-0@100/-1");
    desk.fetched(77, vec![code(0, ErrorCode::OffsetOutOfRange)]);
    insta::assert_snapshot!(desk.asks(), @"list offsets of 1: orders-0 at -2");
    desk.listed(0);
    assert_eq!(desk.asks(), "nothing");
    insta::assert_snapshot!(desk.after(200), @"fetch from 2, session 77/1, 500 ms, 4096 KiB:");
    desk.fetched(77, vec![code(0, ErrorCode::OffsetOutOfRange)]);
    desk.asks();
    // The leader does not have it any more either.
    desk.listed(120);
    insta::assert_snapshot!(desk.asks(), @"list offsets of 1: orders-0 at -1");
}

#[test]
fn a_reader_that_is_slower_than_retention_hears_of_no_silence() {
    let mut desk = Desk::reading(&[0]);
    desk.asks();
    desk.fetched(77, vec![records(0, 0, 10)]);
    desk.asks();
    for _ in 0..100 {
        desk.fetched(77, vec![code(0, ErrorCode::OffsetOutOfRange)]);
        desk.after(2_000);
    }
    assert_eq!(desk.gives(10), "orders-0@0..10");
    assert_eq!(desk.gives(10), "nothing");
}

#[test]
fn metadata_that_are_old_and_refused_are_not_asked_for_at_once() {
    let mut desk = Desk::reading(&[0]);
    desk.asks();
    insta::assert_snapshot!(desk.after(300_000), @"metadata of orders");
    let refused = Error::Refused("another cluster".to_owned());
    desk.fetcher.on_metadata(desk.now(), Err(refused));
    assert_eq!(desk.asks(), "nothing");
    assert!(desk.fetcher.next_deadline().is_some_and(|at| Millis(desk.now) < at));
    insta::assert_snapshot!(desk.after(2_000), @"metadata of orders");
}

#[test]
fn a_broker_that_has_not_heard_of_the_new_topic_is_not_believed() {
    let mut desk = Desk::reading(&[50]);
    desk.asks();
    let mut made_again = Metadata::clone(&cluster(&[(1, 0)]));
    made_again.topics.get_mut("orders").unwrap().id = Uuid([8; 16]);
    let made_again = Arc::new(made_again);
    desk.metadata(Arc::clone(&made_again));
    insta::assert_snapshot!(desk.asks(), @"list offsets of 1: orders-0 at -2");
    desk.listed(3);
    assert_eq!(desk.fetcher.position(&orders(0)), Some(Position::from(Offset(3))));
    desk.metadata(cluster(&[(1, 3)]));
    desk.metadata(made_again);
    desk.asks();
    assert_eq!(desk.fetcher.position(&orders(0)), Some(Position::from(Offset(3))));
}
