//! One offset has one value and one value one offset, for ever, whoever says so; and the high
//! watermark that consumers see never goes back.

use std::collections::BTreeMap;

use crate::history::{History, Seen};

/// Checks a history.
///
/// # Errors
///
/// The offset with two values, the value with two offsets, or the watermark that went back.
pub fn check(history: &History) -> Result<(), String> {
    let mut value_at: BTreeMap<i64, u64> = BTreeMap::new();
    let mut offset_of: BTreeMap<u64, i64> = BTreeMap::new();
    let mut high_watermark = 0;
    for seen in history.seen() {
        match *seen {
            Seen::Acknowledged { value, offset } | Seen::Read { value, offset } => {
                let known = *value_at.entry(offset).or_insert(value);
                if known != value {
                    return Err(format!("offset {offset} had value {known}, then {value}"));
                }
                let known = *offset_of.entry(value).or_insert(offset);
                if known != offset {
                    return Err(format!("value {value} is at offsets {known} and {offset}"));
                }
            }
            Seen::HighWatermark(now) if now < high_watermark => {
                return Err(format!("the high watermark went from {high_watermark} to {now}"));
            }
            Seen::HighWatermark(now) => high_watermark = now,
            Seen::Restarted { .. } => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_all(seen: &[Seen]) -> Result<(), String> {
        let mut history = History::default();
        seen.iter().cloned().for_each(|it| history.add(it));
        check(&history)
    }

    #[test]
    fn each_kind_of_violation_is_found() {
        let read = |value, offset| Seen::Read { value, offset };
        let acknowledged = |value, offset| Seen::Acknowledged { value, offset };
        assert_eq!(check_all(&[acknowledged(1, 0), read(1, 0), read(2, 1)]), Ok(()));
        assert!(check_all(&[acknowledged(1, 0), read(2, 0)]).is_err());
        assert!(check_all(&[acknowledged(1, 0), read(1, 5)]).is_err());
        assert!(check_all(&[Seen::HighWatermark(3), Seen::HighWatermark(2)]).is_err());
    }
}
