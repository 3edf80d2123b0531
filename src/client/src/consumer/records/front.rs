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
        let (cut, count) = self.find_cut(max)?;
        let mut front = self.clone();
        front.bytes.truncate(cut.front_end);
        front.next_offset = cut.next_offset;
        front.last_epoch = cut.front_epoch.or(self.last_epoch);
        self.position = cut.next_offset;
        match cut.inside {
            Some(inside) => {
                front.until = cut.next_offset;
                if cut.rest_begin == 0 {
                    front.opened = Some(inside.front);
                }
                self.opened = Some(inside.rest);
            }
            // What is opened is the first batch, which went with the front.
            None if 0 < cut.rest_begin => self.opened = None,
            None => {}
        }
        self.bytes = self.bytes.slice(cut.rest_begin..);
        self.filter = cut.filter;
        Ok((front, count))
    }

    /// Where the first `max` records end, and how many these are at most.
    fn find_cut(&self, max: usize) -> Result<(Cut, usize), ReadError> {
        let mut cut = Cut::before_all(self);
        let mut batches = AnyBatches::new(&self.bytes);
        let mut left = max;
        while 0 < left {
            let Some(batch) = batches.next() else { break };
            let batch = batch.map_err(|error| ReadError::Batch(error.to_string()))?;
            let mut filter = cut.filter.clone();
            let is_passed = filter.hides(&batch)? || batch.last_offset() < self.position;
            let opened = self.opened.as_ref().filter(|_| cut.rest_begin == 0);
            let count = if is_passed { 0 } else { count_from(&batch, opened, self.position) };
            if let AnyBatch::Batch(view) = &batch
                && left < count
            {
                let last_offset = batch.last_offset();
                let unreadable = |error| ReadError::Records { last_offset, error };
                return Ok((self.cut_within(cut, view, left).map_err(unreadable)?, max));
            }
            left = left.saturating_sub(count);
            cut = Cut {
                front_end: batches.position(),
                rest_begin: batches.position(),
                next_offset: cut.next_offset.max(super::next_of(&batch)),
                front_epoch: super::epoch_of(&batch).or(cut.front_epoch),
                filter,
                inside: None,
            };
        }
        if cut.rest_begin == self.bytes.len() {
            cut.next_offset = self.next_offset;
            cut.front_epoch = self.last_epoch;
        }
        Ok((cut, max - left))
    }

    /// Goes on from the beginning of a batch until `count` of its records are in the front.
    fn cut_within(
        &self,
        cut: Cut,
        view: &BatchView<'_>,
        count: usize,
    ) -> Result<Cut, RecordsError> {
        let opened = self.opened.as_ref().filter(|_| cut.rest_begin == 0);
        let mut front = match opened {
            Some(opened) => opened.clone(),
            None => Opened::new(&self.bytes, view)?,
        };
        front.seek(view, self.position)?;
        let mut rest = front.clone();
        let mut records = front.records(view);
        records.pass(count)?;
        rest.place = records.place();
        let batch = AnyBatch::Batch(*view);
        // The count was less than the batch has: there is a next one, or the batch lies.
        let next_offset = match records.next() {
            Some(record) => record?.offset,
            None => super::next_of(&batch),
        };
        Ok(Cut {
            front_end: cut.rest_begin + view.size(),
            next_offset,
            front_epoch: super::epoch_of(&batch),
            inside: Some(Inside { front, rest }),
            ..cut
        })
    }
}

/// Where batches are split in two: between two of them, or inside of one that both parts have.
struct Cut {
    /// Bytes of the batches that the front has something of.
    front_end: usize,
    /// Where the first batch begins that the rest has something of.
    rest_begin: usize,
    /// The rest's first offset.
    next_offset: Offset,
    front_epoch: Option<LeaderEpoch>,
    /// As it stands before the rest's first batch.
    filter: AbortFilter,
    inside: Option<Inside>,
}

/// The batch that is cut, as each part reads it.
struct Inside {
    front: Opened,
    rest: Opened,
}

impl Cut {
    fn before_all(records: &FetchedRecords) -> Cut {
        Cut {
            front_end: 0,
            rest_begin: 0,
            next_offset: records.position,
            front_epoch: None,
            filter: records.filter.clone(),
            inside: None,
        }
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
