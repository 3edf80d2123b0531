//! Nothing that a producer took stays without a word longer than its delivery time-out, but for the
//! time that its process stands still; and it says one word only.

use std::collections::BTreeMap;

use crate::client_history::{ClientSeen, Life};

/// How long a process may take to say it once it goes on, in milliseconds.
const TOLD_LATE_MS: u64 = 300;

/// Checks a history.
///
/// # Errors
///
/// The record of which too late, twice or never something was said.
pub fn check(history: &[ClientSeen]) -> Result<(), String> {
    let mut open: BTreeMap<u64, (Life, u64)> = BTreeMap::new();
    for seen in history {
        match *seen {
            ClientSeen::Accepted { life, value, until } => {
                open.insert(value, (life, until));
            }
            ClientSeen::Delivered { value, at, .. } | ClientSeen::GivenUp { value, at } => {
                let Some((life, until)) = open.remove(&value) else {
                    return Err(format!("value {value} was answered, but is not open"));
                };
                if until < at {
                    return Err(format!(
                        "{life} heard of value {value} at {at}, not before {until}"
                    ));
                }
            }
            ClientSeen::Stopped { life, until } => {
                let of_life = open.values_mut().filter(|(it, _)| *it == life);
                of_life.for_each(|(_, due)| *due = (*due).max(until + TOLD_LATE_MS));
            }
            ClientSeen::Died { life } => open.retain(|_, (it, _)| *it != life),
            ClientSeen::End { at } => {
                if let Some((value, (life, until))) = open.iter().find(|(_, it)| it.1 < at) {
                    return Err(format!("{life} never heard of value {value}, due at {until}"));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_is_late_missing_or_one_too_many_is_found() {
        let sent = ClientSeen::Accepted { life: Life(1), value: 7, until: 10 };
        let told = |at| ClientSeen::GivenUp { value: 7, at };
        let end = ClientSeen::End { at: 20 };
        assert_eq!(check(&[sent.clone(), told(10), end.clone()]), Ok(()));
        let died = ClientSeen::Died { life: Life(1) };
        assert_eq!(check(&[sent.clone(), died, end.clone()]), Ok(()));
        assert!(check(&[sent.clone(), end]).is_err());
        let stopped = ClientSeen::Stopped { life: Life(1), until: 50 };
        assert_eq!(check(&[sent.clone(), stopped, told(300)]), Ok(()));
        assert!(check(&[sent.clone(), told(11)]).is_err());
        assert!(check(&[sent, told(3), told(4)]).is_err());
    }
}
