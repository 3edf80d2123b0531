//! Groups: their states, who coordinates them, what they have committed, who is in them.

use std::collections::{BTreeMap, BTreeSet};

use kt_client::admin::{
    CommittedOffset, GroupDescription, GroupState, GroupType, ListedGroup, ShareOffset,
};
use kt_protocol::ErrorCode;
use kt_protocol::types::{LeaderEpoch, Millis, NodeId, Offset, TopicPartition};

use super::super::schedule::{Kind, Outcome};
use super::topics::Partition;
use super::{Cluster, Failure, PerName, PerPartition, Sample};

/// Where groups and their commits are kept.
const OFFSETS_TOPIC: &str = "__consumer_offsets";

/// A group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    /// Not told by brokers before 2.6.
    pub(crate) state: Option<GroupState>,
    pub(crate) group_type: GroupType,
    /// `consumer`, `connect`, `share`; empty of a group that only commits.
    pub(crate) protocol_type: String,
    pub(crate) coordinator: NodeId,
    /// When it was listed last.
    pub(crate) listed: Millis,
    /// Since when whoever should list it does not: it is gone, or another one has it.
    pub(crate) unlisted: Option<Millis>,
    /// When it was told last how far it has come.
    pub(crate) told: Option<Millis>,
    /// What it has committed; `None` until that was told. A partition without a commit is not in
    /// it.
    pub(crate) commits: Option<BTreeMap<TopicPartition, Committed>>,
    /// The same of a share group, which commits nothing.
    pub(crate) shares: Option<Sample<BTreeMap<TopicPartition, ShareOffset>>>,
    /// Who was in it, if a screen has shown it.
    pub(crate) description: Option<Sample<GroupDescription>>,
    /// Why its commits were not told, the last time.
    pub(crate) commits_failure: Option<Failure>,
    /// Why its members were not told, the last time.
    pub(crate) members_failure: Option<Failure>,
}

/// A commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Committed {
    /// The next offset to read.
    pub(crate) offset: Offset,
    pub(crate) epoch: Option<LeaderEpoch>,
    /// When it was told last.
    pub(crate) at: Millis,
}

impl Group {
    /// The commit of a partition; of a share group its start offset.
    pub(crate) fn committed(&self, at: &TopicPartition) -> Option<Offset> {
        let commit = self.commits.as_ref().and_then(|it| it.get(at)).map(|it| it.offset);
        let share = || self.shares.as_ref()?.value.get(at)?.start;
        commit.or_else(share)
    }

    /// All that it has committed in; of a share group, all that it shares.
    pub(crate) fn read(&self) -> impl Iterator<Item = &TopicPartition> {
        let commits = self.commits.iter().flat_map(BTreeMap::keys);
        commits.chain(self.shares.iter().flat_map(|it| it.value.keys()))
    }

    fn listed(it: ListedGroup, at: Millis) -> Group {
        Group {
            state: it.state,
            group_type: it.group_type,
            protocol_type: it.protocol_type,
            coordinator: it.coordinator,
            listed: at,
            unlisted: None,
            told: None,
            commits: None,
            shares: None,
            description: None,
            commits_failure: None,
            members_failure: None,
        }
    }

    fn listed_again(&mut self, it: ListedGroup, at: Millis) {
        self.state = it.state;
        self.group_type = it.group_type;
        self.protocol_type = it.protocol_type;
        self.coordinator = it.coordinator;
        self.listed = at;
        self.unlisted = None;
    }

    fn told_commits(&mut self, told: PerPartition<CommittedOffset>, at: Millis) {
        let mut before = self.commits.take().unwrap_or_default();
        let mut commits = BTreeMap::new();
        for (partition, told) in told {
            let known = before.remove(&partition);
            let committed = match told {
                Ok(it) => Some(Committed { offset: it.offset, epoch: it.leader_epoch, at }),
                // Its offsets are being moved or written: the last good value stays.
                Err(_) => known,
            };
            commits.extend(committed.map(|it| (partition, it)));
        }
        self.commits = Some(commits);
        self.told = Some(at);
        self.commits_failure = None;
    }
}

impl Cluster {
    /// Takes over the groups of a broker. Those it had before and lists no more are gone, unless
    /// another one lists them: coordinators move. So all others are heard first, or it is asked
    /// twice.
    pub(super) fn fold_groups(&mut self, node: NodeId, listed: Vec<ListedGroup>, at: Millis) {
        let names: BTreeSet<String> = listed.iter().map(|it| it.name.clone()).collect();
        self.groups.retain(|name, group| {
            if group.coordinator != node || names.contains(name) {
                return true;
            }
            group.unlisted.replace(at).is_none()
        });
        for it in listed {
            match self.groups.get_mut(&it.name) {
                Some(group) => group.listed_again(it, at),
                None => drop(self.groups.insert(it.name.clone(), Group::listed(it, at))),
            }
        }
        self.unlist_lost(at);
        let up: BTreeSet<NodeId> = self.up().collect();
        let others = self
            .hearing
            .of_kind(Kind::Groups)
            .filter(|(lane, _)| lane.broker.is_some_and(|it| it != node && up.contains(&it)));
        let heard: Option<Vec<Millis>> = others.map(|(_, it)| it.answered).collect();
        let Some(heard) = heard else { return };
        let all_heard = heard.into_iter().min().unwrap_or(at);
        self.groups.retain(|_, group| group.unlisted.is_none_or(|since| all_heard < since));
    }

    /// Nobody lists those of a coordinator that is lost. As long as somebody leads each partition
    /// that groups are kept in, another one has taken them over: whoever is listed nowhere then is
    /// gone.
    fn unlist_lost(&mut self, at: Millis) {
        let up: BTreeSet<NodeId> = self.up().collect();
        let kept_in = self.topics.get(OFFSETS_TOPIC).map(|it| &it.partitions);
        let is_led = |it: &Partition| it.leader.is_some_and(|it| up.contains(&it));
        if !kept_in.is_some_and(|it| it.values().all(is_led)) {
            return;
        }
        let lost = self.groups.values_mut().filter(|it| !up.contains(&it.coordinator));
        for group in lost {
            group.unlisted.get_or_insert(at);
        }
    }

    pub(super) fn fold_commits(
        &mut self,
        found: PerName<PerPartition<CommittedOffset>>,
        at: Millis,
    ) -> Outcome {
        self.fold_each(found, |group, told| match told {
            Ok(told) => group.told_commits(told, at),
            Err(failure) => group.commits_failure = Some(failure),
        })
    }

    pub(super) fn fold_share_commits(
        &mut self,
        found: PerName<PerPartition<ShareOffset>>,
        at: Millis,
    ) -> Outcome {
        self.fold_each(found, |group, told| match told {
            Ok(told) => {
                let known = |(partition, it)| Some((partition, Result::ok(it)?));
                let value = told.into_iter().filter_map(known).collect();
                group.shares = Some(Sample { value, at });
                group.told = Some(at);
                group.commits_failure = None;
            }
            Err(failure) => group.commits_failure = Some(failure),
        })
    }

    pub(super) fn fold_members(&mut self, found: PerName<GroupDescription>, at: Millis) -> Outcome {
        self.fold_each(found, |group, told| match told {
            Ok(value) => {
                group.state = Some(value.state);
                group.description = Some(Sample { value, at });
                group.members_failure = None;
            }
            Err(failure) => group.members_failure = Some(failure),
        })
    }

    /// Gives each answer to its group. Says whether some group has another coordinator by now.
    fn fold_each<T>(
        &mut self,
        found: PerName<T>,
        mut take: impl FnMut(&mut Group, Result<T, Failure>),
    ) -> Outcome {
        let mut outcome = Outcome::Known;
        for (name, told) in found {
            let Some(group) = self.groups.get_mut(&name) else { continue };
            if told.as_ref().is_err_and(is_coordinated_elsewhere) {
                outcome = Outcome::Changed;
            }
            take(group, told);
        }
        outcome
    }

    /// What was committed in a topic that is gone says nothing of its namesake.
    pub(super) fn forget_commits(&mut self, topic: &str) {
        for group in self.groups.values_mut() {
            if let Some(commits) = &mut group.commits {
                commits.retain(|it, _| it.topic != topic);
            }
            if let Some(shares) = &mut group.shares {
                shares.value.retain(|it, _| it.topic != topic);
            }
        }
    }
}

fn is_coordinated_elsewhere(failure: &Failure) -> bool {
    failure.code == Some(ErrorCode::NotCoordinator)
}
