//! History on disk: one file, a ring of checksummed blocks, so that charts survive a restart.
//!
//! What is written are the means of minutes, of all series, with times of the wall clock. Nothing
//! here opens a file or reads a clock: `file` works on a [`Medium`], which a test can break.
//!
//! ```text
//! FILE      0  magic 8 · version u32 · length of the cluster id u16 · cluster id · zeros
//!        4092  CRC-32C of what is before u32
//!        4096  block, block, …   each at a multiple of 4096, up to 256 MiB; then from 4096 again
//!
//! block     0  magic 4            16  first minute since 1970 i64    32  CRC-32C of the payload u32
//!           4  number u64 (from 1) 24 payload's length u32           36  minutes u8, zeros
//!          12  raw length u32     28  zeros u32                      40  CRC-32C of bytes 0 to 40 u32
//!          44  payload: zstd
//!
//! payload      subjects u32, each   0 (all of the cluster) | 1 broker i32 | 2 topic | 3 group: u16, name
//! (raw)        lines u32, each      subject's index u32 · metric u8
//!              values               of each line one for each minute: the first bytes of all of
//!                                   them, the second bytes, the third bytes
//! ```
//!
//! All numbers are big-endian. A value is an f32 rounded to 20 bits, more than three digits that are
//! shown need; a NaN is a minute without a sample. A block names its subjects itself, so each can be
//! read alone and topics may come and go.
//!
//! Blocks are written in the order of their numbers, each behind the one before it, and synced one by
//! one; what has no room before the end of the file goes to its front. So a crash in the middle of a
//! write loses that block, and what it was written over; that is the oldest, but for blocks near the end of
//! the file, which stay until one is written that reaches them. Whoever opens the file takes all
//! blocks whose checksums are right, in the order of their numbers, and goes on behind the last one.
//! Other files, and those of other clusters, are refused.
//!
//! A block is written every 5 minutes, and when the dashboard is left. With 1,000 busy topics and
//! 1,000 busy groups that is 60 KiB, so 256 MiB last 15 days; quiet ones cost next to nothing.

mod block;
mod draft;
mod extents;
mod file;
mod head;
mod past;
#[cfg(test)]
pub(crate) mod simulated;
#[cfg(test)]
mod tests;

pub(crate) use block::Block;
pub(crate) use draft::Draft;
pub(crate) use file::{KeptError, KeptFile, Medium};
pub(crate) use past::{Past, PastLine};

use super::store::{Metric, Subject};

/// What the file may take.
pub(crate) const FILE_BYTES_MAX: u64 = 256 << 20;
/// Minutes of a block: what a crash may lose.
pub(crate) const BLOCK_MINUTES: usize = 5;
/// Blocks begin on pages of the system, so that writing one touches no other.
const PAGE_BYTES: u64 = 4_096;

/// The means of one minute.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Minute {
    /// Minutes since 1970, by the wall clock.
    pub(crate) minute: i64,
    /// The series that were sampled in it.
    pub(crate) lines: Vec<(Subject, Vec<(Metric, f32)>)>,
}
