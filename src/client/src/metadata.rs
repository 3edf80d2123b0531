//! What the client knows of the cluster: brokers, topics, leaders. A value; no sockets, no clock.

use std::collections::BTreeMap;

use kt_protocol::ErrorCode;
use kt_protocol::messages::MetadataResponse;
use kt_protocol::messages::metadata_response::{MetadataResponsePartition, MetadataResponseTopic};
use kt_protocol::types::{LeaderEpoch, NodeId, TopicPartition, Uuid};

/// A cluster, as one of its brokers told it last.
///
/// ```
/// # kt_doc_broker::with_orders(&[], async |bootstrap| {
/// use kt_client::{Client, ClientConfig};
///
/// let client = Client::new(ClientConfig { bootstrap, ..ClientConfig::default() });
/// client.topics(&["orders".to_owned()]).await?;
/// let metadata = client.metadata();
/// let leader = metadata.topics["orders"].partitions[0].leader.expect("it is online");
/// let broker = &metadata.brokers[&leader];
/// println!("{} leads orders-0, rack {:?}", broker.address(), broker.rack);
/// # assert_eq!(vec![broker.address()], client.config().bootstrap);
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metadata {
    /// The cluster's id; `None` until a broker said it.
    pub cluster_id: Option<String>,
    /// Who takes changes. In a KRaft cluster any broker, which passes them on.
    pub controller: Option<NodeId>,
    /// The brokers that are up.
    pub brokers: BTreeMap<NodeId, Broker>,
    /// Topics by name: those that were asked for.
    pub topics: BTreeMap<String, Topic>,
}

/// A broker.
///
/// Shown at [`Metadata`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Broker {
    /// Its number.
    pub id: NodeId,
    /// The host that it advertises.
    pub host: String,
    /// The port that it advertises.
    pub port: i32,
    /// Its rack (`broker.rack`).
    pub rack: Option<String>,
}

impl Broker {
    /// `HOST:PORT`, with brackets around an IPv6 address.
    pub fn address(&self) -> String {
        match self.host.contains(':') {
            true => format!("[{}]:{}", self.host, self.port),
            false => format!("{}:{}", self.host, self.port),
        }
    }
}

/// A topic.
///
/// Shown at [`Metadata`].
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Topic {
    /// Its name.
    pub name: String,
    /// Its id; all zero from brokers before 2.8.
    pub id: Uuid,
    /// True for Kafka's own topics.
    pub is_internal: bool,
    /// Its partitions, in the order of their numbers.
    pub partitions: Vec<Partition>,
}

/// A partition.
///
/// Shown at [`Metadata`].
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Partition {
    /// Its number.
    pub index: i32,
    /// Its leader; `None` while it is offline.
    pub leader: Option<NodeId>,
    /// The leader's epoch; unknown from old brokers.
    pub leader_epoch: LeaderEpoch,
    /// Where it is kept.
    pub replicas: Vec<i32>,
    /// Which of those are in sync.
    pub isr: Vec<i32>,
    /// Which others are eligible to lead (KIP-966); `None` if the broker did not say.
    pub elr: Option<Vec<i32>>,
    /// Which were the last ones eligible, once none is left; `None` if the broker did not say.
    pub last_known_elr: Option<Vec<i32>>,
    /// Which of the replicas are on brokers that are down.
    pub offline: Vec<i32>,
}

impl Partition {
    pub(crate) fn of_response(it: MetadataResponsePartition) -> Partition {
        Partition {
            index: it.partition_index,
            leader: leader(it.leader_id),
            leader_epoch: LeaderEpoch(it.leader_epoch),
            replicas: it.replica_nodes,
            isr: it.isr_nodes,
            elr: None,
            last_known_elr: None,
            offline: it.offline_replicas,
        }
    }

    /// True if some replica is not in sync.
    pub fn is_under_replicated(&self) -> bool {
        self.isr.len() < self.replicas.len()
    }
}

/// The wire writes -1 for none.
pub(crate) fn leader(id: i32) -> Option<NodeId> {
    (0 <= id).then_some(NodeId(id))
}

impl Topic {
    fn of_response(name: String, it: MetadataResponseTopic) -> Topic {
        let mut partitions: Vec<Partition> =
            it.partitions.into_iter().map(Partition::of_response).collect();
        partitions.sort_by_key(|it| it.index);
        Topic { name, id: it.topic_id, is_internal: it.is_internal, partitions }
    }

    /// Keeps leaders of which more was known than this broker has heard (KIP-320). A topic with
    /// another id is another topic.
    fn keep_newer(&mut self, known: &Topic) {
        if self.id != known.id {
            return;
        }
        for partition in &mut self.partitions {
            let Some(known) = known.partition(partition.index) else { continue };
            // Brokers before 2.4 do not tell epochs: what they say is all there is.
            let tells = LeaderEpoch(0) <= partition.leader_epoch;
            if tells && partition.leader_epoch < known.leader_epoch {
                partition.leader = known.leader;
                partition.leader_epoch = known.leader_epoch;
            }
        }
    }

    fn partition_mut(&mut self, index: i32) -> Option<&mut Partition> {
        let position = self.partitions.binary_search_by_key(&index, |it| it.index).ok()?;
        self.partitions.get_mut(position)
    }

    /// Copies of each partition: the most there are, since a reassignment may be under way.
    pub fn replication_factor(&self) -> usize {
        self.partitions.iter().map(|it| it.replicas.len()).max().unwrap_or(0)
    }

    /// The partition with this number.
    pub fn partition(&self, index: i32) -> Option<&Partition> {
        let position = self.partitions.binary_search_by_key(&index, |it| it.index).ok()?;
        self.partitions.get(position)
    }
}

/// Why a topic that was asked for is not known.
pub(crate) type TopicErrors = BTreeMap<String, ErrorCode>;

impl Metadata {
    /// Takes over what a broker said. Topics that the answer does not speak of are kept: it holds
    /// those that were asked for. Gives the topics that it had only an error for.
    pub fn apply(
        &mut self,
        response: MetadataResponse,
        is_whole: bool,
    ) -> BTreeMap<String, ErrorCode> {
        if response.cluster_id.is_some() {
            self.cluster_id = response.cluster_id;
        }
        self.controller = leader(response.controller_id);
        self.brokers = response
            .brokers
            .into_iter()
            .map(|it| {
                let id = NodeId(it.node_id);
                (id, Broker { id, host: it.host, port: it.port, rack: it.rack })
            })
            .collect();
        let before = match is_whole {
            true => std::mem::take(&mut self.topics),
            false => BTreeMap::new(),
        };
        let mut errors = TopicErrors::new();
        for topic in response.topics {
            let Some(name) = topic.name.clone() else { continue };
            let code = ErrorCode::from_code(topic.error_code);
            // Partitions without a leader carry errors of their own; the topic is still there.
            if code.is_none() {
                let mut topic = Topic::of_response(name.clone(), topic);
                if let Some(known) = self.topics.get(&name).or(before.get(&name)) {
                    topic.keep_newer(known);
                }
                self.topics.insert(name, topic);
            } else {
                self.topics.remove(&name);
                errors.insert(name, code);
            }
        }
        errors
    }

    /// Takes over who leads a partition. False if as much was known already.
    pub(crate) fn learn_leader(
        &mut self,
        partition: &TopicPartition,
        leader: NodeId,
        epoch: LeaderEpoch,
        endpoint: Option<Broker>,
    ) -> bool {
        let topic = self.topics.get_mut(&partition.topic);
        let Some(known) = topic.and_then(|it| it.partition_mut(partition.partition.0)) else {
            return false;
        };
        if epoch <= known.leader_epoch || leader.0 < 0 {
            return false;
        }
        if let Some(endpoint) = endpoint {
            self.brokers.insert(endpoint.id, endpoint);
        }
        if !self.brokers.contains_key(&leader) {
            return false;
        }
        known.leader = Some(leader);
        known.leader_epoch = epoch;
        true
    }

    /// The topic with this id, if it is known.
    pub fn topic_by_id(&self, id: Uuid) -> Option<&Topic> {
        self.topics.values().find(|it| it.id == id)
    }

    /// The broker that leads a partition, if both are known.
    pub fn leader(&self, partition: &TopicPartition) -> Option<NodeId> {
        self.topics.get(&partition.topic)?.partition(partition.partition.0)?.leader
    }

    /// The partition, if it is known.
    pub fn partition(&self, partition: &TopicPartition) -> Option<&Partition> {
        self.topics.get(&partition.topic)?.partition(partition.partition.0)
    }
}

#[cfg(test)]
mod tests {
    use kt_protocol::messages::metadata_response::MetadataResponseBroker;

    use super::*;

    fn answer(topics: &[(&str, i16, &[i32])]) -> MetadataResponse {
        MetadataResponse {
            cluster_id: Some("cluster".to_owned()),
            controller_id: 1,
            brokers: vec![MetadataResponseBroker {
                node_id: 1,
                host: "::1".to_owned(),
                port: 9092,
                ..Default::default()
            }],
            topics: topics
                .iter()
                .map(|(name, code, leaders)| topic(name, *code, leaders))
                .collect(),
            ..Default::default()
        }
    }

    fn topic(name: &str, error_code: i16, leaders: &[i32]) -> MetadataResponseTopic {
        let partitions = leaders.iter().zip(0..).map(|(leader, index)| MetadataResponsePartition {
            partition_index: index,
            leader_id: *leader,
            replica_nodes: vec![1, 2],
            isr_nodes: vec![1],
            ..Default::default()
        });
        let mut partitions: Vec<MetadataResponsePartition> = partitions.collect();
        // Brokers may answer in any order.
        partitions.reverse();
        let name = Some(name.to_owned());
        MetadataResponseTopic { name, error_code, partitions, ..Default::default() }
    }

    #[test]
    fn leaders_are_found_and_partitions_without_one_are_kept() {
        let mut metadata = Metadata::default();
        let errors = metadata.apply(answer(&[("orders", 0, &[1, -1])]), false);
        assert!(errors.is_empty());
        let leader = |index| metadata.leader(&TopicPartition::new("orders", index));
        assert_eq!([leader(0), leader(1), leader(2)], [Some(NodeId(1)), None, None]);
        assert_eq!(metadata.topics["orders"].replication_factor(), 2);
        assert!(metadata.topics["orders"].partitions[0].is_under_replicated());
        assert_eq!(metadata.brokers[&NodeId(1)].address(), "[::1]:9092");
    }

    #[test]
    fn an_answer_speaks_only_of_what_was_asked_for() {
        let mut metadata = Metadata::default();
        metadata.apply(answer(&[("orders", 0, &[1]), ("payments", 0, &[1])]), true);
        let errors = metadata.apply(answer(&[("payments", 3, &[])]), false);
        assert_eq!(errors["payments"], ErrorCode::UnknownTopicOrPartition);
        assert_eq!(metadata.topics.keys().collect::<Vec<_>>(), ["orders"]);
        metadata.apply(answer(&[("events", 0, &[1])]), true);
        assert_eq!(metadata.topics.keys().collect::<Vec<_>>(), ["events"]);
    }

    fn at_epoch(epoch: i32, leader: i32) -> MetadataResponse {
        let mut answer = answer(&[("orders", 0, &[leader])]);
        answer.topics[0].partitions[0].leader_epoch = epoch;
        answer
    }

    #[test]
    fn an_older_epoch_says_nothing_new_of_the_same_topic() {
        let orders = TopicPartition::new("orders", 0);
        let mut metadata = Metadata::default();
        metadata.apply(at_epoch(5, 1), false);
        metadata.apply(at_epoch(4, 2), false);
        assert_eq!(metadata.leader(&orders), Some(NodeId(1)));
        metadata.apply(at_epoch(6, 2), false);
        assert_eq!(metadata.leader(&orders), Some(NodeId(2)));
        let mut recreated = at_epoch(0, 3);
        recreated.topics[0].topic_id = Uuid([7; 16]);
        metadata.apply(recreated, false);
        assert_eq!(metadata.leader(&orders), Some(NodeId(3)));
        assert_eq!(metadata.topic_by_id(Uuid([7; 16])).unwrap().name, "orders");
        assert_eq!(metadata.topic_by_id(Uuid([8; 16])), None);
    }

    #[test]
    fn a_hint_is_taken_if_it_is_newer_and_leads_somewhere() {
        let orders = TopicPartition::new("orders", 0);
        let mut metadata = Metadata::default();
        metadata.apply(at_epoch(5, 1), false);
        let two = Broker { id: NodeId(2), host: "b".to_owned(), port: 1, rack: None };
        let mut learn = |leader: i32, epoch: i32, endpoint: Option<&Broker>| {
            metadata.learn_leader(&orders, NodeId(leader), LeaderEpoch(epoch), endpoint.cloned())
        };
        assert!(!learn(2, 6, None), "nobody knows where it is");
        assert!(!learn(2, 5, Some(&two)), "not newer");
        assert!(!learn(-1, 6, Some(&two)), "no leader");
        assert!(learn(2, 6, Some(&two)));
        assert!(learn(1, 7, None), "known before");
        assert_eq!(metadata.leader(&orders), Some(NodeId(1)));
        let unknown = TopicPartition::new("payments", 0);
        assert!(!metadata.learn_leader(&unknown, NodeId(1), LeaderEpoch(9), None));
    }
}
