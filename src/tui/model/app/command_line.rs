//! The line behind `:`: screens by name with their subject, completed from what is loaded.

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use super::App;
use super::overlay::Overlay;
use crate::shell_words::{self, quoted};
use crate::tui::keymap::Key;
use crate::tui::model::actions::flags::{self, Flag};
use crate::tui::model::actions::line::{self, KNOWN, Known, Takes};
use crate::tui::model::actions::reads::{self, READS, Read};
use crate::tui::model::input::{Line, Purpose};
use crate::tui::model::msg::Effect;
use crate::tui::model::page::{About, Target};
use crate::tui::model::screen::Screen;
use crate::tui::model::screens::configs;

/// What Tab may make of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Candidate {
    /// The whole line.
    pub(crate) line: String,
    /// What follows it: `NAME`.
    pub(crate) takes: Cow<'static, str>,
    /// What it does.
    pub(crate) says: String,
}

/// Lines above the one that is typed.
const CANDIDATES_MAX: usize = 8;
/// Lines that are remembered.
const TYPED_MAX: usize = 100;

impl App {
    /// What the line may become, the best first.
    pub(crate) fn candidates(&self, text: &str) -> Vec<Candidate> {
        let line = line::without_program(text);
        let program = &text[..text.len() - line.len()];
        let mut found = match line.split_once(' ') {
            None => Screen::ALL.into_iter().filter_map(|it| by_name(it, line)).collect(),
            Some((screen, rest)) => self.subjects(screen, rest.trim_start()),
        };
        found.extend(KNOWN.iter().filter(|it| it.words.starts_with(line)).map(of_change));
        found.extend(self.names_of_change(line));
        found.extend(self.flags_of_change(line));
        found.extend(READS.iter().filter(|it| it.words.starts_with(line)).map(of_read));
        found.extend(self.names_of_read(line));
        found.truncate(CANDIDATES_MAX);
        for it in &mut found {
            it.line.insert_str(0, program);
        }
        found
    }

    /// Subjects of a screen whose names begin so, from what is loaded.
    fn subjects(&self, screen: &str, begins: &str) -> Vec<Candidate> {
        let Some(of) = Screen::by_name(screen) else { return Vec::new() };
        let cluster = &self.watch.cluster;
        let entities = match of {
            Screen::Configs => configs::entity_names(cluster),
            _ => Vec::new(),
        };
        let names: Vec<&String> = match of {
            Screen::Topic | Screen::Records | Screen::Segments => cluster.topics.keys().collect(),
            Screen::Group => cluster.groups.keys().collect(),
            _ => entities.iter().collect(),
        };
        let names = names.into_iter().filter(|it| it.starts_with(begins));
        let candidate = |name: &String| Candidate {
            line: format!("{screen} {name}"),
            takes: Cow::default(),
            says: of.says().to_owned(),
        };
        names.take(CANDIDATES_MAX).map(candidate).collect()
    }

    /// The names that may follow the words of a change.
    fn names_of_change(&self, text: &str) -> Vec<Candidate> {
        let Some(known) = line::begun(text) else { return Vec::new() };
        let says = format!("{} ({})", known.says, known.level);
        self.names_behind(text, known.words, known.takes, &says)
    }

    /// The names that may follow the words of a command that reads.
    fn names_of_read(&self, text: &str) -> Vec<Candidate> {
        let Some(read) = reads::begun(text) else { return Vec::new() };
        let Some(takes) = read.takes else { return Vec::new() };
        self.names_behind(text, read.words, takes, read.screen.says())
    }

    fn names_behind(&self, text: &str, words: &str, takes: Takes, says: &str) -> Vec<Candidate> {
        let begins = text.strip_prefix(words).and_then(|it| it.strip_prefix(' '));
        let Some(begins) = begins else { return Vec::new() };
        let names = self.names_of(takes).filter(|it| it.starts_with(begins));
        let candidate = |name: String| Candidate {
            line: format!("{words} {name}"),
            takes: Cow::default(),
            says: says.to_owned(),
        };
        names.take(CANDIDATES_MAX).map(candidate).collect()
    }

    /// Names of what is loaded, as a line takes them.
    fn names_of(&self, takes: Takes) -> impl Iterator<Item = String> {
        let cluster = &self.watch.cluster;
        let (before, names): (_, Vec<&String>) = match takes {
            Takes::Topic => ("", cluster.topics.keys().collect()),
            Takes::Group => ("", cluster.groups.keys().collect()),
            Takes::Entity => ("topic/", cluster.topics.keys().collect()),
            Takes::NewName | Takes::Number => ("", Vec::new()),
        };
        names.into_iter().map(move |it| quoted(&format!("{before}{it}")))
    }

    /// The flags that may follow a change, or the values of the one before.
    fn flags_of_change(&self, text: &str) -> Vec<Candidate> {
        let Some(known) = line::begun(text) else { return Vec::new() };
        let Some((before, last)) = text.rsplit_once(' ') else { return Vec::new() };
        let flag_before = before.rsplit(' ').next().filter(|it| it.starts_with("--"));
        if flag_before.is_none() && !last.starts_with('-') {
            return Vec::new();
        }
        let flags = flags::of(known.words);
        let with = |word: &str, takes: Option<&str>, says: &str| Candidate {
            line: format!("{before} {word}"),
            takes: takes.map_or_else(Cow::default, |it| Cow::Owned(it.to_owned())),
            says: says.to_owned(),
        };
        let asking = flags.iter().find(|it| flag_before == Some(&it.name) && it.takes.is_some());
        if let Some(flag) = asking {
            let values = self.values_of(flag).into_iter().filter(|it| it.starts_with(last));
            return values.take(CANDIDATES_MAX).map(|it| with(&it, None, &flag.says)).collect();
        }
        let is_free =
            |it: &&Flag| it.is_repeatable || !before.split(' ').any(|word| word == it.name);
        let begun = flags.iter().filter(|it| it.name.starts_with(last)).filter(is_free);
        begun.map(|it| with(&it.name, it.takes.as_deref(), &it.says)).collect()
    }

    /// Those that its command knows, else names of what it is about.
    fn values_of(&self, flag: &Flag) -> Vec<String> {
        match flag.takes.as_deref() {
            _ if !flag.values.is_empty() => flag.values.clone(),
            Some("TOPIC" | "TOPIC[:P]") => self.names_of(Takes::Topic).collect(),
            Some("GROUP") => self.names_of(Takes::Group).collect(),
            _ => Vec::new(),
        }
    }

    pub(super) fn complete(&mut self, mut line: Line) {
        if line.purpose() != Purpose::Command {
            self.overlay = Overlay::Line { line, history: None };
            return;
        }
        let typed = line.text().to_owned();
        let candidates = self.candidates(&typed);
        let Some(first) = candidates.first() else {
            self.overlay = Overlay::Line { line, history: None };
            return;
        };
        let text = match &*first.takes {
            "" => first.line.clone(),
            _ => format!("{} ", first.line),
        };
        line.set(&text);
        self.overlay = Overlay::Line { line, history: None };
    }

    /// `↑` and `↓` go through what was typed before.
    pub(super) fn recall(&mut self, mut line: Line, history: Option<usize>, key: Key) {
        let newest_first: Vec<&String> = self.typed.iter().rev().collect();
        let history = match (key, history) {
            (Key::Up, None) if !newest_first.is_empty() => Some(0),
            (Key::Up, Some(at)) => Some((at + 1).min(newest_first.len().saturating_sub(1))),
            (Key::Down, Some(0)) | (_, None) => None,
            (_, Some(at)) => Some(at - 1),
        };
        let text = history.and_then(|at| newest_first.get(at)).map_or("", |it| it.as_str());
        line.set(text);
        self.overlay = Overlay::Line { line, history };
    }

    /// Enter on a command line.
    pub(super) fn run_line(&mut self, text: &str, effects: &mut Vec<Effect>) {
        let text = text.trim();
        if text.is_empty() {
            return;
        }
        self.remember(text);
        let text = line::without_program(text);
        if matches!(text, "q" | "quit") {
            return self.leave(effects);
        }
        if let Some(position) = text.strip_prefix('@') {
            return self.go_to_position(position);
        }
        if line::begun(text).is_some() {
            return self.run_change(text, effects);
        }
        if let Some(read) = reads::begun(text) {
            return match reads::screen(text, read) {
                Ok((screen, subject)) => self.go_named(screen, &subject),
                Err(why) => self.say(why),
            };
        }
        let (name, subject) = text.split_once(' ').unwrap_or((text, ""));
        match Screen::by_name(name) {
            Some(screen) => self.go_named(screen, subject.trim()),
            None => self.say(format!(":{name} is no screen and no command; Tab shows all")),
        }
    }

    /// For `↑`; a line with a secret in it is not kept.
    fn remember(&mut self, text: &str) {
        self.typed.retain(|it| it != text);
        let words = shell_words::split(text).unwrap_or_default();
        if self.shown_words(&words) != words {
            return;
        }
        self.typed.push(text.to_owned());
        if TYPED_MAX < self.typed.len() {
            self.typed.remove(0);
        }
    }

    fn go_named(&mut self, screen: Screen, subject: &str) {
        if subject.is_empty() {
            let needs_one =
                screen.parent().is_some() && self.pages.page(screen).about() == About::Cluster;
            if needs_one {
                return self.say(format!(":{} needs a name", screen.name()));
            }
            return self.go(&Target::screen(screen));
        }
        let target = match Target::named(screen, Some(subject)) {
            Ok(target) => target,
            Err(why) => return self.say(why),
        };
        let cluster = &self.watch.cluster;
        let missing = match &target.about {
            About::Topic(name) | About::Partition { topic: name, .. } => {
                (!cluster.topics.contains_key(name)).then(|| format!("topic \"{name}\""))
            }
            About::Group(name) => {
                (!cluster.groups.contains_key(name)).then(|| format!("group \"{name}\""))
            }
            About::Cluster | About::Entity(_) => None,
        };
        match missing {
            Some(what) => self.say(format!("{what} is not there")),
            None => self.go(&target),
        }
    }
}

fn of_change(known: &Known) -> Candidate {
    Candidate {
        line: known.words.to_owned(),
        takes: known.takes.word().into(),
        says: format!("{} ({})", known.says, known.level),
    }
}

fn of_read(read: &Read) -> Candidate {
    Candidate {
        line: read.words.to_owned(),
        takes: read.takes.map_or("", Takes::word).into(),
        says: read.screen.says().to_owned(),
    }
}

fn by_name(screen: Screen, begins: &str) -> Option<Candidate> {
    let names = [screen.name(), screen.short_name()];
    let name = names.into_iter().find(|it| it.starts_with(begins))?;
    let takes = match screen {
        Screen::Topic | Screen::Records | Screen::Segments | Screen::Group => "NAME",
        _ => "",
    };
    Some(Candidate { line: name.to_owned(), takes: takes.into(), says: screen.says().to_owned() })
}
