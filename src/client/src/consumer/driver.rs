//! The task that performs what the [`Fetcher`] wants, over a [`Client`], and brings it the answers.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kt_protocol::codec::Versions;
use kt_protocol::messages::{
    FetchRequest, ListOffsetsRequest, ListOffsetsResponse, OffsetForLeaderEpochRequest,
    OffsetForLeaderEpochResponse,
};
use kt_protocol::types::{Millis, NodeId, Now, Timestamp};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::fetcher::{CheckedFetch, Effect, Fetcher, RequestId, request_for};
use super::panic_guard::guarded;
use super::records::CrcCheck;
use crate::client::{Client, Limit, Target};
use crate::connection::Wanted;
use crate::duration::{after, millis};
use crate::error::Error;
use crate::metadata::{Metadata, TopicErrors};
use crate::pool::Lane;

/// What the caller's side and the task share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) fetcher: Mutex<Fetcher>,
    /// Something changed that the task must look at.
    pub(super) work: Notify,
    /// Something may be given.
    pub(super) ready: Notify,
    started: Instant,
}

/// What came of an effect.
enum Answer {
    Fetch(RequestId, Result<CheckedFetch, Error>),
    ListOffsets(RequestId, Result<ListOffsetsResponse, Error>),
    Epochs(RequestId, Result<OffsetForLeaderEpochResponse, Error>),
    Metadata(Result<(Arc<Metadata>, TopicErrors), Error>),
}

impl Shared {
    pub(super) fn new(fetcher: Fetcher) -> Shared {
        Shared {
            fetcher: Mutex::new(fetcher),
            work: Notify::new(),
            ready: Notify::new(),
            started: Instant::now(),
        }
    }

    pub(super) fn now(&self) -> Now {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now {
            monotonic: Millis(millis(self.started.elapsed())),
            wall: Timestamp(i64::try_from(wall.as_millis()).unwrap_or(i64::MAX)),
        }
    }

    fn instant(&self, at: Millis) -> Instant {
        self.started + Duration::from_millis(at.0)
    }
}

/// Runs until the consumer is dropped.
pub(super) async fn run(client: Client, lane: Lane, shared: Arc<Shared>, crcs: CrcCheck) {
    let mut answers: JoinSet<Answer> = JoinSet::new();
    let mut effects = Vec::new();
    loop {
        let deadline = {
            let mut fetcher = shared.fetcher.lock();
            fetcher.poll(shared.now(), &mut effects);
            if fetcher.has_something() {
                shared.ready.notify_one();
            }
            fetcher.next_deadline()
        };
        for effect in effects.drain(..) {
            perform(&client, lane, crcs, effect, &mut answers);
        }
        let deadline = deadline.map(|at| shared.instant(at));
        tokio::select! {
            () = shared.work.notified() => {}
            Some(answer) = answers.join_next() => {
                // What panics answers too: a task is cancelled only with the runtime.
                if let Ok(answer) = answer {
                    take(&shared, answer);
                }
            }
            () = sleep_until(deadline) => {}
        }
    }
}

fn perform(
    client: &Client,
    lane: Lane,
    crcs: CrcCheck,
    effect: Effect,
    answers: &mut JoinSet<Answer>,
) {
    let client = client.clone();
    match effect {
        Effect::Fetch { id, node, request, version_max } => {
            answers.spawn(async move {
                let fetched = async {
                    let fetched = Reading { client: &client, lane, node };
                    let fetched = fetched.fetch(request, version_max).await?;
                    Ok(CheckedFetch::new(fetched, crcs))
                };
                Answer::Fetch(id, guarded("a Fetch", fetched).await)
            });
        }
        Effect::ListOffsets { id, node, request } => {
            answers.spawn(async move {
                let limit = limit(&client, "ListOffsets", Duration::ZERO);
                let min = if request.isolation_level == 0 { 1 } else { 2 };
                let wanted = Wanted::since::<ListOffsetsRequest>(min);
                let target = Target::Node(node);
                let asked = client.call_once(target, wanted, limit, |_| request.clone());
                Answer::ListOffsets(id, guarded("a ListOffsets", asked).await)
            });
        }
        Effect::OffsetForLeaderEpoch { id, node, request } => {
            answers.spawn(async move {
                let limit = limit(&client, "OffsetForLeaderEpoch", Duration::ZERO);
                // From 3 on a topic's readers may ask; before, only those who may change clusters.
                let wanted = Wanted::since::<OffsetForLeaderEpochRequest>(3);
                let target = Target::Node(node);
                let asked = client.call_once(target, wanted, limit, |_| request.clone());
                Answer::Epochs(id, guarded("an OffsetForLeaderEpoch", asked).await)
            });
        }
        Effect::RefreshMetadata { topics } => {
            answers.spawn(async move {
                let refreshed = async {
                    let errors = client.refresh(Some(&topics)).await?;
                    Ok((client.metadata(), errors))
                };
                Answer::Metadata(guarded("a Metadata", refreshed).await)
            });
        }
    }
}

/// How fetches of one consumer go to a broker.
pub(super) struct Reading<'a> {
    pub(super) client: &'a Client,
    pub(super) lane: Lane,
    pub(super) node: NodeId,
}

impl Reading<'_> {
    /// Asks, once.
    pub(super) async fn fetch(
        &self,
        request: FetchRequest,
        version_max: i16,
    ) -> Result<kt_protocol::messages::FetchResponse, Error> {
        let wait = Duration::from_millis(u64::try_from(request.max_wait_ms).unwrap_or(0));
        let limit = limit(self.client, "Fetch", wait);
        let mut wanted = Wanted::any::<FetchRequest>();
        let Versions { min, max } = wanted.versions;
        wanted.versions = Versions::new(min, max.min(version_max));
        let target = Target::Node(self.node);
        let connection = self.client.connection(target, self.lane, limit).await?;
        let build = |version| request_for(&request, version);
        self.client.call_on(&connection, wanted, limit, build).await
    }
}

fn limit(client: &Client, operation: &'static str, wait: Duration) -> Limit {
    let timeout = client.config().request_timeout + wait;
    Limit { operation, deadline: after(Instant::now(), timeout), timeout }
}

fn take(shared: &Shared, answer: Answer) {
    let now = shared.now();
    let mut fetcher = shared.fetcher.lock();
    match answer {
        Answer::Fetch(id, answer) => fetcher.on_fetch(now, id, answer),
        Answer::ListOffsets(id, answer) => fetcher.on_list_offsets(now, id, answer),
        Answer::Epochs(id, answer) => fetcher.on_epochs(now, id, answer),
        Answer::Metadata(answer) => fetcher.on_metadata(now, answer),
    }
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
