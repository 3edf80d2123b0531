//! A group processes every record of its topics at least once; and nobody commits, nor finds
//! committed, an offset before which something was not processed by that group.

use std::collections::{BTreeMap, BTreeSet};

use crate::client_history::{ClientSeen, Life, Place};

/// What a group has processed: offsets below a first one without a hole, and single ones above.
#[derive(Default)]
struct Done {
    up_to: i64,
    above: BTreeSet<i64>,
}

impl Done {
    fn add(&mut self, offset: i64) {
        self.above.insert(offset);
        while self.above.remove(&self.up_to) {
            self.up_to += 1;
        }
    }
}

/// Checks a history that ends with all of the log, and in which `groups` groups had the time to
/// read all of it.
///
/// # Errors
///
/// The commit that went too far, or the record that a group missed.
pub fn check(history: &[ClientSeen], groups: usize) -> Result<(), String> {
    let mut done: BTreeMap<(usize, Place), Done> = BTreeMap::new();
    let mut given: BTreeMap<(Life, Place), Vec<i64>> = BTreeMap::new();
    for seen in history {
        match *seen {
            ClientSeen::Given { life, place, offset, .. } => {
                given.entry((life, place)).or_default().push(offset);
            }
            ClientSeen::Processed { group, life, place, up_to } => {
                let of_life = given.entry((life, place)).or_default();
                let done = done.entry((group, place)).or_default();
                of_life.iter().filter(|it| **it < up_to).for_each(|it| done.add(*it));
                of_life.retain(|it| up_to <= *it);
            }
            ClientSeen::CommitAsked { group, place, offset, life } => {
                let up_to = done.get(&(group, place)).map_or(0, |it| it.up_to);
                if up_to < offset {
                    return Err(format!(
                        "{life} commits {offset} of {place} for group {group}, which has \
                         processed it up to {up_to}"
                    ));
                }
            }
            ClientSeen::Logged { place, offset, .. } => {
                for group in 0..groups {
                    let up_to = done.get(&(group, place)).map_or(0, |it| it.up_to);
                    if up_to <= offset {
                        return Err(format!(
                            "group {group} never processed offset {offset} of {place}"
                        ));
                    }
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

    const PLACE: Place = Place(0);

    fn given(life: u64, offset: i64) -> ClientSeen {
        let (life, value) = (Life(life), offset.unsigned_abs());
        ClientSeen::Given { life, place: PLACE, offset, value, high_watermark: 9 }
    }

    fn processed(life: u64, up_to: i64) -> ClientSeen {
        ClientSeen::Processed { group: 0, life: Life(life), place: PLACE, up_to }
    }

    fn commit(offset: i64) -> ClientSeen {
        ClientSeen::CommitAsked { group: 0, life: Life(1), place: PLACE, offset }
    }

    fn logged(offset: i64) -> ClientSeen {
        ClientSeen::Logged { place: PLACE, offset, value: offset.unsigned_abs() }
    }

    #[test]
    fn what_is_missed_or_committed_too_far_is_found() {
        let read = [given(1, 0), given(1, 1), processed(1, 1), given(2, 1), processed(2, 2)];
        let with = |more: &[ClientSeen]| {
            let history: Vec<ClientSeen> = read.iter().chain(more).cloned().collect();
            check(&history, 1)
        };
        assert_eq!(with(&[commit(2), logged(0), logged(1)]), Ok(()));
        assert!(with(&[commit(3)]).is_err(), "what nobody was given");
        assert!(with(&[logged(2)]).is_err(), "what nobody processed");
        assert!(check(&[given(1, 0), given(1, 1), processed(1, 1), commit(2)], 1).is_err());
    }
}
