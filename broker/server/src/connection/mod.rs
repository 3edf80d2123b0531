//! One connection: reads frames, hands requests to the node, sends the answers in order.
//!
//! One task, polled when its socket, its mailbox or its timer has something. Each turn of its loop
//! takes what others delivered, starts the requests that are here, sends what is at the head of the
//! ring with as few calls as possible, and reads more. It owns no buffer while it waits for its
//! peer.

mod outbound;
mod slots;

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use kt_node::{ConnectionId, Input, ReplyTo, Session};
use kt_protocol::types::{Millis, Now};
use kt_transport::{FrameBuffer, FrameError, Front};
use tokio::time::{Instant, Sleep};

use crate::budget::Payment;
use crate::host::{Host, Own};
use crate::mailbox::{Delivery, Mailbox};
use crate::request::{self, Incoming};
use crate::stream::Stream;
use outbound::Outbound;
pub(crate) use outbound::SendError;
pub(crate) use slots::RequestKind;
use slots::Slots;

/// A frame must be whole so long after its first byte. A peer that sends a byte a minute does not
/// hold memory that others wait for.
pub(crate) const FRAME_MS_MAX: u64 = 30_000;

/// Answers not yet sent. Beyond it nothing more is started: a peer that does not read cannot make
/// us gather answers for it.
pub(crate) const UNSENT_BYTES_MAX: u64 = 1024 * 1024;

/// Turns and bytes of one poll; then the other connections of the worker have theirs.
const TURNS_PER_POLL: usize = 16;
const SENT_PER_TURN_MAX: usize = 2 * 1024 * 1024;

/// Requests that can only be answered with an error. Who sends this many is not a client.
const JUNK_REQUESTS_MAX: u32 = 3;

/// What a listener lets its connections do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConnectionConfig {
    /// `socket.request.max.bytes`.
    pub(crate) frame_bytes_max: usize,
    /// `connections.max.idle.ms`; 0 or less in Kafka's words is none here.
    pub(crate) idle_ms_max: Option<u64>,
}

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CloseReason {
    #[error("closed by the peer")]
    ByPeer,
    #[error("idle for {0} ms")]
    Idle(u64),
    #[error("the server stops")]
    Drained,
    #[error("{0}")]
    Socket(#[from] io::Error),
    #[error("{0}")]
    Frame(#[from] FrameError),
    #[error("{0}")]
    Junk(String),
    #[error("a frame was not whole within {FRAME_MS_MAX} ms")]
    SlowFrame,
    #[error("{0}")]
    ByNode(String),
    #[error("{0}")]
    File(String),
}

impl CloseReason {
    /// True if the peer did what no client does: worth a line in the log.
    fn is_offence(&self) -> bool {
        match self {
            CloseReason::ByPeer | CloseReason::Idle(_) | CloseReason::Drained => false,
            CloseReason::Socket(_) => false,
            CloseReason::Frame(_) | CloseReason::Junk(_) | CloseReason::SlowFrame => true,
            CloseReason::ByNode(_) | CloseReason::File(_) => true,
        }
    }
}

/// Serves a connection to its end.
pub(crate) async fn serve(
    host: Arc<Host>,
    stream: Stream,
    session: Arc<Session>,
    config: ConnectionConfig,
) {
    let mut connection = Connection::open(host, stream, session, config);
    let reason = poll_fn(|context| connection.poll(context)).await;
    let (listener, peer) = (&connection.session.listener, connection.session.client_host);
    if reason.is_offence() {
        connection.host.metrics.refused(&reason.to_string(), listener, peer);
    } else {
        tracing::debug!(%listener, %peer, %reason, "connection closed");
    }
}

struct Connection {
    host: Arc<Host>,
    id: ConnectionId,
    mailbox: Arc<Mailbox>,
    stream: Stream,
    session: Arc<Session>,
    config: ConnectionConfig,
    frames: FrameBuffer,
    slots: Slots,
    outbound: Outbound,
    inbox: Vec<Delivery>,
    /// Paid for the first frame of `frames`.
    paid: Option<Payment>,
    paying: Option<Pin<Box<dyn Future<Output = Payment> + Send>>>,
    last_activity: Millis,
    frame_deadline: Option<Millis>,
    timer: Option<Pin<Box<Sleep>>>,
    /// What the timer is set to; it may ring too early, never too late.
    timer_at: Millis,
    /// The range at the head of `outbound` is known to be in memory up to this many bytes.
    resident_bytes: u64,
    waits_for_disk: bool,
    junk_requests: u32,
    drains: bool,
}

impl Connection {
    fn open(
        host: Arc<Host>,
        stream: Stream,
        session: Arc<Session>,
        config: ConnectionConfig,
    ) -> Connection {
        let (id, mailbox) = host.connections.open();
        let last_activity = host.clock.monotonic();
        Connection {
            id,
            mailbox,
            stream,
            session,
            config,
            frames: FrameBuffer::new(config.frame_bytes_max),
            slots: Slots::default(),
            outbound: Outbound::default(),
            inbox: Vec::new(),
            paid: None,
            paying: None,
            last_activity,
            frame_deadline: None,
            timer: None,
            timer_at: Millis(u64::MAX),
            resident_bytes: 0,
            waits_for_disk: false,
            junk_requests: 0,
            drains: host.lifecycle.is_draining(),
            host,
        }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<CloseReason> {
        for _ in 0..TURNS_PER_POLL {
            match self.turn(context) {
                Ok(true) => {}
                Ok(false) => {
                    self.frames.settle();
                    return Poll::Pending;
                }
                Err(reason) => return Poll::Ready(reason),
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    /// One turn of the loop. False: nothing moved, and everything that could move it will wake us.
    fn turn(&mut self, context: &mut Context<'_>) -> Result<bool, CloseReason> {
        let now = self.host.clock.now();
        let mut moved = self.take_deliveries(now, context)?;
        moved |= self.start_requests(now, context)?;
        moved |= self.send(now, context)?;
        moved |= self.read(now, context)?;
        if self.drains && self.slots.is_empty() && self.outbound.is_empty() {
            return Err(CloseReason::Drained);
        }
        Ok(moved || self.pass_deadlines(context)?)
    }

    fn take_deliveries(&mut self, now: Now, context: &Context<'_>) -> Result<bool, CloseReason> {
        self.mailbox.take(&mut self.inbox, context.waker());
        let moved = !self.inbox.is_empty();
        self.empty_inbox(now)?;
        Ok(moved)
    }

    fn empty_inbox(&mut self, now: Now) -> Result<(), CloseReason> {
        for delivery in self.inbox.drain(..) {
            match delivery {
                Delivery::Reply(sequence, reply) => {
                    // Late by a race with the deadline: the request was answered already.
                    if self.slots.answer(sequence, reply) {
                        self.last_activity = now.monotonic;
                    }
                }
                Delivery::Expire(sequence, at) => self.slots.expire_at(sequence, at),
                Delivery::Close(why) => return Err(CloseReason::ByNode(why)),
                Delivery::Resident => self.waits_for_disk = false,
                Delivery::Drain => {
                    self.drains = true;
                    self.slots.expire_fetches(now.monotonic);
                }
            }
        }
        while let Some(reply) = self.slots.take_answered() {
            self.outbound.push(reply);
        }
        Ok(())
    }

    fn start_requests(&mut self, now: Now, context: &mut Context<'_>) -> Result<bool, CloseReason> {
        let mut moved = false;
        while let Front::Whole(size) = self.frames.front()? {
            self.frame_deadline = None;
            let kind = request::kind(self.frames.front_bytes());
            if self.is_held_back() || !self.slots.may_start(kind) {
                break;
            }
            let Poll::Ready(payment) = self.poll_pay(size, context) else { break };
            self.start(now, kind, payment)?;
            moved = true;
        }
        Ok(moved)
    }

    fn is_held_back(&self) -> bool {
        self.drains || self.slots.is_full() || UNSENT_BYTES_MAX <= self.outbound.bytes()
    }

    fn start(&mut self, now: Now, kind: RequestKind, payment: Payment) -> Result<(), CloseReason> {
        let Some(frame) = self.frames.take()? else { return Ok(()) };
        self.last_activity = now.monotonic;
        self.host.metrics.request(frame.len());
        let Incoming { request, is_junk } =
            request::read(self.session.clone(), frame).map_err(CloseReason::Junk)?;
        self.junk_requests += u32::from(is_junk);
        if self.junk_requests == JUNK_REQUESTS_MAX {
            let junk = format!("{JUNK_REQUESTS_MAX} requests that no broker can answer");
            return Err(CloseReason::Junk(junk));
        }
        let sequence = self.slots.start(kind, payment);
        let reply_to = ReplyTo { connection: self.id, sequence };
        let own = Own { connection: self.id, inbox: &mut self.inbox };
        self.host.handle_own(now, Input::Request(reply_to, request), own);
        if kind == RequestKind::Fetch {
            // It may wait for long, and its frame has been read.
            self.slots.release(sequence);
        }
        self.empty_inbox(now)
    }

    /// Pays for the first frame, once; waits if the budget is used up.
    fn poll_pay(&mut self, size: usize, context: &mut Context<'_>) -> Poll<Payment> {
        if let Some(paid) = self.paid.take() {
            return Poll::Ready(paid);
        }
        let size = size as u64;
        if self.paying.is_none() {
            if let Some(payment) = self.host.budget.try_pay(size) {
                return Poll::Ready(payment);
            }
            self.host.metrics.waited_for_memory();
            self.paying = Some(Box::pin(self.host.budget.clone().pay(size)));
        }
        let Some(paying) = &mut self.paying else { return Poll::Pending };
        let payment = ready!(paying.as_mut().poll(context));
        self.paying = None;
        Poll::Ready(payment)
    }

    fn send(&mut self, now: Now, context: &mut Context<'_>) -> Result<bool, CloseReason> {
        let mut sent = 0;
        while !self.outbound.is_empty() && sent < SENT_PER_TURN_MAX {
            if !self.is_resident() {
                break;
            }
            self.outbound.prepare().map_err(send_failure)?;
            let attempt = self.stream.poll_send(context, |socket| self.outbound.send(socket));
            let Poll::Ready(result) = attempt else { break };
            let count = result.map_err(send_failure)?;
            self.resident_bytes = self.resident_bytes.saturating_sub(count as u64);
            sent += count;
        }
        if sent != 0 {
            self.last_activity = now.monotonic;
            self.host.metrics.sent(sent);
        }
        Ok(sent != 0)
    }

    /// True if sending would not wait for a disk; else asks for the bytes.
    fn is_resident(&mut self) -> bool {
        if self.waits_for_disk {
            return false;
        }
        let Some(range) = self.outbound.next_range() else { return true };
        if 0 < self.resident_bytes {
            return true;
        }
        self.resident_bytes = range.length;
        if outbound::is_in_memory(&range) {
            return true;
        }
        self.waits_for_disk = true;
        self.host.jobs.read_ahead(self.id, range);
        false
    }

    fn read(&mut self, now: Now, context: &mut Context<'_>) -> Result<bool, CloseReason> {
        match self.frames.front()? {
            // It is held back. To hold more than this read would be for nothing.
            Front::Whole(_) => return Ok(false),
            _ if self.is_held_back() => return Ok(false),
            Front::Partial(size) => {
                let Poll::Ready(payment) = self.poll_pay(size, context) else {
                    // It is not the peer who is late.
                    self.frame_deadline = None;
                    return Ok(false);
                };
                self.paid = Some(payment);
            }
            Front::Nothing => {}
        }
        if self.frames.is_empty() {
            self.frame_deadline = None;
        } else {
            self.frame_deadline.get_or_insert(now.monotonic + FRAME_MS_MAX);
        }
        let mut window = self.frames.read_window();
        let Poll::Ready(read) = self.stream.poll_read(context, &mut window) else {
            return Ok(false);
        };
        let read = read?;
        if read == 0 {
            return Err(CloseReason::ByPeer);
        }
        self.last_activity = now.monotonic;
        self.host.metrics.received(read);
        Ok(true)
    }

    /// Tells the node whose time is up, ends the connection if its own is. Arms the timer.
    fn pass_deadlines(&mut self, context: &mut Context<'_>) -> Result<bool, CloseReason> {
        let Some(next) = self.next_deadline() else { return Ok(false) };
        if next < self.timer_at {
            self.arm(next);
        }
        let Some(timer) = &mut self.timer else { return Ok(false) };
        if timer.as_mut().poll(context).is_pending() {
            return Ok(false);
        }
        self.timer_at = Millis(u64::MAX);
        let now = self.host.clock.now();
        while let Some(sequence) = self.slots.take_expired(now.monotonic) {
            let expired = Input::Expired(ReplyTo { connection: self.id, sequence });
            let own = Own { connection: self.id, inbox: &mut self.inbox };
            self.host.handle_own(now, expired, own);
            self.empty_inbox(now)?;
        }
        if self.frame_deadline.is_some_and(|at| at <= now.monotonic) {
            return Err(CloseReason::SlowFrame);
        }
        match self.idle_deadline() {
            Some(at) if at <= now.monotonic => {
                Err(CloseReason::Idle(now.monotonic - self.last_activity))
            }
            _ => Ok(true),
        }
    }

    fn next_deadline(&mut self) -> Option<Millis> {
        let deadlines = [self.slots.next_deadline(), self.frame_deadline, self.idle_deadline()];
        deadlines.into_iter().flatten().min()
    }

    /// A connection is not idle while a request waits for its answer.
    fn idle_deadline(&self) -> Option<Millis> {
        let idle_ms_max = self.config.idle_ms_max.filter(|_| self.slots.waiting() == 0)?;
        Some(self.last_activity + idle_ms_max)
    }

    fn arm(&mut self, at: Millis) {
        let instant: Instant = self.host.clock.instant(at);
        match &mut self.timer {
            Some(timer) => timer.as_mut().reset(instant),
            none => *none = Some(Box::pin(tokio::time::sleep_until(instant))),
        }
        self.timer_at = at;
    }
}

impl Drop for Connection {
    /// However it ended, a panic while decoding included, the node hears of it.
    fn drop(&mut self) {
        self.host.connections.close(self.id);
        self.host.handle(Input::Closed(self.id));
    }
}

fn send_failure(error: SendError) -> CloseReason {
    match error {
        SendError::Socket(error) => CloseReason::Socket(error),
        SendError::File(text) => CloseReason::File(text),
    }
}

#[cfg(test)]
mod tests;
