//! The server's end of a connection as bytes. Plain TCP now; TLS becomes another kind.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::BufMut;
use tokio::io::Interest;
use tokio::net::TcpStream;

use crate::connection::SendError;

/// A stream that a connection reads and writes.
#[derive(Debug)]
pub(crate) enum Stream {
    /// Neither encrypted nor authenticated.
    Plain(TcpStream),
}

impl Stream {
    /// Reads once. 0 is the end.
    pub(crate) fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        window: &mut impl BufMut,
    ) -> Poll<io::Result<usize>> {
        match self {
            // A read that does not fill the window tells the runtime that there is no more, so
            // that the next attempt costs no system call.
            Stream::Plain(stream) => {
                tokio_util::io::poll_read_buf(Pin::new(stream), context, window)
            }
        }
    }

    /// Calls `send` when the socket takes bytes, until it has sent or failed.
    pub(crate) fn poll_send(
        &mut self,
        context: &mut Context<'_>,
        mut send: impl FnMut(BorrowedFd<'_>) -> Result<usize, SendError>,
    ) -> Poll<Result<usize, SendError>> {
        match self {
            Stream::Plain(stream) => loop {
                ready!(stream.poll_write_ready(context)).map_err(SendError::Socket)?;
                let mut file_failure = None;
                let attempt = || match send(stream.as_fd()) {
                    Ok(sent) => Ok(sent),
                    Err(SendError::Socket(error)) => Err(error),
                    Err(failure) => {
                        file_failure = Some(failure);
                        Ok(0)
                    }
                };
                match stream.try_io(Interest::WRITABLE, attempt) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) => return Poll::Ready(Err(SendError::Socket(error))),
                    Ok(sent) => return Poll::Ready(file_failure.map_or(Ok(sent), Err)),
                }
            },
        }
    }
}
