//! A client of the simulation: an idempotent producer with one batch in flight, and a consumer, over
//! connections that die with the node.
//!
//! A batch whose answer did not come is sent again with the same sequence number, to the next
//! incarnation of the node, until it is acknowledged: that is what librdkafka does.

use bytes::{Bytes, BytesMut};
use kt_node::{Chunk, Reply, Request, Session};
use kt_protocol::ApiKey;
use kt_protocol::codec::{DecodeBudget, Message, Reader, Records as WireRecords, Segment};
use kt_protocol::frame::{self, RequestHeader};
use kt_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kt_protocol::messages::{ProduceRequest, ProduceResponse};
use kt_protocol::records::{BatchBuilder, Batches, NewRecord};
use kt_protocol::types::{Offset, ProducerEpoch, ProducerId, Timestamp};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

/// The topic of the simulation.
pub const TOPIC: &str = "simulated";

/// Frames a request as the edge hands it over.
///
/// # Panics
///
/// If the message cannot be written in `version`.
pub fn request<M: Message>(api_key: ApiKey, version: i16, message: &M) -> Request {
    let header = RequestHeader {
        api_key,
        api_version: version,
        correlation_id: 1,
        client_id: Some("simulation".to_owned()),
    };
    let segments = frame::encode_request(&header, message).expect("the message fits its version");
    let whole = whole(segments);
    let frame = whole.slice(4..);
    let mut reader = Reader::new(&frame, DecodeBudget::for_frame(frame.len()));
    RequestHeader::decode(&mut reader).expect("we wrote it");
    let body_at = reader.position();
    Request {
        session: Arc::new(Session {
            listener: "PLAINTEXT".to_owned(),
            is_controller_listener: false,
            client_host: IpAddr::V4(Ipv4Addr::LOCALHOST),
        }),
        api_key: api_key.code(),
        api_version: version,
        correlation_id: 1,
        client_id: header.client_id,
        frame: BytesMut::from(&frame[..]),
        body_at,
    }
}

fn whole(segments: Vec<Segment>) -> Bytes {
    let mut whole = BytesMut::new();
    for segment in segments {
        match segment {
            Segment::Bytes(bytes) => whole.extend_from_slice(&bytes),
            Segment::External { .. } => panic!("a request has no bytes outside"),
        }
    }
    whole.freeze()
}

/// An answer as it goes over the wire, apart from the files that hold pieces of it.
///
/// # Errors
///
/// If a file is shorter than was promised.
pub fn bytes(reply: &Reply) -> Result<Bytes, String> {
    let mut whole = BytesMut::new();
    for chunk in &reply.chunks {
        match chunk {
            Chunk::Bytes(bytes) => whole.extend_from_slice(bytes),
            Chunk::File(range) => {
                let mut bytes = vec![0; usize::try_from(range.length).unwrap_or(0)];
                let length =
                    range.file.read_at(range.position, &mut bytes).map_err(|it| it.to_string())?;
                if length as u64 != range.length {
                    return Err(format!("{range:?} was promised, {length} bytes are there"));
                }
                whole.extend_from_slice(&bytes);
            }
        }
    }
    Ok(whole.freeze())
}

/// Puts an answer's pieces together and reads it.
///
/// # Errors
///
/// What is wrong with it: a file that is shorter than promised, bytes that are no such message.
pub fn response<M: Message>(api_key: ApiKey, version: i16, reply: &Reply) -> Result<M, String> {
    message(api_key, version, &bytes(reply)?)
}

/// Reads an answer.
///
/// # Errors
///
/// If the bytes are no such message.
pub fn message<M: Message>(api_key: ApiKey, version: i16, whole: &Bytes) -> Result<M, String> {
    if whole.len() < 4 {
        return Err("an answer without a size".to_owned());
    }
    let body = whole.slice(4..);
    let mut reader = Reader::new(&body, DecodeBudget::for_frame(body.len()));
    frame::decode_response_header(&mut reader, api_key, version).map_err(|it| it.to_string())?;
    M::decode(&mut reader, version).map_err(|it| it.to_string())
}

/// A batch that is to be acknowledged.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// Its values, each unique in the run.
    pub values: Vec<u64>,
    /// Its first sequence number.
    pub sequence: i32,
}

/// The version of Produce that is spoken: with topic names.
pub const PRODUCE_VERSION: i16 = 11;

/// A Produce request of one batch.
///
/// # Panics
///
/// If a few numbers do not fit into a batch.
pub fn produce(batch: &Outgoing, producer: (ProducerId, ProducerEpoch), now: Timestamp) -> Request {
    let mut builder = BatchBuilder::new().producer(producer.0, producer.1, batch.sequence);
    for value in &batch.values {
        let bytes = value.to_be_bytes();
        let record = NewRecord { timestamp: now, value: Some(&bytes), ..NewRecord::default() };
        builder.append(record).expect("a few numbers fit into a batch");
    }
    let message = ProduceRequest {
        acks: -1,
        timeout_ms: 30_000,
        topic_data: vec![TopicProduceData {
            name: TOPIC.to_owned(),
            partition_data: vec![PartitionProduceData {
                index: 0,
                records: Some(WireRecords::Bytes(builder.build())),
            }],
            ..TopicProduceData::default()
        }],
        ..ProduceRequest::default()
    };
    request(ApiKey::Produce, PRODUCE_VERSION, &message)
}

/// What became of a batch: its base offset, or the error's code.
///
/// # Errors
///
/// If the answer is not one.
pub fn produced(reply: &Reply) -> Result<(i16, i64), String> {
    let response: ProduceResponse = response(ApiKey::Produce, PRODUCE_VERSION, reply)?;
    let partition = response
        .responses
        .first()
        .and_then(|topic| topic.partition_responses.first())
        .ok_or("an answer without the partition")?;
    Ok((partition.error_code, partition.base_offset))
}

/// The values in fetched batches, from offset `from` on.
///
/// # Errors
///
/// If a whole batch is damaged; the last one may be cut off.
pub fn values(records: &[u8], from: Offset) -> Result<Vec<(i64, u64)>, String> {
    let mut values = Vec::new();
    for batch in Batches::new(records) {
        let Ok(batch) = batch else { break };
        if !batch.crc_is_valid() {
            return Err(format!("the batch at offset {} is damaged", batch.base_offset()));
        }
        for record in batch.records_in_place().map_err(|it| it.to_string())? {
            let record = record.map_err(|it| it.to_string())?;
            let value = record.value.and_then(|it| it.first_chunk().copied());
            let value = value.map(u64::from_be_bytes).ok_or("a record without a number")?;
            if from <= record.offset {
                values.push((record.offset.0, value));
            }
        }
    }
    Ok(values)
}
