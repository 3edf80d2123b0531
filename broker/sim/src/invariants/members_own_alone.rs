//! In one generation of a group no two members own a partition, but for one that has taken the place
//! of a dead one.

use std::collections::BTreeMap;

use crate::client_history::{ClientSeen, Life, Place};

/// Checks a history.
///
/// # Errors
///
/// The partition with two owners.
pub fn check(history: &[ClientSeen]) -> Result<(), String> {
    let mut owners: BTreeMap<(usize, i32, Place), Life> = BTreeMap::new();
    for seen in history {
        match seen {
            ClientSeen::Died { life } => owners.retain(|_, owner| owner != life),
            ClientSeen::Owns { group, life, generation, places } => {
                for place in places {
                    let owner = owners.entry((*group, *generation, *place)).or_insert(*life);
                    if owner != life {
                        return Err(format!(
                            "{owner} and {life} own {place} in generation {generation} of group \
                             {group}"
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

    fn owns(life: u64, generation: i32, places: &[usize]) -> ClientSeen {
        let places = places.iter().copied().map(Place).collect();
        ClientSeen::Owns { group: 0, life: Life(life), generation, places }
    }

    #[test]
    fn two_owners_are_found() {
        let history = [owns(1, 1, &[0, 1]), owns(2, 1, &[2]), owns(2, 2, &[0])];
        assert_eq!(check(&history), Ok(()));
        let died = ClientSeen::Died { life: Life(1) };
        assert_eq!(check(&[owns(1, 1, &[0]), died, owns(2, 1, &[0])]), Ok(()));
        assert!(check(&[owns(1, 1, &[0, 1]), owns(2, 1, &[1])]).is_err());
    }
}
