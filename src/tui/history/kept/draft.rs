//! A block that is being filled, minute by minute.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::block::LINES_MAX;
use super::{BLOCK_MINUTES, Minute};
use crate::tui::history::store::{Metric, Subject};

/// The minutes since the last block.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Draft {
    pub(super) first: i64,
    /// Minutes up to the last one that was added.
    pub(super) minutes: usize,
    /// How many lines there are.
    count: usize,
    /// What goes last when memory is short comes first: so it is read first.
    pub(super) lines: BTreeMap<Reverse<Subject>, BTreeMap<Metric, [f32; BLOCK_MINUTES]>>,
}

impl Draft {
    pub(crate) fn is_empty(&self) -> bool {
        self.minutes == 0
    }

    pub(crate) fn is_full(&self) -> bool {
        self.minutes == BLOCK_MINUTES
    }

    /// Whether a minute belongs into it. One that does not begins another block: the clock was set
    /// back, or nobody watched for a while.
    pub(crate) fn takes(&self, minute: &Minute) -> bool {
        self.is_empty() || self.place(minute).is_some()
    }

    fn place(&self, minute: &Minute) -> Option<usize> {
        let place = usize::try_from(minute.minute.checked_sub(self.first)?).ok()?;
        (place < BLOCK_MINUTES).then_some(place)
    }

    /// Adds a minute that it takes; another one is left out.
    pub(crate) fn add(&mut self, minute: Minute) {
        if self.is_empty() {
            self.first = minute.minute;
        }
        let Some(place) = self.place(&minute) else { return };
        self.minutes = self.minutes.max(place + 1);
        for (subject, values) in minute.lines {
            let subject = Reverse(subject);
            // Where subjects come and go that fast, the last ones have no place.
            if LINES_MAX <= self.count && !self.lines.contains_key(&subject) {
                continue;
            }
            let lines = self.lines.entry(subject).or_default();
            for (metric, value) in values {
                if !lines.contains_key(&metric) {
                    if LINES_MAX <= self.count {
                        continue;
                    }
                    self.count += 1;
                }
                let of_line = lines.entry(metric).or_insert([f32::NAN; BLOCK_MINUTES]);
                of_line[place] = value;
            }
        }
    }
}
