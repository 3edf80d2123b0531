//! Properties of images and deltas, over any records of a small world.

use std::collections::BTreeMap;

use kt_protocol::messages::client_quota_record::EntityData;
use kt_protocol::messages::metadata_record::MetadataRecord;
use kt_protocol::messages::register_broker_record::{BrokerEndpoint, BrokerFeature};
use kt_protocol::messages::*;
use kt_protocol::types::{Offset, Uuid};
use proptest::prelude::*;

use super::tests::refold;
use super::*;

/// Any record of a small world, so that records meet: most sequences of them fit an image.
fn any_record() -> impl Strategy<Value = MetadataRecord> {
    prop_oneof![
        6 => any_topic_record(),
        3 => any_node_record(),
        2 => any_quota_or_config(),
        2 => any_security_record(),
        1 => any_number_record(),
    ]
}

fn any_id() -> impl Strategy<Value = Uuid> {
    (1u8..4).prop_map(|it| Uuid([it; 16]))
}

fn any_brokers() -> impl Strategy<Value = Vec<i32>> {
    prop::collection::vec(1i32..4, 0..4)
}

const NAME: &str = "[a-c]";

fn any_topic_record() -> impl Strategy<Value = MetadataRecord> {
    let topic = (NAME, any_id()).prop_map(|(name, topic_id)| TopicRecord { name, topic_id }.into());
    let remove = any_id().prop_map(|topic_id| RemoveTopicRecord { topic_id }.into());
    let partition = (any_id(), 0i32..3, any_brokers(), any_brokers(), any::<bool>());
    let partition = partition.prop_map(|(topic_id, partition_id, replicas, isr, has_elr)| {
        PartitionRecord {
            topic_id,
            partition_id,
            directories: replicas.iter().map(|it| Uuid([*it as u8; 16])).collect(),
            leader: isr.first().copied().unwrap_or(-1),
            eligible_leader_replicas: has_elr.then(|| isr.clone()),
            replicas,
            isr,
            ..Default::default()
        }
        .into()
    });
    let change = (any_id(), 0i32..3, -2i32..4, prop::option::of(any_brokers()), -1i8..2);
    let change = change.prop_map(|(topic_id, partition_id, leader, isr, leader_recovery_state)| {
        PartitionChangeRecord {
            topic_id,
            partition_id,
            leader,
            isr,
            leader_recovery_state,
            ..Default::default()
        }
        .into()
    });
    prop_oneof![2 => topic, 1 => remove, 3 => partition, 3 => change]
}

fn any_node_record() -> impl Strategy<Value = MetadataRecord> {
    let register = (1i32..3, 0i64..3, any::<bool>(), prop::option::of(NAME), any::<bool>());
    let register = register.prop_map(|(broker_id, broker_epoch, fenced, rack, cordons)| {
        RegisterBrokerRecord {
            broker_id,
            broker_epoch,
            fenced,
            rack,
            end_points: vec![BrokerEndpoint { port: 9092, ..Default::default() }],
            features: vec![BrokerFeature { max_supported_version: 3, ..Default::default() }],
            log_dirs: vec![Uuid([7; 16])],
            cordoned_log_dirs: cordons.then(Vec::new),
            ..Default::default()
        }
        .into()
    });
    let change = (1i32..3, 0i64..3, -1i8..2, 0i8..2);
    let change = change.prop_map(|(broker_id, broker_epoch, fenced, in_controlled_shutdown)| {
        BrokerRegistrationChangeRecord {
            broker_id,
            broker_epoch,
            fenced,
            in_controlled_shutdown,
            ..Default::default()
        }
        .into()
    });
    let controller = (1i32..3).prop_map(|controller_id| {
        RegisterControllerRecord { controller_id, ..Default::default() }.into()
    });
    prop_oneof![2 => register, 3 => change, 1 => controller]
}

fn any_quota_or_config() -> impl Strategy<Value = MetadataRecord> {
    let resource_type = prop::sample::select(vec![2i8, 4, 16, 32]);
    let config = ("[a-c]?", NAME, prop::option::of(NAME), resource_type);
    let config = config.prop_map(|(resource_name, name, value, resource_type)| {
        ConfigRecord { resource_type, resource_name, name, value }.into()
    });
    let quota = (NAME, prop::option::of(NAME), NAME, 0u8..9, any::<bool>());
    let quota = quota.prop_map(|(entity_type, entity_name, key, value, remove)| {
        let value = f64::from(value) / 2.0;
        let entity = vec![EntityData { entity_type, entity_name }];
        ClientQuotaRecord { entity, key, value, remove }.into()
    });
    prop_oneof![config, quota]
}

fn any_security_record() -> impl Strategy<Value = MetadataRecord> {
    let acl = (0u8..3, NAME).prop_map(|(id, principal)| {
        AccessControlEntryRecord { id: Uuid([id; 16]), principal, ..Default::default() }.into()
    });
    let remove_acl =
        (0u8..3).prop_map(|id| RemoveAccessControlEntryRecord { id: Uuid([id; 16]) }.into());
    let scram = (NAME, 1i8..3).prop_map(|(name, mechanism)| {
        UserScramCredentialRecord { name, mechanism, ..Default::default() }.into()
    });
    let remove_scram = (NAME, 1i8..3)
        .prop_map(|(name, mechanism)| RemoveUserScramCredentialRecord { name, mechanism }.into());
    let token =
        NAME.prop_map(|token_id| DelegationTokenRecord { token_id, ..Default::default() }.into());
    let remove_token = NAME.prop_map(|token_id| RemoveDelegationTokenRecord { token_id }.into());
    prop_oneof![acl, remove_acl, scram, remove_scram, token, remove_token]
}

fn any_number_record() -> impl Strategy<Value = MetadataRecord> {
    let producer_ids = (0i64..9).prop_map(|next_producer_id| {
        ProducerIdsRecord { next_producer_id, ..Default::default() }.into()
    });
    let feature = (NAME, 0i16..3)
        .prop_map(|(name, feature_level)| FeatureLevelRecord { name, feature_level }.into());
    prop_oneof![producer_ids, feature]
}

proptest! {
    #[test]
    fn what_an_image_writes_folds_into_the_same_image(
        records in prop::collection::vec(any_record(), 0..60),
        level in 22i16..=30,
    ) {
        let mut image = MetadataImage::default();
        let name = MetadataVersion::FEATURE.to_owned();
        image.apply(&FeatureLevelRecord { name, feature_level: level }.into()).unwrap();
        for record in &records {
            let before = image.clone();
            let fitted = image.apply(record).is_ok();
            if !fitted {
                image = before;
            }
        }
        let written = image.write_records().unwrap();
        for record in &written {
            let value = record.record.encode(record.version).unwrap();
            prop_assert_eq!(MetadataRecord::decode(&value).unwrap().1, record.version);
        }
        // What a level has no field for, nothing at that level could have made.
        if 30 <= level {
            prop_assert!(refold(&image) == image);
        }
        prop_assert!(refold(&refold(&image)) == refold(&image));
    }

    #[test]
    fn a_delta_names_every_topic_and_partition_that_differs(
        records in prop::collection::vec(any_record(), 0..40),
    ) {
        let mut loader = MetadataLoader::default();
        let (mut before, mut merged) = (MetadataImage::default(), MetadataDelta::default());
        for chunk in records.chunks(7) {
            for record in chunk {
                let saved = loader.clone();
                if loader.apply(record, Offset(0)).is_err() {
                    loader = saved;
                }
            }
            merged.merge(loader.end_batch(Provenance::default()).unwrap().1);
            if chunk.len() % 2 == 0 {
                continue;
            }
            assert_names_differences(&before, loader.image(), &merged);
            (before, merged) = (loader.image().clone(), MetadataDelta::default());
        }
    }
}

fn assert_names_differences(before: &MetadataImage, after: &MetadataImage, delta: &MetadataDelta) {
    let ids = |image: &MetadataImage| -> BTreeMap<Uuid, String> {
        image.topics().iter().map(|it| (it.id, it.name.clone())).collect()
    };
    let (old, new) = (ids(before), ids(after));
    for (id, name) in &old {
        let is_same = after.topics().get_by_id(*id).is_some_and(|it| it.name == *name);
        assert!(is_same || delta.topics_deleted.contains_key(id), "{name} is gone: {delta:?}");
    }
    for (id, name) in &new {
        let is_same = before.topics().get_by_id(*id).is_some_and(|it| it.name == *name);
        assert!(is_same || delta.topics_created.contains(id), "{name} is new: {delta:?}");
    }
    for (topic, index, partition) in after.topics().partitions() {
        let old = before.topics().get_by_id(topic.id).and_then(|it| it.partition(index));
        let is_same = old == Some(partition);
        assert!(is_same || delta.partitions.contains(&(topic.id, index)), "{index}: {delta:?}");
    }
    for (resource, configs) in after.configs().iter() {
        let is_same = before.configs().get(resource) == Some(configs);
        assert!(is_same || delta.configs.contains(resource), "{resource}: {delta:?}");
    }
}
