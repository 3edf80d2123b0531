//! Reading a log: from an offset to a range of a file, without a lock and without decoding.

use std::sync::Arc;

use kt_protocol::types::Offset;

use crate::disk::FileRange;
use crate::error::LogError;
use crate::segment::{BatchPlace, Segment};
use crate::transaction_index::AbortedTransaction;

/// What a reader wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadRequest {
    /// The first offset wanted. The range begins with the batch that holds it.
    pub from: Offset,
    /// Nothing from here on is given: the high watermark, the last stable offset or the log end.
    pub max_offset: Offset,
    /// How many bytes, at most. The last batch may be cut off by it.
    pub max_bytes: u64,
    /// Give the first batch whole, even if it is larger than `max_bytes`.
    pub min_one_batch: bool,
}

/// A run of batches in one segment.
#[derive(Clone, Debug)]
pub struct LogSlice {
    /// The bytes.
    pub range: FileRange,
    /// The batch they begin with.
    pub first: BatchPlace,
    /// The segment they are in.
    pub segment: Arc<Segment>,
}

/// Finds the batches from an offset on, within one segment.
///
/// None if there is nothing below `max_offset`, or if the first batch is larger than `max_bytes`
/// and `min_one_batch` is not set. The caller has compared `from` with the log start and end.
///
/// # Errors
/// [`LogError::OutOfRange`] below the first segment; [`LogError::Damaged`] if the log cannot be
/// walked; [`LogError::Disk`], not found among them, if the segment was deleted meanwhile: take
/// the segments anew.
pub fn read(
    segments: &[Arc<Segment>],
    request: &ReadRequest,
) -> Result<Option<LogSlice>, LogError> {
    let from_here = segments_from(segments, request.from)?;
    for (segment, next) in from_here.iter().zip(1..) {
        if request.max_offset <= segment.base_offset() {
            break;
        }
        let Some(first) = segment.locate(request.from)? else { continue };
        let next = from_here.get(next).map(|next| next.base_offset());
        check_within(segment, &first, next)?;
        if request.max_offset <= first.base_offset {
            break;
        }
        let end = match next {
            Some(next) if next <= request.max_offset => segment.size()?,
            _ => end_below(segment, request.max_offset)?,
        };
        return slice(segment, first, end, request);
    }
    Ok(None)
}

/// No checksum covers a batch's offset: one that is beyond its segment is damaged, and would make
/// its reader wait for ever.
fn check_within(
    segment: &Segment,
    batch: &BatchPlace,
    next: Option<Offset>,
) -> Result<(), LogError> {
    let end = match next {
        Some(next) => Some(next),
        None => segment.extent()?.next_offset,
    };
    match end {
        Some(end) if end <= batch.last_offset => {
            let reason = format!("a batch up to offset {} is beyond {end}", batch.last_offset);
            Err(segment.damaged(batch.position, batch.base_offset, &reason))
        }
        _ => Ok(()),
    }
}

fn slice(
    segment: &Arc<Segment>,
    first: BatchPlace,
    end: u64,
    request: &ReadRequest,
) -> Result<Option<LogSlice>, LogError> {
    let batch_bytes = first.end - first.position;
    let max_bytes = match request.min_one_batch {
        true => request.max_bytes.max(batch_bytes),
        false if request.max_bytes < batch_bytes => return Ok(None),
        false => request.max_bytes,
    };
    let length = end.saturating_sub(first.position).min(max_bytes);
    if length == 0 {
        return Ok(None);
    }
    let range = FileRange { file: segment.log_file()?, position: first.position, length };
    Ok(Some(LogSlice { range, first, segment: Arc::clone(segment) }))
}

/// Where the batches end that lie wholly below `max_offset`.
fn end_below(segment: &Segment, max_offset: Offset) -> Result<u64, LogError> {
    let extent = segment.extent()?;
    if extent.next_offset.is_some_and(|next| next <= max_offset) {
        return Ok(extent.size);
    }
    match segment.locate(max_offset)? {
        Some(batch) => Ok(batch.position),
        None => Ok(extent.size),
    }
}

/// The transactions that a reader of `slice` with `read_committed` must skip, as the transaction
/// indexes tell. `last_stable` is the bound that the slice was read with.
///
/// # Errors
/// As [`read`]; [`LogError::Damaged`] names a transaction index that cannot be read.
pub fn aborted_transactions(
    segments: &[Arc<Segment>],
    slice: &LogSlice,
    last_stable: Offset,
) -> Result<Vec<AbortedTransaction>, LogError> {
    let from = slice.first.base_offset;
    let end = slice.range.position + slice.range.length;
    let segments = segments_from(segments, slice.segment.base_offset())?;
    let next = segments.get(1).map_or(last_stable, |next| next.base_offset());
    let upper_bound = slice.segment.first_indexed_from(end)?.unwrap_or(next).min(last_stable);
    let mut aborted = Vec::new();
    // An entry stands in the segment of its marker, which may come long after the records.
    for segment in segments {
        if segment.collect_aborted(from, upper_bound, &mut aborted)? {
            break;
        }
    }
    Ok(aborted)
}

/// The segments from the one that may hold `offset` on.
pub(crate) fn segments_from(
    segments: &[Arc<Segment>],
    offset: Offset,
) -> Result<&[Arc<Segment>], LogError> {
    let above = segments.partition_point(|segment| segment.base_offset() <= offset);
    let first = above.checked_sub(1).and_then(|first| segments.get(first..));
    first.ok_or_else(|| {
        let start = segments.first().map_or(Offset(0), |segment| segment.base_offset());
        LogError::OutOfRange { asked: offset, start, end: start }
    })
}
