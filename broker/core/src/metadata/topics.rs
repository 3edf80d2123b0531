//! Topics by name and by id, with their partitions (`TopicsImage`, `TopicImage`).

use std::sync::Arc;

use kt_protocol::messages::{ClearElrRecord, PartitionChangeRecord, PartitionRecord, TopicRecord};
use kt_protocol::types::{PartitionIndex, Uuid};

use super::{ApplyError, PartitionRegistration, SharedMap};

/// One topic.
#[derive(Clone, Debug, PartialEq)]
pub struct TopicImage {
    /// Its name.
    pub name: String,
    /// Its id, never used twice.
    pub id: Uuid,
    /// Its partitions, by number.
    pub partitions: SharedMap<PartitionIndex, Arc<PartitionRegistration>>,
}

impl TopicImage {
    /// One partition.
    pub fn partition(&self, index: PartitionIndex) -> Option<&Arc<PartitionRegistration>> {
        self.partitions.get(&index)
    }

    pub(super) fn to_record(&self) -> TopicRecord {
        TopicRecord { name: self.name.clone(), topic_id: self.id }
    }

    /// The replication factor: that of its first partition, 0 without any.
    pub fn replication_factor(&self) -> usize {
        self.partitions.values().next().map_or(0, |partition| partition.replicas.len())
    }
}

/// The part of the image that holds topics.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TopicsImage {
    by_id: SharedMap<Uuid, Arc<TopicImage>>,
    by_name: SharedMap<String, Uuid>,
}

impl TopicsImage {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// The topic of this name.
    pub fn get(&self, name: &str) -> Option<&Arc<TopicImage>> {
        self.by_id.get(self.by_name.get(name)?)
    }

    /// The topic of this id.
    pub fn get_by_id(&self, id: Uuid) -> Option<&Arc<TopicImage>> {
        self.by_id.get(&id)
    }

    /// All topics, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<TopicImage>> {
        self.by_name.values().filter_map(|id| self.by_id.get(id))
    }

    /// The topics whose name is not below `name`, by name.
    pub fn iter_from(&self, name: &str) -> impl Iterator<Item = &Arc<TopicImage>> {
        self.by_name.iter_from(name).filter_map(|(_, id)| self.by_id.get(id))
    }

    /// Every partition of every topic, by topic id and number.
    pub fn partitions(
        &self,
    ) -> impl Iterator<Item = (&Arc<TopicImage>, PartitionIndex, &Arc<PartitionRegistration>)> {
        self.by_id.values().flat_map(|topic| {
            topic.partitions.iter().map(move |(index, partition)| (topic, *index, partition))
        })
    }

    pub(super) fn apply_topic(&mut self, record: &TopicRecord) -> Result<(), ApplyError> {
        if self.by_name.contains_key(record.name.as_str()) {
            return Err(ApplyError::DuplicateTopic(record.name.clone()));
        }
        if self.by_id.contains_key(&record.topic_id) {
            return Err(ApplyError::DuplicateTopicId(record.topic_id));
        }
        let topic = TopicImage {
            name: record.name.clone(),
            id: record.topic_id,
            partitions: SharedMap::default(),
        };
        self.by_name.insert(topic.name.clone(), topic.id);
        self.by_id.insert(topic.id, Arc::new(topic));
        Ok(())
    }

    /// Gives the removed topic's name.
    pub(super) fn apply_remove(&mut self, id: Uuid) -> Result<String, ApplyError> {
        let topic = self.by_id.remove(&id).ok_or(ApplyError::NoSuchTopic(id))?;
        self.by_name.remove(topic.name.as_str());
        Ok(topic.name.clone())
    }

    pub(super) fn apply_partition(&mut self, record: &PartitionRecord) -> Result<(), ApplyError> {
        let partition = PartitionRegistration::from_record(record)?;
        self.set_partition(record.topic_id, PartitionIndex(record.partition_id), partition)
    }

    pub(super) fn apply_change(
        &mut self,
        record: &PartitionChangeRecord,
    ) -> Result<(), ApplyError> {
        let (topic_id, index) = (record.topic_id, PartitionIndex(record.partition_id));
        let topic = self.by_id.get(&topic_id).ok_or(ApplyError::NoSuchTopic(topic_id))?;
        let partition = topic
            .partition(index)
            .ok_or(ApplyError::NoSuchPartition { topic_id, partition: index })?;
        let changed = partition.merged(record)?;
        self.set_partition(topic_id, index, changed)
    }

    /// Forgets eligible leader replicas, of one topic or by the empty name of all.
    pub(super) fn apply_clear_elr(&mut self, record: &ClearElrRecord) -> Result<(), ApplyError> {
        let topic_ids: Vec<Uuid> = if record.topic_name.is_empty() {
            self.by_id.keys().copied().collect()
        } else {
            let name = &record.topic_name;
            let id = self.by_name.get(name.as_str());
            vec![*id.ok_or_else(|| ApplyError::NoSuchTopicName(name.clone()))?]
        };
        for topic_id in topic_ids {
            for change in self.elr_clearings(topic_id) {
                self.apply_change(&change)?;
            }
        }
        Ok(())
    }

    fn elr_clearings(&self, topic_id: Uuid) -> Vec<PartitionChangeRecord> {
        let Some(topic) = self.by_id.get(&topic_id) else { return Vec::new() };
        let has_elr = |partition: &PartitionRegistration| {
            !partition.elr.is_empty() || !partition.last_known_elr.is_empty()
        };
        let clearing = |index: &PartitionIndex| PartitionChangeRecord {
            topic_id,
            partition_id: index.0,
            eligible_leader_replicas: Some(Vec::new()),
            last_known_elr: Some(Vec::new()),
            ..Default::default()
        };
        let holders = topic.partitions.iter().filter(|(_, partition)| has_elr(partition));
        holders.map(|(index, _)| clearing(index)).collect()
    }

    fn set_partition(
        &mut self,
        topic_id: Uuid,
        index: PartitionIndex,
        partition: PartitionRegistration,
    ) -> Result<(), ApplyError> {
        let topic = self.by_id.get_mut(&topic_id).ok_or(ApplyError::NoSuchTopic(topic_id))?;
        Arc::make_mut(topic).partitions.insert(index, Arc::new(partition));
        Ok(())
    }
}
