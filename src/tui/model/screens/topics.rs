//! Topics: all of them, the faulty ones first.

use std::collections::{BTreeMap, BTreeSet};

use kt_protocol::ErrorCode;
use kt_protocol::types::Now;
use serde::Serialize;
use serde_json::{Value as Json, json};

use crate::tui::history::store::{Metric, Subject};
use crate::tui::model::checks::Level;
use crate::tui::model::checks::facts::PartitionFact;
use crate::tui::model::checks::partitions::Fault;
use crate::tui::model::cluster::topics::{Partition, StoredAs, Topic};
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
    /// Of some partitions it is not known.
    pub(crate) size_is_part: bool,
    pub(crate) keep: Keep,
    pub(crate) groups: usize,
    /// End minus start, over all partitions.
    pub(crate) records: Option<u64>,
    pub(crate) records_are_part: bool,
    /// Brokers that hold a replica, of all.
    pub(crate) spread: Option<f64>,
    /// How much more than its share the fullest broker has.
    pub(crate) skew: Option<f64>,
    pub(crate) leader_skew: Option<f64>,
    /// Whether other places for its replicas, or leaders, would be fairer.
    #[serde(skip)]
    pub(crate) is_skewed: bool,
    #[serde(skip)]
    pub(crate) is_leader_skewed: bool,
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
    const SORTS: &'static [&'static str] = &[
        "level, name",
        "topic",
        "part",
        "rec/s",
        "B/s",
        "size",
        "records",
        "worst",
        "rf",
        "min",
        "faults",
        "keep",
        "sprd",
        "skew",
        "lskw",
        "grp",
    ];

    fn key(&self) -> &str {
        &self.name
    }

    fn level(&self) -> Level {
        self.level
    }

    fn set_level(&mut self, level: Level) {
        self.level = level;
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
            Some("rf") => Value::Number(self.replication_factor as f64),
            Some("min") => count(self.min_isr.map(|it| it as u64)),
            Some("faults") => Value::Number(self.faulty()),
            Some("keep") => match self.keep {
                Keep::Time(ms) => Value::Number(ms as f64),
                Keep::ForEver => Value::Number(f64::MAX),
                Keep::Unknown | Keep::Size(_) | Keep::Compacted => Value::Missing,
            },
            Some("sprd") => number(self.spread),
            Some("skew") => number(self.skew),
            Some("lskw") => number(self.leader_skew),
            Some("grp") => Value::Number(self.groups as f64),
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

impl TopicLine {
    /// Of what is wrong, the worst counts first.
    fn faulty(&self) -> f64 {
        let faults = [self.offline, self.below_min_isr, self.out_of_sync];
        faults.into_iter().fold(0.0, |sum, count| sum * 1e6 + count as f64)
    }
}

/// The screen.
#[derive(Debug, Default)]
pub(crate) struct Topics {
    pub(crate) list: Listing<TopicLine>,
    /// Whether anybody has told what topics there are.
    pub(crate) is_known: bool,
    revision: u64,
}

impl Page for Topics {
    fn renew(&mut self, watch: &Watch, now: Now) {
        self.is_known = watch.cluster.oldest(&[Kind::Metadata]).is_some();
        if self.revision != watch.revision {
            self.revision = watch.revision;
            self.list.take_told(now.monotonic, watch.round_of(&[Kind::Metadata]), lines(watch));
        }
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
    let down = cluster.down();
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

/// The groups of a topic.
#[derive(Debug, Default)]
struct Readers {
    groups: usize,
    latest_ms: Option<u64>,
}

fn readers(watch: &Watch) -> BTreeMap<&str, Readers> {
    let mut readers: BTreeMap<&str, Readers> = BTreeMap::new();
    for (name, group) in &watch.cluster.groups {
        let late = watch.groups.get(name).and_then(|it: &Judged| it.cells.late.age_ms());
        let mut last = None;
        // In order, so that those of a topic stand together.
        for topic in group.read().map(|it| it.topic.as_str()) {
            if last.replace(topic) == Some(topic) {
                continue;
            }
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
    let size = sum(topic.partitions.values().map(size_of));
    let spread = watch.placement.spread(name);
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
        bytes_in_is_estimated: size.is_part || bytes.is_some_and(|it| it.is_estimated),
        size: size.value,
        size_is_part: size.is_part,
        keep: keep(&config),
        spread: spread.share,
        skew: spread.replicas.share,
        leader_skew: spread.leaders.share,
        is_skewed: spread.replicas.could_be_fairer,
        is_leader_skewed: spread.leaders.could_be_fairer,
        failure: failure(topic),
        ..TopicLine::default()
    };
    count_faults(&mut line, topic, down);
    let records = topic.partitions.values().map(|it| {
        let (start, end) = (it.start?.value, it.end?.value);
        u64::try_from(end.0.saturating_sub(start.0)).ok()
    });
    let records = sum(records);
    (line.records, line.records_are_part) = (records.value, records.is_part);
    line
}

/// Why something of it is not known: what its configs say, or where the first of its partitions
/// ends.
fn failure(topic: &Topic) -> Option<String> {
    let configs = topic.configs_failure.as_ref().map(|it| it.words.clone());
    // A leader that moved is asked again soon, and what was told of it before stands.
    let of_offsets = || {
        topic.partitions.iter().find_map(|(index, it)| {
            let lacks = it.end.is_none() || it.start.is_none();
            let is_denied = |it: &ErrorCode| *it == ErrorCode::TopicAuthorizationFailed;
            let code = it.failure.filter(|it| lacks || is_denied(it))?;
            Some(format!("{} from ListOffsets for partition {}", code.name(), index.0))
        })
    };
    configs.or_else(of_offsets)
}

/// What the leader's replica takes; of a partition without one, the largest that is known.
fn size_of(it: &Partition) -> Option<u64> {
    let current = it.stored.iter().filter(|(key, _)| key.1 == StoredAs::Current);
    let largest = || current.map(|(_, it)| it.size.value).max();
    match it.leader {
        Some(_) => it.leader_size().map(|it| it.value),
        None => largest(),
    }
}

/// A sum over what is known.
struct Sum {
    /// `None` if nothing is known.
    value: Option<u64>,
    /// Something is missing.
    is_part: bool,
}

fn sum(values: impl Iterator<Item = Option<u64>>) -> Sum {
    let mut sum = Sum { value: None, is_part: false };
    for it in values {
        match it {
            Some(it) => sum.value = Some(sum.value.unwrap_or(0).saturating_add(it)),
            None => sum.is_part = true,
        }
    }
    sum
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_topic_ends_may_be_denied() {
        use crate::tui::model::cluster::topics::Partition;
        let mut topic = Topic::default();
        let denied = Partition {
            failure: Some(ErrorCode::TopicAuthorizationFailed),
            ..Partition::default()
        };
        topic.partitions.insert(kt_protocol::types::PartitionIndex(3), denied);
        let says = failure(&topic).unwrap();
        assert_eq!(says, "TOPIC_AUTHORIZATION_FAILED from ListOffsets for partition 3");
        let mut line = TopicLine { failure: Some(says), ..TopicLine::default() };
        let well = Topic::default();
        count_faults(&mut line, &well, &BTreeSet::new());
        assert_eq!(line.level, Level::Unknown);
    }
}
