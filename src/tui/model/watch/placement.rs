//! Which broker has how much, counted when metadata comes: screens ask each second.

use std::collections::{BTreeMap, BTreeSet};

use kt_protocol::types::NodeId;

use crate::tui::model::cluster::{Cluster, Topic};

/// Where replicas and leaders are.
#[derive(Debug, Default)]
pub(crate) struct Placement {
    /// What each broker has.
    pub(crate) loads: BTreeMap<NodeId, Load>,
    /// How each topic is spread.
    pub(crate) of_topics: BTreeMap<String, Spread>,
}

/// What partitions say of a broker.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Load {
    pub(crate) leaders: usize,
    pub(crate) replicas: usize,
    pub(crate) out_of_sync: usize,
}

/// How evenly a topic lies on the brokers.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spread {
    /// Brokers that hold a replica, of all.
    pub(crate) share: Option<f64>,
    pub(crate) replicas: Skew,
    pub(crate) leaders: Skew,
}

/// How much more than its fair share the fullest broker has.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Skew {
    /// `None` where there is nothing to share.
    pub(crate) share: Option<f64>,
    /// It could have less: a share that is no whole number cannot be met.
    pub(crate) could_be_fairer: bool,
}

impl Placement {
    pub(super) fn of(cluster: &Cluster) -> Placement {
        // Brokers that are down, or that only replicas name, cannot take a share.
        let up: BTreeSet<NodeId> = cluster.up().collect();
        let mut placement = Placement::default();
        for (name, topic) in &cluster.topics {
            let loads = loads(topic);
            let spread = Spread::of(&loads, &up, cluster.brokers.len());
            placement.of_topics.insert(name.clone(), spread);
            for (id, of_topic) in loads {
                let load = placement.loads.entry(id).or_default();
                load.leaders += of_topic.leaders;
                load.replicas += of_topic.replicas;
                load.out_of_sync += of_topic.out_of_sync;
            }
        }
        placement
    }

    pub(crate) fn load(&self, broker: NodeId) -> Load {
        self.loads.get(&broker).copied().unwrap_or_default()
    }

    pub(crate) fn spread(&self, topic: &str) -> Spread {
        self.of_topics.get(topic).copied().unwrap_or_default()
    }
}

fn loads(topic: &Topic) -> BTreeMap<NodeId, Load> {
    let mut loads: BTreeMap<NodeId, Load> = BTreeMap::new();
    for it in topic.partitions.values() {
        for id in &it.replicas {
            let load = loads.entry(*id).or_default();
            load.replicas += 1;
            load.out_of_sync += usize::from(!it.isr.contains(id));
        }
        if let Some(leader) = it.leader {
            loads.entry(leader).or_default().leaders += 1;
        }
    }
    loads
}

impl Spread {
    fn of(loads: &BTreeMap<NodeId, Load>, up: &BTreeSet<NodeId>, brokers: usize) -> Spread {
        let holders = loads.values().filter(|it| 0 < it.replicas).count();
        if brokers == 0 || holders == 0 {
            return Spread::default();
        }
        let of_up = |count: fn(&Load) -> usize| {
            let here = loads.iter().filter(|(id, _)| up.contains(id)).map(|(_, it)| count(it));
            Skew::of(here, up.len())
        };
        Spread {
            share: Some(holders as f64 / brokers as f64),
            replicas: of_up(|it| it.replicas),
            leaders: of_up(|it| it.leaders),
        }
    }
}

impl Skew {
    /// Of what each has, where so many brokers could have it.
    pub(crate) fn of(counts: impl Iterator<Item = usize>, brokers: usize) -> Skew {
        let (mut all, mut most) = (0, 0);
        for count in counts {
            (all, most) = (all + count, most.max(count));
        }
        if brokers == 0 || most == 0 {
            return Skew::default();
        }
        let fair = all as f64 / brokers as f64;
        Skew {
            share: Some((most as f64 - fair).max(0.0) / fair),
            could_be_fairer: all.div_ceil(brokers) < most,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skew_is_what_the_fullest_has_beyond_its_share() {
        let of = |counts: &[usize], brokers| {
            let skew = Skew::of(counts.iter().copied(), brokers);
            (skew.share.map(|it| (it * 100.0).round() as i64), skew.could_be_fairer)
        };
        assert_eq!(of(&[4, 4, 4], 3), (Some(0), false));
        assert_eq!(of(&[8, 4, 4], 4), (Some(100), true));
        // Four leaders on three brokers: one has two, wherever they are.
        assert_eq!(of(&[2, 1, 1], 3), (Some(50), false));
        assert_eq!(of(&[3, 1], 3), (Some(125), true));
        assert_eq!(of(&[], 3), (None, false));
        assert_eq!(of(&[1], 0), (None, false));
    }
}
