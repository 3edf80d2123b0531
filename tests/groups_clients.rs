//! librdkafka in consumer groups: every assignor, static members, commits, and who is refused.

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, RebalanceProtocol};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::FutureRecord;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::support::Broker;
use crate::support::client::{self, SOON};
use crate::support::member::{self, Heard, Member, QUICK_GROUPS};

const TOPIC: &str = "shared";
const PARTITIONS: i32 = 6;

async fn broker() -> Broker {
    let broker = Broker::start_with(&QUICK_GROUPS);
    client::create_topic(&broker.address(), TOPIC, PARTITIONS, &[]).await;
    broker
}

/// Writes numbers, in turn to each partition.
async fn produce(address: &str, numbers: std::ops::Range<u64>) {
    let producer = client::producer(address, &[("enable.idempotence", "true")]);
    let sent = numbers.map(|number| {
        let partition = i32::try_from(number).expect("a small number") % PARTITIONS;
        let value = number.to_string();
        let record = FutureRecord::<(), String>::to(TOPIC).payload(&value).partition(partition);
        producer.send_result(record).map_err(|(error, _)| error).expect("the queue has room")
    });
    for delivery in sent.collect::<Vec<_>>() {
        delivery.await.expect("the producer lives").expect("the record is delivered");
    }
}

fn settle(members: &mut [Member]) {
    member::until(members, "all partitions are shared", |it| member::have_shared(it, PARTITIONS));
}

/// Reads so many records; they are these numbers, each once.
fn read_once(members: &mut [Member], numbers: std::ops::Range<u64>) {
    let count = usize::try_from(numbers.end - numbers.start).expect("a small number");
    let all_read = |it: &[Member]| count <= it.iter().map(|it| it.read.len()).sum();
    member::until(members, "all is read", all_read);
    // Each partition is read by its owner.
    for member in members.iter() {
        let owned = member.owned();
        assert!(member.read.iter().all(|(partition, _)| owned.contains(partition)));
    }
    let mut read: Vec<u64> = members.iter_mut().flat_map(Member::numbers).collect();
    read.sort_unstable();
    assert_eq!(read, numbers.collect::<Vec<_>>(), "each once");
    for member in members.iter() {
        member.commit().expect("a member may commit");
    }
}

/// Three members share, one leaves, one joins. Gives what those who stay heard of each change.
async fn come_and_go(assignor: &str) -> [Vec<Vec<Heard>>; 2] {
    let broker = broker().await;
    let address = broker.address();
    let pairs = [("partition.assignment.strategy", assignor)];
    let join = || Member::join(&address, assignor, TOPIC, &pairs);
    let mut members = vec![join(), join(), join()];
    settle(&mut members);
    produce(&address, 0..60).await;
    read_once(&mut members, 0..60);
    let heard = |members: &[Member]| members.iter().map(Member::heard).collect::<Vec<_>>();
    drop(members.remove(1));
    heard(&members);
    settle(&mut members);
    let after_leave = heard(&members);
    produce(&address, 60..120).await;
    read_once(&mut members, 60..120);
    members.push(join());
    settle(&mut members);
    let after_join = heard(&members[..2]);
    produce(&address, 120..180).await;
    read_once(&mut members, 120..180);
    let is_cooperative =
        matches!(members[0].consumer.rebalance_protocol(), RebalanceProtocol::Cooperative);
    assert_eq!(is_cooperative, assignor == "cooperative-sticky");
    drop(members);
    assert_eq!(member::committed(&address, assignor, TOPIC, PARTITIONS), [Some(30); 6]);
    [after_leave, after_join]
}

/// How many partitions were taken away.
fn revoked(heard: &[Heard]) -> usize {
    let count = |it: &Heard| match it {
        Heard::Revoked(partitions) => partitions.len(),
        Heard::Lost(partitions) => panic!("lost {partitions:?}"),
        _ => 0,
    };
    heard.iter().map(count).sum()
}

#[tokio::test]
async fn range_members_come_and_go() {
    let [after_leave, after_join] = come_and_go("range").await;
    assert_eq!(after_leave.iter().map(|it| revoked(it)).collect::<Vec<_>>(), [2, 2]);
    assert_eq!(after_join.iter().map(|it| revoked(it)).collect::<Vec<_>>(), [3, 3]);
}

#[tokio::test]
async fn round_robin_members_come_and_go() {
    let [after_leave, after_join] = come_and_go("roundrobin").await;
    assert_eq!(after_leave.iter().map(|it| revoked(it)).collect::<Vec<_>>(), [2, 2]);
    assert_eq!(after_join.iter().map(|it| revoked(it)).collect::<Vec<_>>(), [3, 3]);
}

#[tokio::test]
async fn cooperative_members_keep_what_does_not_move() {
    let [after_leave, after_join] = come_and_go("cooperative-sticky").await;
    assert_eq!(after_leave.iter().map(|it| revoked(it)).collect::<Vec<_>>(), [0, 0]);
    assert_eq!(after_join.iter().map(|it| revoked(it)).collect::<Vec<_>>(), [1, 1]);
}

#[tokio::test]
async fn static_members_come_again_without_a_rebalance() {
    let broker = broker().await;
    let address = broker.address();
    let join = |id: &str| {
        let pairs = [("group.instance.id", id), ("session.timeout.ms", "30000")];
        Member::join(&address, "static", TOPIC, &pairs)
    };
    let mut members = vec![join("a"), join("b"), join("c")];
    settle(&mut members);
    let owned = members[1].owned();
    members.iter().for_each(|it| drop(it.heard()));
    drop(members.remove(1));
    members.insert(1, join("b"));
    settle(&mut members);
    assert_eq!(members[1].owned(), owned);
    // The same name once more: the former is fenced, the later takes its place.
    members.push(join("b"));
    let is_fenced = |it: &[Member]| it[1].consumer.client().fatal_error().is_some();
    member::until(&mut members, "the former is fenced", is_fenced);
    let (code, _) = members[1].consumer.client().fatal_error().expect("it is there");
    assert_eq!(code, RDKafkaErrorCode::FencedInstanceId);
    let refused = members[1].commit().expect_err("it may not commit");
    assert_eq!(refused.rdkafka_error_code(), Some(RDKafkaErrorCode::Fatal));
    drop(members.remove(1));
    settle(&mut members);
    assert_eq!(members[2].owned(), owned);
    produce(&address, 0..60).await;
    read_once(&mut members, 0..60);
    for other in &members[..2] {
        assert_eq!(other.heard(), [], "no rebalance");
    }
}

#[tokio::test]
async fn a_static_member_that_stays_away_loses_its_place() {
    let broker = broker().await;
    let address = broker.address();
    let join = |id: &str| {
        let pairs = [("group.instance.id", id), ("session.timeout.ms", "1000")];
        Member::join(&address, "static", TOPIC, &pairs)
    };
    let mut members = vec![join("a"), join("b")];
    settle(&mut members);
    members.truncate(1);
    settle(&mut members);
}

#[tokio::test]
async fn commits_are_kept() {
    let broker = broker().await;
    let address = broker.address();
    produce(&address, 0..60).await;
    let mut members = vec![Member::join(&address, "commits", TOPIC, &[])];
    settle(&mut members);
    let consumer = &members[0].consumer;
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(TOPIC, 0, Offset::Offset(3)).expect("right");
    list.add_partition_offset(TOPIC, 1, Offset::Offset(0)).expect("right");
    list.set_partition_offset(TOPIC, 1, Offset::Offset(4)).expect("right");
    list.find_partition(TOPIC, 0).expect("it is there").set_metadata("as far as here");
    consumer.commit(&list, CommitMode::Sync).expect("a member may commit");
    let mut asked = TopicPartitionList::new();
    asked.add_partition_range(TOPIC, 0, 2);
    let found = consumer.committed_offsets(asked, SOON).expect("the broker answers");
    let found: Vec<_> =
        found.elements().iter().map(|it| (it.offset(), it.metadata().to_owned())).collect();
    let expected = [
        (Offset::Offset(3), "as far as here".to_owned()),
        (Offset::Offset(4), String::new()),
        (Offset::Invalid, String::new()),
    ];
    assert_eq!(found, expected);
    list.set_partition_offset(TOPIC, 1, Offset::Offset(5)).expect("right");
    consumer.commit(&list, CommitMode::Async).expect("it is queued");
    let is_there = |_: &[Member]| member::committed(&address, "commits", TOPIC, 2)[1] == Some(5);
    member::until(&mut members, "the commit is there", is_there);
    list.find_partition(TOPIC, 0).expect("it is there").set_metadata("x".repeat(4097));
    let refused =
        members[0].consumer.commit(&list, CommitMode::Sync).expect_err("4096 bytes may be said");
    assert_eq!(refused.rdkafka_error_code(), Some(RDKafkaErrorCode::OffsetMetadataTooLarge));
    list.find_partition(TOPIC, 0).expect("it is there").set_metadata("");
    // Somebody outside of the group may commit only when nobody is in it.
    let outside: BaseConsumer =
        client::config(&address, &[("group.id", "commits")]).create().expect("right");
    let refused = outside.commit(&list, CommitMode::Sync).expect_err("somebody is in the group");
    assert!(
        matches!(refused, KafkaError::ConsumerCommit(RDKafkaErrorCode::UnknownMemberId)),
        "{refused:?}"
    );
    drop(members);
    list.set_partition_offset(TOPIC, 1, Offset::Offset(2)).expect("right");
    outside.commit(&list, CommitMode::Sync).expect("nobody is in the group");
    assert_eq!(member::committed(&address, "commits", TOPIC, 2), [Some(3), Some(2)]);
}

#[tokio::test]
async fn commits_by_the_clock_and_on_leaving() {
    let broker = broker().await;
    let address = broker.address();
    produce(&address, 0..60).await;
    let pairs = [("enable.auto.commit", "true"), ("auto.commit.interval.ms", "50")];
    let mut members = vec![Member::join(&address, "clock", TOPIC, &pairs)];
    let is_there =
        |_: &[Member]| member::committed(&address, "clock", TOPIC, PARTITIONS) == [Some(10); 6];
    member::until(&mut members, "all is committed", is_there);
    let pairs = [("enable.auto.commit", "true"), ("auto.commit.interval.ms", "600000")];
    let mut members = vec![Member::join(&address, "leaving", TOPIC, &pairs)];
    member::until(&mut members, "all is read", |it| it[0].read.len() == 60);
    assert_eq!(member::committed(&address, "leaving", TOPIC, PARTITIONS), [None; 6]);
    drop(members);
    assert_eq!(member::committed(&address, "leaving", TOPIC, PARTITIONS), [Some(10); 6]);
}

#[tokio::test]
async fn members_seek_and_pause() {
    let broker = broker().await;
    let address = broker.address();
    let mut members = vec![Member::join(&address, "seek", TOPIC, &[])];
    settle(&mut members);
    let mut first = TopicPartitionList::new();
    first.add_partition(TOPIC, 0);
    members[0].consumer.pause(&first).expect("it owns it");
    produce(&address, 0..60).await;
    member::until(&mut members, "all but the paused is read", |it| it[0].read.len() == 50);
    assert!(members[0].read.iter().all(|(partition, _)| *partition != 0));
    members[0].consumer.resume(&first).expect("it owns it");
    member::until(&mut members, "the paused is read", |it| it[0].read.len() == 60);
    assert_eq!(members[0].numbers(), (0..60).collect::<Vec<_>>());
    members[0].consumer.seek(TOPIC, 3, Offset::Offset(6), SOON).expect("it owns it");
    member::until(&mut members, "what was sought is read", |it| it[0].read.len() == 4);
    assert_eq!(members[0].numbers(), [39, 45, 51, 57]);
}

#[tokio::test]
async fn a_full_group_takes_nobody_more() {
    let mut settings = QUICK_GROUPS.to_vec();
    settings.push(("group.max.size", "2"));
    let broker = Broker::start_with(&settings);
    let address = broker.address();
    client::create_topic(&address, TOPIC, PARTITIONS, &[]).await;
    let join = || Member::join(&address, "full", TOPIC, &[]);
    let mut members = vec![join(), join()];
    settle(&mut members);
    members.push(join());
    member::until(&mut members, "the third is refused", |it| !it[2].errors.is_empty());
    assert_eq!(members[2].errors[0], RDKafkaErrorCode::GroupMaxSizeReached);
    members.truncate(2);
    settle(&mut members);
    produce(&address, 0..60).await;
    read_once(&mut members, 0..60);
}

#[tokio::test]
async fn members_that_do_not_agree_are_refused() {
    let broker = broker().await;
    let address = broker.address();
    let join = |pairs: &[(&str, &str)]| Member::join(&address, "agreed", TOPIC, pairs);
    let both = [("partition.assignment.strategy", "range,roundrobin")];
    let one = [("partition.assignment.strategy", "roundrobin")];
    let protocol = |members: &[Member]| {
        let list = member::describe(&members[0].consumer, "agreed");
        list.groups()[0].protocol().to_owned()
    };
    let mut members = vec![join(&both), join(&both)];
    settle(&mut members);
    assert_eq!(protocol(&members), "range");
    // All of them know this one: the group goes over to it.
    members.push(join(&one));
    settle(&mut members);
    assert_eq!(protocol(&members), "roundrobin");
    for (pairs, code) in [
        ([("partition.assignment.strategy", "range")], RDKafkaErrorCode::InconsistentGroupProtocol),
        ([("session.timeout.ms", "400")], RDKafkaErrorCode::InvalidSessionTimeout),
    ] {
        members.push(join(&pairs));
        member::until(&mut members, "the fourth is refused", |it| !it[3].errors.is_empty());
        assert_eq!(members[3].errors[0], code);
        members.truncate(3);
        settle(&mut members);
    }
}
