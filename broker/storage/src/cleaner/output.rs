//! Writes a `.cleaned` segment: batches in order, then its indexes, then all of it durably.

use std::io::IoSlice;
use std::ops::ControlFlow;
use std::sync::Arc;

use kt_protocol::planted;
use kt_protocol::records::BatchHeader;
use kt_protocol::types::Offset;

use super::{CleanError, CleaningView, Pacing};
use crate::disk::{DiskError, File};
use crate::file_names::FileKind;
use crate::index_builder::IndexBuilder;
use crate::scan::Located;
use crate::segment::Segment;
use crate::transaction_index::AbortedTransaction;

/// A `.cleaned` segment that is being written.
pub(crate) struct Output {
    segment: Segment,
    file: Arc<dyn File>,
    /// Bytes that are in the file.
    written: u64,
    buffer: Vec<u8>,
    buffer_bytes: usize,
    indexes: IndexBuilder,
    next: Offset,
}

impl Output {
    /// Makes the files of a segment at `base`.
    pub(crate) fn create(
        view: &CleaningView,
        base: Offset,
        buffer_bytes: usize,
    ) -> Result<Output, DiskError> {
        let segment = Segment::create_cleaned(&view.home(), base)?;
        Ok(Output {
            file: segment.log_file()?,
            segment,
            written: 0,
            buffer: Vec::with_capacity(buffer_bytes),
            buffer_bytes,
            indexes: IndexBuilder::new(base, view.config.index_interval_bytes),
            next: base,
        })
    }

    /// Adds whole batches.
    pub(crate) fn push(
        &mut self,
        batches: &[u8],
        pacing: &mut Pacing<'_>,
    ) -> Result<(), CleanError> {
        let mut rest = batches;
        while !rest.is_empty() {
            let position = self.written + (self.buffer.len() + batches.len() - rest.len()) as u64;
            let header = BatchHeader::parse_any(rest)
                .map_err(|error| self.refusal(position, error.to_string()))?;
            // An index tells positions by i32.
            if i32::MAX as u64 <= position + header.size() as u64 {
                let reason =
                    "what stays of it is larger than a segment may be; lower segment.bytes";
                return Err(self.refusal(position, reason.to_owned()));
            }
            self.indexes.add(&Located { position, header });
            self.next = header.next_offset();
            rest = rest.get(header.size()..).unwrap_or(&[]);
        }
        self.buffer.extend_from_slice(batches);
        match self.buffer_bytes <= self.buffer.len() {
            true => self.write(pacing),
            false => Ok(()),
        }
    }

    fn refusal(&self, position: u64, reason: String) -> CleanError {
        let file = self.segment.path(FileKind::Log);
        CleanError::Uncleanable { file, position, offset: self.next, reason }
    }

    fn write(&mut self, pacing: &mut Pacing<'_>) -> Result<(), CleanError> {
        self.file.write_at(self.written, &[IoSlice::new(&self.buffer)])?;
        let count = self.buffer.len() as u64;
        self.written += count;
        self.buffer.clear();
        self.buffer.shrink_to(self.buffer_bytes);
        match pacing.passed(count) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(pacing.stopped()),
        }
    }

    /// Ends the segment and makes it durable, names included: of a swap that is cut short, no name
    /// is missing then. Where it fails, nothing is left.
    pub(crate) fn finish(
        mut self,
        view: &CleaningView,
        aborted: &[AbortedTransaction],
        pacing: &mut Pacing<'_>,
    ) -> Result<Segment, CleanError> {
        let result = self.complete(view, aborted, pacing);
        if result.is_err() {
            // What cannot be removed now is removed by the next pass, or when the log is opened.
            let _ = self.segment.remove_files();
        }
        result
    }

    fn complete(
        &mut self,
        view: &CleaningView,
        aborted: &[AbortedTransaction],
        pacing: &mut Pacing<'_>,
    ) -> Result<Segment, CleanError> {
        self.write(pacing)?;
        let segment = &self.segment;
        if !aborted.is_empty() {
            let bytes: Vec<u8> = aborted.iter().flat_map(AbortedTransaction::encode).collect();
            let file = segment.transaction_file()?;
            file.set_len(0)?;
            file.write_at(0, &[IoSlice::new(&bytes)])?;
            file.sync()?;
            segment.note_aborted();
        }
        let none = IndexBuilder::new(segment.base_offset(), view.config.index_interval_bytes);
        let indexes = std::mem::replace(&mut self.indexes, none);
        segment.set_extent(self.written, self.next, indexes.greatest());
        segment.replace_index_tails(0, indexes.finish())?;
        segment.close_indexes()?;
        if !planted!("cleaned without a sync") {
            segment.sync()?;
        }
        view.cache.disk().sync_directory(&view.directory.path())?;
        Ok(segment.reopen_cleaned(&view.home()))
    }

    /// Removes what was written.
    pub(crate) fn discard(self) -> Result<(), DiskError> {
        self.segment.remove_files()
    }
}
