//! The records of a batch, decompressed whole.

use std::borrow::Cow;

use super::batch::{BatchHeader, BatchView};
use super::compression::{self, Budget, Compression};
use super::error::RecordsError;
use super::record::Records;

/// The decompressed records of a batch of magic 2.
#[derive(Clone, Debug)]
pub struct Body<'a> {
    header: BatchHeader,
    bytes: Cow<'a, [u8]>,
}

impl<'a> BatchView<'a> {
    /// The records, decompressed at the expense of `budget`. Uncompressed ones are borrowed and free.
    ///
    /// # Errors
    /// The attributes name no codec, the stream is damaged, or the budget is spent.
    pub fn decompress(&self, budget: &mut Budget) -> Result<Body<'a>, RecordsError> {
        let records = self.compressed_records();
        let bytes = match self.compression()? {
            Compression::None => Cow::Borrowed(records),
            codec => Cow::Owned(compression::decompress(codec, records, budget)?),
        };
        Ok(Body { header: *self.header(), bytes })
    }
}

impl Body<'_> {
    /// The records.
    pub fn records(&self) -> Records<'_> {
        Records::new(&self.header, &self.bytes)
    }

    /// Their bytes, as they would stand in the batch without compression.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The same, kept.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes.into_owned()
    }
}
