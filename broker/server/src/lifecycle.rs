//! How far the node has come: starting, ready, stopped, or unable to go on.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;

/// A state of the node as a whole. It only moves forward.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// Loading, electing, registering.
    Starting,
    /// Serves requests.
    Ready,
    /// Everything is flushed and closed.
    Stopped,
    /// It cannot go on.
    Fatal {
        /// For the process.
        exit_code: i32,
        /// What is wrong, with which thing, and what to do.
        message: String,
    },
}

/// Where the phase is told.
#[derive(Debug)]
pub(crate) struct Lifecycle {
    phase: watch::Sender<Phase>,
    drains: AtomicBool,
}

impl Lifecycle {
    /// Starts with [`Phase::Starting`].
    pub(crate) fn new() -> Lifecycle {
        Lifecycle { phase: watch::Sender::new(Phase::Starting), drains: AtomicBool::new(false) }
    }

    /// Follows the phase.
    pub(crate) fn watch(&self) -> watch::Receiver<Phase> {
        self.phase.subscribe()
    }

    /// True if requests are served.
    pub(crate) fn is_ready(&self) -> bool {
        *self.phase.borrow() == Phase::Ready
    }

    /// True once connections may only finish what they have begun.
    pub(crate) fn is_draining(&self) -> bool {
        self.drains.load(Ordering::SeqCst)
    }

    /// From now on connections may only finish what they have begun.
    pub(crate) fn drain(&self) {
        self.drains.store(true, Ordering::SeqCst);
    }

    pub(crate) fn ready(&self) {
        self.advance(Phase::Ready);
    }

    pub(crate) fn stopped(&self) {
        self.advance(Phase::Stopped);
    }

    pub(crate) fn fatal(&self, exit_code: i32, message: String) {
        self.advance(Phase::Fatal { exit_code, message });
    }

    fn advance(&self, next: Phase) {
        self.phase.send_if_modified(|phase| {
            let moves = *phase < next;
            if moves {
                *phase = next;
            }
            moves
        });
    }
}
