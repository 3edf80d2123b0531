//! The calm order of rows: what changes all the time must not jump under the reader's eye.
//!
//! Order is recomputed at most every 10 s and never within 3 s after a key, and then two
//! neighbours change places only if they differ by a tenth. New rows enter at their place at once;
//! rows that vanished stay for 10 s.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use kt_protocol::types::Millis;

/// What a row is sorted by.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Rank {
    /// Goes before the value: the level's rank where rows are sorted by level first, else 0.
    pub(crate) class: u8,
    pub(crate) value: Value,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    /// The largest first. It moves by itself, so it is calmed.
    Number(f64),
    /// From A on.
    Text(String),
    /// After all others.
    Missing,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Direction {
    #[default]
    Usual,
    Reversed,
}

/// A row and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row<K> {
    pub(crate) key: K,
    rank: Rank,
    gone: Option<Millis>,
}

impl<K> Row<K> {
    /// It vanished, and stays dim for a while.
    pub(crate) fn is_gone(&self) -> bool {
        self.gone.is_some()
    }
}

/// The rows of one table.
#[derive(Clone, Debug)]
pub(crate) struct CalmOrder<K> {
    rows: Vec<Row<K>>,
    direction: Direction,
    /// When order was last recomputed; `None` asks for it now.
    sorted: Option<Millis>,
    key_pressed: Option<Millis>,
}

const RECOMPUTE_MS: u64 = 10_000;
const AFTER_KEY_MS: u64 = 3_000;
const GONE_MS: u64 = 10_000;
/// Neighbours that differ by less stay where they are.
const SHARE: f64 = 0.10;

impl<K> Default for CalmOrder<K> {
    fn default() -> Self {
        let (rows, direction) = Default::default();
        CalmOrder { rows, direction, sorted: None, key_pressed: None }
    }
}

impl<K: Clone + Ord + AsRef<str>> CalmOrder<K> {
    /// The user does something: nothing moves for now.
    pub(crate) fn key_pressed(&mut self, now: Millis) {
        self.key_pressed = Some(now);
    }

    /// The user sorts by something else: that is done with the next rows, whatever the time.
    pub(crate) fn sort_anew(&mut self, direction: Direction) {
        self.direction = direction;
        self.sorted = None;
    }

    /// Takes the rows there are, and puts them in order.
    pub(crate) fn arrange(&mut self, now: Millis, current: &BTreeMap<K, Rank>) -> &[Row<K>] {
        self.update(now, current);
        match self.sorted {
            None => {
                let direction = self.direction;
                self.rows.sort_by(|a, b| strictly((a, b), direction));
                self.sorted = Some(now);
            }
            Some(at) if RECOMPUTE_MS <= now - at && !self.is_busy(now) => {
                self.settle();
                self.sorted = Some(now);
            }
            Some(_) => {}
        }
        self.enter(current);
        &self.rows
    }

    pub(crate) fn rows(&self) -> &[Row<K>] {
        &self.rows
    }

    fn is_busy(&self, now: Millis) -> bool {
        self.key_pressed.is_some_and(|at| now - at < AFTER_KEY_MS)
    }

    /// Known rows get their new ranks; those that vanished keep the last one until they go.
    fn update(&mut self, now: Millis, current: &BTreeMap<K, Rank>) {
        for row in &mut self.rows {
            match current.get(&row.key) {
                Some(rank) => (row.rank, row.gone) = (rank.clone(), None),
                None => row.gone = row.gone.or(Some(now)),
            }
        }
        self.rows.retain(|it| it.gone.is_none_or(|at| now - at < GONE_MS));
    }

    /// New rows go before the first one that they should stand before.
    fn enter(&mut self, current: &BTreeMap<K, Rank>) {
        let known: BTreeSet<K> = self.rows.iter().map(|it| it.key.clone()).collect();
        let new = current.iter().filter(|it| !known.contains(it.0));
        let new = new.map(|(key, rank)| Row { key: key.clone(), rank: rank.clone(), gone: None });
        let mut new: Vec<Row<K>> = new.collect();
        let direction = self.direction;
        new.sort_by(|a, b| strictly((a, b), direction));
        if new.is_empty() {
            return;
        }
        // Both are merged in one pass: the first answer brings all rows at once.
        let mut merged = Vec::with_capacity(self.rows.len() + new.len());
        let mut new = new.into_iter().peekable();
        for row in self.rows.drain(..) {
            while let Some(it) = new.next_if(|it| strictly((it, &row), direction).is_lt()) {
                merged.push(it);
            }
            merged.push(row);
        }
        merged.extend(new);
        self.rows = merged;
    }

    /// Lets each row rise past neighbours that it clearly outranks.
    fn settle(&mut self) {
        for at in 1..self.rows.len() {
            let mut here = at;
            while 0 < here && self.must_swap(here - 1) {
                self.rows.swap(here - 1, here);
                here -= 1;
            }
        }
    }

    /// Whether the row below goes before this one.
    fn must_swap(&self, above: usize) -> bool {
        let (Some(a), Some(b)) = (self.rows.get(above), self.rows.get(above + 1)) else {
            return false;
        };
        let is_wrong = strictly((a, b), self.direction).is_gt();
        is_wrong && (a.rank.class != b.rank.class || differ(&a.rank.value, &b.rank.value))
    }
}

/// Whether two values differ so much that rows may move for it.
fn differ(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            SHARE * a.abs().max(b.abs()) <= (a - b).abs() && a != b
        }
        (a, b) => a != b,
    }
}

/// The order without calm. Classes and what is missing keep their places when reversed: faults
/// stay on top.
fn strictly<K: Ord + AsRef<str>>((a, b): (&Row<K>, &Row<K>), direction: Direction) -> Ordering {
    let turned = |order: Ordering| match direction {
        Direction::Usual => order,
        Direction::Reversed => order.reverse(),
    };
    let values = match (&a.rank.value, &b.rank.value) {
        (Value::Number(a), Value::Number(b)) => turned(b.total_cmp(a)),
        (Value::Text(a), Value::Text(b)) => turned(a.cmp(b)),
        (a, b) => kind(a).cmp(&kind(b)),
    };
    b.rank
        .class
        .cmp(&a.rank.class)
        .then(values)
        .then_with(|| natural(a.key.as_ref(), b.key.as_ref()))
}

/// As people count: `orders-2` goes before `orders-10`.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a, b);
    loop {
        let (one, other) = (digits(left), digits(right));
        if !one.is_empty() && !other.is_empty() {
            let (x, y) = (one.trim_start_matches('0'), other.trim_start_matches('0'));
            let order = x.len().cmp(&y.len()).then_with(|| x.cmp(y));
            if order.is_ne() {
                return order;
            }
            (left, right) = (&left[one.len()..], &right[other.len()..]);
            continue;
        }
        let (mut ones, mut others) = (left.chars(), right.chars());
        match (ones.next(), others.next()) {
            (Some(x), Some(y)) if x == y => (left, right) = (ones.as_str(), others.as_str()),
            // Names that read the same are told apart by their zeros.
            (None, None) => return a.cmp(b),
            (x, y) => return x.cmp(&y),
        }
    }
}

/// The digits that a text begins with.
fn digits(text: &str) -> &str {
    let end = text.find(|it: char| !it.is_ascii_digit()).unwrap_or(text.len());
    &text[..end]
}

fn kind(value: &Value) -> u8 {
    match value {
        Value::Number(_) => 0,
        Value::Text(_) => 1,
        Value::Missing => 2,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Rows<'a> = &'a [(&'static str, f64)];

    fn ranked(rows: Rows<'_>) -> BTreeMap<&'static str, Rank> {
        let rank = |value| Rank { class: 0, value: Value::Number(value) };
        rows.iter().map(|(key, value)| (*key, rank(*value))).collect()
    }

    fn shown(order: &CalmOrder<&'static str>) -> String {
        let row = |it: &Row<&'static str>| match it.is_gone() {
            true => format!("({})", it.key),
            false => it.key.to_owned(),
        };
        order.rows().iter().map(row).collect::<Vec<_>>().join(" ")
    }

    fn at(order: &mut CalmOrder<&'static str>, second: u64, rows: Rows<'_>) -> String {
        order.arrange(Millis(second * 1_000), &ranked(rows));
        shown(order)
    }

    #[test]
    fn order_is_recomputed_at_most_every_10_s() {
        let mut order = CalmOrder::default();
        assert_eq!(at(&mut order, 100, &[("a", 30.0), ("b", 20.0), ("c", 10.0)]), "a b c");
        let turned: Rows<'_> = &[("a", 10.0), ("b", 20.0), ("c", 30.0)];
        assert_eq!(at(&mut order, 101, turned), "a b c");
        assert_eq!(at(&mut order, 109, turned), "a b c");
        assert_eq!(at(&mut order, 110, turned), "c b a");
    }

    #[test]
    fn nothing_moves_within_3_s_after_a_key() {
        let mut order = CalmOrder::default();
        at(&mut order, 0, &[("a", 30.0), ("b", 20.0)]);
        let turned: Rows<'_> = &[("a", 10.0), ("b", 20.0)];
        order.key_pressed(Millis(18_000));
        assert_eq!(at(&mut order, 20, turned), "a b");
        order.key_pressed(Millis(20_500));
        assert_eq!(at(&mut order, 23, turned), "a b");
        assert_eq!(at(&mut order, 24, turned), "b a");
    }

    #[test]
    fn neighbours_swap_only_if_they_differ_by_a_tenth() {
        let mut order = CalmOrder::default();
        at(&mut order, 0, &[("a", 100.0), ("b", 90.0)]);
        assert_eq!(at(&mut order, 10, &[("a", 91.0), ("b", 100.0)]), "a b");
        assert_eq!(at(&mut order, 20, &[("a", 90.0), ("b", 100.0)]), "b a");
        assert_eq!(at(&mut order, 30, &[("a", 0.0), ("b", 0.0)]), "b a");
    }

    #[test]
    fn a_level_moves_a_row_whatever_the_values() {
        let mut order = CalmOrder::default();
        let mut rows = ranked(&[("a", 100.0), ("b", 99.0)]);
        order.arrange(Millis(0), &rows);
        rows.insert("b", Rank { class: 2, value: Value::Number(99.0) });
        order.arrange(Millis(10_000), &rows);
        assert_eq!(shown(&order), "b a");
        order.sort_anew(Direction::Reversed);
        order.arrange(Millis(10_001), &rows);
        assert_eq!(shown(&order), "b a", "faults stay on top");
    }

    #[test]
    fn new_rows_enter_at_their_place_and_vanished_ones_stay_10_s() {
        let mut order = CalmOrder::default();
        let mut text = String::new();
        let steps: [(u64, Rows<'_>); 7] = [
            (0, &[("b", 50.0), ("d", 20.0)]),
            (1, &[("a", 90.0), ("b", 50.0), ("c", 30.0), ("d", 20.0), ("e", 1.0)]),
            (2, &[("a", 90.0), ("c", 30.0), ("e", 1.0)]),
            (5, &[("a", 90.0), ("c", 30.0), ("d", 20.0), ("e", 1.0)]),
            (11, &[("a", 90.0), ("c", 30.0), ("d", 20.0), ("e", 1.0)]),
            (12, &[("a", 90.0), ("c", 30.0), ("d", 20.0), ("e", 1.0)]),
            (13, &[]),
        ];
        for (second, rows) in steps {
            text += &format!("{second:>2} {}\n", at(&mut order, second, rows));
        }
        insta::assert_snapshot!(text, @"
         0 b d
         1 a b c d e
         2 a (b) c (d) e
         5 a (b) c d e
        11 a (b) c d e
        12 a c d e
        13 (a) (c) (d) (e)
        ");
    }

    #[test]
    fn another_column_is_sorted_at_once() {
        let mut order = CalmOrder::default();
        at(&mut order, 0, &[("a", 30.0), ("b", 20.0)]);
        let text = |value: &str| Rank { class: 0, value: Value::Text(value.to_owned()) };
        let missing = Rank { class: 0, value: Value::Missing };
        let rows = BTreeMap::from([("a", text("zoo")), ("b", text("ape")), ("c", missing)]);
        order.key_pressed(Millis(1_000));
        order.sort_anew(Direction::Usual);
        order.arrange(Millis(1_000), &rows);
        assert_eq!(shown(&order), "b a c");
        order.sort_anew(Direction::Reversed);
        order.arrange(Millis(1_001), &rows);
        assert_eq!(shown(&order), "a b c");
    }

    proptest! {
        #[test]
        fn each_row_stands_once_and_clear_differences_are_in_order(
            steps in prop::collection::vec(
                prop::collection::btree_map(0_u8..20, 0_u32..1_000, 0..20), 1..12,
            ),
        ) {
            let mut order = CalmOrder::default();
            for (at, step) in (0_u64..).zip(&steps) {
                let rank = |it: &u32| Rank { class: 0, value: Value::Number(f64::from(*it)) };
                let name = |key: &u8| format!("row-{key:02}");
                let current = step.iter().map(|(key, it)| (name(key), rank(it))).collect();
                let rows = order.arrange(Millis(at * 10_000), &current);
                let keys: BTreeSet<&String> = rows.iter().map(|it| &it.key).collect();
                prop_assert_eq!(keys.len(), rows.len());
                let here: BTreeSet<String> =
                    rows.iter().filter(|it| !it.is_gone()).map(|it| it.key.clone()).collect();
                prop_assert!(here.into_iter().eq(step.keys().map(name)));
            }
            // Undisturbed, it comes to rest with no neighbour clearly out of place.
            for at in 0..40 {
                order.settle();
                let is_at_rest = (1..order.rows.len()).all(|it| !order.must_swap(it - 1));
                if is_at_rest {
                    break;
                }
                prop_assert!(at < 39);
            }
        }
    }

    #[test]
    fn equals_stand_as_people_count() {
        let mut names = ["a-10", "a-9", "a-09", "b", "a", "a-9-x", "10", "9", ""];
        names.sort_by(|a, b| natural(a, b));
        assert_eq!(names, ["", "9", "10", "a", "a-09", "a-9", "a-9-x", "a-10", "b"]);
    }

    proptest! {
        #[test]
        fn the_natural_order_is_one(
            a in "[a0-9-]{0,6}",
            b in "[a0-9-]{0,6}",
            c in "[a0-9-]{0,6}",
        ) {
            prop_assert_eq!(natural(&a, &b), natural(&b, &a).reverse());
            prop_assert_eq!(natural(&a, &b).is_eq(), a == b);
            if natural(&a, &b).is_le() && natural(&b, &c).is_le() {
                prop_assert!(natural(&a, &c).is_le(), "{} {} {}", a, b, c);
            }
        }
    }
}
