//! Frames: a size, a header, a message.
//!
//! ```text
//! request   size: int32 | key: int16 | version: int16 | correlation id: int32 | client id | tags | message
//! response  size: int32 | correlation id: int32 | tags | message
//! ```
//!
//! The size does not count itself. Tags stand in flexible headers only (request header 2, response
//! header 1); the client id is a nullable string with an int16 length in all of them.

use bytes::Bytes;

use crate::ApiKey;
use crate::codec::{DecodeError, EncodeError, Message, Reader, Segment, Sink, Writer};
use crate::messages;

/// Bytes of the size in front of a frame.
pub const SIZE_LEN: usize = 4;

/// The fewest bytes of a request: key, version, correlation id, and a null client id.
const MIN_REQUEST_LEN: usize = 10;

/// A size that no frame may have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameSizeError {
    /// Too small for a header, or negative.
    #[error("a frame of {0} bytes is too short for a request")]
    TooShort(i32),
    /// More than the receiver allows.
    #[error("a frame of {size} bytes, {max} are allowed")]
    TooLong {
        /// The size it claims.
        size: usize,
        /// The most that is allowed.
        max: usize,
    },
}

/// Reads the size of a request's frame, before anything is allocated for it.
///
/// # Errors
///
/// Fails if it is more than `max` or too short for a header.
pub fn request_size(prefix: [u8; SIZE_LEN], max: usize) -> Result<usize, FrameSizeError> {
    frame_size(prefix, MIN_REQUEST_LEN, max)
}

/// Reads the size of a response's frame, before anything is allocated for it.
///
/// # Errors
///
/// Fails if it is more than `max` or too short for a header.
pub fn response_size(prefix: [u8; SIZE_LEN], max: usize) -> Result<usize, FrameSizeError> {
    frame_size(prefix, size_of::<i32>(), max)
}

fn frame_size(prefix: [u8; SIZE_LEN], min: usize, max: usize) -> Result<usize, FrameSizeError> {
    let claimed = i32::from_be_bytes(prefix);
    let size = usize::try_from(claimed).map_err(|_| FrameSizeError::TooShort(claimed))?;
    if size < min {
        return Err(FrameSizeError::TooShort(claimed));
    }
    if max < size {
        return Err(FrameSizeError::TooLong { size, max });
    }
    Ok(size)
}

/// What stands in front of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestHeader {
    /// What is asked for.
    pub api_key: ApiKey,
    /// The version of the request; not checked against the versions there are.
    pub api_version: i16,
    /// What the response repeats.
    pub correlation_id: i32,
    /// Who asks, in the client's own words.
    pub client_id: Option<String>,
}

/// Why a frame does not begin with a request's header.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// There is no such API.
    #[error("no API has the key {0}")]
    UnknownApiKey(i16),
    /// The bytes are not a header.
    #[error(transparent)]
    Decode(#[from] DecodeError),
}

impl RequestHeader {
    /// Reads a header and leaves the reader at the message.
    ///
    /// # Errors
    ///
    /// Fails if the key is unknown or the bytes are not a header.
    pub fn decode(reader: &mut Reader<'_>) -> Result<RequestHeader, HeaderError> {
        let (code, api_version) = reader.peek_api()?;
        let api_key = ApiKey::from_code(code).ok_or(HeaderError::UnknownApiKey(code))?;
        let version = api_key.request_header_version(api_version);
        let header = messages::RequestHeader::decode(reader, version)?;
        Ok(RequestHeader {
            api_key,
            api_version,
            correlation_id: header.correlation_id,
            client_id: header.client_id,
        })
    }

    fn encode(&self, writer: &mut Writer) -> Result<(), EncodeError> {
        let header = messages::RequestHeader {
            request_api_key: self.api_key.code(),
            request_api_version: self.api_version,
            correlation_id: self.correlation_id,
            client_id: self.client_id.clone(),
        };
        header.encode(writer, self.api_key.request_header_version(self.api_version))
    }
}

/// Reads the header in front of a response to such a request, and gives its correlation id.
///
/// # Errors
///
/// Fails if the bytes are not a header.
pub fn decode_response_header(
    reader: &mut Reader<'_>,
    api_key: ApiKey,
    api_version: i16,
) -> Result<i32, DecodeError> {
    let version = api_key.response_header_version(api_version);
    Ok(messages::ResponseHeader::decode(reader, version)?.correlation_id)
}

/// A request as a frame, size included, in the version that the header says.
///
/// # Errors
///
/// Fails if the version cannot carry what the message says.
pub fn encode_request<M: Message>(
    header: &RequestHeader,
    message: &M,
) -> Result<Vec<Segment>, EncodeError> {
    debug_assert_eq!(M::API_KEY, Some(header.api_key.code()), "{} has another key", M::NAME);
    let mut writer = Writer::new();
    writer.i32(0);
    header.encode(&mut writer)?;
    message.encode(&mut writer, header.api_version)?;
    finish(writer)
}

/// A response as a frame, size included.
///
/// # Errors
///
/// Fails if the version cannot carry what the message says.
pub fn encode_response<M: Message>(
    correlation_id: i32,
    api_key: ApiKey,
    api_version: i16,
    message: &M,
) -> Result<Vec<Segment>, EncodeError> {
    debug_assert_eq!(M::API_KEY, Some(api_key.code()), "{} has another key", M::NAME);
    let mut writer = Writer::new();
    writer.i32(0);
    let header = messages::ResponseHeader { correlation_id };
    header.encode(&mut writer, api_key.response_header_version(api_version))?;
    message.encode(&mut writer, api_version)?;
    finish(writer)
}

fn finish(mut writer: Writer) -> Result<Vec<Segment>, EncodeError> {
    writer.set_size_prefix()?;
    Ok(writer.finish())
}

/// The bytes of segments that are all in memory.
///
/// # Panics
///
/// Panics if a segment is external.
pub fn concatenate(segments: Vec<Segment>) -> Bytes {
    let mut whole = Vec::with_capacity(segments.iter().map(Segment::len).sum());
    for segment in segments {
        match segment {
            Segment::Bytes(bytes) => whole.extend_from_slice(&bytes),
            Segment::External { length } => panic!("{length} bytes of records are not in memory"),
        }
    }
    Bytes::from(whole)
}
