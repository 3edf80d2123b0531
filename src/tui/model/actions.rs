//! Changes from the dashboard: the lines that say them, what is asked before one is made, and what
//! came of it.
//!
//! A change is a command of `kt`, by its words. Outside, that very command runs: it plans, then it
//! waits for the answer, then it does what it had planned. So a change here and the same in a shell
//! are one.

pub(crate) mod flags;
pub(crate) mod line;
pub(crate) mod menu;
pub(crate) mod reads;
pub(crate) mod words;

use kt_protocol::types::Millis;

use super::screen::Screen;
use crate::offset_change::OffsetPlan;

/// One run of one command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PlanId(pub(crate) u64);

/// What a command would do: it waits for the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Proposal {
    /// What it does, such as "delete".
    pub(crate) verb: &'static str,
    /// What it does it to, such as "topic".
    pub(crate) noun: &'static str,
    pub(crate) names: Vec<String>,
    pub(crate) asks: Asks,
    /// Its plan in its own words.
    pub(crate) lines: Vec<String>,
    /// What it noted and warned of meanwhile.
    pub(crate) notes: Vec<String>,
    /// Flags beside its words that the same line needs in a shell.
    pub(crate) in_shell: Vec<String>,
    /// The offsets that it moves, where that is what it does.
    pub(crate) offsets: Option<OffsetPlan>,
    /// The number that the change will have, if it can be undone.
    pub(crate) undo: Option<usize>,
}

/// What must be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asks {
    /// Level 1.
    Yes,
    /// Level 2: this, typed.
    For(String),
}

/// What came of a command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// What it said, its plan first.
    pub(crate) lines: Vec<String>,
    pub(crate) notes: Vec<String>,
    /// What went wrong, each with a hint.
    pub(crate) errors: Vec<String>,
    pub(crate) end: End,
    /// The number of the change, if it can be undone.
    pub(crate) undo: Option<usize>,
}

/// A config whose value is typed where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Edited {
    /// `topic/orders`
    pub(crate) entity: String,
    pub(crate) key: String,
    /// Its value when that began; `None` if it has none, or is secret.
    pub(crate) was: Option<String>,
}

/// How much of a command was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum End {
    #[default]
    Nothing,
    Some,
    All,
}

/// The change that is under way, if any.
#[derive(Debug, Default)]
pub(crate) struct Changing {
    last: PlanId,
    pub(crate) current: Option<Current>,
}

/// A command that was begun.
#[derive(Debug)]
pub(crate) struct Current {
    pub(crate) id: PlanId,
    pub(crate) words: Vec<String>,
    /// Where it was asked for: the rows that are marked there are what it is about.
    pub(crate) from: ListAt,
    pub(crate) stage: Stage,
}

/// A list on a screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ListAt {
    pub(crate) screen: Screen,
    pub(crate) pane: usize,
}

/// How far it is.
#[derive(Debug)]
pub(crate) enum Stage {
    /// It asks the cluster.
    Planning,
    /// It waits for the answer since then.
    Proposed { proposal: Proposal, at: Millis },
    /// It was agreed to.
    Applying { proposal: Proposal },
}

impl Changing {
    /// Begins a command in the place of any other.
    pub(crate) fn begin(&mut self, words: Vec<String>, from: ListAt) -> PlanId {
        self.last = PlanId(self.last.0 + 1);
        self.current = Some(Current { id: self.last, words, from, stage: Stage::Planning });
        self.last
    }

    /// Whether something is changed, or may be before anybody is asked.
    pub(crate) fn is_making(&self) -> bool {
        self.current.as_ref().is_some_and(|it| match it.stage {
            Stage::Planning => line::asks_nobody(&it.words),
            Stage::Proposed { .. } => false,
            Stage::Applying { .. } => true,
        })
    }

    /// What waits for an answer, and the words of its command.
    pub(crate) fn proposed(&self) -> Option<(&Proposal, &[String])> {
        let current = self.current.as_ref()?;
        match &current.stage {
            Stage::Proposed { proposal, .. } => Some((proposal, &current.words)),
            _ => None,
        }
    }
}
