//! One broker and controller as a value: inputs in, effects out.
//!
//! The node is shared, called from any thread, and deterministic for one order of calls. It does
//! page-cache I/O through `Disk`, never a flush and never a socket.

pub mod config;
pub mod effect;
pub mod input;

pub use effect::{Chunk, Effect, FlushTicket, Job, JobId, JobResult, MachineId, Reply};
pub use input::{ConnectionId, Input, ReplyTo, Request, Session};
