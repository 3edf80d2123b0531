//! Makes the bytes of messages, with record bytes as segments of their own.

use bytes::Bytes;

use super::sink::{Sink, SinkState, unsigned_varint_len};
use super::{EncodeError, Records, Segment};

/// Record bytes shorter than this are copied between the fields around them: one more segment costs
/// the sender more than the copy.
const COPY_BELOW: usize = 1024;

/// Memory that messages are appended to.
///
/// All that is not record bytes goes to one buffer. Records only leave a cut there; the buffer is
/// divided at the cuts when the writer is finished, without copying.
#[derive(Debug, Default)]
pub struct Writer {
    buffer: Vec<u8>,
    cuts: Vec<Cut>,
    state: SinkState,
}

/// Records that belong at a position of the buffer.
#[derive(Debug)]
struct Cut {
    position: usize,
    records: Segment,
}

impl Writer {
    /// An empty writer.
    pub fn new() -> Writer {
        Writer::default()
    }

    /// An empty writer with room for `capacity` bytes.
    pub fn with_capacity(capacity: usize) -> Writer {
        Writer { buffer: Vec::with_capacity(capacity), ..Writer::default() }
    }

    /// How many bytes were written, records included.
    pub fn len(&self) -> usize {
        self.buffer.len() + self.cuts.iter().map(|cut| cut.records.len()).sum::<usize>()
    }

    /// True if nothing was written.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The segments in order. None is empty.
    pub fn finish(self) -> Vec<Segment> {
        let mut segments = Vec::with_capacity(self.cuts.len() * 2 + 1);
        let mut rest = Bytes::from(self.buffer);
        let mut taken = 0;
        for cut in self.cuts {
            let before = rest.split_to(cut.position - taken);
            taken = cut.position;
            if !before.is_empty() {
                segments.push(Segment::Bytes(before));
            }
            segments.push(cut.records);
        }
        if !rest.is_empty() {
            segments.push(Segment::Bytes(rest));
        }
        segments
    }

    /// All bytes as one piece. Copies if there are records that were not copied yet.
    ///
    /// # Panics
    ///
    /// Panics if there are external records, whose bytes are not here.
    pub fn into_bytes(self) -> Bytes {
        if self.cuts.is_empty() {
            return Bytes::from(self.buffer);
        }
        let mut whole = Vec::with_capacity(self.len());
        for segment in self.finish() {
            match segment {
                Segment::Bytes(bytes) => whole.extend_from_slice(&bytes),
                Segment::External { length } => {
                    panic!("{length} bytes of records are not in memory")
                }
            }
        }
        Bytes::from(whole)
    }

    pub(crate) fn begin(&mut self, flexible: bool, version: i16) {
        self.state.flexible = flexible;
        self.state.version = version;
    }

    pub(crate) fn result(&self) -> Result<(), EncodeError> {
        self.state.error.clone().map_or(Ok(()), Err)
    }

    /// Sets the first four bytes to the length of all that follows them.
    ///
    /// # Errors
    ///
    /// Fails if it is more than 2 GiB.
    pub(crate) fn set_size_prefix(&mut self) -> Result<(), EncodeError> {
        let length = self.len() - 4;
        let size = i32::try_from(length).map_err(|_| EncodeError::TooLong { length })?;
        self.buffer[..4].copy_from_slice(&size.to_be_bytes());
        Ok(())
    }
}

impl Sink for Writer {
    #[inline]
    fn state(&mut self) -> &mut SinkState {
        &mut self.state
    }

    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    fn put_records(&mut self, records: &Records) {
        let records = match records {
            Records::Bytes(bytes) if bytes.len() < COPY_BELOW => return self.put(bytes),
            Records::Bytes(bytes) => Segment::Bytes(bytes.clone()),
            Records::External { length: 0 } => return,
            Records::External { length } => Segment::External { length: *length },
        };
        self.cuts.push(Cut { position: self.buffer.len(), records });
    }

    fn reserve_byte(&mut self) -> usize {
        self.buffer.push(0);
        self.buffer.len()
    }

    fn put_length_before(&mut self, mark: usize) {
        let length = self.buffer.len() - mark;
        // No tagged field has records, so no cut lies behind the mark and moving bytes is safe.
        debug_assert!(self.cuts.last().is_none_or(|cut| cut.position <= mark));
        let more = unsigned_varint_len(length) - 1;
        if more > 0 {
            self.buffer.splice(mark..mark, std::iter::repeat_n(0, more));
        }
        let mut left = length;
        for byte in &mut self.buffer[mark - 1..mark + more] {
            *byte = left as u8 | 0x80;
            left >>= 7;
        }
        self.buffer[mark + more - 1] &= 0x7f;
    }

    fn set_byte_before(&mut self, mark: usize, byte: u8) {
        self.buffer[mark - 1] = byte;
    }
}
