//! Reads the batches of a segment one after the other, whole, and verifies each: its checksum, its
//! place behind the one before, its size.

use std::ops::ControlFlow;
use std::sync::Arc;

use kt_protocol::records::{AnyBatch, BATCH_HEADER_SIZE, BatchHeader};
use kt_protocol::types::Offset;

use super::{CleanError, Pacing};
use crate::disk::File;
use crate::segment::Segment;

/// The memory that reading takes, kept from one segment to the next.
#[derive(Default)]
pub(crate) struct ReadBuffer {
    bytes: Vec<u8>,
}

/// How much is read at once, and how large a batch may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReadLimits {
    pub(crate) read_bytes: usize,
    pub(crate) batch_bytes: usize,
}

/// A batch that is what was once written.
pub(crate) struct SourceBatch<'a> {
    pub(crate) position: u64,
    pub(crate) header: BatchHeader,
    pub(crate) batch: AnyBatch<'a>,
}

/// Reads the batches of a segment.
pub(crate) struct BatchReader<'a> {
    segment: &'a Segment,
    file: Arc<dyn File>,
    size: u64,
    position: u64,
    next: Offset,
    /// No batch reaches the next segment.
    end: Offset,
    buffer: &'a mut Vec<u8>,
    buffer_at: u64,
    limits: ReadLimits,
}

impl<'a> BatchReader<'a> {
    /// Reads from `position`, where a batch begins, up to the end of the segment: offset `end`.
    pub(crate) fn new(
        segment: &'a Segment,
        position: u64,
        end: Offset,
        buffer: &'a mut ReadBuffer,
        limits: ReadLimits,
    ) -> Result<BatchReader<'a>, CleanError> {
        let (file, size) = (segment.log_file()?, segment.size()?);
        let (buffer, next) = (&mut buffer.bytes, segment.base_offset());
        buffer.clear();
        // What one large batch took is not kept.
        buffer.shrink_to(limits.read_bytes);
        file.read_ahead(position, size.saturating_sub(position));
        Ok(BatchReader { segment, file, size, position, next, end, buffer, buffer_at: 0, limits })
    }

    /// The next batch; none at the end.
    pub(crate) fn next_batch(
        &mut self,
        pacing: &mut Pacing<'_>,
    ) -> Result<Option<SourceBatch<'_>>, CleanError> {
        if self.size <= self.position {
            return Ok(None);
        }
        let position = self.position;
        self.fill(BATCH_HEADER_SIZE.min((self.size - position) as usize), pacing)?;
        let header = BatchHeader::parse_any(self.buffered())
            .map_err(|error| self.damaged(&error.to_string()))?;
        self.check(&header)?;
        self.fill(header.size(), pacing)?;
        let (offset, end) = (self.next, position + header.size() as u64);
        self.position = end;
        self.next = header.next_offset();
        let from = (position - self.buffer_at) as usize;
        let bytes = self.buffer.get(from..from + header.size()).unwrap_or(&[]);
        let damaged = |reason: &str| self.segment.damaged(position, offset, reason);
        let batch = AnyBatch::first_of(bytes).map_err(|error| damaged(&error.to_string()))?;
        if !batch.crc_is_valid() {
            return Err(damaged("its checksum does not fit its bytes").into());
        }
        Ok(Some(SourceBatch { position, header, batch }))
    }

    /// No checksum covers offsets and length.
    fn check(&self, header: &BatchHeader) -> Result<(), CleanError> {
        if header.base_offset() < self.next {
            return Err(self.damaged("its offset goes back"));
        }
        if self.end <= header.last_offset() {
            return Err(self.damaged(&format!("it reaches beyond offset {}", self.end)));
        }
        if self.size - self.position < header.size() as u64 {
            return Err(self.damaged("the file ends within it"));
        }
        if self.limits.batch_bytes < header.size() {
            let (size, limit) = (header.size(), self.limits.batch_bytes);
            return Err(CleanError::Uncleanable {
                file: self.segment.path(crate::file_names::FileKind::Log),
                position: self.position,
                offset: header.base_offset(),
                reason: format!(
                    "a batch of {size} bytes, more than the {limit} that max.message.bytes allows for"
                ),
            });
        }
        Ok(())
    }

    fn damaged(&self, reason: &str) -> CleanError {
        self.segment.damaged(self.position, self.next, reason).into()
    }

    fn buffered(&self) -> &[u8] {
        let from = self.position.checked_sub(self.buffer_at).unwrap_or(u64::MAX);
        usize::try_from(from).ok().and_then(|from| self.buffer.get(from..)).unwrap_or(&[])
    }

    /// Has the buffer hold `length` bytes from the position on.
    fn fill(&mut self, length: usize, pacing: &mut Pacing<'_>) -> Result<(), CleanError> {
        if length <= self.buffered().len() {
            return Ok(());
        }
        let wanted = length.max(self.limits.read_bytes) as u64;
        let wanted = wanted.min(self.size - self.position) as usize;
        self.buffer.resize(wanted, 0);
        let read = self.file.read_at(self.position, self.buffer)?;
        self.buffer.truncate(read);
        self.buffer_at = self.position;
        if let ControlFlow::Break(()) = pacing.passed(read as u64) {
            return Err(pacing.stopped());
        }
        match length <= read {
            true => Ok(()),
            false => Err(self.damaged("the file is shorter than it was")),
        }
    }
}
