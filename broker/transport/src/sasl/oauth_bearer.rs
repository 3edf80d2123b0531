//! OAUTHBEARER: a token, said at once; a refusal is a challenge that the client must answer before
//! the server says why (RFC 7628).

use super::{Mechanism, SaslError, Step};
use crate::secret::Secret;

/// What ends a pair, and all that a refused client answers.
const SEPARATOR: &str = "\x01";

/// The client's side of OAUTHBEARER.
#[derive(Debug)]
pub struct OAuthBearer {
    token: Secret,
    /// What the broker's callbacks may ask for, in the order of their names.
    extensions: Vec<(String, String)>,
    refusal: Option<String>,
}

impl OAuthBearer {
    /// With this token.
    pub fn new(token: Secret, extensions: Vec<(String, String)>) -> OAuthBearer {
        OAuthBearer { token, extensions, refusal: None }
    }

    pub(super) fn first(&self) -> Result<Vec<u8>, SaslError> {
        let is_sayable = |text: &str| text.bytes().all(|it| matches!(it, b' '..=b'~'));
        if !is_sayable(self.token.reveal()) || self.token.reveal().is_empty() {
            return Err(SaslError::Unsayable("token", Mechanism::OAuthBearer));
        }
        let mut message = format!("n,,{SEPARATOR}auth=Bearer {}{SEPARATOR}", self.token.reveal());
        for (name, value) in &self.extensions {
            // "auth" is the token's own name (RFC 7628, section 3.1).
            let is_name = name.bytes().all(|it| it.is_ascii_alphabetic());
            if name.is_empty() || !is_name || name == "auth" || !is_sayable(value) {
                return Err(SaslError::Unsayable("extension", Mechanism::OAuthBearer));
            }
            message.push_str(&format!("{name}={value}{SEPARATOR}"));
        }
        message.push_str(SEPARATOR);
        Ok(message.into_bytes())
    }

    pub(super) fn next(&mut self, challenge: &[u8]) -> Result<Step, SaslError> {
        if let Some(refusal) = self.refusal.take() {
            return Err(SaslError::Refused(refusal));
        }
        if challenge.is_empty() {
            return Ok(Step::Done);
        }
        self.refusal = Some(String::from_utf8_lossy(challenge).into_owned());
        Ok(Step::Respond(SEPARATOR.as_bytes().to_vec()))
    }

    /// What the server gave as its reason, once it has refused: JSON, by the standard.
    pub fn refusal(&self) -> Option<&str> {
        self.refusal.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_message_holds_token_and_extensions() {
        let extensions = vec![("tenant".to_owned(), "blue".to_owned())];
        let exchange = OAuthBearer::new(Secret::new("abc.def."), extensions);
        let first = exchange.first().unwrap();
        assert_eq!(first, b"n,,\x01auth=Bearer abc.def.\x01tenant=blue\x01\x01");
    }

    #[test]
    fn a_refusal_is_answered_and_never_a_success() {
        let mut exchange = OAuthBearer::new(Secret::new("t"), Vec::new());
        exchange.first().unwrap();
        let refusal = br#"{"status":"invalid_token"}"#;
        assert_eq!(exchange.next(refusal), Ok(Step::Respond(vec![1])));
        assert_eq!(exchange.refusal(), Some(r#"{"status":"invalid_token"}"#));
        let error = exchange.next(b"").unwrap_err();
        assert_eq!(error, SaslError::Refused(r#"{"status":"invalid_token"}"#.to_owned()));
    }

    #[test]
    fn what_would_end_the_message_early_is_refused() {
        let says = |token: &str, name: &str, value: &str| {
            let extensions = vec![(name.to_owned(), value.to_owned())];
            OAuthBearer::new(Secret::new(token), extensions).first().is_ok()
        };
        assert!(says("t", "tenant", "blue"));
        assert!(!says("t\x01", "tenant", "blue"));
        assert!(!says("", "tenant", "blue"));
        assert!(!says("t", "auth", "Bearer other"));
        assert!(!says("t", "tenant", "a\x01auth=b"));
    }
}
