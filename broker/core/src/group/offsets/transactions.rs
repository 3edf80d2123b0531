//! Offsets of transactions that have not ended: they hold back readers that ask for stable ones.

use std::collections::{BTreeMap, BTreeSet};

use kt_protocol::planted;
use kt_protocol::types::{PartitionIndex, ProducerId};

use super::{Offsets, StoredOffset};

type Producers = BTreeSet<ProducerId>;

/// What open transactions would commit, by producer, and whom that keeps open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PendingTransactions {
    by_producer: BTreeMap<ProducerId, Offsets>,
    by_group: BTreeMap<String, BTreeMap<String, BTreeMap<PartitionIndex, Producers>>>,
}

impl PendingTransactions {
    /// A producer has written an offset into its transaction.
    pub(crate) fn add(
        &mut self,
        producer_id: ProducerId,
        group_id: &str,
        topic: &str,
        partition: PartitionIndex,
        stored: StoredOffset,
    ) {
        let topics = self.by_group.entry(group_id.to_owned()).or_default();
        let partitions = topics.entry(topic.to_owned()).or_default();
        partitions.entry(partition).or_default().insert(producer_id);
        self.by_producer.entry(producer_id).or_default().put(group_id, topic, partition, stored);
    }

    /// Whether a transaction may yet change any offset of the group.
    pub(crate) fn has_group(&self, group_id: &str) -> bool {
        self.by_group.contains_key(group_id)
    }

    /// Whether a transaction may yet change this offset.
    pub(crate) fn contains(&self, group_id: &str, topic: &str, partition: PartitionIndex) -> bool {
        let topics = self.by_group.get(group_id);
        let partitions = topics.and_then(|it| it.get(topic));
        partitions.is_some_and(|it| it.contains_key(&partition))
    }

    /// The group's partitions that transactions may yet change.
    pub(crate) fn of_group(
        &self,
        group_id: &str,
    ) -> impl Iterator<Item = (&str, PartitionIndex)> + '_ {
        let topics = self.by_group.get(group_id).into_iter().flatten();
        topics.flat_map(|(topic, partitions)| {
            partitions.keys().map(move |partition| (topic.as_str(), *partition))
        })
    }

    /// What open transactions hold of all groups.
    pub(crate) fn iter(
        &self,
    ) -> impl Iterator<Item = (&str, &str, PartitionIndex, &StoredOffset)> + '_ {
        self.by_producer.values().flat_map(Offsets::iter)
    }

    /// Forgets an offset, whoever wrote it: it was deleted.
    pub(crate) fn clear(&mut self, group_id: &str, topic: &str, partition: PartitionIndex) {
        for producer_id in self.remove_partition(group_id, topic, partition) {
            if let Some(offsets) = self.by_producer.get_mut(&producer_id) {
                offsets.remove(group_id, topic, partition);
            }
        }
    }

    /// The producer's transaction is over: takes out what it held.
    pub(crate) fn end(&mut self, producer_id: ProducerId) -> Offsets {
        let Some(offsets) = self.by_producer.remove(&producer_id) else {
            return Offsets::default();
        };
        for (group_id, topic, partition, _) in offsets.iter() {
            let mut producers = self.remove_partition(group_id, topic, partition);
            if !planted!("a transaction ends and stays open") {
                producers.remove(&producer_id);
            }
            if !producers.is_empty() {
                let topics = self.by_group.entry(group_id.to_owned()).or_default();
                topics.entry(topic.to_owned()).or_default().insert(partition, producers);
            }
        }
        offsets
    }

    fn remove_partition(
        &mut self,
        group_id: &str,
        topic: &str,
        partition: PartitionIndex,
    ) -> Producers {
        let Some(topics) = self.by_group.get_mut(group_id) else { return Producers::new() };
        let Some(partitions) = topics.get_mut(topic) else { return Producers::new() };
        let producers = partitions.remove(&partition).unwrap_or_default();
        if partitions.is_empty() {
            topics.remove(topic);
        }
        if topics.is_empty() {
            self.by_group.remove(group_id);
        }
        producers
    }
}
