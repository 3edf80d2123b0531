//! Ctrl-C and SIGTERM: the first asks a command to end well, the second ends it.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::error::{CliError, Kind};

/// Both signals, from the moment it was made.
#[derive(Debug)]
pub(crate) struct Interrupt {
    interrupt: Signal,
    terminate: Signal,
}

impl Interrupt {
    /// Takes the signals over from the system, which would end the process.
    pub(crate) fn listen() -> Result<Interrupt, CliError> {
        let take = |kind| {
            signal(kind).map_err(|error| CliError::other(format!("cannot take signals: {error}")))
        };
        Ok(Interrupt {
            interrupt: take(SignalKind::interrupt())?,
            terminate: take(SignalKind::terminate())?,
        })
    }

    /// Waits for the next of them.
    pub(crate) async fn next(&mut self) -> Kind {
        tokio::select! {
            _ = self.interrupt.recv() => Kind::Interrupted,
            _ = self.terminate.recv() => Kind::Terminated,
        }
    }
}
