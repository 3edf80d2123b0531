//! What comes to the dashboard, and what it asks for.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::actions::{Outcome, PlanId, Proposal};
use super::app::KeptNews;
use super::app::PlayEnd;
use super::checks::Level;
use super::cluster::{Failure, Said};
use super::produce::NewRecord;
use super::schedule::Question;
use super::screens::records::reading::{ReadNews, ReadPlan};
use super::screens::segments::looking::{Look, Looked};
use crate::tui::alerts::engine::Outgoing;
use crate::tui::alerts::rules::{Rules, RulesError};
use crate::tui::history::kept::Minute;
use crate::tui::history::store::Subject;
use crate::tui::keymap::Key;

/// Something that happened.
#[derive(Debug)]
pub(crate) enum Msg {
    Key(Key),
    /// Text that was pasted; it holds no control characters.
    Paste(String),
    Mouse(Mouse),
    /// The window has so many columns and lines.
    Resize(u16, u16),
    /// What came of a question, and how long it was under way, in milliseconds.
    Answer {
        question: Question,
        said: Result<Said, Failure>,
        took: u64,
    },
    /// What came of a plan to read, by its number.
    Read {
        generation: u64,
        news: ReadNews,
    },
    /// No more comes out of the recording that is played.
    Played(PlayEnd),
    /// Nothing but time.
    Tick,
    /// What was found in a local directory, by the number of the subject that asked.
    Looked {
        generation: u64,
        looked: Looked,
    },
    /// What became of telling somebody of an alert.
    Delivered {
        id: u64,
        result: Result<(), String>,
    },
    /// The file of rules, read again.
    Rules(Result<Rules, RulesError>),
    /// How something outside went: said in the message line.
    Said {
        level: Option<Level>,
        text: String,
    },
    /// What became of a record: where it is, or why it is not.
    Produced(Result<String, String>),
    /// A command waits for the answer to what it would do.
    Planned {
        id: PlanId,
        proposal: Box<Proposal>,
    },
    /// A command has come to its end.
    Ended {
        id: PlanId,
        outcome: Outcome,
    },
    /// What comes of the history on disk.
    Kept(KeptNews),
    /// A connection stands.
    Connected(Connection),
    /// Nobody can look, or somebody can again.
    Suspended,
    Resumed,
}

/// Somebody who answers, and what protects that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Connection {
    /// `HOST:PORT`
    pub(crate) address: String,
    /// `TLS, SCRAM-SHA-512`; empty where neither is.
    pub(crate) security: String,
}

/// The mouse, where it is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mouse {
    pub(crate) x: u16,
    pub(crate) y: u16,
    pub(crate) what: Pointed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pointed {
    Click,
    WheelUp,
    WheelDown,
}

/// Something to be done outside.
#[derive(Debug)]
pub(crate) enum Effect {
    /// Comes back as `Msg::Answer`.
    Ask(Question),
    /// Reads records instead of what is read; comes back as `Msg::Read`.
    Read(ReadPlan),
    StopReading,
    /// What is looked at in a directory is wanted no more.
    StopLooking,
    /// Looks into a local directory; comes back as `Msg::Looked`.
    Look {
        generation: u64,
        look: Look,
    },
    /// Comes back as `Msg::Produced`.
    Produce {
        record: NewRecord,
        /// The name of the protected context, where that is unlocked.
        unlocked: Option<String>,
    },
    /// Into the clipboard of the terminal.
    Copy(String),
    /// The screen as a file in this form.
    Save(Picture),
    Mouse(Reporting),
    /// Comes back as `Msg::Delivered`.
    Deliver(Outgoing),
    /// Comes back as `Msg::Rules`.
    ReadRules(PathBuf),
    /// Reads what was kept on disk of this cluster and these subjects; comes back as `Msg::Kept`.
    Recall {
        cluster_id: String,
        alive: BTreeSet<Subject>,
    },
    /// Writes a minute there.
    Keep(Minute),
    /// Begins a command. It comes back as `Msg::Planned`, or as `Msg::Ended`.
    Plan {
        id: PlanId,
        words: Vec<String>,
        /// The name of the protected context, where that is unlocked.
        unlocked: Option<String>,
    },
    /// The answer is yes.
    Apply {
        id: PlanId,
        unlocked: Option<String>,
    },
    /// The answer is no, or nobody asks any more.
    Drop(PlanId),
    Suspend,
    Quit,
}

/// The forms in which a screen is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Picture {
    Text,
    Svg,
    Json,
}

/// Whether the terminal tells of the mouse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reporting {
    On,
    Off,
}
