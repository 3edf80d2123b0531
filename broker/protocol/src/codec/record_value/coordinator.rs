//! The prefixes of the records that coordinators write.

use bytes::Bytes;
use serde_json::Value;

use super::{RecordError, UnknownCoordinatorRecord};
use crate::codec::{DecodeBudget, EncodeError, Message, Reader, Sink, Writer, base64};

/// Type of a coordinator's record, and a reader at the message of its key.
pub(crate) fn open_key(key: &Bytes) -> Result<(i16, Reader<'_>), RecordError> {
    let mut reader = Reader::new(key, DecodeBudget::for_frame(key.len()));
    let record_type = reader.i16().map_err(RecordError::in_record("coordinator key"))?;
    Ok((record_type, reader))
}

/// Reads the message of a coordinator's key. As in Kafka, bytes behind it do not matter.
pub(crate) fn read_key<M: Message>(mut reader: Reader<'_>) -> Result<M, RecordError> {
    M::decode(&mut reader, 0).map_err(RecordError::in_record(M::NAME))
}

/// Reads a coordinator's value, if there is one. As in Kafka, bytes behind it do not matter.
pub(crate) fn read_value<M: Message>(value: Option<&Bytes>) -> Result<Option<M>, RecordError> {
    let Some(value) = value else { return Ok(None) };
    let error = RecordError::in_record(M::NAME);
    let mut reader = Reader::new(value, DecodeBudget::for_frame(value.len()));
    let version = reader.i16().map_err(&error)?;
    M::decode(&mut reader, version).map_err(&error).map(Some)
}

/// Key and value of a coordinator's record. `version` is the value's.
pub(crate) fn record_bytes<K: Message, V: Message>(
    key: &K,
    value: Option<&V>,
    version: i16,
) -> Result<(Bytes, Option<Bytes>), EncodeError> {
    let record_type = K::API_KEY.expect("every coordinator key has a type");
    let key = with_prefix(record_type, key, 0)?;
    let value = value.map(|value| with_prefix(version, value, version)).transpose()?;
    Ok((key, value))
}

fn with_prefix<M: Message>(prefix: i16, message: &M, version: i16) -> Result<Bytes, EncodeError> {
    let mut writer = Writer::new();
    writer.i16(prefix);
    message.encode(&mut writer, version)?;
    writer.into_bytes()
}

/// Keeps a record as it is, but for the type in front of its key.
pub(crate) fn unknown_record(
    record_type: i16,
    key: &Bytes,
    value: Option<&Bytes>,
) -> UnknownCoordinatorRecord {
    let key = key.slice(size_of_val(&record_type)..);
    UnknownCoordinatorRecord { record_type, key, value: value.cloned() }
}

/// Key and value of an unknown coordinator's record, as they came.
pub(crate) fn unknown_record_bytes(
    record: &UnknownCoordinatorRecord,
) -> Result<(Bytes, Option<Bytes>), EncodeError> {
    let mut writer = Writer::new();
    writer.i16(record.record_type);
    writer.put(&record.key);
    Ok((writer.into_bytes()?, record.value.clone()))
}

/// Key and value of a coordinator's record as JSON. `version` is the value's.
pub(crate) fn record_json<K: Message, V: Message>(
    key: &K,
    value: Option<&V>,
    version: i16,
) -> Result<(Value, Option<Value>), EncodeError> {
    Ok((key.to_json(0)?, value.map(|value| value.to_json(version)).transpose()?))
}

/// Key and value of an unknown coordinator's record as Base64.
pub(crate) fn unknown_record_json(record: &UnknownCoordinatorRecord) -> (Value, Option<Value>) {
    let text = |bytes: &Bytes| Value::String(base64::encode(bytes));
    (text(&record.key), record.value.as_ref().map(text))
}
