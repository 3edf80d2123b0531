//! Brokers: who belongs to the cluster, who is up, and what their disks hold.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kt_client::admin::{Admission, BrokerScope, BrokerStanding, ConfigEntry, RegisteredBrokers};
use kt_protocol::types::{Millis, NodeId};

use super::super::schedule::{Kind, Outcome};
use super::{Cluster, ConfigValue, Failure, LogDir, Sample, StoredOn};

/// A broker.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Broker {
    pub(crate) state: BrokerState,
    /// When it came to this state, as far as was seen from here.
    pub(crate) since: Millis,
    /// Where it listens, or did; unknown of one that only replicas name.
    pub(crate) endpoint: Option<kt_client::Broker>,
    /// Its log directories by path.
    pub(crate) dirs: BTreeMap<String, Dir>,
    /// Its throttles and other configs that count.
    pub(crate) configs: BTreeMap<String, ConfigValue>,
}

/// Whether a broker takes part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum BrokerState {
    Up,
    /// It has registered; it starts, stops, or is down.
    Fenced,
    /// Nobody says that it is up.
    #[default]
    Down,
}

/// A log directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dir {
    /// Bytes of its volume.
    pub(crate) total: Option<u64>,
    /// Bytes that are free there.
    pub(crate) usable: Option<u64>,
    /// Bytes of the replicas in it, those on their way included.
    pub(crate) used: u64,
    pub(crate) replicas: usize,
    pub(crate) admission: Admission,
    /// Why it cannot be read, if it is offline. What else is known is from before.
    pub(crate) failure: Option<Failure>,
    pub(crate) at: Millis,
}

impl Broker {
    pub(crate) fn is_up(&self) -> bool {
        self.state == BrokerState::Up
    }

    fn come_to(&mut self, state: BrokerState, at: Millis) {
        if self.state != state {
            self.state = state;
            self.since = at;
        }
    }
}

impl Cluster {
    /// The brokers that are up.
    pub(crate) fn up(&self) -> impl Iterator<Item = NodeId> {
        self.brokers.iter().filter(|(_, it)| it.is_up()).map(|(id, _)| *id)
    }

    /// What a broker's state comes to: the controller fences whoever starts, and whoever does not
    /// answer. One that has nothing yet starts; one that is to serve replicas is down.
    pub(crate) fn standing(&self, id: NodeId, broker: &Broker) -> BrokerState {
        let mut partitions = self.topics.values().flat_map(|it| it.partitions.values());
        let mut metadata = self.hearing.of_kind(Kind::Metadata);
        match broker.state {
            // Until somebody told what it is to serve, the worse is true.
            BrokerState::Fenced if metadata.all(|it| it.1.answered.is_none()) => BrokerState::Down,
            BrokerState::Fenced if partitions.any(|it| it.replicas.contains(&id)) => {
                BrokerState::Down
            }
            state => state,
        }
    }

    /// Those that are down, by what was told last.
    pub(crate) fn down(&self) -> BTreeSet<i32> {
        let is_down = |id, it| self.standing(id, it) == BrokerState::Down;
        let down = self.brokers.iter().filter(|(id, it)| is_down(**id, it));
        down.map(|(id, _)| id.0).collect()
    }

    pub(super) fn fold_brokers(&mut self, told: RegisteredBrokers, at: Millis) -> Outcome {
        let before: BTreeSet<NodeId> = self.up().collect();
        self.id = Some(told.cluster_id);
        let ids: BTreeSet<NodeId> = told.brokers.iter().map(|it| it.broker.id).collect();
        for it in told.brokers {
            let state = match it.standing {
                BrokerStanding::Up => BrokerState::Up,
                BrokerStanding::Fenced => BrokerState::Fenced,
            };
            self.saw_broker(it.broker, state, at);
        }
        match told.scope {
            BrokerScope::Registered => {
                let is_replica = self.replica_brokers();
                self.brokers.retain(|id, _| ids.contains(id) || is_replica.contains(id));
                self.lost_brokers(&ids, at);
                let belongs = |id| self.brokers.contains_key(&id);
                self.hearing.keep_brokers(belongs);
            }
            BrokerScope::Up => self.lost_brokers(&ids, at),
        }
        let after: BTreeSet<NodeId> = self.up().collect();
        if before.is_empty() || before == after { Outcome::Known } else { Outcome::Changed }
    }

    /// Takes over who Metadata says is up, as far as nobody knows better.
    pub(super) fn fold_live_brokers(&mut self, live: &[kt_client::Broker], at: Millis) {
        let knows_better = self.hearing.lanes.iter().any(|(lane, heard)| {
            lane.kind == Kind::Brokers && heard.answered.is_some() && heard.failing.is_none()
        });
        if knows_better {
            return;
        }
        for it in live {
            self.saw_broker(it.clone(), BrokerState::Up, at);
        }
        let ids = live.iter().map(|it| it.id).collect();
        self.lost_brokers(&ids, at);
    }

    fn saw_broker(&mut self, endpoint: kt_client::Broker, state: BrokerState, at: Millis) {
        let broker = self.brokers.entry(endpoint.id).or_default();
        broker.come_to(state, at);
        broker.endpoint = Some(endpoint);
    }

    /// All others are down.
    fn lost_brokers(&mut self, told: &BTreeSet<NodeId>, at: Millis) {
        let others = self.brokers.iter_mut().filter(|(id, _)| !told.contains(id));
        for (_, broker) in others {
            broker.come_to(BrokerState::Down, at);
        }
    }

    fn replica_brokers(&self) -> BTreeSet<NodeId> {
        let partitions = self.topics.values().flat_map(|it| it.partitions.values());
        partitions.flat_map(|it| it.replicas.iter().copied()).collect()
    }

    /// Brokers that replicas name belong to the cluster, whatever becomes of them.
    pub(super) fn know_replica_brokers(&mut self, at: Millis) {
        for id in self.replica_brokers() {
            let unseen = || Broker { since: at, ..Broker::default() };
            self.brokers.entry(id).or_insert_with(unseen);
        }
    }

    pub(super) fn fold_broker_configs(&mut self, node: NodeId, entries: Vec<ConfigEntry>) {
        if let Some(broker) = self.brokers.get_mut(&node) {
            broker.configs = entries.into_iter().map(ConfigValue::of).collect();
        }
    }

    pub(super) fn fold_log_dirs(&mut self, node: NodeId, told: Vec<LogDir>, at: Millis) {
        let failed: BTreeSet<&str> =
            told.iter().filter(|it| it.replicas.is_err()).map(|it| it.path.as_str()).collect();
        for partition in self.topics.values_mut().flat_map(|it| it.partitions.values_mut()) {
            partition.stored.retain(|(id, _), on| *id != node || failed.contains(&*on.directory));
        }
        let mut dirs = BTreeMap::new();
        let mut known = self.brokers.get_mut(&node).map(|it| std::mem::take(&mut it.dirs));
        for it in told {
            let before = known.as_mut().and_then(|known| known.remove(&it.path));
            let path = it.path.clone();
            let dir = match &it.replicas {
                Ok(_) => self.fold_replicas(node, it, at),
                Err(failure) => {
                    Dir { failure: Some(failure.clone()), ..before.unwrap_or(Dir::unread(at)) }
                }
            };
            dirs.insert(path, dir);
        }
        if let Some(broker) = self.brokers.get_mut(&node) {
            broker.dirs = dirs;
        }
    }

    fn fold_replicas(&mut self, node: NodeId, told: LogDir, at: Millis) -> Dir {
        let directory: Arc<str> = told.path.into();
        let mut dir = Dir {
            total: told.total_bytes,
            usable: told.usable_bytes,
            admission: told.admission,
            ..Dir::unread(at)
        };
        for it in told.replicas.into_iter().flatten() {
            dir.used = dir.used.saturating_add(it.size);
            dir.replicas += 1;
            let partition = self
                .topics
                .get_mut(&it.partition.topic)
                .and_then(|topic| topic.partitions.get_mut(&it.partition.partition));
            let on = StoredOn {
                directory: Arc::clone(&directory),
                size: Sample { value: it.size, at },
                offset_lag: it.offset_lag,
            };
            if let Some(partition) = partition {
                partition.stored.insert((node, it.place.into()), on);
            }
        }
        dir
    }
}

impl Dir {
    /// The used share of its volume, 0 to 1; `None` where the broker does not tell.
    #[expect(clippy::cast_precision_loss, reason = "a share of a disk needs no more than 53 bits")]
    pub(crate) fn share(&self) -> Option<f64> {
        let (total, usable) = self.total.zip(self.usable)?;
        (0 < total).then(|| total.saturating_sub(usable) as f64 / total as f64)
    }

    fn unread(at: Millis) -> Dir {
        Dir {
            total: None,
            usable: None,
            used: 0,
            replicas: 0,
            admission: Admission::Open,
            failure: None,
            at,
        }
    }
}
