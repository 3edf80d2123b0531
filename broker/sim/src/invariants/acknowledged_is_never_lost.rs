//! What was acknowledged is there at the end, at the offset that was told.

use std::collections::BTreeMap;

use crate::history::{History, Seen};

/// Checks a history that ends with a read of the whole partition, after the last restart.
///
/// # Errors
///
/// The value that is gone.
pub fn check(history: &History) -> Result<(), String> {
    let last_restart =
        history.seen().iter().rposition(|seen| matches!(seen, Seen::Restarted { .. }));
    let at_the_end: BTreeMap<i64, u64> = history
        .seen()
        .iter()
        .skip(last_restart.map_or(0, |at| at + 1))
        .filter_map(|seen| match *seen {
            Seen::Read { value, offset } => Some((offset, value)),
            _ => None,
        })
        .collect();
    for seen in history.seen() {
        let Seen::Acknowledged { value, offset } = *seen else { continue };
        if at_the_end.get(&offset) != Some(&value) {
            let found = at_the_end.get(&offset);
            return Err(format!(
                "value {value} was acknowledged at offset {offset}, where in the end {found:?} is"
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_is_gone_is_found() {
        let mut history = History::default();
        history.add(Seen::Acknowledged { value: 7, offset: 3 });
        history.add(Seen::Read { value: 7, offset: 3 });
        assert_eq!(check(&history), Ok(()));
        // What was read before the crash does not count.
        history.add(Seen::Restarted { lost_power: true });
        assert!(check(&history).is_err());
        history.add(Seen::Read { value: 7, offset: 3 });
        assert_eq!(check(&history), Ok(()));
    }
}
