//! Changes: from a letter or a line to a plan, from the plan to the answer, and what came of it.

#[cfg(test)]
mod tests;

use kt_protocol::types::Millis;

use super::App;
use super::overlay::{Overlay, Question};
use crate::change::counted;
use crate::shell_words::quoted;
use crate::tui::figures;
use crate::tui::keymap::Key;
use crate::tui::model::actions::menu::{self, Chosen, Made};
use crate::tui::model::actions::words::{line as said_line, said};
use crate::tui::model::actions::{
    Asks, Edited, End, ListAt, Outcome, PlanId, Proposal, Stage, line,
};
use crate::tui::model::checks::Level;
use crate::tui::model::cluster::groups::Group;
use crate::tui::model::input::Purpose;
use crate::tui::model::msg::Effect;
use crate::tui::model::page::About;
use crate::tui::model::schedule::Kind;
use crate::tui::model::screen::Screen;
use crate::tui::model::screens::topics::{self, TopicLine};

/// A key that was under way to something else when a box came up, in ms.
const DEAF_MS: u64 = 300;
/// A plan is true for so long, in ms.
const TRUE_MS: u64 = 60_000;
/// Nothing that is to be typed is longer.
const TYPED_MAX: usize = 512;

impl App {
    /// What `a` opens.
    pub(super) fn begin_actions(&mut self) {
        if menu::items(self.screen).is_empty() {
            return self.say("not on this screen");
        }
        self.overlay = Overlay::Question(self.or_locked(Question::Actions));
    }

    /// A letter behind `a`.
    pub(super) fn on_action_key(&mut self, key: Key, effects: &mut Vec<Effect>) {
        let Key::Char(letter) = key else {
            if !matches!(key, Key::Esc | Key::Enter | Key::Backspace) {
                self.overlay = Overlay::Question(Question::Actions);
            }
            return;
        };
        match menu::items(self.screen).iter().find(|it| it.key == letter) {
            Some(item) => self.make(item.make(&self.chosen()), effects),
            None if letter == 'q' => {}
            None => self.overlay = Overlay::Question(Question::Actions),
        }
    }

    /// `n` and `e`, without `a` before them.
    pub(super) fn begin_change(&mut self, made: Made, effects: &mut Vec<Effect>) {
        match self.is_locked() {
            true => self.overlay = Overlay::Question(Question::Locked),
            false => self.make(made, effects),
        }
    }

    /// A value is edited where it stands, or the line that sets one is begun.
    pub(super) fn edit(&mut self, effects: &mut Vec<Effect>) {
        let chosen = self.chosen();
        let entity = match (self.screen, chosen.names.first()) {
            (Screen::Topic, Some(topic)) => Some(format!("topic/{topic}")),
            // The row of the cursor, whatever is marked beside it.
            (Screen::Configs, Some(_)) if self.page().focused() == 1 => {
                self.page().list().subject().map(str::to_owned)
            }
            (Screen::Configs, Some(entity)) => Some(entity.clone()),
            _ => None,
        };
        let Some(entity) = entity else { return self.say("not on this screen") };
        match chosen.part {
            Some(key) if !self.is_locked() => {
                let was = chosen.value;
                self.begin_line(Purpose::Value, was.as_deref().unwrap_or_default());
                self.edited = Some(Edited { entity, key, was });
            }
            _ => {
                let begun = format!("configs alter {} --set ", quoted(&entity));
                self.begin_change(Made::Begun(begun), effects);
            }
        }
    }

    /// Enter behind a value: what that changes is planned.
    pub(super) fn take_value(&mut self, value: &str, effects: &mut Vec<Effect>) {
        let Some(Edited { entity, key, was }) = self.edited.take() else { return };
        // A secret begins empty: what was not typed must not take its place.
        if was.as_deref().unwrap_or_default() == value {
            return self.say(format!("{key} stays as it is: nothing was changed"));
        }
        let pair = quoted(&format!("{key}={value}"));
        self.run_change(&format!("configs alter {} --set {pair}", quoted(&entity)), effects);
    }

    fn make(&mut self, made: Made, effects: &mut Vec<Effect>) {
        match made {
            Made::Line(text) => self.run_change(&text, effects),
            Made::Begun(text) => self.begin_line(Purpose::Command, &text),
            Made::Not(why) => self.say(why),
        }
    }

    /// What a change would be made of.
    pub(crate) fn chosen(&self) -> Chosen {
        let page = self.page();
        let list = page.list();
        let part = || list.subject().map(str::to_owned);
        match page.about() {
            About::Topic(name) | About::Partition { topic: name, .. } => {
                let (part, value) = page.config().unzip();
                Chosen { names: vec![name], part, value: value.flatten() }
            }
            // The second pane has the members.
            About::Group(name) if page.focused() == 1 => {
                Chosen { names: vec![name], part: part(), value: None }
            }
            About::Group(name) => Chosen { names: vec![name], ..Chosen::default() },
            About::Entity(name) if page.focused() == 0 => {
                let (part, value) = page.config().unzip();
                Chosen { names: vec![name], part, value: value.flatten() }
            }
            // The second pane has the entities: what was opened before is not in sight.
            About::Entity(_) | About::Cluster => {
                let marked = list.marked();
                let names = if marked.is_empty() { part().into_iter().collect() } else { marked };
                Chosen { names, ..Chosen::default() }
            }
        }
    }

    /// A line that is a change.
    pub(super) fn run_change(&mut self, text: &str, effects: &mut Vec<Effect>) {
        let words = match line::words(text) {
            Ok(words) => words,
            Err(why) => return self.say_level(Some(Level::Warn), why),
        };
        // The beginning of the line that sets one has no value to show.
        if let Some(key) = self.emptied_secret(&words) {
            let why = format!("{key} is secret and nothing was typed: nothing was changed");
            return self.say_level(Some(Level::Warn), why);
        }
        let from = ListAt { screen: self.screen, pane: self.page().focused() };
        self.plan(words, from, effects);
    }

    fn plan(&mut self, words: Vec<String>, from: ListAt, effects: &mut Vec<Effect>) {
        if let Some(why) = self.is_unchangeable() {
            return self.say(why);
        }
        if self.is_locked() {
            self.overlay = Overlay::Question(Question::Locked);
            return;
        }
        if self.changing.is_making() {
            return self.say_level(Some(Level::Warn), "a change is being made: it comes first");
        }
        self.drop_plan(effects);
        self.say(format!("planning: {}", said_line(&self.shown_words(&words))));
        let id = self.changing.begin(words.clone(), from);
        effects.push(Effect::Plan { id, words, unlocked: self.unlocked_name() });
    }

    fn drop_plan(&mut self, effects: &mut Vec<Effect>) {
        if let Some(current) = self.changing.current.take() {
            effects.push(Effect::Drop(current.id));
        }
    }

    /// A command waits for its answer.
    pub(super) fn on_planned(&mut self, id: PlanId, proposal: Proposal, effects: &mut Vec<Effect>) {
        let at = self.now.monotonic;
        match self.changing.current.as_mut().filter(|it| it.id == id) {
            Some(current) => current.stage = Stage::Proposed { proposal, at },
            None => effects.push(Effect::Drop(id)),
        }
    }

    /// The box comes up when nothing else has the keys: what is typed was not meant for it.
    pub(super) fn show_proposal(&mut self) {
        if matches!(self.overlay, Overlay::None) && self.changing.proposed().is_some() {
            self.message = None;
            let since = self.now.monotonic;
            self.overlay = Overlay::Confirm { typed: String::new(), since };
        }
    }

    /// Until when the box that is there takes no keys; its question is dim so long.
    pub(crate) fn deaf_until(&self) -> Option<Millis> {
        let Overlay::Confirm { since, .. } = &self.overlay else { return None };
        self.deaf_until_of(*since)
    }

    fn deaf_until_of(&self, since: Millis) -> Option<Millis> {
        Some(since + DEAF_MS).filter(|it| self.now.monotonic < *it)
    }

    /// A key while the box is there.
    pub(super) fn answer_change(
        &mut self,
        key: Key,
        mut typed: String,
        since: Millis,
        effects: &mut Vec<Effect>,
    ) {
        let Some((proposal, _)) = self.changing.proposed() else { return };
        let is_deaf = self.deaf_until_of(since).is_some();
        match (&proposal.asks, key) {
            _ if is_deaf => {}
            (_, Key::Esc) => return self.leave_change(effects),
            (Asks::Yes, Key::Char('y' | 'Y')) => return self.agree(effects),
            (Asks::Yes, Key::Enter | Key::Char('n' | 'N' | 'q')) => {
                return self.leave_change(effects);
            }
            (Asks::Yes, _) => {}
            (Asks::For(_), Key::Enter) if proposal.is_answered_by(&typed) => {
                return self.agree(effects);
            }
            (Asks::For(_), Key::Enter) => {
                self.say_level(Some(Level::Warn), "that is not it: nothing is changed");
            }
            (Asks::For(_), Key::Backspace) => drop(typed.pop()),
            (Asks::For(_), Key::Ctrl('u')) => typed.clear(),
            (Asks::For(_), Key::Char(it)) if typed.chars().count() < TYPED_MAX => typed.push(it),
            (Asks::For(_), _) => {}
        }
        self.overlay = Overlay::Confirm { typed, since };
    }

    fn leave_change(&mut self, effects: &mut Vec<Effect>) {
        self.drop_plan(effects);
        self.say("nothing was changed");
    }

    fn agree(&mut self, effects: &mut Vec<Effect>) {
        if self.is_locked() {
            self.drop_plan(effects);
            self.overlay = Overlay::Question(Question::Locked);
            return;
        }
        let Some(mut current) = self.changing.current.take() else { return };
        let Stage::Proposed { proposal, at } = current.stage else { return };
        if TRUE_MS <= self.now.monotonic - at {
            effects.push(Effect::Drop(current.id));
            self.plan(current.words, current.from, effects);
            return self.say("the plan was older than 60s: planning again");
        }
        self.say(format!("running: {}", said_line(&self.shown_words(&current.words))));
        effects.push(Effect::Apply { id: current.id, unlocked: self.unlocked_name() });
        current.stage = Stage::Applying { proposal };
        self.changing.current = Some(current);
    }

    /// A command has come to its end.
    pub(super) fn on_ended(&mut self, id: PlanId, outcome: &Outcome) {
        if self.changing.current.as_ref().is_none_or(|it| it.id != id) {
            return;
        }
        let Some(current) = self.changing.current.take() else { return };
        let proposal = match current.stage {
            Stage::Applying { proposal } => Some(proposal),
            Stage::Proposed { .. } => {
                // It gave up waiting: what the box asks is not asked any more.
                if matches!(self.overlay, Overlay::Confirm { .. }) {
                    self.overlay = Overlay::None;
                }
                None
            }
            Stage::Planning => None,
        };
        let level = match outcome.end {
            End::All => None,
            End::Some => Some(Level::Warn),
            End::Nothing => Some(Level::Bad),
        };
        self.say_level(level, said(outcome, proposal.as_ref()));
        if outcome.end != End::Nothing {
            let ListAt { screen, pane } = current.from;
            if let Some(list) = self.pages.page_mut(screen).pane_mut(pane) {
                list.clear_marks();
            }
            self.look_again(&current.words);
        }
    }

    /// What a change may have moved is asked at once.
    fn look_again(&mut self, words: &[String]) {
        let now = self.now.monotonic;
        let kinds: &[Kind] = match words.first().map(String::as_str) {
            Some("topics" | "topic") => OF_TOPICS,
            Some("groups" | "group") => OF_GROUPS,
            Some("configs" | "config") => OF_CONFIGS,
            _ => &[OF_TOPICS, OF_GROUPS, OF_CONFIGS].concat(),
        };
        for kind in kinds {
            self.watch.schedule.hurry(*kind, now);
        }
    }

    /// What the box shows of a plan: for topics that go, what goes with them.
    pub(crate) fn plan_lines(&self, proposal: &Proposal, words: &[String]) -> Vec<String> {
        match (proposal.verb, proposal.noun) {
            ("delete", "topic") => {
                let known = topics::lines(&self.watch);
                let line = |name: &String| {
                    let known = known.iter().find(|it| it.name == *name);
                    let goes = known.map_or_else(|| "all of it".to_owned(), |it| self.goes(it));
                    if proposal.names.len() == 1 { goes } else { format!("{name}: {goes}") }
                };
                let mut lines: Vec<String> = proposal.names.iter().take(LISTED).map(line).collect();
                let more = proposal.names.len().saturating_sub(LISTED);
                if 0 < more {
                    lines.push(format!("… and {more} more"));
                }
                lines
            }
            _ => proposal.plan(words),
        }
    }

    /// `24 partitions, 88.0GiB, 214M records; 3 groups read it (2 active)`
    fn goes(&self, topic: &TopicLine) -> String {
        let mut line = counted(topic.partitions, "partition");
        if let Some(size) = topic.size {
            line.push_str(&format!(", {}", figures::bytes(size)));
        }
        if let Some(records) = topic.records {
            line.push_str(&format!(", {} records", figures::count(records)));
        }
        let (groups, active) = self.readers(&topic.name);
        line.push_str(&match groups {
            0 => "; no group reads it".to_owned(),
            1 => format!("; 1 group reads it ({active} active)"),
            _ => format!("; {groups} groups read it ({active} active)"),
        });
        line
    }

    /// Groups that have committed of a topic, and how many of these have members.
    fn readers(&self, topic: &str) -> (usize, usize) {
        let reads = |it: &&Group| it.commits.iter().flatten().any(|(at, _)| at.topic == topic);
        let groups: Vec<_> = self.watch.cluster.groups.values().filter(reads).collect();
        let is_active = |it: &&&Group| it.state.is_some_and(|it| !it.is_inactive());
        (groups.len(), groups.iter().filter(is_active).count())
    }
}

/// Subjects that are listed in a box.
const LISTED: usize = 10;

const OF_TOPICS: &[Kind] =
    &[Kind::Metadata, Kind::LogEnds, Kind::LogStarts, Kind::LogDirs, Kind::Configs];
const OF_GROUPS: &[Kind] = &[Kind::Groups, Kind::Commits, Kind::Members, Kind::SubjectCommits];
const OF_CONFIGS: &[Kind] = &[Kind::Configs, Kind::EntityConfigs];
