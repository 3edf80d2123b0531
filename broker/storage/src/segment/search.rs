//! Finding the batch that holds an offset: by the newest batches, by the index, by walking heads.
//!
//! An index entry is believed only if the batch there fits it. Otherwise both indexes are made anew
//! from the `.log`, in memory.

use kt_protocol::types::Offset;

use super::{BatchPlace, Segment};
use crate::error::LogError;
use crate::offset_index::OffsetEntry;
use crate::scan::{HeaderScan, Located, ScanError};
use crate::sparse_index::IndexError;

impl Segment {
    /// The first batch whose last offset is `offset` or above; none if all lie below.
    pub fn locate(&self, offset: Offset) -> Result<Option<BatchPlace>, LogError> {
        {
            let state = self.state.lock();
            if state.recent.front().is_some_and(|first| first.base_offset <= offset) {
                let at = state.recent.partition_point(|place| place.last_offset < offset);
                return Ok(state.recent.get(at).copied());
            }
            if state.next_offset.is_some_and(|next| next <= offset) {
                return Ok(None);
            }
        }
        Ok(self.locate_header(offset)?.map(BatchPlace::from))
    }

    /// As [`Segment::locate`], with the batch's head, which is read from the file.
    pub(crate) fn locate_header(&self, offset: Offset) -> Result<Option<Located>, LogError> {
        let relative = offset - self.base_offset;
        let entry =
            self.offset_index.last_where(|entry| i64::from(entry.relative_offset) <= relative);
        match entry {
            Ok(Some(entry)) => match self.locate_from(offset, entry) {
                Err(IndexError::Unsound) => {}
                Err(IndexError::Disk(error)) => return Err(error.into()),
                Ok(found) => return Ok(found),
            },
            Ok(None) => return self.locate_from_start(offset),
            Err(IndexError::Unsound) => {}
            Err(IndexError::Disk(error)) => return Err(error.into()),
        }
        self.rebuild_in_memory()?;
        let rebuilt = self.offset_index.rebuilt().unwrap_or_default();
        let count = rebuilt.partition_point(|entry| i64::from(entry.relative_offset) <= relative);
        match count.checked_sub(1).and_then(|at| rebuilt.get(at)) {
            None => self.locate_from_start(offset),
            Some(entry) => self.locate_from(offset, *entry).map_err(|error| match error {
                IndexError::Disk(error) => error.into(),
                IndexError::Unsound => self.damaged(entry.position as u64, offset, "no batch"),
            }),
        }
    }

    /// Walks from an index entry, which is believed only if the batch there fits it.
    fn locate_from(
        &self,
        offset: Offset,
        entry: OffsetEntry,
    ) -> Result<Option<Located>, IndexError> {
        let size = self.size()?;
        let position = u64::try_from(entry.position).map_err(|_| IndexError::Unsound)?;
        let file = self.log.file()?;
        let mut scan = HeaderScan::new(&*file, position, size);
        let promised = self.base_offset.plus(i64::from(entry.relative_offset));
        let mut previous = self.base_offset.plus(-1);
        let mut is_first = true;
        while let Some(located) = scan.next_batch().map_err(|error| match error {
            ScanError::Disk(error) => IndexError::Disk(error),
            ScanError::NotABatch { .. } => IndexError::Unsound,
        })? {
            let header = located.header;
            if header.base_offset() <= previous || (is_first && promised < header.last_offset()) {
                return Err(IndexError::Unsound);
            }
            if offset <= header.last_offset() {
                return Ok(Some(located));
            }
            previous = header.last_offset();
            is_first = false;
        }
        if is_first { Err(IndexError::Unsound) } else { Ok(None) }
    }

    /// The offset after the last batch in front of `position`, where the first batch that reaches
    /// `offset` begins: the base offset if there is none.
    pub(crate) fn end_below(&self, offset: Offset, position: u64) -> Result<Offset, LogError> {
        let entry = self.last_sound_entry(offset)?;
        let from = entry.and_then(|entry| u64::try_from(entry.position).ok());
        let from = from.filter(|from| *from < position).unwrap_or(0);
        match self.walk_to(from, position)? {
            Some(end) if end <= offset => Ok(end),
            // What the index says is not so.
            _ => Ok(self.walk_to(0, position)?.unwrap_or(self.base_offset)),
        }
    }

    /// The offset after the last batch between two positions; none if there is none.
    fn walk_to(&self, from: u64, position: u64) -> Result<Option<Offset>, LogError> {
        let file = self.log.file()?;
        let mut scan = HeaderScan::new(&*file, from, position);
        let mut end = None;
        loop {
            match scan.next_batch() {
                Ok(Some(located)) => end = Some(located.header.next_offset()),
                Ok(None) => return Ok(end),
                Err(ScanError::Disk(error)) => return Err(error.into()),
                Err(ScanError::NotABatch { .. }) if 0 < from => return Ok(None),
                Err(ScanError::NotABatch { position, reason }) => {
                    let offset = end.unwrap_or(self.base_offset);
                    return Err(self.damaged(position, offset, &reason.to_string()));
                }
            }
        }
    }

    fn locate_from_start(&self, offset: Offset) -> Result<Option<Located>, LogError> {
        let size = self.size()?;
        let file = self.log.file()?;
        let mut scan = HeaderScan::new(&*file, 0, size);
        let mut next = self.base_offset;
        loop {
            let located = match scan.next_batch() {
                Ok(Some(located)) => located,
                Ok(None) => return Ok(None),
                Err(ScanError::Disk(error)) => return Err(error.into()),
                Err(ScanError::NotABatch { position, reason }) => {
                    return Err(self.damaged(position, next, &reason.to_string()));
                }
            };
            if located.header.base_offset() < next {
                return Err(self.damaged(located.position, next, "its offset goes back"));
            }
            if offset <= located.header.last_offset() {
                return Ok(Some(located));
            }
            next = located.header.next_offset();
        }
    }
}
