//! The overview: is the cluster healthy, and if not, where.

use kt_protocol::types::Now;
use serde_json::{Value as Json, json};

use super::alerts::{self, RuleLine};
use super::brokers::{self, BrokerLine};
use super::groups::{self, GroupLine};
use super::topics::{self, TopicLine};
use crate::tui::history::store::{Metric, Subject};
use crate::tui::model::checks::{Check, CheckKind, Level, Place};
use crate::tui::model::listing::{Line, List, Listing};
use crate::tui::model::order::{Rank, Value};
use crate::tui::model::page::{About, Page, Target};
use crate::tui::model::schedule::{Kind, Needs};
use crate::tui::model::screen::Screen;
use crate::tui::model::watch::Watch;

/// A check's line. Its place never changes.
#[derive(Clone, Debug)]
pub(crate) struct CheckLine {
    pub(crate) check: Check,
}

impl Line for CheckLine {
    const SORTS: &'static [&'static str] = &["check"];

    fn key(&self) -> &str {
        self.check.kind.name()
    }

    fn level(&self) -> Level {
        self.check.level
    }

    fn rank(&self, _sort: usize) -> Rank {
        Rank { class: 0, value: Value::Text((self.check.kind as u8).to_string()) }
    }
}

/// A topic by how busy it is.
#[derive(Clone, Debug)]
pub(crate) struct BusyTopic(pub(crate) TopicLine);

impl Line for BusyTopic {
    const SORTS: &'static [&'static str] = &["rec/s"];

    fn key(&self) -> &str {
        &self.0.name
    }

    fn level(&self) -> Level {
        self.0.level
    }

    fn set_level(&mut self, level: Level) {
        self.0.level = level;
    }

    fn rank(&self, _sort: usize) -> Rank {
        Rank { class: 0, value: self.0.records_in.map_or(Value::Missing, Value::Number) }
    }

    fn is_internal(&self) -> bool {
        self.0.is_internal
    }
}

/// The panes, in the order of Tab.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Pane {
    #[default]
    Checks,
    Topics,
    Groups,
    Brokers,
}

impl Pane {
    pub(crate) const ALL: [Pane; 4] = [Pane::Checks, Pane::Topics, Pane::Groups, Pane::Brokers];
}

/// The screen.
#[derive(Debug, Default)]
pub(crate) struct Overview {
    pub(crate) checks: Listing<CheckLine>,
    pub(crate) topics: Listing<BusyTopic>,
    pub(crate) groups: Listing<GroupLine>,
    pub(crate) brokers: Listing<BrokerLine>,
    /// What fires now.
    pub(crate) alerts: Listing<RuleLine>,
    pub(crate) pane: Pane,
    /// Whether anybody has told what topics there are.
    pub(crate) is_known: bool,
    /// Of the lines of topics and groups.
    revision: u64,
}

impl Page for Overview {
    fn renew(&mut self, watch: &Watch, now: Now) {
        self.is_known = watch.cluster.oldest(&[Kind::Metadata]).is_some();
        let at = now.monotonic;
        let checks = watch.checks.iter().flatten();
        self.checks.take(at, checks.map(|it| CheckLine { check: it.clone() }));
        if self.revision != watch.revision {
            self.revision = watch.revision;
            let topics = topics::lines(watch).into_iter().map(BusyTopic).collect();
            self.topics.take_told(at, watch.round_of(&[Kind::Metadata]), topics);
            self.groups.take_told(at, watch.round_of(groups::MADE_OF), groups::lines(watch));
        }
        let brokers = brokers::lines(watch, now);
        self.brokers.take_told(at, watch.round_of(&[Kind::Brokers]), brokers);
        let firing = alerts::lines(&watch.alerts, now).filter(|it| Level::Unknown < it.level());
        self.alerts.take(at, firing);
    }

    fn kinds(&self) -> &'static [Kind] {
        &[
            Kind::Brokers,
            Kind::Metadata,
            Kind::LogEnds,
            Kind::Commits,
            Kind::ShareCommits,
            Kind::Groups,
            Kind::Quorum,
            Kind::Moves,
            Kind::LogDirs,
        ]
    }

    fn needs(&self, watch: &Watch, needs: &mut Needs) {
        let (first, height) = self.groups.seen();
        let shown: Vec<&GroupLine> = self.groups.shown().skip(first).take(height).collect();
        groups::add_ages(watch, &shown, needs);
    }

    fn list(&self) -> &dyn List {
        match self.pane {
            Pane::Checks => &self.checks,
            Pane::Topics => &self.topics,
            Pane::Groups => &self.groups,
            Pane::Brokers => &self.brokers,
        }
    }

    fn list_mut(&mut self) -> &mut dyn List {
        match self.pane {
            Pane::Checks => &mut self.checks,
            Pane::Topics => &mut self.topics,
            Pane::Groups => &mut self.groups,
            Pane::Brokers => &mut self.brokers,
        }
    }

    fn pane_mut(&mut self, pane: usize) -> Option<&mut dyn List> {
        match Pane::ALL.get(pane)? {
            Pane::Checks => Some(&mut self.checks),
            Pane::Topics => Some(&mut self.topics),
            Pane::Groups => Some(&mut self.groups),
            Pane::Brokers => Some(&mut self.brokers),
        }
    }

    fn panes(&self) -> usize {
        Pane::ALL.len()
    }

    fn focused(&self) -> usize {
        self.pane as usize
    }

    fn focus(&mut self, pane: usize) {
        self.pane = Pane::ALL.get(pane).copied().unwrap_or_default();
    }

    fn open(&self, _watch: &Watch) -> Option<Target> {
        match self.pane {
            Pane::Checks => Some(self.checks.line()?.check.target()),
            Pane::Topics => {
                let name = self.topics.line()?.0.name.clone();
                Some(Target::about(Screen::Topic, About::Topic(name)))
            }
            Pane::Groups => {
                let name = self.groups.line()?.name.clone();
                Some(Target::about(Screen::Group, About::Group(name)))
            }
            Pane::Brokers => {
                let cursor = Some(self.brokers.line()?.key().to_owned());
                Some(Target { cursor, ..Target::screen(Screen::Brokers) })
            }
        }
    }

    fn kt_line(&self) -> String {
        "kt dashboard --once overview".to_owned()
    }

    fn details(&self, _watch: &Watch) -> Option<Json> {
        match self.pane {
            Pane::Checks => Some(self.checks.line()?.check.json()),
            Pane::Topics => serde_json::to_value(&self.topics.line()?.0).ok(),
            Pane::Groups => Some(self.groups.line()?.json()),
            Pane::Brokers => serde_json::to_value(self.brokers.line()?).ok(),
        }
    }

    fn charts(&self) -> Vec<(Subject, Metric)> {
        let totals = [Metric::RecordsIn, Metric::BytesIn, Metric::RecordsOut];
        let mut charts: Vec<(Subject, Metric)> =
            totals.into_iter().map(|it| (Subject::Total, it)).collect();
        let (first, height) = self.topics.seen();
        let topics = self.topics.shown().skip(first).take(height);
        charts.extend(topics.map(|it| (Subject::Topic(it.0.name.clone()), Metric::RecordsIn)));
        let (first, height) = self.groups.seen();
        let groups = self.groups.shown().skip(first).take(height);
        charts.extend(groups.map(|it| (Subject::Group(it.name.clone()), Metric::Lag)));
        charts.extend(self.brokers.shown().map(|it| (Subject::Broker(it.id), Metric::BytesIn)));
        charts
    }

    fn json(&self) -> Json {
        json!({
            "checks": self.checks.shown().map(|it| it.check.json()).collect::<Vec<_>>(),
            "brokers": self.brokers.shown().collect::<Vec<_>>(),
            "busiest_topics": self.topics.shown().take(TOP).map(|it| &it.0).collect::<Vec<_>>(),
            "groups": self.groups.shown().take(TOP).map(GroupLine::json).collect::<Vec<_>>(),
        })
    }
}

/// So many of the busiest topics and the worst groups are printed.
const TOP: usize = 14;

impl Check {
    /// The screen that shows more, with the cursor on the worst.
    pub(crate) fn target(&self) -> Target {
        let screen = self.kind.screen();
        let cursor = self.worst.as_ref().map(|it| match &it.place {
            Place::Broker(id) => id.to_string(),
            Place::Partition(it) if screen == Screen::Topics => it.topic.clone(),
            Place::Partition(it) => it.to_string(),
            Place::Directory(broker, path) => format!("{broker} {path}"),
            Place::Group(name) | Place::Topic(name) => name.clone(),
        });
        // A throttle that is left behind is no fault of a move.
        let is_of_list = !matches!(
            (self.kind, self.worst.as_ref().map(|it| &it.place)),
            (CheckKind::Moves, Some(Place::Topic(_) | Place::Broker(_)))
        );
        let only_faults = Level::Ok < self.level && cursor.is_some() && is_of_list;
        Target { cursor, only_faults, ..Target::screen(screen) }
    }

    /// Its values, for scripts.
    pub(crate) fn json(&self) -> Json {
        json!({
            "check": self.kind.name(),
            "level": self.level,
            "now": self.text(usize::MAX),
            "where": self.worst.as_ref().map(|it| it.text.as_str()),
        })
    }
}

impl CheckKind {
    /// The screen that its line leads to; its number is the key.
    pub(crate) fn screen(self) -> Screen {
        match self {
            CheckKind::Brokers => Screen::Brokers,
            CheckKind::Partitions => Screen::Topics,
            CheckKind::Quorum => Screen::Quorum,
            CheckKind::Disk => Screen::LogDirs,
            CheckKind::Groups => Screen::Groups,
            CheckKind::Moves => Screen::Reassignments,
        }
    }
}
