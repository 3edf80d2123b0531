//! The spool of `kt produce --spool DIR`: a bounded queue on disk between the input and the cluster.
//!
//! A record counts as taken when its batch is written and synced. The idempotent producer delivers
//! batches in their order, and the position before which everything was delivered is kept in a file.
//! After a crash the queue goes on from there, so that nothing taken is lost. What may repeat then
//! is what was delivered behind that position: no more than the producer had under way, and what was
//! delivered since the position was last written.
//!
//! ```text
//! DIR/lock                        held by the process that uses the directory
//! DIR/acknowledged                two positions: delivered before, synced before; written in place,
//!                                 by turns in two slots, so that a full disk can be emptied
//! DIR/refused.jsonl               what no cluster takes, with the reasons: it holds up nothing
//! DIR/00000000000000000000.log    record batches as Kafka writes them, CRC-32C and all
//! DIR/00000000000000001200.log    (kt dump-log reads them), named by their first position
//! ```
//!
//! One batch at a time is written and not synced. So a last batch that is broken may be torn, and is
//! cut off and told; one that is broken before the position that was synced, or before a whole one,
//! is damage: it is reported with file and position and nothing is skipped.

mod acknowledged;
mod checkpoint;
mod directory;
mod draft;
mod entry;
mod error;
mod files;
mod queue;
mod refused;
mod segment;
#[cfg(test)]
mod simulated;
#[cfg(test)]
mod tests;

pub(crate) use acknowledged::Acknowledged;
pub(crate) use directory::Directory;
pub(crate) use draft::Draft;
pub(crate) use entry::{Entry, entries};
pub(crate) use error::SpoolError;
pub(crate) use queue::{Cursor, Spool};
pub(crate) use refused::{REFUSED, put_aside};
