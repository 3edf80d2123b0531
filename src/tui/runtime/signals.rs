//! What the system tells the dashboard by signals, as values.

use rustix::process::Signal as Number;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::error::{CliError, Kind};

/// A signal that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// SIGTERM, SIGQUIT, or SIGINT sent by another process: the keyboard's Ctrl-C is a key here. The process
    /// ends with the code of that.
    End(Kind),
    /// SIGHUP: the terminal has gone, or is about to.
    Hangup,
    /// SIGCONT: the process was stopped, and others may have used the terminal.
    Continue,
}

/// All of them, from the moment it was made.
#[derive(Debug)]
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    quit: Signal,
    hangup: Signal,
    resumed: Signal,
}

impl Signals {
    /// Takes the signals over from the system, which would end the process and leave the terminal
    /// as it is: do this before the terminal is taken.
    pub(crate) fn listen() -> Result<Signals, CliError> {
        let take = |kind| {
            signal(kind).map_err(|error| CliError::other(format!("cannot take signals: {error}")))
        };
        Ok(Signals {
            interrupt: take(SignalKind::interrupt())?,
            terminate: take(SignalKind::terminate())?,
            quit: take(SignalKind::quit())?,
            hangup: take(SignalKind::hangup())?,
            resumed: take(SignalKind::from_raw(Number::CONT.as_raw()))?,
        })
    }

    /// Waits for the next of them. One that is not waited for any longer is not lost.
    pub(crate) async fn next(&mut self) -> Told {
        tokio::select! {
            // Whoever wants it to end waits for nothing else.
            biased;
            _ = self.terminate.recv() => Told::End(Kind::Terminated),
            _ = self.quit.recv() => Told::End(Kind::Terminated),
            _ = self.interrupt.recv() => Told::End(Kind::Interrupted),
            _ = self.hangup.recv() => Told::Hangup,
            _ = self.resumed.recv() => Told::Continue,
        }
    }

    /// Waits for one that asks for the end. When a terminal goes, SIGHUP comes more than once, and
    /// SIGCONT with it: neither does.
    pub(crate) async fn ended(&mut self) -> Kind {
        first_end(async || self.next().await).await
    }

    /// Waits until the process goes on after a stop.
    pub(crate) async fn resumed(&mut self) {
        self.resumed.recv().await;
    }
}

async fn first_end(mut next: impl AsyncFnMut() -> Told) -> Kind {
    loop {
        if let Told::End(kind) = next().await {
            return kind;
        }
    }
}

#[cfg(test)]
mod tests {
    use rustix::process::{getpid, kill_process};

    use super::*;

    #[tokio::test]
    async fn a_terminal_that_goes_away_forces_nothing() {
        let told = [Told::Hangup, Told::Continue, Told::Hangup, Told::End(Kind::Terminated)];
        let mut told = told.into_iter();
        assert_eq!(first_end(async || told.next().unwrap()).await, Kind::Terminated);
        assert_eq!(told.next(), None);
    }

    #[tokio::test]
    async fn sigquit_ends_it_as_sigterm_does() {
        let mut signals = Signals::listen().unwrap();
        kill_process(getpid(), Number::QUIT).unwrap();
        assert_eq!(signals.ended().await, Kind::Terminated);
    }
}
