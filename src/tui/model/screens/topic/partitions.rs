//! A partition as a line: who leads it, who is in sync, where its log begins and ends.

use serde::Serialize;

use super::Down;
use crate::tui::model::checks::Level;
use crate::tui::model::checks::facts::PartitionFact;
use crate::tui::model::checks::partitions::Fault;
use crate::tui::model::cluster::Topic;
use crate::tui::model::cluster::topics::Partition;
use crate::tui::model::listing::Line;
use crate::tui::model::order::{Rank, Value};
use crate::tui::model::schedule::Kind;
use crate::tui::model::screens::topics::TopicLine;
use crate::tui::model::watch::Watch;

/// A partition.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct PartitionLine {
    #[serde(skip)]
    key: String,
    #[serde(rename = "partition")]
    pub(crate) index: i32,
    pub(crate) level: Level,
    pub(crate) leader: Option<i32>,
    /// The first of its replicas leads it.
    pub(crate) is_preferred: bool,
    #[serde(rename = "leader_epoch")]
    pub(crate) epoch: i32,
    pub(crate) replicas: Vec<i32>,
    pub(crate) isr: Vec<i32>,
    /// Of those that are not in sync, the ones whose broker is up.
    #[serde(skip)]
    pub(crate) lagging: Vec<i32>,
    /// `None` where brokers do not tell it.
    pub(crate) elr: Option<Vec<i32>>,
    #[serde(rename = "log_start_offset")]
    pub(crate) start: Option<i64>,
    #[serde(rename = "high_watermark")]
    pub(crate) end: Option<i64>,
    /// Records a second.
    pub(crate) records_in: Option<f64>,
    /// Of the leader's replica, in bytes.
    #[serde(rename = "size_bytes")]
    pub(crate) size: Option<u64>,
    /// Records that open transactions hold back.
    pub(crate) held: Option<u64>,
    /// Why its offsets are not told.
    pub(crate) failure: Option<String>,
    /// For the filter.
    #[serde(skip)]
    leader_word: String,
    #[serde(skip)]
    fault: &'static str,
    /// What cannot be written at all goes before what is merely short of replicas.
    #[serde(skip)]
    urgency: u8,
}

impl Line for PartitionLine {
    const SORTS: &'static [&'static str] =
        &["level, part", "part", "leader", "start", "end", "rec/s", "size"];

    fn key(&self) -> &str {
        &self.key
    }

    fn level(&self) -> Level {
        self.level
    }

    fn set_level(&mut self, level: Level) {
        self.level = level;
        self.urgency = match level {
            Level::Bad => 3,
            Level::Warn => 2,
            Level::Unknown => 1,
            Level::Ok => 0,
        };
    }

    fn rank(&self, sort: usize) -> Rank {
        let number = |it: Option<f64>| it.map_or(Value::Missing, Value::Number);
        let value = match Self::SORTS.get(sort).copied() {
            Some("leader") => Value::Text(format!("{:010}", self.leader.unwrap_or(-1))),
            Some("start") => number(self.start.map(|it| it as f64)),
            Some("end") => number(self.end.map(|it| it as f64)),
            Some("rec/s") => number(self.records_in),
            Some("size") => number(self.size.map(|it| it as f64)),
            _ => Value::Text(format!("{:010}", self.index)),
        };
        let class = if sort == 0 { self.urgency } else { 0 };
        Rank { class, value }
    }

    fn words(&self) -> Vec<&str> {
        vec![&self.key, &self.leader_word, self.fault]
    }
}

/// The partitions of a topic.
pub(super) fn lines(
    watch: &Watch,
    name: &str,
    topic: &Topic,
    whole: &TopicLine,
    down: &Down,
) -> Vec<PartitionLine> {
    let (ends_of, since) = (watch.store.ends_of(name), watch.fresh_since(Kind::LogEnds));
    let line = |(index, it): (&kt_protocol::types::PartitionIndex, &Partition)| {
        let fact = PartitionFact {
            topic: name,
            partition: index.0,
            leader: it.leader,
            replicas: &it.replicas,
            isr: &it.isr,
            min_isr: whole.min_isr,
        };
        let ends = ends_of.and_then(|it| it.get(&index.0));
        let records_in = ends.and_then(|it| it.rate(since).per_second());
        let held = it.stable_end.and_then(|stable| {
            // Both come with different answers: what was there before the last stable offset was
            // told is held back if that had not passed it.
            let end = ends?.before(stable.at)?;
            u64::try_from(end - stable.value).ok()
        });
        PartitionLine { held, ..line(it, index.0, Fault::of(&fact, down), records_in, down) }
    };
    topic.partitions.iter().map(line).collect()
}

fn line(
    it: &Partition,
    index: i32,
    fault: Fault,
    records_in: Option<f64>,
    down: &Down,
) -> PartitionLine {
    let leader = it.leader.map(|it| it.0);
    let missing = it.replicas.iter().filter(|id| !it.isr.contains(id)).map(|it| it.0);
    let level = match fault.level() {
        Level::Ok if it.failure.is_some() => Level::Unknown,
        level => level,
    };
    let ids = |of: &[kt_protocol::types::NodeId]| of.iter().map(|it| it.0).collect();
    PartitionLine {
        key: index.to_string(),
        index,
        level,
        leader,
        is_preferred: it.replicas.first().map(|it| it.0) == leader,
        epoch: it.epoch.0,
        replicas: ids(&it.replicas),
        isr: ids(&it.isr),
        lagging: missing.filter(|id| !down.contains(id)).collect(),
        elr: it.elr.as_deref().map(ids),
        start: it.start.map(|it| it.value.0),
        end: it.end.map(|it| it.value.0),
        records_in,
        size: it.leader_size().map(|it| it.value),
        held: None,
        failure: it.failure.map(|it| it.name().to_owned()),
        leader_word: leader.map_or_else(|| "none".to_owned(), |it| it.to_string()),
        urgency: match (fault, level) {
            (Fault::Offline, _) => 4,
            (Fault::BelowMinIsr, _) => 3,
            (Fault::OutOfSync, _) => 2,
            (_, Level::Unknown) => 1,
            _ => 0,
        },
        fault: match fault {
            Fault::Offline => "offline",
            Fault::BelowMinIsr => "min",
            Fault::OutOfSync | Fault::OutOfSyncByDown => "urp",
            Fault::None => "",
        },
    }
}
