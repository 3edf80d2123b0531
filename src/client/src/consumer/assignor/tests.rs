//! What the assignors must hold, and that they do as Apache Kafka's do.

mod properties;
mod vectors;

use std::collections::BTreeSet;

use kt_protocol::types::TopicPartition;

use super::*;

/// All partitions that somebody wants.
fn wanted(topics: &GroupTopics, members: &GroupMembers) -> BTreeSet<TopicPartition> {
    let is_wanted = |topic: &str| members.values().any(|it| it.topics.contains(topic));
    let topics = topics.iter().filter(|(topic, _)| is_wanted(topic));
    topics.flat_map(|(topic, racks)| partitions_of(topic, racks)).collect()
}

/// Each partition has one owner that wants it; fails with what is wrong.
fn check_whole(topics: &GroupTopics, members: &GroupMembers, given: &GroupAssignment) {
    check_no_overlap(members, given);
    let all: BTreeSet<TopicPartition> = given.values().flatten().cloned().collect();
    assert_eq!(all, wanted(topics, members));
}

fn check_no_overlap(members: &GroupMembers, given: &GroupAssignment) {
    assert!(given.keys().eq(members.keys()), "each member is in the answer");
    let mut seen = BTreeSet::new();
    for (id, partitions) in given {
        for it in partitions {
            assert!(members[id].topics.contains(&it.topic), "{id} does not want {it}");
            assert!(seen.insert(it), "{it} is given twice");
        }
    }
}

/// True if no member could take a partition from one that has two more.
fn is_balanced(members: &GroupMembers, given: &GroupAssignment) -> bool {
    given.iter().all(|(rich, partitions)| {
        given
            .iter()
            .filter(|(poor, few)| *poor != rich && few.len() + 1 < partitions.len())
            .all(|(poor, _)| partitions.iter().all(|it| !members[poor].topics.contains(&it.topic)))
    })
}

/// How many partitions stay with who has them.
fn kept(members: &GroupMembers, given: &GroupAssignment) -> usize {
    given.iter().map(|(id, partitions)| partitions.intersection(&members[id].owned).count()).sum()
}

fn sizes(given: &GroupAssignment) -> Vec<usize> {
    let mut sizes: Vec<usize> = given.values().map(BTreeSet::len).collect();
    sizes.sort_unstable();
    sizes
}
