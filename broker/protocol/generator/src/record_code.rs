//! Rust for the enums over the records of an internal topic.

use crate::schema::Message;

/// The enums, each with its name and module text.
pub(crate) fn unions(_messages: &[Message]) -> Vec<(&'static str, String)> {
    Vec::new()
}
