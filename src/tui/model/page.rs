//! What every screen can do: take over what is known, say what it needs, and answer to keys.

use jiff::tz::TimeZone;
use kt_protocol::types::Now;
use serde_json::Value;

use super::input::Purpose;
use super::listing::List;
use super::msg::Effect;
use super::schedule::{Kind, Needs};
use super::screen::Screen;
use super::watch::Watch;
use crate::config_entity::ConfigEntity;
use crate::terminal::escaped;
use crate::tui::history::store::{Metric, Subject};
use crate::tui::keymap::Command;

/// A screen's own data: the picture that is drawn. It changes when it is renewed, so a frozen
/// screen is one that is not renewed.
pub(crate) trait Page {
    /// Takes over what is known by now.
    fn renew(&mut self, watch: &Watch, now: Now);

    /// What it is made of: the age in the header is that of the oldest of these.
    fn kinds(&self) -> &'static [Kind];

    /// What it needs beside what every screen needs.
    fn needs(&self, _watch: &Watch, _needs: &mut Needs) {}

    /// The list of the pane that has the focus.
    fn list(&self) -> &dyn List;

    fn list_mut(&mut self) -> &mut dyn List;

    /// It is opened with the cursor on a subject, or for its faults: shows them whatever hid them.
    fn uncover(&mut self, cursor: Option<&str>, only_faults: bool) {
        self.list_mut().uncover(cursor, only_faults);
    }

    /// The list of any pane; the first one is 0.
    fn pane_mut(&mut self, _pane: usize) -> Option<&mut dyn List> {
        Some(self.list_mut())
    }

    /// The cursor may stand on another row.
    fn cursor_moved(&mut self, _watch: &Watch, _now: Now) {}

    fn panes(&self) -> usize {
        1
    }

    fn focused(&self) -> usize {
        0
    }

    fn focus(&mut self, _pane: usize) {}

    /// It is opened, for this subject.
    fn set_about(&mut self, _about: &About) {}

    /// What it is about.
    fn about(&self) -> About {
        About::Cluster
    }

    /// Where Enter leads.
    fn open(&self, _watch: &Watch) -> Option<Target> {
        None
    }

    /// Keys that mean something here alone. `None` leaves the key to what it means everywhere.
    fn command(&mut self, _command: Command, _watch: &Watch, _now: Now) -> Option<Reaction> {
        None
    }

    /// The config under the cursor, and its value unless that is secret.
    fn config(&self) -> Option<(String, Option<String>)> {
        None
    }

    /// Whether it takes a line of this purpose.
    fn takes(&self, _purpose: Purpose) -> bool {
        false
    }

    /// What stands in such a line at first.
    fn line_of(&self, _purpose: Purpose) -> String {
        String::new()
    }

    /// A line that it takes was typed.
    fn typed(&mut self, _purpose: Purpose, _text: &str, _now: Now, _zone: &TimeZone) -> Reaction {
        Reaction::Done
    }

    /// What it wants to be done outside: asked after every message while it is shown.
    fn wants(&mut self, _effects: &mut Vec<Effect>) {}

    /// Another screen is shown from now on.
    fn rest(&mut self, _effects: &mut Vec<Effect>) {}

    /// What the message line says while nothing else is to be said, left and right.
    fn says(&self, _now: Now) -> Option<(String, String)> {
        None
    }

    /// Whether all that it wanted has come.
    fn is_settled(&self) -> bool {
        true
    }

    /// What is under the cursor, as people call it: above its details.
    fn named(&self) -> Option<String> {
        self.list().subject().map(str::to_owned)
    }

    /// What `y` copies. A name may hold what would act where it is pasted.
    fn copied(&self) -> Option<String> {
        self.named().map(|it| escaped(&it).into_owned())
    }

    /// What is said of the copy, where it is not all.
    fn copied_note(&self) -> Option<String> {
        None
    }

    /// So many lines of its text can be scrolled out of sight, as it was drawn last.
    fn limit_scroll(&mut self, _most: usize) {}

    /// The same as a command line: what `Y` copies.
    fn kt_line(&self) -> String;

    /// What is known of the subject under the cursor: what `d` shows.
    fn details(&self, _watch: &Watch) -> Option<Value> {
        None
    }

    /// What the message line says of the row of the cursor, while it has nothing else to say.
    fn hint(&self) -> Option<String> {
        None
    }

    /// The charts that are in sight.
    fn charts(&self) -> Vec<(Subject, Metric)> {
        Vec::new()
    }

    /// Its values, for scripts.
    fn json(&self) -> Value;
}

/// What a screen is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum About {
    #[default]
    Cluster,
    Topic(String),
    Group(String),
    /// A config entity, as `kt configs` names it: `topic/orders`.
    Entity(String),
    /// A partition of a topic, and where in it.
    Partition {
        topic: String,
        partition: i32,
        offset: Option<i64>,
    },
}

impl About {
    /// The topic that it is, or is of.
    pub(crate) fn topic(&self) -> Option<&str> {
        match self {
            About::Topic(topic) | About::Partition { topic, .. } => Some(topic),
            About::Cluster | About::Group(_) | About::Entity(_) => None,
        }
    }
}

/// Where to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) screen: Screen,
    pub(crate) about: About,
    /// The subject to put the cursor on.
    pub(crate) cursor: Option<String>,
    pub(crate) only_faults: bool,
}

impl Target {
    /// A screen as it was left.
    pub(crate) fn screen(screen: Screen) -> Target {
        Target { screen, about: About::Cluster, cursor: None, only_faults: false }
    }

    /// A screen by name, and what it is about.
    ///
    /// # Errors
    ///
    /// A screen that is about one thing, and nothing was named.
    pub(crate) fn named(screen: Screen, subject: Option<&str>) -> Result<Target, String> {
        let Some(subject) = subject.filter(|it| !it.is_empty()) else {
            if screen.parent().is_some() {
                return Err(format!("{0} needs a name: {0}/NAME", screen.name()));
            }
            return Ok(Target::screen(screen));
        };
        let about = match screen {
            Screen::Topic | Screen::Segments | Screen::Records => {
                match subject.rsplit_once(':').map(|(topic, it)| (topic, it.parse())) {
                    Some((topic, Ok(partition))) if screen != Screen::Topic => {
                        About::Partition { topic: topic.to_owned(), partition, offset: None }
                    }
                    _ => About::Topic(subject.to_owned()),
                }
            }
            Screen::Group => About::Group(subject.to_owned()),
            Screen::Configs => {
                let entity = ConfigEntity::parse(subject).map_err(|error| error.message)?;
                About::Entity(entity.to_string())
            }
            _ => {
                let cursor = Some(subject.to_owned());
                return Ok(Target { cursor, ..Target::screen(screen) });
            }
        };
        Ok(Target::about(screen, about))
    }

    pub(crate) fn about(screen: Screen, about: About) -> Target {
        Target { about, ..Target::screen(screen) }
    }
}

/// What a key of a screen's own came to.
#[derive(Debug)]
pub(crate) enum Reaction {
    Done,
    /// Something to say in the message line.
    Say(String),
}
