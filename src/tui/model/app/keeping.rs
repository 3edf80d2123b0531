//! History on disk, as the model sees it: what is to be recalled and written, and when.

use std::collections::BTreeSet;

use kt_protocol::types::{Millis, NodeId};

use super::App;
use crate::tui::history::kept::{Minute, PastLine};
use crate::tui::history::store::Subject;
use crate::tui::model::checks::Level;
use crate::tui::model::msg::Effect;
use crate::tui::model::schedule::Kind;

/// How far that is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Keeping {
    /// It was not asked for, or has failed.
    #[default]
    Off,
    /// The cluster is not known yet.
    Waiting {
        /// The first minute that is to be written, of our own clock.
        from: u64,
    },
    /// What was kept is being read; minutes go on meanwhile.
    Recalling { from: u64 },
    /// All is read that there was.
    On { from: u64 },
}

/// What comes of a history on disk.
#[derive(Debug)]
pub(crate) enum KeptNews {
    /// A part of what was kept.
    Past(Vec<PastLine>),
    /// That was all of it, but for so many blocks that are damaged.
    Recalled { damaged: usize },
    /// Nothing is read or written any more, and why.
    Ended(String),
}

const MINUTE_MS: u64 = 60_000;
/// Minutes that can still be told from fine samples.
const MINUTES_MAX: u64 = 29;
/// Groups are waited for so long, in ms: somebody may not be allowed to list them.
const GROUPS_MS: u64 = 5_000;

impl App {
    /// History is kept on disk from now on. To be said before the first message.
    pub(crate) fn keep_history(&mut self) {
        self.keeping = Keeping::Waiting { from: self.now.monotonic.0 / MINUTE_MS };
        self.watch.store.reach_a_week();
    }

    /// Whether there is nothing to wait for.
    pub(super) fn has_recalled(&self) -> bool {
        matches!(self.keeping, Keeping::Off | Keeping::On { .. })
    }

    /// Recalls once it is known of what, and writes each minute when it is over.
    pub(super) fn keep(&mut self, effects: &mut Vec<Effect>) {
        match self.keeping {
            Keeping::Off => {}
            Keeping::Waiting { from } => {
                if let Some(recall) = self.what_to_recall() {
                    effects.push(recall);
                    self.keeping = Keeping::Recalling { from };
                }
            }
            Keeping::Recalling { ref mut from } | Keeping::On { ref mut from } => {
                let minute = self.now.monotonic.0 / MINUTE_MS;
                let first = (*from).max(minute.saturating_sub(MINUTES_MAX));
                *from = (*from).max(minute);
                effects.extend((first..minute).filter_map(|it| self.minute(it)).map(Effect::Keep));
            }
        }
    }

    fn what_to_recall(&self) -> Option<Effect> {
        let cluster = &self.watch.cluster;
        let cluster_id = cluster.id.clone()?;
        let is_long = GROUPS_MS <= self.now.monotonic - self.began.monotonic;
        if !self.watch.is_known() || !(is_long || cluster.oldest(&[Kind::Groups]).is_some()) {
            return None;
        }
        let mut alive = BTreeSet::from([Subject::Total]);
        alive.extend(cluster.brokers.keys().map(|NodeId(id)| Subject::Broker(*id)));
        alive.extend(cluster.topics.keys().cloned().map(Subject::Topic));
        alive.extend(cluster.groups.keys().cloned().map(Subject::Group));
        Some(Effect::Recall { cluster_id, alive })
    }

    /// The minute that is not over yet, for who leaves.
    pub(crate) fn last_minute(&self) -> Option<Minute> {
        let is_begun = matches!(self.keeping, Keeping::Recalling { .. } | Keeping::On { .. });
        is_begun.then(|| self.minute(self.now.monotonic.0 / MINUTE_MS)).flatten()
    }

    /// A minute of our own clock, with the time that the wall clock had then; `None` if nothing was
    /// sampled in it.
    fn minute(&self, minute: u64) -> Option<Minute> {
        let from = Millis(minute * MINUTE_MS);
        let lines = self.watch.store.minute(from);
        let ago = self.now.monotonic - from;
        let wall = self.now.wall.0.saturating_sub_unsigned(ago);
        // Both clocks go side by side; where one was set, the nearest minute is meant.
        let minute = wall.saturating_add(MINUTE_MS as i64 / 2).div_euclid(MINUTE_MS as i64);
        (!lines.is_empty()).then_some(Minute { minute, lines })
    }

    pub(super) fn on_kept(&mut self, news: KeptNews) {
        match (news, self.keeping) {
            (KeptNews::Past(lines), _) => {
                for line in lines {
                    self.watch.store.recall(self.now.monotonic, line);
                }
                self.renew_page();
            }
            (KeptNews::Recalled { damaged }, Keeping::Recalling { from }) => {
                self.keeping = Keeping::On { from };
                if 0 < damaged {
                    let blocks = if damaged == 1 { "block is" } else { "blocks are" };
                    self.say(format!("history: {damaged} damaged {blocks} passed over"));
                }
            }
            (KeptNews::Recalled { .. }, _) => {}
            (KeptNews::Ended(why), _) => {
                self.keeping = Keeping::Off;
                self.say_level(Some(Level::Warn), format!("history is kept no longer: {why}"));
            }
        }
    }
}

#[cfg(test)]
mod tests;
