//! The group coordinator of this broker: a shard of groups for each partition of
//! `__consumer_offsets` that it leads (`GroupCoordinatorService`).
//!
//! The rules are `kt_core::group`; here they get a log, time and callers. A shard is loaded by a
//! job when its partition is led, and dropped when it is not led any more. Its lock is held from a
//! decision over the append to the replay; what it answers leaves once the high watermark has
//! passed what it had seen.

mod load;
mod offsets_topic;
mod shard;
mod until_all;

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use kt_core::group::{DeletedTopic, GroupConfig, partition_for};
use kt_core::metadata::MetadataImage;
use kt_protocol::ErrorCode;
use kt_protocol::types::{Now, PartitionIndex};

pub(crate) use load::{LoadError, LoadedShard};
pub(crate) use offsets_topic::{OFFSETS_TOPIC, creatable as creatable_offsets_topic};
pub(crate) use shard::{GroupShard, Token};
pub(crate) use until_all::UntilAll;

use crate::config::{BrokerConfig, TopicConfig};
use crate::effect::Effect;
use crate::jobs::Outcome;
use crate::lock_rank::{Rank, RankedMutex};
use crate::node::Node;
use crate::partition::{Fault, Partition, Service};

type Shards = BTreeMap<i32, Arc<GroupShard>>;

/// The shards of this broker.
pub(crate) struct GroupCoordinator {
    shards: ArcSwap<Shards>,
    /// Held while shards come and go.
    turn: RankedMutex<()>,
}

impl GroupCoordinator {
    /// Without any shard.
    pub(crate) fn new() -> GroupCoordinator {
        GroupCoordinator { shards: ArcSwap::default(), turn: RankedMutex::new(Rank::Shard, ()) }
    }

    /// The shard of a partition.
    pub(crate) fn shard(&self, partition: i32) -> Option<Arc<GroupShard>> {
        self.shards.load().get(&partition).cloned()
    }

    /// All shards, by partition.
    pub(crate) fn shards(&self) -> Arc<Shards> {
        self.shards.load_full()
    }
}

/// The partition of `__consumer_offsets` that a group lives in; none while there is no such topic.
pub(crate) fn partition_of(image: &MetadataImage, group_id: &str) -> Option<PartitionIndex> {
    let topic = image.topics().get(OFFSETS_TOPIC)?;
    let partitions = i32::try_from(topic.partitions.len()).ok().filter(|it| 0 < *it)?;
    Some(partition_for(group_id, partitions))
}

impl Node {
    /// The shard that a group lives in.
    ///
    /// # Errors
    ///
    /// What to tell who asks, if it is not here.
    pub(crate) fn group_shard(
        &self,
        image: &MetadataImage,
        group_id: &str,
    ) -> Result<Arc<GroupShard>, ErrorCode> {
        let partition = partition_of(image, group_id).ok_or(ErrorCode::CoordinatorNotAvailable)?;
        if let Some(shard) = self.groups.shard(partition.0) {
            return Ok(shard);
        }
        Err(match self.is_shard_awaited(image, partition) {
            true => ErrorCode::CoordinatorLoadInProgress,
            false => ErrorCode::NotCoordinator,
        })
    }

    /// Whether there are shards still to come, so that nobody can list all groups yet.
    pub(crate) fn are_shards_awaited(&self, image: &MetadataImage) -> bool {
        let shards = self.groups.shards();
        let topic = image.topics().get(OFFSETS_TOPIC);
        let count = topic.and_then(|it| i32::try_from(it.partitions.len()).ok()).unwrap_or(0);
        (0..count)
            .filter(|it| !shards.contains_key(it))
            .any(|it| self.is_shard_awaited(image, PartitionIndex(it)))
    }

    /// Whether this broker coordinates the groups of a partition as soon as its log is open. The
    /// image may be ahead of what is served. Who asks makes the log one of the next to be opened.
    fn is_shard_awaited(&self, image: &MetadataImage, partition: PartitionIndex) -> bool {
        let topic = image.topics().get(OFFSETS_TOPIC);
        let leader = topic.and_then(|it| it.partition(partition)).and_then(|it| it.leader);
        let found = self.replicas.find(OFFSETS_TOPIC, partition.0);
        let is_lost = found.is_ok_and(|it| it.service() == Service::Offline);
        leader == Some(self.id()) && !is_lost
    }

    /// Makes and drops shards, so that there is one for each partition that is led here, in its
    /// epoch.
    pub(crate) fn refresh_group_shards(&self, now: Now, effects: &mut Vec<Effect>) {
        let mut dropped = Vec::new();
        let mut made = Vec::new();
        {
            let _turn = self.groups.turn.lock();
            let before = self.groups.shards();
            let mut after = Shards::new();
            for partition in self.offsets_partitions() {
                let Ok(bounds) = partition.bounds() else { continue };
                let index = partition.name().partition.0;
                let kept = before.get(&index).filter(|it| it.is_of(&partition, bounds.epoch));
                let shard = kept.cloned().unwrap_or_else(|| {
                    let shard = Arc::new(GroupShard::new(partition, &bounds));
                    made.push((Arc::clone(&shard), bounds));
                    shard
                });
                after.insert(index, shard);
            }
            let is_dropped = |it: &&Arc<GroupShard>| {
                !after.get(&it.index()).is_some_and(|after| Arc::ptr_eq(it, after))
            };
            dropped.extend(before.values().filter(is_dropped).cloned());
            if !dropped.is_empty() || !made.is_empty() {
                self.groups.shards.store(Arc::new(after));
            }
        }
        for shard in dropped {
            shard.drop_state(effects);
        }
        for (shard, bounds) in made {
            let config = self.group_config(&shard.partition().config());
            let seed = self.random();
            if bounds.offsets.log_start == bounds.offsets.log_end {
                let loaded = LoadedShard::empty(config, seed, bounds.offsets.log_end);
                shard.loaded(self, now, loaded, effects);
                continue;
            }
            self.jobs.run("load groups", effects, move || {
                let result = load::load(config, seed, &bounds).map(Box::new);
                Outcome::GroupsLoaded(shard, result)
            });
        }
    }

    fn offsets_partitions(&self) -> Vec<Arc<Partition>> {
        let served = self.replicas.served();
        let topic = served.by_name(OFFSETS_TOPIC);
        topic.into_iter().flat_map(|it| it.own().cloned().collect::<Vec<_>>()).collect()
    }

    /// A shard was read from its log, or cannot be: then the log is not what a coordinator wrote.
    pub(crate) fn on_groups_loaded(
        &self,
        now: Now,
        shard: &Arc<GroupShard>,
        result: Result<Box<LoadedShard>, LoadError>,
        effects: &mut Vec<Effect>,
    ) {
        match result {
            Ok(loaded) => shard.loaded(self, now, *loaded, effects),
            Err(LoadError::Log(error)) => {
                self.fault(shard.partition(), Fault::from(&error), effects);
            }
            Err(error @ LoadError::Record { .. }) => {
                let fault = Fault::Partition(error.to_string());
                self.fault(shard.partition(), fault, effects);
            }
        }
    }

    /// Something that a shard waits for has come.
    pub(crate) fn on_group_shard_wake(&self, now: Now, partition: u64, effects: &mut Vec<Effect>) {
        let shard = i32::try_from(partition).ok().and_then(|it| self.groups.shard(it));
        if let Some(shard) = shard {
            shard.wake(self, now, effects);
        }
    }

    /// Topics are gone: what groups have committed of them goes too.
    pub(crate) fn forget_offsets_of(
        &self,
        now: Now,
        topics: &[DeletedTopic],
        effects: &mut Vec<Effect>,
    ) {
        if topics.is_empty() {
            return;
        }
        for shard in self.groups.shards().values() {
            shard.topics_deleted(self, now, topics, effects);
        }
    }

    fn group_config(&self, topic: &TopicConfig) -> GroupConfig {
        let config = self.config();
        let BrokerConfig { groups, .. } = &*config;
        // A batch has to fit into a segment too.
        let batch_max_bytes = topic.max_message_bytes.min(topic.segment_bytes);
        GroupConfig {
            batch_max_bytes: usize::try_from(batch_max_bytes).unwrap_or(0),
            ..groups.clone()
        }
    }
}
