//! What the checks look at, taken from what is known of the cluster.

use std::collections::BTreeSet;

use kt_client::ErrorKind;
use kt_client::admin::{QuorumDescription, QuorumReplica};
use kt_protocol::types::{NodeId, Now, Offset, Timestamp, TopicPartition};

use super::checks::facts::{
    Answer, BrokerFact, BrokerState, DirectoryFact, Facts, GroupFact, MovesFact, PartitionFact,
    QuorumFact, VoterFact,
};
use super::cluster::brokers::{self, Broker};
use super::cluster::topics::{Partition, StoredAs, Topic};
use super::cluster::{Cluster, Failure, Sample};
use super::schedule::{Kind, Lane};
use super::throttles::{Throttled, throttles};

/// What was told too long ago to judge by.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stale {
    /// What nobody tells any more.
    pub(crate) kinds: BTreeSet<Kind>,
    /// Brokers that do not tell their sizes any more, while others do.
    pub(crate) disks_of: BTreeSet<NodeId>,
}

/// All facts of one evaluation; `groups` are judged by who knows their history.
pub(crate) fn facts<'a>(
    cluster: &'a Cluster,
    groups: Vec<GroupFact<'a>>,
    stale: &Stale,
    now: Now,
) -> Facts<'a> {
    let known = Known { cluster, stale: &stale.kinds };
    Facts {
        brokers: known.told(Kind::Brokers, || brokers(cluster, now)),
        partitions: known.told(Kind::Metadata, || partitions(cluster)),
        quorum: known.told(Kind::Quorum, || quorum(cluster, now)),
        directories: known.told(Kind::LogDirs, || directories(cluster, &stale.disks_of)),
        groups: known.told(Kind::Groups, || groups),
        moves: known.told(Kind::Moves, || moves(cluster)),
        down: cluster.down(),
    }
}

struct Known<'a> {
    cluster: &'a Cluster,
    stale: &'a BTreeSet<Kind>,
}

impl Known<'_> {
    /// What is known by a kind of question: as soon as one broker has answered it, and for as long
    /// as that is not too old.
    fn told<T>(&self, kind: Kind, known: impl FnOnce() -> T) -> Answer<T> {
        if self.stale.contains(&kind) {
            return Answer::Pending;
        }
        let mut why = None;
        for (_, heard) in self.cluster.hearing.of_kind(kind) {
            if heard.answered.is_some() {
                return Answer::Known(known());
            }
            why = why.or(heard.failing.as_ref().map(|it| in_a_word(&it.failure)));
        }
        why.map_or(Answer::Pending, Answer::Refused)
    }
}

fn in_a_word(failure: &Failure) -> String {
    match failure.kind {
        ErrorKind::Authorization => "not authorized".to_owned(),
        ErrorKind::Unsupported => "not supported by this cluster".to_owned(),
        _ => failure.words.clone(),
    }
}

fn brokers(cluster: &Cluster, now: Now) -> Vec<BrokerFact<'_>> {
    let state = |id, it| state(cluster.standing(id, it), it, now);
    cluster.brokers.iter().map(|(id, it)| broker(*id, it, state(*id, it))).collect()
}

fn broker(id: NodeId, it: &Broker, state: BrokerState) -> BrokerFact<'_> {
    BrokerFact {
        id: id.0,
        host: it.endpoint.as_ref().map_or("", |it| &it.host),
        port: it.endpoint.as_ref().map_or(0, |it| it.port),
        state,
    }
}

fn state(standing: brokers::BrokerState, it: &Broker, now: Now) -> BrokerState {
    match standing {
        brokers::BrokerState::Up => BrokerState::Up,
        brokers::BrokerState::Fenced => BrokerState::Fenced,
        brokers::BrokerState::Down => BrokerState::Down { since_ms: now.monotonic - it.since },
    }
}

fn partitions(cluster: &Cluster) -> Vec<PartitionFact<'_>> {
    let mut facts = Vec::new();
    for (name, topic) in &cluster.topics {
        let min_isr = number(topic, "min.insync.replicas");
        facts.extend(topic.partitions.iter().map(|(index, it)| PartitionFact {
            topic: name,
            partition: index.0,
            leader: it.leader,
            replicas: &it.replicas,
            isr: &it.isr,
            min_isr,
        }));
    }
    facts
}

fn config<'a>(topic: &'a Topic, name: &str) -> Option<&'a str> {
    topic.configs.as_ref()?.value.get(name)?.value.as_deref()
}

fn number(topic: &Topic, name: &str) -> Option<usize> {
    config(topic, name)?.parse().ok()
}

/// The metadata quorum as it was told last.
pub(crate) fn quorum(cluster: &Cluster, now: Now) -> QuorumFact {
    let Some(told) = &cluster.quorum else {
        return QuorumFact { leader: None, epoch: 0, voters: Vec::new() };
    };
    let (quorum, time) = (&told.value, quorum_time(told, now));
    QuorumFact {
        leader: Some(quorum.leader.0).filter(|it| 0 <= *it),
        epoch: quorum.leader_epoch.0,
        voters: quorum.voters.iter().map(|it| follower(quorum, it, time)).collect(),
    }
}

/// How far a voter or an observer is, at a time of the leader's clock.
pub(crate) fn follower(
    quorum: &QuorumDescription,
    it: &QuorumReplica,
    time: Timestamp,
) -> VoterFact {
    let leader = quorum.voters.iter().find(|it| it.node == quorum.leader);
    let end = leader.and_then(|it| it.log_end).unwrap_or(quorum.high_watermark);
    let behind = |its: Offset| u64::try_from(end.0.saturating_sub(its.0)).unwrap_or(0);
    VoterFact {
        id: it.node.0,
        lag: it.log_end.map(behind),
        last_fetch_ms: it.last_fetch.map(|it| since(it, time)),
        is_timed: quorum.voters.iter().any(|it| it.last_fetch.is_some()),
    }
}

/// What the leader's clock showed when it told: it stamps itself with that, and all other times are
/// its own. Where it does not, ours has to do.
pub(crate) fn quorum_time(told: &Sample<QuorumDescription>, now: Now) -> Timestamp {
    let leader = told.value.voters.iter().find(|it| it.node == told.value.leader);
    leader.and_then(|it| it.last_fetch).unwrap_or_else(|| told.told(now).wall)
}

/// In ms.
pub(crate) fn since(then: Timestamp, time: Timestamp) -> u64 {
    u64::try_from(time.0.saturating_sub(then.0)).unwrap_or(0)
}

fn directories<'a>(cluster: &'a Cluster, stale: &BTreeSet<NodeId>) -> Vec<DirectoryFact<'a>> {
    let mut facts = Vec::new();
    for (id, broker) in &cluster.brokers {
        facts.extend(broker.dirs.iter().map(|(path, it)| DirectoryFact {
            broker: id.0,
            path,
            used: it.share(),
            full_in_ms: None,
            is_offline: it.failure.is_some(),
            is_stale: stale.contains(id) || !broker.is_up(),
        }));
    }
    facts
}

fn moves(cluster: &Cluster) -> MovesFact {
    let moves = cluster.moves.iter().flatten();
    let left = moves.clone().map(|(partition, it)| left_bytes(cluster, partition, &it.adding));
    MovesFact {
        running: moves.clone().count(),
        left_bytes: left.reduce(|sum, it| Some(sum?.saturating_add(it?))).unwrap_or(Some(0)),
        eta_ms: None,
        stalled: Vec::new(),
        throttled: Some(throttled(cluster))
            .filter(|it| !it.is_empty() || configs_are_known(cluster)),
    }
}

/// What the new replicas lack; `None` while nobody has said what the leader's takes.
fn left_bytes(cluster: &Cluster, partition: &TopicPartition, adding: &[i32]) -> Option<u64> {
    let it = cluster.topics.get(&partition.topic)?.partitions.get(&partition.partition)?;
    let whole = stored(it, it.leader?)?;
    let lacks = |id: &i32| whole.saturating_sub(stored(it, NodeId(*id)).unwrap_or(0));
    Some(adding.iter().map(lacks).fold(0, u64::saturating_add))
}

fn stored(it: &Partition, on: NodeId) -> Option<u64> {
    it.stored.get(&(on, StoredAs::Current)).map(|it| it.size.value)
}

/// Whether everybody has told the configs that may slow replication down. A topic that was made
/// since then has nothing left behind.
fn configs_are_known(cluster: &Cluster) -> bool {
    let has_told = |broker| {
        let heard = cluster.hearing.lanes.get(&Lane { kind: Kind::Configs, broker });
        heard.is_some_and(|it| it.answered.is_some() && it.failing.is_none())
    };
    let of_topics = cluster.topics.is_empty() || has_told(None);
    let is_denied = cluster.topics.values().any(|it| it.configs_failure.is_some());
    of_topics && !is_denied && cluster.up().all(|node| has_told(Some(node)))
}

/// Whose replication is slowed down: topics first, then brokers.
fn throttled(cluster: &Cluster) -> Vec<Throttled> {
    throttles(cluster).into_iter().map(|it| it.of).collect()
}

#[cfg(test)]
mod tests;
