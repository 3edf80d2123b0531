//! Frames out, frames in, and who waits for which: the pipeline beneath typed requests.
//!
//! Requests leave in the order of [`Link::start`], answers come back in the same order. One task
//! writes all that has queued up with one call, another reads; both end with the link.

use std::collections::VecDeque;
use std::future::Future;
use std::io::IoSlice;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, oneshot};
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
}

#[derive(Debug, Default)]
struct State {
    next_correlation_id: i32,
    outgoing: Vec<Bytes>,
    /// Who waits until what is outgoing has been written.
    writes: Vec<oneshot::Sender<()>>,
    waiting: VecDeque<Waiting>,
    closed: Option<LinkError>,
}

#[derive(Debug)]
struct Waiting {
    correlation_id: i32,
    answer: oneshot::Sender<Result<Bytes, LinkError>>,
    _permit: OwnedSemaphorePermit,
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

/// An answer that is under way.
#[derive(Debug)]
pub struct PendingReply {
    shared: Arc<Shared>,
    answer: oneshot::Receiver<Result<Bytes, LinkError>>,
}

impl Link {
    /// Starts the two tasks that move bytes over `stream`.
    pub fn open<S>(stream: S, limits: LinkLimits) -> Link
    where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        let (read_half, write_half) = tokio::io::split(stream);
        let shared = Arc::new(Shared {
            state: Mutex::new(State::default()),
            in_flight: Arc::new(Semaphore::new(limits.in_flight_max)),
            outgoing_ready: Notify::new(),
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
        let (sender, answer) = oneshot::channel();
        {
            let mut state = self.shared.state.lock();
            if let Some(error) = &state.closed {
                return Err(error.clone().into());
            }
            let permit = permit.map_err(|_| LinkError::Closed)?;
            let correlation_id = state.next_correlation_id;
            let frame = encode(correlation_id)?;
            state.next_correlation_id = correlation_id.wrapping_add(1) & i32::MAX;
            state.outgoing.extend(frame);
            state.waiting.push_back(Waiting { correlation_id, answer: sender, _permit: permit });
        }
        self.shared.outgoing_ready.notify_one();
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
        {
            let mut state = self.shared.state.lock();
            if let Some(error) = &state.closed {
                return Err(error.clone().into());
            }
            let frame = encode(state.next_correlation_id)?;
            state.next_correlation_id = state.next_correlation_id.wrapping_add(1) & i32::MAX;
            state.outgoing.extend(frame);
            state.writes.push(sender);
        }
        self.shared.outgoing_ready.notify_one();
        Ok(PendingWrite { shared: self.shared.clone(), written })
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
    /// Everybody who waits, and everybody who comes, gets this error; the first one counts.
    fn close(&self, error: &LinkError) {
        let waiting = {
            let mut state = self.state.lock();
            state.closed.get_or_insert_with(|| error.clone());
            state.outgoing.clear();
            state.writes.clear();
            std::mem::take(&mut state.waiting)
        };
        self.in_flight.close();
        // The tasks look at `closed` when they wake.
        self.outgoing_ready.notify_one();
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

async fn close_after(shared: Arc<Shared>, work: impl Future<Output = LinkError>) {
    let error = work.await;
    shared.close(&error);
}

async fn read_answers<S: AsyncRead>(
    shared: &Shared,
    mut stream: ReadHalf<S>,
    mut frames: FrameBuffer,
) -> LinkError {
    loop {
        let mut window = frames.read_window();
        match stream.read_buf(&mut window).await {
            Ok(0) => return LinkError::Closed,
            Ok(_) => {}
            Err(error) => return LinkError::io(error),
        }
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

async fn write_requests<S: AsyncWrite>(shared: &Shared, mut stream: WriteHalf<S>) -> LinkError {
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
        for write in writes {
            // Nobody listens any more if the caller was dropped.
            let _ = write.send(());
        }
    }
}

async fn write_all<S: AsyncWrite>(
    stream: &mut WriteHalf<S>,
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
