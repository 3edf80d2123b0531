//! Records that go to one partition together: first open for more, then with final bytes, which stay
//! the same from try to try unless the batch gets another stamp.

mod sealed;
mod split;

use kt_protocol::records::{AppendError, BATCH_HEADER_SIZE, BatchBuilder, Compressor, NewRecord};
use kt_protocol::types::Millis;

use super::Tag;
use super::effect::RequestId;
use super::sequence::Stamp;
use crate::backoff::Backoff;
use crate::error::Error;
pub(super) use sealed::Sealed;

/// Bytes that a batch costs beyond its records.
const OVERHEAD_BYTES: usize = 128;

/// Bytes that a record costs beyond its place in the batch: its tag.
const RECORD_OVERHEAD_BYTES: usize = size_of::<Tag>();

/// The lengths, deltas and counts that stand before and between a record's bytes, at most.
const FRAMING_BYTES_MAX: usize = 36;

/// The lengths of a header's key and value, at most.
const HEADER_FRAMING_BYTES_MAX: usize = 10;

/// What a record with so many headers costs beyond its own bytes, at most.
pub(super) fn overhead_max(headers: usize) -> usize {
    let framing = FRAMING_BYTES_MAX + headers.saturating_mul(HEADER_FRAMING_BYTES_MAX);
    OVERHEAD_BYTES + RECORD_OVERHEAD_BYTES + BATCH_HEADER_SIZE + framing
}

/// Records, and how far they have come.
#[derive(Debug)]
pub(super) struct Batch {
    content: Content,
    pub(super) tags: Vec<Tag>,
    /// What the records cost of `buffer.memory`.
    pub(super) bytes: usize,
    /// When the first record came.
    pub(super) created: Millis,
    pub(super) state: State,
    pub(super) stamp: Option<Stamp>,
    /// How many flushes were begun before it was.
    pub(super) generation: u64,
    /// Which of the partition's stamped batches it is.
    pub(super) ordinal: Option<u64>,
    /// Tries so far.
    pub(super) attempts: u32,
    /// The leader does not have it as it was sent last, and no earlier try of it can still arrive.
    pub(super) is_refused: bool,
    /// A later batch of the same epoch was written, and so this one was.
    pub(super) is_proven: bool,
    /// Until then a try that got no answer may still reach a broker.
    pub(super) adrift_until: Millis,
    pub(super) backoff: Option<Backoff>,
    pub(super) last_error: Option<Error>,
}

#[derive(Debug)]
enum Content {
    /// Takes records.
    Open(Box<BatchBuilder>),
    /// Takes no more; nothing was sent yet.
    Full(Box<BatchBuilder>),
    /// Was sent.
    Sealed(Sealed),
}

/// Where a batch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Here, and not to be sent before.
    Waiting(Millis),
    /// Under way.
    Sent(RequestId),
}

impl Batch {
    pub(super) fn new(now: Millis, compressor: Compressor, capacity: usize) -> Batch {
        let builder = BatchBuilder::new().compressed(compressor).with_capacity(capacity);
        Batch {
            content: Content::Open(Box::new(builder)),
            tags: Vec::new(),
            bytes: OVERHEAD_BYTES,
            created: now,
            state: State::Waiting(Millis(0)),
            stamp: None,
            generation: 0,
            ordinal: None,
            attempts: 0,
            is_refused: false,
            is_proven: false,
            adrift_until: Millis(0),
            backoff: None,
            last_error: None,
        }
    }

    /// Puts a record at the end and gives the bytes that it costs; `None` if the batch takes no more.
    pub(super) fn append(
        &mut self,
        record: NewRecord<'_>,
        tag: Tag,
        bytes_max: usize,
    ) -> Result<Option<usize>, AppendError> {
        let Content::Open(builder) = &mut self.content else { return Ok(None) };
        let Some(added) = builder.append_within(record, bytes_max)? else { return Ok(None) };
        self.tags.push(tag);
        let cost = added + RECORD_OVERHEAD_BYTES;
        self.bytes += cost;
        if bytes_max <= builder.uncompressed_size() {
            self.close();
        }
        Ok(Some(cost))
    }

    /// Takes no more records.
    pub(super) fn close(&mut self) {
        if let Content::Open(builder) = &mut self.content {
            self.content = Content::Full(std::mem::take(builder));
        }
    }

    pub(super) fn is_open(&self) -> bool {
        matches!(self.content, Content::Open(_))
    }

    /// The most bytes that the batch has on the wire: compressed ones are fewer.
    pub(super) fn size(&self) -> usize {
        match &self.content {
            Content::Open(builder) | Content::Full(builder) => builder.uncompressed_size(),
            Content::Sealed(sealed) => sealed.size(),
        }
    }

    /// The bytes to send, final from here on.
    pub(super) fn seal(&mut self) -> Sealed {
        if let Content::Open(builder) | Content::Full(builder) = &mut self.content {
            let builder = std::mem::take(builder);
            self.content = Content::Sealed(Sealed::new(builder, self.stamp));
        }
        match &self.content {
            Content::Sealed(sealed) => sealed.clone(),
            Content::Open(_) | Content::Full(_) => unreachable!("it was sealed above"),
        }
    }

    /// Gives the batch another place in the sequence. No try of it may be under way.
    pub(super) fn restamp(&mut self, stamp: Stamp) {
        self.stamp = Some(stamp);
        if let Content::Sealed(sealed) = &self.content {
            sealed.restamp(stamp);
        }
    }

    /// Whether the batch waits, and since when it may be sent.
    pub(super) fn waits_until(&self) -> Option<Millis> {
        match self.state {
            State::Waiting(at) => Some(at),
            State::Sent(_) => None,
        }
    }
}
