//! Images of metadata logs that Apache Kafka wrote, and images of any records.

use std::collections::BTreeMap;
use std::io::Read;

use bytes::Bytes;
use kt_protocol::messages::metadata_record::MetadataRecord;
use kt_protocol::messages::*;
use kt_protocol::records::Batches;
use kt_protocol::types::{LeaderEpoch, Offset, Timestamp, Uuid};

use super::*;

const E_METADATA_LOG: &[u8] = include_bytes!("../../tests/data/e-metadata.log.gz");
const E_METADATA_CHECKPOINT: &[u8] = include_bytes!("../../tests/data/e-metadata.checkpoint.gz");
const F_KILLED_LOG: &[u8] = include_bytes!("../../tests/data/f-killed.log.gz");

/// The data records of a log or a snapshot, each with its offset and version.
fn records_of(compressed: &[u8]) -> Vec<(Offset, VersionedRecord)> {
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(compressed).read_to_end(&mut bytes).unwrap();
    let mut found = Vec::new();
    for batch in Batches::new(&bytes) {
        let batch = batch.unwrap();
        assert!(batch.crc_is_valid());
        if batch.is_control() {
            continue;
        }
        for record in batch.records_in_place().unwrap() {
            let record = record.unwrap();
            let value = Bytes::copy_from_slice(record.value.unwrap());
            let (decoded, version) = MetadataRecord::decode(&value).unwrap();
            assert_eq!(decoded.encode(version).unwrap(), value, "{decoded:?}");
            found.push((record.offset, VersionedRecord { record: decoded, version }));
        }
    }
    found
}

fn fold<'a>(records: impl IntoIterator<Item = &'a (Offset, VersionedRecord)>) -> MetadataImage {
    let mut loader = MetadataLoader::default();
    for (offset, record) in records {
        loader.apply(&record.record, *offset).unwrap_or_else(|it| panic!("{offset}: {it}"));
    }
    assert_eq!(loader.transaction_start(), None);
    loader.image().clone()
}

pub(super) fn refold(image: &MetadataImage) -> MetadataImage {
    let records = image.write_records().unwrap();
    fold(&records.into_iter().map(|record| (Offset(0), record)).collect::<Vec<_>>())
}

/// What a set of records says, whatever their order and the order of features in them.
fn as_set(records: impl IntoIterator<Item = VersionedRecord>) -> BTreeMap<String, usize> {
    let mut set = BTreeMap::new();
    for mut record in records {
        if let MetadataRecord::RegisterBroker(it) = &mut record.record {
            it.features.sort_by(|a, b| a.name.cmp(&b.name));
        }
        *set.entry(format!("{record:?}")).or_default() += 1;
    }
    set
}

#[test]
fn a_log_of_apache_kafka_folds_into_what_its_snapshot_says() {
    let log = records_of(E_METADATA_LOG);
    let checkpoint = records_of(E_METADATA_CHECKPOINT);
    // The snapshot holds what lies before offset 352.
    let until_snapshot = fold(log.iter().filter(|(offset, _)| *offset < Offset(352)));
    assert!(until_snapshot == fold(&checkpoint), "the log and its snapshot say different things");
    let written = as_set(until_snapshot.write_records().unwrap());
    assert_eq!(written, as_set(checkpoint.into_iter().map(|(_, record)| record)));
}

#[test]
fn an_image_of_apache_kafka_is_what_its_dump_says() {
    let image = fold(&records_of(E_METADATA_LOG));
    let names: Vec<&str> = image.topics().iter_from("meta").map(|it| it.name.as_str()).collect();
    assert_eq!(names[..3], ["meta-a", "meta-b", "not-idempotent"]);
    let meta_b = image.topics().get("meta-b").unwrap();
    assert_eq!((meta_b.partitions.len(), meta_b.replication_factor()), (3, 1));
    let configs = image.configs().get(&ConfigResource::topic("meta-a")).unwrap();
    assert_eq!(
        configs.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>(),
        ["cleanup.policy=compact,delete", "max.message.bytes=123456"]
    );
    assert_eq!(image.producer_ids().next_producer_id().0, 1000);
    assert_eq!(image.scram().iter().count(), 2);
    assert_eq!(image.acls().iter().count(), 3);
    assert_eq!(image.client_quotas().iter().count(), 3);
    assert!(image.features().is_elr_enabled());
    let broker = image.brokers().iter().next().unwrap();
    assert!(broker.fenced && broker.in_controlled_shutdown);
}

#[test]
fn the_log_of_a_killed_node_folds_and_writes_back() {
    for log in [F_KILLED_LOG, E_METADATA_LOG] {
        let image = fold(&records_of(log));
        assert!(refold(&image) == image);
    }
}

#[test]
fn nothing_of_an_open_transaction_is_published() {
    let topic = |name: &str, id| {
        MetadataRecord::from(TopicRecord { name: name.to_owned(), topic_id: Uuid([id; 16]) })
    };
    let provenance = |offset| Provenance {
        last_offset: Offset(offset),
        last_epoch: LeaderEpoch(1),
        last_timestamp: Timestamp(0),
    };
    let mut loader = MetadataLoader::default();
    loader.apply(&topic("before", 1), Offset(0)).unwrap();
    let (before, _) = loader.end_batch(provenance(0)).unwrap();
    loader.apply(&BeginTransactionRecord::default().into(), Offset(1)).unwrap();
    loader.apply(&topic("within", 2), Offset(2)).unwrap();
    assert!(loader.end_batch(provenance(2)).is_none());
    assert!(loader.image().topics().get("within").is_some());
    assert!(*loader.published() == before);
    let nested = loader.clone().apply(&BeginTransactionRecord::default().into(), Offset(3));
    assert_eq!(nested, Err(ApplyError::NestedTransaction));

    let mut ended = loader.clone();
    ended.apply(&EndTransactionRecord {}.into(), Offset(3)).unwrap();
    let (image, delta) = ended.end_batch(provenance(3)).unwrap();
    assert_eq!(image.topics().len(), 2);
    assert_eq!(delta.topics_created, [Uuid([2; 16])].into());

    loader.apply(&AbortTransactionRecord::default().into(), Offset(3)).unwrap();
    let (image, delta) = loader.end_batch(provenance(3)).unwrap();
    assert!(image.topics() == before.topics());
    assert!(delta.is_empty());
    let unopened = loader.apply(&EndTransactionRecord {}.into(), Offset(4));
    assert_eq!(unopened, Err(ApplyError::NoTransaction));
}

#[test]
fn a_topic_that_comes_and_goes_in_one_batch_leaves_no_trace() {
    let id = Uuid([1; 16]);
    let mut loader = MetadataLoader::default();
    let records: [MetadataRecord; 4] = [
        TopicRecord { name: "t".to_owned(), topic_id: id }.into(),
        ConfigRecord {
            resource_type: 2,
            resource_name: "t".to_owned(),
            name: "retention.ms".to_owned(),
            value: Some("1".to_owned()),
        }
        .into(),
        PartitionRecord { topic_id: id, partition_id: 0, ..Default::default() }.into(),
        RemoveTopicRecord { topic_id: id }.into(),
    ];
    for record in &records {
        loader.apply(record, Offset(0)).unwrap();
    }
    let (image, delta) = loader.end_batch(Provenance::default()).unwrap();
    assert!(image == MetadataImage::default());
    assert!(delta.is_empty(), "{delta:?}");
}

#[test]
fn a_record_of_another_registration_is_an_error() {
    let mut image = MetadataImage::default();
    let fence = FenceBrokerRecord { id: 1, epoch: 5 }.into();
    assert_eq!(image.apply(&fence), Err(ApplyError::NoSuchBroker(kt_protocol::types::NodeId(1))));
    let register = RegisterBrokerRecord { broker_id: 1, broker_epoch: 7, ..Default::default() };
    image.apply(&register.into()).unwrap();
    insta::assert_snapshot!(image.apply(&fence).unwrap_err(), @"broker 1 is registered with epoch 7, not 5");
}

#[test]
fn cleared_eligible_leader_replicas_are_gone_and_counted() {
    let id = Uuid([1; 16]);
    let mut image = MetadataImage::default();
    let partition = PartitionRecord {
        topic_id: id,
        partition_id: 0,
        replicas: vec![1],
        partition_epoch: 4,
        eligible_leader_replicas: Some(vec![1]),
        ..Default::default()
    };
    image.apply(&TopicRecord { name: "t".to_owned(), topic_id: id }.into()).unwrap();
    image.apply(&partition.into()).unwrap();
    image.apply(&ClearElrRecord { topic_name: "t".to_owned() }.into()).unwrap();
    let partition = image.topics().get("t").unwrap().partitions.values().next().unwrap();
    assert!(partition.elr.is_empty());
    assert_eq!(partition.partition_epoch.0, 5);
    let missing = image.apply(&ClearElrRecord { topic_name: "u".to_owned() }.into());
    assert_eq!(missing, Err(ApplyError::NoSuchTopicName("u".to_owned())));
}
