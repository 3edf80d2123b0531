//! A description as kafka-topics --describe prints it, byte for byte.

use std::collections::BTreeMap;
use std::io::Write;

use kt_client::admin::{ConfigEntry, ConfigSource, Reassignment};
use kt_client::{Partition, Topic};
use kt_protocol::types::TopicPartition;

use super::{DescribedPartition, DescribedTopic};
use crate::error::CliError;
use crate::java_hash_map;

/// What it says of a topic beside what we say.
#[derive(Clone, Debug, Default)]
pub(super) struct OfTopic {
    partition_count: usize,
    replication_factor: usize,
    /// `key=value`, those that are not defaults.
    configs: Vec<String>,
}

/// And of a partition.
#[derive(Clone, Debug, Default)]
pub(super) struct OfPartition {
    pub(super) last_known_elr: Option<Vec<i32>>,
    pub(super) reassignment: Option<Reassignment>,
}

impl OfTopic {
    pub(super) fn new(
        topic: &Topic,
        configs: Option<&Vec<ConfigEntry>>,
        moves: &BTreeMap<TopicPartition, Reassignment>,
    ) -> OfTopic {
        // Its order is that of a hash map with all configs, defaults too.
        let all: Vec<&ConfigEntry> = configs.into_iter().flatten().collect();
        let all = java_hash_map::ordered(all, |it| &it.name);
        let set = all.into_iter().filter(|it| it.source != ConfigSource::DEFAULT);
        let config =
            |it: &ConfigEntry| format!("{}={}", it.name, it.value.as_deref().unwrap_or("null"));
        OfTopic {
            partition_count: topic.partitions.len(),
            replication_factor: topic.partitions.first().map_or(0, |it| {
                let key = TopicPartition::new(topic.name.as_str(), it.index);
                replication_factor(it, moves.get(&key))
            }),
            configs: set.map(config).collect(),
        }
    }
}

/// While replicas move those that come do not count.
fn replication_factor(partition: &Partition, moving: Option<&Reassignment>) -> usize {
    let Some(moving) = moving else { return partition.replicas.len() };
    let moves = |it: &i32| moving.adding.contains(it) || moving.removing.contains(it);
    match partition.replicas.iter().any(moves) {
        true => moving.replicas.len().saturating_sub(moving.adding.len()),
        false => partition.replicas.len(),
    }
}

pub(super) fn write(items: &[DescribedTopic], out: &mut dyn Write) -> Result<(), CliError> {
    for it in items {
        let OfTopic { partition_count, replication_factor, configs } = &it.beside;
        write!(out, "Topic: {}", it.name)?;
        if let Some(id) = &it.topic_id {
            write!(out, "\tTopicId: {id}")?;
        }
        write!(out, "\tPartitionCount: {partition_count}")?;
        write!(out, "\tReplicationFactor: {replication_factor}")?;
        writeln!(out, "\tConfigs: {}", configs.join(","))?;
        for partition in &it.partitions {
            write_partition(&it.name, partition, out)?;
        }
    }
    Ok(())
}

fn write_partition(
    topic: &str,
    it: &DescribedPartition,
    out: &mut dyn Write,
) -> Result<(), CliError> {
    let leader = it.leader.map_or("none".to_owned(), |it| it.to_string());
    write!(out, "\tTopic: {topic}\tPartition: {}\tLeader: {leader}", it.partition)?;
    write!(out, "\tReplicas: {}\tIsr: {}", list(&it.replicas), list(&it.isr))?;
    if let Some(moving) = &it.beside.reassignment {
        write!(out, "\tAdding Replicas: {}", list(&moving.adding))?;
        write!(out, "\tRemoving Replicas: {}", list(&moving.removing))?;
    }
    let or_unknown = |it: &Option<Vec<i32>>| it.as_ref().map_or("N/A".to_owned(), |it| list(it));
    let last_known = or_unknown(&it.beside.last_known_elr);
    writeln!(out, "\tElr: {}\tLastKnownElr: {last_known}", or_unknown(&it.elr))?;
    Ok(())
}

fn list(brokers: &[i32]) -> String {
    brokers.iter().map(i32::to_string).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use kt_protocol::types::NodeId;

    use super::*;

    /// As kafka-topics of Apache Kafka 4.3.1 printed the same while replicas moved.
    #[test]
    fn a_move_is_shown_and_does_not_count_as_replication() {
        let partition = Partition {
            leader: Some(NodeId(1)),
            replicas: vec![3, 1, 2],
            isr: vec![1, 2],
            ..Partition::default()
        };
        let topic =
            Topic { name: "moving".to_owned(), partitions: vec![partition], ..Topic::default() };
        let reassignment =
            Reassignment { replicas: vec![3, 1, 2], adding: vec![3], removing: vec![2] };
        let key = TopicPartition::new("moving", 0);
        let moves = BTreeMap::from([(key, reassignment.clone())]);
        let described = DescribedTopic {
            name: topic.name.clone(),
            topic_id: None,
            internal: false,
            replication_factor: 3,
            partitions: vec![DescribedPartition {
                partition: 0,
                leader: None,
                leader_epoch: None,
                replicas: vec![3, 1, 2],
                isr: vec![1, 2],
                elr: None,
                offline: vec![],
                log_start_offset: None,
                high_watermark: None,
                size_bytes: None,
                under_replicated: true,
                beside: OfPartition {
                    last_known_elr: Some(vec![3]),
                    reassignment: Some(reassignment),
                },
            }],
            configs: None,
            beside: OfTopic::new(&topic, None, &moves),
        };
        let mut out = Vec::new();
        write(&[described], &mut out).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "Topic: moving\tPartitionCount: 1\tReplicationFactor: 2\tConfigs: \n\
             \tTopic: moving\tPartition: 0\tLeader: none\tReplicas: 3,1,2\tIsr: 1,2\
             \tAdding Replicas: 3\tRemoving Replicas: 2\tElr: N/A\tLastKnownElr: 3\n"
        );
    }
}
