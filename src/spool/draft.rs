//! Records that are gathered into a batch of the spool, to be written and synced together.

use bytes::Bytes;
use kt_protocol::records::{AppendError, BatchBuilder, NewRecord};
use kt_protocol::types::Offset;

/// A batch that is being made.
///
/// The first header of each of its records is where the record goes: its key is the topic, its value
/// the partition in four bytes, or null where the producer chooses one.
#[derive(Debug)]
pub(crate) struct Draft {
    base: Offset,
    end: Offset,
    builder: BatchBuilder,
}

impl Draft {
    /// A batch whose first record will be at `base`.
    pub(crate) fn new(base: Offset) -> Draft {
        Draft { base, end: base, builder: BatchBuilder::new().base_offset(base) }
    }

    /// Adds a record. Gives its position.
    ///
    /// # Errors
    ///
    /// Fails if no batch can hold it; it was not added then.
    pub(crate) fn add(
        &mut self,
        topic: &str,
        partition: Option<i32>,
        record: NewRecord<'_>,
    ) -> Result<Offset, AppendError> {
        let index = partition.map(i32::to_be_bytes);
        let mut headers = Vec::with_capacity(1 + record.headers.len());
        headers.push((topic, index.as_ref().map(<[u8; 4]>::as_slice)));
        headers.extend_from_slice(record.headers);
        let position = self.builder.append(NewRecord { headers: &headers, ..record })?;
        self.end = position.plus(1);
        Ok(position)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.base == self.end
    }

    /// How many records it has.
    pub(crate) fn len(&self) -> u64 {
        u64::try_from(self.end - self.base).unwrap_or(0)
    }

    /// How many bytes it takes in the spool.
    pub(crate) fn bytes(&self) -> usize {
        self.builder.uncompressed_size()
    }

    pub(super) fn base(&self) -> Offset {
        self.base
    }

    /// The position behind its last record.
    pub(crate) fn end(&self) -> Offset {
        self.end
    }

    pub(super) fn build(&self) -> Bytes {
        self.builder.build()
    }
}
