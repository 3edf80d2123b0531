//! Changes to the header of a batch in place: what a broker sets at the append.
//!
//! Base offset and leader epoch lie outside the checksum. The other fields lie within it, so their
//! changes cost one pass over the batch.

use super::attributes::TimestampType;
use super::batch::{
    ATTRIBUTES_AT, BASE_OFFSET_AT, BASE_SEQUENCE_AT, BASE_TIMESTAMP_AT, BATCH_HEADER_SIZE,
    BatchError, BatchView, CRC_AT, LEADER_EPOCH_AT, MAX_TIMESTAMP_AT, PRODUCER_EPOCH_AT,
    PRODUCER_ID_AT,
};
use super::checksum::crc32c;
use crate::types::{LeaderEpoch, Offset, ProducerEpoch, ProducerId, Timestamp};

/// One whole batch of magic 2 whose header may be changed.
#[derive(Debug)]
pub struct BatchPatch<'a> {
    bytes: &'a mut [u8],
}

impl<'a> BatchPatch<'a> {
    /// The first batch in `bytes`, which may go on after it.
    ///
    /// # Errors
    /// See [`BatchError`].
    pub fn first_of(bytes: &'a mut [u8]) -> Result<BatchPatch<'a>, BatchError> {
        let size = BatchView::first_of(bytes)?.size();
        let (bytes, _) = bytes.split_at_mut(size);
        assert!(BATCH_HEADER_SIZE <= bytes.len(), "a view has a header");
        Ok(BatchPatch { bytes })
    }

    /// Gives the batch its place in the log. Outside the checksum.
    pub fn set_base_offset(&mut self, offset: Offset) {
        self.put(BASE_OFFSET_AT, offset.0.to_be_bytes());
    }

    /// Says which leader appends it. Outside the checksum.
    pub fn set_partition_leader_epoch(&mut self, epoch: LeaderEpoch) {
        self.put(LEADER_EPOCH_AT, epoch.0.to_be_bytes());
    }

    /// Corrects the greatest timestamp of a batch with `CreateTime`.
    pub fn set_max_timestamp(&mut self, timestamp: Timestamp) {
        self.set_timestamp_type(TimestampType::CreateTime, timestamp);
    }

    /// Gives all records the append's time, compressed or not (`LogAppendTime`).
    pub fn set_append_time(&mut self, timestamp: Timestamp) {
        self.set_timestamp_type(TimestampType::LogAppendTime, timestamp);
    }

    fn set_timestamp_type(&mut self, timestamp_type: TimestampType, max: Timestamp) {
        let attributes = self.view().attributes().with_timestamp_type(timestamp_type);
        self.put(ATTRIBUTES_AT, attributes.0.to_be_bytes());
        self.put(MAX_TIMESTAMP_AT, max.0.to_be_bytes());
        self.put_crc();
    }

    /// Sets the time from which tombstones and markers may go.
    ///
    /// It takes the place of the base timestamp, so it is for batches whose records are not counted
    /// from it: those without records, and those with `LogAppendTime`. Other batches have to be built
    /// again.
    ///
    /// # Errors
    /// The batch has records with timestamps of their own; it is not changed.
    pub fn set_delete_horizon(&mut self, horizon: Timestamp) -> Result<(), TimestampsInUse> {
        let header = *self.view().header();
        let counted = header.timestamp_type() != TimestampType::LogAppendTime;
        if header.records_count() != 0 && counted {
            return Err(TimestampsInUse);
        }
        self.put(ATTRIBUTES_AT, header.attributes().delete_horizon().0.to_be_bytes());
        self.put(BASE_TIMESTAMP_AT, horizon.0.to_be_bytes());
        self.put_crc();
        Ok(())
    }

    /// Says which idempotent producer wrote the batch, and the number of its first record.
    pub fn set_producer(&mut self, id: ProducerId, epoch: ProducerEpoch, base_sequence: i32) {
        self.put(PRODUCER_ID_AT, id.0.to_be_bytes());
        self.put(PRODUCER_EPOCH_AT, epoch.0.to_be_bytes());
        self.put(BASE_SEQUENCE_AT, base_sequence.to_be_bytes());
        self.put_crc();
    }

    fn put_crc(&mut self) {
        let crc = crc32c(&self.bytes[ATTRIBUTES_AT..]);
        self.put(CRC_AT, crc.to_be_bytes());
    }

    fn put<const SIZE: usize>(&mut self, at: usize, field: [u8; SIZE]) {
        self.bytes[at..at + SIZE].copy_from_slice(&field);
    }

    fn view(&self) -> BatchView<'_> {
        BatchView::only_of(self.bytes).expect("no patch changes length or magic")
    }
}

/// A batch's base timestamp cannot be replaced: its records' timestamps are counted from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the records' timestamps are counted from the base timestamp, which the delete horizon would replace"
)]
pub struct TimestampsInUse;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::{BatchBuilder, Compression, NewRecord};

    fn batch() -> Vec<u8> {
        let mut builder = BatchBuilder::new().compressed(Compression::Lz4).transactional();
        for time in [1000, 1010] {
            let record = NewRecord { timestamp: Timestamp(time), ..NewRecord::default() };
            builder.append(record).unwrap();
        }
        builder.build().to_vec()
    }

    #[test]
    fn offset_and_epoch_leave_the_checksum_as_it_is() {
        let mut bytes = batch();
        let before = BatchView::only_of(&bytes).unwrap().crc();
        let mut patch = BatchPatch::first_of(&mut bytes).unwrap();
        patch.set_base_offset(Offset(1 << 40));
        patch.set_partition_leader_epoch(LeaderEpoch(9));
        let view = BatchView::only_of(&bytes).unwrap();
        assert_eq!(
            (view.base_offset(), view.last_offset()),
            (Offset(1 << 40), Offset((1 << 40) + 1))
        );
        assert_eq!(view.partition_leader_epoch(), LeaderEpoch(9));
        assert_eq!(view.crc(), before);
        assert!(view.crc_is_valid());
    }

    #[test]
    fn the_append_time_becomes_every_records_time() {
        let mut bytes = batch();
        let before = BatchView::only_of(&bytes).unwrap().crc();
        BatchPatch::first_of(&mut bytes).unwrap().set_append_time(Timestamp(5000));
        let view = BatchView::only_of(&bytes).unwrap();
        assert!(view.crc_is_valid());
        assert_ne!(view.crc(), before);
        assert_eq!(view.timestamp_type(), TimestampType::LogAppendTime);
        assert_eq!(view.max_timestamp(), Timestamp(5000));
        assert_eq!(view.base_timestamp(), Timestamp(1000));
        assert!(view.is_transactional());
        BatchPatch::first_of(&mut bytes).unwrap().set_max_timestamp(Timestamp(1010));
        let view = BatchView::only_of(&bytes).unwrap();
        assert_eq!(view.crc(), before, "back to what it was");
    }

    #[test]
    fn a_delete_horizon_is_set_only_where_no_record_is_counted_from_it() {
        let mut bytes = batch();
        let unchanged = bytes.clone();
        let refused = BatchPatch::first_of(&mut bytes).unwrap().set_delete_horizon(Timestamp(7));
        assert_eq!(refused, Err(TimestampsInUse));
        assert_eq!(bytes, unchanged);
        let mut empty = BatchBuilder::new().last_offset(Offset(4)).build().to_vec();
        BatchPatch::first_of(&mut empty).unwrap().set_delete_horizon(Timestamp(7)).unwrap();
        let view = BatchView::only_of(&empty).unwrap();
        assert!(view.crc_is_valid());
        assert_eq!(view.delete_horizon(), Some(Timestamp(7)));
    }

    #[test]
    fn another_producer_is_the_same_batch_with_another_checksum() {
        let mut bytes = batch();
        BatchPatch::first_of(&mut bytes).unwrap().set_producer(ProducerId(7), ProducerEpoch(2), 9);
        let view = BatchView::only_of(&bytes).unwrap();
        assert!(view.crc_is_valid());
        assert_eq!((view.producer_id(), view.producer_epoch()), (ProducerId(7), ProducerEpoch(2)));
        assert_eq!((view.base_sequence(), view.records_count()), (9, 2));
    }

    #[test]
    fn bytes_after_the_batch_are_left_alone() {
        let mut bytes = batch();
        let size = bytes.len();
        bytes.extend_from_slice(&[9; 10]);
        let mut patch = BatchPatch::first_of(&mut bytes).unwrap();
        patch.set_append_time(Timestamp(1));
        assert!(BatchView::only_of(&bytes[..size]).unwrap().crc_is_valid());
        assert_eq!(bytes[size..], [9; 10]);
    }
}
