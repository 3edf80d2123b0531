//! The wire codec: what generated messages are made of, and what reads and writes them.
//!
//! A [`Reader`] takes values out of a frame, never trusting a length; a [`Writer`] appends values
//! and keeps record bytes as segments, so that they are never copied. Which fields a message has in
//! which version is in `schemas/`; the generator turns that into `messages/`.

pub(crate) mod base64;
mod error;
mod frame_budget;
pub mod json;
mod message;
mod message_type;
mod reader;
pub mod record_value;
mod records;
mod schema;
mod sink;
mod versions;
mod writer;

/// No string is longer, in bytes: not in compact form either, whose length field could say more.
pub const MAX_STRING_BYTES: usize = i16::MAX as usize;

pub use error::{DecodeError, EncodeError};
pub use frame_budget::DecodeBudget;
pub use message::{Decode, Encode, Message, MessageView};
pub use message_type::{MessageKind, MessageType, RewriteError, Rewritten};
pub use reader::Reader;
pub use records::{Records, RecordsView, Segment};
pub(crate) use schema::field;
pub use schema::{Field, Kind};
pub use sink::{Sink, Tags};
pub use versions::Versions;
pub use writer::{Writer, concatenate};

#[cfg(test)]
mod tests;
