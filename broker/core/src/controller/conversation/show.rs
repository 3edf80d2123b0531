//! Records as one line each, with what matters of them.

use std::fmt::{Debug, Write};

use kt_protocol::messages::metadata_record::MetadataRecord;
use kt_protocol::messages::{BrokerRegistrationChangeRecord, PartitionChangeRecord};
use kt_protocol::types::Uuid;

use crate::metadata::{MetadataImage, VersionedRecord};

pub(super) fn record(image: &MetadataImage, offset: usize, record: &VersionedRecord) -> String {
    use MetadataRecord as R;
    let (name, version) = (record.record.name().trim_end_matches("Record"), record.version);
    let what = match &record.record {
        R::FeatureLevel(it) => format!("{}={}", it.name, it.feature_level),
        R::RegisterBroker(it) => format!(
            "{} epoch={} fenced={} dirs={}",
            it.broker_id,
            it.broker_epoch,
            it.fenced,
            show_ids(&it.log_dirs)
        ),
        R::UnregisterBroker(it) => format!("{} epoch={}", it.broker_id, it.broker_epoch),
        R::BrokerRegistrationChange(it) => show_change(it),
        R::RegisterController(it) => format!("{}", it.controller_id),
        R::Topic(it) => it.name.clone(),
        R::RemoveTopic(it) => topic_name(image, it.topic_id),
        R::Partition(it) => format!(
            "{} replicas={:?} isr={:?} leader={} dirs={}",
            it.partition_id,
            it.replicas,
            it.isr,
            it.leader,
            show_ids(&it.directories)
        ),
        R::PartitionChange(it) => {
            format!("{}-{}{}", topic_name(image, it.topic_id), it.partition_id, show_partition(it))
        }
        R::Config(it) => format!(
            "{} '{}' {}={}",
            it.resource_type,
            it.resource_name,
            it.name,
            it.value.as_deref().unwrap_or("null")
        ),
        R::ProducerIds(it) => format!("{} next={}", it.broker_id, it.next_producer_id),
        R::BeginTransaction(it) => it.name.clone().unwrap_or_default(),
        R::AbortTransaction(it) => it.reason.clone().unwrap_or_default(),
        R::EndTransaction(_) | R::NoOp(_) => String::new(),
        other => panic!("{other:?} is not shown"),
    };
    format!("{offset} {name} v{version} {what}").trim_end().to_owned()
}

fn topic_name(image: &MetadataImage, topic_id: Uuid) -> String {
    let topic = image.topics().get_by_id(topic_id);
    topic.map_or_else(|| topic_id.to_string(), |topic| topic.name.clone())
}

fn show_ids(ids: &[Uuid]) -> String {
    let show = |it: &Uuid| match u128::from_be_bytes(it.0) {
        reserved @ 0..=2 => format!("#{reserved}"),
        _ => it.0[0].to_string(),
    };
    format!("[{}]", ids.iter().map(show).collect::<Vec<_>>().join(","))
}

fn show_change(it: &BrokerRegistrationChangeRecord) -> String {
    let mut text = it.broker_id.to_string();
    if it.fenced != 0 {
        _ = write!(text, " {}", if it.fenced == 1 { "fence" } else { "unfence" });
    }
    if it.in_controlled_shutdown != 0 {
        text.push_str(" shutting-down");
    }
    if !it.log_dirs.is_empty() {
        _ = write!(text, " dirs={}", show_ids(&it.log_dirs));
    }
    if let Some(cordoned) = &it.cordoned_log_dirs {
        _ = write!(text, " cordoned={}", show_ids(cordoned));
    }
    text
}

fn show_partition(it: &PartitionChangeRecord) -> String {
    let mut text = String::new();
    if it.leader != -2 {
        _ = write!(text, " leader={}", it.leader);
    }
    show_some(&mut text, "isr", it.isr.as_ref());
    show_some(&mut text, "replicas", it.replicas.as_ref());
    show_some(&mut text, "dirs", it.directories.as_ref().map(|it| show_ids(it)).as_ref());
    show_some(&mut text, "elr", it.eligible_leader_replicas.as_ref());
    if it.leader_recovery_state != -1 {
        _ = write!(text, " recovery={}", it.leader_recovery_state);
    }
    text
}

fn show_some(text: &mut String, name: &str, value: Option<&impl Debug>) {
    if let Some(value) = value {
        _ = write!(text, " {name}={}", format!("{value:?}").trim_matches('"'));
    }
}
