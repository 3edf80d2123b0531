//! Everything a node asks of the outside. No effect waits for another.

use std::any::Any;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use kt_protocol::types::{Millis, Offset, TopicPartition};
use kt_storage::{File, FileRange};
use smallvec::SmallVec;

use crate::input::{ConnectionId, ReplyTo};

/// A piece of an answer.
#[derive(Clone, Debug)]
pub enum Chunk {
    /// Bytes in memory.
    Bytes(Bytes),
    /// Bytes of a file, sent without passing through user space. A file that is shorter than
    /// promised closes the connection.
    File(FileRange),
}

/// An answer, size and header included, or the news that there is none (acks=0).
#[derive(Debug, Default)]
pub struct Reply {
    /// Written in order. Empty: the request's place is given up and nothing is written.
    pub chunks: SmallVec<[Chunk; 1]>,
}

impl Reply {
    /// How many bytes it puts on the wire.
    pub fn length(&self) -> u64 {
        let length_of = |chunk: &Chunk| match chunk {
            Chunk::Bytes(bytes) => bytes.len() as u64,
            Chunk::File(range) => range.length,
        };
        self.chunks.iter().map(length_of).sum()
    }
}

/// Which machine to call again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MachineId(pub u64);

/// A job's number, never used twice in one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(pub u64);

/// What a job brought back; only the node knows its type.
pub struct JobResult(pub Box<dyn Any + Send>);

impl fmt::Debug for JobResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JobResult")
    }
}

/// Work for the bounded pool: it may read and write files and take long. It takes no lock of the
/// node but to swap its result in; it comes back as [`crate::Input::Done`].
pub struct Job {
    /// For logs and metrics: `recovery`, `retention`, …
    pub name: &'static str,
    /// The work.
    pub run: Box<dyn FnOnce() -> JobResult + Send>,
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Job({})", self.name)
    }
}

/// A promise to make a partition's log durable up to an offset. At most one per partition is out.
#[derive(Clone)]
pub struct FlushTicket {
    /// Whose log, for messages.
    pub partition: TopicPartition,
    /// Its machine: a topic made anew under the same name has another.
    pub machine: MachineId,
    /// The log directory (of `log.dirs`) it lies in: one flusher serves each.
    pub log_directory: PathBuf,
    /// The files to sync, each once.
    pub files: SmallVec<[Arc<dyn File>; 2]>,
    /// The directories in which names must become durable too: the partition's if it has new
    /// files, and the one above if it is new itself.
    pub directories: SmallVec<[PathBuf; 2]>,
    /// What is durable once this is done: everything below.
    pub up_to: Offset,
    /// Raised by truncation: a ticket of an older generation changes nothing.
    pub generation: u32,
}

impl fmt::Debug for FlushTicket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FlushTicket({} up to {})", self.partition, self.up_to)
    }
}

/// How much a line of the log matters to whoever runs the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Good to know later.
    Info,
    /// Something was mended, or will be tried again.
    Warn,
    /// Something is out of service until a person looks at it.
    Error,
}

/// Everything a node asks of the outside.
#[derive(Debug)]
pub enum Effect {
    /// Answer a request. Each request is answered once, or never if its connection closed.
    Reply(ReplyTo, Reply),
    /// Send [`crate::Input::Expired`] at this time unless the reply was seen before.
    Expire(ReplyTo, Millis),
    /// Close a connection: its peer sent what cannot be answered. The text is for the log.
    Close(ConnectionId, String),
    /// Make a log durable, off the request path.
    Flush(FlushTicket),
    /// Do work on the pool.
    Run(JobId, Job),
    /// Call a machine again, right after this call (the simulator: later, in any order).
    Wake(MachineId),
    /// Call a machine again at this time; replaces what it asked for before.
    WakeAt(MachineId, Millis),
    /// Say this to whoever runs the broker.
    Log {
        /// How much it matters.
        level: LogLevel,
        /// What happened, to which thing.
        message: String,
    },
    /// The broker is registered, unfenced and serves requests: print the `ready` line.
    Ready,
    /// [`crate::Input::Stop`] is done.
    Stopped,
    /// The node cannot go on (last log directory lost, metadata log damaged): exit with this code.
    Fatal {
        /// The exit code.
        exit_code: i32,
        /// What is wrong, with which thing, and what to do.
        message: String,
    },
}

impl Effect {
    /// A line of the log.
    pub(crate) fn log(level: LogLevel, message: impl Into<String>) -> Effect {
        Effect::Log { level, message: message.into() }
    }
}
