//! Appending: one write, then what follows from it.

use std::io::IoSlice;
use std::sync::Arc;

use kt_protocol::records::{BatchError, BatchHeader};
use kt_protocol::types::{Now, Offset, Timestamp};
use smallvec::SmallVec;

use crate::error::LogError;
use crate::offset_index::OffsetEntry;
use crate::scan::Located;

use super::Log;

/// What an append did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The first offset.
    pub first_offset: Offset,
    /// The last offset.
    pub last_offset: Offset,
    /// The greatest timestamp.
    pub max_timestamp: Timestamp,
    /// True if a new segment was begun for it: readers need the segments anew.
    pub has_rolled: bool,
}

impl Log {
    /// Appends whole batches that were validated and have their offsets and leader epoch.
    ///
    /// # Errors
    /// Nothing is appended then. After [`LogError::Disk`] the log is as it was, or has failed.
    ///
    /// # Panics
    /// If `batches` is empty: there is nothing to say about it.
    pub fn append(&mut self, now: Now, batches: &[u8]) -> Result<Appended, LogError> {
        let headers = headers_of(batches)?;
        self.append_parsed(now, batches, &headers)
    }

    /// As [`Log::append`], for a caller that has read the heads already.
    ///
    /// # Errors
    /// As [`Log::append`].
    ///
    /// # Panics
    /// If `headers` are not those of `batches`.
    pub fn append_parsed(
        &mut self,
        now: Now,
        batches: &[u8],
        headers: &[BatchHeader],
    ) -> Result<Appended, LogError> {
        self.check_usable()?;
        let (Some(first), Some(last)) = (headers.first(), headers.last()) else {
            panic!("an append has at least one batch");
        };
        assert_eq!(
            headers.iter().map(|header| header.size() as u64).sum::<u64>(),
            batches.len() as u64
        );
        let (first_offset, last_offset) = (first.base_offset(), last.last_offset());
        self.check_order(headers)?;
        let limit = u64::from(self.config.segment_bytes);
        if limit < batches.len() as u64 {
            return Err(LogError::TooLarge { size: batches.len() as u64, limit });
        }
        let max_timestamp =
            headers.iter().map(|header| header.max_timestamp()).max().unwrap_or(Timestamp::NONE);
        let has_rolled =
            self.roll_if_due(now, batches.len() as u64, first_offset, last_offset, max_timestamp)?;
        self.preallocate_once()?;
        self.write(batches)?;
        self.publish(headers)?;
        self.epochs.appended(headers);
        self.log_end_offset = last_offset.plus(1);
        self.snapshots.appended(batches.len() as u64);
        self.note_producers(now, batches, headers)?;
        Ok(Appended { first_offset, last_offset, max_timestamp, has_rolled })
    }

    fn preallocate_once(&mut self) -> Result<(), LogError> {
        if !self.active.is_preallocated {
            self.active_segment().preallocate_indexes(self.config.segment_index_bytes)?;
            self.active.is_preallocated = true;
        }
        Ok(())
    }

    fn check_order(&self, headers: &[BatchHeader]) -> Result<(), LogError> {
        let mut next = self.log_end_offset;
        for header in headers {
            if header.base_offset() < next {
                return Err(LogError::OutOfOrder { next, given: header.base_offset() });
            }
            next = header.next_offset();
        }
        Ok(())
    }

    /// Writes at the end of the active segment, or leaves it as it was.
    fn write(&mut self, batches: &[u8]) -> Result<(), LogError> {
        let active = self.active_segment();
        let (file, size) = (active.log_file()?, active.size()?);
        if let Err(error) = file.write_at(size, &[IoSlice::new(batches)]) {
            // What was written of it lies behind the end. It must not stay: a later append
            // that is shorter would leave its rest there, as damage for whoever recovers.
            if file.set_len(size).is_err() {
                self.has_failed = true;
            }
            return Err(error.into());
        }
        self.dirty.file(&file);
        Ok(())
    }

    /// Makes the index entries that are due, and shows the batches to readers.
    fn publish(&mut self, headers: &[BatchHeader]) -> Result<(), LogError> {
        let active = Arc::clone(self.active_segment());
        let interval = u64::from(self.config.index_interval_bytes);
        let mut position = active.size()?;
        let mut located: SmallVec<[Located; 1]> = SmallVec::new();
        for header in headers {
            located.push(Located { position, header: *header });
            position += header.size() as u64;
        }
        for batch in &located {
            let header = &batch.header;
            self.active.first_batch_timestamp.get_or_insert(header.max_timestamp());
            active.publish(batch);
            if interval < self.active.bytes_since_entry {
                let relative_offset = (header.last_offset() - active.base_offset()) as i32;
                active
                    .offset_index()
                    .append(OffsetEntry { relative_offset, position: batch.position as i32 });
                active.append_time_entry();
                self.active.bytes_since_entry = 0;
            }
            self.active.bytes_since_entry += header.size() as u64;
        }
        // The batches are in the log whatever becomes of this: entries that cannot be written now
        // are tried again with the next, and at the roll at the latest.
        if active.write_index_blocks().is_err() {
            self.index_write_failures += 1;
        }
        Ok(())
    }
}

/// The heads of concatenated whole batches.
fn headers_of(bytes: &[u8]) -> Result<SmallVec<[BatchHeader; 1]>, BatchError> {
    let mut headers = SmallVec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let header = BatchHeader::parse_any(rest)?;
        let (have, need) = (rest.len(), header.size());
        rest = rest.get(need..).ok_or(BatchError::Torn { have, need })?;
        headers.push(header);
    }
    Ok(headers)
}
