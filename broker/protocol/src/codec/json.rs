//! A JSON view of messages, in the shape of Kafka's own `JsonConverter` classes.
//!
//! Fields have the schema's names with a small first letter and stand in its order; bytes and
//! records are Base64, ids as Kafka prints them. A field that the version lacks, or a tagged field
//! at its default, is left out. The view is made of a message's bytes and its description, not of
//! its Rust type, so it costs no generated code.

mod from_bytes;
mod to_bytes;

use bytes::Bytes;
use serde_json::Value;

use super::{
    DecodeBudget, DecodeError, Encode, EncodeError, Kind, Message, MessageType, Reader, Versions,
};

/// Why JSON is not a message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// A value is of another type, or beyond the field's range.
    #[error("{path}: expected {expected}")]
    Unexpected {
        /// Where, as in `topics[2].name`.
        path: String,
        /// What the field takes.
        expected: &'static str,
    },
    /// A field is missing that the version requires.
    #[error("{path} is missing")]
    Missing {
        /// Which field.
        path: String,
    },
    /// The version has no such field.
    #[error("{path} is not a field of this version")]
    UnknownField {
        /// Which field.
        path: String,
    },
    /// The message has no such version, or a value is too long for it.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The bytes made of it are not the message.
    #[error(transparent)]
    Decode(#[from] DecodeError),
}

impl JsonError {
    /// Says that the error is in a field or element of what it said so far.
    fn within(mut self, outer: &str) -> JsonError {
        if let JsonError::Unexpected { path, .. }
        | JsonError::Missing { path }
        | JsonError::UnknownField { path } = &mut self
        {
            let dot = if path.is_empty() || path.starts_with('[') { "" } else { "." };
            *path = format!("{outer}{dot}{path}");
        }
        self
    }
}

impl MessageType {
    /// The JSON view of a message's bytes, all of them.
    ///
    /// # Errors
    ///
    /// Fails if the bytes are not such a message, or the view would take more than `budget`.
    pub fn to_json(
        &self,
        bytes: &Bytes,
        version: i16,
        budget: DecodeBudget,
    ) -> Result<Value, DecodeError> {
        let valid = self.valid_versions;
        if !valid.contains(version) {
            return Err(DecodeError::UnsupportedVersion { message: self.name, version, valid });
        }
        view(&self.fields, bytes, version, self.flexible_versions, budget)
    }

    /// The bytes of a message that is given as JSON.
    ///
    /// # Errors
    ///
    /// Fails if there is no such version or the JSON is not such a message.
    pub fn from_json(&self, json: &Value, version: i16) -> Result<Bytes, JsonError> {
        let valid = self.valid_versions;
        if !valid.contains(version) {
            let message = self.name;
            return Err(EncodeError::UnsupportedVersion { message, version, valid }.into());
        }
        to_bytes::write(&self.fields, json, version, self.flexible_versions.contains(version))
    }
}

/// What [`Message::to_json`] does.
pub(super) fn message_to_json<M: Message>(message: &M, version: i16) -> Result<Value, EncodeError> {
    let bytes = message.encode_to_bytes(version)?;
    let budget = DecodeBudget::UNLIMITED;
    let value = view(&<M as Encode>::KIND, &bytes, version, M::FLEXIBLE_VERSIONS, budget);
    Ok(value.expect("a message's bytes fit its description"))
}

/// What [`Message::from_json`] does.
pub(super) fn message_from_json<M: Message>(json: &Value, version: i16) -> Result<M, JsonError> {
    if !M::VALID_VERSIONS.contains(version) {
        let (message, valid) = (M::NAME, M::VALID_VERSIONS);
        return Err(EncodeError::UnsupportedVersion { message, version, valid }.into());
    }
    let flexible = M::FLEXIBLE_VERSIONS.contains(version);
    let bytes = to_bytes::write(&<M as Encode>::KIND, json, version, flexible)?;
    Ok(M::decode(&mut Reader::new(&bytes, DecodeBudget::UNLIMITED), version)?)
}

fn view(
    kind: &Kind,
    bytes: &Bytes,
    version: i16,
    flexible: Versions,
    budget: DecodeBudget,
) -> Result<Value, DecodeError> {
    let mut reader = Reader::new(bytes, budget);
    reader.set_flexible(flexible.contains(version));
    let value = from_bytes::read(&mut reader, kind, version)?;
    reader.finish()?;
    Ok(value)
}
