//! What the checks look at, taken from what is known of the cluster.

use std::collections::BTreeSet;

use kt_client::ErrorKind;
use kt_protocol::types::{NodeId, Now, Offset, TopicPartition};

use super::checks::facts::{
    Answer, BrokerFact, BrokerState, DirectoryFact, Facts, GroupFact, MovesFact, PartitionFact,
    QuorumFact, VoterFact,
};
use super::cluster::brokers::{self, Broker};
use super::cluster::topics::{ConfigValue, Partition, StoredAs, Topic};
use super::cluster::{Cluster, Failure};
use super::schedule::Kind;

/// All facts of one evaluation; `groups` are judged by who knows their history. Kinds that are
/// `stale` were told too long ago to judge by.
pub(crate) fn facts<'a>(
    cluster: &'a Cluster,
    groups: Vec<GroupFact<'a>>,
    stale: &BTreeSet<Kind>,
    now: Now,
) -> Facts<'a> {
    let known = Known { cluster, stale };
    Facts {
        brokers: known.told(Kind::Brokers, || brokers(cluster, now)),
        partitions: known.told(Kind::Metadata, || partitions(cluster)),
        quorum: known.told(Kind::Quorum, || quorum(cluster, now)),
        directories: known.told(Kind::LogDirs, || directories(cluster)),
        groups: known.told(Kind::Groups, || groups),
        moves: known.told(Kind::Moves, || moves(cluster)),
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
    cluster.brokers.iter().map(|(id, it)| broker(*id, it, now)).collect()
}

fn broker(id: NodeId, it: &Broker, now: Now) -> BrokerFact<'_> {
    BrokerFact {
        id: id.0,
        host: it.endpoint.as_ref().map_or("", |it| &it.host),
        port: it.endpoint.as_ref().map_or(0, |it| it.port),
        state: match it.state {
            brokers::BrokerState::Up => BrokerState::Up,
            // The controller fences whoever does not answer; only then it stands there.
            brokers::BrokerState::Fenced | brokers::BrokerState::Down => {
                BrokerState::Down { since_ms: now.monotonic - it.since }
            }
        },
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

fn quorum(cluster: &Cluster, now: Now) -> QuorumFact {
    let Some(told) = &cluster.quorum else {
        return QuorumFact { leader: None, epoch: 0, voters: Vec::new() };
    };
    let (quorum, now) = (&told.value, told.told(now));
    let leader = quorum.voters.iter().find(|it| it.node == quorum.leader);
    let end = leader.and_then(|it| it.log_end).unwrap_or(quorum.high_watermark);
    let behind = |its: Offset| u64::try_from(end.0.saturating_sub(its.0)).unwrap_or(0);
    let ago = |time: i64| u64::try_from(now.wall.0.saturating_sub(time)).unwrap_or(0);
    let voters = quorum.voters.iter().map(|it| VoterFact {
        id: it.node.0,
        lag: it.log_end.map_or(0, behind),
        last_fetch_ms: it.last_fetch.map(|it| ago(it.0)),
    });
    QuorumFact {
        leader: Some(quorum.leader.0).filter(|it| 0 <= *it),
        epoch: quorum.leader_epoch.0,
        voters: voters.collect(),
    }
}

fn directories(cluster: &Cluster) -> Vec<DirectoryFact<'_>> {
    let mut facts = Vec::new();
    for (id, broker) in &cluster.brokers {
        facts.extend(broker.dirs.iter().map(|(path, it)| DirectoryFact {
            broker: id.0,
            path,
            used: it.share(),
            full_in_ms: None,
            is_offline: it.failure.is_some(),
        }));
    }
    facts
}

fn moves(cluster: &Cluster) -> MovesFact {
    let moves = cluster.moves.iter().flatten();
    let left = moves.clone().map(|(partition, it)| left_bytes(cluster, partition, &it.adding));
    MovesFact {
        running: moves.clone().count(),
        left_bytes: left.sum(),
        eta_ms: None,
        stalled: Vec::new(),
        throttled: throttled(cluster),
    }
}

/// What the new replicas lack; `None` while nobody has said what the leader's takes.
fn left_bytes(cluster: &Cluster, partition: &TopicPartition, adding: &[i32]) -> Option<u64> {
    let it = cluster.topics.get(&partition.topic)?.partitions.get(&partition.partition)?;
    let whole = stored(it, it.leader?)?;
    let lacks = |id: &i32| whole.saturating_sub(stored(it, NodeId(*id)).unwrap_or(0));
    Some(adding.iter().map(lacks).sum())
}

fn stored(it: &Partition, on: NodeId) -> Option<u64> {
    it.stored.get(&(on, StoredAs::Current)).map(|it| it.size.value)
}

/// Whose replication is slowed down: topics first, then brokers.
pub(crate) fn throttled(cluster: &Cluster) -> Vec<String> {
    const OF_TOPICS: [&str; 2] =
        ["leader.replication.throttled.replicas", "follower.replication.throttled.replicas"];
    // Kafka's default is the largest number that there is.
    let is_set = |it: &ConfigValue| {
        let rate = it.value.as_ref().and_then(|it| it.parse::<i64>().ok());
        rate.is_some_and(|it| it != i64::MAX)
    };
    let topics = cluster.topics.iter().filter(|(_, topic)| {
        OF_TOPICS.iter().any(|it| config(topic, it).is_some_and(|it| !it.is_empty()))
    });
    let brokers = cluster.brokers.iter().filter(|(_, it)| it.configs.values().any(is_set));
    let topics = topics.map(|(name, _)| name.clone());
    let all: BTreeSet<String> = brokers.map(|(id, _)| format!("broker {id}")).collect();
    topics.chain(all).collect()
}

#[cfg(test)]
mod tests;
