//! What a log holds, of whichever magic: batches of magic 2 and messages of magic 0 and 1.

use super::attributes::TimestampType;
use super::batch::{BatchError, BatchView, MAGIC_V2, Prefix};
use super::body::Body;
use super::compression::{Budget, Compression, UnknownCompression};
use super::error::RecordsError;
use super::legacy::{AnyBatchError, LegacyBody, LegacyMessage, LegacyRecords};
use super::record::{RecordView, Records};
use crate::types::{Offset, Timestamp};

/// A batch of magic 2, or a message before it.
#[derive(Clone, Copy, Debug)]
pub enum AnyBatch<'a> {
    /// Of magic 2.
    Batch(BatchView<'a>),
    /// Of magic 0 or 1.
    Legacy(LegacyMessage<'a>),
}

impl<'a> AnyBatch<'a> {
    /// The first one in `bytes`, which may go on after it.
    ///
    /// # Errors
    /// It is cut off, of an unknown magic, or not what its magic says.
    pub fn first_of(bytes: &'a [u8]) -> Result<AnyBatch<'a>, AnyBatchError> {
        match Prefix::parse(bytes)?.magic {
            MAGIC_V2 => Ok(AnyBatch::Batch(BatchView::first_of(bytes)?)),
            _ => Ok(AnyBatch::Legacy(LegacyMessage::first_of(bytes)?)),
        }
    }

    /// The offset of its last record. Where it begins, a compressed message of old does not say.
    pub const fn last_offset(&self) -> Offset {
        match self {
            AnyBatch::Batch(batch) => batch.header().last_offset(),
            AnyBatch::Legacy(message) => message.offset(),
        }
    }

    /// Its bytes, header included.
    pub const fn bytes(&self) -> &'a [u8] {
        match self {
            AnyBatch::Batch(batch) => batch.bytes(),
            AnyBatch::Legacy(message) => message.bytes(),
        }
    }

    /// How many bytes it has, header included.
    pub const fn size(&self) -> usize {
        self.bytes().len()
    }

    /// The format's number.
    pub const fn magic(&self) -> i8 {
        match self {
            AnyBatch::Batch(_) => MAGIC_V2,
            AnyBatch::Legacy(message) => message.magic(),
        }
    }

    /// Whether the bytes are those that its checksum was made of.
    pub fn crc_is_valid(&self) -> bool {
        match self {
            AnyBatch::Batch(batch) => batch.crc_is_valid(),
            AnyBatch::Legacy(message) => message.crc_is_valid(),
        }
    }

    /// How it is compressed.
    ///
    /// # Errors
    /// The attributes name no codec.
    pub fn compression(&self) -> Result<Compression, UnknownCompression> {
        match self {
            AnyBatch::Batch(batch) => batch.compression(),
            AnyBatch::Legacy(message) => message.compression(),
        }
    }

    /// Who set its timestamps.
    pub const fn timestamp_type(&self) -> TimestampType {
        match self {
            AnyBatch::Batch(batch) => batch.header().timestamp_type(),
            AnyBatch::Legacy(message) => message.timestamp_type(),
        }
    }

    /// The greatest timestamp in it, -1 for none.
    pub const fn max_timestamp(&self) -> Timestamp {
        match self {
            AnyBatch::Batch(batch) => batch.header().max_timestamp(),
            AnyBatch::Legacy(message) => message.timestamp(),
        }
    }

    /// Its records, decompressed at the expense of `budget`.
    ///
    /// # Errors
    /// See [`BatchView::decompress`] and [`LegacyMessage::decompress`].
    pub fn decompress(&self, budget: &mut Budget) -> Result<AnyBody<'a>, RecordsError> {
        Ok(match self {
            AnyBatch::Batch(batch) => AnyBody::Batch(batch.decompress(budget)?),
            AnyBatch::Legacy(message) => AnyBody::Legacy(message.decompress(budget)?),
        })
    }
}

/// The records of an [`AnyBatch`], decompressed.
#[derive(Clone, Debug)]
pub enum AnyBody<'a> {
    /// Of magic 2.
    Batch(Body<'a>),
    /// Of magic 0 or 1.
    Legacy(LegacyBody<'a>),
}

impl AnyBody<'_> {
    /// The records.
    pub fn records(&self) -> AnyRecords<'_> {
        match self {
            AnyBody::Batch(body) => AnyRecords::Batch(body.records()),
            AnyBody::Legacy(body) => AnyRecords::Legacy(body.records()),
        }
    }
}

/// The records of an [`AnyBody`].
#[derive(Clone, Debug)]
pub enum AnyRecords<'a> {
    /// Of magic 2.
    Batch(Records<'a>),
    /// Of magic 0 or 1.
    Legacy(LegacyRecords<'a>),
}

impl<'a> Iterator for AnyRecords<'a> {
    type Item = Result<RecordView<'a>, RecordsError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            AnyRecords::Batch(records) => records.next(),
            AnyRecords::Legacy(records) => records.next().map(Ok),
        }
    }
}

/// Batches and messages of every magic in a buffer, one after the other. The first error ends it;
/// [`AnyBatches::position`] is then where the bad one begins.
#[derive(Clone, Debug)]
pub struct AnyBatches<'a> {
    bytes: &'a [u8],
    position: usize,
    failed: bool,
}

impl<'a> AnyBatches<'a> {
    /// What `bytes` hold.
    pub const fn new(bytes: &'a [u8]) -> AnyBatches<'a> {
        AnyBatches { bytes, position: 0, failed: false }
    }

    /// Where the next one begins.
    pub const fn position(&self) -> usize {
        self.position
    }
}

impl<'a> Iterator for AnyBatches<'a> {
    type Item = Result<AnyBatch<'a>, AnyBatchError>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.bytes.get(self.position..).unwrap_or_default();
        if self.failed || rest.is_empty() {
            return None;
        }
        let batch = AnyBatch::first_of(rest);
        match &batch {
            Ok(batch) => self.position += batch.size(),
            Err(_) => self.failed = true,
        }
        Some(batch)
    }
}

impl AnyBatchError {
    /// Whether more bytes might make it right: the last batch of a log is torn.
    pub const fn is_torn(&self) -> bool {
        matches!(self, AnyBatchError::Batch(BatchError::Torn { .. }))
    }
}
