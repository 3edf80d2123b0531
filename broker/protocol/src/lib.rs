//! Bytes ↔ types: everything of Kafka that is a format, and nothing that is a file, a socket or a
//! clock.

pub mod api_key;
pub mod codec;
#[cfg(test)]
mod conformance;
pub mod error_code;
pub mod frame;
pub mod messages;
pub mod planted;
pub mod properties;
pub mod records;
pub mod types;

pub use api_key::ApiKey;
pub use error_code::ErrorCode;
