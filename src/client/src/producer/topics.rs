//! The topics that records go to, each found by name once and then by number.

use std::collections::BTreeMap;
use std::sync::Arc;

use kt_protocol::types::{Millis, Uuid};

use super::partitioner::Chooser;
use super::question::Question;
use crate::error::Error;

/// A topic's number here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TopicIndex(pub(super) usize);

/// A partition's number here, among those of all topics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct QueueIndex(pub(super) usize);

/// A topic.
#[derive(Debug)]
pub(super) struct Destination {
    pub(super) name: Arc<str>,
    pub(super) id: Uuid,
    /// How many partitions it has.
    pub(super) count: usize,
    /// Its partitions, in their order; behind the count those of a topic that had the name before.
    pub(super) queues: Vec<QueueIndex>,
    /// Those with a leader, in rising order.
    pub(super) available: Vec<i32>,
    pub(super) chooser: Chooser,
    /// When a batch was begun for it last.
    pub(super) last_used: Millis,
    /// When it is asked for again, while records wait for a leader.
    pub(super) leaders: Question,
    /// Why the cluster did not tell of it when it was last asked.
    pub(super) error: Option<Error>,
}

/// All topics.
#[derive(Debug, Default)]
pub(super) struct Topics {
    all: Vec<Destination>,
    by_name: BTreeMap<Arc<str>, TopicIndex>,
    /// The last one asked for: mostly the next one too.
    last: usize,
}

impl Topics {
    /// The topic with this name, if records went there before.
    pub(super) fn find(&mut self, name: &str) -> Option<TopicIndex> {
        if self.all.get(self.last).is_some_and(|it| *it.name == *name) {
            return Some(TopicIndex(self.last));
        }
        let found = *self.by_name.get(name)?;
        self.last = found.0;
        Some(found)
    }

    pub(super) fn add(&mut self, name: &str, chooser: Chooser, leaders: Question) -> TopicIndex {
        let name: Arc<str> = name.into();
        let index = TopicIndex(self.all.len());
        self.by_name.insert(Arc::clone(&name), index);
        self.all.push(Destination {
            name,
            id: Uuid::ZERO,
            count: 0,
            queues: Vec::new(),
            available: Vec::new(),
            chooser,
            last_used: Millis(0),
            leaders,
            error: None,
        });
        index
    }

    pub(super) fn get(&self, index: TopicIndex) -> &Destination {
        &self.all[index.0]
    }

    pub(super) fn get_mut(&mut self, index: TopicIndex) -> &mut Destination {
        &mut self.all[index.0]
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (TopicIndex, &Destination)> {
        self.all.iter().enumerate().map(|(index, it)| (TopicIndex(index), it))
    }
}
