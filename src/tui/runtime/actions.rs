//! Runs the commands that change something, each on a thread of its own: up to where somebody must
//! agree, and on when somebody has.

mod host;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use kt_client::Admin;
use tokio::runtime::Handle;
use tokio::sync::mpsc::UnboundedSender;

use self::host::Inside;
use super::produce::produce;
use crate::cli::Globals;
use crate::commands::{self, Command};
use crate::error::{CliError, Kind};
use crate::session::Session;
use crate::tui::model::actions::{End, Outcome, PlanId, line};
use crate::tui::model::msg::Msg;
use crate::tui::model::produce::NewRecord;

/// Where changes are made.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// What the dashboard was started with.
    pub(super) globals: Globals,
    pub(super) admin: Admin,
    /// The one that the connections of `admin` belong to.
    pub(super) runtime: Handle,
    pub(super) context: String,
    pub(super) is_protected: bool,
    /// Flags that a command line needs to reach the same cluster: ` --context prod-eu`.
    pub(super) reach: String,
    /// Where changes are written down, if not where the user's are.
    pub(super) journal: Option<PathBuf>,
}

/// The commands that run, and the records that are written.
#[derive(Debug)]
pub(super) struct Actions {
    place: Place,
    messages: UnboundedSender<Msg>,
    /// Those that may be agreed to. Who is dropped has been refused.
    waiting: BTreeMap<PlanId, Sender<()>>,
    /// The one that was agreed to last: it is gone when that has ended.
    applied: Option<Receiver<()>>,
    last: Option<(PlanId, Receiver<()>)>,
    /// Every record that is under way holds the first; all are written when the other one hears so.
    written: (Sender<()>, Receiver<()>),
}

/// Who leaves while a change is made waits for its end, that it may be written down.
const LAST_WAIT: Duration = Duration::from_secs(10);
/// The same for what nobody was asked about; mostly it was only planned.
const UNASKED_WAIT: Duration = Duration::from_secs(2);

impl Actions {
    pub(super) fn new(place: Place, messages: UnboundedSender<Msg>) -> Actions {
        let waiting = BTreeMap::new();
        Actions { place, messages, waiting, applied: None, last: None, written: channel() }
    }

    /// Produces a record, unless its context was locked meanwhile.
    pub(super) fn produce(&self, record: NewRecord, unlocked: Option<&str>) {
        let messages = self.messages.clone();
        if let Err(error) = self.require_unlocked(unlocked) {
            // Nobody listens any more once the dashboard is left.
            return drop(messages.send(Msg::Produced(Err(error.message))));
        }
        let (admin, writing) = (self.place.admin.clone(), self.written.0.clone());
        self.place.runtime.spawn(async move {
            let result = produce(&admin, record).await;
            drop(messages.send(Msg::Produced(result)));
            drop(writing);
        });
    }

    /// Begins a command.
    pub(super) fn plan(&mut self, id: PlanId, words: Vec<String>, unlocked: Option<&str>) {
        let begun = self.require_unlocked(unlocked).and_then(|()| self.begin(id, words));
        if let Err(error) = begun {
            self.refuse(id, &error);
        }
    }

    fn begin(&mut self, id: PlanId, words: Vec<String>) -> Result<(), CliError> {
        let (cli, command) = line::read(&words).map_err(CliError::usage)?;
        let globals = of_line(&self.place.globals, &cli.globals);
        let (agree, agreed) = channel();
        let (ending, ended) = channel();
        let is_counted = globals.regex;
        let inside = Inside::new(id, self.place.clone(), words, is_counted, self.messages.clone());
        let inside = Arc::new(inside.waiting_for(agreed));
        let messages = self.messages.clone();
        let run = move || {
            let outcome = run(&command, globals, &inside);
            // Nobody listens any more once the dashboard is left.
            drop(messages.send(Msg::Ended { id, outcome }));
            drop(ending);
        };
        std::thread::Builder::new()
            .name("change".to_owned())
            .spawn(run)
            .map_err(|error| CliError::other(format!("cannot start a thread: {error}")))?;
        self.waiting.insert(id, agree);
        self.last = Some((id, ended));
        Ok(())
    }

    /// Lets it go on, unless its context was locked meanwhile.
    pub(super) fn apply(&mut self, id: PlanId, unlocked: Option<&str>) {
        let allowed = self.require_unlocked(unlocked);
        let Some(agree) = self.waiting.remove(&id) else { return };
        match allowed {
            Ok(()) => {
                // Who gave up waiting says so itself.
                let _ = agree.send(());
                self.applied = self.last.take_if(|it| it.0 == id).map(|it| it.1);
            }
            Err(error) => self.refuse(id, &error),
        }
    }

    /// The answer is no.
    pub(super) fn drop_plan(&mut self, id: PlanId) {
        self.waiting.remove(&id);
    }

    /// Waits a while for a change that is being made, and for records.
    ///
    /// # Errors
    ///
    /// The change that was agreed to does not end in time.
    pub(super) fn finish(self) -> Result<(), String> {
        drop(self.waiting);
        // What adds only asks nobody: it may be under way as well. Each ends by hanging up.
        let ended = self.applied.map(|it| it.recv_timeout(LAST_WAIT));
        if let Some((_, last)) = self.last {
            let _ = last.recv_timeout(UNASKED_WAIT);
        }
        let (writing, written) = self.written;
        drop(writing);
        let _ = written.recv_timeout(UNASKED_WAIT);
        match ended {
            Some(Err(RecvTimeoutError::Timeout)) => Err("it did not end in time".to_owned()),
            _ => Ok(()),
        }
    }

    fn require_unlocked(&self, unlocked: Option<&str>) -> Result<(), CliError> {
        let Place { context, is_protected, .. } = &self.place;
        if !is_protected || unlocked == Some(context) {
            return Ok(());
        }
        let message = format!("{context} is protected: u, then type its name");
        Err(CliError::new(Kind::Other, "PROTECTED", message))
    }

    fn refuse(&self, id: PlanId, error: &CliError) {
        let errors = vec![worded(&error.message, error.hint.as_deref())];
        let outcome = Outcome { errors, end: End::Nothing, ..Outcome::default() };
        drop(self.messages.send(Msg::Ended { id, outcome }));
    }
}

/// What the dashboard was started with, without what is about printing and asking.
fn quiet(globals: &Globals) -> Globals {
    Globals {
        output: None,
        json: false,
        fields: Vec::new(),
        sort: None,
        watch: None,
        dry_run: false,
        yes: false,
        confirm: None,
        quiet: false,
        verbose: 0,
        ..globals.clone()
    }
}

/// What a line itself says: what else there is of it was refused when it was read.
fn of_line(dashboard: &Globals, line: &Globals) -> Globals {
    Globals {
        regex: line.regex,
        internal: line.internal,
        utc: line.utc || dashboard.utc,
        ..quiet(dashboard)
    }
}

fn run(command: &Command, globals: Globals, inside: &Arc<Inside>) -> Outcome {
    let host: Arc<Inside> = Arc::clone(inside);
    let session = Session::hosted(globals, host);
    let result = commands::run(command, &session);
    inside.outcome(result)
}

fn worded(message: &str, hint: Option<&str>) -> String {
    match hint {
        Some(hint) => format!("{message} ({hint})"),
        None => message.to_owned(),
    }
}
