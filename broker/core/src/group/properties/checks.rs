//! What must hold, whatever members do: one check, one promise.

use std::collections::{BTreeMap, BTreeSet};

use kt_protocol::messages::offset_fetch_request::OffsetFetchRequestGroup;
use kt_protocol::types::PartitionIndex;

use crate::group::owner::Owner;
use crate::group::shard::Group;
use crate::group::{OffsetStability, Shard};

/// A group, and one of its partitions.
pub(super) type GroupPartition = (String, PartitionIndex);

/// What was promised so far.
#[derive(Debug, Default)]
pub(super) struct Promises {
    /// Who was given a partition in a generation.
    owners: BTreeMap<(String, i32, u8), String>,
    /// The last generation that members were told of.
    generations: BTreeMap<String, i32>,
    /// Requests that were not answered yet.
    pub(super) open: BTreeSet<u64>,
    /// What was committed last.
    pub(super) committed: BTreeMap<GroupPartition, i64>,
}

impl Promises {
    /// No partition has two owners in one generation.
    pub(super) fn own(
        &mut self,
        group_id: &str,
        generation: i32,
        client: &str,
        partitions: &BTreeSet<u8>,
    ) -> Result<(), String> {
        for partition in partitions {
            let key = (group_id.to_owned(), generation, *partition);
            let owner = self.owners.entry(key).or_insert_with(|| client.to_owned());
            if owner != client {
                return Err(format!(
                    "{owner} and {client} own {partition} in generation {generation} of {group_id}"
                ));
            }
        }
        Ok(())
    }

    /// Generations do not go back.
    pub(super) fn enter(&mut self, group_id: &str, generation: i32) -> Result<(), String> {
        let last = self.generations.entry(group_id.to_owned()).or_insert(generation);
        if generation < *last {
            return Err(format!("{group_id} went from generation {last} to {generation}"));
        }
        *last = generation;
        Ok(())
    }

    /// A commit of a member is one of the last generation that anybody was told of.
    pub(super) fn commit(&self, group_id: &str, generation: i32) -> Result<(), String> {
        match self.generations.get(group_id) {
            Some(last) if 0 <= generation && generation < *last => {
                Err(format!("generation {generation} of {group_id} committed in {last}"))
            }
            _ => Ok(()),
        }
    }

    /// Each request is answered once.
    pub(super) fn answered(&mut self, token: u64) -> Result<(), String> {
        if self.open.remove(&token) { Ok(()) } else { Err(format!("{token} is answered again")) }
    }

    /// A group is gone, and may begin again.
    pub(super) fn forget(&mut self, group_id: &str) {
        self.generations.remove(group_id);
        self.owners.retain(|(of, _, _), _| of != group_id);
        self.committed.retain(|(of, _), _| of != group_id);
    }

    /// Another leader: requests are lost, and so are generations that were not written.
    pub(super) fn reload(&mut self) {
        self.open.clear();
        self.generations.clear();
        self.owners.clear();
    }

    /// What was committed is what is read.
    pub(super) fn offsets(&self, shard: &Shard<u64>) -> Result<(), String> {
        let group_ids: BTreeSet<&String> = self.committed.keys().map(|(id, _)| id).collect();
        let mut read = BTreeMap::new();
        let known = shard.groups_from("").map(|(id, _)| id.to_owned());
        let all: BTreeSet<String> = known.chain(group_ids.into_iter().cloned()).collect();
        for group_id in all {
            let all = None;
            let request = OffsetFetchRequestGroup {
                group_id: group_id.clone(),
                topics: all,
                ..Default::default()
            };
            let response = shard.fetch_offsets(10, &request, OffsetStability::Any);
            for partition in response.topics.iter().flat_map(|it| &it.partitions) {
                let index = PartitionIndex(partition.partition_index);
                read.insert((group_id.clone(), index), partition.committed_offset);
            }
        }
        if read == self.committed {
            return Ok(());
        }
        Err(format!("committed {:?}, read {read:?}", self.committed))
    }
}

/// Another leader reads the same offsets out of the log, and the same groups if they are at rest.
pub(super) fn same_after_load(owner: &Owner<u64>) -> Result<(), String> {
    let (live, loaded) = (&owner.shard, owner.loading(0));
    if live.offsets() != loaded.offsets() || live.transactions() != loaded.transactions() {
        return Err("other offsets after a load".to_owned());
    }
    let names = |shard: &Shard<u64>| -> Vec<String> {
        shard.groups_from("").map(|(id, _)| id.to_owned()).collect()
    };
    if names(live) != names(&loaded) {
        return Err(format!("groups {:?}, after a load {:?}", names(live), names(&loaded)));
    }
    for (group_id, group) in live.groups_from("") {
        let (Group::Classic(live), Some(Group::Classic(loaded))) = (group, loaded.group(group_id))
        else {
            return Err(format!("{group_id} is of another kind after a load"));
        };
        if live.is_at_rest() && live.resting_value() != loaded.resting_value() {
            return Err(format!("{}, after a load {}", live.summary(), loaded.summary()));
        }
    }
    Ok(())
}

/// After a long silence nobody is in any group.
pub(super) fn all_empty(shard: &Shard<u64>) -> Result<(), String> {
    for (_, group) in shard.groups_from("") {
        match group {
            Group::Classic(group) if !group.is_empty() => {
                return Err(format!("after the end: {}", group.summary()));
            }
            _ => {}
        }
    }
    Ok(())
}
