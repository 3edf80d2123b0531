//! The operating system around a node: runtime, listeners, connections, the flusher, jobs, signals
//! and metrics.
//!
//! Knows no rule of Kafka's beyond a request's head; what a request means is the node's.

mod budget;
mod clock;
mod connection;
mod disk;
mod engine;
mod exposition;
mod flusher;
mod host;
mod http;
mod jobs;
mod lifecycle;
mod limits;
mod listener;
mod lock_file;
mod log_file;
mod logs;
mod mailbox;
mod metrics;
mod node;
mod prepare;
mod request;
mod server;
mod signals;
mod stop;
mod stream;
mod wakes;

pub use disk::RealDisk;
pub use engine::Engine;
pub use logs::{LogsError, LogsTo, start as start_logs};
pub use node::open_node;
pub use prepare::StartError;
pub use server::{Opened, Opening, ServeError, Serving, run};
pub use signals::StopSignal;
pub use stop::{StopBy, StopHandle, StopRequest};
