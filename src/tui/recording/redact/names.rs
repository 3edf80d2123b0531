//! Stand-ins by number, in the order in which names are met.

use std::collections::BTreeMap;

use kt_protocol::types::Uuid;

/// The names of one kind of thing.
#[derive(Debug)]
pub(super) struct Names {
    /// What stands before the number.
    prefix: &'static str,
    /// Names that nobody chose.
    kept: &'static [&'static str],
    met: BTreeMap<String, usize>,
}

impl Names {
    pub(super) fn new(prefix: &'static str, kept: &'static [&'static str]) -> Names {
        Names { prefix, kept, met: BTreeMap::new() }
    }

    /// Puts the stand-in in the place of a name.
    pub(super) fn hide(&mut self, name: &mut String) {
        if self.kept.contains(&name.as_str()) {
            return;
        }
        let next = self.met.len() + 1;
        let number = match self.met.get(name.as_str()) {
            Some(number) => *number,
            None => {
                self.met.insert(std::mem::take(name), next);
                next
            }
        };
        *name = format!("{}{number}", self.prefix);
    }
}

/// Ids of topics and directories: who has access to the cluster could look them up.
#[derive(Debug, Default)]
pub(super) struct Ids(BTreeMap<Uuid, u64>);

impl Ids {
    /// The stand-in of an id; none stays none.
    pub(super) fn of(&mut self, id: Uuid) -> Uuid {
        if id.is_zero() || id == Uuid::ONE {
            return id;
        }
        // 1 is Kafka's own.
        let next = self.0.len() as u64 + 2;
        let number = *self.0.entry(id).or_insert(next);
        Uuid(u128::from(number).to_be_bytes())
    }
}
