//! Bytes ↔ types: everything of Kafka that is a format, and nothing that is a file, a socket or a
//! clock.

pub mod error_code;
pub mod types;

pub use error_code::ErrorCode;
