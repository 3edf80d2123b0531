//! Everything that is known of the cluster, folded from answers.
//!
//! What was known stays when an answer does not come: beside it stands when each question was
//! answered last, and what has failed since. Nothing here reads a clock: answers bring their time.

mod ages;
mod answer;
pub(crate) mod brokers;
pub(crate) mod configs;
pub(crate) mod groups;
pub(crate) mod heard;
pub(crate) mod topics;
mod world;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use kt_client::admin::{QuorumDescription, Reassignment};
use kt_protocol::types::{Millis, NodeId, Now, Timestamp, TopicPartition};

use super::schedule::{Kind, Outcome};
use ages::Ages;
pub(crate) use answer::{Answer, LogDir, PerName, PerPartition, Said};
pub(crate) use brokers::Broker;
pub(crate) use configs::EntityConfigs;
pub(crate) use groups::Group;
pub(crate) use heard::{Failure, Hearing};
pub(crate) use topics::{ConfigValue, StoredOn, Topic};

use crate::config_entity::ConfigEntity;

/// A value, and when it was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sample<T> {
    pub(crate) value: T,
    pub(crate) at: Millis,
}

/// What is known of a cluster.
#[derive(Debug, Default)]
pub(crate) struct Cluster {
    pub(crate) id: Option<String>,
    /// All that belong to the cluster, and those that replicas name.
    pub(crate) brokers: BTreeMap<NodeId, Broker>,
    pub(crate) topics: BTreeMap<String, Topic>,
    pub(crate) groups: BTreeMap<String, Group>,
    /// The quorum; its leader is the controller.
    pub(crate) quorum: Option<Sample<QuorumDescription>>,
    /// Partitions that move; `None` until somebody told, and where nobody can.
    pub(crate) moves: Option<BTreeMap<TopicPartition, Reassignment>>,
    /// The times of records at commits.
    pub(crate) ages: Ages,
    /// All configs of entities that a screen was about.
    pub(crate) configs: BTreeMap<ConfigEntity, EntityConfigs>,
    /// When each question was answered, and what failed.
    pub(crate) hearing: Hearing,
}

impl<T> Sample<T> {
    /// What the wall clock showed when it was told: times that it holds are compared with that.
    pub(crate) fn told(&self, now: Now) -> Now {
        let ago = now.monotonic - self.at;
        Now { monotonic: self.at, wall: Timestamp(now.wall.0.saturating_sub_unsigned(ago)) }
    }
}

impl Cluster {
    /// Takes over an answer, and says what it is worth to the schedule.
    pub(crate) fn fold(&mut self, answer: Answer) -> Outcome {
        let Answer { lane, at, said } = answer;
        let said = match said {
            Ok(said) => said,
            Err(failure) => return self.hearing.failed(lane, at, failure),
        };
        self.hearing.answered(lane, at);
        match said {
            Said::Brokers(told) => self.fold_brokers(told, at),
            Said::Metadata { brokers, topics } => self.fold_metadata(&brokers, topics, at),
            Said::Topic(topic) => self.fold_topic(topic),
            Said::Offsets(which, found) => self.fold_offsets(which, found, at),
            Said::LogDirs(told) => {
                let Some(node) = lane.broker else { return Outcome::Known };
                self.fold_log_dirs(node, told, at);
                Outcome::Known
            }
            Said::TopicConfigs(told) => {
                self.fold_topic_configs(told, at);
                Outcome::Known
            }
            Said::BrokerConfigs(entries) => {
                let Some(node) = lane.broker else { return Outcome::Known };
                self.fold_broker_configs(node, entries);
                Outcome::Known
            }
            Said::Groups(listed) => {
                let Some(node) = lane.broker else { return Outcome::Known };
                self.fold_groups(node, listed, at);
                Outcome::Known
            }
            Said::Commits(found) => self.fold_commits(found, at),
            Said::ShareCommits(found) => self.fold_share_commits(found, at),
            Said::Members(found) => self.fold_members(found, at),
            Said::Quorum(quorum) => {
                self.quorum = Some(Sample { value: quorum, at });
                Outcome::Known
            }
            Said::Moves(moves) => {
                self.moves = Some(moves);
                Outcome::Known
            }
            Said::Ages(found) => {
                self.ages.fold(found, at);
                Outcome::Known
            }
            Said::EntityConfigs(entity, told) => {
                self.fold_entity_configs(entity, told, at);
                Outcome::Known
            }
        }
    }

    /// The controller: who leads the quorum.
    pub(crate) fn controller(&self) -> Option<NodeId> {
        self.quorum.as_ref().map(|it| it.value.leader)
    }

    /// When the oldest answer came that these kinds are known by; `None` while one was asked and
    /// never answered, or none was asked. Brokers that are not up do not answer: they do not count.
    pub(crate) fn oldest(&self, kinds: &[Kind]) -> Option<Millis> {
        let is_up = |node: NodeId| self.brokers.get(&node).is_none_or(Broker::is_up);
        let of_kind = |kind: &Kind| self.hearing.times(*kind, is_up);
        let times: Option<Vec<Millis>> = kinds.iter().flat_map(of_kind).collect();
        times?.into_iter().min()
    }

    /// When the newest answer of a kind came, of the brokers that are up.
    pub(crate) fn newest(&self, kind: Kind) -> Option<Millis> {
        let is_up = |node: NodeId| self.brokers.get(&node).is_none_or(Broker::is_up);
        self.hearing.times(kind, is_up).flatten().max()
    }

    /// Brokers that are up and have not answered a kind since then.
    pub(crate) fn silent_since(&self, kind: Kind, since: Millis) -> BTreeSet<NodeId> {
        let is_up = |node: &NodeId| self.brokers.get(node).is_some_and(Broker::is_up);
        let silent = self.hearing.of_kind(kind).filter_map(|(lane, heard)| {
            lane.broker.filter(|_| heard.answered.is_none_or(|it| it < since))
        });
        silent.filter(is_up).collect()
    }
}
