//! Bytes a second, from the growth of replicas between two looks at their sizes.
//!
//! Where the log start moved meanwhile, size tells nothing of what came in: then it is records
//! times the mean size of what is stored, and marked as such.

use std::collections::BTreeMap;

use kt_protocol::types::{Millis, NodeId, Offset, PartitionIndex};

use crate::tui::model::cluster::Cluster;
use crate::tui::model::cluster::topics::{Partition, StoredAs};

/// A rate of bytes, and how it is known.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct ByteRate {
    pub(crate) per_second: f64,
    /// From records, as old ones went meanwhile.
    pub(crate) is_estimated: bool,
}

/// Sizes as they were last, and how they grew.
#[derive(Debug, Default)]
pub(crate) struct Growth {
    /// Sizes from before that are too old to tell a rate by.
    pub(super) fresh_since: Millis,
    of: BTreeMap<String, BTreeMap<(PartitionIndex, NodeId), Seen>>,
    /// Onto each broker, as it told last.
    onto: BTreeMap<NodeId, (Millis, ByteRate)>,
}

/// One replica.
#[derive(Clone, Copy, Debug)]
struct Seen {
    size: u64,
    start: Option<Offset>,
    end: Option<Offset>,
    at: Millis,
    rate: Option<ByteRate>,
}

impl Growth {
    /// Takes over the sizes that a broker has told now; what it tells no more is not there.
    pub(super) fn observe(&mut self, node: NodeId, cluster: &Cluster, at: Millis) {
        for (name, topic) in &cluster.topics {
            for (index, partition) in &topic.partitions {
                let Some(now) = look(partition, node, at) else { continue };
                let of_topic = match self.of.get_mut(name) {
                    Some(it) => it,
                    None => self.of.entry(name.clone()).or_default(),
                };
                let key = (*index, node);
                let rate = of_topic.get(&key).and_then(|before| before.until(&now));
                of_topic.insert(key, Seen { rate, ..now });
            }
        }
        for of_topic in self.of.values_mut() {
            of_topic.retain(|(_, on), it| *on != node || it.at == at);
        }
        self.of.retain(|_, of_topic| !of_topic.is_empty());
        let replicas = self.of.values().flatten().filter(|((_, on), _)| *on == node);
        let onto = sum(replicas.filter_map(|(_, it)| it.rate)).map(|rate| (at, rate));
        match onto {
            Some(onto) => drop(self.onto.insert(node, onto)),
            None => drop(self.onto.remove(&node)),
        }
    }

    fn rate(&self, it: &Seen) -> Option<ByteRate> {
        it.rate.filter(|_| self.fresh_since <= it.at)
    }

    pub(super) fn forget(&mut self, topic: &str) {
        self.of.remove(topic);
    }

    /// Into a topic: the growth of the leaders' replicas. `None` until sizes came twice.
    pub(crate) fn of_topic(&self, name: &str, cluster: &Cluster) -> Option<ByteRate> {
        let (seen, topic) = (self.of.get(name)?, cluster.topics.get(name)?);
        let led = topic.partitions.iter().filter_map(|(index, it)| Some((*index, it.leader?)));
        sum(led.filter_map(|key| self.rate(seen.get(&key)?)))
    }

    /// Onto a broker: the growth of all its replicas.
    pub(crate) fn of_broker(&self, node: NodeId) -> Option<ByteRate> {
        self.onto.get(&node).filter(|it| self.fresh_since <= it.0).map(|it| it.1)
    }
}

fn look(partition: &Partition, node: NodeId, at: Millis) -> Option<Seen> {
    let stored = partition.stored.get(&(node, StoredAs::Current))?;
    if stored.size.at != at {
        return None;
    }
    let start = partition.start.map(|it| it.value);
    let end = partition.end.map(|it| it.value);
    Some(Seen { size: stored.size.value, start, end, at, rate: None })
}

impl Seen {
    /// The rate from here to a later look; nothing if no time is between.
    fn until(&self, now: &Seen) -> Option<ByteRate> {
        let seconds = (now.at - self.at) as f64 / 1_000.0;
        if seconds <= 0.0 {
            return self.rate;
        }
        if self.start == now.start && self.size <= now.size {
            let grown = (now.size - self.size) as f64;
            return Some(ByteRate { per_second: grown / seconds, is_estimated: false });
        }
        let (start, from, to) = (now.start?, self.end?, now.end?);
        let stored = to.0.saturating_sub(start.0);
        let came = to.0.saturating_sub(from.0);
        if stored <= 0 || came < 0 {
            return None;
        }
        let mean = now.size as f64 / stored as f64;
        Some(ByteRate { per_second: came as f64 * mean / seconds, is_estimated: true })
    }
}

fn sum(rates: impl Iterator<Item = ByteRate>) -> Option<ByteRate> {
    rates.reduce(|sum, it| ByteRate {
        per_second: sum.per_second + it.per_second,
        is_estimated: sum.is_estimated || it.is_estimated,
    })
}
