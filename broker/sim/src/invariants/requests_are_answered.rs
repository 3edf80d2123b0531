//! Every request is answered in time, or its connection ends.

use std::collections::BTreeMap;

use crate::group_history::GroupSeen;

/// Checks a history. `within_ms` is how long an answer may take.
///
/// # Errors
///
/// The request that was answered late, twice or not at all.
pub fn check(history: &[GroupSeen], within_ms: u64) -> Result<(), String> {
    let mut open: BTreeMap<u64, u64> = BTreeMap::new();
    let late = |request: u64, took_ms: u64| {
        Err(format!("request {request} waits for {took_ms} ms, not {within_ms} at most"))
    };
    for seen in history {
        match *seen {
            GroupSeen::Asked { request, at } => {
                open.insert(request, at);
            }
            GroupSeen::Answered { request, at } => {
                let Some(asked_at) = open.remove(&request) else {
                    return Err(format!("request {request} is answered, but not open"));
                };
                if within_ms < at - asked_at {
                    return late(request, at - asked_at);
                }
            }
            GroupSeen::ConnectionLost { request, at } => {
                let asked_at = open.remove(&request).unwrap_or(at);
                if within_ms < at - asked_at {
                    return late(request, at - asked_at);
                }
            }
            GroupSeen::End { at } => {
                let first = open.iter().find(|(_, asked_at)| within_ms < at - **asked_at);
                if let Some((request, asked_at)) = first {
                    return late(*request, at - asked_at);
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
    fn an_answer_that_is_late_or_missing_is_found() {
        let asked = GroupSeen::Asked { request: 1, at: 5 };
        let answered = |at| GroupSeen::Answered { request: 1, at };
        assert_eq!(check(&[asked.clone(), answered(15)], 10), Ok(()));
        assert!(check(&[asked.clone(), answered(16)], 10).is_err());
        assert!(check(&[asked.clone(), answered(6), answered(7)], 10).is_err());
        assert_eq!(check(&[asked.clone(), GroupSeen::End { at: 15 }], 10), Ok(()));
        assert!(check(&[asked.clone(), GroupSeen::End { at: 16 }], 10).is_err());
        let lost = |at| GroupSeen::ConnectionLost { request: 1, at };
        assert_eq!(check(&[asked.clone(), lost(15), GroupSeen::End { at: 99 }], 10), Ok(()));
        assert!(check(&[asked, lost(16)], 10).is_err());
    }
}
