//! The topic of the coordinators: what it is called, and how it is made.

use kt_protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};

use crate::config::BrokerConfig;

/// Where groups and their offsets are.
pub(crate) const OFFSETS_TOPIC: &str = "__consumer_offsets";

/// The topic as it is made when somebody first asks for a coordinator
/// (`GroupCoordinatorService.groupMetadataTopicConfigs`).
pub(crate) fn creatable(config: &BrokerConfig) -> CreatableTopic {
    let set = |name: &str, value: String| CreatableTopicConfig {
        name: name.to_owned(),
        value: Some(value),
    };
    CreatableTopic {
        name: OFFSETS_TOPIC.to_owned(),
        num_partitions: config.offsets_topic_num_partitions,
        replication_factor: config.offsets_topic_replication_factor,
        configs: vec![
            set("cleanup.policy", "compact".to_owned()),
            set("compression.type", "producer".to_owned()),
            set("segment.bytes", config.offsets_topic_segment_bytes.to_string()),
        ],
        ..CreatableTopic::default()
    }
}
