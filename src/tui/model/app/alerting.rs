//! Alerts within the dashboard: what the engine wants delivered, and the keys of its screen.

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use jiff::Timestamp;
use kt_protocol::types::Now;

use super::App;
use super::overlay::{Overlay, Question};
use crate::tui::alerts::engine::Mute;
use crate::tui::alerts::rules::{Rules, RulesError};
use crate::tui::keymap::Key;
use crate::tui::model::checks::Level;
use crate::tui::model::listing::Line as _;
use crate::tui::model::msg::Effect;

/// Muting by a key lasts so long, in ms.
const MUTE_MS: u64 = 2 * 3_600_000;

impl App {
    /// What is due to be told, beside the pictures.
    pub(super) fn deliver(&mut self, effects: &mut Vec<Effect>) {
        let mut due = std::mem::take(&mut self.watch.outgoing);
        due.extend(self.watch.alerts.due(self.now.monotonic));
        // What fired when a recording was made was told then.
        if self.played.is_none() {
            effects.extend(due.into_iter().map(Effect::Deliver));
        }
    }

    pub(super) fn delivered(&mut self, id: u64, result: Result<(), String>) {
        let now = self.now;
        self.watch.alerts.delivered(id, now.monotonic, wall(now), result);
    }

    /// The file was read again, or could not be.
    pub(super) fn rules_read(&mut self, read: Result<Rules, RulesError>) {
        let now = wall(self.now);
        match read {
            Ok(rules) => {
                let is_played = self.played.is_some();
                let rules = if is_played { rules.without_targets() } else { rules };
                self.watch.alerts.reload(rules, now);
                self.say("the rules were read again");
            }
            Err(error) => {
                self.say_level(Some(Level::Warn), format!("the old rules stay: {error}"));
                self.watch.alerts.refuse(error, now);
            }
        }
        self.renew_page();
    }

    /// The file of the user's rules, whether it is there yet or not.
    fn rules_file(&self) -> Option<PathBuf> {
        self.watch.alerts.rules().origin.as_ref().map(|it| it.path.clone())
    }

    /// A key of the menu of alerts.
    pub(super) fn on_alert_key(&mut self, key: Key, effects: &mut Vec<Effect>) {
        let line = self.pages.alerts.rule().map(|it| {
            // A check is one thing, whatever is worst of it; where nothing is beyond the limit of
            // a rule, the line is about all of it.
            let subject = match (it.it.check, &it.it.place) {
                (Some(check), _) => Some(check.name().to_owned()),
                (None, Some(_)) => Some(it.it.subject.clone()),
                (None, None) => None,
            };
            (it.key().to_owned(), subject)
        });
        match (key, line) {
            (Key::Char('m'), Some((rule, subject))) => {
                self.mute(Mute { rule, subject });
            }
            (Key::Char('M'), Some((rule, _))) => self.mute(Mute { rule, subject: None }),
            (Key::Char('u'), Some((rule, subject))) => {
                let one = Mute { rule: rule.clone(), subject };
                let all = Mute { rule: rule.clone(), subject: None };
                let was = self.watch.alerts.unmute(&one) | self.watch.alerts.unmute(&all);
                self.say(if was {
                    format!("{rule} is told again")
                } else {
                    format!("{rule} is not muted")
                });
            }
            (Key::Char('m' | 'M' | 'u'), None) => self.say("no rule is under the cursor"),
            (Key::Char('t'), _) => self.test_targets(effects),
            (Key::Char('r'), _) => match self.rules_file() {
                Some(path) => effects.push(Effect::ReadRules(path)),
                None => self.say("no file of rules belongs to this cluster"),
            },
            (Key::Esc | Key::Char('q') | Key::Enter, _) => {}
            _ => self.overlay = Overlay::Question(Question::Alerts),
        }
        self.renew_page();
    }

    fn mute(&mut self, mute: Mute) {
        let what = mute.subject.clone().unwrap_or_else(|| "all of it".to_owned());
        let rule = mute.rule.clone();
        if self.watch.alerts.mute(mute, self.now.monotonic + MUTE_MS) {
            self.say(format!("{rule}: {what} is muted for 2h"));
        } else {
            self.say_level(Some(Level::Warn), "too much is muted already");
        }
    }

    fn test_targets(&mut self, effects: &mut Vec<Effect>) {
        let targets: Vec<String> = self.watch.alerts.rules().targets.keys().cloned().collect();
        if targets.is_empty() {
            return self.say("no target to test: the rules name none");
        }
        let now = wall(self.now);
        for it in &targets {
            effects.extend(self.watch.alerts.test(it, now).map(Effect::Deliver));
        }
        self.say(format!("a test goes to {}", targets.join(", ")));
    }
}

fn wall(now: Now) -> Timestamp {
    Timestamp::from_millisecond(now.wall.0).unwrap_or(Timestamp::UNIX_EPOCH)
}
