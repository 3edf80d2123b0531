//! Records of one consumer processed side by side, in the order of their partitions or keys.
//!
//! What starts, waits, pauses and is committed is decided by [`machine`], which names no tokio.

mod effect;
pub mod machine;
mod owned_record;
mod progress;
mod settings;

pub use effect::{
    AssignmentId, Commit, Effect, FailedRecord, Offered, Outcome, Refused, Report, WorkId,
};
pub use owned_record::OwnedRecord;
pub use settings::{Exhausted, FailurePolicy, Order, WorkerPoolConfig};
