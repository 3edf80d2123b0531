//! A process that reads as a member of a group, says what it has read, and commits that or lets it be
//! committed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use kt_client::consumer::group::{
    GroupConfig, GroupConsumer, HookFuture, RebalanceListener, Subscription,
};
use kt_client::consumer::records::ReadError;
use kt_client::consumer::{ConsumerConfig, Polled};
use kt_client::{Error, Keys};
use kt_protocol::types::{Offset, TopicPartition};

use super::user::{self, GROUP, Outcome, Role, Said, TOPIC, Task};
use crate::support::client::SOON;
use crate::support::process::{Word, say};

const USUAL: [(&str, &str); 3] = [
    ("heartbeat.interval.ms", "100"),
    ("session.timeout.ms", "1500"),
    ("auto.commit.interval.ms", "20"),
];

async fn join(task: &Task) -> Result<GroupConsumer, Box<dyn std::error::Error>> {
    let mut group = GroupConfig::new(GROUP);
    let settings = task.settings.iter().map(|(key, value)| (&**key, &**value));
    for (key, value) in USUAL.into_iter().chain(settings) {
        group.set(key, value)?;
    }
    group.auto_commit.is_enabled = task.role == Role::ReadAndAutoCommit;
    let mut config = ConsumerConfig::default();
    config.set("auto.offset.reset", "earliest")?;
    config.set("fetch.max.wait.ms", "50")?;
    let consumer = GroupConsumer::new(user::client(task).await?, config, group)?;
    consumer.subscribe_with(Subscription::names([TOPIC]), Arc::new(Tell));
    Ok(consumer)
}

/// Reads, and commits after that, until told to end.
pub(super) async fn read(task: &Task, mut word: Word) -> Outcome {
    let consumer = join(task).await?;
    let mut is_behind = false;
    loop {
        let polled = tokio::select! {
            _ = &mut word => break,
            polled = consumer.poll(Duration::from_secs(1)) => polled?,
        };
        is_behind |= !tell(&polled)?.is_empty();
        if task.role == Role::ReadAndAutoCommit || !is_behind {
            continue;
        }
        let positions = consumer.reader().positions();
        match consumer.commit_polled().await {
            Ok(()) => is_behind = false,
            // What was refused is processed once more by whoever owns it then.
            Err(Error::GroupLost { .. }) => continue,
            Err(error) => return Err(error.into()),
        }
        for (partition, position) in positions {
            say(&Said::Done { partition: partition.partition.0, next: position.offset.0 });
        }
    }
    consumer.close(SOON).await?;
    Ok(())
}

/// What [`commit_late`] reads.
pub(super) const READ: i64 = 10;

/// What it commits of that at once.
pub(super) const COMMITTED: i64 = 4;

/// Reads the first partition, commits a part of it at once, and the others when it gets the word.
pub(super) async fn commit_late(task: &Task, word: Word) -> Outcome {
    let consumer = join(task).await?;
    let mut next = 0;
    while next < READ {
        next = tell(&consumer.poll(SOON).await?)?.get(&0).copied().unwrap_or(next);
    }
    let commit = |next| {
        let partition = TopicPartition::new(TOPIC, 0);
        consumer.commit(BTreeMap::from([(partition, Offset(next).into())]))
    };
    commit(COMMITTED).await?;
    say(&Said::Done { partition: 0, next: COMMITTED });
    let _ = word.await;
    match commit(next).await {
        Ok(()) => say(&Said::Done { partition: 0, next }),
        Err(error) => say(&Said::Refused(error.to_string())),
    }
    Ok(())
}

/// Says what was read; gives the next offset of each partition.
fn tell(polled: &Polled) -> Result<BTreeMap<i32, i64>, ReadError> {
    let mut next = BTreeMap::new();
    for records in &polled.records {
        let partition = records.partition().partition.0;
        let mut cursor = records.cursor();
        while let Some(record) = cursor.next()? {
            let value = String::from_utf8_lossy(record.value.unwrap_or_default()).into_owned();
            say(&Said::Read { partition, offset: record.offset.0, value });
            next.insert(partition, record.offset.0 + 1);
        }
    }
    Ok(next)
}

/// Says which partitions come and go.
struct Tell;

impl RebalanceListener for Tell {
    fn revoked<'a>(
        &'a self,
        _: &'a GroupConsumer,
        partitions: &'a BTreeSet<TopicPartition>,
    ) -> HookFuture<'a> {
        partitions.iter().for_each(|it| say(&Said::Give { partition: it.partition.0 }));
        Box::pin(std::future::ready(()))
    }

    fn assigned<'a>(
        &'a self,
        _: &'a GroupConsumer,
        partitions: &'a BTreeSet<TopicPartition>,
    ) -> HookFuture<'a> {
        partitions.iter().for_each(|it| say(&Said::Own { partition: it.partition.0 }));
        Box::pin(std::future::ready(()))
    }
}
