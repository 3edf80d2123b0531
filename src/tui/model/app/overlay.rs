//! What lies over a screen: help, a line that is typed, details, a question.

use kt_protocol::types::Millis;

use crate::tui::model::input::Line;
use crate::tui::model::produce::ProduceForm;

/// What has the keys, if not the screen.
#[derive(Debug, Default)]
pub(crate) enum Overlay {
    #[default]
    None,
    /// The keys; so many lines are scrolled out of sight.
    Help { scrolled: usize },
    /// A line is typed.
    Line {
        line: Line,
        /// The line of its history that is shown, counted from the newest.
        history: Option<usize>,
    },
    /// Text of several lines.
    Text { title: String, lines: Vec<String>, scrolled: usize },
    /// A record is typed.
    Produce(ProduceForm),
    /// Something must be answered.
    Question(Question),
    /// A change, before it is made: since when it is asked, and what has been typed.
    Confirm { typed: String, since: Millis },
}

/// What must be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    /// The name of the protected context.
    Unlock { typed: String },
    /// Nothing can be changed before the context is unlocked.
    Locked,
    /// Which change.
    Actions,
    /// What is done with an alert.
    Alerts,
    /// In which form the screen is saved.
    Save,
    /// Whether to leave while something runs.
    Leave { why: String },
}
