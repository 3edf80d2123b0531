//! Alerts: the built-in checks and the user's rules, what fires, and who was told.

use jiff::Timestamp;
use kt_protocol::types::{Millis, Now};
use serde_json::{Value as Json, json};

use crate::shell_words::quoted;
use crate::tui::alerts::engine::{Engine, Event, Line as EngineLine, Summary};
use crate::tui::alerts::rules::Origin;
use crate::tui::model::checks::{Level, Place};
use crate::tui::model::listing::{Line, List, Listing};
use crate::tui::model::order::{Rank, Value};
use crate::tui::model::page::{About, Page, Target};
use crate::tui::model::schedule::Kind;
use crate::tui::model::screen::Screen;
use crate::tui::model::watch::Watch;

/// A check or a rule, as a line.
#[derive(Clone, Debug)]
pub(crate) struct RuleLine {
    pub(crate) it: EngineLine,
    /// For how long it fires, in ms.
    pub(crate) since_ms: Option<u64>,
}

impl Line for RuleLine {
    const SORTS: &'static [&'static str] = &["level", "rule", "since"];

    fn key(&self) -> &str {
        &self.it.rule
    }

    fn level(&self) -> Level {
        self.it.level
    }

    fn rank(&self, sort: usize) -> Rank {
        let (class, value) = match sort {
            1 => (0, Value::Text(self.it.rule.clone())),
            2 => (0, self.since_ms.map_or(Value::Missing, |it| Value::Number(it as f64))),
            _ => {
                // Checks before rules of the user, each in its order.
                let order = self.it.check.map_or(9, |it| it as u8);
                (self.it.level.rank(), Value::Text(format!("{order}{}", self.it.rule)))
            }
        };
        Rank { class, value }
    }

    fn words(&self) -> Vec<&str> {
        vec![&self.it.rule, &self.it.subject, &self.it.value]
    }
}

/// Something that happened, as a line.
#[derive(Clone, Debug)]
pub(crate) struct EventLine {
    number: u64,
    /// Made of the number, so that the newest goes first.
    key: String,
    pub(crate) time: Timestamp,
    pub(crate) level: Level,
    pub(crate) text: String,
}

impl Line for EventLine {
    const SORTS: &'static [&'static str] = &["time"];

    fn key(&self) -> &str {
        &self.key
    }

    fn level(&self) -> Level {
        self.level
    }

    fn rank(&self, _sort: usize) -> Rank {
        Rank { class: 0, value: Value::Text(self.key.clone()) }
    }

    fn words(&self) -> Vec<&str> {
        vec![&self.text]
    }
}

/// The screen.
#[derive(Debug, Default)]
pub(crate) struct Alerts {
    pub(crate) rules: Listing<RuleLine>,
    pub(crate) events: Listing<EventLine>,
    pub(crate) summary: Summary,
    /// The file of the user's rules, and when it was read, if there was one.
    pub(crate) origin: Option<Origin>,
    /// Why it is not what is watched.
    pub(crate) refused: Option<String>,
    pub(crate) pane: usize,
}

/// The pane below.
const EVENTS: usize = 1;

impl Alerts {
    /// The check or rule under the cursor, where that is in sight: not among events.
    pub(crate) fn rule(&self) -> Option<&RuleLine> {
        if self.pane == EVENTS { None } else { self.rules.line() }
    }

    /// Takes over what the engine says.
    pub(crate) fn take(&mut self, engine: &Engine, now: Now) {
        self.rules.take(now.monotonic, lines(engine, now));
        self.summary = engine.summary();
        self.origin.clone_from(&engine.rules().origin);
        self.refused = engine.refused().map(ToString::to_string);
        let events = engine.events().map(|(number, it): (u64, &Event)| EventLine {
            number,
            key: format!("{:020}", u64::MAX - number),
            time: it.time,
            level: it.level,
            text: it.text.clone(),
        });
        self.events.take(now.monotonic, events);
    }
}

impl Page for Alerts {
    fn renew(&mut self, watch: &Watch, now: Now) {
        self.take(&watch.alerts, now);
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Brokers, Kind::Metadata, Kind::Quorum, Kind::LogDirs, Kind::Groups, Kind::Moves]
    }

    fn list(&self) -> &dyn List {
        if self.pane == 0 { &self.rules } else { &self.events }
    }

    fn list_mut(&mut self) -> &mut dyn List {
        if self.pane == 0 { &mut self.rules } else { &mut self.events }
    }

    fn pane_mut(&mut self, pane: usize) -> Option<&mut dyn List> {
        match pane {
            0 => Some(&mut self.rules),
            1 => Some(&mut self.events),
            _ => None,
        }
    }

    fn panes(&self) -> usize {
        2
    }

    fn focused(&self) -> usize {
        self.pane
    }

    fn focus(&mut self, pane: usize) {
        self.pane = pane;
    }

    fn open(&self, _watch: &Watch) -> Option<Target> {
        let line = &self.rule()?.it;
        if let Some(place) = &line.place {
            return Some(place.target());
        }
        line.check.map(|it| Target::screen(it.screen()))
    }

    fn named(&self) -> Option<String> {
        match self.pane {
            EVENTS => self.events.line().map(|it| it.text.clone()),
            _ => self.rules.line().map(|it| it.it.rule.clone()),
        }
    }

    fn kt_line(&self) -> String {
        match &self.origin {
            Some(Origin { path, read: Some(_) }) => {
                format!("kt alerts check {}", quoted(&path.to_string_lossy()))
            }
            _ => "kt dashboard --once alerts".to_owned(),
        }
    }

    fn says(&self, _now: Now) -> Option<(String, String)> {
        let why = self.refused.as_ref()?;
        Some((format!("the old rules stay: {why}"), "a r reload".to_owned()))
    }

    fn details(&self, watch: &Watch) -> Option<Json> {
        if self.pane == EVENTS {
            let number = self.events.line()?.number;
            let (_, event) = watch.alerts.events().find(|it| it.0 == number)?;
            return Some(json!({
                "time": event.time.to_string(),
                "level": event.level,
                "text": event.text,
                "notice": event.notice,
            }));
        }
        let line = self.rule()?;
        let firing = watch.alerts.firing(&line.it.rule);
        let mut json = line.json();
        json["firing"] = serde_json::to_value(firing).ok()?;
        Some(json)
    }

    fn json(&self) -> Json {
        json!({ "alerts": self.rules.shown().map(RuleLine::json).collect::<Vec<_>>() })
    }
}

/// All checks and rules as lines.
pub(crate) fn lines(engine: &Engine, now: Now) -> impl Iterator<Item = RuleLine> {
    let since = move |at: Option<Millis>| at.map(|at| now.monotonic - at);
    engine.lines().into_iter().map(move |it| RuleLine { since_ms: since(it.since), it })
}

impl RuleLine {
    fn json(&self) -> Json {
        json!({
            "level": self.it.level,
            "rule": self.it.rule,
            "is_check": self.it.check.is_some(),
            "subject": self.it.subject,
            "more": self.it.more,
            "value": self.it.value,
            "limit": self.it.limit,
            "since_ms": self.since_ms,
            "sent": self.it.sent.text(),
        })
    }
}

impl Place {
    /// The screen of a subject.
    fn target(&self) -> Target {
        let at = |screen: Screen, cursor: String| Target {
            cursor: Some(cursor),
            ..Target::screen(screen)
        };
        match self {
            Place::Broker(id) => at(Screen::Brokers, id.to_string()),
            Place::Directory(broker, path) => at(Screen::LogDirs, format!("{broker} {path}")),
            Place::Group(name) => Target::about(Screen::Group, About::Group(name.clone())),
            Place::Topic(name) => Target::about(Screen::Topic, About::Topic(name.clone())),
            Place::Partition(it) => {
                let target = Target::about(Screen::Topic, About::Topic(it.topic.clone()));
                Target { cursor: Some(it.partition.to_string()), ..target }
            }
        }
    }
}
