//! A member of a group that reads what the group gives it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use kt_protocol::types::TopicPartition;
use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::commits::{Committed, OffsetAndMetadata, OffsetCommitCallback, Offsets};
use super::committed::Seeker;
use super::driver::{self, Audience, Ended, Shared};
use super::errands::{Asking, Errands, LastCommit, StartErrand};
use super::listener::{NoListener, RebalanceListener};
use super::machine::GroupMachine;
use super::membership::Event;
use super::metrics::GroupMetrics;
use super::{GroupConfig, Subscription};
use crate::client::Client;
use crate::consumer::assignor::GenerationId;
use crate::consumer::{Consumer, ConsumerConfig, Interceptor, Polled, Position, Start};
use crate::duration::after;
use crate::error::Error;
use crate::pool::Lane;

/// A consumer that shares topics with the other members of its group.
///
/// All of it happens within [`GroupConsumer::poll`]: joining, giving partitions back, records. A
/// task keeps the membership alive meanwhile, but no longer than `max.poll.interval.ms` from one
/// poll to the next.
///
/// ```
/// # kt_doc_broker::with_orders(&["tea", "coffee"], async |bootstrap| {
/// use std::time::Duration;
///
/// use kt_client::consumer::group::{GroupConfig, GroupConsumer, Subscription};
/// use kt_client::consumer::{ConsumerConfig, OffsetReset};
/// use kt_client::{Client, ClientConfig};
///
/// let client = Client::new(ClientConfig { bootstrap, ..ClientConfig::default() });
/// let offset_reset = OffsetReset::Earliest;
/// let reading = ConsumerConfig { offset_reset, ..ConsumerConfig::default() };
/// let consumer = GroupConsumer::new(client, reading, GroupConfig::new("billing"))?;
/// consumer.subscribe(Subscription::names(["orders"]));
/// let mut seen = 0;
/// while seen < 2 {
///     for records in consumer.poll(Duration::from_secs(1)).await?.records {
///         let mut cursor = records.cursor();
///         while let Some(record) = cursor.next()? {
///             println!("{}: {:?}", record.offset, record.value);
///             seen += 1;
///         }
///     }
///     // Or leave it to `enable.auto.commit`.
///     consumer.commit_polled().await?;
/// }
/// consumer.close(Duration::from_secs(30)).await?;
/// # Ok(())
/// # });
/// ```
pub struct GroupConsumer {
    client: Client,
    reader: Consumer,
    config: GroupConfig,
    shared: Arc<Shared>,
    listener: Mutex<Arc<dyn RebalanceListener>>,
    /// One call at a time may take events and give records.
    turn: tokio::sync::Mutex<Errands>,
    _ending: Ending,
}

/// Ends with the consumer what is there for it alone: the task and the connections.
struct Ending {
    task: AbortHandle,
    client: Client,
    lane: Lane,
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.task.abort();
        self.client.end_lane(self.lane);
    }
}

/// Who a consumer is in its group, for those who commit in its name.
///
/// ```
/// # kt_doc_broker::with_orders(&[], async |bootstrap| {
/// use std::time::Duration;
///
/// use kt_client::consumer::ConsumerConfig;
/// use kt_client::consumer::group::{GroupConfig, GroupConsumer, Subscription};
/// use kt_client::{Client, ClientConfig};
///
/// let client = Client::new(ClientConfig { bootstrap, ..ClientConfig::default() });
/// let group = GroupConfig::new("billing");
/// let consumer = GroupConsumer::new(client, ConsumerConfig::default(), group)?;
/// assert_eq!(consumer.group_metadata().generation, None);
/// consumer.subscribe(Subscription::names(["orders"]));
/// while consumer.assignment().is_empty() {
///     consumer.poll(Duration::from_millis(100)).await?;
/// }
/// let me = consumer.group_metadata();
/// println!("{} is in generation {:?}", me.member_id, me.generation);
/// assert!(me.generation.is_some());
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupMetadata {
    /// `group.id`
    pub group_id: String,
    /// The generation that it takes part in, if it does.
    pub generation: Option<GenerationId>,
    /// The coordinator's name for it; empty until it gave one.
    pub member_id: String,
    /// `group.instance.id`
    pub instance_id: Option<String>,
}

impl GroupConsumer {
    /// Joins nothing yet.
    ///
    /// # Errors
    ///
    /// Fails if the group's settings are wrong together.
    ///
    /// # Panics
    ///
    /// Panics outside of a tokio runtime: heartbeats and fetches go on in tasks.
    pub fn new(
        client: Client,
        config: ConsumerConfig,
        group: GroupConfig,
    ) -> Result<GroupConsumer, Error> {
        GroupConsumer::with_interceptors(client, config, group, Vec::new())
    }

    /// The same, with interceptors, which hear of commits too. They are called within the calls of
    /// this consumer.
    ///
    /// # Errors
    ///
    /// As [`GroupConsumer::new`].
    ///
    /// # Panics
    ///
    /// As [`GroupConsumer::new`].
    pub fn with_interceptors(
        client: Client,
        config: ConsumerConfig,
        group: GroupConfig,
        interceptors: Vec<Box<dyn Interceptor>>,
    ) -> Result<GroupConsumer, Error> {
        group.check().map_err(|error| Error::Refused(error.to_string()))?;
        let membership = group.membership(client.config(), &config.rack);
        let commits = group.commits(client.config());
        let machine = GroupMachine::new(membership, commits, client.seed())?;
        let audience = match interceptors.is_empty() {
            true => Audience::Nobody,
            false => Audience::Interceptors,
        };
        let shared = Arc::new(Shared::new(machine, client.seed(), audience));
        let task = tokio::spawn(driver::run(client.clone(), Arc::clone(&shared)));
        let (task, lane) = (task.abort_handle(), shared.lane);
        Ok(GroupConsumer {
            reader: Consumer::with_interceptors(client.clone(), config, interceptors),
            _ending: Ending { task, client: client.clone(), lane },
            client,
            config: group,
            shared,
            listener: Mutex::new(Arc::new(NoListener)),
            turn: tokio::sync::Mutex::default(),
        })
    }

    /// Wants to read these topics, and none that were wanted before. The next poll joins.
    pub fn subscribe(&self, subscription: Subscription) {
        self.subscribe_with(subscription, Arc::new(NoListener));
    }

    /// The same, with somebody who hears of partitions that come and go.
    pub fn subscribe_with(&self, subscription: Subscription, listener: Arc<dyn RebalanceListener>) {
        *self.listener.lock() = listener;
        self.shared.with(|machine, now, effects| {
            machine.subscribe(subscription);
            machine.poll(now, effects);
        });
    }

    /// Takes part in rebalances, and gives records, but waits no longer than `timeout`, neither for
    /// records nor for the coordinator: the next poll goes on where this one ends. Only hooks take as
    /// long as they take. Calling it says that the caller is done with what earlier calls gave. A poll
    /// that is dropped while it waits has lost nothing.
    ///
    /// # Errors
    ///
    /// Fails if the group refuses this consumer, which every later poll says too until it
    /// unsubscribes; once if `max.poll.interval.ms` was passed, with by how much, or if no
    /// coordinator is found in time; and as [`Consumer::poll`].
    pub async fn poll(&self, timeout: Duration) -> Result<Polled, Error> {
        let mut errands = self.turn.lock().await;
        let deadline = Instant::now().checked_add(timeout);
        let _inside = Inside(&self.shared);
        self.note_polled();
        self.shared.with(|machine, now, effects| machine.on_poll(now, effects));
        loop {
            match self.do_what_the_group_wants(&mut errands, deadline).await? {
                Unfinished::Nothing => {}
                Unfinished::Start(polled) => return Ok(polled),
                // What is given now would be given again by whoever gets the partitions.
                Unfinished::LastCommit => return Ok(Polled::default()),
            }
            if let Some(polled) = self.wait(deadline).await? {
                return Ok(polled);
            }
        }
    }

    /// Waits for records or the end of time; `None`: the group wants something.
    async fn wait(&self, deadline: Option<Instant>) -> Result<Option<Polled>, Error> {
        let _waiting = Waiting::begin(&self.shared);
        // Enabled before looking, so that what comes in between is not slept over.
        let mut changed = std::pin::pin!(self.shared.changed.notified());
        changed.as_mut().enable();
        if self.shared.look(GroupMachine::wants_something) {
            return Ok(None);
        }
        tokio::select! {
            biased;
            () = changed => Ok(None),
            polled = self.reader.poll(left(deadline)) => polled.map(Some),
        }
    }

    /// What the caller is done with is what polls gave until now.
    fn note_polled(&self) {
        if self.config.auto_commit.is_enabled {
            let polled = self.polled_offsets();
            self.shared.with(|machine, _, _| machine.commits_mut().note_processed(polled));
        }
    }

    /// Where polls have come to, in the partitions that are this member's.
    fn polled_offsets(&self) -> Offsets {
        let positions = self.reader.positions();
        let owned = self.shared.look(|machine| machine.membership().owned().clone());
        let ours = positions.into_iter().filter(|(it, _)| owned.contains(it));
        ours.map(|(it, position)| (it, OffsetAndMetadata::from(position))).collect()
    }

    /// Calls back who asked for it, and tells interceptors and the observer.
    fn tell_of_commits(&self) {
        self.shared.call_back();
        let Ended { committed, failed } = self.shared.take_ended();
        for offsets in committed {
            let positions = offsets.into_iter().map(|(partition, it)| {
                let OffsetAndMetadata { offset, leader_epoch, .. } = it;
                (partition, Position { offset, leader_epoch })
            });
            self.reader.tell_committed(&positions.collect());
        }
        for error in &failed {
            let group = self.config.group_id.as_str();
            self.client.observe(&crate::Event::AutoCommitFailed { group, error });
        }
    }

    /// Runs hooks and callbacks until none is due, or the coordinator lets it wait for too long.
    async fn do_what_the_group_wants(
        &self,
        errands: &mut Errands,
        deadline: Option<Instant>,
    ) -> Result<Unfinished, Error> {
        self.tell_of_commits();
        while let Some(event) = self.shared.with(|machine, _, _| machine.event()) {
            let error = match event {
                Event::Failed(error) => Some(error),
                Event::Assign(added) => {
                    if let Some(polled) = self.begin_reading(errands, &added, deadline).await? {
                        return Ok(Unfinished::Start(polled));
                    }
                    self.listener().assigned(self, &added).await;
                    None
                }
                Event::Revoke(gone) => {
                    if self.commit_before_revoke(errands, deadline).await == Progress::OutOfTime {
                        return Ok(Unfinished::LastCommit);
                    }
                    self.listener().revoked(self, &gone).await;
                    self.reader.unassign(&gone);
                    None
                }
                Event::Lost(gone) => {
                    self.reader.unassign(&gone);
                    self.listener().lost(self, &gone).await;
                    None
                }
            };
            *errands = Errands::default();
            self.shared.with(|machine, now, effects| machine.acknowledge(now, effects));
            if let Some(error) = error {
                return Err(error);
            }
        }
        match self.shared.look(|machine| machine.membership().fatal().cloned()) {
            Some(error) => Err(error),
            None => Ok(Unfinished::Nothing),
        }
    }

    fn listener(&self) -> Arc<dyn RebalanceListener> {
        Arc::clone(&self.listener.lock())
    }

    /// Begins where the group has come to. If that is not known yet, what is read already goes on:
    /// then gives what there is of it, or nothing when time is up.
    async fn begin_reading(
        &self,
        errands: &mut Errands,
        added: &BTreeSet<TopicPartition>,
        deadline: Option<Instant>,
    ) -> Result<Option<Polled>, Error> {
        if added.is_empty() {
            return Ok(None);
        }
        if matches!(errands.start, StartErrand::NotBegun) {
            errands.start = StartErrand::Asking(Asking::begin(self.seeker(), added.clone()));
        }
        let StartErrand::Asking(asking) = &mut errands.start else { return Ok(None) };
        let waiting = Waiting::begin(&self.shared);
        let answer = tokio::select! {
            biased;
            answer = asking.answer() => answer,
            polled = self.reader.poll(left(deadline)) => return polled.map(Some),
        };
        drop(waiting);
        errands.start = StartErrand::NotBegun;
        let committed = answer?;
        let starts = added.iter().map(|it| {
            let start = committed.get(it).map_or(Start::Reset, |it| {
                Start::Position(Position { offset: it.offset, leader_epoch: it.leader_epoch })
            });
            (it.clone(), start)
        });
        self.reader.assign_more(starts);
        errands.start = StartErrand::Done;
        Ok(None)
    }

    /// What cannot be committed is read again by who gets it: nothing is lost.
    async fn commit_before_revoke(
        &self,
        errands: &mut Errands,
        deadline: Option<Instant>,
    ) -> Progress {
        if matches!(errands.last_commit, LastCommit::NotBegun) {
            let offsets = self.shared.look(|machine| machine.commits().uncommitted());
            let committed = self.shared.commit(offsets, self.client.config().timeout);
            errands.last_commit = LastCommit::Asked(committed);
        }
        let LastCommit::Asked(committed) = &mut errands.last_commit else { return Progress::Done };
        let waiting = Waiting::begin(&self.shared);
        if tokio::time::timeout(left(deadline), committed).await.is_err() {
            return Progress::OutOfTime;
        }
        drop(waiting);
        errands.last_commit = LastCommit::Done;
        self.tell_of_commits();
        Progress::Done
    }

    /// What auto commit would commit later is committed now.
    async fn commit_uncommitted(&self) -> Result<(), Error> {
        let offsets = self.shared.look(|machine| machine.commits().uncommitted());
        self.commit(offsets).await
    }

    /// Commits the positions behind what polls gave.
    ///
    /// # Errors
    ///
    /// As [`GroupConsumer::commit`].
    pub async fn commit_polled(&self) -> Result<(), Error> {
        self.commit(self.polled_offsets()).await
    }

    /// Commits: each offset is the next to read. Tried again until the client's time-out
    /// (`default.api.timeout.ms`).
    ///
    /// ```
    /// # kt_doc_broker::with_orders(&["tea", "coffee"], async |bootstrap| {
    /// use kt_client::consumer::group::{OffsetAndMetadata, Offsets};
    /// # use kt_client::{Client, ClientConfig};
    /// use kt_protocol::types::{Offset, TopicPartition};
    ///
    /// # let client = Client::new(ClientConfig { bootstrap, ..ClientConfig::default() });
    /// # let consumer = kt_doc_broker::join("billing", &client).await?;
    /// let orders = TopicPartition::new("orders", 0);
    /// let metadata = "batch 17".to_owned();
    /// // The record at 0 is done: 1 is the next to read.
    /// let commit = OffsetAndMetadata { offset: Offset(1), leader_epoch: None, metadata };
    /// consumer.commit(Offsets::from([(orders.clone(), commit)])).await?;
    /// let committed = consumer.committed(&[orders.clone()].into()).await?;
    /// assert_eq!(committed[&orders].metadata, "batch 17");
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// Fails with [`Error::GroupLost`] if the group went on without this member, with the limit
    /// that was passed and by how much; if the coordinator refuses; or if time is up.
    pub async fn commit(&self, offsets: Offsets) -> Result<(), Error> {
        let timeout = self.client.config().timeout;
        let result = outcome(self.shared.commit(offsets, timeout)).await;
        self.tell_of_commits();
        result
    }

    /// Commits, trying once: a later commit covers it, and an older one that is tried again could
    /// overtake a newer. The callback is called within a later call of this consumer.
    ///
    /// ```
    /// # kt_doc_broker::with_orders(&["tea", "coffee"], async |bootstrap| {
    /// use kt_client::consumer::group::{OffsetAndMetadata, Offsets};
    /// # use kt_client::{Client, ClientConfig};
    /// use kt_protocol::types::{Offset, TopicPartition};
    ///
    /// # let client = Client::new(ClientConfig { bootstrap, ..ClientConfig::default() });
    /// # let consumer = kt_doc_broker::join("billing", &client).await?;
    /// let offset = OffsetAndMetadata::from(Offset(1));
    /// let offsets = Offsets::from([(TopicPartition::new("orders", 0), offset)]);
    /// # let (told, mut hears) = tokio::sync::mpsc::unbounded_channel();
    /// consumer.commit_async(offsets, move |offsets, outcome| {
    ///     if let Err(error) = &outcome {
    ///         eprintln!("{offsets:?}: {error}");
    ///     }
    /// #   let _ = told.send(outcome.is_ok());
    /// });
    /// # while hears.is_empty() { consumer.poll(std::time::Duration::from_millis(10)).await?; }
    /// # assert_eq!(hears.recv().await, Some(true));
    /// # Ok(())
    /// # });
    /// ```
    pub fn commit_async(
        &self,
        offsets: Offsets,
        callback: impl FnOnce(&Offsets, Result<(), Error>) + Send + 'static,
    ) {
        let callback: OffsetCommitCallback = Box::new(callback);
        self.shared.commit_then(
            |machine, now, effects| machine.commit_async(now, offsets, effects),
            callback,
        );
    }

    /// Where the group has come to in these partitions; one without a commit is not in the answer.
    ///
    /// # Errors
    ///
    /// Fails if the coordinator does not answer in time, or refuses.
    pub async fn committed(&self, partitions: &BTreeSet<TopicPartition>) -> Result<Offsets, Error> {
        self.seeker().committed(partitions).await
    }

    fn seeker(&self) -> Seeker {
        Seeker {
            client: self.client.clone(),
            shared: Arc::clone(&self.shared),
            group: self.config.group_id.clone(),
        }
    }

    /// Shares the group's partitions out anew although nothing has changed: an assignor may look at
    /// more than topics and members.
    pub fn enforce_rebalance(&self, reason: &str) {
        self.shared.with(|machine, now, effects| {
            machine.enforce_rebalance(now, reason, effects);
        });
    }

    /// Who this consumer is in its group.
    pub fn group_metadata(&self) -> GroupMetadata {
        let identity = self.shared.look(|machine| machine.membership().identity().clone());
        GroupMetadata {
            group_id: self.config.group_id.clone(),
            generation: identity.generation,
            member_id: identity.member_id,
            instance_id: self.config.instance_id.clone(),
        }
    }

    /// Counts since the beginning.
    pub fn metrics(&self) -> GroupMetrics {
        let (membership, commits) =
            self.shared.look(|machine| (machine.membership().counts(), machine.commits().counts()));
        GroupMetrics { membership, commits, fetcher: self.reader.metrics() }
    }

    /// What it was told of its group.
    pub fn group_config(&self) -> &GroupConfig {
        &self.config
    }

    /// What it reads.
    pub fn assignment(&self) -> BTreeSet<TopicPartition> {
        self.shared.look(|machine| machine.membership().owned().clone())
    }

    /// Reads nothing any more: waits for commits that are under way, runs the revoke hook, and
    /// leaves the group.
    ///
    /// # Errors
    ///
    /// Fails if a commit of its own (auto commit) fails; it has left all the same.
    pub async fn unsubscribe(&self) -> Result<(), Error> {
        let timeout = self.client.config().timeout;
        self.part("the consumer unsubscribed from all topics", timeout).await
    }

    /// Ends: as [`GroupConsumer::unsubscribe`], within `timeout`. A consumer that is dropped
    /// without this stays a member until its session is over, and commits nothing.
    ///
    /// # Errors
    ///
    /// As [`GroupConsumer::unsubscribe`], and if time was up before commits were answered.
    pub async fn close(self, timeout: Duration) -> Result<(), Error> {
        let deadline = after(Instant::now(), timeout);
        let result = self.part("the consumer is being closed", timeout).await;
        self.reader.close(deadline.saturating_duration_since(Instant::now())).await;
        result
    }

    async fn part(&self, reason: &str, timeout: Duration) -> Result<(), Error> {
        let mut errands = self.turn.lock().await;
        *errands = Errands::default();
        let deadline = after(Instant::now(), timeout);
        let given_back = tokio::time::timeout_at(deadline, self.give_all_back()).await;
        self.shared.with(|machine, now, effects| machine.leave(now, reason, effects));
        self.reader.assign(BTreeMap::<TopicPartition, Start>::new());
        let has_left =
            self.shared.until(|machine| (!machine.membership().is_leaving()).then_some(()));
        // Who does not hear of it waits for the session to end.
        let _ = tokio::time::timeout_at(deadline, has_left).await;
        let operation = "giving partitions back".to_owned();
        given_back.unwrap_or(Err(Error::TimedOut { operation, after: timeout, last: None }))
    }

    async fn give_all_back(&self) -> Result<(), Error> {
        self.note_polled();
        let mut result = Ok(());
        match self.shared.with(|machine, _, _| machine.parting()) {
            Some(Event::Revoke(gone)) => {
                result = self.commit_uncommitted().await;
                self.listener().revoked(self, &gone).await;
            }
            Some(Event::Lost(gone)) => self.listener().lost(self, &gone).await,
            Some(Event::Assign(_) | Event::Failed(_)) | None => {}
        }
        self.shared.until(|machine| machine.commits().is_idle().then_some(())).await;
        self.tell_of_commits();
        result
    }

    /// Goes on at another place; `false` if the partition is not read.
    pub fn seek(&self, partition: &TopicPartition, start: impl Into<Start>) -> bool {
        self.reader.seek(partition, start)
    }

    /// Gives nothing of these partitions until they are resumed; the membership goes on.
    pub fn pause<'a>(&self, partitions: impl IntoIterator<Item = &'a TopicPartition>) {
        self.reader.pause(partitions);
    }

    /// Reads on.
    pub fn resume<'a>(&self, partitions: impl IntoIterator<Item = &'a TopicPartition>) {
        self.reader.resume(partitions);
    }

    /// The position behind what polls gave; `None` until one is found.
    pub fn position(&self, partition: &TopicPartition) -> Option<Position> {
        self.reader.position(partition)
    }

    /// What reads the partitions, to look at. What it reads is the group's business: assigning
    /// partitions to it, or taking them away, breaks that.
    pub fn reader(&self) -> &Consumer {
        &self.reader
    }
}

impl fmt::Debug for GroupConsumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GroupConsumer").field("config", &self.config).finish_non_exhaustive()
    }
}

/// What of an event is left to the next poll.
enum Unfinished {
    Nothing,
    /// The coordinator has not said where to begin. This was read elsewhere.
    Start(Polled),
    /// It has not answered the commit of what is given back.
    LastCommit,
}

/// Whether something ended within its time.
#[derive(PartialEq)]
enum Progress {
    Done,
    OutOfTime,
}

/// How much time is left; without a deadline all there is.
fn left(deadline: Option<Instant>) -> Duration {
    deadline.map_or(Duration::MAX, |it| it.saturating_duration_since(Instant::now()))
}

async fn outcome(committed: oneshot::Receiver<Committed>) -> Result<(), Error> {
    match committed.await {
        Ok(committed) => committed.result,
        Err(_) => Err(Error::Refused("the consumer has ended".to_owned())),
    }
}

/// While it lives, the caller is inside of a poll.
struct Inside<'a>(&'a Shared);

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.with(|machine, _, _| machine.on_poll_end());
    }
}

/// While it lives, the caller waits inside of a poll.
struct Waiting<'a>(&'a Shared);

impl<'a> Waiting<'a> {
    fn begin(shared: &'a Shared) -> Waiting<'a> {
        shared.with(|machine, now, _| machine.set_waiting(now, true));
        Waiting(shared)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.with(|machine, now, _| machine.set_waiting(now, false));
    }
}
