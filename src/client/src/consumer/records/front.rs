//! A number of records off the front (`max.poll.records`), without decoding what is only passed.
//!
//! Whole batches are counted by their headers. Where the cut falls inside a batch, that one is
//! opened: its records are passed by their lengths, once, and the rest goes on at the same byte.

use bytes::Bytes;
use kt_protocol::records::{
    AnyBatch, AnyBatches, BatchView, Budget, Compression, RecordPlace, Records, RecordsError,
};
use kt_protocol::types::{LeaderEpoch, Offset};

use super::{AbortFilter, FetchedRecords, ReadError};

/// How much of an opened batch may be in memory, decompressed.
const OPENED_BYTES_MAX: u64 = 256 << 20;

/// A batch that was opened, and how far it was read.
#[derive(Clone, Debug)]
pub(super) struct Opened {
    pub(super) body: Bytes,
    pub(super) place: RecordPlace,
}

impl Opened {
    /// Opens a batch of `within`.
    pub(super) fn new(within: &Bytes, view: &BatchView<'_>) -> Result<Opened, RecordsError> {
        let body = match view.compression()? {
            Compression::None => within.slice_ref(view.compressed_records()),
            _ => view.decompress(&mut Budget::new(OPENED_BYTES_MAX))?.into_bytes().into(),
        };
        Ok(Opened { body, place: RecordPlace::default() })
    }

    /// The records that were not read yet.
    pub(super) fn records(&self, view: &BatchView<'_>) -> Records<'_> {
        view.records_in(&self.body).resume(self.place)
    }

    /// Passes over the records before `position`.
    pub(super) fn seek(
        &mut self,
        view: &BatchView<'_>,
        position: Offset,
    ) -> Result<(), RecordsError> {
        if position <= view.base_offset() {
            return Ok(());
        }
        loop {
            let mut records = self.records(view);
            let Some(record) = records.next() else { return Ok(()) };
            if position <= record?.offset {
                return Ok(());
            }
            self.place = records.place();
        }
    }
}

impl FetchedRecords {
    /// Splits off the first `max` records, or what is left. Of a batch that compaction left holes
    /// in, and of transactions that are hidden, fewer may come: what is passed is counted by the
    /// headers.
    ///
    /// # Errors
    ///
    /// Fails if the batch that the cut falls into cannot be decompressed or read.
    pub fn take_front(&mut self, max: usize) -> Result<FetchedRecords, ReadError> {
        self.split_front(max).map(|(front, _)| front)
    }

    /// The same, with how many records the front has at most.
    pub(crate) fn split_front(&mut self, max: usize) -> Result<(FetchedRecords, usize), ReadError> {
        let whole = self.bytes.clone();
        let mut batches = AnyBatches::new(&whole);
        let mut left = max;
        let mut next_offset = self.position;
        let mut epoch = None;
        let mut filter = self.filter.clone();
        loop {
            let begin = batches.position();
            let Some(batch) = batches.next().filter(|_| 0 < left) else {
                let front = self.split_before(begin, next_offset, epoch, filter);
                return Ok((front, max - left));
            };
            let batch = batch.map_err(|error| ReadError::Batch(error.to_string()))?;
            let before = filter.clone();
            let opened = if begin == 0 { self.opened.as_ref() } else { None };
            let is_passed = filter.hides(&batch)? || batch.last_offset() < self.position;
            let count = if is_passed { 0 } else { count_from(&batch, opened, self.position) };
            if let AnyBatch::Batch(view) = &batch
                && left < count
            {
                let last_offset = batch.last_offset();
                let opened = opened.cloned();
                let front = self.split_within(begin, view, opened, left, before);
                let front = front.map_err(|error| ReadError::Records { last_offset, error })?;
                return Ok((front, max));
            }
            left = left.saturating_sub(count);
            next_offset = next_offset.max(super::next_of(&batch));
            epoch = super::epoch_of(&batch).or(epoch);
        }
    }

    fn split_before(
        &mut self,
        at: usize,
        next_offset: Offset,
        last_epoch: Option<LeaderEpoch>,
        filter: AbortFilter,
    ) -> FetchedRecords {
        let mut front = self.clone();
        front.bytes.truncate(at);
        if at == self.bytes.len() {
            self.position = self.next_offset;
        } else {
            front.next_offset = next_offset;
            front.last_epoch = last_epoch.or(self.last_epoch);
            self.position = next_offset;
        }
        if 0 < at {
            self.bytes = self.bytes.slice(at..);
            self.opened = None;
            self.filter = filter;
        }
        front
    }

    fn split_within(
        &mut self,
        at: usize,
        view: &BatchView<'_>,
        opened: Option<Opened>,
        count: usize,
        filter: AbortFilter,
    ) -> Result<FetchedRecords, RecordsError> {
        let mut opened = match opened {
            Some(opened) => opened,
            None => Opened::new(&self.bytes, view)?,
        };
        opened.seek(view, self.position)?;
        let begin = opened.clone();
        let mut records = opened.records(view);
        records.pass(count)?;
        let place = records.place();
        // The count was less than the batch has: there is a next one, or the batch lies.
        let cut = match records.next() {
            Some(record) => record?.offset,
            None => super::next_of(&AnyBatch::Batch(*view)),
        };
        opened.place = place;
        let mut front = self.clone();
        front.bytes.truncate(at + view.size());
        front.until = cut;
        front.next_offset = cut;
        front.last_epoch = super::epoch_of(&AnyBatch::Batch(*view)).or(self.last_epoch);
        if at == 0 {
            front.opened = Some(begin);
        }
        self.bytes = self.bytes.slice(at..);
        self.position = cut;
        self.filter = filter;
        self.opened = Some(opened);
        Ok(front)
    }
}

/// How many records a batch has from `position` on, at most.
fn count_from(batch: &AnyBatch<'_>, opened: Option<&Opened>, position: Offset) -> usize {
    let AnyBatch::Batch(view) = batch else { return 1 };
    let records = usize::try_from(view.records_count()).unwrap_or(0);
    if let Some(opened) = opened {
        return records.saturating_sub(opened.place.index());
    }
    let first = position.max(view.base_offset());
    let offsets = view.last_offset().0.saturating_sub(first.0).saturating_add(1);
    records.min(usize::try_from(offsets).unwrap_or(0))
}
