//! Everything that can happen to a node.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::BytesMut;
use kt_protocol::types::Millis;
use kt_storage::DiskError;

use crate::effect::{FlushTicket, JobId, JobResult, MachineId};

/// A connection's number, never used twice in one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// Where an answer goes: the request's place on its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReplyTo {
    /// The connection it came by.
    pub connection: ConnectionId,
    /// Its number there, counted from 0. Answers are written in this order.
    pub sequence: u64,
}

/// What the connection knows of its peer; shared by all of its requests.
#[derive(Debug)]
pub struct Session {
    /// The listener it came by, as named in `listeners` (upper case).
    pub listener: String,
    /// True on a listener of `controller.listener.names`.
    pub is_controller_listener: bool,
    /// The peer's address.
    pub client_host: IpAddr,
}

/// One request, its header read and its body still bytes.
#[derive(Debug)]
pub struct Request {
    /// The connection's facts.
    pub session: Arc<Session>,
    /// The API key as sent; may be one that nobody knows.
    pub api_key: i16,
    /// The version as sent.
    pub api_version: i16,
    /// Echoed in the answer's header.
    pub correlation_id: i32,
    /// The client's name for itself.
    pub client_id: Option<String>,
    /// The whole frame without its size. Owned, so that base offsets are patched in place.
    pub frame: BytesMut,
    /// Where in `frame` the body begins.
    pub body_at: usize,
}

/// Everything that can happen to a node.
#[derive(Debug)]
pub enum Input {
    /// A request arrived.
    Request(ReplyTo, Request),
    /// The deadline that [`crate::Effect::Expire`] asked for has passed, and no reply was seen yet.
    Expired(ReplyTo),
    /// A connection is gone. Nothing that was appended is undone.
    Closed(ConnectionId),
    /// A flush ended.
    Flushed(FlushTicket, Result<(), DiskError>),
    /// A job ended.
    Done(JobId, JobResult),
    /// A machine asked to be called again, by `Wake` or `WakeAt`.
    Wake(MachineId),
    /// Stop cleanly: flush, write the marker, then [`crate::Effect::Stopped`].
    Stop,
}

/// When a deadline is due.
pub type Deadline = Millis;
