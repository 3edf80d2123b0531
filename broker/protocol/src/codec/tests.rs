//! What a version cannot carry, and what bytes may not say.

use bytes::Bytes;
use serde_json::json;

use super::json::JsonError;
use super::*;
use crate::messages::fetch_request::{FetchPartition, FetchTopic};
use crate::messages::metadata_request::MetadataRequestTopic;
use crate::messages::{
    ApiVersionsRequest, FetchRequest, HeartbeatRequest, ListOffsetsRequest, MetadataRequest,
    OffsetFetchRequest, SaslAuthenticateRequest, SaslHandshakeRequest,
};
use crate::types::Uuid;

fn decode<M: Message>(bytes: &'static [u8], version: i16) -> Result<M, DecodeError> {
    let bytes = Bytes::from_static(bytes);
    M::decode(&mut Reader::new(&bytes, DecodeBudget::for_frame(bytes.len())), version)
}

#[test]
fn versions_that_do_not_exist_are_refused() {
    let valid = Versions::new(4, 18);
    for version in [-1, 3, 19] {
        let error = FetchRequest::default().encode_to_bytes(version);
        let message = "FetchRequest";
        let expected = EncodeError::UnsupportedVersion { message, version, valid };
        assert_eq!(error, Err(expected));
        let expected = DecodeError::UnsupportedVersion { message, version, valid };
        assert_eq!(decode::<FetchRequest>(b"", version), Err(expected));
    }
    let text = FetchRequest::default().encoded_len(3).unwrap_err().to_string();
    assert_eq!(text, "FetchRequest has no version 3 (it has 4-18)");
}

#[test]
fn fields_that_a_version_lacks_must_be_at_their_default_unless_ignorable() {
    let version = 11;
    let by_id = MetadataRequestTopic { topic_id: Uuid::ONE, ..Default::default() };
    let request = MetadataRequest { topics: Some(vec![by_id]), ..Default::default() };
    // The topic id is ignorable; whether creation is allowed is not.
    assert!(request.encode_to_bytes(9).is_ok());
    let request =
        MetadataRequest { allow_auto_topic_creation: false, ..MetadataRequest::default() };
    let field = "MetadataRequest.AllowAutoTopicCreation";
    let expected = Err(EncodeError::UnsupportedField { field, version: 3 });
    assert_eq!(request.encode_to_bytes(3), expected);
    assert_eq!(request.encoded_len(3).map(|_| Bytes::new()), expected);
    assert!(request.encode_to_bytes(4).is_ok());
    // A tagged struct.
    let mut request = FetchRequest::default();
    request.replica_state.replica_id = 5;
    let field = "FetchRequest.ReplicaState";
    let expected = Err(EncodeError::UnsupportedField { field, version });
    assert_eq!(request.encode_to_bytes(version), expected);
    assert!(request.encode_to_bytes(15).is_ok());
    // Deep inside.
    let partition = FetchPartition { last_fetched_epoch: 3, ..Default::default() };
    let topic = FetchTopic { partitions: vec![partition], ..Default::default() };
    let request = FetchRequest { topics: vec![topic], ..Default::default() };
    let field = "FetchPartition.LastFetchedEpoch";
    let expected = Err(EncodeError::UnsupportedField { field, version });
    assert_eq!(request.encode_to_bytes(version), expected);
}

#[test]
fn null_is_written_and_read_only_where_the_version_has_it() {
    let request = MetadataRequest { topics: None, ..Default::default() };
    let expected = EncodeError::UnexpectedNull { field: "MetadataRequest.Topics", version: 0 };
    assert_eq!(request.encode_to_bytes(0), Err(expected));
    assert_eq!(request.encode_to_bytes(1).unwrap().as_ref(), b"\xff\xff\xff\xff");
    let null = b"\xff\xff\xff\xff";
    assert_eq!(decode::<MetadataRequest>(null, 0), Err(DecodeError::UnexpectedNull { at: 4 }));
    assert_eq!(decode::<MetadataRequest>(null, 1).unwrap().topics, None);
}

#[test]
fn strings_fit_their_length_field() {
    let mechanism = "m".repeat(32_768);
    let request = SaslHandshakeRequest { mechanism };
    assert_eq!(request.encode_to_bytes(1), Err(EncodeError::TooLong { length: 32_768 }));
    let request = SaslHandshakeRequest { mechanism: "m".repeat(32_767) };
    assert_eq!(request.encoded_len(1), Ok(32_769));
}

/// Kafka's generated readers and writers refuse longer ones, in every version.
#[test]
fn compact_strings_are_no_longer_than_others() {
    let request = |length| ApiVersionsRequest {
        client_software_name: "n".repeat(length),
        client_software_version: "v".to_owned(),
    };
    let longest = request(MAX_STRING_BYTES).encode_to_bytes(3).unwrap();
    let read = |bytes: &Bytes| {
        ApiVersionsRequest::decode(&mut Reader::new(bytes, DecodeBudget::UNLIMITED), 3)
    };
    assert_eq!(read(&longest), Ok(request(MAX_STRING_BYTES)));
    let length = MAX_STRING_BYTES + 1;
    let too_long = Err(EncodeError::TooLong { length });
    assert_eq!(request(length).encode_to_bytes(3), too_long);
    assert_eq!(request(length).encoded_len(3).map(|_| Bytes::new()), too_long);
    // The same string, one byte longer: 32768 + 1 as a varint, then the characters.
    let longer = [b"\x81\x80\x02", &vec![b'n'; length][..], b"\x02v\0"].concat();
    assert_eq!(read(&longer.into()), Err(DecodeError::StringTooLong { at: 3, length }));
    // Null ones: the group instance id of a Heartbeat request.
    let request = HeartbeatRequest {
        group_instance_id: Some("i".repeat(length)),
        ..HeartbeatRequest::default()
    };
    assert_eq!(request.encode_to_bytes(4), Err(EncodeError::TooLong { length }));
}

#[test]
fn lengths_beyond_the_end_are_refused() {
    let truncated = |at, needed, remaining| DecodeError::Truncated { at, needed, remaining };
    let many = |at, count, remaining| DecodeError::TooManyElements { at, count, remaining };
    type Case = (&'static [u8], DecodeError);
    let cases: [Case; 6] = [
        (b"\0\0\0\x03abc", many(4, 3, 3)),
        (b"\x7f\xff\xff\xff", many(4, i32::MAX as usize, 0)),
        (b"\x80\0\0\0", DecodeError::NegativeLength { at: 0, length: i32::MIN }),
        (b"\0\0\0\x01\0\x05ab", truncated(6, 5, 2)),
        (b"\0\0\0\x01\xff\xff", DecodeError::UnexpectedNull { at: 6 }),
        (b"\0\0\0\x01\0\x02\xff\xfe", DecodeError::NotUtf8 { at: 6 }),
    ];
    for (bytes, expected) in cases {
        assert_eq!(decode::<MetadataRequest>(bytes, 0), Err(expected));
    }
    let compact: [Case; 3] = [
        (b"\xff\xff\xff\xff\x0f", truncated(5, u32::MAX as usize - 1, 0)),
        (b"\xff\xff\xff\xff\x10", DecodeError::VarintTooLong { at: 0 }),
        (b"\x80\x80\x80", truncated(3, 1, 0)),
    ];
    for (bytes, expected) in compact {
        assert_eq!(decode::<SaslAuthenticateRequest>(bytes, 2), Err(expected));
    }
}

#[test]
fn tagged_fields_are_bounded() {
    // ApiVersionsRequest 3: two compact strings, then the tags.
    let ok = decode::<ApiVersionsRequest>(b"\x02a\x02b\x01\x63\x02xy", 3).unwrap();
    assert_eq!(ok.client_software_name, "a");
    let many = DecodeError::TooManyTags { at: 4, count: 65 };
    assert_eq!(decode::<ApiVersionsRequest>(b"\x02a\x02b\x41", 3), Err(many));
    let beyond = DecodeError::Truncated { at: 7, needed: 3, remaining: 2 };
    assert_eq!(decode::<ApiVersionsRequest>(b"\x02a\x02b\x01\x63\x03xy", 3), Err(beyond));
    // FetchRequest 12 with a cluster id (tag 0) of two bytes in a field of three.
    let mut bytes = FetchRequest::default().encode_to_bytes(12).unwrap().to_vec();
    assert_eq!(bytes.pop(), Some(0));
    let at = bytes.len() + 6;
    bytes.extend_from_slice(b"\x01\x00\x03\x02kX");
    let bytes = Bytes::from(bytes);
    let mut reader = Reader::new(&bytes, DecodeBudget::UNLIMITED);
    let expected = DecodeError::TagNotConsumed { at, tag: 0, unread: 1 };
    assert_eq!(FetchRequest::decode(&mut reader, 12), Err(expected));
}

#[test]
fn memory_is_charged_before_it_is_allocated() {
    // 100,000 groups of two bytes each on the wire take far more in memory.
    let mut bytes = vec![0xa1, 0x8d, 0x06];
    bytes.resize(bytes.len() + 300_000, 1);
    let bytes = Bytes::from(bytes);
    let mut reader = Reader::new(&bytes, DecodeBudget::for_frame(bytes.len()));
    let error = OffsetFetchRequest::decode(&mut reader, 8).unwrap_err();
    assert!(matches!(error, DecodeError::OverBudget { at: 3, .. }), "{error}");
    assert_eq!(DecodeBudget::for_frame(10), DecodeBudget(65_536));
    assert_eq!(DecodeBudget::for_frame(10_000), DecodeBudget(80_000));
}

#[test]
fn json_errors_say_where() {
    let of = |value| ListOffsetsRequest::from_json(&value, 7).unwrap_err();
    let partition =
        json!({"partitionIndex": 3000000000_i64, "currentLeaderEpoch": 1, "timestamp": 1});
    let topics = json!([{"name": "a", "partitions": []}, {"name": "b", "partitions": [partition]}]);
    let error = of(json!({"replicaId": 1, "isolationLevel": 0, "topics": topics}));
    let path = "topics[1].partitions[0].partitionIndex".to_owned();
    assert_eq!(error, JsonError::Unexpected { path, expected: "an int32" });
    let error = of(json!({"replicaId": 1, "isolationLevel": 0}));
    assert_eq!(error, JsonError::Missing { path: "topics".into() });
    // timeoutMs came with version 10.
    let error = of(json!({"replicaId": 1, "isolationLevel": 0, "topics": [], "timeoutMs": 1}));
    assert_eq!(error, JsonError::UnknownField { path: "timeoutMs".into() });
    assert_eq!(error.to_string(), "timeoutMs is not a field of this version");
}

#[test]
fn json_reads_back_through_the_type() {
    let topic = MetadataRequestTopic { name: Some("orders".into()), ..Default::default() };
    let request = MetadataRequest { topics: Some(vec![topic]), ..Default::default() };
    let value = request.to_json(12).unwrap();
    let expected = json!({
        "topics": [{"topicId": "AAAAAAAAAAAAAAAAAAAAAA", "name": "orders"}],
        "allowAutoTopicCreation": true,
        "includeTopicAuthorizedOperations": false,
    });
    assert_eq!(value, expected);
    assert_eq!(MetadataRequest::from_json(&value, 12), Ok(request));
}
