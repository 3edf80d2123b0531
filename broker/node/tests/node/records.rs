//! Batches to produce, and what fetched bytes hold.

use bytes::Bytes;
use kt_protocol::codec::Records;
use kt_protocol::messages::delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic};
use kt_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kt_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kt_protocol::messages::produce_response::PartitionProduceResponse;
use kt_protocol::messages::{
    DeleteRecordsRequest, DeleteRecordsResponse, FetchRequest, FetchResponse, ProduceRequest,
    ProduceResponse,
};
use kt_protocol::records::{BatchBuilder, Batches, NewRecord};
use kt_protocol::types::{ProducerEpoch, ProducerId, Timestamp};

use crate::support::{Harness, START_OF_TIME};

/// A batch of these values, without keys.
pub(crate) fn batch(values: &[&str]) -> Bytes {
    fill(BatchBuilder::new(), values)
}

/// The same of an idempotent producer.
pub(crate) fn batch_of(producer: i64, epoch: i16, sequence: i32, values: &[&str]) -> Bytes {
    let id = ProducerId(producer);
    fill(BatchBuilder::new().producer(id, ProducerEpoch(epoch), sequence), values)
}

/// Puts values into a batch.
pub(crate) fn fill(mut builder: BatchBuilder, values: &[&str]) -> Bytes {
    for value in values {
        let record = NewRecord {
            timestamp: Timestamp(START_OF_TIME),
            value: Some(value.as_bytes()),
            ..NewRecord::default()
        };
        builder.append(record).unwrap();
    }
    builder.build()
}

/// A Produce request for one partition.
pub(crate) fn produce_request(
    topic: &str,
    partition: i32,
    acks: i16,
    batch: Bytes,
) -> ProduceRequest {
    ProduceRequest {
        acks,
        timeout_ms: 30_000,
        topic_data: vec![TopicProduceData {
            name: topic.to_owned(),
            partition_data: vec![PartitionProduceData {
                index: partition,
                records: Some(Records::Bytes(batch)),
            }],
            ..TopicProduceData::default()
        }],
        ..ProduceRequest::default()
    }
}

/// The version that names topics by name and has everything else.
pub(crate) const PRODUCE_VERSION: i16 = 12;
pub(crate) const FETCH_VERSION: i16 = 12;

impl Harness {
    /// Produces one batch with acks=all and gives what its partition answers.
    pub(crate) fn produce(
        &mut self,
        topic: &str,
        partition: i32,
        batch: Bytes,
    ) -> PartitionProduceResponse {
        let request = produce_request(topic, partition, -1, batch);
        let mut response: ProduceResponse = self.call(PRODUCE_VERSION, &request);
        response.responses[0].partition_responses.remove(0)
    }

    /// Fetches from one partition without a session, without waiting.
    pub(crate) fn fetch(&mut self, topic: &str, partition: i32, offset: i64) -> FetchResponse {
        self.call(FETCH_VERSION, &fetch_request(topic, partition, offset))
    }

    /// Deletes the records below an offset: the error, and where the partition starts now.
    pub(crate) fn delete_records(
        &mut self,
        topic: &str,
        partition: i32,
        offset: i64,
    ) -> (i16, i64) {
        let partition = DeleteRecordsPartition { partition_index: partition, offset };
        let topic = DeleteRecordsTopic { name: topic.to_owned(), partitions: vec![partition] };
        let request = DeleteRecordsRequest { topics: vec![topic], timeout_ms: 1000 };
        let response: DeleteRecordsResponse = self.call(2, &request);
        let partition = &response.topics[0].partitions[0];
        (partition.error_code, partition.low_watermark)
    }

    /// The values of a partition from an offset on, as one reader sees them.
    pub(crate) fn values(&mut self, topic: &str, partition: i32, offset: i64) -> Vec<String> {
        let mut values = Vec::new();
        let mut next = offset;
        loop {
            let response = self.fetch(topic, partition, next);
            let data = &response.responses[0].partitions[0];
            assert_eq!(data.error_code, 0);
            let read = read_values(data.records.as_ref(), next);
            let Some((last, _)) = read.last() else { return values };
            next = last + 1;
            values.extend(read.into_iter().map(|(_, value)| value));
        }
    }
}

/// A Fetch request for one partition, without a session.
pub(crate) fn fetch_request(topic: &str, partition: i32, offset: i64) -> FetchRequest {
    FetchRequest {
        max_wait_ms: 0,
        min_bytes: 1,
        max_bytes: 1 << 20,
        topics: vec![FetchTopic {
            topic: topic.to_owned(),
            partitions: vec![FetchPartition {
                partition,
                fetch_offset: offset,
                current_leader_epoch: -1,
                partition_max_bytes: 1 << 20,
                ..FetchPartition::default()
            }],
            ..FetchTopic::default()
        }],
        ..FetchRequest::default()
    }
}

/// Offsets and values of fetched batches, from an offset on.
pub(crate) fn read_values(records: Option<&Records>, from: i64) -> Vec<(i64, String)> {
    let bytes = records.and_then(Records::as_bytes).cloned().unwrap_or_default();
    let mut values = Vec::new();
    for batch in Batches::new(&bytes) {
        let Ok(batch) = batch else { break };
        assert!(batch.crc_is_valid());
        for record in batch.records_in_place().unwrap() {
            let record = record.unwrap();
            if from <= record.offset.0 {
                let value = record.value.unwrap_or_default();
                values.push((record.offset.0, String::from_utf8(value.to_vec()).unwrap()));
            }
        }
    }
    values
}
