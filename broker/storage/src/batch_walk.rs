//! Reading a log batch by batch from one offset to another, as a state that is folded from it is.

use kt_protocol::records::{BatchView, Batches};
use kt_protocol::types::Offset;

use crate::error::LogError;
use crate::read::{ReadRequest, read};
use crate::segment::Segment;
use std::sync::Arc;

/// How much is read at once; a larger batch is read whole.
const READ_BYTES: u64 = 4 << 20;

/// Why a walk ended early.
#[derive(Debug, thiserror::Error)]
pub enum WalkError<E> {
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// No whole batch can be read at this offset.
    #[error("no whole batch can be read at offset {0}")]
    NoBatch(Offset),
    /// What the visitor said.
    #[error("{0}")]
    Visitor(E),
}

/// Calls `visit` with each batch that ends above `from`, up to the offset `to`. Ends before it where
/// the log does.
///
/// # Errors
///
/// [`WalkError`]; batches before were visited.
pub fn walk_batches<E>(
    segments: &[Arc<Segment>],
    from: Offset,
    to: Offset,
    mut visit: impl FnMut(&BatchView<'_>) -> Result<(), E>,
) -> Result<(), WalkError<E>> {
    let mut next = from;
    while next < to {
        let request =
            ReadRequest { from: next, max_offset: to, max_bytes: READ_BYTES, min_one_batch: true };
        let Some(slice) = read(segments, &request)? else { break };
        let mut bytes = vec![0; usize::try_from(slice.range.length).unwrap_or(0)];
        let length =
            slice.range.file.read_at(slice.range.position, &mut bytes).map_err(LogError::from)?;
        bytes.truncate(length);
        let before = next;
        for batch in Batches::new(&bytes) {
            // The last batch of a read may be cut off: it begins the next one.
            let Ok(batch) = batch else { break };
            if batch.last_offset() < next {
                continue;
            }
            visit(&batch).map_err(WalkError::Visitor)?;
            next = batch.last_offset().plus(1);
        }
        if next == before {
            return Err(WalkError::NoBatch(next));
        }
    }
    Ok(())
}
