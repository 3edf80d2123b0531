//! Where the replicas of new partitions go: striped over racks, and over the brokers of each rack
//! (`StripedReplicaPlacer`).
//!
//! Each partition starts one rack further on than the one before, and takes one broker of each
//! rack in turn, so that leaders and replicas spread evenly. The first replica, which leads, is
//! never fenced; fenced brokers come last.

use std::collections::BTreeMap;

use kt_protocol::types::NodeId;

use crate::metadata::{BrokersImage, Replicas};
use crate::random::Random;

/// Why replicas cannot be placed. The messages are Kafka's: clients show them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum PlacementError {
    /// Fewer brokers than replicas.
    #[error(
        "The target replication factor of {replication_factor} cannot be reached because only {brokers} broker(s) are registered or some brokers have all their log directories cordoned."
    )]
    TooFewBrokers {
        /// How many replicas were asked for.
        replication_factor: usize,
        /// How many brokers could have one.
        brokers: usize,
    },
    /// Nobody could lead.
    #[error("All brokers are currently fenced.")]
    AllFenced,
}

/// Chooses the brokers of `partitions` new partitions of `replication_factor` replicas each.
///
/// # Errors
///
/// [`PlacementError`] if there are not enough brokers.
pub(super) fn place(
    random: &mut Random,
    brokers: &BrokersImage,
    partitions: usize,
    replication_factor: usize,
) -> Result<Vec<Replicas>, PlacementError> {
    assert!(0 < replication_factor, "checked before");
    let mut racks = RackList::new(random, brokers);
    if racks.unfenced_brokers == 0 {
        return Err(PlacementError::AllFenced);
    }
    if racks.brokers < replication_factor {
        let brokers = racks.brokers;
        return Err(PlacementError::TooFewBrokers { replication_factor, brokers });
    }
    Ok((0..partitions).map(|_| racks.place(random, replication_factor)).collect())
}

/// Brokers that are taken in turn, each round from one further on.
#[derive(Debug, Default)]
struct Stripe {
    brokers: Vec<NodeId>,
    start: usize,
    taken: usize,
}

impl Stripe {
    fn begin_round(&mut self) {
        self.taken = 0;
        self.start += 1;
    }

    fn take(&mut self) -> Option<NodeId> {
        if self.taken == self.brokers.len() {
            return None;
        }
        let broker = self.brokers[(self.start + self.taken) % self.brokers.len()];
        self.taken += 1;
        Some(broker)
    }
}

#[derive(Debug, Default)]
struct Rack {
    unfenced: Stripe,
    fenced: Stripe,
}

impl Rack {
    fn stripes(&mut self) -> [&mut Stripe; 2] {
        [&mut self.unfenced, &mut self.fenced]
    }

    fn take(&mut self) -> Option<NodeId> {
        self.unfenced.take().or_else(|| self.fenced.take())
    }
}

#[derive(Debug)]
struct RackList {
    racks: Vec<Rack>,
    brokers: usize,
    unfenced_brokers: usize,
    /// The rack that the next partition starts at.
    start: usize,
    /// How many partitions were placed since the last shuffle.
    placed: usize,
}

impl RackList {
    fn new(random: &mut Random, brokers: &BrokersImage) -> RackList {
        let mut by_name: BTreeMap<Option<&str>, Rack> = BTreeMap::new();
        let (mut total, mut unfenced_brokers) = (0, 0);
        for broker in brokers.iter() {
            if broker.in_controlled_shutdown || broker.is_cordoned() {
                continue;
            }
            let rack = by_name.entry(broker.rack.as_deref()).or_default();
            let [unfenced, fenced] = rack.stripes();
            total += 1;
            if broker.fenced {
                fenced.brokers.push(broker.id);
            } else {
                unfenced.brokers.push(broker.id);
                unfenced_brokers += 1;
            }
        }
        let mut racks: Vec<Rack> = by_name.into_values().collect();
        for stripe in racks.iter_mut().flat_map(Rack::stripes) {
            stripe.start = random.below(stripe.brokers.len().max(1));
        }
        let start = random.below(racks.len().max(1));
        RackList { racks, brokers: total, unfenced_brokers, start, placed: 0 }
    }

    fn place(&mut self, random: &mut Random, replication_factor: usize) -> Replicas {
        // Once each unfenced broker has led, another order avoids repeating the same sets.
        if self.placed == self.unfenced_brokers && 1 < self.unfenced_brokers {
            self.shuffle(random);
        }
        if 0 < self.placed {
            self.racks.iter_mut().flat_map(Rack::stripes).for_each(Stripe::begin_round);
        } else {
            self.racks.iter_mut().flat_map(Rack::stripes).for_each(|stripe| stripe.taken = 0);
        }
        let rack_count = self.racks.len();
        let (leader_rack, leader) = self.take_leader();
        let mut replicas = Replicas::new();
        replicas.push(leader);
        let mut rack_index = self.start;
        // The leader's rack has given its share of the first turn.
        let mut skipped = Some(leader_rack);
        while replicas.len() < replication_factor {
            let index = rack_index % rack_count;
            rack_index += 1;
            if skipped == Some(index) {
                skipped = None;
                continue;
            }
            replicas.extend(self.racks[index].take());
        }
        self.placed += 1;
        self.start = (self.start + 1) % rack_count;
        replicas
    }

    fn take_leader(&mut self) -> (usize, NodeId) {
        let rack_count = self.racks.len();
        let racks = (0..rack_count).map(|step| (self.start + step) % rack_count);
        for index in racks {
            if let Some(leader) = self.racks[index].unfenced.take() {
                return (index, leader);
            }
        }
        unreachable!("place has checked that an unfenced broker exists")
    }

    fn shuffle(&mut self, random: &mut Random) {
        random.shuffle(&mut self.racks);
        for stripe in self.racks.iter_mut().flat_map(Rack::stripes) {
            random.shuffle(&mut stripe.brokers);
        }
        self.placed = 0;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use kt_protocol::messages::RegisterBrokerRecord;
    use proptest::prelude::*;

    use super::*;
    use crate::metadata::MetadataImage;

    /// Brokers by number, with a rack and whether they are fenced.
    fn brokers(given: &[(i32, Option<&str>, bool)]) -> MetadataImage {
        let mut image = MetadataImage::default();
        for (broker_id, rack, fenced) in given {
            let record = RegisterBrokerRecord {
                broker_id: *broker_id,
                rack: rack.map(str::to_owned),
                fenced: *fenced,
                ..Default::default()
            };
            image.apply(&record.into()).unwrap();
        }
        image
    }

    #[test]
    fn racks_and_brokers_are_used_evenly() {
        let racks = ["a", "a", "b", "b", "c", "c"];
        let given: Vec<_> = (1..).zip(racks).map(|(id, rack)| (id, Some(rack), false)).collect();
        let image = brokers(&given);
        let placed = place(&mut Random::new(1), image.brokers(), 60, 3).unwrap();
        let mut leaders: BTreeMap<NodeId, usize> = BTreeMap::new();
        let mut replicas: BTreeMap<NodeId, usize> = BTreeMap::new();
        for partition in &placed {
            let in_racks: BTreeSet<_> =
                partition.iter().map(|id| image.brokers().get(*id).unwrap().rack.clone()).collect();
            assert_eq!(in_racks.len(), 3, "{partition:?}");
            *leaders.entry(partition[0]).or_default() += 1;
            partition.iter().for_each(|id| *replicas.entry(*id).or_default() += 1);
        }
        assert!(leaders.values().all(|count| (8..=12).contains(count)), "{leaders:?}");
        assert!(replicas.values().all(|count| (24..=36).contains(count)), "{replicas:?}");
    }

    #[test]
    fn a_fenced_broker_never_leads_and_is_taken_last() {
        let image = brokers(&[(1, None, false), (2, None, true), (3, None, false)]);
        for partition in place(&mut Random::new(2), image.brokers(), 20, 2).unwrap() {
            assert!(!partition.contains(&NodeId(2)), "{partition:?}");
        }
        for partition in place(&mut Random::new(2), image.brokers(), 20, 3).unwrap() {
            assert_eq!(partition[2], NodeId(2), "{partition:?}");
        }
    }

    #[test]
    fn too_few_brokers_are_refused() {
        let place = |image: &MetadataImage| place(&mut Random::new(1), image.brokers(), 1, 2);
        assert_eq!(place(&brokers(&[])), Err(PlacementError::AllFenced));
        assert_eq!(place(&brokers(&[(1, None, true)])), Err(PlacementError::AllFenced));
        let one = brokers(&[(1, None, false)]);
        let too_few = PlacementError::TooFewBrokers { replication_factor: 2, brokers: 1 };
        assert_eq!(place(&one), Err(too_few));
    }

    proptest! {
        #[test]
        fn any_cluster_that_is_large_enough_is_placed_on(
            given in prop::collection::vec((prop::option::of("[a-c]"), any::<bool>()), 1..8),
            partitions in 1usize..40,
            replication_factor in 1usize..5,
            seed in any::<u64>(),
        ) {
            let given: Vec<_> = (1..).zip(&given).map(|(id, (rack, fenced))| {
                (id, rack.as_deref(), *fenced)
            }).collect();
            let image = brokers(&given);
            let unfenced = given.iter().filter(|(_, _, fenced)| !fenced).count();
            let placed =
                place(&mut Random::new(seed), image.brokers(), partitions, replication_factor);
            if unfenced == 0 || given.len() < replication_factor {
                prop_assert!(placed.is_err());
                return Ok(());
            }
            let placed = placed.unwrap();
            prop_assert_eq!(placed.len(), partitions);
            for partition in placed {
                let distinct: BTreeSet<_> = partition.iter().collect();
                prop_assert_eq!(distinct.len(), replication_factor);
                prop_assert!(!image.brokers().get(partition[0]).unwrap().fenced);
            }
        }
    }
}
