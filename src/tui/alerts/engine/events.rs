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
}

impl Events {
    pub(super) fn add(&mut self, event: Event) {
        if EVENTS_MAX <= self.all.len() {
            self.all.pop_front();
        }
        self.all.push_back(event);
        self.fresh = (self.fresh + 1).min(self.all.len());
    }

    pub(super) fn say(&mut self, time: Timestamp, level: Level, text: String) {
        self.add(Event { time, level, text, notice: None });
    }

    pub(super) fn all(&self) -> impl DoubleEndedIterator<Item = &Event> + ExactSizeIterator {
        self.all.iter()
    }

    /// What has come since this was asked last.
    pub(super) fn take_fresh(&mut self) -> Vec<Event> {
        let from = self.all.len() - std::mem::take(&mut self.fresh);
        self.all.range(from..).cloned().collect()
    }
}
