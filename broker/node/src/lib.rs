//! One broker and controller as a value: inputs in, effects out.
//!
//! The node is shared, called from any thread, and deterministic for one order of calls. It does
//! page-cache I/O through `Disk`, never a flush and never a socket.

mod api;
mod assignments;
mod batch_validation;
mod broker;
mod checkpointing;
pub mod config;
pub mod effect;
mod fetch_session;
mod fetch_sessions;
mod format;
mod group_coordinator;
pub mod input;
mod inventory;
mod jobs;
mod lifecycle;
mod lock_rank;
mod log_cleaning;
mod log_config;
mod log_directories;
#[cfg(all(test, loom))]
mod loom_models;
mod machine;
mod metadata_log;
pub mod metrics;
mod node;
mod open;
mod open_error;
mod partition;
mod producer_ids;
mod purgatory;
mod recovery_log;
mod removals;
mod replicas;
mod served;
mod served_waiters;
mod stopping;
mod sync;
mod timed_flush;

pub use effect::{Chunk, Effect, FlushTicket, Job, JobId, JobResult, LogLevel, MachineId, Reply};
pub use format::Formatting;
pub use input::{ConnectionId, Input, ReplyTo, Request, Session};
pub use inventory::InventoryError;
pub use metrics::{NodeMetrics, PartitionMetrics};
pub use node::Node;
pub use open::{HostFacts, Start};
pub use open_error::OpenError;
