//! PLAIN: authorization id, name and password, with zero bytes between them (RFC 4616).

use super::{Mechanism, SaslError};
use crate::secret::Secret;

/// The client's side of PLAIN.
#[derive(Debug)]
pub struct Plain {
    user: String,
    password: Secret,
}

impl Plain {
    /// For this user.
    pub fn new(user: impl Into<String>, password: Secret) -> Plain {
        Plain { user: user.into(), password }
    }

    pub(super) fn first(&self) -> Result<Vec<u8>, SaslError> {
        for (part, name) in
            [(self.user.as_str(), "user name"), (self.password.reveal(), "password")]
        {
            if part.contains('\0') {
                return Err(SaslError::Unsayable(name, Mechanism::Plain));
            }
        }
        // No authorization id: the user acts for nobody else.
        Ok(format!("\0{}\0{}", self.user, self.password.reveal()).into_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_and_password_stand_between_zero_bytes() {
        let plain = Plain::new("alice", Secret::new("s e,cret"));
        assert_eq!(plain.first().unwrap(), b"\0alice\0s e,cret");
        let plain = Plain::new("alice", Secret::new("a\0b"));
        let error = plain.first().unwrap_err().to_string();
        assert_eq!(error, "the password holds a character that PLAIN cannot carry");
    }
}
