//! The facts of each group, and the cells that they come to.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use kt_client::admin::{GroupState, GroupType};
use kt_protocol::types::{Millis, Now, Offset, TopicPartition};

use super::Watch;
use crate::group_verdict::{Level, Verdict};
use crate::tui::history::store::{Metric, Subject};
use crate::tui::history::{AppendedAt, CommittedHistory, Rate};
use crate::tui::model::cluster::groups::Group;
use crate::tui::model::cluster::topics::{Partition, Topic};
use crate::tui::model::lag::{
    Cells, Clocks, GroupFacts, GroupKind, PartitionFacts, Probe, Retention,
};
use crate::tui::model::schedule::Kind;

/// What a group's facts come to.
#[derive(Clone, Debug)]
pub(crate) struct Judged {
    pub(crate) cells: Cells,
    /// Topics that it has committed in or is subscribed to.
    pub(crate) topics: usize,
    pub(crate) partitions: usize,
    /// Its commits, or the ends of what it reads, are older than two intervals: these are the cells
    /// of when they were not.
    pub(crate) is_stale: bool,
}

impl Judged {
    /// What it was judged, as far as that still counts: what was bad stays so until it is known
    /// better.
    pub(crate) fn verdict(&self) -> Option<Verdict> {
        self.cells.verdict.filter(|it| !self.is_stale || it.level() == Level::Bad)
    }
}

/// So much of the lag's samples tells its trend, in ms.
const TREND_MS: u64 = 60_000;

impl Watch {
    pub(super) fn judge_groups(&mut self, now: Now) {
        let mut before = std::mem::take(&mut self.groups);
        let mut judged = BTreeMap::new();
        for (name, group) in &self.cluster.groups {
            let is_stale = self.is_stale(group);
            if is_stale && let Some(known) = before.remove(name) {
                judged.insert(name.clone(), Judged { is_stale, ..known });
                continue;
            }
            let Some(facts) = self.group_facts(name, now.monotonic) else { continue };
            let names = facts.partitions.chunk_by(|a, b| a.at.topic == b.at.topic);
            let (topics, partitions) = (names.count(), facts.partitions.len());
            let cells = facts.cells(clocks(now));
            judged.insert(name.clone(), Judged { cells, topics, partitions, is_stale });
        }
        self.groups = judged;
    }

    /// Whether what it has committed, or where that ends, was told too long ago to compare both.
    fn is_stale(&self, group: &Group) -> bool {
        let kind = match group.group_type {
            GroupType::Share => Kind::ShareCommits,
            _ => Kind::Commits,
        };
        let (since, ends_since) = (self.fresh_since(kind), self.fresh_since(Kind::LogEnds));
        // Nobody tells the end of one that is offline, and its lag is hidden anyway.
        let is_old =
            |it: &Partition| it.leader.is_some() && it.end.is_some_and(|it| it.at < ends_since);
        let mut topics = InOrder { topics: &self.cluster.topics, last: None };
        group.told.is_some_and(|at| at < since)
            || group.read().filter_map(|it| topics.partition(it)).any(is_old)
    }

    /// All that is known of a group; `None` until its commits were told.
    pub(crate) fn group_facts(&self, name: &str, now: Millis) -> Option<GroupFacts> {
        let group = self.cluster.groups.get(name)?;
        if group.commits.is_none() && group.shares.is_none() {
            return None;
        }
        let at = Subject::Group(name.to_owned());
        let lag = self.store.series(&at, Metric::Lag);
        let lag_samples = lag.map(|it| it.recent(now, TREND_MS)).unwrap_or_default();
        let of_group = OfGroup { group, history: self.store.commits_of(name), now };
        let mut partitions = Vec::new();
        for topic in read_topics(group) {
            self.add_topic(&of_group, topic, &mut partitions);
        }
        Some(GroupFacts {
            kind: kind(group),
            members: self.members(group).unwrap_or(1),
            partitions,
            lag_samples,
            rule: self.alerts.rules().behind(name),
        })
    }

    /// How many members it has, if its state says it has none or somebody told lately. Whoever is
    /// not described has some, as far as that matters.
    pub(crate) fn members(&self, group: &Group) -> Option<usize> {
        if matches!(group.state, Some(GroupState::Empty | GroupState::Dead)) {
            return Some(0);
        }
        let since = self.fresh_since(Kind::Members);
        let told = group.description.as_ref().filter(|it| since <= it.at);
        told.map(|it| it.value.members.len())
    }

    /// What is known of the partitions of a topic that a group reads.
    fn add_topic(&self, of: &OfGroup<'_>, name: &str, facts: &mut Vec<PartitionFacts>) {
        let Some(topic) = self.cluster.topics.get(name) else { return };
        let (retention, ends) = (retention(topic), self.store.ends_of(name));
        let since = self.fresh_since(Kind::LogEnds);
        facts.extend(topic.partitions.iter().map(|(index, it)| {
            let at = TopicPartition::new(name, index.0);
            let committed = of.group.committed(&at);
            let probe = committed.and_then(|it| self.probe(&at, it));
            let history = of.history.and_then(|it| it.get(&at)).map(Box::as_ref);
            let ends = ends.and_then(|it| it.get(&index.0)).map(Box::as_ref);
            let facts = PartitionFacts {
                at,
                committed,
                start: it.start.map(|it| it.value),
                end: it.end.map(|it| it.value),
                appended: AppendedAt::Unknown,
                earliest: None,
                probe,
                read: Rate::NotYet,
                incoming: Rate::NotYet,
                unmoved_ms: None,
                is_rewound: false,
                retention,
                size_bytes: it.leader_size().map(|it| it.value),
                is_offline: it.leader.is_none(),
            };
            facts.watched(of.now, since, ends, history)
        }));
    }

    /// The last record of a partition, up to a commit, that was read to learn its time.
    fn probe(&self, at: &TopicPartition, committed: Offset) -> Option<Probe> {
        let (offset, time) = self.cluster.ages.last_up_to(at, committed)?;
        Some(Probe { offset, time: Timestamp::from_millisecond(time.0).ok()? })
    }
}

/// What all partitions of a group have in common.
struct OfGroup<'a> {
    group: &'a Group,
    history: Option<&'a BTreeMap<TopicPartition, Box<CommittedHistory>>>,
    now: Millis,
}

/// All topics that a group has committed in, or that its members have.
fn read_topics(group: &Group) -> BTreeSet<&str> {
    let members = group.description.iter().flat_map(|it| &it.value.members);
    let assigned = members.flat_map(|it| &it.assignment);
    group.read().chain(assigned).map(|it| it.topic.as_str()).collect()
}

/// Partitions that are asked for in their order: those of a topic stand together, and its name is
/// looked up once.
struct InOrder<'a> {
    topics: &'a BTreeMap<String, Topic>,
    last: Option<(&'a str, Option<&'a Topic>)>,
}

impl<'a> InOrder<'a> {
    fn partition(&mut self, it: &'a TopicPartition) -> Option<&'a Partition> {
        let topic = match self.last {
            Some((name, topic)) if name == it.topic => topic,
            _ => self.topics.get(&it.topic),
        };
        self.last = Some((&it.topic, topic));
        topic?.partitions.get(&it.partition)
    }
}

pub(crate) fn clocks(now: Now) -> Clocks {
    let wall = Timestamp::from_millisecond(now.wall.0).unwrap_or(Timestamp::UNIX_EPOCH);
    Clocks { monotonic: now.monotonic, wall }
}

fn kind(group: &Group) -> GroupKind {
    match group.group_type {
        GroupType::Share => GroupKind::Share,
        _ => GroupKind::Committing,
    }
}

fn retention(topic: &Topic) -> Retention {
    let Some(configs) = &topic.configs else { return Retention::default() };
    let value = |name: &str| configs.value.get(name)?.value.as_deref();
    let limit = |name: &str| value(name)?.parse::<u64>().ok();
    Retention {
        deletes: value("cleanup.policy").map(|it| it.split(',').any(|it| it.trim() == "delete")),
        ms: limit("retention.ms"),
        bytes: limit("retention.bytes"),
    }
}
