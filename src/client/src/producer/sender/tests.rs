//! What is sent when, in which requests, and what is told.

use std::fmt::Write;
use std::time::Duration;

use kt_protocol::messages::metadata_response::{MetadataResponsePartition, MetadataResponseTopic};
use kt_protocol::messages::produce_response::{PartitionProduceResponse, TopicProduceResponse};
use kt_protocol::messages::{InitProducerIdResponse, MetadataResponse, ProduceResponse};
use kt_protocol::records::{BatchView, NewRecord};
use kt_protocol::types::{Millis, NodeId, Timestamp, Uuid};
use kt_protocol::{ErrorCode, codec::Records};

use super::{Effect, Error, Found, RequestId, Sender, Surroundings};
use crate::backoff::BackoffRange;
use crate::metadata::Metadata;
use crate::producer::{Acks, Idempotence, ProducerConfig, ProducerRecord, Rejected};

/// A machine that knows topic "orders" with a partition at each leader; `None` leads nowhere.
struct Scene {
    sender: Sender,
    now: Millis,
    effects: Vec<Effect>,
}

fn metadata(leaders: &[i32], epoch: i32) -> Metadata {
    metadata_of("orders", Uuid([1; 16]), leaders, epoch)
}

fn metadata_of(name: &str, topic_id: Uuid, leaders: &[i32], epoch: i32) -> Metadata {
    let partitions = leaders.iter().zip(0..).map(|(leader, index)| MetadataResponsePartition {
        partition_index: index,
        leader_id: *leader,
        leader_epoch: epoch,
        ..Default::default()
    });
    let topic = MetadataResponseTopic {
        name: Some(name.to_owned()),
        topic_id,
        partitions: partitions.collect(),
        ..Default::default()
    };
    let mut metadata = Metadata::default();
    metadata.apply(MetadataResponse { topics: vec![topic], ..Default::default() }, true);
    metadata
}

impl Scene {
    fn new(leaders: &[i32], config: &ProducerConfig) -> Scene {
        let around = Surroundings {
            backoff: BackoffRange {
                first: Duration::from_millis(100),
                max: Duration::from_secs(1),
            },
            request_timeout_ms: 30_000,
            metadata_max_age_ms: 300_000,
            seed: 1,
        };
        let mut sender = Sender::new(config, around);
        let mut effects = Vec::new();
        sender.add_topic(Millis(0), &metadata(leaders, 1).topics["orders"], &mut effects);
        Scene { sender, now: Millis(0), effects }
    }

    fn finds(&mut self, metadata: &Metadata, errors: &[(&str, ErrorCode)]) -> String {
        let errors = errors.iter().map(|(topic, code)| ((*topic).to_owned(), *code)).collect();
        let found = Found { metadata, errors: &errors };
        self.sender.on_topics(self.now, Ok(found), &mut self.effects);
        self.told()
    }

    /// A record without a key or a partition.
    fn append_anywhere(&mut self, bytes: usize) -> Result<bool, Rejected> {
        let value = vec![0; bytes];
        let record = NewRecord { value: Some(&value), ..NewRecord::default() };
        let record = ProducerRecord { topic: "orders", partition: None, record, tag: 0 };
        self.sender.append(|| self.now, &record)
    }

    /// To whom records without a key go while all brokers answer.
    fn spread(&mut self, count: usize) -> Vec<NodeId> {
        let (mut nodes, mut sent) = (Vec::new(), Vec::new());
        for _ in 0..count {
            self.append_anywhere(200).unwrap();
            self.sender.begin_flush(self.now);
            self.sender.poll(self.now, &mut self.effects);
            self.sender.end_flush();
            for effect in self.effects.drain(..) {
                let Effect::Produce(produce) = effect else { continue };
                nodes.push(produce.node);
                sent.push(produce.id);
            }
            for RequestId(id) in sent.drain(..) {
                self.answer(id, &[0, 1, 2].map(|it| (it, ErrorCode::None, 0)));
            }
        }
        nodes.sort_unstable();
        nodes.dedup();
        nodes
    }

    fn refuses(&mut self, id: u64) {
        let error = Error::Unreachable { node: None, reason: "it refuses connections".to_owned() };
        self.sender.on_answer(self.now, RequestId(id), Err(error), &mut self.effects);
        self.told();
    }

    fn append(&mut self, partition: i32, tag: u64, bytes: usize) -> Result<bool, Rejected> {
        let value = vec![0; bytes];
        let record = NewRecord { value: Some(&value), ..NewRecord::default() };
        let partition = Some(partition);
        let record = ProducerRecord { topic: "orders", partition, record, tag };
        self.sender.append(|| self.now, &record)
    }

    fn at(&mut self, now: u64) -> String {
        self.now = Millis(now);
        self.sender.poll(self.now, &mut self.effects);
        self.told()
    }

    /// The effects, a line each.
    fn told(&mut self) -> String {
        let mut text = String::new();
        for effect in self.effects.drain(..) {
            match effect {
                Effect::InitProducerId(_) => text.push_str("identify\n"),
                Effect::FindTopics(topics) => writeln!(text, "find {}", topics.join(",")).unwrap(),
                Effect::Retrying { .. } => {}
                Effect::Deliver(it) => {
                    let outcome = match it.outcome {
                        Ok(delivered) => format!("at {:?}", delivered.base_offset.map(|it| it.0)),
                        Err(error) => error.to_string(),
                    };
                    let partition = it.partition.partition;
                    writeln!(text, "{:?} of {partition}: {outcome}", it.tags).unwrap();
                }
                Effect::Produce(produce) => {
                    write!(text, "{} to {}:", produce.id.0, produce.node).unwrap();
                    for data in &produce.request(9).topic_data[0].partition_data {
                        let Some(Records::Bytes(bytes)) = &data.records else { panic!() };
                        let view = BatchView::only_of(bytes).unwrap();
                        let (count, epoch) = (view.records_count(), view.producer_epoch());
                        let sequence = view.base_sequence();
                        write!(text, " {}={count}@{epoch}.{sequence}", data.index).unwrap();
                    }
                    text.push('\n');
                }
            }
        }
        text
    }

    fn identify(&mut self) {
        let answer = InitProducerIdResponse { producer_id: 7, ..Default::default() };
        self.sender.on_identity(self.now, Ok(answer), &mut self.effects);
    }

    fn answer(&mut self, id: u64, partitions: &[(i32, ErrorCode, i64)]) -> String {
        let partition_responses = partitions.iter().map(|(index, code, base_offset)| {
            let (index, error_code, base_offset) = (*index, code.code(), *base_offset);
            let log_append_time_ms = -1;
            let mut it = PartitionProduceResponse { index, error_code, ..Default::default() };
            (it.base_offset, it.log_append_time_ms) = (base_offset, log_append_time_ms);
            it
        });
        let partition_responses = partition_responses.collect();
        let name = "orders".to_owned();
        let topic = TopicProduceResponse { name, partition_responses, ..Default::default() };
        let response = ProduceResponse { responses: vec![topic], ..Default::default() };
        self.sender.on_answer(self.now, RequestId(id), Ok(Some(response)), &mut self.effects);
        self.told()
    }

    fn lose(&mut self, id: u64) -> String {
        let error =
            Error::Disconnected { operation: "Produce".to_owned(), reason: "it broke".to_owned() };
        self.sender.on_answer(self.now, RequestId(id), Err(error), &mut self.effects);
        self.told()
    }
}

fn config() -> ProducerConfig {
    ProducerConfig { batch_bytes: 200, ..ProducerConfig::default() }
}

fn plain() -> ProducerConfig {
    ProducerConfig { idempotence: Idempotence::Off, acks: Acks::Leader, ..config() }
}

#[test]
fn a_batch_waits_for_more_until_it_is_full_old_or_urgent() {
    let mut scene = Scene::new(&[1, 2], &plain());
    scene.append(0, 1, 10).unwrap();
    assert_eq!(scene.at(4), "");
    assert_eq!(scene.sender.next_deadline(), Some(Millis(5)));
    assert_eq!(scene.at(5), "0 to 1: 0=1@-1.-1\n");
    scene.append(1, 2, 100).unwrap();
    scene.append(1, 3, 100).unwrap();
    assert_eq!(scene.at(5), "1 to 2: 1=1@-1.-1\n", "the second did not fit");
    let flush = scene.sender.begin_flush(scene.now);
    assert_eq!(scene.at(5), "2 to 2: 1=1@-1.-1\n");
    assert!(!scene.sender.has_flushed(flush));
    scene.answer(0, &[(0, ErrorCode::None, 0)]);
    scene.answer(1, &[(1, ErrorCode::None, 0)]);
    scene.answer(2, &[(1, ErrorCode::None, 1)]);
    assert!(scene.sender.has_flushed(flush) && scene.sender.is_idle());
    assert_eq!(scene.sender.metrics().buffer_bytes, 0);
}

#[test]
fn an_idempotent_producer_sends_five_batches_once_the_first_one_stands() {
    let mut scene = Scene::new(&[1], &config());
    for tag in 0..8 {
        scene.append(0, tag, 100).unwrap();
    }
    assert_eq!(scene.at(0), "identify\n");
    scene.identify();
    assert_eq!(scene.at(0), "0 to 1: 0=1@0.0\n", "the broker has to count the epoch first");
    insta::assert_snapshot!(scene.answer(0, &[(0, ErrorCode::None, 40)]), @"[0] of 0: at Some(40)");
    insta::assert_snapshot!(scene.at(0), @r"
    1 to 1: 0=1@0.1
    2 to 1: 0=1@0.2
    3 to 1: 0=1@0.3
    4 to 1: 0=1@0.4
    5 to 1: 0=1@0.5
    ");
    insta::assert_snapshot!(scene.answer(1, &[(0, ErrorCode::None, 41)]), @"[1] of 0: at Some(41)");
    assert_eq!(scene.at(1), "6 to 1: 0=1@0.6\n");
}

#[test]
fn a_gap_begins_an_epoch_and_what_was_behind_it_follows_in_order() {
    let mut scene = Scene::new(&[1], &config());
    for tag in 0..5 {
        scene.append(0, tag, 100).unwrap();
    }
    scene.at(0);
    scene.identify();
    scene.at(0);
    scene.answer(0, &[(0, ErrorCode::None, 0)]);
    scene.at(0);
    // The first of three is refused for good; the leader misses its numbers.
    insta::assert_snapshot!(
        scene.answer(1, &[(0, ErrorCode::InvalidRecord, -1)]),
        @r#"[1] of 0: partition 0 of topic "orders": INVALID_RECORD from Produce"#
    );
    scene.answer(2, &[(0, ErrorCode::OutOfOrderSequenceNumber, -1)]);
    assert_eq!(scene.at(200), "", "there is still one under way");
    scene.answer(3, &[(0, ErrorCode::OutOfOrderSequenceNumber, -1)]);
    assert_eq!(scene.at(1_000), "4 to 1: 0=1@1.0\n");
    scene.answer(4, &[(0, ErrorCode::None, 1)]);
    assert_eq!(scene.at(1_000), "5 to 1: 0=1@1.1\n6 to 1: 0=1@1.2\n");
}

#[test]
fn a_retry_is_the_same_batch_and_goes_to_who_leads_now() {
    let mut scene = Scene::new(&[1], &config());
    scene.append(0, 0, 100).unwrap();
    scene.at(5);
    scene.identify();
    assert_eq!(scene.at(5), "0 to 1: 0=1@0.0\n");
    scene.lose(0);
    assert_eq!(scene.at(6), "find orders\n");
    scene.now = Millis(7);
    scene.finds(&metadata(&[2], 2), &[]);
    assert_eq!(scene.at(7), "1 to 2: 0=1@0.0\n", "another leader need not be waited for");
    insta::assert_snapshot!(
        scene.answer(1, &[(0, ErrorCode::DuplicateSequenceNumber, -1)]),
        @"[0] of 0: at None"
    );
}

#[test]
fn what_takes_too_long_is_reported_with_its_last_error() {
    let config = ProducerConfig { delivery_timeout: Duration::from_secs(3), ..config() };
    let mut scene = Scene::new(&[1, -1], &config);
    scene.append(0, 0, 100).unwrap();
    scene.append(1, 1, 100).unwrap();
    scene.at(5);
    scene.identify();
    insta::assert_snapshot!(scene.at(5), @r"
    find orders
    0 to 1: 0=1@0.0
    ");
    scene.lose(0);
    scene.at(2_999);
    insta::assert_snapshot!(scene.at(3_000), @r#"
    [0] of 0: Produce got no answer within 3 s: Produce: it broke
    [1] of 1: Produce got no answer within 3 s: topic "orders": LEADER_NOT_AVAILABLE from Metadata
    "#);
    assert!(scene.sender.is_idle());
    // Whether the first was written nobody knows.
    scene.append(0, 2, 100).unwrap();
    scene.answer(1, &[]);
    insta::assert_snapshot!(scene.at(3_100), @"2 to 1: 0=1@1.0");
}

#[test]
fn a_batch_that_is_too_large_is_halved_in_its_place() {
    let config = ProducerConfig { batch_bytes: 1_000, ..config() };
    let mut scene = Scene::new(&[1], &config);
    for tag in 0..3 {
        scene.append(0, tag, 100).unwrap();
    }
    scene.at(5);
    scene.identify();
    insta::assert_snapshot!(scene.at(5), @"0 to 1: 0=3@0.0");
    assert_eq!(scene.answer(0, &[(0, ErrorCode::MessageTooLarge, -1)]), "");
    insta::assert_snapshot!(scene.at(5), @"1 to 1: 0=1@0.0");
    scene.answer(1, &[(0, ErrorCode::None, 0)]);
    insta::assert_snapshot!(scene.at(5), @"2 to 1: 0=2@0.1");
    scene.answer(2, &[(0, ErrorCode::RecordListTooLarge, -1)]);
    scene.at(5);
    insta::assert_snapshot!(
        scene.answer(3, &[(0, ErrorCode::MessageTooLarge, -1)]),
        @r#"[1] of 0: partition 0 of topic "orders": MESSAGE_TOO_LARGE from Produce"#
    );
    assert_eq!(scene.sender.metrics().splits, 2);
}

#[test]
fn requests_are_bounded_and_pass_no_partition_over() {
    let config = ProducerConfig { request_bytes_max: 400, in_flight_max: 1, ..plain() };
    let mut scene = Scene::new(&[1, 1, 1], &config);
    for tag in 0..9 {
        scene.append(tag % 3, 0, 100).unwrap();
    }
    let mut told = scene.at(9);
    for id in 0..4 {
        let partitions = [0, 1, 2].map(|it| (it, ErrorCode::None, 0));
        scene.answer(id, &partitions);
        told.push_str(&scene.at(9));
    }
    insta::assert_snapshot!(told, @r"
    0 to 1: 0=1@-1.-1 1=1@-1.-1
    1 to 1: 2=1@-1.-1 0=1@-1.-1
    2 to 1: 1=1@-1.-1 2=1@-1.-1
    3 to 1: 0=1@-1.-1 1=1@-1.-1
    4 to 1: 2=1@-1.-1
    ");
}

#[test]
fn memory_is_bounded_and_what_is_refused_changes_nothing() {
    let config = ProducerConfig { buffer_bytes_max: 800, request_bytes_max: 500, ..plain() };
    let mut scene = Scene::new(&[1], &config);
    insta::assert_snapshot!(
        scene.append(3, 0, 1).unwrap_err(),
        @r#"topic "orders" has no partition 3: it has 1"#
    );
    insta::assert_snapshot!(
        scene.append(0, 0, 501).unwrap_err(),
        @"the record has 501 bytes, 500 are allowed (max.request.size)"
    );
    scene.append(0, 0, 100).unwrap();
    scene.append(0, 1, 100).unwrap();
    insta::assert_snapshot!(
        scene.append(0, 2, 300).unwrap_err(),
        @"490 bytes wait to be delivered, 800 are allowed (buffer.memory)"
    );
    let full = scene.sender.metrics();
    insta::assert_snapshot!(scene.at(0), @r"
    0 to 1: 0=1@-1.-1
    1 to 1: 0=1@-1.-1
    ");
    scene.answer(0, &[(0, ErrorCode::None, 0)]);
    scene.append(0, 2, 300).unwrap();
    assert_eq!((full.records, scene.sender.metrics().records), (2, 3));
    scene.sender.close(scene.now);
    assert_eq!(scene.append(0, 3, 1), Err(Rejected::Closed));
}

#[test]
fn what_is_given_up_gives_its_memory_back_once() {
    let mut scene = Scene::new(&[1, 2], &ProducerConfig::default());
    for tag in 0..4 {
        scene.append(i32::try_from(tag % 2).unwrap(), tag, 100).unwrap();
    }
    scene.sender.abort(&Error::Closed("producer"), &mut scene.effects);
    insta::assert_snapshot!(scene.told(), @"
    [0, 2] of 0: the producer is closed
    [1, 3] of 1: the producer is closed
    ");
    assert_eq!(scene.sender.metrics().buffer_bytes, 0);
}

/// What a record costs beside its bytes counts too, before it is taken.
#[test]
fn no_record_is_taken_that_would_need_more_than_the_memory() {
    for batch_bytes in [1, 300, 16_384] {
        let config = ProducerConfig { buffer_bytes_max: 3_000, batch_bytes, ..plain() };
        let mut scene = Scene::new(&[1], &config);
        let taken = (0..100).take_while(|tag| scene.append(0, *tag, 20).is_ok()).count();
        let bytes = scene.sender.metrics().buffer_bytes;
        assert!((10..100).contains(&taken), "{taken}");
        assert!(2_700 < bytes && bytes <= 3_000, "{bytes}");
    }
}

#[test]
fn a_record_that_would_never_find_room_is_refused() {
    let config = ProducerConfig { buffer_bytes_max: 800, request_bytes_max: 5_000, ..plain() };
    let mut scene = Scene::new(&[1], &config);
    insta::assert_snapshot!(
        scene.append(0, 0, 700).unwrap_err(),
        @"the record takes up to 933 bytes, 800 are allowed for all (buffer.memory)"
    );
}

/// The second half's deltas begin at 0 again, so both may cost less than the whole.
#[test]
fn memory_is_given_back_after_halving() {
    let config = ProducerConfig { batch_bytes: 100_000, ..plain() };
    let mut scene = Scene::new(&[1], &config);
    for tag in 0..3_000 {
        let timestamp = Timestamp(if tag == 0 { 0 } else { 1_700_000_000_000 });
        let record = NewRecord { timestamp, value: Some(b"small"), ..NewRecord::default() };
        let record = ProducerRecord { topic: "orders", partition: Some(0), record, tag };
        scene.sender.append(|| scene.now, &record).unwrap();
    }
    let mut id = 0;
    scene.at(5);
    while !scene.sender.is_idle() {
        let is_first = id == 0;
        let code = if is_first { ErrorCode::MessageTooLarge } else { ErrorCode::None };
        scene.answer(id, &[(0, code, 0)]);
        scene.at(5);
        id += 1;
    }
    assert_eq!(scene.sender.metrics().splits, 1);
    assert_eq!(scene.sender.metrics().buffer_bytes, 0);
}

#[test]
fn a_topic_made_anew_with_fewer_partitions_has_no_others() {
    let mut scene = Scene::new(&[1, 1, 1], &plain());
    scene.append(2, 0, 100).unwrap();
    scene.append(0, 1, 100).unwrap();
    assert_eq!(scene.at(5), "0 to 1: 0=1@-1.-1 2=1@-1.-1\n");
    scene.append(2, 2, 100).unwrap();
    // A broker that is behind does not take partitions away.
    scene.answer(
        0,
        &[(0, ErrorCode::UnknownTopicOrPartition, -1), (2, ErrorCode::UnknownTopicOrPartition, -1)],
    );
    scene.at(6);
    assert_eq!(scene.finds(&metadata(&[1], 1), &[]), "");
    assert_eq!(scene.sender.partitions("orders"), Some(3));
    let anew = metadata_of("orders", Uuid([2; 16]), &[2], 0);
    scene.sender.add_topic(scene.now, &anew.topics["orders"], &mut scene.effects);
    insta::assert_snapshot!(scene.told(), @r#"
    [0] of 2: partition 2 of topic "orders" does not exist
    [2] of 2: partition 2 of topic "orders" does not exist
    "#);
    assert_eq!(scene.sender.partitions("orders"), Some(1));
    insta::assert_snapshot!(
        scene.append(2, 3, 1).unwrap_err(),
        @r#"topic "orders" has no partition 2: it has 1"#
    );
    assert_eq!(scene.at(1_000), "1 to 2: 0=1@-1.-1\n");
    // Keys and records without one go by the new count.
    assert_eq!(scene.spread(20), [NodeId(2)]);
    // What comes back is there again.
    let grown = metadata_of("orders", Uuid([2; 16]), &[2, 2, 2], 0);
    scene.sender.add_topic(scene.now, &grown.topics["orders"], &mut scene.effects);
    scene.append(2, 9, 100).unwrap();
    assert_eq!(scene.at(2_000), "22 to 2: 2=1@-1.-1\n");
}

fn avoiding() -> ProducerConfig {
    ProducerConfig { availability_timeout: Duration::from_millis(50), ..plain() }
}

#[test]
fn a_broker_that_fails_at_once_is_left_out_until_it_answers() {
    let mut scene = Scene::new(&[1, 2], &avoiding());
    scene.append(0, 1, 10).unwrap();
    scene.at(5);
    scene.refuses(0);
    assert_eq!(scene.at(54), "find orders\n");
    assert_eq!(scene.sender.next_deadline(), Some(Millis(55)), "it is looked at");
    scene.at(55);
    assert!(scene.sender.next_deadline().is_some_and(|at| Millis(55) < at), "no spin");
    assert_eq!(scene.spread(20), [NodeId(2)]);
    // It is back.
    let told = scene.at(500);
    let id = told.split(' ').next().unwrap().parse().unwrap();
    scene.answer(id, &[(0, ErrorCode::None, 0)]);
    assert_eq!(scene.spread(20), [NodeId(1), NodeId(2)]);
}

#[test]
fn a_broker_that_nothing_is_for_any_more_is_no_reason_to_wake() {
    let mut scene = Scene::new(&[1, 2], &avoiding());
    scene.append(0, 1, 10).unwrap();
    scene.at(5);
    scene.refuses(0);
    scene.at(6);
    scene.finds(&metadata(&[2, 2], 2), &[]);
    scene.at(60);
    scene.answer(1, &[(0, ErrorCode::None, 0)]);
    scene.at(60);
    let next = scene.sender.next_deadline();
    assert!(next.is_none_or(|at| Millis(60) < at), "{next:?}");
    scene.at(200);
    assert!(scene.sender.next_deadline().is_none_or(|at| Millis(100_000) < at), "no spin");
    // It leads again: it is tried.
    scene.sender.add_topic(scene.now, &metadata(&[1, 2], 3).topics["orders"], &mut scene.effects);
    scene.at(201);
    assert_eq!(scene.spread(20), [NodeId(1), NodeId(2)]);
}

#[test]
fn a_topic_that_is_gone_is_asked_for_while_records_wait_and_holds_up_no_other() {
    let config = ProducerConfig { delivery_timeout: Duration::from_secs(3), ..plain() };
    let mut scene = Scene::new(&[1], &config);
    let gone = metadata_of("gone", Uuid([3; 16]), &[-1], 1);
    scene.sender.add_topic(scene.now, &gone.topics["gone"], &mut scene.effects);
    let record = NewRecord { value: Some(b"x"), ..NewRecord::default() };
    let record = ProducerRecord { topic: "gone", partition: Some(0), record, tag: 7 };
    scene.sender.append(|| Millis(0), &record).unwrap();
    assert_eq!(scene.at(5), "find gone\n");
    let missing = [("gone", ErrorCode::UnknownTopicOrPartition)];
    for at in [5, 300, 1_000] {
        scene.now = Millis(at);
        scene.finds(&metadata(&[1], 1), &missing);
        assert_eq!(scene.at(at), "", "not at once");
        let next = scene.sender.next_deadline().unwrap();
        assert!(Millis(at) < next, "{next:?}");
        assert_eq!(scene.at(next.0), "find gone\n");
    }
    scene.finds(&metadata(&[1], 1), &missing);
    // Another topic's leader moves: that is asked for at once.
    scene.append(0, 1, 10).unwrap();
    let soon = scene.now.0 + 5;
    scene.at(soon);
    scene.answer(0, &[(0, ErrorCode::NotLeaderOrFollower, -1)]);
    assert_eq!(scene.at(soon), "find orders\n");
    scene.finds(&metadata(&[2], 2), &missing);
    scene.at(soon);
    scene.answer(1, &[(0, ErrorCode::None, 0)]);
    insta::assert_snapshot!(
        scene.at(3_000),
        @r#"[7] of 0: Produce got no answer within 3 s: topic "gone" does not exist"#
    );
    assert!(scene.sender.is_idle());
    assert_eq!(scene.at(100_000), "", "nobody waits for it");
    assert_eq!(scene.sender.next_deadline(), None);
}

#[test]
fn nobody_asks_for_an_identity_that_no_record_needs() {
    let mut scene = Scene::new(&[1], &config());
    scene.append(0, 0, 10).unwrap();
    assert_eq!(scene.at(5), "identify\n");
    let refused = InitProducerIdResponse {
        error_code: ErrorCode::ClusterAuthorizationFailed.code(),
        ..Default::default()
    };
    scene.sender.on_identity(scene.now, Ok(refused), &mut scene.effects);
    insta::assert_snapshot!(scene.told(), @"[0] of 0: CLUSTER_AUTHORIZATION_FAILED from InitProducerId");
    assert_eq!(scene.at(10_000), "");
    assert!(scene.sender.next_deadline().is_none_or(|at| Millis(100_000) < at), "no spin");
    scene.append(0, 1, 10).unwrap();
    assert_eq!(scene.at(10_005), "identify\n", "the next one does");
}

#[test]
fn what_one_topic_is_asked_for_does_not_make_the_others_known() {
    let config = ProducerConfig { delivery_timeout: Duration::from_secs(999), ..plain() };
    let mut scene = Scene::new(&[1], &config);
    let other = metadata_of("other", Uuid([3; 16]), &[1], 1);
    scene.sender.add_topic(scene.now, &other.topics["other"], &mut scene.effects);
    let record = NewRecord { value: Some(b"x"), ..NewRecord::default() };
    let record = ProducerRecord { topic: "other", partition: Some(0), record, tag: 7 };
    scene.now = Millis(200_000);
    scene.sender.append(|| Millis(200_000), &record).unwrap();
    scene.append(0, 1, 10).unwrap();
    scene.at(200_005);
    scene.answer(0, &[(0, ErrorCode::NotLeaderOrFollower, -1)]);
    assert_eq!(scene.at(200_006), "find orders\n");
    scene.finds(&metadata(&[1], 1), &[]);
    let told = scene.at(300_000);
    assert!(told.contains("find orders,other"), "{told}");
}
