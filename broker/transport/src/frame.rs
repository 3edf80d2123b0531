//! Frames cut out of a stream of bytes: a size, then that many bytes.
//!
//! ```text
//! | size: i32, big endian | header and body: size bytes | size | …
//! ```
//!
//! Nothing is allocated because a size was declared: memory follows the bytes that arrived, by
//! doubling, from [`GROWTH_BYTES`] on.

use bytes::buf::{BufMut, Limit};
use bytes::{Buf, BytesMut};

use crate::foreign::Foreign;
use crate::read_buffer::{self, READ_BYTES};

/// The bytes of a frame's size.
pub const SIZE_BYTES: usize = 4;

/// What a peer may send that has not said who it is. Longest in practice: a SASL token of some KiB.
pub const UNAUTHENTICATED_FRAME_BYTES_MAX: usize = 64 * 1024;

/// What a large frame gets before its bytes arrive: its peer costs us this much and no more. Most
/// batches of producers fit, so that they are read without being moved.
const GROWTH_BYTES: usize = 1024 * 1024;

/// Smaller frames are copied out of the read buffer, so that a request that waits for long does not
/// keep the whole buffer alive.
const COPIED_BYTES_MAX: usize = 4 * 1024;

/// A size that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The stream carries something else.
    #[error("the peer speaks {0}, not Kafka's protocol")]
    Foreign(Foreign),
    /// The declared size is below zero.
    #[error("a frame of {0} bytes")]
    Negative(i32),
    /// The declared size is above the limit.
    #[error("a frame of {size} bytes, more than the {max} that are allowed")]
    TooLarge {
        /// As declared.
        size: usize,
        /// As configured (`socket.request.max.bytes`).
        max: usize,
    },
}

/// What stands first in a [`FrameBuffer`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Front {
    /// Not even a whole size.
    Nothing,
    /// A frame of this size, of which bytes are missing.
    Partial(usize),
    /// A whole frame of this size.
    Whole(usize),
}

/// Bytes received and not yet handed on. Empty, it owns no memory.
#[derive(Debug)]
pub struct FrameBuffer {
    bytes: BytesMut,
    /// The memory of `bytes` is the thread's and must go back before the thread does other things.
    is_lent: bool,
    frame_bytes_max: usize,
}

impl FrameBuffer {
    /// Allows frames of up to `frame_bytes_max` bytes, the size not counted.
    pub fn new(frame_bytes_max: usize) -> FrameBuffer {
        FrameBuffer { bytes: BytesMut::new(), is_lent: false, frame_bytes_max }
    }

    /// Allows other sizes from now on: a peer that has said who it is may send more.
    pub fn allow(&mut self, frame_bytes_max: usize) {
        self.frame_bytes_max = frame_bytes_max;
    }

    /// How many bytes wait here.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// True if nothing waits here.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Looks at what stands first.
    pub fn front(&self) -> Result<Front, FrameError> {
        let Some(first) = self.bytes.first_chunk::<SIZE_BYTES>() else { return Ok(Front::Nothing) };
        let size = self.check_size(*first)?;
        if self.bytes.len() - SIZE_BYTES < size {
            return Ok(Front::Partial(size));
        }
        Ok(Front::Whole(size))
    }

    fn check_size(&self, first: [u8; SIZE_BYTES]) -> Result<usize, FrameError> {
        let declared = i32::from_be_bytes(first);
        let size = usize::try_from(declared).ok();
        if let Some(size) = size.filter(|size| *size <= self.frame_bytes_max) {
            return Ok(size);
        }
        if let Some(foreign) = Foreign::recognize(first) {
            return Err(FrameError::Foreign(foreign));
        }
        let max = self.frame_bytes_max;
        Err(size.map_or(FrameError::Negative(declared), |size| FrameError::TooLarge { size, max }))
    }

    /// The bytes after the size of what stands first, as far as they are here.
    pub fn front_bytes(&self) -> &[u8] {
        self.bytes.get(SIZE_BYTES..).unwrap_or_default()
    }

    /// Takes the first frame, without its size, if it is whole.
    pub fn take(&mut self) -> Result<Option<BytesMut>, FrameError> {
        let Front::Whole(size) = self.front()? else { return Ok(None) };
        self.bytes.advance(SIZE_BYTES);
        if size <= COPIED_BYTES_MAX {
            let frame = BytesMut::from(&self.bytes[..size]);
            self.bytes.advance(size);
            return Ok(Some(frame));
        }
        Ok(Some(self.bytes.split_to(size)))
    }

    /// Where the next read goes. It stops at the end of a frame that is known to be incomplete,
    /// so that a large frame fills a buffer of its own.
    pub fn read_window(&mut self) -> Limit<&mut BytesMut> {
        let Ok(Front::Partial(size)) = self.front() else { return self.open_window() };
        self.settle();
        let total = SIZE_BYTES + size;
        if self.bytes.capacity() < total && self.bytes.len() == self.bytes.capacity() {
            self.bytes.reserve(own_capacity(size, self.bytes.len()) - self.bytes.len());
        }
        let window = self.bytes.capacity().min(total) - self.bytes.len();
        (&mut self.bytes).limit(window)
    }

    fn open_window(&mut self) -> Limit<&mut BytesMut> {
        if !self.is_lent {
            let waiting = std::mem::replace(&mut self.bytes, read_buffer::lend());
            self.bytes.extend_from_slice(&waiting);
            self.is_lent = true;
        }
        self.bytes.reserve(1);
        let room = self.bytes.capacity() - self.bytes.len();
        (&mut self.bytes).limit(room.min(READ_BYTES))
    }

    /// Gives memory back that is not needed until the next read: all of it when nothing waits,
    /// all but what waits otherwise. To be called before waiting for the peer.
    pub fn settle(&mut self) {
        if self.bytes.is_empty() {
            if 0 < self.bytes.capacity() {
                read_buffer::give_back(std::mem::take(&mut self.bytes));
            }
            self.is_lent = false;
        }
        if !self.is_lent {
            return;
        }
        let capacity = match self.front() {
            Ok(Front::Partial(size)) => own_capacity(size, self.bytes.len()),
            _ => self.bytes.len(),
        };
        let mut own = BytesMut::with_capacity(capacity);
        own.extend_from_slice(&self.bytes);
        read_buffer::give_back(std::mem::replace(&mut self.bytes, own));
        self.is_lent = false;
    }
}

/// The buffer of a frame of `size` bytes once `received` of them are here, their size counted.
fn own_capacity(size: usize, received: usize) -> usize {
    (SIZE_BYTES + size).min(GROWTH_BYTES.max(2 * received))
}

#[cfg(test)]
mod tests;
