//! A message's type as a value.

use bytes::Bytes;

use super::{
    DecodeBudget, DecodeError, Encode, EncodeError, Kind, Message, Reader, Versions, Writer,
};
use crate::messages::catalog;

/// What a message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageKind {
    /// Goes to a server; its key is an API key.
    Request,
    /// Comes from a server; its key is an API key.
    Response,
    /// Stands in front of a request or response.
    Header,
    /// A record of `__cluster_metadata`; its key is the record type.
    MetadataRecord,
    /// A record of `__remote_log_metadata`; its key is the record type.
    RemoteLogRecord,
    /// The key of a coordinator's record; its key is the record type.
    CoordinatorKey,
    /// The value of a coordinator's record; its key is the record type.
    CoordinatorValue,
    /// Anything else.
    Data,
}

/// A message's type as a value: what [`Message`] says at compile time.
#[derive(Clone, Copy, Debug)]
pub struct MessageType {
    /// The schema's name.
    pub name: &'static str,
    /// API key or record type.
    pub key: Option<i16>,
    /// What it is for.
    pub kind: MessageKind,
    /// The versions there are.
    pub valid_versions: Versions,
    /// The versions with compact lengths and tagged fields.
    pub flexible_versions: Versions,
    /// Its fields.
    pub fields: Kind,
    rewrite: fn(&Bytes, i16, DecodeBudget) -> Result<Rewritten, RewriteError>,
}

/// A message's bytes as this crate writes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rewritten {
    /// The bytes.
    pub bytes: Bytes,
    /// Their number, as computed without writing them.
    pub encoded_len: usize,
    /// How much of the budget is left.
    pub budget_left: usize,
}

/// Bytes that do not survive being read and written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RewriteError {
    /// They are not the message.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The message cannot be written again.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

impl MessageType {
    pub(crate) const fn of<M: Message>(kind: MessageKind) -> MessageType {
        MessageType {
            name: M::NAME,
            key: M::API_KEY,
            kind,
            valid_versions: M::VALID_VERSIONS,
            flexible_versions: M::FLEXIBLE_VERSIONS,
            fields: <M as Encode>::KIND,
            rewrite: rewrite::<M>,
        }
    }

    /// Reads `bytes` as this message and writes it again: without unknown tagged fields, and with
    /// everything as this crate would write it.
    ///
    /// # Errors
    ///
    /// Fails if the bytes are not such a message, or need more than `budget` to decode.
    pub fn rewrite(
        &self,
        bytes: &Bytes,
        version: i16,
        budget: DecodeBudget,
    ) -> Result<Rewritten, RewriteError> {
        (self.rewrite)(bytes, version, budget)
    }

    /// The message of this kind and key. Not for coordinators' records: each coordinator has types
    /// of its own.
    pub fn find(kind: MessageKind, key: i16) -> Option<&'static MessageType> {
        catalog::ALL.iter().find(|it| it.kind == kind && it.key == Some(key))
    }
}

fn rewrite<M: Message>(
    bytes: &Bytes,
    version: i16,
    budget: DecodeBudget,
) -> Result<Rewritten, RewriteError> {
    let mut reader = Reader::new(bytes, budget);
    let message = M::decode(&mut reader, version)?;
    let budget_left = reader.budget_left();
    reader.finish()?;
    let encoded_len = message.encoded_len(version)?;
    let mut writer = Writer::with_capacity(encoded_len);
    message.encode(&mut writer, version)?;
    Ok(Rewritten { bytes: writer.into_bytes()?, encoded_len, budget_left })
}
