//! Which topics there are and which of their partitions this broker has, published whole.

use std::collections::BTreeMap;
use std::sync::Arc;

use kt_core::metadata::SharedMap;
use kt_protocol::ErrorCode;
use kt_protocol::types::Uuid;

use crate::partition::Partition;

/// One topic, as this broker serves it.
#[derive(Clone)]
pub(crate) struct ServedTopic {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    /// Every partition of the topic; none for one that other brokers have.
    pub(crate) partitions: BTreeMap<i32, Option<Arc<Partition>>>,
}

impl ServedTopic {
    /// One of its partitions.
    ///
    /// # Errors
    ///
    /// What to tell who asks for one that is not there, or not here.
    pub(crate) fn partition(&self, index: i32) -> Result<Arc<Partition>, ErrorCode> {
        match self.partitions.get(&index) {
            None => Err(ErrorCode::UnknownTopicOrPartition),
            Some(None) => Err(ErrorCode::NotLeaderOrFollower),
            Some(Some(partition)) => Ok(Arc::clone(partition)),
        }
    }

    /// The partitions that this broker has.
    pub(crate) fn own(&self) -> impl Iterator<Item = &Arc<Partition>> {
        self.partitions.values().flatten()
    }
}

/// All topics.
#[derive(Clone, Default)]
pub(crate) struct Served {
    topics: SharedMap<Uuid, Arc<ServedTopic>>,
    names: SharedMap<String, Uuid>,
}

impl Served {
    pub(crate) fn by_id(&self, id: Uuid) -> Option<&Arc<ServedTopic>> {
        self.topics.get(&id)
    }

    pub(crate) fn by_name(&self, name: &str) -> Option<&Arc<ServedTopic>> {
        self.topics.get(self.names.get(name)?)
    }

    /// Every topic, by id.
    pub(crate) fn topics(&self) -> impl Iterator<Item = &Arc<ServedTopic>> {
        self.topics.values()
    }

    /// Every partition that this broker has.
    pub(crate) fn partitions(&self) -> impl Iterator<Item = &Arc<Partition>> {
        self.topics().flat_map(|topic| topic.own())
    }

    pub(crate) fn insert(&mut self, topic: ServedTopic) {
        self.names.insert(topic.name.clone(), topic.id);
        self.topics.insert(topic.id, Arc::new(topic));
    }

    pub(crate) fn remove(&mut self, id: Uuid) -> Option<Arc<ServedTopic>> {
        let topic = self.topics.remove(&id)?;
        // The name may be another topic's by now.
        if self.names.get(topic.name.as_str()) == Some(&id) {
            self.names.remove(topic.name.as_str());
        }
        Some(topic)
    }
}
