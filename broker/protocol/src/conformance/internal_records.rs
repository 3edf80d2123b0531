//! The records of internal topics, with the type and version in front of each.

use bytes::Bytes;

use super::vectors::{message_type, vectors};
use crate::codec::record_value::{RecordError, UnknownCoordinatorRecord, UnknownMetadataRecord};
use crate::codec::{DecodeError, MessageKind};
use crate::messages::{
    GroupCoordinatorRecord, MetadataRecord, ShareCoordinatorRecord, TopicRecord,
    TransactionCoordinatorRecord,
};
use crate::types::Uuid;

fn joined(parts: &[&[u8]]) -> Bytes {
    Bytes::from(parts.concat())
}

#[test]
fn metadata_records_read_and_write_in_their_frame() {
    let mut seen = 0;
    for vector in vectors().iter().filter(|it| it.case != "unknown-tags") {
        let message = message_type(&vector.name);
        if message.kind != MessageKind::MetadataRecord {
            continue;
        }
        let record_type = u8::try_from(message.key.unwrap()).unwrap();
        let version = u8::try_from(vector.version).unwrap();
        let value = joined(&[&[1, record_type, version], &vector.bytes]);
        let (record, read_version) = MetadataRecord::decode(&value).unwrap();
        assert_eq!((record.name(), read_version), (message.name, vector.version));
        assert!(record.valid_versions().contains(vector.version));
        assert_eq!(record.encode(vector.version).unwrap(), value);
        seen += 1;
    }
    assert!(seen > 100, "{seen} metadata records in the vectors");
}

#[test]
fn metadata_records_are_refused_when_something_is_odd() {
    let record = MetadataRecord::from(TopicRecord { name: "t".into(), topic_id: Uuid::ONE });
    let value = record.encode(0).unwrap();
    let newer = joined(&[&[2], &value[1..]]);
    assert_eq!(MetadataRecord::decode(&newer), Err(RecordError::UnknownFrameVersion(2)));
    let longer = joined(&[&value, &[0]]);
    let at = value.len();
    let source = DecodeError::TrailingBytes { at, count: 1 };
    let expected = RecordError::Decode { record: "TopicRecord", source };
    assert_eq!(MetadataRecord::decode(&longer), Err(expected));
}

#[test]
fn unknown_metadata_records_are_kept() {
    let value = Bytes::from_static(&[1, 0xac, 0x02, 3, b'x', b'y']);
    let (record, version) = MetadataRecord::decode(&value).unwrap();
    let message = Bytes::from_static(b"xy");
    let expected = UnknownMetadataRecord { record_type: 300, version: 3, message };
    assert_eq!((&record, version), (&MetadataRecord::Unknown(expected), 3));
    assert_eq!(record.encode(0).unwrap(), value);
}

/// Reads and writes a record by the topic it is of; gives its name too.
type Rewrite = fn(&Bytes, Option<&Bytes>, i16) -> (String, Bytes, Option<Bytes>);

macro_rules! rewrite {
    ($record:ident) => {
        |key, value, version| {
            let record = $record::decode(key, value).unwrap();
            let (key, value) = record.encode(version).unwrap();
            (record.name().to_owned(), key, value)
        }
    };
}

fn rewrite_of(name: &str) -> Rewrite {
    match name {
        "TransactionLog" => rewrite!(TransactionCoordinatorRecord),
        "ShareSnapshot" | "ShareUpdate" => rewrite!(ShareCoordinatorRecord),
        _ => rewrite!(GroupCoordinatorRecord),
    }
}

#[test]
fn coordinator_records_read_and_write_with_their_prefixes() {
    let all = vectors();
    let mut seen = 0;
    for value in all.iter().filter(|it| it.case != "unknown-tags") {
        let message = message_type(&value.name);
        if message.kind != MessageKind::CoordinatorValue {
            continue;
        }
        let name = value.name.trim_end_matches("Value");
        let key = all.iter().find(|it| it.name == format!("{name}Key")).unwrap();
        let key = joined(&[&message.key.unwrap().to_be_bytes(), &key.bytes]);
        let bytes = joined(&[&value.version.to_be_bytes(), &value.bytes]);
        let expected = (name.to_owned(), key.clone(), Some(bytes.clone()));
        assert_eq!(rewrite_of(name)(&key, Some(&bytes), value.version), expected);
        let tombstone = (name.to_owned(), key.clone(), None);
        assert_eq!(rewrite_of(name)(&key, None, value.version), tombstone);
        seen += 1;
    }
    assert!(seen > 100, "{seen} coordinator records in the vectors");
}

#[test]
fn unknown_coordinator_records_are_kept() {
    let key = Bytes::from_static(&[0x01, 0x00, b'k']);
    let value = Bytes::from_static(&[0, 9, b'v']);
    let record = GroupCoordinatorRecord::decode(&key, Some(&value)).unwrap();
    let expected = UnknownCoordinatorRecord {
        record_type: 256,
        key: Bytes::from_static(b"k"),
        value: Some(value.clone()),
    };
    assert_eq!(record, GroupCoordinatorRecord::Unknown(expected));
    assert_eq!(record.encode(0).unwrap(), (key, Some(value)));
}
