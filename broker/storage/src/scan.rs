//! Walking a `.log` from batch to batch by its heads, a few kilobytes at a time.

use crate::disk::{DiskError, File};
use kt_protocol::records::{BATCH_HEADER_SIZE, BatchError, BatchHeader};

/// One read covers the batches between two index entries when they are small, and the head of one
/// when they are large.
const SCAN_BUFFER_BYTES: usize = 4096;

/// Why a walk stopped before the end.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ScanError {
    /// The disk did not answer.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// What stands at `position` is not a batch.
    #[error("at byte {position}: {reason}")]
    NotABatch {
        /// Where in the file.
        position: u64,
        /// What is wrong there.
        reason: BatchError,
    },
}

/// A batch's head and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Located {
    /// Where the batch begins in the file.
    pub position: u64,
    /// Its head.
    pub header: BatchHeader,
}

impl Located {
    /// Where the batch ends.
    pub fn end(&self) -> u64 {
        self.position.saturating_add(self.header.size() as u64)
    }

    /// What is wrong with it in a file that has to end at `end`, before it does.
    pub(crate) fn torn(&self, end: u64) -> BatchError {
        let have = end.saturating_sub(self.position) as usize;
        BatchError::Torn { have, need: self.header.size() }
    }
}

/// The heads between two positions of a file. Checks sizes and formats, not checksums nor order.
pub struct HeaderScan<'a> {
    file: &'a dyn File,
    position: u64,
    end: u64,
    buffer: [u8; SCAN_BUFFER_BYTES],
    buffer_at: u64,
    buffered: usize,
}

impl<'a> HeaderScan<'a> {
    /// Walks from `position`, where a batch must begin, up to `end`.
    pub fn new(file: &'a dyn File, position: u64, end: u64) -> HeaderScan<'a> {
        let buffer = [0; SCAN_BUFFER_BYTES];
        HeaderScan { file, position, end, buffer, buffer_at: 0, buffered: 0 }
    }

    /// Where the next batch begins: the end of all that were seen.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The next batch; none at the end.
    ///
    /// # Errors
    /// If something else than a whole batch stands there: the scan stays in front of it.
    pub fn next_batch(&mut self) -> Result<Option<Located>, ScanError> {
        if self.position >= self.end {
            return Ok(None);
        }
        self.fill()?;
        let from = (self.position - self.buffer_at) as usize;
        let bytes = self.buffer.get(from..self.buffered).unwrap_or(&[]);
        let wrong = |reason| ScanError::NotABatch { position: self.position, reason };
        let header = BatchHeader::parse_any(bytes).map_err(wrong)?;
        let located = Located { position: self.position, header };
        if located.end() > self.end {
            return Err(wrong(located.torn(self.end)));
        }
        self.position = located.end();
        Ok(Some(located))
    }

    /// Has the buffer hold a whole head at the position, if the file does.
    fn fill(&mut self) -> Result<(), DiskError> {
        let buffer_end = self.buffer_at + self.buffered as u64;
        let head_end = self.end.min(self.position + BATCH_HEADER_SIZE as u64);
        if self.buffer_at <= self.position && head_end <= buffer_end {
            return Ok(());
        }
        let length = (self.end - self.position).min(SCAN_BUFFER_BYTES as u64) as usize;
        self.buffered = self.file.read_at(self.position, &mut self.buffer[..length])?;
        self.buffer_at = self.position;
        Ok(())
    }
}
