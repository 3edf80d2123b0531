//! A connection to one broker, with the versions it speaks.

mod keeper;
mod login;

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use kt_protocol::codec::{DecodeBudget, Message, Reader, Segment, Versions};
use kt_protocol::frame::{RequestHeader, decode_response_header, encode_request};
use kt_protocol::messages::{ApiVersionsRequest, ApiVersionsResponse};
use kt_protocol::types::NodeId;
use kt_protocol::{ApiKey, ErrorCode};
use kt_transport::client::{Link, LinkError, LinkLimits, Pause, PendingReply};
use kt_transport::{FrameError, UNAUTHENTICATED_FRAME_BYTES_MAX};
use parking_lot::Mutex;
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout_at};

use crate::config::Event;
use crate::dialer::{Dialer, untrusted};
use crate::duration::after;
use crate::error::{Error, Listener, Subject};
use crate::request::{Request, choose_version};
use keeper::{Care, keep};
use login::log_in;

/// Requests without an answer on one connection. Kafka's clients allow 5 produce requests; the
/// caller holds those back itself.
const IN_FLIGHT_MAX: usize = 64;

/// The largest answer: above every broker's `fetch.max.bytes` with one oversized batch, and far
/// below what a size field gone wrong would claim.
const RESPONSE_BYTES_MAX: usize = 512 << 20;

/// A connection that has been negotiated.
#[derive(Debug)]
pub(crate) struct Connection {
    address: String,
    client_id: String,
    link: Link,
    versions: BTreeMap<i16, Versions>,
    has_identity: bool,
    /// Whether the broker has shown that it takes our requests: by a login or by an answer.
    is_trusted: AtomicBool,
    used: Mutex<Instant>,
    keeper: OnceLock<AbortHandle>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(keeper) = self.keeper.get() {
            keeper.abort();
        }
    }
}

/// Which versions of a request the caller can use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    pub(crate) versions: Versions,
}

impl Wanted {
    /// Every version that there is.
    pub(crate) fn any<R: Request>() -> Wanted {
        Wanted { versions: R::VALID_VERSIONS }
    }

    /// From `min` on.
    pub(crate) fn since<R: Request>(min: i16) -> Wanted {
        Wanted { versions: Versions::new(min, R::VALID_VERSIONS.max) }
    }

    /// From `min` to `max`.
    pub(crate) fn between(min: i16, max: i16) -> Wanted {
        Wanted { versions: Versions::new(min, max) }
    }
}

impl Connection {
    /// Connects, asks for the versions and logs in. `node` is the broker, if the address is
    /// advertised.
    pub(crate) async fn open(
        dialer: &Dialer,
        address: &str,
        node: Option<NodeId>,
        deadline: Instant,
    ) -> Result<Arc<Connection>, Error> {
        let config = dialer.config();
        let security = dialer.security()?;
        let limits = LinkLimits {
            in_flight_max: IN_FLIGHT_MAX,
            response_bytes_max: UNAUTHENTICATED_FRAME_BYTES_MAX,
        };
        let mut connection = Connection {
            address: address.to_owned(),
            client_id: config.client_id.clone(),
            link: dialer.link(address, node, limits, deadline).await?,
            versions: BTreeMap::new(),
            has_identity: security.has_identity,
            is_trusted: AtomicBool::new(false),
            used: Mutex::new(Instant::now()),
            keeper: OnceLock::new(),
        };
        connection.versions = connection.negotiate(deadline).await?;
        let session = match &security.login {
            Some(login) => log_in(&connection, &security, login, None, deadline).await?,
            None => None,
        };
        if security.login.is_some() {
            connection.trust();
        }
        connection.link.allow_responses(RESPONSE_BYTES_MAX);
        let connection = Arc::new(connection);
        let idle_max = config.connections_max_idle;
        let seed =
            address.bytes().fold(config.seed, |it, byte| it.rotate_left(8) ^ u64::from(byte));
        connection.start_keeper(Care { security, idle_max, session, seed });
        if let Some(observer) = &config.observer {
            observer(&Event::Connected { address });
        }
        Ok(connection)
    }

    fn start_keeper(self: &Arc<Connection>, care: Care) {
        if care.idle_max.is_none() && care.session.is_none() {
            return;
        }
        let keeper = tokio::spawn(keep(Arc::downgrade(self), care)).abort_handle();
        let _ = self.keeper.set(keeper);
    }

    /// When it will have been unused for so long; later if somebody waits for an answer.
    fn idle_at(&self, now: Instant, idle: Duration) -> Instant {
        match self.link.is_unused() {
            true => *self.used.lock() + idle,
            false => now + idle,
        }
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.link.closed().is_some()
    }

    /// The version of `R` to speak here.
    pub(crate) fn version<R: Request>(&self, wanted: Wanted) -> Result<i16, Error> {
        let theirs = self.versions.get(&R::API.code()).copied();
        let chosen = theirs.and_then(|theirs| choose_version(wanted.versions, theirs));
        chosen.ok_or_else(|| Error::Version {
            api: R::API,
            theirs: theirs.map_or("not at all".to_owned(), |it| format!("in versions {it}")),
            ours: wanted.versions.to_string(),
        })
    }

    /// Sends a request and waits for its answer.
    pub(crate) async fn call<R: Request>(
        &self,
        request: &R,
        version: i16,
        limit: Duration,
    ) -> Result<R::Response, Error> {
        let frame = self.exchange(request, R::API, version, limit).await?;
        self.trust();
        decode_response(&frame, R::API, version)
    }

    /// Sends a request that gets no answer, Produce with acks=0, and waits until it is written: not
    /// before the next one is queued, but no later than `limit`.
    pub(crate) fn send_unanswered<R: Request>(
        self: &Arc<Self>,
        request: &R,
        version: i16,
        limit: Duration,
    ) -> Result<impl Future<Output = Result<(), Error>> + Send + use<R>, Error> {
        *self.used.lock() = Instant::now();
        let pending = self.link.send_unanswered(|id| self.encode(request, R::API, version, id));
        let pending = pending.map_err(|error: CallError| match error {
            CallError::Link(error) => self.broken(R::API, &error),
            CallError::Encode(error) => error,
        })?;
        let connection = Arc::clone(self);
        Ok(async move {
            let written = pending.within(limit).await;
            written.map_err(|error| connection.broken(R::API, &error))
        })
    }

    /// Queues a request behind those before it; its answer is waited for apart.
    pub(crate) async fn start<R: Request>(
        self: &Arc<Self>,
        request: &R,
        version: i16,
    ) -> Result<Started<R>, Error> {
        let pending = self.queue(request, R::API, version).await?;
        Ok(Started { pending, connection: Arc::clone(self), version, request: PhantomData })
    }

    async fn queue<M: Message>(
        &self,
        request: &M,
        api: ApiKey,
        version: i16,
    ) -> Result<PendingReply, Error> {
        let pending = self.link.start(|id| self.encode(request, api, version, id)).await;
        pending.map_err(|error: CallError| match error {
            CallError::Link(error) => self.broken(api, &error),
            CallError::Encode(error) => error,
        })
    }

    async fn exchange<M: Message>(
        &self,
        request: &M,
        api: ApiKey,
        version: i16,
        limit: Duration,
    ) -> Result<Bytes, Error> {
        let deadline = after(Instant::now(), limit);
        // A link that is full lets nobody in until an answer comes.
        let queued = timeout_at(deadline, self.queue(request, api, version)).await;
        let pending = queued.unwrap_or_else(|_| Err(self.broken(api, &LinkError::TimedOut(limit))));
        let left = deadline.saturating_duration_since(Instant::now());
        self.answer(pending?, api, left).await.map_err(|error| match error {
            Error::TimedOut { operation, last, .. } => {
                Error::TimedOut { operation, after: limit, last }
            }
            error => error,
        })
    }

    /// The same over a paused link.
    async fn exchange_ahead<M: Message>(
        &self,
        pause: &Pause<'_>,
        request: &M,
        api: ApiKey,
        version: i16,
        limit: Duration,
    ) -> Result<Bytes, Error> {
        let pending = pause.start(|id| self.encode(request, api, version, id));
        let pending = pending.map_err(|error: CallError| match error {
            CallError::Link(error) => self.broken(api, &error),
            CallError::Encode(error) => error,
        })?;
        self.answer(pending, api, limit).await
    }

    async fn answer(
        &self,
        pending: PendingReply,
        api: ApiKey,
        limit: Duration,
    ) -> Result<Bytes, Error> {
        let answer = pending.within(limit).await.map_err(|error| self.broken(api, &error));
        *self.used.lock() = Instant::now();
        answer
    }

    /// It is a broker that serves us: what it does from now on is no sign of another listener.
    fn trust(&self) {
        self.is_trusted.store(true, Ordering::Relaxed);
    }

    fn encode<M: Message>(
        &self,
        request: &M,
        api: ApiKey,
        version: i16,
        correlation_id: i32,
    ) -> Result<Vec<Bytes>, CallError> {
        let header = RequestHeader {
            api_key: api,
            api_version: version,
            correlation_id,
            client_id: Some(self.client_id.clone()),
        };
        let segments = encode_request(&header, request)
            .map_err(|error| CallError::Encode(Error::protocol(api, error)))?;
        Ok(segments
            .into_iter()
            .map(|segment| match segment {
                Segment::Bytes(bytes) => bytes,
                Segment::External { .. } => unreachable!("a client has its records in memory"),
            })
            .collect())
    }

    fn broken(&self, api: ApiKey, error: &LinkError) -> Error {
        let address = self.address.clone();
        let operation = format!("{api} to {address}");
        match error {
            LinkError::TimedOut(after) => Error::TimedOut { operation, after: *after, last: None },
            LinkError::Tls(fault) => untrusted(&address, fault.clone(), self.has_identity),
            LinkError::Closed if !self.is_trusted.load(Ordering::Relaxed) => {
                Error::WrongListener { address, found: Listener::WantsLogin }
            }
            error => Error::Disconnected { operation, reason: error.to_string() },
        }
    }

    /// ApiVersions, and once more in a version that the broker named if it does not know ours
    /// (KIP-511).
    async fn negotiate(&self, deadline: Instant) -> Result<BTreeMap<i16, Versions>, Error> {
        let api = ApiKey::ApiVersions;
        let mut version = ApiVersionsRequest::VALID_VERSIONS.max;
        for _ in 0..2 {
            let request = ApiVersionsRequest {
                client_software_name: "kt".to_owned(),
                client_software_version: env!("CARGO_PKG_VERSION").to_owned(),
            };
            let limit = deadline.saturating_duration_since(Instant::now());
            let frame = self
                .exchange(&request, api, version, limit)
                .await
                .map_err(|error| self.not_kafka(error))?;
            // A refusal is written in version 0, whatever was asked in.
            let response = decode_response::<ApiVersionsResponse>(&frame, api, version)
                .or_else(|_| decode_response::<ApiVersionsResponse>(&frame, api, 0))
                .map_err(|error| self.wrong(Listener::Garbage(error.to_string())))?;
            let ranges: BTreeMap<i16, Versions> = response
                .api_keys
                .iter()
                .map(|it| (it.api_key, Versions::new(it.min_version, it.max_version)))
                .collect();
            match ErrorCode::from_code(response.error_code) {
                ErrorCode::None => return Ok(ranges),
                ErrorCode::UnsupportedVersion => {
                    let theirs = ranges.get(&api.code()).copied().unwrap_or(Versions::new(0, 0));
                    version = choose_version(ApiVersionsRequest::VALID_VERSIONS, theirs)
                        .unwrap_or_default();
                }
                code => return Err(Error::broker(api, code, Subject::Request)),
            }
        }
        Err(self.wrong(Listener::Garbage("it refuses every version of ApiVersions".to_owned())))
    }

    /// What went wrong with the first request says who is there.
    fn not_kafka(&self, error: Error) -> Error {
        match (&error, self.link.closed()) {
            (Error::Authentication { .. }, _) => error,
            (_, Some(LinkError::Closed)) => self.wrong(Listener::Closes),
            (_, Some(LinkError::Frame(FrameError::Foreign(foreign)))) => {
                self.wrong(Listener::Speaks(foreign))
            }
            (Error::TimedOut { .. }, _) => self.wrong(Listener::Silent),
            (Error::Disconnected { reason, .. }, _) => {
                self.wrong(Listener::Garbage(reason.clone()))
            }
            _ => error,
        }
    }

    fn wrong(&self, found: Listener) -> Error {
        Error::WrongListener { address: self.address.clone(), found }
    }
}

/// A request that is under way.
#[derive(Debug)]
pub(crate) struct Started<R> {
    pending: PendingReply,
    connection: Arc<Connection>,
    version: i16,
    request: PhantomData<fn() -> R>,
}

impl<R: Request> Started<R> {
    pub(crate) fn address(&self) -> &str {
        self.connection.address()
    }

    pub(crate) fn version(&self) -> i16 {
        self.version
    }

    /// Waits for the answer.
    pub(crate) async fn within(self, limit: Duration) -> Result<R::Response, Error> {
        let frame = self.connection.answer(self.pending, R::API, limit).await?;
        self.connection.trust();
        decode_response(&frame, R::API, self.version)
    }
}

enum CallError {
    Link(LinkError),
    Encode(Error),
}

impl From<LinkError> for CallError {
    fn from(error: LinkError) -> CallError {
        CallError::Link(error)
    }
}

fn decode_response<M: Message>(frame: &Bytes, api: ApiKey, version: i16) -> Result<M, Error> {
    let budget = DecodeBudget::for_frame(frame.len());
    let mut reader = Reader::new(frame, budget);
    decode_response_header(&mut reader, api, version)
        .map_err(|error| Error::protocol(api, error))?;
    M::decode(&mut reader, version).map_err(|error| Error::protocol(api, error))
}

#[cfg(test)]
mod tests;
