//! The facts of each group, and the cells that they come to.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use kt_client::admin::{GroupState, GroupType};
use kt_protocol::types::{Millis, Now, Offset, TopicPartition};

use super::Watch;
use crate::group_verdict::{Level, Verdict};
use crate::tui::history::store::{Metric, Subject};
use crate::tui::history::{AppendedAt, Rate};
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
            let topics: BTreeSet<&str> =
                facts.partitions.iter().map(|it| it.at.topic.as_str()).collect();
            let (topics, partitions) = (topics.len(), facts.partitions.len());
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
        let commits = group.commits.iter().flat_map(BTreeMap::keys);
        let shares = group.shares.iter().flat_map(|it| it.value.keys());
        let mut read = commits.chain(shares).filter_map(|it| self.cluster.partition(it));
        // Nobody tells the end of one that is offline, and its lag is hidden anyway.
        let is_old =
            |it: &Partition| it.leader.is_some() && it.end.is_some_and(|it| it.at < ends_since);
        group.told.is_some_and(|at| at < since) || read.any(is_old)
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
        let read = self.read_partitions(group);
        let partitions = read.iter().filter_map(|it| self.partition_facts(name, it, now));
        Some(GroupFacts {
            kind: kind(group),
            members: self.members(group).unwrap_or(1),
            partitions: partitions.collect(),
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

    /// The partitions of all topics that a group has committed in, or that its members have.
    fn read_partitions(&self, group: &Group) -> Vec<TopicPartition> {
        let commits = group.commits.iter().flatten().map(|it| it.0.topic.as_str());
        let shares = group.shares.iter().flat_map(|it| it.value.keys());
        let members = group.description.iter().flat_map(|it| &it.value.members);
        let assigned = members.flat_map(|it| &it.assignment).map(|it| it.topic.as_str());
        let topics: BTreeSet<&str> =
            commits.chain(shares.map(|it| it.topic.as_str())).chain(assigned).collect();
        let mut partitions = Vec::new();
        for name in topics {
            let Some(topic) = self.cluster.topics.get(name) else { continue };
            let all = topic.partitions.keys().map(|it| TopicPartition::new(name, it.0));
            partitions.extend(all);
        }
        partitions
    }

    fn partition_facts(
        &self,
        group: &str,
        at: &TopicPartition,
        now: Millis,
    ) -> Option<PartitionFacts> {
        let topic = self.cluster.topics.get(&at.topic)?;
        let it = topic.partitions.get(&at.partition)?;
        let committed = self.committed(group, at);
        let facts = PartitionFacts {
            at: at.clone(),
            committed,
            start: it.start.map(|it| it.value),
            end: it.end.map(|it| it.value),
            appended: AppendedAt::Unknown,
            earliest: None,
            probe: committed.and_then(|it| self.probe(at, it)),
            read: Rate::NotYet,
            incoming: Rate::NotYet,
            unmoved_ms: None,
            is_rewound: false,
            retention: retention(topic),
            size_bytes: Partition::leader_size(it).map(|it| it.value),
            is_offline: it.leader.is_none(),
        };
        let since = self.fresh_since(Kind::LogEnds);
        Some(facts.watched(now, since, self.store.ends(at), self.store.commits(group, at)))
    }

    /// The last record of a partition, up to a commit, that was read to learn its time.
    fn probe(&self, at: &TopicPartition, committed: Offset) -> Option<Probe> {
        let from = (at.clone(), Offset(i64::MIN));
        let to = (at.clone(), committed);
        let mut told = self.cluster.ages.range(from..=to).rev();
        let (offset, time) = told.find_map(|((_, offset), it)| Some((offset, it.value?)))?;
        let time = Timestamp::from_millisecond(time.0).ok()?;
        Some(Probe { offset: *offset, time })
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
