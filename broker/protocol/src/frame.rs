//! Frames: a size, a header, a message.
//!
//! ```text
//! request   size: int32 | key: int16 | version: int16 | correlation id: int32 | client id | tags | message
//! response  size: int32 | correlation id: int32 | tags | message
//! ```
//!
//! The size does not count itself. Tags stand in flexible headers only (request header 2, response
//! header 1); the client id is a nullable string with an int16 length in all of them.

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

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::codec::{DecodeBudget, concatenate};
    use crate::messages::{ApiVersionsResponse, MetadataRequest};

    fn header(api_version: i16) -> RequestHeader {
        RequestHeader {
            api_key: ApiKey::Metadata,
            api_version,
            correlation_id: 7,
            client_id: Some("kt".into()),
        }
    }

    fn reader(bytes: &Bytes) -> Reader<'_> {
        Reader::new(bytes, DecodeBudget::for_frame(bytes.len()))
    }

    #[test]
    fn a_request_reads_back_from_its_frame() {
        for version in ApiKey::Metadata.valid_versions().iter() {
            let request = MetadataRequest { topics: Some(Vec::new()), ..Default::default() };
            let frame = concatenate(encode_request(&header(version), &request).unwrap()).unwrap();
            let size = request_size(*frame.first_chunk().unwrap(), 100).unwrap();
            assert_eq!(size, frame.len() - SIZE_LEN);
            let body = frame.slice(SIZE_LEN..);
            let mut reader = reader(&body);
            assert_eq!(RequestHeader::decode(&mut reader).unwrap(), header(version));
            assert_eq!(MetadataRequest::decode(&mut reader, version).unwrap(), request);
            reader.finish().unwrap();
        }
    }

    #[test]
    fn headers_have_kafkas_bytes() {
        let request = MetadataRequest { topics: None, ..Default::default() };
        let frame = |version| {
            concatenate(encode_request(&header(version), &request).unwrap()).unwrap().to_vec()
        };
        let old = b"\0\0\0\x11\0\x03\0\x04\0\0\0\x07\0\x02kt\xff\xff\xff\xff\x01";
        assert_eq!(frame(4), old);
        // The client id keeps its int16 length; tags follow it.
        let flexible = b"\0\0\0\x11\0\x03\0\x0c\0\0\0\x07\0\x02kt\0\0\x01\0\0";
        assert_eq!(frame(12), flexible);
    }

    #[test]
    fn answers_about_versions_have_no_tags_in_the_header() {
        let response = ApiVersionsResponse { error_code: 35, ..Default::default() };
        let frame = encode_response(9, ApiKey::ApiVersions, 3, &response).unwrap();
        let frame = concatenate(frame).unwrap();
        assert_eq!(frame.as_ref(), b"\0\0\0\x0c\0\0\0\x09\0\x23\x01\0\0\0\0\0");
        let body = frame.slice(SIZE_LEN..);
        let mut reader = reader(&body);
        let correlation_id = decode_response_header(&mut reader, ApiKey::ApiVersions, 3);
        assert_eq!(correlation_id, Ok(9));
        assert_eq!(ApiVersionsResponse::decode(&mut reader, 3), Ok(response));
    }

    #[test]
    fn sizes_are_checked_before_anything_is_read() {
        assert_eq!(request_size(100i32.to_be_bytes(), 100), Ok(100));
        let too_long = FrameSizeError::TooLong { size: 101, max: 100 };
        assert_eq!(request_size(101i32.to_be_bytes(), 100), Err(too_long));
        assert_eq!(request_size(9i32.to_be_bytes(), 100), Err(FrameSizeError::TooShort(9)));
        assert_eq!(request_size((-1i32).to_be_bytes(), 100), Err(FrameSizeError::TooShort(-1)));
        assert_eq!(response_size(4i32.to_be_bytes(), 100), Ok(4));
        assert_eq!(response_size(3i32.to_be_bytes(), 100), Err(FrameSizeError::TooShort(3)));
    }

    #[test]
    fn headers_of_strangers_are_refused() {
        let unknown = Bytes::from_static(&[0, 93, 0, 0, 0, 0, 0, 1, 0xff, 0xff]);
        let error = RequestHeader::decode(&mut reader(&unknown));
        assert_eq!(error, Err(HeaderError::UnknownApiKey(93)));
        let short = Bytes::from_static(&[0, 3, 0]);
        let error = RequestHeader::decode(&mut reader(&short)).unwrap_err();
        let source = DecodeError::Truncated { at: 0, needed: 4, remaining: 3 };
        assert_eq!(error, HeaderError::Decode(source));
        let client_id_too_long = Bytes::from_static(&[0, 3, 0, 0, 0, 0, 0, 1, 0x7f, 0xff, b'k']);
        let error = RequestHeader::decode(&mut reader(&client_id_too_long)).unwrap_err();
        let source = DecodeError::Truncated { at: 10, needed: 0x7fff, remaining: 1 };
        assert_eq!(error, HeaderError::Decode(source));
    }
}
