//! What is waited for once the dashboard was left: the change that is being made, and what is still to be
//! written.

use std::future::Future;
use std::io::{self, Write as _};
use std::pin::Pin;
use std::time::Duration;

use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::timeout;

use super::signals::Signals;
use super::source::Live;
use crate::error::{CliError, Kind};
use crate::tui::history::kept::Minute;

const CHANGING: &str = "the change that is being made";
const HISTORY: &str = "the disk, which is to take the history";
const RECORDING: &str = "the disk, which is to take the end of the recording";

/// A wait of that length needs no words.
const SILENT_WAIT: Duration = Duration::from_millis(500);

/// Brings to its end what was begun, in a terminal that is the shell's again: changes are in the
/// journal, the last minute and the recording on disk.
///
/// # Errors
///
/// Something is not there, or somebody did not want to wait for it.
pub(super) async fn leave(
    live: Live,
    last: Option<Minute>,
    signals: &mut Signals,
) -> Result<(), CliError> {
    let Live { actions, mut keeper, recording, .. } = live;
    if let (Some(keeper), Some(minute)) = (&mut keeper, last) {
        // Where the disk does not follow, the end of it says so.
        drop(keeper.keep(minute));
    }
    // All of them end at once, and are waited for one after the other.
    let changed = spawn_blocking(move || actions.finish());
    let kept = keeper.map(|it| spawn_blocking(move || it.finish()));
    let recorded = recording.map(|it| spawn_blocking(move || it.finish()));
    let mut patience = Patience::new(signals.ended());
    let mut lacks = Vec::new();
    if let Err(why) = patience.wait(CHANGING, changed).await {
        lacks.push(format!("the journal may lack the last change: {why}"));
    }
    if let Some(kept) = kept
        && let Err(why) = patience.wait(HISTORY, kept).await
    {
        say(&format!("the history lacks the last minutes: {why}"));
    }
    if let Some(recorded) = recorded
        && let Err(why) = patience.wait(RECORDING, recorded).await
    {
        lacks.push(format!("the recording is not whole: {why}"));
    }
    ended(patience.forced, lacks)
}

/// How it ends where this is missing: whoever forced it knows why, and hears the rest.
fn ended(forced: Option<Kind>, mut lacks: Vec<String>) -> Result<(), CliError> {
    let error = match forced {
        Some(kind) => CliError::silent(kind),
        None => match lacks.pop() {
            Some(it) => CliError::other(it),
            None => return Ok(()),
        },
    };
    lacks.iter().for_each(|it| say(it));
    Err(error)
}

/// Says it below what the shell has shown before.
pub(super) fn say(text: &str) {
    // Who does not read it has gone.
    let _ = writeln!(io::stderr(), "{text}");
}

/// How long somebody waits who has left: until a signal asks for the end once more.
struct Patience<'a> {
    end: Pin<Box<dyn Future<Output = Kind> + 'a>>,
    /// The signal that came.
    forced: Option<Kind>,
}

impl<'a> Patience<'a> {
    fn new(end: impl Future<Output = Kind> + 'a) -> Patience<'a> {
        Patience { end: Box::pin(end), forced: None }
    }

    /// Waits for work that has a patience of its own.
    async fn wait(
        &mut self,
        what: &str,
        mut work: JoinHandle<Result<(), String>>,
    ) -> Result<(), String> {
        let result = |ended: Result<_, _>| ended.unwrap_or_else(|_| Err("it failed".to_owned()));
        // Who waits no longer still hears of what has ended.
        let silent = if self.forced.is_none() { SILENT_WAIT } else { Duration::ZERO };
        if let Ok(ended) = timeout(silent, &mut work).await {
            return result(ended);
        }
        if self.forced.is_none() {
            say(&format!("waiting for {what}; Ctrl-C ends at once"));
            tokio::select! {
                ended = &mut work => return result(ended),
                kind = &mut self.end => self.forced = Some(kind),
            }
        }
        Err("it was not waited for".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};
    use std::sync::mpsc::channel;

    use super::*;

    #[tokio::test]
    async fn whoever_forces_the_end_hears_what_is_missing() {
        let (go, stop) = channel::<()>();
        let hangs = || {
            let (hung, wait) = channel::<()>();
            let work = spawn_blocking(move || {
                let _ = wait.recv();
                Ok(())
            });
            (work, hung)
        };
        let ((first, hung), (second, too)) = (hangs(), hangs());
        let mut patience = Patience::new(ready(Kind::Terminated));
        let not_waited = Err("it was not waited for".to_owned());
        assert_eq!(patience.wait("it", first).await, not_waited);
        assert_eq!(patience.forced, Some(Kind::Terminated));
        // The signal counts for all that comes after it.
        assert_eq!(patience.wait("it", second).await, not_waited);
        drop((hung, too));
        // And who has the patience waits.
        let mut patience = Patience::new(pending());
        let fails = spawn_blocking(move || {
            let _ = stop.recv();
            Err("it is full".to_owned())
        });
        drop(go);
        assert_eq!(patience.wait("it", fails).await, Err("it is full".to_owned()));
        assert_eq!(patience.forced, None);
    }

    #[test]
    fn a_recording_that_is_not_whole_is_an_error() {
        let whole = || vec!["the recording is not whole: it is full".to_owned()];
        assert_eq!(ended(None, Vec::new()), Ok(()));
        let error = ended(None, whole()).unwrap_err();
        assert_eq!((error.kind, error.message), (Kind::Other, whole().remove(0)));
        let forced = ended(Some(Kind::Interrupted), whole()).unwrap_err();
        assert_eq!((forced.kind, forced.message.as_str()), (Kind::Interrupted, ""));
    }
}
