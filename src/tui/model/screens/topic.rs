//! One topic: its partitions, its configs, and the groups that read it.

mod partitions;

use std::collections::{BTreeMap, BTreeSet};

use kt_protocol::types::Now;
use serde_json::{Value as Json, json};

pub(crate) use self::partitions::PartitionLine;
use super::configs::{self, ConfigLine};
use super::groups::{self, GroupLine};
use super::topics::{self, TopicLine};
use crate::config_entity::ConfigEntity;
use crate::shell_words::quoted;
use crate::tui::history::store::{Metric, Subject as Charted};
use crate::tui::model::cluster::{Group, Topic};
use crate::tui::model::listing::{List, Listing};
use crate::tui::model::page::{About, Page, Target};
use crate::tui::model::schedule::{Kind, Needs, Subject};
use crate::tui::model::screen::Screen;
use crate::tui::model::watch::Watch;

/// What Tab walks through; the last two are ways to other screens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Pane {
    #[default]
    Partitions,
    Configs,
    Groups,
    Records,
    Segments,
}

impl Pane {
    pub(crate) const ALL: [Pane; 5] =
        [Pane::Partitions, Pane::Configs, Pane::Groups, Pane::Records, Pane::Segments];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Pane::Partitions => "partitions",
            Pane::Configs => "configs",
            Pane::Groups => "groups",
            Pane::Records => "records",
            Pane::Segments => "segments",
        }
    }
}

/// Whether there is such a topic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Nobody told yet.
    #[default]
    Unknown,
    Here,
    /// It was here, and is no more.
    Deleted,
    Missing,
}

/// The screen.
#[derive(Debug, Default)]
pub(crate) struct TopicPage {
    /// Empty until one was opened.
    pub(crate) name: String,
    pub(crate) standing: Standing,
    /// All of it, as on topics.
    pub(crate) whole: TopicLine,
    pub(crate) partitions: Listing<PartitionLine>,
    pub(crate) configs: Listing<ConfigLine>,
    /// Why its configs are not told.
    pub(crate) configs_failure: Option<String>,
    pub(crate) configs_known: bool,
    pub(crate) groups: Listing<GroupLine>,
    /// Each broker that has a part of it: partitions that it leads, and replicas.
    pub(crate) brokers: BTreeMap<i32, (usize, usize)>,
    pub(crate) pane: Pane,
}

impl TopicPage {
    fn entity(&self) -> ConfigEntity {
        ConfigEntity::Topic(self.name.clone())
    }

    /// How many configs are set, by whomever.
    pub(crate) fn set(&self) -> usize {
        self.configs.all().filter(|it| it.is_set()).count()
    }

    /// Whether a partition has open transactions.
    pub(crate) fn has_held(&self) -> bool {
        self.partitions.all().any(|it| 0 < it.held.unwrap_or(0))
    }

    fn renew_topic(&mut self, watch: &Watch, topic: &Topic, now: Now) {
        let down = watch.cluster.down();
        self.whole = topics::line(watch, &self.name, topic, &down);
        let lines = partitions::lines(watch, &self.name, topic, &self.whole, &down);
        let told = watch.round_of(&[Kind::Metadata, Kind::SubjectPartitions]);
        self.partitions.take_told(now.monotonic, told, lines);
        self.brokers.clear();
        for it in topic.partitions.values() {
            for id in &it.replicas {
                self.brokers.entry(id.0).or_default().1 += 1;
            }
            if let Some(id) = it.leader {
                self.brokers.entry(id.0).or_default().0 += 1;
            }
        }
        let readers = watch.cluster.groups.iter().filter(|(_, it)| reads(it, &self.name));
        let readers: Vec<GroupLine> =
            readers.map(|(name, it)| groups::line(watch, name, it)).collect();
        self.whole.groups = readers.len();
        self.groups.take_told(now.monotonic, watch.round_of(groups::MADE_OF), readers);
        let known = watch.cluster.configs.get(&self.entity());
        self.configs_known = known.is_some_and(|it| it.told.is_some());
        self.configs_failure = known.and_then(|it| it.failure.as_ref()).map(|it| it.words.clone());
        self.configs.take(now.monotonic, configs::lines(&self.entity(), known));
    }

    /// A partition and where it is opened.
    fn target(&self, screen: Screen) -> Option<Target> {
        let partition = self.partitions.line()?.index;
        let topic = self.name.clone();
        Some(Target::about(screen, About::Partition { topic, partition, offset: None }))
    }
}

/// Whether a group has committed in a topic, or has members that read it.
fn reads(group: &Group, topic: &str) -> bool {
    let commits = group.commits.iter().flatten().map(|it| &it.0.topic);
    let shares = group.shares.iter().flat_map(|it| it.value.keys()).map(|it| &it.topic);
    let members = group.description.iter().flat_map(|it| &it.value.members);
    let assigned = members.flat_map(|it| &it.assignment).map(|it| &it.topic);
    commits.chain(shares).chain(assigned).any(|it| it == topic)
}

impl Page for TopicPage {
    fn renew(&mut self, watch: &Watch, now: Now) {
        let cluster = &watch.cluster;
        if cluster.oldest(&[Kind::Metadata]).is_none() {
            return;
        }
        match cluster.topics.get(&self.name) {
            Some(topic) => {
                self.standing = Standing::Here;
                self.renew_topic(watch, topic, now);
            }
            None => {
                self.standing = match self.standing {
                    Standing::Here | Standing::Deleted => Standing::Deleted,
                    Standing::Unknown | Standing::Missing => Standing::Missing,
                };
                self.partitions.clear();
                self.configs.clear();
                self.groups.clear();
            }
        }
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Metadata, Kind::LogEnds, Kind::LogDirs, Kind::LogStarts, Kind::Configs]
    }

    fn needs(&self, watch: &Watch, needs: &mut Needs) {
        if self.name.is_empty() || matches!(self.standing, Standing::Deleted | Standing::Missing) {
            return;
        }
        needs.subject = Some(Subject::Topic(self.name.clone()));
        needs.configs_of = Some(self.entity());
        let (first, height) = self.groups.seen();
        let shown: Vec<&GroupLine> = self.groups.shown().skip(first).take(height).collect();
        needs.members.extend(shown.iter().map(|it| it.name.clone()));
        groups::add_ages(watch, &shown, needs);
    }

    fn list(&self) -> &dyn List {
        match self.pane {
            Pane::Partitions | Pane::Records | Pane::Segments => &self.partitions,
            Pane::Configs => &self.configs,
            Pane::Groups => &self.groups,
        }
    }

    fn list_mut(&mut self) -> &mut dyn List {
        match self.pane {
            Pane::Partitions | Pane::Records | Pane::Segments => &mut self.partitions,
            Pane::Configs => &mut self.configs,
            Pane::Groups => &mut self.groups,
        }
    }

    fn pane_mut(&mut self, pane: usize) -> Option<&mut dyn List> {
        match Pane::ALL.get(pane)? {
            Pane::Partitions | Pane::Records | Pane::Segments => Some(&mut self.partitions),
            Pane::Configs => Some(&mut self.configs),
            Pane::Groups => Some(&mut self.groups),
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

    fn set_about(&mut self, about: &About) {
        let (name, partition) = match about {
            About::Topic(name) => (name, None),
            About::Partition { topic, partition, .. } => (topic, Some(partition)),
            About::Cluster | About::Group(_) | About::Entity(_) => return,
        };
        self.pane = Pane::Partitions;
        if self.name != *name {
            self.name.clone_from(name);
            self.standing = Standing::Unknown;
            self.whole = TopicLine::default();
            self.brokers.clear();
            self.partitions.clear();
            self.configs.clear();
            self.groups.clear();
        }
        if let Some(partition) = partition {
            self.partitions.seek(&partition.to_string());
        }
    }

    fn about(&self) -> About {
        match self.name.is_empty() {
            true => About::Cluster,
            false => About::Topic(self.name.clone()),
        }
    }

    fn open(&self, _watch: &Watch) -> Option<Target> {
        match self.pane {
            Pane::Partitions => self.target(Screen::Records),
            Pane::Records => Some(Target::about(Screen::Records, About::Topic(self.name.clone()))),
            Pane::Segments => self.target(Screen::Segments),
            Pane::Configs => {
                let cursor = Some(self.configs.line()?.name.clone());
                let about = About::Entity(self.entity().to_string());
                Some(Target { cursor, ..Target::about(Screen::Configs, about) })
            }
            Pane::Groups => {
                let name = self.groups.line()?.name.clone();
                Some(Target::about(Screen::Group, About::Group(name)))
            }
        }
    }

    fn config(&self) -> Option<(String, Option<String>)> {
        match self.pane {
            Pane::Configs => self.configs.line().map(ConfigLine::pair),
            _ => None,
        }
    }

    fn kt_line(&self) -> String {
        let name = quoted(&self.name);
        match self.pane {
            Pane::Configs => format!("kt configs describe topic/{name} --all"),
            Pane::Groups => match self.groups.line() {
                Some(it) => format!("kt groups describe {}", quoted(&it.name)),
                None => "kt groups list".to_owned(),
            },
            Pane::Records => format!("kt consume {name}"),
            Pane::Partitions | Pane::Segments => format!("kt topics describe {name}"),
        }
    }

    fn details(&self, _watch: &Watch) -> Option<Json> {
        match self.pane {
            Pane::Configs => Some(self.configs.line()?.details()),
            Pane::Groups => Some(self.groups.line()?.json()),
            _ => serde_json::to_value(self.partitions.line()?).ok(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self.pane {
            Pane::Configs => self.configs.line()?.meaning.clone(),
            _ => None,
        }
    }

    fn charts(&self) -> Vec<(Charted, Metric)> {
        vec![(Charted::Topic(self.name.clone()), Metric::RecordsIn)]
    }

    fn json(&self) -> Json {
        let topic = match self.standing {
            Standing::Here => serde_json::to_value(&self.whole).ok(),
            _ => None,
        };
        json!({
            "topic": topic,
            "partitions": self.partitions.shown().collect::<Vec<_>>(),
            "configs": self.configs.shown().map(ConfigLine::json).collect::<Vec<_>>(),
            "groups": self.groups.shown().map(GroupLine::json).collect::<Vec<_>>(),
        })
    }
}

/// For the partitions: brokers that do not answer.
type Down = BTreeSet<i32>;
