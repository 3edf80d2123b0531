//! Record batches: views over their bytes, records, compression, a builder, and the older formats.
//!
//! Reading starts with [`Batches`] (or [`BatchHeader::parse`], where only headers are read), goes to
//! [`BatchView`], and ends with [`RecordView`]s.

mod any_magic;
mod attributes;
mod batch;
mod body;
mod builder;
mod checksum;
pub mod compression;
#[cfg(test)]
mod conformance;
pub mod control;
mod error;
pub mod legacy;
pub mod patch;
mod record;
mod stream;
#[cfg(test)]
mod tests;
pub mod validation;
mod varint;

pub use any_magic::{AnyBatch, AnyBatches, AnyBody, AnyRecords};
pub use attributes::{Attributes, TimestampType};
pub use batch::{
    BATCH_HEADER_SIZE, BatchError, BatchHeader, BatchView, Batches, LENGTH_OVERHEAD, MAGIC_V2,
    PREFIX_SIZE, Prefix,
};
pub use body::Body;
pub use builder::{AppendError, BatchBuilder, MAX_BATCH_SIZE, NewRecord};
pub use checksum::{Checksum, crc32, crc32c, crc32c_of_last};
pub use compression::{Budget, BudgetExceeded, Compression, Compressor, DecompressError};
pub use error::{RecordFault, RecordsError};
pub use legacy::{AnyBatchError, LegacyMessage};
pub use patch::BatchPatch;
pub use record::{HeaderView, Headers, MIN_RECORD_SIZE, RecordPlace, RecordView, Records};
pub use stream::RecordStream;
