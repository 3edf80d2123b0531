//! Deliveries come in any order; a spool forgets only what lies before the first that is missing.

use std::collections::BTreeMap;

use kt_protocol::types::Offset;

/// Which records were delivered.
#[derive(Clone, Debug)]
pub(crate) struct Acknowledged {
    before: Offset,
    /// Ranges behind the first that is missing: first to end. They do not touch.
    ahead: BTreeMap<Offset, Offset>,
}

impl Acknowledged {
    /// Everything before a position was delivered, and nothing behind it.
    pub(crate) fn new(before: Offset) -> Acknowledged {
        Acknowledged { before, ahead: BTreeMap::new() }
    }

    /// Everything before this was delivered.
    pub(crate) fn before(&self) -> Offset {
        self.before
    }

    /// A record was delivered. One that was before changes nothing.
    pub(crate) fn add(&mut self, position: Offset) {
        let end = position.plus(1);
        if position < self.before {
            return;
        }
        // The range that ends here grows, else one begins here.
        let left = self.ahead.range_mut(..=position).next_back();
        let first = match left {
            Some((first, left_end)) if position <= *left_end => {
                *left_end = end.max(*left_end);
                *first
            }
            _ => {
                self.ahead.insert(position, end);
                position
            }
        };
        if let Some(right_end) = self.ahead.remove(&end) {
            self.ahead.insert(first, right_end);
        }
        if let Some(end) = self.ahead.remove(&self.before) {
            self.before = end;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_first_missing_one_is_found(order in prop::collection::vec(3_i64..40, 0..120)) {
            let mut acknowledged = Acknowledged::new(Offset(3));
            let mut all = BTreeSet::new();
            for position in order {
                acknowledged.add(Offset(position));
                all.insert(position);
                let missing = (3..).find(|it| !all.contains(it)).unwrap();
                prop_assert_eq!(acknowledged.before(), Offset(missing));
                let kept = all.iter().filter(|it| missing < **it);
                let ranges = kept.filter(|it| !all.contains(&(**it - 1))).count();
                prop_assert_eq!(acknowledged.ahead.len(), ranges);
            }
        }
    }
}
