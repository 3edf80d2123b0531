//! What a box says of a change, and what the message line says of one that was made.

use std::collections::BTreeMap;

use kt_protocol::types::TopicPartition;

use super::{Asks, End, Outcome, Proposal};
use crate::change::counted;
use crate::journal::HIDDEN;
use crate::offset_change::{OffsetChange, OffsetPlan};
use crate::position::At;
use crate::shell_words::quoted;
use crate::tui::figures;

/// Names that are listed; the number of all is typed.
const LISTED: usize = 10;

impl Proposal {
    /// `reset offsets of nightly-report`
    pub(crate) fn title(&self) -> String {
        format!("{} {}", self.doing(), self.things())
    }

    /// The same when it was done.
    fn done(&self) -> String {
        format!("{} {}", past(&self.doing()), self.things())
    }

    fn doing(&self) -> String {
        match (self.verb, &self.offsets) {
            ("reset", Some(_)) => "reset offsets of".to_owned(),
            ("delete offsets of", _) => self.verb.to_owned(),
            (verb, _) if self.names.len() == 1 => format!("{verb} {}", self.noun),
            (verb, _) => verb.to_owned(),
        }
    }

    fn things(&self) -> String {
        match self.names.as_slice() {
            [name] => name.clone(),
            names => counted(names.len(), self.noun),
        }
    }

    /// What will change, a line each. `to` is where offsets go, in the words of the line.
    pub(crate) fn plan(&self, words: &[String]) -> Vec<String> {
        if let Some(plan) = &self.offsets {
            return by_topic(plan, &destination(words));
        }
        if self.names.len() <= 1 || self.lines.len() <= LISTED {
            return self.lines.clone();
        }
        let mut lines: Vec<String> = self.lines.iter().take(LISTED).cloned().collect();
        lines.push(format!("… and {} more", self.lines.len() - LISTED));
        lines
    }

    /// `kt undo 41`
    pub(crate) fn undo(&self) -> String {
        self.undo.map_or_else(|| "none".to_owned(), |number| format!("kt undo {number}"))
    }

    /// `Reset 13 offsets?`
    pub(crate) fn question(&self) -> String {
        let count = match &self.offsets {
            Some(plan) => counted(plan.changes.len(), "offset"),
            None => counted(self.names.len(), self.noun),
        };
        let verb = self.verb.split(' ').next().unwrap_or_default();
        let mut letters = verb.chars();
        let first = letters.next().map(|it| it.to_ascii_uppercase());
        format!("{}{} {count}?", first.into_iter().collect::<String>(), letters.as_str())
    }

    /// What level 2 says in words.
    pub(crate) fn loss(&self) -> &'static str {
        match (self.verb, self.noun) {
            ("delete" | "trim", "topic") => "data is lost",
            ("delete", "group") => "offsets are lost",
            _ => "data may be lost",
        }
    }

    /// `Type the name to delete it:`
    pub(crate) fn prompt(&self) -> String {
        match self.names.len() {
            1 => format!("Type the name to {} it:", self.verb),
            _ => format!("Type the number to {} them:", self.verb),
        }
    }

    /// Whether this answers it.
    pub(crate) fn is_answered_by(&self, typed: &str) -> bool {
        match &self.asks {
            Asks::Yes => false,
            Asks::For(expected) => expected == typed,
        }
    }
}

/// `kt groups reset nightly-report --all-topics --to -1h -y`
pub(crate) fn same(words: &[String], proposal: &Proposal) -> String {
    format!("{} -y", line(words.iter().chain(&proposal.in_shell)))
}

/// As it is typed in a shell.
pub(crate) fn line<'a>(words: impl IntoIterator<Item = &'a String>) -> String {
    let words = words.into_iter().map(|it| quoted(it));
    std::iter::once("kt".to_owned()).chain(words).collect::<Vec<_>>().join(" ")
}

/// The key and the value of a word `KEY=VALUE`, also behind `--set=`.
pub(crate) fn setting(word: &str) -> Option<(&str, &str)> {
    let pair = match word.split_once('=') {
        Some((flag, pair)) if flag.starts_with("--") => pair,
        _ => word,
    };
    pair.split_once('=')
}

/// Of a secret the key alone.
pub(crate) fn without_secret(word: &str, is_secret: impl Fn(&str) -> bool) -> String {
    match setting(word) {
        Some((key, value)) if is_secret(key) => {
            format!("{}{HIDDEN}", &word[..word.len() - value.len()])
        }
        _ => word.to_owned(),
    }
}

/// Where offsets go, as the line says it: `time -1h`.
fn destination(words: &[String]) -> String {
    let value = |flag: &str| {
        let mut words = words.iter();
        loop {
            let word = words.next()?;
            if word == flag {
                return words.next().cloned();
            }
            if let Some(value) = word.strip_prefix(flag).and_then(|it| it.strip_prefix('=')) {
                return Some(value.to_owned());
            }
        }
    };
    if let Some(to) = value("--to") {
        return match to.parse() {
            Ok(At::Time(_)) => format!("time {to}"),
            _ => to,
        };
    }
    match (value("--shift"), value("--offsets")) {
        (Some(by), _) => format!("by {by}"),
        (None, Some(file)) => file,
        (None, None) => "no commit".to_owned(),
    }
}

/// A line for each topic: `orders  12 partitions   180991222 … → time -1h   skips 9.0M records`.
fn by_topic(plan: &OffsetPlan, to: &str) -> Vec<String> {
    let mut topics: BTreeMap<&str, Vec<&OffsetChange>> = BTreeMap::new();
    for it in &plan.changes {
        let TopicPartition { topic, .. } = &it.partition;
        topics.entry(topic).or_default().push(it);
    }
    let widest = topics.keys().map(|it| figures::cells(it)).max().unwrap_or(0).min(NAME_CELLS);
    let line = |(topic, changes): (&&str, &Vec<&OffsetChange>)| {
        let name = figures::name(topic, widest);
        let padding = " ".repeat(widest + 2 - figures::cells(&name));
        let count = changes.len();
        let parts = if count == 1 { "partition" } else { "partitions" };
        let more = if count == 1 { "" } else { " …" };
        let from = changes.first().and_then(|it| it.old.as_ref());
        let from = match from {
            Some(commit) => format!("{}{more}", commit.offset),
            None => "no commit".to_owned(),
        };
        let line = format!(
            "{name}{padding}{count:>4} {parts:<10}   {from:<11} → {to}   {}",
            meaning(changes)
        );
        line.trim_end().to_owned()
    };
    topics.iter().map(line).collect()
}

/// Names of topics are cut to so many cells.
const NAME_CELLS: usize = 24;

/// In records: what is never read, and what is read again.
fn meaning(changes: &[&OffsetChange]) -> String {
    let (mut skipped, mut again) = (0_u64, 0_u64);
    for it in changes {
        let (Some(old), Some(new)) = (&it.old, &it.new) else { continue };
        let records = new.offset.0.abs_diff(old.offset.0);
        match new.offset < old.offset {
            true => again = again.saturating_add(records),
            false => skipped = skipped.saturating_add(records),
        }
    }
    let (skips, reads) = (figures::count(skipped), figures::count(again));
    match (skipped, again) {
        (0, 0) => String::new(),
        (_, 0) => format!("skips {skips} records"),
        (0, _) => format!("reads {reads} records again"),
        _ => format!("skips {skips}, reads {reads} again"),
    }
}

/// What came of it, and whether that is as it should be.
pub(crate) fn said(outcome: &Outcome, proposal: Option<&Proposal>) -> String {
    let done = match proposal {
        Some(proposal) => proposal.done(),
        None => done_unasked(outcome),
    };
    let undo = outcome.undo.map(|number| format!("; undo: kt undo {number}")).unwrap_or_default();
    let failed = match outcome.errors.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [first, rest @ ..] => format!("{first}; {} more", rest.len()),
    };
    // What the plan noted was read before.
    let is_new = |it: &&String| proposal.is_none_or(|plan| !plan.notes.contains(it));
    let note = outcome.notes.iter().find(is_new);
    let undo = match (proposal.and_then(|it| it.undo), outcome.undo, note) {
        (Some(_), None, Some(why)) => format!("; no undo: {why}"),
        _ => undo,
    };
    match outcome.end {
        End::All => format!("{done}{undo}"),
        End::Some => format!("partly {done}{undo}; failed: {failed}"),
        End::Nothing => failed,
    }
}

/// What nobody was asked about: it added something, or there was nothing to do, and a note says why.
fn done_unasked(outcome: &Outcome) -> String {
    // The details were in the plan; the undo must have room.
    let line = outcome.lines.first().map(|it| it.split(": ").next().unwrap_or(it).to_owned());
    let note = outcome.notes.first().cloned();
    let first = if outcome.undo.is_some() { line.or(note) } else { note.or(line) };
    let more = match outcome.lines.len() {
        0 | 1 => String::new(),
        count => format!(" and {} more", count - 1),
    };
    first.map_or_else(|| "nothing was to be done".to_owned(), |it| format!("{}{more}", past(&it)))
}

/// `delete offsets of` → `deleted offsets of`
fn past(doing: &str) -> String {
    let (verb, rest) = doing.split_once(' ').map_or((doing, None), |(it, rest)| (it, Some(rest)));
    let verb = match verb {
        "create" => "created",
        "delete" => "deleted",
        "trim" => "trimmed",
        "alter" => "altered",
        "remove" => "removed",
        "undo" => "undid",
        other => other,
    };
    rest.map_or_else(|| verb.to_owned(), |rest| format!("{verb} {rest}"))
}
