//! The borrowed forms of Produce and Fetch beside the owned ones.

use bytes::Bytes;

use super::random::Random;
use super::vectors::{message_type, vectors};
use crate::codec::{DecodeBudget, Message, MessageView, Reader};
use crate::messages::fetch_request::FetchRequestView;
use crate::messages::produce_request::ProduceRequestView;
use crate::messages::{FetchRequest, ProduceRequest};

/// Vectors and random messages of a type, each with its version.
fn samples(name: &str) -> Vec<(Bytes, i16)> {
    let vectors = vectors().into_iter().filter(|it| it.name == name);
    let mut samples: Vec<_> = vectors.map(|it| (it.bytes, it.version)).collect();
    let message = message_type(name);
    for version in message.valid_versions.iter() {
        samples.extend((0..50).map(|seed| (Random(seed).message(message, version).0, version)));
    }
    samples
}

#[test]
fn produce_views_say_what_owned_requests_say() {
    for (bytes, version) in samples("ProduceRequest") {
        let budget = DecodeBudget::for_frame(bytes.len());
        let owned = ProduceRequest::decode(&mut Reader::new(&bytes, budget), version).unwrap();
        let mut reader = Reader::over_slice(&bytes, budget);
        let view = ProduceRequestView::decode(&mut reader, version).unwrap();
        reader.finish().unwrap();
        assert_eq!(view.transactional_id, owned.transactional_id.as_deref());
        assert_eq!((view.acks, view.timeout_ms), (owned.acks, owned.timeout_ms));
        assert_eq!(view.topic_data.len(), owned.topic_data.len());
        for (view, owned) in view.topic_data.iter().zip(&owned.topic_data) {
            assert_eq!((view.name, view.topic_id), (owned.name.as_str(), owned.topic_id));
            assert_eq!(view.partition_data.len(), owned.partition_data.len());
            for (view, owned) in view.partition_data.iter().zip(&owned.partition_data) {
                assert_eq!(view.index, owned.index);
                let records = owned.records.as_ref().map(|it| it.as_bytes().unwrap().as_ref());
                assert_eq!(view.records.map(|it| it.bytes), records);
                // The place in the frame is where a broker patches offsets.
                assert_eq!(view.records.map(|it| &bytes[it.range()]), records);
            }
        }
    }
}

#[test]
fn fetch_views_say_what_owned_requests_say() {
    for (bytes, version) in samples("FetchRequest") {
        let budget = DecodeBudget::for_frame(bytes.len());
        let owned = FetchRequest::decode(&mut Reader::new(&bytes, budget), version).unwrap();
        let mut reader = Reader::over_slice(&bytes, budget);
        let view = FetchRequestView::decode(&mut reader, version).unwrap();
        reader.finish().unwrap();
        assert_eq!(view.cluster_id, owned.cluster_id.as_deref());
        assert_eq!(view.replica_state, owned.replica_state);
        assert_eq!(view.rack_id, owned.rack_id);
        let limits = (view.max_wait_ms, view.min_bytes, view.max_bytes, view.isolation_level);
        let expected = (owned.max_wait_ms, owned.min_bytes, owned.max_bytes, owned.isolation_level);
        assert_eq!(limits, expected);
        assert_eq!((view.session_id, view.session_epoch), (owned.session_id, owned.session_epoch));
        assert_eq!(view.topics.len(), owned.topics.len());
        for (view, owned) in view.topics.iter().zip(&owned.topics) {
            assert_eq!((view.topic, view.topic_id), (owned.topic.as_str(), owned.topic_id));
            assert_eq!(view.partitions, owned.partitions);
        }
        assert_eq!(view.forgotten_topics_data.len(), owned.forgotten_topics_data.len());
        for (view, owned) in view.forgotten_topics_data.iter().zip(&owned.forgotten_topics_data) {
            assert_eq!((view.topic, view.topic_id), (owned.topic.as_str(), owned.topic_id));
            assert_eq!(view.partitions, owned.partitions);
        }
    }
}
