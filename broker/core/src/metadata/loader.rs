//! Folds batches of the metadata log into images, and holds back what a metadata transaction has
//! not ended (`MetadataBatchLoader`, KIP-868).

use kt_protocol::messages::metadata_record::MetadataRecord;
use kt_protocol::types::Offset;

use super::{ApplyError, MetadataDelta, MetadataImage, Provenance};

/// A transaction that has begun and not ended.
#[derive(Clone, Debug)]
struct OpenTransaction {
    /// Where its BeginTransactionRecord lies.
    start_offset: Offset,
    /// What to go back to if it is aborted, which is also all that readers may see meanwhile.
    before: MetadataImage,
    delta_before: MetadataDelta,
}

/// The fold of a metadata log that is being read or written.
///
/// It is used by whoever reads the log: the controller behind each append, a broker behind each
/// committed batch.
#[derive(Clone, Debug, Default)]
pub struct MetadataLoader {
    image: MetadataImage,
    delta: MetadataDelta,
    transaction: Option<OpenTransaction>,
}

impl MetadataLoader {
    /// Begins after `image`, from a snapshot or from nothing.
    pub fn new(image: MetadataImage) -> MetadataLoader {
        MetadataLoader { image, delta: MetadataDelta::default(), transaction: None }
    }

    /// Everything folded so far, an open transaction included.
    pub fn image(&self) -> &MetadataImage {
        &self.image
    }

    /// What others may see: nothing of an open transaction.
    pub fn published(&self) -> &MetadataImage {
        self.transaction.as_ref().map_or(&self.image, |transaction| &transaction.before)
    }

    /// Where the open transaction began, if one is open.
    pub fn transaction_start(&self) -> Option<Offset> {
        self.transaction.as_ref().map(|transaction| transaction.start_offset)
    }

    /// Folds in the record at `offset`.
    ///
    /// # Errors
    ///
    /// [`ApplyError`] if it does not fit; the loader is then of no use.
    pub fn apply(&mut self, record: &MetadataRecord, offset: Offset) -> Result<(), ApplyError> {
        match record {
            MetadataRecord::BeginTransaction(_) => self.begin(offset),
            MetadataRecord::EndTransaction(_) => {
                self.transaction.take().map(drop).ok_or(ApplyError::NoTransaction)
            }
            MetadataRecord::AbortTransaction(_) => self.abort(),
            _ => {
                self.delta.note(&self.image, record);
                self.image.apply(record)
            }
        }
    }

    /// Ends a batch. Gives what is to be published, and how it differs from what was last given;
    /// nothing within a transaction.
    pub fn end_batch(&mut self, provenance: Provenance) -> Option<(MetadataImage, MetadataDelta)> {
        self.image.set_provenance(provenance);
        if self.transaction.is_some() {
            return None;
        }
        Some((self.image.clone(), std::mem::take(&mut self.delta)))
    }

    fn begin(&mut self, start_offset: Offset) -> Result<(), ApplyError> {
        if self.transaction.is_some() {
            return Err(ApplyError::NestedTransaction);
        }
        let (before, delta_before) = (self.image.clone(), self.delta.clone());
        self.transaction = Some(OpenTransaction { start_offset, before, delta_before });
        Ok(())
    }

    fn abort(&mut self) -> Result<(), ApplyError> {
        let transaction = self.transaction.take().ok_or(ApplyError::NoTransaction)?;
        self.image = transaction.before;
        self.delta = transaction.delta_before;
        Ok(())
    }
}
