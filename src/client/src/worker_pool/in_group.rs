//! A worker pool that works for a member of a group.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use kt_protocol::types::{Offset, TopicPartition};

use super::effect::{Commit, Report};
use super::pool::{WorkerPool, WorkerPoolError, WorkerPoolHandle};
use super::source::Source;
use crate::consumer::FetchedRecords;
use crate::consumer::group::{
    GroupConsumer, HookFuture, OffsetAndMetadata, Offsets, RebalanceListener, Subscription,
};
use crate::error::Error;

/// How long a poll waits; the pool ends it when it wants something else.
const POLL: Duration = Duration::from_secs(3600);

impl WorkerPool {
    /// Subscribes a consumer and works as [`WorkerPool::run`] does. A partition that goes to another
    /// member is given back when what has begun has ended and is committed.
    ///
    /// # Errors
    ///
    /// As [`WorkerPool::run`]; and if the consumer commits by itself (`enable.auto.commit`), which
    /// would commit records before they are processed.
    pub async fn run_in_group(
        self,
        consumer: &GroupConsumer,
        subscription: Subscription,
        end: impl Future<Output = ()>,
    ) -> Result<(), WorkerPoolError> {
        if consumer.group_config().auto_commit.is_enabled {
            let sentence = "a worker pool commits what is processed: it needs \
                            enable.auto.commit=false";
            return Err(Error::Refused(sentence.to_owned()).into());
        }
        consumer.subscribe_with(subscription, Arc::new(Listener(self.handle())));
        self.run(&mut Member(consumer), end).await
    }
}

/// Tells the pool of rebalances.
struct Listener(WorkerPoolHandle);

impl RebalanceListener for Listener {
    fn revoked<'a>(
        &'a self,
        consumer: &'a GroupConsumer,
        partitions: &'a BTreeSet<TopicPartition>,
    ) -> HookFuture<'a> {
        Box::pin(async move {
            let partitions: Vec<TopicPartition> = partitions.iter().cloned().collect();
            let commits = self.0.revoked(&partitions).await;
            if commits.is_empty() {
                return;
            }
            if let Err(error) = consumer.commit(offsets(&commits)).await {
                self.0.report(&Report::CommitFailed(error.to_string()));
            }
        })
    }

    fn assigned<'a>(
        &'a self,
        consumer: &'a GroupConsumer,
        partitions: &'a BTreeSet<TopicPartition>,
    ) -> HookFuture<'a> {
        for partition in partitions {
            // Where nothing is committed the position is still looked for; no record lies below 0.
            let position = consumer.position(partition).map_or(Offset(0), |it| it.offset);
            self.0.assigned(partition, position);
        }
        Box::pin(std::future::ready(()))
    }

    fn lost<'a>(
        &'a self,
        _consumer: &'a GroupConsumer,
        partitions: &'a BTreeSet<TopicPartition>,
    ) -> HookFuture<'a> {
        let partitions: Vec<TopicPartition> = partitions.iter().cloned().collect();
        self.0.lost(&partitions);
        Box::pin(std::future::ready(()))
    }
}

/// A member of a group, as the pool sees it.
struct Member<'a>(&'a GroupConsumer);

impl Source for Member<'_> {
    async fn poll(&mut self) -> Result<Vec<FetchedRecords>, Error> {
        Ok(self.0.poll(POLL).await?.records)
    }

    fn pause(&mut self, partition: &TopicPartition) {
        self.0.pause([partition]);
    }

    fn resume(&mut self, partition: &TopicPartition) {
        self.0.resume([partition]);
    }

    async fn commit(&mut self, commits: &[Commit]) -> Result<(), Error> {
        self.0.commit(offsets(commits)).await
    }
}

fn offsets(commits: &[Commit]) -> Offsets {
    let offset = |it: &Commit| OffsetAndMetadata {
        offset: it.offset,
        leader_epoch: it.leader_epoch,
        metadata: String::new(),
    };
    commits.iter().map(|it| (it.partition.clone(), offset(it))).collect()
}
