//! From where it begins a reader gives each offset once and in order, with the value that the log
//! has there in the end, and nothing from the high watermark on.

use std::collections::BTreeMap;

use crate::client_history::{ClientSeen, Life, Place};

/// Checks a history that ends with all of the log, which has no holes.
///
/// # Errors
///
/// The offset that was passed, given again, given early, or given with another value.
pub fn check(history: &[ClientSeen]) -> Result<(), String> {
    let logged: BTreeMap<(Place, i64), u64> = history.iter().filter_map(in_log).collect();
    let mut next: BTreeMap<(Life, Place), i64> = BTreeMap::new();
    for seen in history {
        match *seen {
            ClientSeen::ReadsFrom { life, place, offset } => {
                next.insert((life, place), offset);
            }
            ClientSeen::Given { life, place, offset, value, high_watermark } => {
                let expected = next.insert((life, place), offset + 1);
                if expected != Some(offset) {
                    return Err(format!(
                        "{life} was given offset {offset} of {place}, where {expected:?} was next"
                    ));
                }
                if high_watermark <= offset {
                    return Err(format!(
                        "{life} was given offset {offset} of {place}, whose high watermark was \
                         {high_watermark}"
                    ));
                }
                let there = logged.get(&(place, offset));
                if there != Some(&value) {
                    return Err(format!(
                        "{life} was given value {value} at offset {offset} of {place}, where in \
                         the end {there:?} is"
                    ));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn in_log(seen: &ClientSeen) -> Option<((Place, i64), u64)> {
    match *seen {
        ClientSeen::Logged { place, offset, value } => Some(((place, offset), value)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place = Place(2);
    const LIFE: Life = Life(1);

    fn from(offset: i64) -> ClientSeen {
        ClientSeen::ReadsFrom { life: LIFE, place: PLACE, offset }
    }

    fn given(offset: i64, value: u64) -> ClientSeen {
        ClientSeen::Given { life: LIFE, place: PLACE, offset, value, high_watermark: 3 }
    }

    fn logged() -> impl Iterator<Item = ClientSeen> {
        (0..9).map(|it| ClientSeen::Logged { place: PLACE, offset: it, value: it.unsigned_abs() })
    }

    fn checked(seen: &[ClientSeen]) -> Result<(), String> {
        let history: Vec<ClientSeen> = seen.iter().cloned().chain(logged()).collect();
        check(&history)
    }

    #[test]
    fn what_is_passed_given_again_early_or_wrong_is_found() {
        assert_eq!(checked(&[from(0), given(0, 0), given(1, 1), from(0), given(0, 0)]), Ok(()));
        assert!(checked(&[from(0), given(0, 0), given(2, 2)]).is_err(), "passed");
        assert!(checked(&[from(0), given(0, 0), given(0, 0)]).is_err(), "again");
        assert!(checked(&[from(3), given(3, 3)]).is_err(), "early");
        assert!(checked(&[from(1), given(1, 7)]).is_err(), "another value");
        assert!(checked(&[given(1, 1)]).is_err(), "from nowhere");
    }
}
