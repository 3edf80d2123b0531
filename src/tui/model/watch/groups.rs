//! The facts of each group, and the cells that they come to.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use kt_client::admin::{GroupState, GroupType};
use kt_protocol::types::{Millis, Now, Offset, TopicPartition};

use super::Watch;
use crate::tui::history::store::{Metric, Subject};
use crate::tui::history::{AppendedAt, Rate};
use crate::tui::model::cluster::groups::Group;
use crate::tui::model::cluster::topics::{Partition, Topic};
use crate::tui::model::lag::{
    Cells, Clocks, GroupFacts, GroupKind, PartitionFacts, Probe, Retention,
};

/// What a group's facts come to.
#[derive(Clone, Debug)]
pub(crate) struct Judged {
    pub(crate) cells: Cells,
    /// Topics that it has committed in or is subscribed to.
    pub(crate) topics: usize,
    pub(crate) partitions: usize,
}

/// So much of the lag's samples tells its trend, in ms.
const TREND_MS: u64 = 60_000;

impl Watch {
    pub(super) fn judge_groups(&mut self, now: Now) {
        let mut judged = BTreeMap::new();
        for name in self.cluster.groups.keys() {
            let Some(facts) = self.group_facts(name, now.monotonic) else { continue };
            let topics: BTreeSet<&str> =
                facts.partitions.iter().map(|it| it.at.topic.as_str()).collect();
            let (topics, partitions) = (topics.len(), facts.partitions.len());
            let cells = facts.cells(clocks(now));
            judged.insert(name.clone(), Judged { cells, topics, partitions });
        }
        self.groups = judged;
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
            members: members(group),
            partitions: partitions.collect(),
            lag_samples,
            rule: self.alerts.rules().behind(name),
        })
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
        let facts = PartitionFacts {
            at: at.clone(),
            committed: self.committed(group, at),
            start: it.start.map(|it| it.value),
            end: it.end.map(|it| it.value),
            appended: AppendedAt::Unknown,
            earliest: None,
            probe: self.probe(at),
            read: Rate::NotYet,
            incoming: Rate::NotYet,
            unmoved_ms: None,
            is_rewound: false,
            retention: retention(topic),
            size_bytes: Partition::leader_size(it).map(|it| it.value),
            is_offline: it.leader.is_none(),
        };
        Some(facts.watched(now, self.store.ends(at), self.store.commits(group, at)))
    }

    /// The last record of a partition that was read to learn its time.
    fn probe(&self, at: &TopicPartition) -> Option<Probe> {
        let from = (at.clone(), Offset(i64::MIN));
        let to = (at.clone(), Offset(i64::MAX));
        let ((_, offset), sample) = self.cluster.ages.range(from..=to).next_back()?;
        let time = Timestamp::from_millisecond(sample.value?.0).ok()?;
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

/// How many members it has, as far as that matters: whoever is not described has some, unless its
/// state says that it has none.
fn members(group: &Group) -> usize {
    let is_empty = matches!(group.state, Some(GroupState::Empty | GroupState::Dead));
    match &group.description {
        _ if is_empty => 0,
        Some(it) => it.value.members.len(),
        None => 1,
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
