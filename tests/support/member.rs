//! Members of consumer groups on librdkafka: what they own, read and hear.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use rdkafka::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, Rebalance};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::groups::GroupList;
use rdkafka::message::Message;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::client::{self, ReadRecord, SOON};

/// A broker whose groups form at once, and whose members may be short of breath.
pub(crate) const QUICK_GROUPS: [(&str, &str); 2] =
    [("group.initial.rebalance.delay.ms", "0"), ("group.min.session.timeout.ms", "500")];

/// What every member here is, before what a test says.
const USUAL: [(&str, &str); 6] = [
    ("auto.offset.reset", "earliest"),
    ("enable.auto.commit", "false"),
    ("heartbeat.interval.ms", "100"),
    ("fetch.wait.max.ms", "50"),
    ("check.crcs", "true"),
    ("log_level", "0"),
];

/// What a member heard by its callbacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    Assigned(Vec<i32>),
    Revoked(Vec<i32>),
    /// Revoked when they were somebody else's already.
    Lost(Vec<i32>),
}

/// Notes what a member hears.
#[derive(Default)]
pub(crate) struct Notes {
    heard: Mutex<Vec<Heard>>,
}

impl Notes {
    fn note(&self, heard: Heard) {
        self.heard.lock().expect("no holder panics").push(heard);
    }
}

impl ClientContext for Notes {}

impl ConsumerContext for Notes {
    fn pre_rebalance(&self, consumer: &BaseConsumer<Notes>, rebalance: &Rebalance<'_>) {
        match rebalance {
            Rebalance::Assign(list) => self.note(Heard::Assigned(partitions(list))),
            Rebalance::Revoke(list) if consumer.assignment_lost() => {
                self.note(Heard::Lost(partitions(list)));
            }
            Rebalance::Revoke(list) => self.note(Heard::Revoked(partitions(list))),
            Rebalance::Error(error) => panic!("no rebalance: {error}"),
        }
    }
}

/// A member of a group. Dropping it leaves the group, unless it is a static member.
pub(crate) struct Member {
    pub(crate) consumer: BaseConsumer<Notes>,
    /// What it has read: partition and record.
    pub(crate) read: Vec<(i32, ReadRecord)>,
    /// The errors that it was given in place of records.
    pub(crate) errors: Vec<RDKafkaErrorCode>,
}

impl Member {
    /// Joins `group` to read `topic`, with `pairs` set.
    pub(crate) fn join(address: &str, group: &str, topic: &str, pairs: &[(&str, &str)]) -> Member {
        let mut config = client::config(address, &USUAL);
        config.set("group.id", group);
        for (key, value) in pairs {
            config.set(*key, *value);
        }
        let consumer: BaseConsumer<Notes> =
            config.create_with_context(Notes::default()).expect("the configuration is right");
        consumer.subscribe(&[topic]).expect("the topic's name is right");
        Member { consumer, read: Vec::new(), errors: Vec::new() }
    }

    /// Takes what has come, and serves callbacks.
    pub(crate) fn poll(&mut self) {
        let mut patience = Duration::from_millis(5);
        while let Some(result) = self.consumer.poll(patience) {
            patience = Duration::ZERO;
            match result {
                Ok(message) => self.read.push((message.partition(), ReadRecord::of(&message))),
                Err(
                    KafkaError::MessageConsumption(code)
                    | KafkaError::MessageConsumptionFatal(code),
                ) => self.errors.push(code),
                Err(error) => panic!("a member reads: {error}"),
            }
        }
    }

    /// The partitions that it owns, in order.
    pub(crate) fn owned(&self) -> Vec<i32> {
        partitions(&self.consumer.assignment().expect("the consumer lives"))
    }

    /// What it has heard since the last call.
    pub(crate) fn heard(&self) -> Vec<Heard> {
        std::mem::take(&mut *self.consumer.context().heard.lock().expect("no holder panics"))
    }

    /// What it has read since the last call, as numbers in order.
    pub(crate) fn numbers(&mut self) -> Vec<u64> {
        let read = std::mem::take(&mut self.read);
        let mut numbers: Vec<u64> =
            read.iter().map(|(_, it)| it.text().parse().expect("a number")).collect();
        numbers.sort_unstable();
        numbers
    }

    /// Commits where it stands, and waits for the answer.
    pub(crate) fn commit(&self) -> KafkaResult<()> {
        self.consumer.commit_consumer_state(rdkafka::consumer::CommitMode::Sync)
    }
}

/// Polls all of them until it holds.
pub(crate) fn until(members: &mut [Member], what: &str, holds: impl Fn(&[Member]) -> bool) {
    let end = Instant::now() + SOON;
    while !holds(members) {
        let owned: Vec<_> = members.iter().map(Member::owned).collect();
        let errors: Vec<_> = members.iter().map(|it| &it.errors).collect();
        assert!(Instant::now() < end, "in {SOON:?} not: {what}; owned {owned:?}, {errors:?}");
        members.iter_mut().for_each(Member::poll);
    }
}

/// Whether each of so many partitions has one owner, and nobody has more than his part.
pub(crate) fn have_shared(members: &[Member], count: i32) -> bool {
    let owned: Vec<_> = members.iter().map(Member::owned).collect();
    let mut all = owned.concat();
    all.sort_unstable();
    let most = owned.iter().map(Vec::len).max().unwrap_or(0);
    all == (0..count).collect::<Vec<_>>()
        && most == usize::try_from(count).expect("a count").div_ceil(members.len())
}

/// What the coordinator says of a group. A list is refused while any of the offsets partitions is
/// still being loaded, also when the group's own is not; librdkafka leaves asking again to the caller.
pub(crate) fn describe<C: ConsumerContext>(consumer: &BaseConsumer<C>, group: &str) -> GroupList {
    let end = Instant::now() + SOON;
    loop {
        match consumer.fetch_group_list(Some(group), SOON) {
            Ok(list) => return list,
            Err(KafkaError::GroupListFetch(RDKafkaErrorCode::CoordinatorLoadInProgress)) => {
                assert!(Instant::now() < end, "the offsets partitions do not load in {SOON:?}");
                std::thread::sleep(Duration::from_millis(20));
            }
            Err(error) => panic!("no list of groups: {error}"),
        }
    }
}

/// What a group has committed of partitions 0 to `count`, asked by somebody outside of it.
pub(crate) fn committed(address: &str, group: &str, topic: &str, count: i32) -> Vec<Option<i64>> {
    let consumer: BaseConsumer =
        client::config(address, &[("group.id", group)]).create().expect("right");
    let mut asked = TopicPartitionList::new();
    asked.add_partition_range(topic, 0, count - 1);
    let found = consumer.committed_offsets(asked, SOON).expect("the broker answers");
    let offset = |it: Offset| match it {
        Offset::Offset(offset) => Some(offset),
        _ => None,
    };
    found.elements().iter().map(|it| offset(it.offset())).collect()
}

fn partitions(list: &TopicPartitionList) -> Vec<i32> {
    let mut partitions: Vec<i32> = list.elements().iter().map(|it| it.partition()).collect();
    partitions.sort_unstable();
    partitions
}
