//! The worker pool that programs use: polls a consumer, hands records to tasks, commits what is
//! finished.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::future::Future;
use std::sync::Arc;

use kt_protocol::ApiKey;
use kt_protocol::types::{Offset, TopicPartition};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::backlog::{Backlog, Next};
use super::effect::{Commit, FailedRecord, Refused, Report};
use super::machine::Machine;
use super::owned_record::OwnedRecord;
use super::settings::WorkerPoolConfig;
use super::shared::{Flow, Processing, Shared};
use super::source::Source;
use crate::consumer::FetchedRecords;
use crate::duration::after;
use crate::error::Error;

/// Why a pool ended.
///
/// ```
/// # kt_doc_broker::with_orders(&["tea"], async |bootstrap| {
/// use kt_client::consumer::group::{GroupConfig, GroupConsumer, Subscription};
/// use kt_client::consumer::{ConsumerConfig, OffsetReset};
/// use kt_client::worker_pool::{OwnedRecord, WorkerPool, WorkerPoolConfig, WorkerPoolError};
/// use kt_client::{Client, ClientConfig};
///
/// let client = Client::new(ClientConfig { bootstrap, ..ClientConfig::default() });
/// let offset_reset = OffsetReset::Earliest;
/// let reading = ConsumerConfig { offset_reset, ..ConsumerConfig::default() };
/// let mut group = GroupConfig::new("billing");
/// group.auto_commit.is_enabled = false;
/// let consumer = GroupConsumer::new(client, reading, group)?;
/// let pool = WorkerPool::new(WorkerPoolConfig::default(), |_: OwnedRecord| async {
///     Err::<(), _>("the printer is out of paper")
/// });
/// let subscription = Subscription::names(["orders"]);
/// match pool.run_in_group(&consumer, subscription, std::future::pending()).await {
///     Err(WorkerPoolError::Failed(failed)) => assert_eq!(
///         failed.to_string(),
///         "offset 0 of orders-0 failed after 1 try: the printer is out of paper"
///     ),
///     other => other?,
/// }
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Debug, thiserror::Error)]
pub enum WorkerPoolError {
    /// A record could not be processed, and the policy says to stop.
    #[error("{0}")]
    Failed(FailedRecord),
    /// The consumer failed.
    #[error(transparent)]
    Consumer(#[from] Error),
}

/// Processes the records of one consumer side by side.
///
/// ```
/// # kt_doc_broker::with_orders(&["tea", "coffee"], async |bootstrap| {
/// use kt_client::consumer::group::{GroupConfig, GroupConsumer, Subscription};
/// use kt_client::consumer::{ConsumerConfig, OffsetReset};
/// use kt_client::worker_pool::{Order, OwnedRecord, WorkerPool, WorkerPoolConfig};
/// use kt_client::{Client, ClientConfig};
///
/// let client = Client::new(ClientConfig { bootstrap, ..ClientConfig::default() });
/// let offset_reset = OffsetReset::Earliest;
/// let reading = ConsumerConfig { offset_reset, ..ConsumerConfig::default() };
/// let mut group = GroupConfig::new("billing");
/// // The pool commits what is processed.
/// group.auto_commit.is_enabled = false;
/// # let admin = kt_client::Admin::new(client.clone());
/// let consumer = GroupConsumer::new(client, reading, group)?;
///
/// let (bills, mut billed) = tokio::sync::mpsc::unbounded_channel();
/// let config = WorkerPoolConfig { order: Order::Key, ..WorkerPoolConfig::default() };
/// let pool = WorkerPool::new(config, move |record: OwnedRecord| {
///     let bills = bills.clone();
///     async move { bills.send(record.value) }
/// });
/// // Until two are done; a service rather waits for `tokio::signal::ctrl_c`.
/// let end = async {
///     for _ in 0..2 {
///         println!("{:?}", billed.recv().await);
///     }
/// };
/// pool.run_in_group(&consumer, Subscription::names(["orders"]), end).await?;
/// # for (_, committed) in admin.committed_offsets("billing").await? {
/// #     assert_eq!(committed?.offset.0, 2);
/// # }
/// # assert_eq!(admin.committed_offsets("billing").await?.len(), 1);
/// # Ok(())
/// # });
/// ```
pub struct WorkerPool {
    config: WorkerPoolConfig,
    shared: Arc<Shared>,
    backlogs: BTreeMap<TopicPartition, Backlog>,
    timer: AbortHandle,
}

/// Tells a pool which partitions its consumer has. It may be cloned.
///
/// Shown at [`Source`](super::Source).
#[derive(Clone)]
pub struct WorkerPoolHandle {
    shared: Arc<Shared>,
}

impl WorkerPool {
    /// Starts a pool on the current runtime that processes each record with `handler`. Who wants to
    /// hear of tries that fail takes [`WorkerPool::reporting`].
    ///
    /// A handler that is abandoned, because its partition was taken away, is dropped at its next
    /// await.
    pub fn new<H, P, E>(config: WorkerPoolConfig, handler: H) -> WorkerPool
    where
        H: Fn(OwnedRecord) -> P + Send + Sync + 'static,
        P: Future<Output = Result<(), E>> + Send + 'static,
        E: Display,
    {
        WorkerPool::reporting(config, handler, |_| {})
    }

    /// The same; `report` hears of each try that failed.
    pub fn reporting<H, P, E>(
        config: WorkerPoolConfig,
        handler: H,
        report: impl Fn(&Report) + Send + Sync + 'static,
    ) -> WorkerPool
    where
        H: Fn(OwnedRecord) -> P + Send + Sync + 'static,
        P: Future<Output = Result<(), E>> + Send + 'static,
        E: Display,
    {
        let handler = move |record: OwnedRecord| -> Processing {
            let processing = handler(record);
            Box::pin(async move { processing.await.map_err(|error| error.to_string()) })
        };
        let machine = Machine::new(config, config.seed);
        let shared = Arc::new(Shared::new(machine, Box::new(handler), Box::new(report)));
        let timer = tokio::spawn(Arc::clone(&shared).keep_time()).abort_handle();
        WorkerPool { config, shared, backlogs: BTreeMap::new(), timer }
    }

    /// What tells this pool of partitions that come and go.
    pub fn handle(&self) -> WorkerPoolHandle {
        WorkerPoolHandle { shared: Arc::clone(&self.shared) }
    }

    /// Works until `end` comes, a record stops the pool or the consumer fails. Then what has begun
    /// may end, within `revoke_timeout`, and what is finished is committed.
    ///
    /// # Errors
    ///
    /// Fails if a record stopped the pool, and if the consumer fails in polling or in the last
    /// commit. A commit that fails on the way is tried again with the next.
    pub async fn run<S: Source>(
        mut self,
        source: &mut S,
        end: impl Future<Output = ()>,
    ) -> Result<(), WorkerPoolError> {
        let worked = self.work(source, end).await;
        let commits = self.handle().revoke_all().await;
        let committed = match commits.is_empty() {
            true => Ok(()),
            false => source.commit(&commits).await,
        };
        worked?;
        Ok(committed?)
    }

    async fn work<S: Source>(
        &mut self,
        source: &mut S,
        end: impl Future<Output = ()>,
    ) -> Result<(), WorkerPoolError> {
        let shared = Arc::clone(&self.shared);
        tokio::pin!(end);
        let mut commit_at = after(Instant::now(), self.config.commit_interval);
        loop {
            self.direct(source)?;
            if let Some(failed) = shared.look(|machine| machine.stopped().cloned()) {
                return Err(WorkerPoolError::Failed(failed));
            }
            tokio::select! {
                () = &mut end => return Ok(()),
                () = shared.attention.notified() => {}
                () = tokio::time::sleep_until(commit_at) => {
                    self.commit(source).await;
                    commit_at = after(Instant::now(), self.config.commit_interval);
                }
                polled = source.poll() => {
                    for records in polled? {
                        self.take(records);
                    }
                }
            }
        }
    }

    /// Feeds what there is room for, and tells the consumer what to poll.
    fn direct<S: Source>(&mut self, source: &mut S) -> Result<(), Error> {
        let Flow { paused, resumed } = self.shared.take_flow();
        for partition in &paused {
            source.pause(partition);
        }
        let fresh = self.backlogs.keys().filter(|it| !paused.contains(*it)).cloned();
        for partition in fresh.collect::<Vec<_>>() {
            self.feed(&partition)?;
        }
        for partition in resumed {
            // What was polled before may have filled the room again.
            if !self.backlogs.contains_key(&partition) {
                source.resume(&partition);
            }
        }
        Ok(())
    }

    /// Takes what was polled, if its partition is still there.
    fn take(&mut self, records: FetchedRecords) {
        let partition = records.partition().clone();
        let Some(assignment) = self.shared.look(|machine| machine.assignment(&partition)) else {
            return;
        };
        let backlog = self.backlogs.entry(partition).or_insert_with(|| Backlog::new(assignment));
        if backlog.assignment != assignment {
            *backlog = Backlog::new(assignment);
        }
        backlog.push(records);
    }

    /// Offers what was polled of a partition until it is full.
    fn feed(&mut self, partition: &TopicPartition) -> Result<(), Error> {
        let Some(backlog) = self.backlogs.get_mut(partition) else { return Ok(()) };
        if self.shared.look(|machine| machine.assignment(partition)) != Some(backlog.assignment) {
            self.backlogs.remove(partition);
            return Ok(());
        }
        loop {
            let next = backlog.next().map_err(|error| Error::protocol(ApiKey::Fetch, error))?;
            let record = match next {
                None => break,
                Some(Next::End(next)) => {
                    self.shared.with(|machine, _, _| machine.pass(partition, next));
                    continue;
                }
                Some(Next::Record(record)) => record,
            };
            if let Err(refused) = self.shared.offer(partition, record) {
                match refused {
                    Refused::Repeated => continue,
                    Refused::NotAssigned => break,
                    Refused::Full(offered) => {
                        backlog.put_back(Next::Record(offered.record));
                        return Ok(());
                    }
                }
            }
        }
        self.backlogs.remove(partition);
        Ok(())
    }

    async fn commit<S: Source>(&self, source: &mut S) {
        let commits = self.shared.look(Machine::committable);
        if commits.is_empty() {
            return;
        }
        if let Err(error) = source.commit(&commits).await {
            self.shared.report(&Report::CommitFailed(error.to_string()));
            return;
        }
        self.shared.with(|machine, _, _| {
            for commit in &commits {
                machine.on_committed(commit);
            }
        });
    }
}

impl Drop for WorkerPool {
    fn drop(&mut self) {
        self.timer.abort();
        self.shared.close();
    }
}

impl fmt::Debug for WorkerPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkerPool").field("config", &self.config).finish_non_exhaustive()
    }
}

impl fmt::Debug for WorkerPoolHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkerPoolHandle").finish_non_exhaustive()
    }
}

impl WorkerPoolHandle {
    /// The consumer has got a partition, and gives records from `position` on, or from somewhere
    /// above.
    pub fn assigned(&self, partition: &TopicPartition, position: Offset) {
        self.shared.forget_release(partition);
        self.shared.with(|machine, _, effects| machine.assign(partition, position, effects));
    }

    /// The consumer is to give partitions away. Waits until nothing of them is under way, no longer
    /// than `revoke_timeout`. Gives what is to be committed before they are given away; if that was
    /// interrupted, a second call gives it again.
    #[must_use = "what is not committed is processed again"]
    pub async fn revoked(&self, partitions: &[TopicPartition]) -> Vec<Commit> {
        self.shared.revoke(partitions).await
    }

    /// Partitions were lost: others may have them already. Their work is dropped.
    pub fn lost(&self, partitions: &[TopicPartition]) {
        self.shared.with(|machine, now, effects| {
            for partition in partitions {
                machine.lose(now, partition, effects);
            }
        });
    }

    pub(super) fn report(&self, report: &Report) {
        self.shared.report(report);
    }

    async fn revoke_all(&self) -> Vec<Commit> {
        let partitions = self.shared.look(Machine::partitions);
        self.shared.revoke(&partitions).await
    }
}

#[cfg(test)]
mod tests;
