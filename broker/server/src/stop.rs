//! What ends a server: the process's signals, or the program that it runs in.

use std::io;

use tokio::sync::oneshot;

use crate::signals::{Signals, StopSignal};

/// Who may end a server.
#[derive(Debug)]
pub enum StopBy {
    /// SIGTERM and SIGINT, which the server takes over. A second one ends the process.
    Signals,
    /// The program that the server runs in; signals stay with that program.
    Program(StopRequest),
}

/// Ends a server from within its program. Dropping it ends the server too: nobody else could.
#[derive(Debug)]
pub struct StopHandle(oneshot::Sender<()>);

/// The server's end of a [`StopHandle`].
#[derive(Debug)]
pub struct StopRequest(oneshot::Receiver<()>);

impl StopHandle {
    /// A handle, and what the server is given ([`StopBy::Program`]).
    pub fn new() -> (StopHandle, StopRequest) {
        let (handle, request) = oneshot::channel();
        (StopHandle(handle), StopRequest(request))
    }

    /// Asks the server to end, and does not wait for it.
    pub fn stop(self) {
        // A server that has ended by itself hears nothing, and need not.
        let _ = self.0.send(());
    }
}

/// Where the server hears that it has to end.
#[derive(Debug)]
pub(crate) enum Stops {
    Signals(Signals),
    Program(Option<StopRequest>),
}

impl Stops {
    /// From here on no request to end is lost.
    pub(crate) fn listen(by: StopBy) -> io::Result<Stops> {
        match by {
            StopBy::Signals => Ok(Stops::Signals(Signals::catch()?)),
            StopBy::Program(request) => Ok(Stops::Program(Some(request))),
        }
    }

    /// The next one. A program asks once.
    pub(crate) async fn next(&mut self) -> StopSignal {
        match self {
            Stops::Signals(signals) => signals.next().await,
            Stops::Program(request) => match request {
                Some(StopRequest(asked)) => {
                    // Asked, or the handle is gone.
                    let _ = asked.await;
                    *request = None;
                    StopSignal::Program
                }
                None => std::future::pending().await,
            },
        }
    }
}
