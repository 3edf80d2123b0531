//! What is to be sent on a connection: bytes gathered into one call, file ranges by `sendfile`.

use std::collections::VecDeque;
use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsFd, BorrowedFd};

use bytes::{Buf, Bytes, BytesMut};
use kt_node::{Chunk, Reply};
use kt_storage::FileRange;
use rustix::io::{Errno, ReadWriteFlags};
use rustix::net::{SendAncillaryBuffer, SendFlags};
use smallvec::SmallVec;

/// Shorter file ranges are read and gathered: a `sendfile` of its own costs more than the copy.
const SENDFILE_BYTES_MIN: u64 = 16 * 1024;

/// One `sendfile` call asks for so much: beyond it a socket's buffer is full anyway.
const SENDFILE_BYTES_MAX: u64 = 1024 * 1024;

/// One vectored call takes so many pieces and bytes.
const SLICES_MAX: usize = 64;
const GATHERED_BYTES_MAX: usize = 256 * 1024;

/// Ranges of a file without a descriptor are copied through pieces of this size.
const COPIED_BYTES: u64 = 64 * 1024;

/// Why sending failed.
#[derive(Debug)]
pub(crate) enum SendError {
    /// The socket's error.
    Socket(io::Error),
    /// A file did not hold what was promised; the text names it.
    File(String),
}

/// Chunks in order, the first of them perhaps begun.
#[derive(Debug, Default)]
pub(crate) struct Outbound {
    chunks: VecDeque<Chunk>,
    bytes: u64,
}

impl Outbound {
    /// Adds an answer at the end.
    pub(crate) fn push(&mut self, reply: Reply) {
        self.bytes += reply.length();
        self.chunks.extend(reply.chunks);
    }

    /// Bytes not yet sent.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// True if all is sent.
    pub(crate) fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// The file range that is to be sent next by `sendfile`, if that is what comes next: as much
    /// of it as one call takes.
    pub(crate) fn next_range(&self) -> Option<FileRange> {
        match self.chunks.front() {
            Some(Chunk::File(range)) if is_for_sendfile(range) => {
                Some(FileRange { length: range.length.min(SENDFILE_BYTES_MAX), ..range.clone() })
            }
            _ => None,
        }
    }

    /// Reads short file ranges into memory where the next call would gather them.
    pub(crate) fn prepare(&mut self) -> Result<(), SendError> {
        let mut gathered = 0;
        for index in 0..SLICES_MAX {
            if GATHERED_BYTES_MAX <= gathered {
                return Ok(());
            }
            match self.chunks.get_mut(index) {
                Some(Chunk::Bytes(bytes)) => gathered += bytes.len(),
                Some(Chunk::File(range)) if !is_for_sendfile(range) => {
                    let piece = read_piece(range)?;
                    gathered += piece.len();
                    if range.length == 0 {
                        self.chunks[index] = Chunk::Bytes(piece);
                    } else {
                        self.chunks.insert(index, Chunk::Bytes(piece));
                    }
                }
                Some(Chunk::File(_)) | None => return Ok(()),
            }
        }
        Ok(())
    }

    /// Sends once, as much as one call takes, on a socket that does not block. Says how much.
    pub(crate) fn send(&mut self, socket: BorrowedFd<'_>) -> Result<usize, SendError> {
        let sent = match self.chunks.front() {
            Some(Chunk::File(range)) if is_for_sendfile(range) => send_file(socket, range)?,
            _ => self.send_gathered(socket).map_err(SendError::Socket)?,
        };
        self.advance(sent);
        Ok(sent)
    }

    fn send_gathered(&self, socket: BorrowedFd<'_>) -> io::Result<usize> {
        let mut slices: SmallVec<[IoSlice<'_>; 8]> = SmallVec::new();
        let mut gathered = 0;
        let mut flags = SendFlags::NOSIGNAL;
        for chunk in &self.chunks {
            if slices.len() == SLICES_MAX || GATHERED_BYTES_MAX <= gathered {
                break;
            }
            match chunk {
                Chunk::Bytes(bytes) => {
                    gathered += bytes.len();
                    slices.push(IoSlice::new(bytes));
                }
                Chunk::File(_) => {
                    // Head and records leave in the same segments.
                    flags |= SendFlags::MORE;
                    break;
                }
            }
        }
        let mut nothing_else = SendAncillaryBuffer::default();
        Ok(rustix::net::sendmsg(socket, &slices, &mut nothing_else, flags)?)
    }

    fn advance(&mut self, sent: usize) {
        self.bytes -= sent as u64;
        let mut left = sent;
        while let Some(chunk) = self.chunks.front_mut() {
            let is_done = match chunk {
                Chunk::Bytes(bytes) => {
                    let taken = left.min(bytes.len());
                    bytes.advance(taken);
                    left -= taken;
                    bytes.is_empty()
                }
                Chunk::File(range) => {
                    let taken = range.length.min(left as u64);
                    range.position += taken;
                    range.length -= taken;
                    left -= usize::try_from(taken).expect("it is at most `left`");
                    range.length == 0
                }
            };
            if !is_done {
                return;
            }
            self.chunks.pop_front();
        }
    }
}

fn is_for_sendfile(range: &FileRange) -> bool {
    SENDFILE_BYTES_MIN <= range.length && range.file.descriptor().is_some()
}

/// True if the first and the last byte of a range can be had without waiting for a disk.
pub(super) fn is_in_memory(range: &FileRange) -> bool {
    let Some(file) = range.file.descriptor() else { return true };
    let last = range.position + range.length.saturating_sub(1);
    [range.position, last].into_iter().all(|position| {
        let mut byte = [0];
        let mut into = [IoSliceMut::new(&mut byte)];
        let read = rustix::io::preadv2(file, &mut into, position, ReadWriteFlags::NOWAIT);
        // Only "it would block" means cold; a file system that cannot tell is read as it is.
        read != Err(Errno::AGAIN)
    })
}

/// Takes the first bytes of a range out of it.
fn read_piece(range: &mut FileRange) -> Result<Bytes, SendError> {
    let length = range.length.min(COPIED_BYTES);
    let mut piece = BytesMut::zeroed(usize::try_from(length).expect("COPIED_BYTES is small"));
    let read = range.file.read_at(range.position, &mut piece);
    let read = read.map_err(|error| SendError::File(error.to_string()))?;
    if read < piece.len() {
        return Err(short(range));
    }
    range.position += length;
    range.length -= length;
    Ok(piece.freeze())
}

fn send_file(socket: BorrowedFd<'_>, range: &FileRange) -> Result<usize, SendError> {
    let Some(file) = range.file.descriptor() else { return Err(short(range)) };
    let length = usize::try_from(range.length.min(SENDFILE_BYTES_MAX)).expect("the bound is small");
    let mut position = range.position;
    match rustix::fs::sendfile(socket.as_fd(), file, Some(&mut position), length) {
        Ok(0) => Err(short(range)),
        Ok(sent) => Ok(sent),
        Err(Errno::IO) => Err(SendError::File(format!("cannot read {range:?}"))),
        Err(error) => Err(SendError::Socket(error.into())),
    }
}

fn short(range: &FileRange) -> SendError {
    SendError::File(format!("a file ends within the range {range:?} that was promised"))
}
