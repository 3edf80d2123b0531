//! What is asked of partitions, as most requests say it: under the topic's name.

use kt_protocol::types::TopicPartition;

/// Gathers what belongs to partitions of one topic. Topics stay in the given order; one that comes
/// again after another stands there twice.
pub(super) fn by_topic<'a, T>(
    parts: impl IntoIterator<Item = (&'a TopicPartition, T)>,
) -> Vec<(String, Vec<T>)> {
    let mut topics: Vec<(String, Vec<T>)> = Vec::new();
    for (partition, part) in parts {
        match topics.last_mut() {
            Some((topic, parts)) if *topic == partition.topic => parts.push(part),
            _ => topics.push((partition.topic.clone(), vec![part])),
        }
    }
    topics
}
