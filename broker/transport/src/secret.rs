//! A text that nobody but its owner may see: it has no `Display`, and its `Debug` hides it.

use std::fmt;

/// A password, a token, a private key.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides a text.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// The text itself: for whoever needs it, and no message.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // As Kafka's `Password` shows itself.
        f.write_str("[hidden]")
    }
}
