//! What a command finds in the place of a terminal: somebody who listens, and who is asked.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, channel};

use kt_client::Admin;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::mpsc::UnboundedSender;

use super::{Place, worded};
use crate::change::{Change, Consent, Risk, Verdict, WayBack};
use crate::error::{CliError, Kind};
use crate::journal;
use crate::session::Host;
use crate::shell_words;
use crate::terminal::Label;
use crate::tui::model::actions::{Asks, End, Outcome, PlanId, Proposal};
use crate::tui::model::msg::Msg;

/// The host of one run of one command.
#[derive(Debug)]
pub(super) struct Inside {
    id: PlanId,
    place: Place,
    words: Vec<String>,
    by_pattern: bool,
    messages: UnboundedSender<Msg>,
    agreed: Mutex<Receiver<()>>,
    heard: Mutex<Outcome>,
    /// How many things a pattern takes away: whoever agrees has typed that.
    counted: Mutex<Option<usize>>,
}

impl Inside {
    pub(super) fn new(
        id: PlanId,
        place: Place,
        words: Vec<String>,
        by_pattern: bool,
        messages: UnboundedSender<Msg>,
    ) -> Inside {
        // Nobody can agree yet.
        let agreed = Mutex::new(channel().1);
        let (heard, counted) = (Mutex::default(), Mutex::default());
        Inside { id, place, words, by_pattern, messages, agreed, heard, counted }
    }

    pub(super) fn waiting_for(self, agreed: Receiver<()>) -> Inside {
        Inside { agreed: Mutex::new(agreed), ..self }
    }

    /// What came of the command.
    pub(super) fn outcome(&self, result: Result<(), CliError>) -> Outcome {
        let mut outcome = std::mem::take(&mut *self.heard.lock());
        outcome.end = match &result {
            Ok(()) => End::All,
            Err(error) if error.kind == Kind::Partial => End::Some,
            Err(_) => End::Nothing,
        };
        if let Err(error) = result
            && !error.message.is_empty()
        {
            outcome.errors.push(worded(&error.message, error.hint.as_deref()));
        }
        outcome
    }

    /// What a shell must be told beside the words: the number that was typed here, and the zone.
    fn in_shell(&self) -> Vec<String> {
        let mut flags = Vec::new();
        if let Some(count) = *self.counted.lock() {
            flags.extend(["--confirm".to_owned(), count.to_string()]);
        }
        if self.place.globals.utc && !self.words.iter().any(|it| it == "--utc") {
            flags.push("--utc".to_owned());
        }
        flags
    }

    fn proposal(&self, change: &Change<'_>, asks: Asks) -> Proposal {
        let undo = match change.way_back {
            WayBack::Undo => journal::next_number(self.journal()),
            WayBack::None => None,
        };
        let (lines, notes) = {
            let heard = self.heard.lock();
            (heard.lines.clone(), heard.notes.clone())
        };
        Proposal {
            verb: change.verb,
            noun: change.noun,
            names: change.names.to_vec(),
            asks,
            lines,
            notes,
            in_shell: self.in_shell(),
            offsets: change.offsets.cloned(),
            undo,
        }
    }
}

impl Host for Inside {
    fn admin(&self) -> Admin {
        self.place.admin.clone()
    }

    fn runtime(&self) -> Handle {
        self.place.runtime.clone()
    }

    fn hear(&self, label: Label, line: &str) {
        let mut heard = self.heard.lock();
        match label {
            Label::Plain => heard.lines.push(line.to_owned()),
            Label::Note | Label::Warning => heard.notes.push(line.to_owned()),
            Label::Error => heard.errors.push(line.to_owned()),
            // It belongs to the error before it.
            Label::Hint => match heard.errors.last_mut() {
                Some(error) => *error = worded(error, Some(line)),
                None => heard.notes.push(line.to_owned()),
            },
        }
    }

    fn hear_undo(&self, number: usize) {
        self.heard.lock().undo = Some(number);
    }

    fn agrees(&self, change: &Change<'_>) -> bool {
        let consent =
            Consent { yes: false, confirm: None, by_pattern: self.by_pattern, can_ask: true };
        let asks = match change.verdict(consent) {
            Verdict::Run => return true,
            Verdict::AskYes => Asks::Yes,
            Verdict::AskFor(text) => Asks::For(text),
            Verdict::Refuse(error) => {
                self.hear(Label::Error, &error.message);
                return false;
            }
        };
        if self.by_pattern && change.risk == Risk::Loss {
            *self.counted.lock() = Some(change.names.len());
        }
        let proposal = Box::new(self.proposal(change, asks));
        if self.messages.send(Msg::Planned { id: self.id, proposal }).is_err() {
            return false;
        }
        // Who refuses hangs up.
        self.agreed.lock().recv().is_ok()
    }

    /// Who began it and who agrees to it has looked: the lock is the dashboard's.
    fn require_unlocked(&self) -> Result<(), CliError> {
        Ok(())
    }

    fn command_words(&self) -> Vec<String> {
        // It was quoted for a shell.
        let reach = shell_words::split(&self.place.reach).unwrap_or_default();
        let words = self.words.iter().cloned().chain(self.in_shell());
        words.chain(reach).chain(["-y".to_owned()]).collect()
    }

    fn journal(&self) -> Option<PathBuf> {
        self.place.journal.clone()
    }
}
