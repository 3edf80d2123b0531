//! Group commit: one thread for each log directory makes the tickets of all partitions durable, in
//! rounds.
//!
//! A round takes every ticket that has queued up meanwhile:
//!
//! ```text
//!   fdatasync each file, some at once ─► fsync named directories ─► report
//!   └► or one syncfs, when there are many
//! ```
//!
//! A failed flush is never tried again: the kernel may have marked the lost pages clean, and the
//! second try would report success (fsyncgate). From the first failure on the directory's tickets
//! all fail; the node takes it offline.

mod crew;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use kt_node::{FlushTicket, Input};
use kt_storage::{Disk, DiskError, File};
use parking_lot::{Condvar, Mutex};

use crate::host::Host;
use crew::Crew;

/// From so many files on, one `syncfs` is cheaper than an `fdatasync` of each.
const SYNCFS_FILES_MIN: usize = 64;

const STACK_BYTES: usize = 256 * 1024;

/// The queues of all log directories.
#[derive(Default)]
pub(crate) struct FlushQueues {
    by_directory: BTreeMap<PathBuf, Arc<FlushQueue>>,
}

/// Tickets for one log directory. The node has at most one out for each partition.
#[derive(Default)]
pub(crate) struct FlushQueue {
    tickets: Mutex<Vec<FlushTicket>>,
    more: Condvar,
}

impl FlushQueues {
    /// One queue for each directory.
    pub(crate) fn new(directories: impl IntoIterator<Item = PathBuf>) -> FlushQueues {
        let by_directory = directories.into_iter().map(|it| (it, Arc::default())).collect();
        FlushQueues { by_directory }
    }

    /// Queues a ticket with its directory's flusher.
    pub(crate) fn put(&self, ticket: FlushTicket) {
        let queue = self.by_directory.get(&ticket.log_directory);
        let queue = queue.expect("tickets name directories of the configuration");
        queue.tickets.lock().push(ticket);
        queue.more.notify_one();
    }

    /// Starts the threads.
    pub(crate) fn serve(&self, host: &Arc<Host>, disk: &Arc<dyn Disk>) -> std::io::Result<()> {
        for (directory, queue) in &self.by_directory {
            let mut flusher = Flusher::new(directory.clone(), disk.clone());
            let (host, queue) = (host.clone(), queue.clone());
            let thread =
                std::thread::Builder::new().name("flusher".to_owned()).stack_size(STACK_BYTES);
            thread.spawn(move || {
                loop {
                    for (ticket, result) in flusher.round(queue.take()) {
                        host.handle(Input::Flushed(ticket, result));
                    }
                }
            })?;
        }
        Ok(())
    }
}

impl FlushQueue {
    fn take(&self) -> Vec<FlushTicket> {
        let mut tickets = self.tickets.lock();
        while tickets.is_empty() {
            self.more.wait(&mut tickets);
        }
        std::mem::take(&mut tickets)
    }
}

/// What one directory's thread does.
struct Flusher {
    directory: PathBuf,
    disk: Arc<dyn Disk>,
    crew: Crew,
    failed: Option<DiskError>,
}

impl Flusher {
    fn new(directory: PathBuf, disk: Arc<dyn Disk>) -> Flusher {
        Flusher { directory, disk, crew: Crew::default(), failed: None }
    }

    /// Makes all tickets durable, or says of each why not.
    fn round(&mut self, tickets: Vec<FlushTicket>) -> Vec<(FlushTicket, Result<(), DiskError>)> {
        if let Some(error) = &self.failed {
            return tickets.into_iter().map(|ticket| (ticket, Err(error.clone()))).collect();
        }
        let results = self.make_durable(&tickets);
        self.failed = results.iter().find_map(|result| result.clone().err());
        tickets.into_iter().zip(results).collect()
    }

    fn make_durable(&mut self, tickets: &[FlushTicket]) -> Vec<Result<(), DiskError>> {
        let mut files: Vec<Arc<dyn File>> = Vec::new();
        for file in tickets.iter().flat_map(|ticket| &ticket.files) {
            if !files.iter().any(|other| Arc::ptr_eq(other, file)) {
                files.push(file.clone());
            }
            if files.len() == SYNCFS_FILES_MIN {
                let result = self.disk.sync_file_system(&self.directory);
                return tickets.iter().map(|_| result.clone()).collect();
            }
        }
        let synced = self.crew.sync_all(&files);
        let result_of_file = |file: &Arc<dyn File>| {
            let index = files.iter().position(|it| Arc::ptr_eq(it, file));
            synced[index.expect("all files are in the list")].clone()
        };
        let directories: BTreeSet<&PathBuf> =
            tickets.iter().flat_map(|ticket| &ticket.directories).collect();
        let directories: BTreeMap<&PathBuf, Result<(), DiskError>> =
            directories.into_iter().map(|it| (it, self.disk.sync_directory(it))).collect();
        let result_of = |ticket: &FlushTicket| {
            ticket.files.iter().try_for_each(result_of_file)?;
            ticket.directories.iter().try_for_each(|it| directories[it].clone())
        };
        tickets.iter().map(result_of).collect()
    }
}

#[cfg(test)]
mod tests;
