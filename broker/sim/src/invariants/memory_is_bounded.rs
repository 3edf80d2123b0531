//! No client holds more bytes than it may.

use crate::client_history::ClientSeen;

/// Checks a history.
///
/// # Errors
///
/// The client that held more.
pub fn check(history: &[ClientSeen]) -> Result<(), String> {
    history.iter().try_for_each(|seen| match *seen {
        ClientSeen::Holds { life, bytes, bytes_max } if bytes_max < bytes => {
            Err(format!("{life} holds {bytes} bytes, of {bytes_max} at most"))
        }
        _ => Ok(()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client_history::Life;

    #[test]
    fn one_byte_too_many_is_found() {
        let holds = |bytes| ClientSeen::Holds { life: Life(1), bytes, bytes_max: 10 };
        assert_eq!(check(&[holds(10)]), Ok(()));
        assert!(check(&[holds(10), holds(11)]).is_err());
    }
}
