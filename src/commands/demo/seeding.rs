//! What is there when the demo begins: topics, some history, and how far groups have come.

use std::collections::BTreeMap;
use std::sync::Arc;

use kt_client::admin::{Apply, CommittedOffset, Expected, Isolation, OffsetQuery};
use kt_client::producer::{Header, Record};
use kt_client::{Admin, Error};
use kt_protocol::types::{Timestamp, TopicPartition};

use super::groups::{self, Start};
use super::pipeline::Writer;
use super::topics::{DemoTopic, TOPICS};
use super::values::{Event, Values};

/// Creates all topics, and waits until the broker has them.
pub(super) async fn create_topics(admin: &Admin) -> Result<(), Error> {
    let topics: Vec<_> = TOPICS.iter().map(DemoTopic::asked).collect();
    for (_, created) in admin.create_topics(&topics, Apply::Change).await? {
        created?;
    }
    let known =
        |it: &DemoTopic| (it.name.to_owned(), Expected::Partitions(usize::from(it.partitions)));
    admin.wait_until_known(&TOPICS.iter().map(known).collect::<Vec<_>>()).await?;
    Ok(())
}

/// Writes the history of all topics; `values` has one of each.
pub(super) async fn write_history(
    writer: &Writer,
    values: &mut [Box<dyn Values>],
    now: jiff::Timestamp,
) -> Result<(), Error> {
    for (topic, values) in TOPICS.iter().zip(values) {
        let name: Arc<str> = topic.name.into();
        for age in topic.history.ages() {
            let at = now.checked_sub(age).unwrap_or(now);
            writer.send_and_forget(record(Arc::clone(&name), values.next(at), at)).await?;
        }
    }
    writer.flush().await;
    Ok(())
}

/// An event as a record.
pub(super) fn record(topic: Arc<str>, event: Event, at: jiff::Timestamp) -> Record<String, String> {
    let header = |(key, value): (&str, &str)| Header {
        key: key.to_owned(),
        value: Some(value.as_bytes().to_vec()),
    };
    Record {
        topic,
        partition: None,
        timestamp: Some(Timestamp(at.as_millisecond())),
        key: event.key,
        value: event.value,
        headers: event.headers.into_iter().map(header).collect(),
    }
}

/// Commits for each group how far it has come.
pub(super) async fn commit_starts(admin: &Admin, now: jiff::Timestamp) -> Result<(), Error> {
    for group in groups::all() {
        let Some(topic) = TOPICS.iter().find(|it| it.name == group.topic) else { continue };
        let query = match group.start {
            Start::CaughtUp => OffsetQuery::Latest,
            Start::Behind(by) => {
                let since = now.checked_sub(by).unwrap_or(now);
                OffsetQuery::At(Timestamp(since.as_millisecond()))
            }
        };
        let partitions =
            (0..i32::from(topic.partitions)).map(|it| TopicPartition::new(topic.name, it));
        let queries = partitions.map(|it| (it, query)).collect();
        let mut offsets = BTreeMap::new();
        for (partition, found) in admin.list_offsets(&queries, Isolation::default()).await? {
            let found = found?;
            if let Some(offset) = found.offset {
                let leader_epoch = found.leader_epoch;
                let metadata = String::new();
                offsets.insert(partition, CommittedOffset { offset, leader_epoch, metadata });
            }
        }
        for (_, committed) in admin.alter_offsets(group.name, &offsets).await? {
            committed?;
        }
    }
    Ok(())
}
