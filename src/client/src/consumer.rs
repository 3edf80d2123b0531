//! Records on their way from a cluster: partitions are assigned by hand here, or by a group in
//! [`group`].
//!
//! A [`Consumer`] fetches in the background while its caller works; [`Consumer::poll`] gives what
//! has come, by partition. Where each partition is and whom to ask is decided by [`fetcher`], and
//! what an answer shows by [`records`]; neither names tokio.

pub mod assignor;
mod by_topic;
mod config;
mod deserializer;
mod driver;
pub(crate) mod fetch;
#[doc(hidden)]
pub mod fetcher;
pub mod group;
mod interceptor;
mod offset_store;
mod panic_guard;
pub mod records;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kt_protocol::types::{NodeId, Offset, Timestamp, TopicPartition};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::Admin;
use crate::admin::{FoundOffset, OffsetQuery};
use crate::client::Client;
use crate::error::Error;
use crate::metadata::Partition;
use crate::pool::Lane;
pub use config::{ConsumerConfig, OffsetReset, PartitionEnds};
pub use deserializer::{Deserializer, MeaningError, Raw, Text, Typed, TypedCursor, TypedError};
use driver::Shared;
pub use fetcher::{Emptiness, FetcherCounts, Position, Start};
use fetcher::{Fetcher, Settings};
use interceptor::Interceptors;
pub use interceptor::{HookError, Interceptor};
pub use offset_store::{Continuity, OffsetStore, StoreError};
pub use records::{CrcCheck, FetchedRecords, Marks, Record, RecordCursor};

/// A reader of partitions that are given to it.
///
/// ```
/// # kt_doc_broker::with_orders(&["tea", "coffee"], async |bootstrap| {
/// use std::time::Duration;
///
/// use kt_client::consumer::{Consumer, ConsumerConfig, Start};
/// use kt_client::{Client, ClientConfig};
/// use kt_protocol::types::TopicPartition;
///
/// let client = Client::new(ClientConfig { bootstrap, ..ClientConfig::default() });
/// let consumer = Consumer::new(client, ConsumerConfig::default());
/// consumer.assign([(TopicPartition::new("orders", 0), Start::Earliest)]);
/// let mut values = Vec::new();
/// while values.len() < 2 {
///     for records in consumer.poll(Duration::from_secs(1)).await?.records {
///         let mut cursor = records.cursor();
///         while let Some(record) = cursor.next()? {
///             println!("{}: {:?}", record.offset, record.value);
///             values.push(record.value.unwrap_or_default().to_vec());
///         }
///     }
/// }
/// assert_eq!(values, [b"tea".to_vec(), b"coffee".to_vec()]);
/// consumer.close(Duration::from_secs(5)).await;
/// # Ok(())
/// # });
/// ```
#[derive(Debug)]
pub struct Consumer {
    client: Client,
    config: ConsumerConfig,
    shared: Arc<Shared>,
    waker: Arc<Waker>,
    interceptors: Interceptors,
    lane: Lane,
    task: AbortHandle,
}

/// What a poll gives.
///
/// ```
/// # kt_doc_broker::with_orders(&["tea", "coffee"], async |bootstrap| {
/// use std::time::Duration;
///
/// use kt_client::consumer::{Consumer, ConsumerConfig, PartitionEnds, Start};
/// use kt_client::{Client, ClientConfig};
/// use kt_protocol::types::TopicPartition;
///
/// let client = Client::new(ClientConfig { bootstrap, ..ClientConfig::default() });
/// // Reads what is there now, and stops.
/// let partition_ends = PartitionEnds::Told;
/// let config = ConsumerConfig { partition_ends, ..ConsumerConfig::default() };
/// let consumer = Consumer::new(client, config);
/// consumer.assign([(TopicPartition::new("orders", 0), Start::Earliest)]);
/// let mut bytes = 0;
/// loop {
///     let polled = consumer.poll(Duration::from_secs(1)).await?;
///     bytes += polled.records.iter().map(|it| it.size()).sum::<usize>();
///     if let Some(end) = polled.ends.first() {
///         println!("{} ends at {}: {bytes} bytes", end.partition, end.end);
///         assert_eq!(end.position.0, 2);
///         break;
///     }
/// }
/// # Ok(())
/// # });
/// ```
#[derive(Debug, Default)]
pub struct Polled {
    /// Records by partition, each in the order of the log. The positions are behind them. A piece
    /// may hold no record that this reader sees, but moves the position all the same.
    pub records: Vec<FetchedRecords>,
    /// Partitions that were read to their ends, with [`PartitionEnds::Told`].
    pub ends: Vec<Emptiness>,
}

impl Polled {
    /// True if there is nothing.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty() && self.ends.is_empty()
    }
}

/// Ends a poll from elsewhere: see [`Consumer::waker`].
///
/// ```
/// # kt_doc_broker::with_orders(&[], async |bootstrap| {
/// use std::time::Duration;
///
/// use kt_client::consumer::{Consumer, ConsumerConfig, Start};
/// use kt_client::{Client, ClientConfig};
/// use kt_protocol::types::TopicPartition;
///
/// let client = Client::new(ClientConfig { bootstrap, ..ClientConfig::default() });
/// let consumer = Consumer::new(client, ConsumerConfig::default());
/// consumer.assign([(TopicPartition::new("orders", 0), Start::Latest)]);
/// let waker = consumer.waker();
/// // Elsewhere: whoever wants the program to end.
/// tokio::spawn(async move { waker.wake() });
/// let polled = consumer.poll(Duration::MAX).await?;
/// assert!(polled.is_empty());
/// # Ok(())
/// # });
/// ```
#[derive(Debug)]
pub struct Waker {
    is_woken: AtomicBool,
    shared: Arc<Shared>,
}

impl Waker {
    /// The poll that waits now, or else the next one, returns with what there is.
    pub fn wake(&self) {
        self.is_woken.store(true, Ordering::Release);
        self.shared.ready.notify_one();
    }
}

impl Consumer {
    /// Reads nothing yet.
    ///
    /// # Panics
    ///
    /// Panics outside of a tokio runtime: fetching goes on in a task.
    pub fn new(client: Client, config: ConsumerConfig) -> Consumer {
        Consumer::with_interceptors(client, config, Vec::new())
    }

    /// The same, with code that sees what polls give: see [`Interceptor`].
    ///
    /// # Panics
    ///
    /// Panics outside of a tokio runtime: fetching goes on in a task.
    pub fn with_interceptors(
        client: Client,
        config: ConsumerConfig,
        interceptors: Vec<Box<dyn Interceptor>>,
    ) -> Consumer {
        let interceptors = Interceptors::new(client.clone(), &config, interceptors);
        let settings = Settings {
            consumer: config.clone(),
            backoff: client.config().backoff,
            metadata_max_age: client.config().metadata_max_age,
            error_after: client.config().timeout,
        };
        let fetcher = Fetcher::new(settings, client.metadata(), client.seed());
        let shared = Arc::new(Shared::new(fetcher));
        let waker = Arc::new(Waker { is_woken: AtomicBool::new(false), shared: shared.clone() });
        let lane = Lane::Fetches(client.seed());
        let run = driver::run(client.clone(), lane, shared.clone(), config.crc_check);
        let task = tokio::spawn(run).abort_handle();
        Consumer { client, config, shared, waker, interceptors, lane, task }
    }

    /// What it was told.
    pub fn config(&self) -> &ConsumerConfig {
        &self.config
    }

    /// The client that it reads with.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Reads these partitions and no others. One that it reads already begins anew.
    pub fn assign<S: Into<Start>>(&self, starts: impl IntoIterator<Item = (TopicPartition, S)>) {
        let starts: BTreeMap<TopicPartition, Start> =
            starts.into_iter().map(|(partition, start)| (partition, start.into())).collect();
        let kept: BTreeSet<TopicPartition> = starts.keys().cloned().collect();
        self.change(|fetcher| {
            fetcher.retain(&kept);
            fetcher.assign(starts);
        });
    }

    /// Reads these partitions too. One that it reads already begins anew.
    pub fn assign_more<S: Into<Start>>(
        &self,
        starts: impl IntoIterator<Item = (TopicPartition, S)>,
    ) {
        let starts: Vec<(TopicPartition, Start)> =
            starts.into_iter().map(|(partition, start)| (partition, start.into())).collect();
        self.change(|fetcher| fetcher.assign(starts));
    }

    /// Reads these partitions no more. What was fetched of them is dropped.
    pub fn unassign<'a>(&self, partitions: impl IntoIterator<Item = &'a TopicPartition>) {
        self.change(|fetcher| partitions.into_iter().for_each(|it| fetcher.unassign(it)));
    }

    /// The partitions that are read.
    pub fn assignment(&self) -> BTreeSet<TopicPartition> {
        self.shared.fetcher.lock().assignment().cloned().collect()
    }

    /// Waits until there are records, an end, or an error, but no longer than `timeout`; gives at
    /// most `max.poll.records` records. A poll that is dropped while it waits has lost nothing.
    ///
    /// # Errors
    ///
    /// Fails if a partition cannot be read; the error names it, is given once, and the others are
    /// read on by the next poll. [`Consumer::failed`] knows which wait for a [`Consumer::seek`].
    pub async fn poll(&self, timeout: Duration) -> Result<Polled, Error> {
        let now = Instant::now();
        let deadline = now.checked_add(timeout);
        loop {
            // Taken before looking, so that what comes in between is not slept over.
            let ready = self.shared.ready.notified();
            let polled = self.take()?;
            if !polled.is_empty() || self.waker.is_woken.swap(false, Ordering::AcqRel) {
                return Ok(polled);
            }
            match deadline {
                None => ready.await,
                Some(deadline) => {
                    if tokio::time::timeout_at(deadline, ready).await.is_err() {
                        return self.take();
                    }
                }
            }
        }
    }

    /// What there is now, without waiting.
    fn take(&self) -> Result<Polled, Error> {
        let mut given = self.shared.fetcher.lock().give(self.config.poll_records_max)?;
        if given.has_made_room {
            self.shared.work.notify_one();
        }
        self.interceptors.on_consume(&mut given.records);
        Ok(Polled { records: given.records, ends: given.ends })
    }

    /// Goes on at another place: what was fetched is dropped. Also makes a partition that failed
    /// readable again. False: it is not assigned.
    ///
    /// ```
    /// # kt_doc_broker::with_orders(&["tea", "coffee"], async |bootstrap| {
    /// use std::time::Duration;
    ///
    /// use kt_client::consumer::{Consumer, ConsumerConfig, Start};
    /// use kt_client::{Client, ClientConfig};
    /// use kt_protocol::types::{Offset, TopicPartition};
    ///
    /// let client = Client::new(ClientConfig { bootstrap, ..ClientConfig::default() });
    /// let consumer = Consumer::new(client, ConsumerConfig::default());
    /// let orders = TopicPartition::new("orders", 0);
    /// consumer.assign([(orders.clone(), Start::Latest)]);
    /// consumer.seek(&orders, Offset(1));
    /// let polled = consumer.poll(Duration::from_secs(30)).await?;
    /// let mut cursor = polled.records[0].cursor();
    /// assert_eq!(cursor.next()?.and_then(|it| it.value), Some(&b"coffee"[..]));
    /// # Ok(())
    /// # });
    /// ```
    pub fn seek(&self, partition: &TopicPartition, start: impl Into<Start>) -> bool {
        let start = start.into();
        self.change(|fetcher| fetcher.seek(partition, start))
    }

    /// Goes on at the log start offset; `false` if the partition is not assigned.
    pub fn seek_to_beginning(&self, partition: &TopicPartition) -> bool {
        self.seek(partition, Start::Earliest)
    }

    /// Goes on behind the last record; `false` if the partition is not assigned.
    pub fn seek_to_end(&self, partition: &TopicPartition) -> bool {
        self.seek(partition, Start::Latest)
    }

    /// Gives nothing of these partitions until they are resumed. What was fetched is kept, and
    /// fetched again only if others needed the room.
    ///
    /// ```
    /// # kt_doc_broker::with_orders(&["tea"], async |bootstrap| {
    /// use std::time::Duration;
    ///
    /// use kt_client::consumer::{Consumer, ConsumerConfig, Start};
    /// use kt_client::{Client, ClientConfig};
    /// use kt_protocol::types::TopicPartition;
    ///
    /// let client = Client::new(ClientConfig { bootstrap, ..ClientConfig::default() });
    /// let consumer = Consumer::new(client, ConsumerConfig::default());
    /// let orders = TopicPartition::new("orders", 0);
    /// consumer.assign([(orders.clone(), Start::Earliest)]);
    /// consumer.pause([&orders]);
    /// assert!(consumer.poll(Duration::from_millis(50)).await?.is_empty());
    /// consumer.resume([&orders]);
    /// assert!(!consumer.poll(Duration::from_secs(30)).await?.is_empty());
    /// # Ok(())
    /// # });
    /// ```
    pub fn pause<'a>(&self, partitions: impl IntoIterator<Item = &'a TopicPartition>) {
        self.change(|fetcher| {
            for partition in partitions {
                fetcher.pause(partition);
            }
        });
    }

    /// Reads on.
    pub fn resume<'a>(&self, partitions: impl IntoIterator<Item = &'a TopicPartition>) {
        self.change(|fetcher| {
            for partition in partitions {
                fetcher.resume(partition);
            }
        });
        self.shared.ready.notify_one();
    }

    /// The partitions that are paused.
    pub fn paused(&self) -> BTreeSet<TopicPartition> {
        self.shared.fetcher.lock().paused().cloned().collect()
    }

    /// Reads a partition from one replica, whoever leads; `None`: from the leader again. False: it
    /// is not assigned.
    pub fn read_from(&self, partition: &TopicPartition, replica: Option<NodeId>) -> bool {
        self.change(|fetcher| fetcher.read_from(partition, replica))
    }

    /// The position behind what polls gave; `None` until one is found.
    pub fn position(&self, partition: &TopicPartition) -> Option<Position> {
        self.shared.fetcher.lock().position(partition)
    }

    /// The positions behind what polls gave, of all partitions that have one.
    pub fn positions(&self) -> BTreeMap<TopicPartition, Position> {
        self.shared.fetcher.lock().positions()
    }

    /// The next offset to process, as [`Consumer::set_processed`] was told.
    pub fn processed(&self, partition: &TopicPartition) -> Option<Offset> {
        self.shared.fetcher.lock().processed(partition)
    }

    /// Notes that everything before `next` is processed; a seek forgets it. False: it is not
    /// assigned.
    pub fn set_processed(&self, partition: &TopicPartition, next: Offset) -> bool {
        self.shared.fetcher.lock().set_processed(partition, next)
    }

    /// How many offsets lie before the end, as the last answer told it; `None` until known.
    pub fn current_lag(&self, partition: &TopicPartition) -> Option<u64> {
        self.shared.fetcher.lock().lag(partition)
    }

    /// The partition's offsets as the last answer told them; `None` until known.
    pub fn marks(&self, partition: &TopicPartition) -> Option<Marks> {
        self.shared.fetcher.lock().marks(partition)
    }

    /// The partitions that failed and wait for a [`Consumer::seek`].
    pub fn failed(&self) -> BTreeSet<TopicPartition> {
        self.shared.fetcher.lock().failed().cloned().collect()
    }

    /// Counts since the beginning.
    pub fn metrics(&self) -> FetcherCounts {
        self.shared.fetcher.lock().counts()
    }

    /// Ends polls from elsewhere.
    pub fn waker(&self) -> Arc<Waker> {
        self.waker.clone()
    }

    /// The partitions of a topic.
    ///
    /// # Errors
    ///
    /// Fails if no broker answers in time, or the topic does not exist.
    pub async fn partitions_for(&self, topic: &str) -> Result<Vec<Partition>, Error> {
        let mut found = self.client.topics(&[topic.to_owned()]).await?;
        let topic = found.remove(topic).expect("each name has an answer")?;
        Ok(topic.partitions)
    }

    /// The log start offset of each partition.
    ///
    /// # Errors
    ///
    /// Fails if one cannot be found.
    pub async fn beginning_offsets(
        &self,
        partitions: &[TopicPartition],
    ) -> Result<BTreeMap<TopicPartition, Offset>, Error> {
        self.offsets(partitions, OffsetQuery::Earliest).await
    }

    /// The first offset of each partition that this reader may not see yet.
    ///
    /// ```
    /// # kt_doc_broker::with_orders(&["tea", "coffee"], async |bootstrap| {
    /// use kt_client::consumer::{Consumer, ConsumerConfig};
    /// use kt_client::{Client, ClientConfig};
    /// use kt_protocol::types::TopicPartition;
    ///
    /// let client = Client::new(ClientConfig { bootstrap, ..ClientConfig::default() });
    /// let consumer = Consumer::new(client, ConsumerConfig::default());
    /// let orders = [TopicPartition::new("orders", 0)];
    /// let begin = consumer.beginning_offsets(&orders).await?;
    /// let end = consumer.end_offsets(&orders).await?;
    /// assert_eq!(end[&orders[0]].0 - begin[&orders[0]].0, 2);
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// Fails if one cannot be found.
    pub async fn end_offsets(
        &self,
        partitions: &[TopicPartition],
    ) -> Result<BTreeMap<TopicPartition, Offset>, Error> {
        self.offsets(partitions, OffsetQuery::Latest).await
    }

    async fn offsets(
        &self,
        partitions: &[TopicPartition],
        query: OffsetQuery,
    ) -> Result<BTreeMap<TopicPartition, Offset>, Error> {
        let queries = partitions.iter().map(|it| (it.clone(), query)).collect();
        let found = self.find(&queries).await?;
        Ok(found.into_iter().filter_map(|(it, found)| Some((it, found.offset?))).collect())
    }

    /// The first record of each partition with this timestamp or a later one; its offset is `None`
    /// if there is none.
    ///
    /// ```
    /// # kt_doc_broker::with_orders(&["tea", "coffee"], async |bootstrap| {
    /// use std::time::{Duration, SystemTime, UNIX_EPOCH};
    ///
    /// use kt_client::consumer::{Consumer, ConsumerConfig};
    /// use kt_client::{Client, ClientConfig};
    /// use kt_protocol::types::{Offset, Timestamp, TopicPartition};
    ///
    /// let client = Client::new(ClientConfig { bootstrap, ..ClientConfig::default() });
    /// let consumer = Consumer::new(client, ConsumerConfig::default());
    /// let orders = TopicPartition::new("orders", 0);
    /// let an_hour_ago = SystemTime::now() - Duration::from_secs(3600);
    /// let an_hour_ago = an_hour_ago.duration_since(UNIX_EPOCH)?;
    /// let times = [(orders.clone(), Timestamp(an_hour_ago.as_millis().try_into()?))].into();
    /// let found = consumer.offsets_for_times(&times).await?;
    /// assert_eq!(found[&orders].offset, Some(Offset(0)));
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// Fails if one cannot be asked for.
    pub async fn offsets_for_times(
        &self,
        times: &BTreeMap<TopicPartition, Timestamp>,
    ) -> Result<BTreeMap<TopicPartition, FoundOffset>, Error> {
        let queries = times.iter().map(|(it, at)| (it.clone(), OffsetQuery::At(*at))).collect();
        self.find(&queries).await
    }

    async fn find(
        &self,
        queries: &BTreeMap<TopicPartition, OffsetQuery>,
    ) -> Result<BTreeMap<TopicPartition, FoundOffset>, Error> {
        let admin = Admin::new(self.client.clone());
        let found = admin.list_offsets(queries, self.config.isolation).await?;
        found.into_iter().map(|(partition, found)| Ok((partition, found?))).collect()
    }

    /// Ends: closes the sessions that brokers keep, waiting no longer than `timeout`.
    pub async fn close(self, timeout: Duration) {
        self.task.abort();
        let last = self.shared.fetcher.lock().close();
        let mut closing = tokio::task::JoinSet::new();
        for (node, request) in last {
            let (client, lane) = (self.client.clone(), self.lane);
            closing.spawn(async move {
                let to = driver::Reading { client: &client, lane, node };
                to.fetch(request, i16::MAX).await
            });
        }
        // A broker forgets a session by itself, if later.
        let all = async { while closing.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(timeout, all).await;
    }

    /// Tells the interceptors that positions were committed, wherever that was.
    pub fn tell_committed(&self, offsets: &BTreeMap<TopicPartition, Position>) {
        self.interceptors.on_commit(offsets);
    }

    fn change<T>(&self, change: impl FnOnce(&mut Fetcher) -> T) -> T {
        let changed = change(&mut self.shared.fetcher.lock());
        self.shared.work.notify_one();
        changed
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        self.task.abort();
        self.client.end_lane(self.lane);
        self.interceptors.close();
    }
}
