//! What a producer was told is delivered is in the log once, where it was told; what it was told has
//! failed, or what it never heard of, is there at most once. In each partition the records of one
//! producer are in the order in which it was given them.

use std::collections::BTreeMap;

use crate::client_history::{ClientSeen, Life, Place};

/// Checks a history that ends with all of the log.
///
/// # Errors
///
/// The record that is missing, twice there, elsewhere, or out of order.
pub fn check(history: &[ClientSeen]) -> Result<(), String> {
    let mut senders: BTreeMap<u64, Life> = BTreeMap::new();
    let mut logged: BTreeMap<u64, (Place, i64)> = BTreeMap::new();
    let mut last: BTreeMap<(Place, Life), u64> = BTreeMap::new();
    for seen in history {
        match *seen {
            ClientSeen::Accepted { life, value, .. } => {
                senders.insert(value, life);
            }
            ClientSeen::Logged { place, offset, value } => {
                if let Some((other, at)) = logged.insert(value, (place, offset)) {
                    return Err(format!(
                        "value {value} is at offset {at} of {other} and at {offset} of {place}"
                    ));
                }
                let life = *senders.get(&value).ok_or_else(|| {
                    format!("value {value} at offset {offset} of {place} was never sent")
                })?;
                let before = last.insert((place, life), value).filter(|before| value < *before);
                if let Some(before) = before {
                    return Err(format!(
                        "value {value} is behind {before} of {life} in {place}, at offset {offset}"
                    ));
                }
            }
            _ => {}
        }
    }
    history.iter().try_for_each(|seen| match *seen {
        ClientSeen::Delivered { value, place, offset, .. } => {
            is_where_it_was_told(value, place, offset, logged.get(&value).copied())
        }
        _ => Ok(()),
    })
}

fn is_where_it_was_told(
    value: u64,
    place: Place,
    offset: Option<i64>,
    logged: Option<(Place, i64)>,
) -> Result<(), String> {
    match logged {
        Some((there, at)) if there == place && offset.is_none_or(|it| it == at) => Ok(()),
        found => Err(format!(
            "value {value} was delivered to {place} at offset {offset:?}; in the end it is at \
             {found:?}"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFE: Life = Life(1);

    fn sent(values: &[u64]) -> Vec<ClientSeen> {
        values
            .iter()
            .map(|value| ClientSeen::Accepted { life: LIFE, value: *value, until: 9 })
            .collect()
    }

    fn logged(values: &[u64]) -> impl Iterator<Item = ClientSeen> {
        let all = values.iter().copied().zip(0..);
        all.map(|(value, offset)| ClientSeen::Logged { place: Place(0), offset, value })
    }

    fn delivered(value: u64, offset: i64) -> ClientSeen {
        ClientSeen::Delivered { value, place: Place(0), offset: Some(offset), at: 1 }
    }

    #[test]
    fn a_record_that_is_lost_twice_there_or_late_is_found() {
        let history = |end: &[u64]| {
            let mut history = sent(&[1, 2, 3]);
            history.extend([delivered(1, 0), ClientSeen::GivenUp { value: 2, at: 1 }]);
            history.extend(logged(end));
            history
        };
        assert_eq!(check(&history(&[1, 2, 3])), Ok(()));
        assert_eq!(check(&history(&[1, 3])), Ok(()));
        assert_eq!(check(&history(&[1])), Ok(()));
        for wrong in [&[2][..], &[2, 1], &[1, 2, 2], &[1, 3, 2], &[1, 7]] {
            assert!(check(&history(wrong)).is_err(), "{wrong:?}");
        }
    }
}
