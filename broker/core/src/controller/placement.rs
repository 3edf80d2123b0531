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
