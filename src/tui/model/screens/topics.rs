//! Topics: all of them, the faulty ones first.

use std::collections::{BTreeMap, BTreeSet};

use kt_protocol::types::{NodeId, Now};
use serde::Serialize;
use serde_json::{Value as Json, json};

use crate::tui::history::store::{Metric, Subject};
use crate::tui::model::checks::Level;
use crate::tui::model::checks::facts::PartitionFact;
use crate::tui::model::checks::partitions::Fault;
use crate::tui::model::cluster::topics::Topic;
use crate::tui::model::cluster::{Cluster, brokers};
use crate::tui::model::listing::{Line, List, Listing};
use crate::tui::model::order::{Rank, Value};
use crate::tui::model::page::{About, Page, Target};
use crate::tui::model::schedule::Kind;
use crate::tui::model::screen::Screen;
use crate::tui::model::watch::{Judged, Watch};

/// A topic, as a line.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct TopicLine {
    pub(crate) name: String,
    pub(crate) is_internal: bool,
    pub(crate) level: Level,
    pub(crate) partitions: usize,
    pub(crate) replication_factor: usize,
    pub(crate) min_isr: Option<usize>,
    /// Partitions by what is wrong with them.
    pub(crate) offline: usize,
    pub(crate) below_min_isr: usize,
    /// For another reason than a broker that is down.
    pub(crate) out_of_sync: usize,
    /// The two worst of these, for the filter: `off2 min4`.
    pub(crate) faults: String,
    /// Records a second.
    pub(crate) records_in: Option<f64>,
    /// Bytes a second, and whether that is from records.
    pub(crate) bytes_in: Option<f64>,
    pub(crate) bytes_in_is_estimated: bool,
    /// Of the leaders' replicas, in bytes.
    pub(crate) size: Option<u64>,
    pub(crate) keep: Keep,
    pub(crate) groups: usize,
    /// End minus start, over all partitions.
    pub(crate) records: Option<u64>,
    /// Brokers that hold a replica, of all.
    pub(crate) spread: Option<f64>,
    /// How much more than its share the fullest broker has.
    pub(crate) skew: Option<f64>,
    pub(crate) leader_skew: Option<f64>,
    /// The age of what its latest group has not read, in ms.
    pub(crate) latest_group_ms: Option<u64>,
    /// Why it is not known.
    pub(crate) failure: Option<String>,
}

/// How long records are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Keep {
    #[default]
    Unknown,
    /// In ms.
    Time(u64),
    /// By size only.
    Size(u64),
    Compacted,
    ForEver,
}

impl Line for TopicLine {
    const SORTS: &'static [&'static str] =
        &["level, name", "topic", "part", "rec/s", "B/s", "size", "records", "worst"];

    fn key(&self) -> &str {
        &self.name
    }

    fn level(&self) -> Level {
        self.level
    }

    fn rank(&self, sort: usize) -> Rank {
        let number = |it: Option<f64>| it.map_or(Value::Missing, Value::Number);
        let count = |it: Option<u64>| number(it.map(|it| it as f64));
        let value = match Self::SORTS.get(sort).copied() {
            Some("part") => Value::Number(self.partitions as f64),
            Some("rec/s") => number(self.records_in),
            Some("B/s") => number(self.bytes_in),
            Some("size") => count(self.size),
            Some("records") => count(self.records),
            Some("worst") => count(self.latest_group_ms),
            _ => Value::Text(self.name.clone()),
        };
        let class = if sort == 0 { self.level.rank() } else { 0 };
        Rank { class, value }
    }

    fn words(&self) -> Vec<&str> {
        vec![&self.name, &self.faults]
    }

    fn is_internal(&self) -> bool {
        self.is_internal
    }
}

/// The screen.
#[derive(Debug, Default)]
pub(crate) struct Topics {
    pub(crate) list: Listing<TopicLine>,
    /// How many could be read, while the first answers come.
    pub(crate) is_known: bool,
}

impl Page for Topics {
    fn renew(&mut self, watch: &Watch, now: Now) {
        self.is_known = watch.cluster.oldest(&[Kind::Metadata]).is_some();
        self.list.take(now.monotonic, lines(watch));
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Metadata, Kind::LogEnds, Kind::LogDirs, Kind::LogStarts, Kind::Configs]
    }

    fn list(&self) -> &dyn List {
        &self.list
    }

    fn list_mut(&mut self) -> &mut dyn List {
        &mut self.list
    }

    fn open(&self, _watch: &Watch) -> Option<Target> {
        let name = self.list.line()?.name.clone();
        Some(Target::about(Screen::Topic, About::Topic(name)))
    }

    fn kt_line(&self) -> String {
        "kt topics list".to_owned()
    }

    fn details(&self, _watch: &Watch) -> Option<Json> {
        serde_json::to_value(self.list.line()?).ok()
    }

    fn charts(&self) -> Vec<(Subject, Metric)> {
        let (first, height) = self.list.seen();
        let shown = self.list.shown().skip(first).take(height);
        shown.map(|it| (Subject::Topic(it.name.clone()), Metric::RecordsIn)).collect()
    }

    fn json(&self) -> Json {
        json!({ "topics": self.list.shown().collect::<Vec<_>>() })
    }
}

/// All topics as lines.
pub(crate) fn lines(watch: &Watch) -> Vec<TopicLine> {
    let cluster = &watch.cluster;
    let down = down(cluster);
    let readers = readers(watch);
    let line = |(name, topic): (&String, &Topic)| {
        let mut line = line(watch, name, topic, &down);
        if let Some(readers) = readers.get(name.as_str()) {
            line.groups = readers.groups;
            line.latest_group_ms = readers.latest_ms;
        }
        line
    };
    cluster.topics.iter().map(line).collect()
}

/// Brokers that do not answer.
pub(crate) fn down(cluster: &Cluster) -> BTreeSet<i32> {
    let down = cluster.brokers.iter().filter(|(_, it)| it.state != brokers::BrokerState::Up);
    down.map(|(id, _)| id.0).collect()
}

/// The groups of a topic.
#[derive(Debug, Default)]
struct Readers {
    groups: usize,
    latest_ms: Option<u64>,
}

fn readers(watch: &Watch) -> BTreeMap<&str, Readers> {
    let mut readers: BTreeMap<&str, Readers> = BTreeMap::new();
    for (name, group) in &watch.cluster.groups {
        let commits = group.commits.iter().flatten().map(|it| it.0.topic.as_str());
        let shares = group.shares.iter().flat_map(|it| it.value.keys());
        let topics: BTreeSet<&str> = commits.chain(shares.map(|it| it.topic.as_str())).collect();
        let late = watch.groups.get(name).and_then(|it: &Judged| it.cells.late.age_ms());
        for topic in topics {
            let of_topic = readers.entry(topic).or_default();
            of_topic.groups += 1;
            of_topic.latest_ms = of_topic.latest_ms.max(late);
        }
    }
    readers
}

/// One topic as a line; who reads it is left out.
pub(crate) fn line(watch: &Watch, name: &str, topic: &Topic, down: &BTreeSet<i32>) -> TopicLine {
    let config = |key: &str| topic.configs.as_ref()?.value.get(key)?.value.as_deref();
    let min_isr = config("min.insync.replicas").and_then(|it| it.parse().ok());
    let bytes = watch.growth.of_topic(name, &watch.cluster);
    let mut line = TopicLine {
        name: name.to_owned(),
        is_internal: topic.is_internal,
        partitions: topic.partitions.len(),
        replication_factor: topic
            .partitions
            .values()
            .map(|it| it.replicas.len())
            .max()
            .unwrap_or(0),
        min_isr,
        records_in: watch.rates.get(name).and_then(|it| it.per_second()),
        bytes_in: bytes.map(|it| it.per_second),
        bytes_in_is_estimated: bytes.is_some_and(|it| it.is_estimated),
        size: sum(topic.partitions.values().map(|it| it.leader_size().map(|it| it.value))),
        keep: keep(&config),
        failure: topic.configs_failure.as_ref().map(|it| it.words.clone()),
        ..TopicLine::default()
    };
    count_faults(&mut line, topic, down);
    let records = topic.partitions.values().map(|it| {
        let (start, end) = (it.start?.value, it.end?.value);
        u64::try_from(end.0.saturating_sub(start.0)).ok()
    });
    line.records = sum(records);
    spread(&mut line, topic, watch.cluster.brokers.len());
    line
}

/// Of those that are known; `None` if none is.
fn sum(values: impl Iterator<Item = Option<u64>>) -> Option<u64> {
    values.flatten().reduce(u64::saturating_add)
}

fn count_faults(line: &mut TopicLine, topic: &Topic, down: &BTreeSet<i32>) {
    let mut level = Level::Ok;
    for (index, it) in &topic.partitions {
        let fact = PartitionFact {
            topic: &line.name,
            partition: index.0,
            leader: it.leader,
            replicas: &it.replicas,
            isr: &it.isr,
            min_isr: line.min_isr,
        };
        let fault = Fault::of(&fact, down);
        level = level.max(fault.level());
        match fault {
            Fault::Offline => line.offline += 1,
            Fault::BelowMinIsr => line.below_min_isr += 1,
            Fault::OutOfSync => line.out_of_sync += 1,
            Fault::OutOfSyncByDown | Fault::None => {}
        }
    }
    let all = [("off", line.offline), ("min", line.below_min_isr), ("urp", line.out_of_sync)];
    let found = all.into_iter().filter(|it| 0 < it.1).take(2);
    line.faults = found.map(|(word, count)| format!("{word}{count}")).collect::<Vec<_>>().join(" ");
    if level == Level::Ok && line.failure.is_some() {
        level = Level::Unknown;
    }
    line.level = level;
}

fn keep<'a>(config: &impl Fn(&str) -> Option<&'a str>) -> Keep {
    let Some(policy) = config("cleanup.policy") else { return Keep::Unknown };
    if policy.split(',').any(|it| it.trim() == "compact") {
        return Keep::Compacted;
    }
    let limit = |key: &str| config(key).and_then(|it| it.parse::<u64>().ok());
    match (limit("retention.ms"), limit("retention.bytes")) {
        (Some(ms), _) => Keep::Time(ms),
        (None, Some(bytes)) => Keep::Size(bytes),
        (None, None) => Keep::ForEver,
    }
}

fn spread(line: &mut TopicLine, topic: &Topic, brokers: usize) {
    let mut replicas: BTreeMap<NodeId, usize> = BTreeMap::new();
    let mut leaders: BTreeMap<NodeId, usize> = BTreeMap::new();
    for it in topic.partitions.values() {
        for id in &it.replicas {
            *replicas.entry(*id).or_default() += 1;
        }
        if let Some(leader) = it.leader {
            *leaders.entry(leader).or_default() += 1;
        }
    }
    if brokers == 0 || replicas.is_empty() {
        return;
    }
    line.spread = Some(replicas.len() as f64 / brokers as f64);
    line.skew = skew(&replicas, brokers);
    line.leader_skew = skew(&leaders, brokers);
}

/// How much more than the fair share the fullest broker has. A share that is no whole number
/// cannot be met: its next whole number is fair too.
pub(crate) fn skew(by_broker: &BTreeMap<NodeId, usize>, brokers: usize) -> Option<f64> {
    let most = by_broker.values().max()?;
    let all: usize = by_broker.values().sum();
    let fair = all.div_ceil(brokers);
    Some(most.saturating_sub(fair) as f64 / fair as f64)
}
