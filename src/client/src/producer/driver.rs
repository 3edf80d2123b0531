//! The task that does what the producer's machine wants: sends its requests, and brings the answers.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use kt_protocol::ApiKey;
use kt_protocol::messages::{InitProducerIdRequest, ProduceRequest, ProduceResponse};
use kt_protocol::types::{Millis, NodeId};
use parking_lot::Mutex;
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;

use super::effect::{Effect, Produce};
use super::record::Delivery;
use super::sender::{Found, Sender};
use crate::client::{Client, Limit, Target};
use crate::config::Event;
use crate::connection::{Connection, Started, Wanted};
use crate::duration::{after, millis};
use crate::error::Error;
use crate::panic::{caught, words};
use crate::pool::Lane;
use crate::request::Request;

/// Who hears of deliveries. Called by the tasks that move bytes: it must not wait.
pub(super) type Sink = Box<dyn Fn(Delivery) + Send + Sync>;

/// What the producer and its tasks share.
pub(super) struct Shared {
    pub(super) machine: Mutex<Sender>,
    /// For the driver: there is something to do.
    pub(super) work: Notify,
    /// For senders: deliveries have been made, and room with them.
    pub(super) progress: Notify,
    pub(super) sink: Sink,
    pub(super) started: Instant,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("machine", &self.machine).finish_non_exhaustive()
    }
}

impl Shared {
    /// Time as the machine counts it.
    pub(super) fn now(&self) -> Millis {
        Millis(millis(self.started.elapsed()))
    }

    /// Gives the machine something to decide and tells of deliveries that come of it; what else
    /// comes of it the driver does. Sends nothing itself: requests of a node have an order.
    pub(super) fn tell(
        &self,
        client: &Client,
        what: impl FnOnce(&mut Sender, Millis, &mut Vec<Effect>),
    ) {
        let mut effects = Vec::new();
        let now = self.now();
        what(&mut self.machine.lock(), now, &mut effects);
        let mut has_delivered = false;
        for effect in effects {
            match effect {
                Effect::Deliver(delivery) => {
                    has_delivered = true;
                    self.deliver(client, delivery);
                }
                Effect::Retrying { error, wait } => tell_of_retry(client, &error, wait),
                other => unreachable!("only a poll makes requests: {other:?}"),
            }
        }
        if has_delivered {
            self.progress.notify_waiters();
        }
    }

    /// Tells the sink, which may fail no more than a hook.
    fn deliver(&self, client: &Client, delivery: Delivery) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| (self.sink)(delivery))) {
            observe(client, &Event::HookFailed { hook: "delivery", reason: words(&*panic) });
        }
    }

    /// Takes no more records and gives up those that wait.
    pub(super) fn give_up(&self, client: &Client, error: &Error) {
        self.tell(client, |machine, now, effects| {
            machine.close(now);
            machine.abort(error, effects);
        });
    }
}

/// Drives the machine until it is aborted. Nothing waits for a driver that is gone: if it panics,
/// all records end.
pub(super) async fn drive(shared: Arc<Shared>, client: Client) {
    let driving = run(Arc::clone(&shared), client.clone());
    if let Err(words) = caught(driving).await {
        shared.give_up(&client, &panicked(ApiKey::Produce, &words));
    }
}

async fn run(shared: Arc<Shared>, client: Client) {
    let mut driver = Driver { shared, client, lanes: BTreeMap::new() };
    let mut effects = Vec::new();
    loop {
        let deadline = {
            let mut machine = driver.shared.machine.lock();
            machine.poll(driver.shared.now(), &mut effects);
            if effects.is_empty() { machine.fall_asleep() } else { Some(Millis(0)) }
        };
        if effects.is_empty() {
            driver.wait(deadline).await;
        }
        for effect in effects.drain(..) {
            driver.perform(effect);
        }
    }
}

struct Driver {
    shared: Arc<Shared>,
    client: Client,
    lanes: BTreeMap<NodeId, mpsc::UnboundedSender<Produce>>,
}

impl Driver {
    async fn wait(&self, deadline: Option<Millis>) {
        let work = self.shared.work.notified();
        match deadline {
            None => work.await,
            Some(at) => {
                let at = after(self.shared.started, Duration::from_millis(at.0));
                let _ = tokio::time::timeout_at(at, work).await;
            }
        }
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Produce(produce) => self.produce(produce),
            Effect::InitProducerId(request) => self.find_identity(request),
            Effect::FindTopics(topics) => self.find_topics(topics),
            Effect::Deliver(delivery) => {
                self.shared.deliver(&self.client, delivery);
                self.shared.progress.notify_waiters();
            }
            Effect::Retrying { error, wait } => tell_of_retry(&self.client, &error, wait),
        }
    }

    fn produce(&mut self, produce: Produce) {
        let node = produce.node;
        let lane = self.lanes.entry(node).or_insert_with(|| {
            let (sender, requests) = mpsc::unbounded_channel();
            tokio::spawn(run_lane(Arc::clone(&self.shared), self.client.clone(), requests));
            sender
        });
        // The lane ends only with this sender.
        let _ = lane.send(produce);
    }

    fn find_identity(&self, request: InitProducerIdRequest) {
        let (shared, client) = (Arc::clone(&self.shared), self.client.clone());
        tokio::spawn(async move {
            let limit = limit(&client, "InitProducerId");
            let wanted = Wanted::any::<InitProducerIdRequest>();
            let asking = client.call_once(Target::Any, wanted, limit, |_| request.clone());
            let answer = told(ApiKey::InitProducerId, asking).await;
            if let Err(error) = &answer {
                let wait = client.config().backoff.first;
                observe(&client, &Event::Retrying { operation: limit.operation, error, wait });
            }
            shared.tell(&client, |machine, now, effects| machine.on_identity(now, answer, effects));
            shared.work.notify_one();
        });
    }

    fn find_topics(&self, topics: Vec<String>) {
        let (shared, client) = (Arc::clone(&self.shared), self.client.clone());
        tokio::spawn(async move {
            let answer = told(ApiKey::Metadata, client.refresh(Some(&topics))).await;
            let metadata = client.metadata();
            shared.tell(&client, |machine, now, effects| {
                let found = answer.as_ref().map(|errors| Found { metadata: &metadata, errors });
                machine.on_topics(now, found.map_err(Error::clone), effects);
            });
            shared.work.notify_one();
        });
    }
}

/// The requests of one node, one after the other: they arrive in the order in which they were made.
async fn run_lane(
    shared: Arc<Shared>,
    client: Client,
    mut requests: mpsc::UnboundedReceiver<Produce>,
) {
    while let Some(produce) = requests.recv().await {
        let id = produce.id;
        let limit = limit(&client, "Produce");
        let starting = async {
            produce.prepare();
            start(&client, &produce, limit).await
        };
        let started = told(ApiKey::Produce, starting).await;
        let (shared, client) = (Arc::clone(&shared), client.clone());
        let end = move |client: &Client, answer: Result<Option<ProduceResponse>, Error>| {
            shared.tell(client, |machine, now, effects| {
                machine.on_answer(now, id, answer, effects);
            });
            shared.work.notify_one();
        };
        match started {
            Ok(under) => drop(tokio::spawn(async move {
                let answer = told(ApiKey::Produce, under.end(&client, limit)).await;
                end(&client, answer);
            })),
            Err(error) => end(&client, Err(error)),
        }
    }
}

/// What a question comes to; a panic on the way is an answer too, since somebody waits for one.
async fn told<T>(api: ApiKey, asking: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    caught(asking).await.unwrap_or_else(|words| Err(panicked(api, &words)))
}

fn panicked(api: ApiKey, words: &str) -> Error {
    Error::protocol(api, format_args!("the client panicked: {words}"))
}

/// Tells the observer, which may fail no more than a hook; of that nobody can be told.
fn observe(client: &Client, event: &Event<'_>) {
    drop(catch_unwind(AssertUnwindSafe(|| client.observe(event))));
}

/// What is waited for.
enum Under {
    Answer(Started<ProduceRequest>),
    /// There is no answer: until it is written.
    Write(Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>),
}

impl Under {
    async fn end(self, client: &Client, limit: Limit) -> Result<Option<ProduceResponse>, Error> {
        match self {
            Under::Answer(started) => answer(client, started, limit).await.map(Some),
            Under::Write(write) => write.await.map(|()| None),
        }
    }
}

fn tell_of_retry(client: &Client, error: &Error, wait: Duration) {
    observe(client, &Event::Retrying { operation: "Produce", error, wait });
}

/// Queues a request on the connection to its node.
async fn start(client: &Client, produce: &Produce, limit: Limit) -> Result<Under, Error> {
    let target = Target::Node(produce.node);
    let connection: Arc<Connection> = client.connection(target, Lane::Produces, limit).await?;
    let mut wanted = Wanted::any::<ProduceRequest>();
    wanted.versions.max = wanted.versions.max.min(produce.version_max());
    let version = connection.version::<ProduceRequest>(wanted)?;
    let request = produce.request(version);
    if !produce.is_answered() {
        let write = connection.send_unanswered(&request, version, limit.timeout)?;
        return Ok(Under::Write(Box::pin(write)));
    }
    connection.start(&request, version).await.map(Under::Answer)
}

async fn answer<R: Request>(
    client: &Client,
    started: Started<R>,
    limit: Limit,
) -> Result<R::Response, Error> {
    let (address, version) = (started.address().to_owned(), started.version());
    let since = Instant::now();
    let answer = started.within(limit.timeout).await;
    let (took, ok) = (since.elapsed(), answer.is_ok());
    observe(client, &Event::Answered { address: &address, api: R::API, version, took, ok });
    answer
}

fn limit(client: &Client, operation: &'static str) -> Limit {
    let timeout = client.config().request_timeout;
    Limit { operation, deadline: after(Instant::now(), timeout), timeout }
}
