//! Frames out, frames in, and who waits for which: the pipeline beneath typed requests.
//!
//! Requests leave in the order of [`Link::start`], answers come back in the same order. One task
//! writes all that has queued up with one call, another reads; both end with the link.
//!
//! Whoever logs in again on a link that is in use ([`Link::pause`]) goes ahead of requests that come
//! meanwhile: a broker that has begun to authenticate takes nothing else.

use std::collections::VecDeque;
use std::future::Future;
use std::io::IoSlice;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::{Buf, Bytes};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, oneshot, watch};
use tokio::task::AbortHandle;

use super::error::LinkError;
use crate::frame::FrameBuffer;

/// Slices handed to one vectored write: Linux takes 1,024, and more than a few dozen gain nothing.
const SLICES_MAX: usize = 64;

/// The bytes of a correlation id, first in every answer.
const CORRELATION_BYTES: usize = 4;

/// What a link allows.
#[derive(Clone, Copy, Debug)]
pub struct LinkLimits {
    /// Requests without an answer; more wait before they are sent.
    pub in_flight_max: usize,
    /// The largest answer, in bytes.
    pub response_bytes_max: usize,
}

/// A connection with requests under way. Dropping it closes the connection.
#[derive(Debug)]
pub struct Link {
    shared: Arc<Shared>,
    reader: AbortHandle,
    writer: AbortHandle,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    in_flight: Arc<Semaphore>,
    outgoing_ready: Notify,
    response_bytes_max: AtomicUsize,
    /// Turns true once.
    has_ended: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct State {
    next_correlation_id: i32,
    outgoing: Vec<Bytes>,
    /// Who waits until what is outgoing has been written.
    writes: Vec<oneshot::Sender<()>>,
    /// How many have no answer and are not written yet.
    unwritten: usize,
    waiting: VecDeque<Waiting>,
    /// What was queued since the link was paused.
    held: Option<Held>,
    closed: Option<LinkError>,
}

#[derive(Debug, Default)]
struct Held {
    outgoing: Vec<Bytes>,
    writes: Vec<oneshot::Sender<()>>,
    waiting: Vec<Waiting>,
}

/// Which requests a request goes behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// All that came before it.
    InLine,
    /// Only those that were sent: it goes over a paused link.
    Ahead,
}

#[derive(Debug)]
struct Waiting {
    correlation_id: i32,
    answer: oneshot::Sender<Result<Bytes, LinkError>>,
    /// None for what goes ahead: it must not wait for those that wait for it.
    _permit: Option<OwnedSemaphorePermit>,
}

/// A request without an answer that is being written.
#[derive(Debug)]
pub struct PendingWrite {
    shared: Arc<Shared>,
    written: oneshot::Receiver<()>,
}

impl PendingWrite {
    /// Waits until the system has taken the whole request. If it does not in time the connection is
    /// closed.
    ///
    /// # Errors
    ///
    /// Fails if the connection was closed before.
    pub async fn within(self, limit: Duration) -> Result<(), LinkError> {
        match tokio::time::timeout(limit, self.written).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => {
                let closed = self.shared.state.lock().closed.clone();
                Err(closed.unwrap_or(LinkError::Closed))
            }
            Err(_) => {
                let error = LinkError::TimedOut(limit);
                self.shared.close(&error);
                Err(error)
            }
        }
    }
}

/// Holds back requests on a link, except those that go over this. Dropping it lets them go.
#[derive(Debug)]
pub struct Pause<'a> {
    link: &'a Link,
}

type Answer = oneshot::Receiver<Result<Bytes, LinkError>>;

/// An answer that is under way.
#[derive(Debug)]
pub struct PendingReply {
    shared: Arc<Shared>,
    answer: Answer,
}

impl Link {
    /// Starts the two tasks that move bytes over `stream`.
    pub fn open<S>(stream: S, limits: LinkLimits) -> Link
    where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        let (read_half, write_half) = tokio::io::split(stream);
        Link::open_halves(read_half, write_half, limits)
    }

    /// The same over a stream whose halves need no lock between them: a plain socket.
    pub fn open_halves<R, W>(read_half: R, write_half: W, limits: LinkLimits) -> Link
    where
        R: AsyncRead + Send + Unpin + 'static,
        W: AsyncWrite + Send + Unpin + 'static,
    {
        let shared = Arc::new(Shared {
            state: Mutex::new(State::default()),
            in_flight: Arc::new(Semaphore::new(limits.in_flight_max)),
            outgoing_ready: Notify::new(),
            response_bytes_max: AtomicUsize::new(limits.response_bytes_max),
            has_ended: watch::Sender::new(false),
        });
        let frames = FrameBuffer::new(limits.response_bytes_max);
        let reader = tokio::spawn(close_after(shared.clone(), {
            let shared = shared.clone();
            async move { read_answers(&shared, read_half, frames).await }
        }));
        let writer = tokio::spawn(close_after(shared.clone(), {
            let shared = shared.clone();
            async move { write_requests(&shared, write_half).await }
        }));
        Link { shared, reader: reader.abort_handle(), writer: writer.abort_handle() }
    }

    /// Queues a request, waiting while too many are in flight. `encode` gets the correlation id
    /// and gives the whole frame, size included.
    pub async fn start<E>(
        &self,
        encode: impl FnOnce(i32) -> Result<Vec<Bytes>, E>,
    ) -> Result<PendingReply, E>
    where
        E: From<LinkError>,
    {
        let permit = Arc::clone(&self.shared.in_flight).acquire_owned().await;
        let answer = self.shared.enqueue(Place::InLine, permit.ok(), encode)?;
        Ok(PendingReply { shared: self.shared.clone(), answer })
    }

    /// Queues a request that has no answer (Produce with acks=0). Whoever sends many has to wait until
    /// they are written, or they heap up here.
    pub fn send_unanswered<E>(
        &self,
        encode: impl FnOnce(i32) -> Result<Vec<Bytes>, E>,
    ) -> Result<PendingWrite, E>
    where
        E: From<LinkError>,
    {
        let (sender, written) = oneshot::channel();
        let mut state = self.shared.state.lock();
        let (_, frame) = state.encode(encode)?;
        state.outgoing(Place::InLine).extend(frame);
        state.writes(Place::InLine).push(sender);
        state.unwritten += 1;
        drop(state);
        self.shared.outgoing_ready.notify_one();
        Ok(PendingWrite { shared: self.shared.clone(), written })
    }

    /// Holds back all that is started from now on, until the pause is dropped. What was started
    /// before is still answered. One pause at a time.
    pub fn pause(&self) -> Pause<'_> {
        self.shared.state.lock().held.get_or_insert_default();
        Pause { link: self }
    }

    /// Allows answers of other sizes from now on.
    pub fn allow_responses(&self, bytes_max: usize) {
        self.shared.response_bytes_max.store(bytes_max, Ordering::Relaxed);
    }

    /// Closes the link; all who wait get `reason`.
    pub fn close(&self, reason: String) {
        self.shared.close(&LinkError::Ended(reason));
        self.reader.abort();
    }

    /// True if no request is under way.
    pub fn is_unused(&self) -> bool {
        self.shared.state.lock().is_unused()
    }

    /// Closes the link unless a request is under way; whether it did.
    pub fn close_if_unused(&self, reason: &str) -> bool {
        let mut state = self.shared.state.lock();
        if !state.is_unused() {
            return false;
        }
        // Under the lock: nothing can be started between looking and closing.
        state.closed.get_or_insert_with(|| LinkError::Ended(reason.to_owned()));
        drop(state);
        self.close(reason.to_owned());
        true
    }

    /// Why the link is closed, if it is.
    pub fn closed(&self) -> Option<LinkError> {
        self.shared.state.lock().closed.clone()
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.reader.abort();
        self.writer.abort();
        self.shared.close(&LinkError::Closed);
    }
}

impl Pause<'_> {
    /// Queues a request ahead of those that are held back.
    pub fn start<E>(
        &self,
        encode: impl FnOnce(i32) -> Result<Vec<Bytes>, E>,
    ) -> Result<PendingReply, E>
    where
        E: From<LinkError>,
    {
        let answer = self.link.shared.enqueue(Place::Ahead, None, encode)?;
        Ok(PendingReply { shared: self.link.shared.clone(), answer })
    }
}

impl Drop for Pause<'_> {
    fn drop(&mut self) {
        let mut state = self.link.shared.state.lock();
        if let Some(held) = state.held.take() {
            state.outgoing.extend(held.outgoing);
            state.writes.extend(held.writes);
            state.waiting.extend(held.waiting);
        }
        drop(state);
        self.link.shared.outgoing_ready.notify_one();
    }
}

impl State {
    /// The frame of a request and its correlation id.
    fn encode<E: From<LinkError>>(
        &mut self,
        encode: impl FnOnce(i32) -> Result<Vec<Bytes>, E>,
    ) -> Result<(i32, Vec<Bytes>), E> {
        if let Some(error) = &self.closed {
            return Err(error.clone().into());
        }
        let correlation_id = self.next_correlation_id;
        let frame = encode(correlation_id)?;
        self.next_correlation_id = correlation_id.wrapping_add(1) & i32::MAX;
        Ok((correlation_id, frame))
    }

    fn is_unused(&self) -> bool {
        let has_written = self.outgoing.is_empty() && self.unwritten == 0;
        has_written && self.waiting.is_empty() && self.held.is_none()
    }

    fn outgoing(&mut self, place: Place) -> &mut Vec<Bytes> {
        match &mut self.held {
            Some(held) if place == Place::InLine => &mut held.outgoing,
            _ => &mut self.outgoing,
        }
    }

    fn writes(&mut self, place: Place) -> &mut Vec<oneshot::Sender<()>> {
        match &mut self.held {
            Some(held) if place == Place::InLine => &mut held.writes,
            _ => &mut self.writes,
        }
    }

    fn wait(&mut self, place: Place, waiting: Waiting) {
        match &mut self.held {
            Some(held) if place == Place::InLine => held.waiting.push(waiting),
            _ => self.waiting.push_back(waiting),
        }
    }
}

impl PendingReply {
    /// Waits for the answer: header and body, without the size. If it does not come in time the
    /// connection is closed.
    pub async fn within(self, limit: Duration) -> Result<Bytes, LinkError> {
        match tokio::time::timeout(limit, self.answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(LinkError::Closed),
            Err(_) => {
                let error = LinkError::TimedOut(limit);
                self.shared.close(&error);
                Err(error)
            }
        }
    }
}

impl Shared {
    fn enqueue<E: From<LinkError>>(
        &self,
        place: Place,
        permit: Option<OwnedSemaphorePermit>,
        encode: impl FnOnce(i32) -> Result<Vec<Bytes>, E>,
    ) -> Result<Answer, E> {
        let (sender, answer) = oneshot::channel();
        let mut state = self.state.lock();
        let (correlation_id, frame) = state.encode(encode)?;
        state.outgoing(place).extend(frame);
        state.wait(place, Waiting { correlation_id, answer: sender, _permit: permit });
        drop(state);
        self.outgoing_ready.notify_one();
        Ok(answer)
    }

    /// Everybody who waits, and everybody who comes, gets this error; the first one counts.
    fn close(&self, error: &LinkError) {
        let waiting = {
            let mut state = self.state.lock();
            state.closed.get_or_insert_with(|| error.clone());
            state.outgoing.clear();
            state.writes.clear();
            let mut waiting = std::mem::take(&mut state.waiting);
            waiting.extend(state.held.take().unwrap_or_default().waiting);
            waiting
        };
        self.in_flight.close();
        self.has_ended.send_replace(true);
        for one in waiting {
            let _ = one.answer.send(Err(error.clone()));
        }
    }

    fn take_answer(&self, frame: Bytes) -> Result<(), LinkError> {
        let Some(received) = frame.first_chunk::<CORRELATION_BYTES>().copied() else {
            return Err(LinkError::Malformed(format!("{} bytes long", frame.len())));
        };
        let received = i32::from_be_bytes(received);
        let mut state = self.state.lock();
        let Some(expected) = state.waiting.front().map(|it| it.correlation_id) else {
            return Err(LinkError::Malformed("no request waits for it".to_owned()));
        };
        if received != expected {
            return Err(LinkError::Correlation { expected, received });
        }
        let first = state.waiting.pop_front().expect("it was just looked at");
        drop(state);
        // Nobody listens any more if the caller was dropped; the place in line is still this one.
        let _ = first.answer.send(Ok(frame));
        Ok(())
    }
}

/// Works until the link ends: by itself, or because somebody gave it up. Then the socket is let go
/// at once, so that nothing which was not written yet goes out later.
async fn close_after(shared: Arc<Shared>, work: impl Future<Output = LinkError>) {
    let mut has_ended = shared.has_ended.subscribe();
    let error = tokio::select! {
        error = work => error,
        _ = has_ended.wait_for(|it| *it) => return,
    };
    shared.close(&error);
}

async fn read_answers(
    shared: &Shared,
    mut stream: impl AsyncRead + Unpin,
    mut frames: FrameBuffer,
) -> LinkError {
    loop {
        let mut window = frames.read_window();
        match stream.read_buf(&mut window).await {
            Ok(0) => return LinkError::Closed,
            Ok(_) => {}
            Err(error) => return LinkError::io(error),
        }
        frames.allow(shared.response_bytes_max.load(Ordering::Relaxed));
        loop {
            let taken = match frames.take() {
                Ok(None) => break,
                Ok(Some(frame)) => shared.take_answer(frame.freeze()),
                Err(error) => Err(error.into()),
            };
            if let Err(error) = taken {
                return error;
            }
        }
        frames.settle();
    }
}

async fn write_requests(shared: &Shared, mut stream: impl AsyncWrite + Unpin) -> LinkError {
    loop {
        let (outgoing, writes) = {
            let mut state = shared.state.lock();
            if let Some(error) = &state.closed {
                return error.clone();
            }
            (std::mem::take(&mut state.outgoing), std::mem::take(&mut state.writes))
        };
        if outgoing.is_empty() {
            shared.outgoing_ready.notified().await;
            continue;
        }
        if let Err(error) = write_all(&mut stream, outgoing).await {
            return LinkError::io(error);
        }
        if !writes.is_empty() {
            shared.state.lock().unwritten -= writes.len();
        }
        for write in writes {
            // Nobody listens any more if the caller was dropped.
            let _ = write.send(());
        }
    }
}

async fn write_all(
    stream: &mut (impl AsyncWrite + Unpin),
    outgoing: Vec<Bytes>,
) -> std::io::Result<()> {
    let mut chunks: VecDeque<Bytes> = outgoing.into();
    while !chunks.is_empty() {
        let slices: Vec<IoSlice<'_>> =
            chunks.iter().take(SLICES_MAX).map(|chunk| IoSlice::new(chunk)).collect();
        let mut written = stream.write_vectored(&slices).await?;
        if written == 0 {
            return Err(std::io::ErrorKind::WriteZero.into());
        }
        while let Some(first) = chunks.front_mut() {
            let taken = written.min(first.len());
            first.advance(taken);
            written -= taken;
            if !first.is_empty() {
                break;
            }
            chunks.pop_front();
        }
    }
    stream.flush().await
}

#[cfg(test)]
mod tests;
