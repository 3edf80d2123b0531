//! kt's own consumer in groups: beside librdkafka and Java in one group, and each cause for which
//! a record comes twice.

use std::collections::BTreeMap;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use kt_client::consumer::group::{GroupConfig, GroupConsumer, LossCause, Subscription};
use kt_client::consumer::{ConsumerConfig, FetchedRecords, HookError, Interceptor, Position};
use kt_client::{Client, ClientConfig, Error, Keys};
use kt_protocol::types::{Offset, TopicPartition};

use crate::groups_java::{Account, Verifiable};
use crate::support::Broker;
use crate::support::client::{self, SOON};
use crate::support::kt_member::{self, KtMember};
use crate::support::member::{self, Member, QUICK_GROUPS};
use crate::support::node::Node;
use crate::support::tool::ApacheKafka;

/// One member of each client in one group of one topic.
struct Mixed {
    kt: Vec<KtMember>,
    native: Vec<Member>,
    java: Vec<Verifiable>,
    account: Account,
    said: mpsc::Receiver<(usize, serde_json::Value)>,
}

const GROUP: &str = "verified";
const PARTITIONS: i32 = 6;

impl Mixed {
    /// What is owned, sorted, and by how many at most.
    fn owned(&self) -> (Vec<i64>, usize) {
        let kt = self.kt.iter().map(|it| {
            it.seen.lock().expect("no holder panics").owned.iter().copied().collect::<Vec<_>>()
        });
        let native =
            self.native.iter().map(|it| it.owned().into_iter().map(i64::from).collect::<Vec<_>>());
        let java = (0..self.java.len())
            .map(|it| self.account.owned_by(it).iter().copied().collect::<Vec<_>>());
        let each: Vec<Vec<i64>> = kt.chain(native).chain(java).collect();
        let most = each.iter().map(Vec::len).max().unwrap_or(0);
        let mut all = each.concat();
        all.sort_unstable();
        (all, most)
    }

    /// Partition and offset of each record that any of them has read, sorted.
    fn read(&self) -> Vec<(i64, i64)> {
        let mut all: Vec<(i64, i64)> = self.account.consumed().collect();
        for it in &self.native {
            all.extend(it.read.iter().map(|(partition, it)| (i64::from(*partition), it.offset)));
        }
        for it in &self.kt {
            all.extend(it.seen.lock().expect("no holder panics").read.iter());
        }
        all.sort_unstable();
        all
    }

    fn until(&mut self, what: &str, holds: impl Fn(&Mixed) -> bool) {
        let end = Instant::now() + SOON;
        while !holds(self) {
            assert!(Instant::now() < end, "in {SOON:?} not: {what}; owned {:?}", self.owned());
            self.native.iter_mut().for_each(Member::poll);
            // The others are polled elsewhere; without a native one this waits for what Java says.
            while let Ok((number, said)) = self.said.recv_timeout(Duration::from_millis(5)) {
                self.account.enter(number, &said);
            }
        }
    }

    fn settle(&mut self, members: usize) {
        let all: Vec<i64> = (0..i64::from(PARTITIONS)).collect();
        let each = all.len() / members;
        self.until("all partitions are shared", |it| it.owned() == (all.clone(), each));
    }

    /// Reads everything up to `end`, each record once, and commits it.
    fn read_once(&mut self, end: i64) {
        let expected: Vec<(i64, i64)> = (0..i64::from(PARTITIONS))
            .flat_map(|partition| (0..end).map(move |offset| (partition, offset)))
            .collect();
        self.until("all is read", |it| expected.len() <= it.read().len());
        assert_eq!(self.read(), expected, "each once");
        for it in &self.native {
            it.commit().expect("a member may commit");
        }
    }
}

/// A member of each client shares, kt's leaves, and comes again.
async fn mix(kafka: &ApacheKafka, address: &str, strategy: &str, java_class: &str) {
    client::create_topic(address, GROUP, PARTITIONS, &[]).await;
    let (sender, said) = mpsc::channel();
    let pairs = [("partition.assignment.strategy", strategy)];
    let java = vec![Verifiable::start_with(kafka, address, 0, java_class, sender)];
    let has_native = strategy != "sticky";
    let native = has_native.then(|| Member::join(address, GROUP, GROUP, &pairs));
    let mut all = Mixed {
        kt: vec![KtMember::join(address, GROUP, GROUP, &pairs)],
        native: native.into_iter().collect(),
        java,
        account: Account::default(),
        said,
    };
    let members = 2 + all.native.len();
    all.settle(members);
    client::fill(address, GROUP, PARTITIONS, 50).await;
    all.read_once(50);
    let kt = all.kt.remove(0);
    let seen = kt.seen.clone();
    kt.leave().await;
    all.settle(members - 1);
    // What it read is remembered by one that has nothing to do any more.
    let read = std::mem::take(&mut seen.lock().expect("no holder panics").read);
    all.kt.push(KtMember::join(address, GROUP, GROUP, &pairs));
    all.kt[0].seen.lock().expect("no holder panics").read = read;
    all.settle(members);
    client::fill(address, GROUP, PARTITIONS, 50).await;
    all.read_once(100);
    assert!(!all.kt[0].seen.lock().expect("no holder panics").has_lost);
    all.kt.remove(0).leave().await;
    all.until("all is committed", |_| {
        member::committed(address, GROUP, GROUP, PARTITIONS) == [Some(100); 6]
    });
}

const JAVA: &str = "org.apache.kafka.clients.consumer.";

const STRATEGIES: [(&str, &str); 4] = [
    ("range", "RangeAssignor"),
    ("roundrobin", "RoundRobinAssignor"),
    ("sticky", "StickyAssignor"),
    ("cooperative-sticky", "CooperativeStickyAssignor"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_clients_share_a_group_of_kt() {
    let Some(kafka) = ApacheKafka::find("mixed groups on kt") else { return };
    for (strategy, class) in STRATEGIES {
        let broker = Broker::start_with(&QUICK_GROUPS);
        mix(&kafka, &broker.address(), strategy, &format!("{JAVA}{class}")).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_clients_share_a_group_of_apache_kafka() {
    let Some(kafka) = ApacheKafka::find("mixed groups on Apache Kafka") else { return };
    for (strategy, class) in STRATEGIES {
        let properties = QUICK_GROUPS.map(|(key, value)| format!("{key}={value}"));
        let node = Node::start(&kafka, &[&properties[0], &properties[1]]);
        mix(&kafka, node.address(), strategy, &format!("{JAVA}{class}")).await;
    }
}

const TOPIC: &str = "twice";

async fn filled() -> Broker {
    let broker = Broker::start_with(&QUICK_GROUPS);
    client::create_topic(&broker.address(), TOPIC, 1, &[]).await;
    client::fill(&broker.address(), TOPIC, 1, 10).await;
    broker
}

fn join(broker: &Broker, pairs: &[(&str, &str)]) -> GroupConsumer {
    kt_member::consumer(&broker.address(), GROUP, TOPIC, pairs)
}

/// The offsets that a member reads who comes afterwards, up to the last record.
async fn read_by_the_next(broker: &Broker) -> Vec<i64> {
    let next = join(broker, &[]);
    let mut read = Vec::new();
    while read.last() != Some(&9) {
        let polled = kt_member::read(&next, 1).await;
        read.extend(polled.into_iter().map(|(_, offset)| offset));
    }
    read
}

fn committed(broker: &Broker) -> Option<i64> {
    member::committed(&broker.address(), GROUP, TOPIC, 1)[0]
}

/// Commits that everything before `offset` is done.
async fn commit(consumer: &GroupConsumer, offset: i64) -> Result<(), Error> {
    let partition = TopicPartition::new(TOPIC, 0);
    let offset = Offset(offset);
    consumer.commit(BTreeMap::from([(partition, offset.into())])).await
}

/// Tells what it hears.
struct Telling(mpsc::Sender<String>);

impl Interceptor for Telling {
    fn on_consume(&mut self, records: &mut Vec<FetchedRecords>) -> Result<(), HookError> {
        Ok(self.0.send(format!("consume up to {}", records[0].next_offset()))?)
    }

    fn on_commit(&mut self, offsets: &BTreeMap<TopicPartition, Position>) -> Result<(), HookError> {
        Ok(self.0.send(format!("commit {}", offsets[&TopicPartition::new(TOPIC, 0)].offset))?)
    }

    fn close(&mut self) -> Result<(), HookError> {
        Ok(self.0.send("close".to_owned())?)
    }
}

#[tokio::test]
async fn interceptors_of_a_member_hear_of_records_and_of_every_kind_of_commit() {
    let broker = filled().await;
    let (sender, heard) = mpsc::channel();
    let client = ClientConfig { bootstrap: vec![broker.address()], ..ClientConfig::default() };
    let mut config = ConsumerConfig::default();
    config.set("auto.offset.reset", "earliest").expect("the setting is right");
    let mut group = GroupConfig::new(GROUP);
    group.set("auto.commit.interval.ms", "3600000").expect("the setting is right");
    let chain: Vec<Box<dyn Interceptor>> = vec![Box::new(Telling(sender))];
    let consumer = GroupConsumer::with_interceptors(Client::new(client), config, group, chain);
    let consumer = consumer.expect("the settings are right together");
    consumer.subscribe(Subscription::names([TOPIC]));
    let mut read = 0;
    while read < 10 {
        read += kt_member::read(&consumer, 1).await.len();
    }
    commit(&consumer, 4).await.expect("it is committed");
    let partition = TopicPartition::new(TOPIC, 0);
    consumer.commit_async(BTreeMap::from([(partition, Offset(5).into())]), |_, result| {
        result.expect("it is committed");
    });
    consumer.close(SOON).await.expect("it ends");
    let heard: Vec<String> = heard.try_iter().collect();
    let commits: Vec<&str> =
        heard.iter().map(String::as_str).filter(|it| !it.starts_with("consume")).collect();
    assert!(heard[0].starts_with("consume up to"), "{heard:?}");
    // Its own commit at the end is that of everything it was given.
    assert_eq!(commits, ["commit 4", "commit 5", "commit 10", "close"]);
}

const MANUAL: (&str, &str) = ("enable.auto.commit", "false");

#[tokio::test]
async fn nothing_comes_twice_after_an_unsubscribe() {
    let broker = filled().await;
    let consumer = join(&broker, &[("auto.commit.interval.ms", "3600000")]);
    assert_eq!(kt_member::read(&consumer, 10).await.len(), 10);
    consumer.unsubscribe().await.expect("it commits and leaves");
    assert_eq!(committed(&broker), Some(10));
    consumer.close(SOON).await.expect("it ends");
    // Callbacks of asynchronous commits are waited for as well.
    client::fill(&broker.address(), TOPIC, 1, 10).await;
    let consumer = join(&broker, &[MANUAL]);
    assert_eq!(kt_member::read(&consumer, 10).await.first(), Some(&(0, 10)));
    let (sender, said) = mpsc::channel();
    let partition = TopicPartition::new(TOPIC, 0);
    let offsets = BTreeMap::from([(partition, Offset(20).into())]);
    consumer.commit_async(offsets, move |_, result| {
        sender.send(result.is_ok()).expect("the test listens");
    });
    consumer.close(SOON).await.expect("it commits and leaves");
    assert_eq!(said.try_recv(), Ok(true));
    assert_eq!(committed(&broker), Some(20));
}

#[tokio::test]
async fn after_the_poll_interval_what_was_not_committed_comes_twice() {
    let broker = filled().await;
    let consumer = join(&broker, &[MANUAL, ("max.poll.interval.ms", "2000")]);
    assert_eq!(kt_member::read(&consumer, 10).await.len(), 10);
    commit(&consumer, 4).await.expect("it is a member");
    // It goes on working, and does not poll: the next one gets the partition before it is done.
    assert_eq!(read_by_the_next(&broker).await, [4, 5, 6, 7, 8, 9]);
    let refused = commit(&consumer, 10).await.expect_err("it is no member any more");
    let Error::GroupLost { cause: LossCause::PollInterval { limit, .. }, .. } = refused else {
        panic!("{refused}");
    };
    assert_eq!(limit, Duration::from_secs(2));
    let told = consumer.poll(SOON).await.expect_err("the poll says so once");
    assert!(told.to_string().contains("max.poll.interval.ms=2000 was passed by "), "{told}");
    assert_eq!(committed(&broker), Some(4));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_the_session_what_was_not_committed_comes_twice() {
    let broker = filled().await;
    let (has_read, is_read) = mpsc::channel();
    let (go_on, goes_on) = mpsc::channel::<()>();
    let address = broker.address();
    // A process that stands still for a while: its only thread does.
    let stalled = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime can be built").block_on(async {
            let pairs = [MANUAL, ("session.timeout.ms", "2000")];
            let consumer = kt_member::consumer(&address, GROUP, TOPIC, &pairs);
            assert_eq!(kt_member::read(&consumer, 10).await.len(), 10);
            commit(&consumer, 4).await.expect("it is a member");
            has_read.send(()).expect("the test waits");
            goes_on.recv().expect("the test goes on");
            commit(&consumer, 10).await.expect_err("it is no member any more")
        })
    });
    is_read.recv_timeout(SOON).expect("it reads");
    assert_eq!(read_by_the_next(&broker).await, [4, 5, 6, 7, 8, 9]);
    go_on.send(()).expect("it waits");
    let refused = stalled.join().expect("it does not panic");
    let Error::GroupLost { cause: LossCause::Session { limit, .. }, .. } = refused else {
        panic!("{refused}");
    };
    assert_eq!(limit, Duration::from_secs(2));
}

#[tokio::test]
async fn killed_between_processing_and_commit_what_was_not_committed_comes_twice() {
    let broker = filled().await;
    let pairs = [MANUAL, ("session.timeout.ms", "2000")];
    let consumer = join(&broker, &pairs);
    assert_eq!(kt_member::read(&consumer, 10).await.len(), 10);
    commit(&consumer, 7).await.expect("it is a member");
    // Without a word: as a process that is killed.
    drop(consumer);
    assert_eq!(read_by_the_next(&broker).await, [7, 8, 9]);
}
