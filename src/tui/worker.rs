//! A thread that works beside the dashboard, and what came of it: whoever leaves waits for that.

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

/// A thread that was started. It goes on if this is dropped.
#[derive(Debug)]
pub(crate) struct Worker {
    ended: Receiver<Result<(), String>>,
}

impl Worker {
    /// Starts it. What it gives is kept until somebody asks.
    pub(crate) fn start(
        name: &str,
        work: impl FnOnce() -> Result<(), String> + Send + 'static,
    ) -> io::Result<Worker> {
        let (ends, ended) = sync_channel(1);
        let work = move || {
            // Nobody may wait for it any more.
            let _ = ends.send(work());
        };
        thread::Builder::new().name(name.to_owned()).spawn(work)?;
        Ok(Worker { ended })
    }

    /// Waits for its end; whoever gave it work has said that no more comes.
    ///
    /// # Errors
    ///
    /// It failed, or does not end in time.
    pub(crate) fn finish(self, patience: Duration) -> Result<(), String> {
        match self.ended.recv_timeout(patience) {
            Ok(result) => result,
            Err(RecvTimeoutError::Disconnected) => Err("its thread failed".to_owned()),
            Err(RecvTimeoutError::Timeout) => Err("the disk did not end in time".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn what_came_of_it_is_told() {
        let finished = |work: fn() -> Result<(), String>| {
            Worker::start("test", work).unwrap().finish(Duration::from_secs(60))
        };
        assert_eq!(finished(|| Ok(())), Ok(()));
        assert_eq!(finished(|| Err("it is full".to_owned())), Err("it is full".to_owned()));
        assert_eq!(finished(|| panic!("on purpose")), Err("its thread failed".to_owned()));
        let (go, stop) = channel::<()>();
        let hangs = Worker::start("test", move || {
            let _ = stop.recv();
            Ok(())
        });
        let hung = hangs.unwrap().finish(Duration::ZERO);
        assert_eq!(hung, Err("the disk did not end in time".to_owned()));
        drop(go);
    }
}
