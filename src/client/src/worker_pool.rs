//! Records of one consumer processed side by side, in the order of their partitions or keys.
//!
//! What starts, waits, pauses and is committed is decided by [`machine`], which names no tokio.

mod backlog;
mod effect;
mod in_group;
pub mod machine;
mod owned_record;
mod pool;
mod progress;
mod settings;
mod shared;
mod source;

pub use effect::{
    AssignmentId, Commit, Effect, FailedRecord, Offered, Outcome, Refused, Report, WorkId,
};
pub use owned_record::OwnedRecord;
pub use pool::{WorkerPool, WorkerPoolError, WorkerPoolHandle};
pub use settings::{Exhausted, FailurePolicy, Order, WorkerPoolConfig};
pub use source::Source;
