//! What the history takes in memory, counted so that it is never less than the truth.
//!
//! The allocator is asked for boxes, names and nodes of trees. A node holds up to 11 entries and at
//! least 5, but for the one at the root: so an entry is counted as a fifth of a full node, and each
//! tree as one node more.

use kt_protocol::types::TopicPartition;

use super::super::committed::CommittedHistory;
use super::super::ends::EndHistory;
use super::super::series::Series;
use super::{Lines, Metric, Subject};

/// What an allocation costs beside its own bytes: size classes of the allocator.
const ROUNDING_BYTES: usize = 32;

const fn node_bytes<K, V>() -> usize {
    let edges = 12 * size_of::<usize>();
    11 * (size_of::<K>() + size_of::<V>()) + edges + 16 + ROUNDING_BYTES
}

const fn entry_bytes<K, V>() -> usize {
    node_bytes::<K, V>().div_ceil(5)
}

type Pointer = Box<Lines>;
type Tree = std::collections::BTreeMap<(), ()>;

/// What three empty trees may come to when each has its root.
pub(super) const EMPTY_BYTES: usize =
    node_bytes::<Subject, Pointer>() + 2 * node_bytes::<String, Tree>();

/// One line without its minutes and what is coarser.
pub(super) const SERIES_BYTES: usize =
    Series::FINE_BYTES + size_of::<Metric>() + 4 * ROUNDING_BYTES;

fn text_bytes(subject: &Subject) -> usize {
    match subject {
        Subject::Group(name) | Subject::Topic(name) => name.len() + ROUNDING_BYTES,
        Subject::Broker(_) | Subject::Total => 0,
    }
}

/// A subject that has no line yet.
pub(super) fn new_subject(subject: &Subject) -> usize {
    text_bytes(subject) + entry_bytes::<Subject, Pointer>() + size_of::<Lines>() + ROUNDING_BYTES
}

/// A subject with its lines.
pub(super) fn subject_bytes(subject: &Subject, series: &[(Metric, Series)]) -> usize {
    let coarse: usize = series.iter().map(|it| it.1.coarse_bytes()).sum();
    new_subject(subject) + series.len() * SERIES_BYTES + coarse
}

/// A topic or group whose offsets are kept, without its partitions.
pub(super) fn name_bytes(name: &str) -> usize {
    let tree = node_bytes::<TopicPartition, Pointer>();
    name.len() + ROUNDING_BYTES + entry_bytes::<String, Tree>() + tree
}

/// The ends of one partition.
pub(super) fn end_bytes(history: &EndHistory) -> usize {
    let marks = if history.has_marks() { EndHistory::MARKS_BYTES } else { 0 };
    size_of::<EndHistory>() + marks + 2 * ROUNDING_BYTES + entry_bytes::<i32, Pointer>()
}

/// The commits of one partition.
pub(super) fn commit_bytes(at: &TopicPartition) -> usize {
    let own = size_of::<CommittedHistory>() + at.topic.len() + 2 * ROUNDING_BYTES;
    own + entry_bytes::<TopicPartition, Pointer>()
}
