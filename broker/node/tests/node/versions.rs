//! Every version of the data path's APIs is answered, with data and with errors.

use kt_protocol::ErrorCode;
use kt_protocol::messages::{
    FetchRequest, FetchResponse, ListOffsetsRequest, ListOffsetsResponse, MetadataRequest,
    MetadataResponse, ProduceRequest, ProduceResponse,
    list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic},
};
use kt_protocol::types::Uuid;

use crate::records::{batch, fetch_request, produce_request, read_values};
use crate::support::Harness;

fn topic_id(harness: &mut Harness) -> Uuid {
    let request = MetadataRequest { topics: None, ..MetadataRequest::default() };
    let metadata: MetadataResponse = harness.call(12, &request);
    metadata.topics[0].topic_id
}

fn named(mut request: ProduceRequest, version: i16, id: Uuid) -> ProduceRequest {
    request.transactional_id = None;
    if 13 <= version {
        request.topic_data[0].name = String::new();
        request.topic_data[0].topic_id = id;
    }
    request
}

#[test]
fn produce_in_every_version() {
    let mut harness = Harness::new(&[]);
    harness.create_topic("orders", 1, &[]);
    let id = topic_id(&mut harness);
    for version in 3..=13 {
        let good = named(produce_request("orders", 0, -1, batch(&["a"])), version, id);
        let response: ProduceResponse = harness.call(version, &good);
        let partition = &response.responses[0].partition_responses[0];
        assert_eq!((partition.error_code, partition.base_offset), (0, i64::from(version) - 3));

        let mut bytes = batch(&["a"]).to_vec();
        bytes[60] ^= 1;
        let bad = named(produce_request("orders", 0, -1, bytes.into()), version, id);
        let response: ProduceResponse = harness.call(version, &bad);
        assert_ne!(response.responses[0].partition_responses[0].error_code, 0);

        let nowhere = produce_request("nowhere", 3, 1, batch(&["a"]));
        let nowhere = named(nowhere, version, Uuid::ONE);
        let response: ProduceResponse = harness.call(version, &nowhere);
        assert_ne!(response.responses[0].partition_responses[0].error_code, 0);
    }
}

#[test]
fn fetch_in_every_version() {
    let mut harness = Harness::new(&[]);
    harness.create_topic("orders", 1, &[]);
    let id = topic_id(&mut harness);
    harness.produce("orders", 0, batch(&["a", "b"]));
    let asked = |version: i16, offset: i64, isolation_level: i8| {
        let mut request = FetchRequest { isolation_level, ..fetch_request("orders", 0, offset) };
        request.max_wait_ms = 100;
        if 13 <= version {
            request.topics[0].topic = String::new();
            request.topics[0].topic_id = id;
        }
        request
    };
    for version in 4..=18 {
        for isolation in [0, 1] {
            let response: FetchResponse = harness.call(version, &asked(version, 1, isolation));
            let data = &response.responses[0].partitions[0];
            assert_eq!(read_values(data.records.as_ref(), 1), [(1, "b".to_owned())]);
            assert_eq!((data.high_watermark, data.last_stable_offset), (2, 2));
            assert_eq!(data.aborted_transactions.is_some(), isolation == 1);

            let response: FetchResponse = harness.call(version, &asked(version, -2, isolation));
            let code = response.responses[0].partitions[0].error_code;
            assert_eq!(code, ErrorCode::OffsetOutOfRange as i16);

            let late = harness.send(3, version, &asked(version, 2, isolation));
            harness.advance(100);
            let response: FetchResponse = harness.answer(late, version);
            assert_eq!(response.responses[0].partitions[0].error_code, 0);
        }
    }
}

#[test]
fn list_offsets_and_metadata_in_every_version() {
    let mut harness = Harness::new(&[]);
    harness.create_topic("orders", 1, &[]);
    harness.produce("orders", 0, batch(&["a", "b"]));
    for version in 1..=11 {
        let partition = |partition_index| ListOffsetsPartition {
            partition_index,
            timestamp: -1,
            ..ListOffsetsPartition::default()
        };
        let topic = ListOffsetsTopic {
            name: "orders".to_owned(),
            partitions: vec![partition(0), partition(7)],
        };
        let request =
            ListOffsetsRequest { replica_id: -1, topics: vec![topic], ..Default::default() };
        let response: ListOffsetsResponse = harness.call(version, &request);
        let partitions = &response.topics[0].partitions;
        assert_eq!((partitions[0].error_code, partitions[0].offset), (0, 2));
        assert_eq!(partitions[1].error_code, ErrorCode::UnknownTopicOrPartition as i16);
    }
    for version in 0..=13 {
        let mut request = MetadataRequest { topics: Some(Vec::new()), ..Default::default() };
        if 1 <= version {
            request.topics = None;
        }
        let response: MetadataResponse = harness.call(version, &request);
        assert_eq!(response.topics.len(), 1, "version {version}");
    }
}
