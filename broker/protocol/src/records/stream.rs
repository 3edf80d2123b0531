//! The records of a batch one at a time out of a decompressing stream, so that a batch is never
//! whole in memory: a chunk, and at most one record that lies across chunks.

use super::batch::{BatchHeader, BatchView};
use super::compression::{Budget, DecompressError, Decompressor};
use super::error::{RecordFault, RecordsError};
use super::record::{Bases, RecordView, read_record};
use super::varint::Input;

/// How much of a record that lies across chunks is reserved before its bytes have come. A length is
/// only a claim.
const MAX_INITIAL_CAPACITY: usize = 64 * 1024;

/// The records of a batch, decompressed as they are asked for.
///
/// ```
/// # use kt_protocol::records::{BatchBuilder, BatchView, Budget, Compression, NewRecord};
/// # let mut batch = BatchBuilder::new().compressed(Compression::Zstd);
/// # batch.append(NewRecord { value: Some(b"hi"), ..NewRecord::default() })?;
/// # let bytes = batch.build();
/// let mut budget = Budget::new(1024 * 1024);
/// let mut records = BatchView::only_of(&bytes)?.stream(&mut budget)?;
/// while let Some(record) = records.next()? {
///     assert_eq!(record.value, Some(&b"hi"[..]));
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct RecordStream<'a, 'b> {
    bytes: ByteStream<'a, 'b>,
    bases: Bases,
    index: usize,
    count: usize,
}

impl<'a> BatchView<'a> {
    /// The records, decompressed at the expense of `budget` as they are asked for.
    ///
    /// # Errors
    /// The attributes name no codec, or the count of records is negative.
    pub fn stream<'b>(&self, budget: &'b mut Budget) -> Result<RecordStream<'a, 'b>, RecordsError> {
        Ok(RecordStream {
            bytes: ByteStream::new(self, budget)?,
            bases: Bases::of(self.header()),
            index: 0,
            count: count_of(self.header(), self.compressed_records().len())?,
        })
    }
}

impl RecordStream<'_, '_> {
    /// The next record, borrowed until the one after it is asked for; none after the last. Not to be
    /// called again after an error.
    ///
    /// # Errors
    /// The record is bad, the stream is damaged, or the budget is spent.
    #[expect(clippy::should_implement_trait, reason = "an Iterator cannot lend")]
    pub fn next(&mut self) -> Result<Option<RecordView<'_>>, RecordsError> {
        if self.index == self.count {
            self.bytes.expect_end()?;
            return Ok(None);
        }
        let index = self.index;
        self.index += 1;
        self.read().map(Some).map_err(|fault| RecordsError::Record { index, fault })
    }

    fn read(&mut self) -> Result<RecordView<'_>, RecordFault> {
        let length = self.bytes.varint()?;
        let length = usize::try_from(length).map_err(|_| RecordFault::Length { length })?;
        read_record(self.bytes.take(length)?, &self.bases)
    }
}

/// How many records the header says there are. What the bytes can hold shows only at their end.
pub(super) fn count_of(header: &BatchHeader, bytes: usize) -> Result<usize, RecordsError> {
    let count = header.records_count();
    usize::try_from(count).map_err(|_| RecordsError::Count { count, bytes: bytes as u64 })
}

/// The decompressed bytes of a batch's records, read across chunks.
pub(super) struct ByteStream<'a, 'b> {
    stream: Decompressor<'a, 'b>,
    position: u64,
    /// A record that lies across chunks, put together.
    assembled: Vec<u8>,
}

impl<'a, 'b> ByteStream<'a, 'b> {
    pub(super) fn new(
        batch: &BatchView<'a>,
        budget: &'b mut Budget,
    ) -> Result<ByteStream<'a, 'b>, RecordsError> {
        let stream = Decompressor::new(batch.compression()?, batch.compressed_records(), budget);
        Ok(ByteStream { stream, position: 0, assembled: Vec::new() })
    }

    /// Checks that nothing is left. The last bytes of a stream may be its checksum, so this is needed
    /// to know that the records were right.
    pub(super) fn expect_end(&mut self) -> Result<(), RecordsError> {
        if self.stream.chunk().is_empty() {
            self.stream.advance()?;
        }
        if self.stream.chunk().is_empty() { Ok(()) } else { Err(RecordsError::Trailing) }
    }

    fn take(&mut self, count: usize) -> Result<&[u8], RecordFault> {
        self.position += count as u64;
        if count <= self.stream.chunk().len() {
            return Ok(self.stream.consume(count));
        }
        // Not kept from the record before: one large record is no reason to keep its memory.
        self.assembled = Vec::with_capacity(count.min(MAX_INITIAL_CAPACITY));
        while self.assembled.len() < count {
            self.fill()?;
            let missing = count - self.assembled.len();
            self.assembled.extend_from_slice(self.stream.consume(missing));
        }
        Ok(&self.assembled)
    }

    /// Makes sure that there is a byte in the chunk.
    fn fill(&mut self) -> Result<(), RecordFault> {
        if self.stream.chunk().is_empty() {
            self.stream.advance().map_err(|error: DecompressError| RecordFault::from(error))?;
            if self.stream.chunk().is_empty() {
                return Err(RecordFault::Ends);
            }
        }
        Ok(())
    }
}

impl Input for ByteStream<'_, '_> {
    fn byte(&mut self) -> Result<u8, RecordFault> {
        self.fill()?;
        self.position += 1;
        self.stream.consume(1).first().copied().ok_or(RecordFault::Ends)
    }

    fn skip(&mut self, count: u64) -> Result<(), RecordFault> {
        self.position += count;
        let mut missing = count;
        while missing > 0 {
            self.fill()?;
            let most = usize::try_from(missing).unwrap_or(usize::MAX);
            missing -= self.stream.consume(most).len() as u64;
        }
        Ok(())
    }

    fn position(&self) -> u64 {
        self.position
    }

    fn contiguous(&mut self, count: u64) -> Option<&[u8]> {
        let length = usize::try_from(count).ok()?;
        if self.stream.chunk().len() < length {
            return None;
        }
        self.position += count;
        Some(self.stream.consume(length))
    }
}
