//! What holds of a controller after any sequence of requests.

use std::collections::BTreeMap;

use kt_protocol::types::{NodeId, PartitionIndex, Uuid};
use proptest::prelude::*;

use super::conversation::Conversation;
use crate::metadata::{MetadataImage, PartitionRegistration};
use crate::transcript::Command;

fn any_command() -> impl Strategy<Value = String> {
    let broker = || 1i32..4;
    let topic = "[a-c]";
    prop_oneof![
        2 => (broker(), 1u8..4).prop_map(|(id, it)| format!("register-broker id={id} incarnation={it}")),
        6 => broker().prop_map(|id| format!("heartbeat id={id}")),
        2 => broker().prop_map(|id| format!("heartbeat id={id} fence")),
        2 => broker().prop_map(|id| format!("heartbeat id={id} shutdown")),
        1 => broker().prop_map(|id| format!("heartbeat id={id} offset=0")),
        1 => broker().prop_map(|id| format!("heartbeat id={id} offline={}", 100 + id)),
        1 => broker().prop_map(|id| format!("unregister-broker id={id}")),
        1 => (1u8..12).prop_map(|it| format!("advance seconds={it}")),
        2 => Just("fence-stale".to_owned()),
        1 => Just("restart".to_owned()),
        4 => (topic, 1u8..4, 1u8..4).prop_map(|(topic, partitions, replicas)| {
            format!("create-topics {topic} partitions={partitions} replication={replicas}")
        }),
        1 => topic.prop_map(|topic| format!("delete-topics {topic}")),
        1 => (topic, 1u8..6).prop_map(|(topic, it)| format!("create-partitions {topic} count={it}")),
        1 => (topic, any::<bool>()).prop_map(|(topic, it)| {
            format!("alter-configs topic/{topic} updates=set:unclean.leader.election.enable:{it}")
        }),
    ]
}

type Partitions = BTreeMap<(Uuid, PartitionIndex), PartitionRegistration>;

fn partitions(image: &MetadataImage) -> Partitions {
    let partitions = image.topics().partitions();
    partitions.map(|(topic, index, it)| ((topic.id, index), it.as_ref().clone())).collect()
}

/// A leader is in the ISR and may lead; the ISR is never empty, and made of replicas.
fn assert_sound(image: &MetadataImage) {
    for (key, it) in partitions(image) {
        assert!(!it.isr.is_empty(), "{key:?} forgot who has its records: {it:?}");
        assert!(it.isr.iter().all(|member| it.replicas.contains(member)), "{key:?}: {it:?}");
        if let Some(leader) = it.leader {
            assert!(it.isr.contains(&leader), "{key:?}: {it:?}");
            assert!(image.brokers().is_active(leader), "{key:?} is led by a dead broker: {it:?}");
        }
    }
}

/// Epochs only grow; a partition whose leader changed has a new leader epoch.
fn assert_forward(before: &Partitions, after: &Partitions) {
    for (key, new) in after {
        let Some(old) = before.get(key) else { continue };
        assert!(old.leader_epoch <= new.leader_epoch, "{key:?}");
        assert!(old.partition_epoch <= new.partition_epoch, "{key:?}");
        assert!(old == new || old.partition_epoch < new.partition_epoch, "{key:?}");
        assert!(old.leader == new.leader || old.leader_epoch < new.leader_epoch, "{key:?}");
    }
}

/// A partition led by a broker that registered anew has a new leader epoch.
fn assert_restarted(before: &MetadataImage, after: &MetadataImage) {
    let (old, new) = (partitions(before), partitions(after));
    let epoch = |image: &MetadataImage, id: NodeId| image.brokers().get(id).map(|it| it.epoch);
    for (key, it) in &new {
        let (Some(leader), Some(earlier)) = (it.leader, old.get(key)) else { continue };
        let is_restarted = epoch(before, leader) != epoch(after, leader);
        let is_same_epoch = earlier.leader == it.leader && earlier.leader_epoch == it.leader_epoch;
        assert!(!(is_restarted && is_same_epoch), "{key:?} outlived its leader: {it:?}");
    }
}

proptest! {
    #[test]
    fn partitions_stay_sound_whatever_is_asked(
        commands in prop::collection::vec(any_command(), 1..60),
    ) {
        let mut conversation = Conversation::new();
        conversation.say(&Command::parse("activate"));
        for command in &commands {
            let before = conversation.image().clone();
            conversation.say(&Command::parse(command));
            let after = conversation.image();
            assert_sound(after);
            assert_forward(&partitions(&before), &partitions(after));
            assert_restarted(&before, after);
        }
    }
}
