//! The pool for work that may take long: opening, recovery, retention, cold reads.
//!
//! Threads start when there is work and nobody to do it, and end after a while without any, so
//! that an idle server has none.

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use kt_node::{ConnectionId, Input, Job, JobId};
use kt_storage::FileRange;
use parking_lot::{Condvar, Mutex};

use crate::host::Host;
use crate::mailbox::Delivery;

/// Jobs wait for disks, not for processors: a few more than those of a small machine.
const THREADS_MIN: usize = 4;

/// An idle thread stays so long, so that a burst of jobs finds it.
const IDLE: Duration = Duration::from_secs(10);

/// Decompression and decoding go no deeper; the default of 2 MiB would count as memory when touched.
const STACK_BYTES: usize = 1024 * 1024;

/// Cold bytes are brought in by reads of this size.
const COLD_READ_BYTES: usize = 128 * 1024;

enum Work {
    Job(JobId, Job),
    ReadAhead(ConnectionId, FileRange),
}

/// The queue of jobs and the threads that serve it. The node bounds its own jobs: one for each
/// partition or machine at a time; connections ask for one read at a time each.
pub(crate) struct Jobs {
    queue: Mutex<Queue>,
    more: Condvar,
    threads_max: usize,
    host: OnceLock<Weak<Host>>,
}

#[derive(Default)]
struct Queue {
    work: VecDeque<Work>,
    threads: usize,
    idle: usize,
}

impl Jobs {
    /// A pool for a machine with so many processors.
    pub(crate) fn new(processors: usize) -> Jobs {
        Jobs {
            queue: Mutex::default(),
            more: Condvar::new(),
            threads_max: processors.max(THREADS_MIN),
            host: OnceLock::new(),
        }
    }

    /// Says whom the results go to. Work put before runs from here on.
    pub(crate) fn serve(&self, host: &Arc<Host>) {
        let _ = self.host.set(Arc::downgrade(host));
        let mut queue = self.queue.lock();
        for _ in 0..queue.work.len().min(self.threads_max) {
            self.wake_or_start(&mut queue);
        }
    }

    /// Queues a job of the node.
    pub(crate) fn put(&self, id: JobId, job: Job) {
        self.put_work(Work::Job(id, job));
    }

    /// Reads a cold file range into the page cache, then delivers [`Delivery::Resident`].
    pub(crate) fn read_ahead(&self, connection: ConnectionId, range: FileRange) {
        self.put_work(Work::ReadAhead(connection, range));
    }

    /// How much work waits.
    pub(crate) fn queued(&self) -> usize {
        self.queue.lock().work.len()
    }

    fn put_work(&self, work: Work) {
        let mut queue = self.queue.lock();
        queue.work.push_back(work);
        self.wake_or_start(&mut queue);
    }

    fn wake_or_start(&self, queue: &mut Queue) {
        self.more.notify_one();
        // Those idle are counted until they wake: each takes one piece of what is queued.
        if queue.work.len() <= queue.idle {
            return;
        }
        let Some(host) = self.host.get().and_then(Weak::upgrade) else { return };
        if queue.threads == self.threads_max {
            return;
        }
        let thread = std::thread::Builder::new().name("job".to_owned()).stack_size(STACK_BYTES);
        // Without a thread the work waits for one that runs; without any, for the next attempt.
        match thread.spawn(move || serve(&host)) {
            Ok(_) => queue.threads += 1,
            Err(error) => tracing::error!(%error, "cannot start a thread for jobs"),
        }
    }

    fn next(&self) -> Option<Work> {
        let mut queue = self.queue.lock();
        loop {
            if let Some(work) = queue.work.pop_front() {
                return Some(work);
            }
            queue.idle += 1;
            let timed_out = self.more.wait_for(&mut queue, IDLE).timed_out();
            queue.idle -= 1;
            if timed_out && queue.work.is_empty() {
                queue.threads -= 1;
                return None;
            }
        }
    }
}

fn serve(host: &Host) {
    while let Some(work) = host.jobs.next() {
        match work {
            Work::Job(id, job) => {
                let name = job.name;
                // Half a job leaves files nobody knows about: recovery at the next start does.
                let Ok(result) = std::panic::catch_unwind(AssertUnwindSafe(job.run)) else {
                    let message = format!("the job {name} panicked; this is a bug, see above");
                    host.lifecycle.fatal(1, message);
                    continue;
                };
                host.handle(Input::Done(id, result));
            }
            Work::ReadAhead(connection, range) => {
                read_through(&range);
                host.connections.deliver(connection, Delivery::Resident);
            }
        }
    }
}

/// Errors are left to the sender, which meets them again.
fn read_through(range: &FileRange) {
    range.file.read_ahead(range.position, range.length);
    let mut buffer = vec![0; COLD_READ_BYTES];
    let (mut position, end) = (range.position, range.position + range.length);
    while position < end {
        let piece = (end - position).min(COLD_READ_BYTES as u64);
        let piece = &mut buffer[..usize::try_from(piece).expect("a piece is small")];
        match range.file.read_at(position, piece) {
            Ok(read) if read == piece.len() => position += read as u64,
            _ => return,
        }
    }
}
