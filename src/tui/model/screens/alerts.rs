//! Alerts: the built-in checks and the user's rules, what fires, and who was told.

use jiff::Timestamp;
use kt_protocol::types::{Millis, Now};
use serde_json::{Value as Json, json};

use crate::tui::alerts::engine::{Engine, Event, Line as EngineLine, Summary};
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
    /// The file of the user's rules, and when it was read.
    pub(crate) origin: Option<(String, Timestamp)>,
    /// Why it is not what is watched.
    pub(crate) refused: Option<String>,
    pub(crate) pane: usize,
}

impl Alerts {
    /// Takes over what the engine says.
    pub(crate) fn take(&mut self, engine: &Engine, now: Now) {
        self.rules.take(now.monotonic, lines(engine, now));
        self.summary = engine.summary();
        let name = |path: &std::path::Path| {
            path.file_name().map(|it| it.to_string_lossy().into_owned()).unwrap_or_default()
        };
        let origin = engine.rules().origin.as_ref();
        self.origin = origin.map(|it| (name(&it.path), it.read));
        self.refused = engine.refused().map(ToString::to_string);
        // The newest first.
        let events =
            engine.events().rev().enumerate().map(|(index, it): (usize, &Event)| EventLine {
                key: format!("{index:06}"),
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
        let line = &self.rules.line()?.it;
        if let Some(place) = &line.place {
            return Some(place.target());
        }
        line.check.map(|it| Target::screen(it.screen()))
    }

    fn kt_line(&self) -> String {
        match &self.origin {
            Some((name, _)) => format!("kt alerts check {name}"),
            None => "kt dashboard --once alerts".to_owned(),
        }
    }

    fn details(&self, watch: &Watch) -> Option<Json> {
        let line = self.rules.line()?;
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
