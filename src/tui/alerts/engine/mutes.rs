//! What nobody is told of for now: a rule, or one of its subjects.

use std::collections::BTreeMap;

use kt_protocol::types::Millis;

const MUTES_MAX: usize = 1_000;

/// What is muted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mute {
    pub(crate) rule: String,
    /// None: all of the rule.
    pub(crate) subject: Option<String>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Mutes {
    until: BTreeMap<Mute, Millis>,
}

impl Mutes {
    /// Says whether there was room for it.
    pub(super) fn add(&mut self, mute: Mute, until: Millis) -> bool {
        if MUTES_MAX <= self.until.len() && !self.until.contains_key(&mute) {
            return false;
        }
        self.until.insert(mute, until);
        true
    }

    /// Says whether it was muted.
    pub(super) fn remove(&mut self, mute: &Mute) -> bool {
        self.until.remove(mute).is_some()
    }

    pub(super) fn expire(&mut self, now: Millis) {
        self.until.retain(|_, until| now < *until);
    }

    /// How long a subject of a rule is muted yet, in ms; without one, how long all of it is.
    pub(super) fn left(&self, now: Millis, rule: &str, subject: Option<&str>) -> Option<u64> {
        let left = |subject: Option<&str>| {
            let mute = Mute { rule: rule.to_owned(), subject: subject.map(str::to_owned) };
            self.until.get(&mute).filter(|it| now < **it).map(|it| *it - now)
        };
        left(None).max(subject.and_then(|it| left(Some(it))))
    }
}
