//! The log of what has happened: a bounded number of lines, the newest last.

use std::collections::VecDeque;

use jiff::Timestamp;

use super::super::notice::Notice;
use crate::tui::model::checks::Level;

const EVENTS_MAX: usize = 1_000;

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Event {
    pub(crate) time: Timestamp,
    pub(crate) level: Level,
    pub(crate) text: String,
    /// What has become of a rule; `None` of deliveries and the file.
    pub(crate) notice: Option<Notice>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Events {
    all: VecDeque<Event>,
    /// Those at the end that nobody has taken yet.
    fresh: usize,
    /// How many there were before the first of them.
    gone: u64,
}

impl Events {
    pub(super) fn add(&mut self, event: Event) {
        if EVENTS_MAX <= self.all.len() {
            self.all.pop_front();
            self.gone += 1;
        }
        self.all.push_back(event);
        self.fresh = (self.fresh + 1).min(self.all.len());
    }

    pub(super) fn say(&mut self, time: Timestamp, level: Level, text: String) {
        self.add(Event { time, level, text, notice: None });
    }

    /// All of them, each with its number, which it keeps.
    pub(super) fn numbered(
        &self,
    ) -> impl DoubleEndedIterator<Item = (u64, &Event)> + ExactSizeIterator {
        let gone = self.gone;
        self.all.iter().enumerate().map(move |(index, it)| (gone + index as u64, it))
    }

    /// What has come since this was asked last.
    pub(super) fn take_fresh(&mut self) -> Vec<Event> {
        let from = self.all.len() - std::mem::take(&mut self.fresh);
        self.all.range(from..).cloned().collect()
    }
}
