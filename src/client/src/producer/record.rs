//! Records as bytes on their way in, and what is told of them.

use kt_protocol::records::NewRecord;
use kt_protocol::types::{Offset, Timestamp, TopicPartition};

use crate::error::Error;

/// The caller's number of a record, given back with its delivery.
pub type Tag = u64;

/// A record to send.
#[derive(Clone, Copy, Debug)]
pub struct ProducerRecord<'a> {
    /// Its topic.
    pub topic: &'a str,
    /// Its partition; `None`: the one that the partitioner chooses.
    pub partition: Option<i32>,
    /// What it says.
    pub record: NewRecord<'a>,
    /// What its delivery is called.
    pub tag: Tag,
}

/// What became of records that shared a batch.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Where they went.
    pub partition: TopicPartition,
    /// The records, in their order, which is that of their offsets.
    pub tags: Vec<Tag>,
    /// How it ended.
    pub outcome: Result<Delivered, Error>,
}

/// Where a batch was appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// The offset of its first record; `None` with [`super::Acks::None`], and for a duplicate that
    /// the broker no longer remembers.
    pub base_offset: Option<Offset>,
    /// The broker's time, if the topic wants it in place of the producer's.
    pub log_append_time: Option<Timestamp>,
}
