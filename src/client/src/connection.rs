//! A connection to one broker, with the versions it speaks.

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::time::Duration;

use bytes::Bytes;
use kt_protocol::codec::{DecodeBudget, Message, Reader, Segment, Versions};
use kt_protocol::frame::{RequestHeader, decode_response_header, encode_request};
use kt_protocol::messages::{ApiVersionsRequest, ApiVersionsResponse};
use kt_protocol::types::NodeId;
use kt_protocol::{ApiKey, ErrorCode};
use kt_transport::client::{Link, LinkError, LinkLimits, PendingReply};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use crate::config::{ClientConfig, Event};
use crate::error::{Error, Subject};
use crate::request::{Request, choose_version};

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
    /// Connects and asks for the versions. `node` is the broker, if the address is advertised.
    pub(crate) async fn open(
        address: &str,
        node: Option<NodeId>,
        config: &ClientConfig,
        deadline: Instant,
    ) -> Result<Connection, Error> {
        let unreachable = |reason: String| Error::Unreachable { node, reason };
        let limit = deadline.min(Instant::now() + config.connect_timeout);
        let stream = timeout_at(limit, TcpStream::connect(address))
            .await
            .map_err(|_| unreachable(format!("{address} does not answer")))?
            .map_err(|error| unreachable(connect_fault(address, &error)))?;
        // Requests are written whole; waiting for more to send only delays them.
        let _ = stream.set_nodelay(true);
        let limits =
            LinkLimits { in_flight_max: IN_FLIGHT_MAX, response_bytes_max: RESPONSE_BYTES_MAX };
        let mut connection = Connection {
            address: address.to_owned(),
            client_id: config.client_id.clone(),
            link: Link::open(stream, limits),
            versions: BTreeMap::new(),
        };
        connection.versions = connection.negotiate(limit).await?;
        if let Some(observer) = &config.observer {
            observer(&Event::Connected { address });
        }
        Ok(connection)
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
        decode_response(&frame, R::API, version)
    }

    /// Sends a request that gets no answer, Produce with acks=0, and waits until it is written: not
    /// before the next one is queued, but no later than `limit`.
    pub(crate) fn send_unanswered<R: Request>(
        &self,
        request: &R,
        version: i16,
        limit: Duration,
    ) -> Result<impl Future<Output = Result<(), Error>> + Send + use<R>, Error> {
        let pending = self.link.send_unanswered(|id| self.encode(request, R::API, version, id));
        let pending = pending.map_err(|error: CallError| match error {
            CallError::Link(error) => self.broken(R::API, &error),
            CallError::Encode(error) => error,
        })?;
        let address = self.address.clone();
        Ok(
            async move { pending.within(limit).await.map_err(|error| broken(&address, R::API, &error)) },
        )
    }

    /// Queues a request behind those before it; its answer is waited for apart.
    pub(crate) async fn start<R: Request>(
        &self,
        request: &R,
        version: i16,
    ) -> Result<Started<R>, Error> {
        let pending = self.queue(request, R::API, version).await?;
        let address = self.address.clone();
        Ok(Started { pending, address, version, request: PhantomData })
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
        let pending = self.queue(request, api, version).await?;
        pending.within(limit).await.map_err(|error| self.broken(api, &error))
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
        broken(&self.address, api, error)
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
                .map_err(|error| self.not_kafka(&error))?;
            // A refusal is written in version 0, whatever was asked in.
            let response = decode_response::<ApiVersionsResponse>(&frame, api, version)
                .or_else(|_| decode_response::<ApiVersionsResponse>(&frame, api, 0))
                .map_err(|error| Error::Negotiation(format!("{}: {error}", self.address)))?;
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
        Err(Error::Negotiation(format!("{} refuses every version of ApiVersions", self.address)))
    }

    /// What went wrong with the first request says who is there.
    fn not_kafka(&self, error: &Error) -> Error {
        let address = &self.address;
        Error::Negotiation(match error {
            Error::Disconnected { .. } if matches!(self.link.closed(), Some(LinkError::Closed)) => {
                format!(
                    "{address} closed the connection without a word: no Kafka listener, or one \
                     that wants TLS"
                )
            }
            Error::TimedOut { .. } => {
                format!("{address} takes connections and says nothing: no Kafka listener")
            }
            Error::Disconnected { reason, .. } => format!("{address}: {reason}"),
            error => format!("{address}: {error}"),
        })
    }
}

/// A request that is under way.
#[derive(Debug)]
pub(crate) struct Started<R> {
    pending: PendingReply,
    address: String,
    version: i16,
    request: PhantomData<fn() -> R>,
}

impl<R: Request> Started<R> {
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn version(&self) -> i16 {
        self.version
    }

    /// Waits for the answer.
    pub(crate) async fn within(self, limit: Duration) -> Result<R::Response, Error> {
        let frame = self.pending.within(limit).await;
        let frame = frame.map_err(|error| broken(&self.address, R::API, &error))?;
        decode_response(&frame, R::API, self.version)
    }
}

fn broken(address: &str, api: ApiKey, error: &LinkError) -> Error {
    let operation = format!("{api} to {address}");
    match error {
        LinkError::TimedOut(after) => Error::TimedOut { operation, after: *after, last: None },
        error => Error::Disconnected { operation, reason: error.to_string() },
    }
}

/// In words that say what to look at.
fn connect_fault(address: &str, error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::ConnectionRefused => format!("{address} refuses connections"),
        std::io::ErrorKind::InvalidInput => format!("\"{address}\" is not HOST:PORT"),
        _ => format!("{address} cannot be reached: {error}"),
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
