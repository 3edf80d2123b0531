//! The frame around the records of `__cluster_metadata`.

use bytes::Bytes;

use super::{RecordError, UnknownMetadataRecord};
use crate::codec::{DecodeBudget, EncodeError, Message, Reader, Sink, Writer};

/// The only version of the frame.
const FRAME_VERSION: u32 = 1;

/// Type and version of a metadata record, and a reader at its message.
pub(crate) fn open_value(value: &Bytes) -> Result<(u32, i16, Reader<'_>), RecordError> {
    let error = RecordError::in_record("metadata record");
    let mut reader = Reader::new(value, DecodeBudget::for_frame(value.len()));
    let frame_version = reader.unsigned_varint().map_err(&error)?;
    if frame_version != FRAME_VERSION {
        return Err(RecordError::UnknownFrameVersion(frame_version));
    }
    let record_type = reader.unsigned_varint().map_err(&error)?;
    let version = reader.unsigned_varint().map_err(&error)?;
    match i16::try_from(version) {
        Ok(version) => Ok((record_type, version, reader)),
        Err(_) => Err(RecordError::BadVersion { record_type, version }),
    }
}

/// Reads the message of a metadata record to its end.
pub(crate) fn read_message<M: Message>(
    mut reader: Reader<'_>,
    version: i16,
) -> Result<M, RecordError> {
    let error = RecordError::in_record(M::NAME);
    let message = M::decode(&mut reader, version).map_err(&error)?;
    reader.finish().map_err(&error)?;
    Ok(message)
}

/// A writer behind the frame of a metadata record.
fn frame(record_type: u32, version: i16) -> Writer {
    let mut writer = Writer::new();
    writer.unsigned_varint(FRAME_VERSION);
    writer.unsigned_varint(record_type);
    writer.unsigned_varint(u32::from(version.unsigned_abs()));
    writer
}

/// The value of a metadata record.
pub(crate) fn record_bytes<M: Message>(message: &M, version: i16) -> Result<Bytes, EncodeError> {
    let record_type = M::API_KEY.expect("every metadata record has a type").unsigned_abs();
    let mut writer = frame(u32::from(record_type), version);
    message.encode(&mut writer, version)?;
    writer.into_bytes()
}

/// The value of an unknown metadata record, as it came.
pub(crate) fn unknown_record_bytes(record: &UnknownMetadataRecord) -> Result<Bytes, EncodeError> {
    let mut writer = frame(record.record_type, record.version);
    writer.put(&record.message);
    writer.into_bytes()
}
