//! A consumer of its own, or one in a group: to the reading it is much the same.

use kt_client::consumer::Consumer;
use kt_client::consumer::group::GroupConsumer;
use kt_protocol::types::TopicPartition;

/// Who reads the partitions.
#[derive(Clone, Copy, Debug)]
pub(super) enum Source<'a> {
    /// Nobody but this command.
    Own(&'a Consumer),
    /// A group, which says what this member reads.
    Group(&'a GroupConsumer),
}

impl Source<'_> {
    /// It was read to its end.
    pub(super) fn finish(self, partition: &TopicPartition) {
        match self {
            Source::Own(consumer) => consumer.unassign([partition]),
            Source::Group(consumer) => consumer.pause([partition]),
        }
    }

    /// Gives nothing of it for now.
    pub(super) fn pause(self, partition: &TopicPartition) {
        match self {
            Source::Own(consumer) => consumer.pause([partition]),
            Source::Group(consumer) => consumer.pause([partition]),
        }
    }

    /// Gives on.
    pub(super) fn resume(self, partition: &TopicPartition) {
        match self {
            Source::Own(consumer) => consumer.resume([partition]),
            Source::Group(consumer) => consumer.resume([partition]),
        }
    }
}
