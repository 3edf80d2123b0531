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
/// A row may rise so far on the average; beyond that most are out of place.
const RISES: usize = 16;
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

    /// Takes the rows there are, and puts them in order: `rank` says what each is sorted by.
    pub(crate) fn arrange<L>(
        &mut self,
        now: Millis,
        current: &BTreeMap<K, L>,
        rank: impl Fn(&L) -> Rank,
    ) -> &[Row<K>] {
        self.update(now, current, &rank);
        match self.sorted {
            None => {
                self.sort();
                self.sorted = Some(now);
            }
            Some(at) if RECOMPUTE_MS <= now - at && !self.is_busy(now) => {
                self.settle();
                self.sorted = Some(now);
            }
            Some(_) => {}
        }
        self.enter(current, &rank);
        &self.rows
    }

    pub(crate) fn rows(&self) -> &[Row<K>] {
        &self.rows
    }

    fn is_busy(&self, now: Millis) -> bool {
        self.key_pressed.is_some_and(|at| now - at < AFTER_KEY_MS)
    }

    /// Known rows get their new ranks; those that vanished keep the last one until they go.
    fn update<L>(&mut self, now: Millis, current: &BTreeMap<K, L>, rank: &impl Fn(&L) -> Rank) {
        for row in &mut self.rows {
            match current.get(&row.key) {
                Some(line) => (row.rank, row.gone) = (rank(line), None),
                None => row.gone = row.gone.or(Some(now)),
            }
        }
        self.rows.retain(|it| it.gone.is_none_or(|at| now - at < GONE_MS));
    }

    /// New rows go before the first one that they should stand before.
    fn enter<L>(&mut self, current: &BTreeMap<K, L>, rank: &impl Fn(&L) -> Rank) {
        // Mostly there is none, and each second all rows are looked at.
        if self.rows.iter().filter(|it| !it.is_gone()).count() == current.len() {
            return;
        }
        let known: BTreeSet<&K> = self.rows.iter().map(|it| &it.key).collect();
        let new = current.iter().filter(|it| !known.contains(it.0));
        let new = new.map(|(key, line)| Row { key: key.clone(), rank: rank(line), gone: None });
        let mut new: Vec<Row<K>> = new.collect();
        let direction = self.direction;
        new.sort_by(|a, b| strictly((a, b), direction));
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

    /// Lets each row rise past neighbours that it clearly outranks. Where most rows are out of
    /// place there is no calm to keep, as when names have stood there until rates came: then all
    /// is sorted. Returns how many pairs were compared.
    fn settle(&mut self) -> usize {
        let mut compared = 0;
        let most = self.rows.len().saturating_mul(RISES);
        for at in 1..self.rows.len() {
            let mut here = at;
            while 0 < here {
                compared += 1;
                if !self.must_swap(here - 1) {
                    break;
                }
                self.rows.swap(here - 1, here);
                here -= 1;
            }
            if most < compared {
                return compared + self.sort();
            }
        }
        compared
    }

    /// Sorts without calm. Returns how many pairs were compared.
    fn sort(&mut self) -> usize {
        let (mut compared, direction) = (0, self.direction);
        self.rows.sort_by(|a, b| {
            compared += 1;
            strictly((a, b), direction)
        });
        compared
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
mod tests;
