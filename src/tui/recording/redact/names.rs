//! Stand-ins by number, in the order in which names are met.

use std::collections::BTreeMap;
use std::mem;

use kt_protocol::types::Uuid;

/// What was not met while so many others were is forgotten: members have another name each time they
/// join, and a recording may go on for weeks.
const REMEMBERED: usize = 200_000;

/// What was met, each with its number from 1.
#[derive(Debug)]
struct Met<T> {
    /// What was met lately, and what was met before that and not again.
    young: BTreeMap<T, u64>,
    old: BTreeMap<T, u64>,
    /// The last number that was given.
    last: u64,
    most: usize,
}

impl<T: Ord> Met<T> {
    /// Remembers about so many.
    fn most(most: usize) -> Met<T> {
        Met { young: BTreeMap::new(), old: BTreeMap::new(), last: 0, most }
    }

    fn number(&mut self, it: T) -> u64 {
        if let Some(number) = self.young.get(&it) {
            return *number;
        }
        let number = self.old.remove(&it).unwrap_or_else(|| {
            self.last += 1;
            self.last
        });
        if self.most <= self.young.len() {
            self.old = mem::take(&mut self.young);
        }
        self.young.insert(it, number);
        number
    }
}

/// The names of one kind of thing.
#[derive(Debug)]
pub(super) struct Names {
    /// What stands before the number.
    prefix: &'static str,
    /// Names that nobody chose.
    kept: &'static [&'static str],
    met: Met<String>,
}

impl Names {
    pub(super) fn new(prefix: &'static str, kept: &'static [&'static str]) -> Names {
        Names { prefix, kept, met: Met::most(REMEMBERED) }
    }

    /// Puts the stand-in in the place of a name.
    pub(super) fn hide(&mut self, name: &mut String) {
        if self.kept.contains(&name.as_str()) {
            return;
        }
        let number = self.met.number(mem::take(name));
        *name = format!("{}{number}", self.prefix);
    }
}

/// Ids of topics and directories: who has access to the cluster could look them up.
#[derive(Debug)]
pub(super) struct Ids(Met<Uuid>);

impl Default for Ids {
    fn default() -> Ids {
        Ids(Met::most(REMEMBERED))
    }
}

impl Ids {
    /// The stand-in of an id; none stays none.
    pub(super) fn of(&mut self, id: Uuid) -> Uuid {
        if id.is_zero() || id == Uuid::ONE {
            return id;
        }
        // 1 is Kafka's own.
        let number = self.0.number(id) + 1;
        Uuid(u128::from(number).to_be_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_met_again_keeps_its_number_and_the_rest_is_forgotten() {
        let mut met = Met::most(3);
        assert_eq!(["a", "b", "a"].map(|it| met.number(it)), [1, 2, 1]);
        // A group that never comes to rest, beside a topic that is there all the time.
        let members: Vec<String> = (0..100).map(|it| it.to_string()).collect();
        for (index, member) in (3..).zip(&members) {
            assert_eq!((met.number(member), met.number("a")), (index, 1));
            assert!(met.young.len() + met.old.len() <= 6);
        }
        assert_eq!(met.number("b"), 103, "no number is given twice");
    }
}
