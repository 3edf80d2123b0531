//! Which segments become one: as many as stay within the size of one, their indexes too, and within
//! the offsets that an index can tell. Kafka's `Cleaner.groupSegmentsBySize`.

use std::sync::Arc;

use kt_protocol::types::Offset;

use super::view::CleaningView;
use crate::error::LogError;
use crate::segment::Segment;
use crate::sparse_index::{IndexEntry, IndexError, SparseIndex};

/// What segments take together.
#[derive(Clone, Copy, Default)]
struct Sizes {
    log: u64,
    offset_index: u64,
    time_index: u64,
}

impl Sizes {
    fn of(segment: &Segment) -> Result<Sizes, LogError> {
        Ok(Sizes {
            log: segment.size()?,
            offset_index: bytes_of(segment.offset_index())?,
            time_index: bytes_of(segment.time_index())?,
        })
    }

    fn and(self, other: Sizes) -> Sizes {
        Sizes {
            log: self.log + other.log,
            offset_index: self.offset_index + other.offset_index,
            time_index: self.time_index + other.time_index,
        }
    }

    fn fit(&self, view: &CleaningView) -> bool {
        let index_bytes = u64::from(view.config.segment_index_bytes);
        self.log <= u64::from(view.config.segment_bytes)
            && self.offset_index <= index_bytes
            && self.time_index <= index_bytes
    }
}

fn bytes_of<E: IndexEntry>(index: &SparseIndex<E>) -> Result<u64, LogError> {
    match index.entries() {
        Ok(entries) => Ok(u64::from(entries) * E::BYTES as u64),
        // It is made anew from the log by whoever reads there, and is no part of what is cleaned.
        Err(IndexError::Unsound) => Ok(0),
        Err(IndexError::Disk(error)) => Err(error.into()),
    }
}

/// The segments below `end`, in groups of which each becomes one segment.
pub(crate) fn groups(view: &CleaningView, end: Offset) -> Result<Vec<Vec<Arc<Segment>>>, LogError> {
    let mut groups: Vec<Vec<Arc<Segment>>> = Vec::new();
    let mut sizes = Sizes::default();
    for segment in view.segments.iter().take_while(|it| it.base_offset() < end) {
        let own = Sizes::of(segment)?;
        let together = sizes.and(own);
        match groups.last_mut() {
            Some(group) if together.fit(view) && is_within_reach(view, group, segment, own.log) => {
                group.push(Arc::clone(segment));
                sizes = together;
            }
            _ => {
                groups.push(vec![Arc::clone(segment)]);
                sizes = own;
            }
        }
    }
    Ok(groups)
}

/// Whether the offsets of `segment` can be told from the base of the group. An empty one has none:
/// else each would stay for ever.
fn is_within_reach(
    view: &CleaningView,
    group: &[Arc<Segment>],
    segment: &Segment,
    size: u64,
) -> bool {
    let base = group.first().map_or(segment.base_offset(), |first| first.base_offset());
    size == 0 || view.base_after(segment) - base <= i64::from(i32::MAX)
}
