//! Members of consumer groups on kt's own client: a task polls, a test looks at what it has.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kt_client::consumer::group::{
    GroupConfig, GroupConsumer, HookFuture, RebalanceListener, Subscription,
};
use kt_client::consumer::{ConsumerConfig, Polled};
use kt_client::{Client, ClientConfig, Error, Keys};
use kt_protocol::types::TopicPartition;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::client::SOON;

/// What every member here is, before what a test says.
const USUAL: [(&str, &str); 3] = [
    ("heartbeat.interval.ms", "100"),
    ("session.timeout.ms", "2000"),
    ("auto.commit.interval.ms", "100"),
];

/// A consumer of `group` that reads `topic` from its beginning, with `pairs` set.
pub(crate) fn consumer(
    address: &str,
    group: &str,
    topic: &str,
    pairs: &[(&str, &str)],
) -> GroupConsumer {
    let client = ClientConfig { bootstrap: vec![address.to_owned()], ..ClientConfig::default() };
    let mut settings = GroupConfig::new(group);
    for (key, value) in USUAL.iter().chain(pairs) {
        settings.set(key, value).expect("the setting is right");
    }
    let mut config = ConsumerConfig::default();
    config.set("auto.offset.reset", "earliest").expect("the setting is right");
    config.set("fetch.max.wait.ms", "50").expect("the setting is right");
    let consumer = GroupConsumer::new(Client::new(client), config, settings);
    let consumer = consumer.expect("the settings are right together");
    consumer.subscribe(Subscription::names([topic]));
    consumer
}

/// Partition and offset of each record.
pub(crate) fn offsets(polled: &Polled) -> Vec<(i64, i64)> {
    let mut offsets = Vec::new();
    for records in &polled.records {
        let partition = i64::from(records.partition().partition.0);
        let mut cursor = records.cursor();
        while let Some(record) = cursor.next().expect("the records are whole") {
            offsets.push((partition, record.offset.0));
        }
    }
    offsets
}

/// Polls until so many records are read.
pub(crate) async fn read(consumer: &GroupConsumer, count: usize) -> Vec<(i64, i64)> {
    let all = async {
        let mut read = Vec::new();
        while read.len() < count {
            read.extend(offsets(&consumer.poll(SOON).await.expect("it polls")));
        }
        read
    };
    tokio::time::timeout(SOON, all).await.expect("the records come in time")
}

/// What a member has seen.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) owned: BTreeSet<i64>,
    pub(crate) read: Vec<(i64, i64)>,
    /// True once anything was lost.
    pub(crate) has_lost: bool,
}

/// A member that a task polls.
pub(crate) struct KtMember {
    pub(crate) seen: Arc<Mutex<Seen>>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), Error>>,
}

impl KtMember {
    /// Joins `group` to read `topic`, with `pairs` set.
    pub(crate) fn join(
        address: &str,
        group: &str,
        topic: &str,
        pairs: &[(&str, &str)],
    ) -> KtMember {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let consumer = consumer(address, group, topic, pairs);
        let listener = Arc::new(Notes(Arc::clone(&seen)));
        consumer.subscribe_with(Subscription::names([topic]), listener);
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(poll(consumer, Arc::clone(&seen), stopped));
        KtMember { seen, stop, task }
    }

    /// Leaves the group.
    pub(crate) async fn leave(self) {
        let _ = self.stop.send(());
        self.task.await.expect("the task does not panic").expect("the member polls and leaves");
    }
}

async fn poll(
    consumer: GroupConsumer,
    seen: Arc<Mutex<Seen>>,
    mut stopped: oneshot::Receiver<()>,
) -> Result<(), Error> {
    loop {
        let polled = tokio::select! {
            _ = &mut stopped => return consumer.close(SOON).await,
            polled = consumer.poll(Duration::from_secs(1)) => polled?,
        };
        seen.lock().expect("no holder panics").read.extend(offsets(&polled));
    }
}

struct Notes(Arc<Mutex<Seen>>);

fn numbers(partitions: &BTreeSet<TopicPartition>) -> impl Iterator<Item = i64> + '_ {
    partitions.iter().map(|it| i64::from(it.partition.0))
}

impl RebalanceListener for Notes {
    fn revoked<'a>(
        &'a self,
        _: &'a GroupConsumer,
        partitions: &'a BTreeSet<TopicPartition>,
    ) -> HookFuture<'a> {
        let mut seen = self.0.lock().expect("no holder panics");
        for it in numbers(partitions) {
            seen.owned.remove(&it);
        }
        Box::pin(std::future::ready(()))
    }

    fn assigned<'a>(
        &'a self,
        _: &'a GroupConsumer,
        partitions: &'a BTreeSet<TopicPartition>,
    ) -> HookFuture<'a> {
        self.0.lock().expect("no holder panics").owned.extend(numbers(partitions));
        Box::pin(std::future::ready(()))
    }

    fn lost<'a>(
        &'a self,
        consumer: &'a GroupConsumer,
        partitions: &'a BTreeSet<TopicPartition>,
    ) -> HookFuture<'a> {
        self.0.lock().expect("no holder panics").has_lost = true;
        self.revoked(consumer, partitions)
    }
}
