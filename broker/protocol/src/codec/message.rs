//! What every message can do, and what its parts can do.

use std::fmt::Debug;

use bytes::Bytes;
use serde_json::Value;

use super::json::{self, JsonError};
use super::sink::Counter;
use super::{DecodeBudget, DecodeError, EncodeError, Kind, Reader, Sink, Versions, Writer};

/// A value that can be read in each version of its message.
pub trait Decode<'a>: Sized {
    /// The fewest bytes it takes on the wire, in any version. Never zero.
    const MIN_LEN: usize;

    /// Reads it. `reader` knows whether the version is flexible.
    fn read(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError>;
}

/// A value that can be written in each version of its message.
pub trait Encode {
    /// What it looks like, for tools that know the message at run time only.
    const KIND: Kind;

    /// Writes it. Errors stay in the sink.
    fn write<S: Sink>(&self, sink: &mut S, version: i16);
}

/// A request, a response, a header or a record: a struct with versions.
pub trait Message: for<'a> Decode<'a> + Encode + Clone + Debug + PartialEq + Default {
    /// The schema's name.
    const NAME: &'static str;
    /// API key of a request or response, type of a record; none for other data.
    const API_KEY: Option<i16>;
    /// The versions there are.
    const VALID_VERSIONS: Versions;
    /// The versions with compact lengths and tagged fields.
    const FLEXIBLE_VERSIONS: Versions;

    /// Reads the message and leaves the reader behind it.
    ///
    /// # Errors
    ///
    /// Fails if there is no such version, or if the bytes are not such a message.
    fn decode(reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
        check_decodable::<Self>(version)?;
        reader.set_flexible(Self::FLEXIBLE_VERSIONS.contains(version));
        Self::read(reader, version)
    }

    /// Reads the message, which is the whole of `bytes`, within the budget of that length.
    ///
    /// # Errors
    ///
    /// As [`Message::decode`], and if bytes are left over.
    fn decode_all(bytes: &Bytes, version: i16) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes, DecodeBudget::for_frame(bytes.len()));
        let message = Self::decode(&mut reader, version)?;
        reader.finish()?;
        Ok(message)
    }

    /// Appends the message to `writer`, which is worth nothing after an error.
    ///
    /// # Errors
    ///
    /// Fails if there is no such version, or if it cannot carry what the message says.
    fn encode(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        check_encodable::<Self>(version)?;
        writer.begin(Self::FLEXIBLE_VERSIONS.contains(version), version);
        self.write(writer, version);
        writer.result()
    }

    /// How many bytes the message takes in a version, records included.
    ///
    /// # Errors
    ///
    /// As [`Message::encode`].
    fn encoded_len(&self, version: i16) -> Result<usize, EncodeError> {
        check_encodable::<Self>(version)?;
        let mut counter = Counter::new(Self::FLEXIBLE_VERSIONS.contains(version), version);
        self.write(&mut counter, version);
        counter.result()
    }

    /// The message as one piece of memory.
    ///
    /// # Errors
    ///
    /// As [`Message::encode`], and if the message has external records, whose bytes are not here.
    fn encode_to_bytes(&self, version: i16) -> Result<Bytes, EncodeError> {
        let mut writer = Writer::new();
        self.encode(&mut writer, version)?;
        writer.into_bytes()
    }

    /// The message as JSON.
    ///
    /// # Errors
    ///
    /// As [`Message::encode_to_bytes`].
    fn to_json(&self, version: i16) -> Result<Value, EncodeError> {
        json::message_to_json(self, version)
    }

    /// The message that JSON says.
    ///
    /// # Errors
    ///
    /// Fails if there is no such version or the JSON is not such a message.
    fn from_json(value: &Value, version: i16) -> Result<Self, JsonError> {
        json::message_from_json(value, version)
    }
}

/// A message whose strings and bytes are borrowed from the frame.
pub trait MessageView<'a>: Decode<'a> {
    /// The message that it is a view of.
    type Message: Message;

    /// Reads the message and leaves the reader behind it.
    ///
    /// # Errors
    ///
    /// As [`Message::decode`].
    fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decodable::<Self::Message>(version)?;
        reader.set_flexible(Self::Message::FLEXIBLE_VERSIONS.contains(version));
        Self::read(reader, version)
    }
}

fn check_decodable<M: Message>(version: i16) -> Result<(), DecodeError> {
    if M::VALID_VERSIONS.contains(version) {
        return Ok(());
    }
    Err(DecodeError::UnsupportedVersion { message: M::NAME, version, valid: M::VALID_VERSIONS })
}

fn check_encodable<M: Message>(version: i16) -> Result<(), EncodeError> {
    if M::VALID_VERSIONS.contains(version) {
        return Ok(());
    }
    Err(EncodeError::UnsupportedVersion { message: M::NAME, version, valid: M::VALID_VERSIONS })
}
