//! The client: finds brokers, keeps connections to them, sends each request to whom it belongs, and
//! tries again while that can help.

mod recovery;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kt_protocol::messages::MetadataRequest;
use kt_protocol::messages::metadata_request::MetadataRequestTopic;
use kt_protocol::types::{LeaderEpoch, NodeId, TopicPartition};
use kt_protocol::{ApiKey, ErrorCode};
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::backoff::Backoff;
use crate::config::{ClientConfig, Event};
use crate::connection::{Connection, Wanted};
use crate::duration::after;
use crate::error::{Error, Subject};
use crate::metadata::{Broker, Metadata, Topic, TopicErrors};
use crate::pool::{Lane, Pool};
use crate::random::Random;
use crate::request::Request;

/// A client of one cluster. Cloning gives another handle to the same client.
///
/// ```
/// # kt_doc_broker::with_orders(&[], async |bootstrap| {
/// use kt_client::{Admin, Client, ClientConfig};
///
/// let client = Client::new(ClientConfig { bootstrap, ..ClientConfig::default() });
/// for topic in Admin::new(client.clone()).list_topics().await? {
///     println!("{}: {} partitions", topic.name, topic.partitions.len());
/// }
/// assert_eq!(client.metadata().topics["orders"].partitions.len(), 1);
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Debug)]
pub struct Client {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    pool: Pool,
    metadata: Mutex<Cache>,
    random: Mutex<Random>,
}

#[derive(Debug, Default)]
struct Cache {
    metadata: Arc<Metadata>,
    fetched: Option<Instant>,
    /// When each topic was last heard of.
    topics: BTreeMap<String, Instant>,
    /// Since when nobody has told any metadata, though asked.
    failing_since: Option<Instant>,
}

/// Who is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// Any broker.
    Any,
    /// The one that takes changes.
    Controller,
    /// This one.
    Node(NodeId),
}

/// How long an operation may go on, and what it is called in errors.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit {
    pub(crate) operation: &'static str,
    pub(crate) deadline: Instant,
    pub(crate) timeout: Duration,
}

impl Client {
    /// A client that has not connected yet: it does when it must.
    pub fn new(config: ClientConfig) -> Client {
        let random = Mutex::new(Random::new(config.seed));
        let pool = Pool::new(config);
        Client { inner: Arc::new(Inner { pool, metadata: Mutex::default(), random }) }
    }

    /// What it was told.
    pub fn config(&self) -> &ClientConfig {
        self.inner.pool.dialer().config()
    }

    /// What is known of the cluster now, without asking.
    pub fn metadata(&self) -> Arc<Metadata> {
        Arc::clone(&self.inner.metadata.lock().metadata)
    }

    pub(crate) fn limit(&self, operation: &'static str) -> Limit {
        let timeout = self.config().timeout;
        Limit { operation, deadline: after(Instant::now(), timeout), timeout }
    }

    /// Asks for these topics, unless they are known and fresh. Each comes back by its name, or
    /// with the reason why it is not known.
    ///
    /// ```
    /// # kt_doc_broker::with_orders(&[], async |bootstrap| {
    /// use kt_client::{Client, ClientConfig, ErrorKind};
    ///
    /// let client = Client::new(ClientConfig { bootstrap, ..ClientConfig::default() });
    /// let topics = client.topics(&["orders".to_owned(), "order".to_owned()]).await?;
    /// assert_eq!(topics["orders"].as_ref().map(|it| it.partitions.len()).ok(), Some(1));
    /// assert_eq!(topics["order"].as_ref().unwrap_err().kind(), ErrorKind::NotFound);
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// Fails if no broker answers in time.
    pub async fn topics(
        &self,
        names: &[String],
    ) -> Result<BTreeMap<String, Result<Topic, Error>>, Error> {
        let fresh = self.fresh(names);
        let errors = match fresh {
            true => TopicErrors::new(),
            false => self.refresh(Some(names)).await?,
        };
        let metadata = self.metadata();
        let result = names.iter().map(|name| {
            let code = errors.get(name).copied().unwrap_or(ErrorCode::UnknownTopicOrPartition);
            let subject = Subject::Topic(name.clone());
            let topic = metadata.topics.get(name).cloned();
            let topic = topic.ok_or_else(|| Error::broker(ApiKey::Metadata, code, subject));
            (name.clone(), topic)
        });
        Ok(result.collect())
    }

    fn fresh(&self, names: &[String]) -> bool {
        let cache = self.inner.metadata.lock();
        let is_young = |it: &Instant| it.elapsed() < self.config().metadata_max_age;
        names.iter().all(|name| cache.topics.get(name).is_some_and(is_young))
    }

    /// Makes the next question about a topic go to a broker.
    pub(crate) fn forget(&self, topic: &str) {
        self.inner.metadata.lock().topics.remove(topic);
    }

    /// Asks for the cluster and for these topics, or for all of them.
    pub(crate) async fn refresh(&self, names: Option<&[String]>) -> Result<TopicErrors, Error> {
        let request = |version: i16| MetadataRequest {
            // Version 0 has no null: there, none means all.
            topics: match names {
                None if version == 0 => Some(Vec::new()),
                None => None,
                Some(names) => Some(names.iter().map(|it| topic_request(it)).collect()),
            },
            allow_auto_topic_creation: version < 4,
            ..Default::default()
        };
        let limit = self.limit("Metadata");
        let response = self.retrying(limit, || self.ask_metadata(limit, &request)).await?;
        self.check_cluster(response.cluster_id.as_deref())?;
        let mut cache = self.inner.metadata.lock();
        let mut metadata = Metadata::clone(&cache.metadata);
        let errors = metadata.apply(response, names.is_none());
        let now = Instant::now();
        match names {
            Some(names) => cache.topics.extend(names.iter().map(|it| (it.clone(), now))),
            None => cache.topics = metadata.topics.keys().map(|it| (it.clone(), now)).collect(),
        }
        // A topic with an error is asked for again whenever it is needed.
        cache.topics.retain(|name, _| !errors.contains_key(name));
        cache.metadata = Arc::new(metadata);
        cache.fetched = Some(now);
        Ok(errors)
    }

    /// Takes over who leads a partition, as the answer to a Produce or Fetch tells that came to the
    /// wrong broker (`CurrentLeader`, KIP-951), with where that broker is (`NodeEndpoints`), if the
    /// answer says so. False if as much was known already: then metadata has to be asked for.
    ///
    /// Whoever learns a leader must not forget the topic: what is forgotten is asked for.
    #[must_use]
    pub fn learn_leader(
        &self,
        partition: &TopicPartition,
        leader: NodeId,
        epoch: LeaderEpoch,
        endpoint: Option<Broker>,
    ) -> bool {
        let mut cache = self.inner.metadata.lock();
        Arc::make_mut(&mut cache.metadata).learn_leader(partition, leader, epoch, endpoint)
    }

    fn check_cluster(&self, found: Option<&str>) -> Result<(), Error> {
        match &self.config().expected_cluster_id {
            Some(expected) if found != Some(expected) => Err(Error::OtherCluster {
                expected: expected.clone(),
                found: found.map(str::to_owned),
            }),
            _ => Ok(()),
        }
    }

    /// Where one cluster only is meant, asks which this is before anything else is asked.
    async fn know_cluster<R: Request>(&self) -> Result<(), Error> {
        let is_known = || self.inner.metadata.lock().metadata.cluster_id.is_some();
        if self.config().expected_cluster_id.is_none() || R::API == ApiKey::Metadata || is_known() {
            return Ok(());
        }
        Box::pin(self.refresh(Some(&[]))).await.map(drop)
    }

    /// Asks for the brokers, unless they are known and fresh.
    pub(crate) async fn know_brokers(&self) -> Result<(), Error> {
        let fetched = self.inner.metadata.lock().fetched;
        match fetched {
            Some(fetched) if fetched.elapsed() < self.config().metadata_max_age => Ok(()),
            _ => self.refresh(Some(&[])).await.map(drop),
        }
    }

    /// The leader of a partition, if it is known and fresh.
    pub(crate) fn known_leader(&self, partition: &TopicPartition) -> Option<NodeId> {
        let is_fresh = self.fresh(std::slice::from_ref(&partition.topic));
        if is_fresh { self.metadata().leader(partition) } else { None }
    }

    /// The leader of a partition, asking for it if it is not known.
    pub(crate) async fn leader(&self, partition: &TopicPartition) -> Result<NodeId, Error> {
        if let Some(leader) = self.known_leader(partition) {
            return Ok(leader);
        }
        let names = [partition.topic.clone()];
        let found = self.topics(&names).await?.remove(&partition.topic);
        let topic = found.expect("each name has an answer")?;
        let subject = Subject::Partition(partition.clone());
        let code = match topic.partition(partition.partition.0) {
            None => ErrorCode::UnknownTopicOrPartition,
            Some(known) => match known.leader {
                Some(leader) => return Ok(leader),
                None => ErrorCode::LeaderNotAvailable,
            },
        };
        self.forget(&partition.topic);
        Err(Error::broker(ApiKey::Metadata, code, subject))
    }

    /// Sends a request and gives its answer, trying again while nobody answers. What the answer
    /// says is the caller's business. `build` makes the request for a version.
    pub(crate) async fn call<R: Request>(
        &self,
        target: Target,
        wanted: Wanted,
        limit: Limit,
        build: impl Fn(i16) -> R,
    ) -> Result<R::Response, Error> {
        self.know_cluster::<R>().await?;
        self.retrying(limit, || self.call_once(target, wanted, limit, &build)).await
    }

    /// The same, once.
    pub(crate) async fn call_once<R: Request>(
        &self,
        target: Target,
        wanted: Wanted,
        limit: Limit,
        build: impl Fn(i16) -> R,
    ) -> Result<R::Response, Error> {
        let connection = self.connection(target, Lane::Calls, limit).await?;
        self.call_on(&connection, wanted, limit, build).await
    }

    /// The same on a connection that stands.
    pub(crate) async fn call_on<R: Request>(
        &self,
        connection: &Connection,
        wanted: Wanted,
        limit: Limit,
        build: impl Fn(i16) -> R,
    ) -> Result<R::Response, Error> {
        let version = connection.version::<R>(wanted)?;
        let left = limit.deadline.saturating_duration_since(Instant::now());
        let started = Instant::now();
        let answer = connection
            .call(&build(version), version, left.min(self.config().request_timeout))
            .await;
        self.observe(&Event::Answered {
            address: connection.address(),
            api: R::API,
            version,
            took: started.elapsed(),
            ok: answer.is_ok(),
        });
        answer
    }

    /// Runs `once` until it succeeds, fails for good, or the time is up. A request that was not
    /// answered in its own time is asked again, of another broker if any will do.
    pub(crate) async fn retrying<T, F: Future<Output = Result<T, Error>>>(
        &self,
        limit: Limit,
        once: impl Fn() -> F,
    ) -> Result<T, Error> {
        let mut backoff = Backoff::new(self.config().backoff);
        loop {
            let error = match once().await {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            let may_help = match error {
                Error::TimedOut { .. } => Instant::now() < limit.deadline,
                _ => error.is_retriable(),
            };
            if !may_help {
                return Err(error);
            }
            if !self.has_ever_connected() {
                // Nothing was ever there: waiting for it is the caller's choice, not ours.
                return Err(error);
            }
            let wait = self.next_wait(&mut backoff);
            if limit.deadline <= Instant::now() + wait {
                return Err(Error::TimedOut {
                    operation: limit.operation.to_owned(),
                    after: limit.timeout,
                    last: Some(Box::new(error)),
                });
            }
            self.observe(&Event::Retrying { operation: limit.operation, error: &error, wait });
            tokio::time::sleep(wait).await;
        }
    }

    /// How long to wait before the next try.
    pub(crate) fn next_wait(&self, backoff: &mut Backoff) -> Duration {
        backoff.next(&mut self.inner.random.lock())
    }

    fn has_ever_connected(&self) -> bool {
        self.inner.metadata.lock().fetched.is_some()
    }

    pub(crate) fn observe(&self, event: &Event<'_>) {
        if let Some(observer) = &self.config().observer {
            observer(event);
        }
    }

    /// Ends the connections of a lane that nobody uses any more.
    pub(crate) fn end_lane(&self, lane: Lane) {
        self.inner.pool.end(lane);
    }

    /// A number to start random choices from.
    pub(crate) fn seed(&self) -> u64 {
        self.inner.random.lock().bits()
    }

    /// A connection to the target. Each lane has its own, so that a fetch which waits for records
    /// does not hold back what is asked meanwhile.
    pub(crate) async fn connection(
        &self,
        target: Target,
        lane: Lane,
        limit: Limit,
    ) -> Result<Arc<Connection>, Error> {
        let metadata = self.metadata();
        let node = match target {
            Target::Any => return self.any_connection(lane, limit).await,
            Target::Controller => {
                self.know_brokers_boxed().await?;
                match self.metadata().controller {
                    Some(node) => node,
                    None => return self.any_connection(lane, limit).await,
                }
            }
            Target::Node(node) => node,
        };
        let metadata = if target == Target::Controller { self.metadata() } else { metadata };
        let Some(broker) = metadata.brokers.get(&node) else {
            // It was the leader a moment ago and is gone from the list of brokers since.
            return Err(Error::Unreachable {
                node: None,
                reason: format!("broker {node} is down"),
            });
        };
        self.inner.pool.connection(&broker.address(), Some(node), lane, limit).await
    }

    /// Metadata are asked for over a connection, and a connection may need metadata: the circle
    /// ends at [`Target::Any`], but the type of its future must not contain itself.
    fn know_brokers_boxed(&self) -> impl Future<Output = Result<(), Error>> + Send + '_ {
        let future: std::pin::Pin<Box<dyn Future<Output = _> + Send + '_>> =
            Box::pin(self.know_brokers());
        future
    }
}

fn topic_request(name: &str) -> MetadataRequestTopic {
    MetadataRequestTopic { name: Some(name.to_owned()), ..Default::default() }
}
