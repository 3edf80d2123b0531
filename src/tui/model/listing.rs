//! A list of subjects on a screen: what is shown of it in which order, and where the user is.

use std::collections::BTreeMap;

use kt_protocol::types::Millis;

use super::checks::Level;
use super::checks::hold::Rise;
use super::checks::rounds::Told;
use super::filter::Filter;
use super::held::HeldLevels;
use super::order::{CalmOrder, Direction, Rank};
use super::rows::{Rows, Step};

/// A line of a list: plain values of one subject.
pub(crate) trait Line {
    /// What the list can be sorted by, in the order of columns. The first one is how it is sorted
    /// at the start; the others are heads of columns.
    const SORTS: &'static [&'static str];

    /// The subject, which the cursor belongs to.
    fn key(&self) -> &str;

    fn level(&self) -> Level;

    /// What to show instead of what was found, where levels are held still.
    fn set_level(&mut self, _level: Level) {}

    /// Whether bad news waits for a second round of answers.
    const RISE: Rise = Rise::Held;

    /// Where it stands, sorted by that entry of `SORTS`.
    fn rank(&self, sort: usize) -> Rank;

    /// The entry of `SORTS` that a head of a column stands for.
    fn sort_of(head: &str) -> &str {
        before_comma(head)
    }

    /// What a filter looks at.
    fn words(&self) -> Vec<&str> {
        vec![self.key()]
    }

    /// Kafka's own, which are hidden until asked for.
    fn is_internal(&self) -> bool {
        false
    }
}

/// A chart beside the numbers it is of is sorted by them: `lag, last 30m`.
pub(crate) fn before_comma(head: &str) -> &str {
    head.split_once(", ").map_or(head, |it| it.0)
}

/// What of a list is shown.
#[derive(Clone, Debug, Default)]
pub(crate) struct Showing {
    pub(crate) filter: Option<Filter>,
    pub(crate) only_faults: bool,
    pub(crate) with_internal: bool,
    /// All columns, scrolled by so many; `None` shows those that fit.
    pub(crate) wide: Option<usize>,
}

/// A list, and where the user is in it.
#[derive(Debug)]
pub(crate) struct Listing<L> {
    lines: BTreeMap<String, L>,
    order: CalmOrder<String>,
    held: HeldLevels,
    /// Names of what is shown, in order.
    names: Vec<String>,
    pub(crate) rows: Rows,
    pub(crate) showing: Showing,
    sort: usize,
    direction: Direction,
    /// The first line in sight and how many fit, as they were drawn last.
    seen: (usize, usize),
    /// When lines or a key came last.
    touched: Millis,
}

impl<L> Default for Listing<L> {
    fn default() -> Listing<L> {
        Listing {
            lines: BTreeMap::new(),
            order: CalmOrder::default(),
            held: HeldLevels::default(),
            names: Vec::new(),
            rows: Rows::default(),
            showing: Showing::default(),
            sort: 0,
            direction: Direction::Usual,
            seen: (0, 0),
            touched: Millis(0),
        }
    }
}

impl<L: Line> Listing<L> {
    /// Takes the lines there are now. Those that vanished stay for a while.
    pub(crate) fn take(&mut self, now: Millis, lines: impl IntoIterator<Item = L>) {
        self.touched = now;
        let current: BTreeMap<String, L> =
            lines.into_iter().map(|it| (it.key().to_owned(), it)).collect();
        let mut before = std::mem::replace(&mut self.lines, current);
        for row in self.order.arrange(now, &self.lines, |it| it.rank(self.sort)) {
            if row.is_gone()
                && let Some(line) = before.remove(&row.key)
            {
                self.lines.insert(row.key.clone(), line);
            }
        }
        self.rows.keep_marks(|it| self.lines.contains_key(it));
        self.show();
    }

    /// The same, with levels that hold still: the lines are made of what was `told`.
    pub(crate) fn take_told(&mut self, now: Millis, told: Option<Told>, lines: Vec<L>) {
        let lines = self.held.hold(now, told, lines);
        self.take(now, lines);
    }

    /// Another subject: nothing of what was shown belongs to it.
    pub(crate) fn clear(&mut self) {
        let (showing, sort, direction) =
            (std::mem::take(&mut self.showing), self.sort, self.direction);
        *self = Listing { sort, direction, ..Listing::default() };
        self.showing.wide = showing.wide;
        self.order.sort_anew(direction);
    }

    fn show(&mut self) {
        self.rows.note(&self.names);
        let rows = self.order.rows().iter();
        let shown = rows
            .filter(|row| self.lines.get(&row.key).is_some_and(|line| self.showing.shows(line)));
        self.names = shown.map(|it| it.key.clone()).collect();
    }

    /// Sorts what is there by something else, whatever the time.
    fn sort_now(&mut self) {
        self.order.sort_anew(self.direction);
        let gone: Vec<String> =
            self.order.rows().iter().filter(|it| it.is_gone()).map(|it| it.key.clone()).collect();
        let here = self.lines.iter().filter(|(name, _)| !gone.contains(name));
        let here = here.map(|(name, it)| (name.clone(), it)).collect();
        self.order.arrange(self.touched, &here, |it: &&L| it.rank(self.sort));
        self.show();
    }

    /// What is shown, in order; what has vanished is among it for a while.
    pub(crate) fn shown(&self) -> impl ExactSizeIterator<Item = &L> {
        self.names.iter().map(|name| &self.lines[name])
    }

    /// Subjects that vanished and only stay for a while.
    pub(crate) fn gone(&self) -> Vec<&str> {
        let gone = self.order.rows().iter().filter(|it| it.is_gone());
        gone.map(|it| it.key.as_str()).collect()
    }

    /// The line under the cursor.
    pub(crate) fn line(&self) -> Option<&L> {
        self.lines.get(self.rows.subject(&self.names)?)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&L> {
        self.lines.get(name)
    }

    /// All lines, those that are not shown too.
    pub(crate) fn all(&self) -> impl ExactSizeIterator<Item = &L> {
        self.lines.values()
    }

    /// What it is sorted by, as the title says it.
    pub(crate) fn sort(&self) -> &'static str {
        L::SORTS.get(self.sort).copied().unwrap_or_default()
    }

    pub(crate) fn is_reversed(&self) -> bool {
        self.direction == Direction::Reversed
    }
}

impl Showing {
    fn shows(&self, line: &impl Line) -> bool {
        (self.with_internal || !line.is_internal())
            && (!self.only_faults || Level::Ok < line.level())
            && self.filter.as_ref().is_none_or(|it| it.shows(&line.words()))
    }
}

/// What keys do to any list.
pub(crate) trait List {
    fn names(&self) -> &[String];
    fn subject(&self) -> Option<&str>;
    fn cursor(&self) -> Option<usize>;
    fn go(&mut self, step: Step);
    fn seek(&mut self, name: &str);
    fn mark(&mut self);
    fn mark_all(&mut self);
    fn clear_marks(&mut self) -> bool;
    fn marked(&self) -> Vec<String>;
    fn sort_by_next(&mut self);
    fn reverse(&mut self);
    fn showing(&self) -> &Showing;
    /// Puts the cursor on a subject, and shows it whatever hid it: the filter goes, and so does
    /// what hides Kafka's own, if it is one of them.
    fn uncover(&mut self, name: Option<&str>, only_faults: bool) {
        self.show_only(&mut |it| (it.filter, it.only_faults) = (None, only_faults));
        if let Some(name) = name {
            self.seek(name);
        }
    }
    /// Changes what is shown.
    fn show_only(&mut self, change: &mut dyn FnMut(&mut Showing));
    fn key_pressed(&mut self, now: Millis);
    /// A key is about the row under the cursor: from now on the cursor is on that subject.
    fn adopt(&mut self) {}
    /// How many there are, hidden ones too.
    fn count(&self) -> usize;
    /// The first line in sight and how many lines fit, when it was drawn last.
    fn seen(&self) -> (usize, usize);
    fn set_seen(&mut self, first: usize, height: usize);
    /// Sorts by the column with this head; another time reverses it. Whether there is one.
    fn sort_by(&mut self, head: &str) -> bool;
}

impl<L: Line> List for Listing<L> {
    fn names(&self) -> &[String] {
        &self.names
    }

    fn subject(&self) -> Option<&str> {
        self.rows.subject(&self.names)
    }

    fn cursor(&self) -> Option<usize> {
        self.rows.line(&self.names)
    }

    fn go(&mut self, step: Step) {
        self.rows.go(&self.names, step);
    }

    fn seek(&mut self, name: &str) {
        self.rows.seek(name);
    }

    fn mark(&mut self) {
        self.rows.mark(&self.names);
    }

    fn mark_all(&mut self) {
        self.rows.mark_all(&self.names);
    }

    fn clear_marks(&mut self) -> bool {
        self.rows.clear_marks()
    }

    fn marked(&self) -> Vec<String> {
        self.rows.marked(&self.names).into_iter().map(str::to_owned).collect()
    }

    fn sort_by_next(&mut self) {
        self.sort = (self.sort + 1) % L::SORTS.len().max(1);
        self.direction = Direction::Usual;
        self.sort_now();
    }

    fn reverse(&mut self) {
        self.direction = match self.direction {
            Direction::Usual => Direction::Reversed,
            Direction::Reversed => Direction::Usual,
        };
        self.sort_now();
    }

    fn showing(&self) -> &Showing {
        &self.showing
    }

    fn uncover(&mut self, name: Option<&str>, only_faults: bool) {
        self.showing.filter = None;
        self.showing.only_faults = only_faults;
        let line = name.and_then(|it| self.lines.get(it));
        self.showing.with_internal |= line.is_some_and(Line::is_internal);
        if let Some(name) = name {
            self.rows.seek(name);
        }
        self.show();
    }

    fn show_only(&mut self, change: &mut dyn FnMut(&mut Showing)) {
        change(&mut self.showing);
        self.show();
    }

    fn key_pressed(&mut self, now: Millis) {
        self.touched = now;
        self.order.key_pressed(now);
    }

    fn adopt(&mut self) {
        self.rows.adopt(&self.names);
    }

    fn count(&self) -> usize {
        let shown =
            self.lines.values().filter(|it| self.showing.with_internal || !it.is_internal());
        shown.count()
    }

    fn seen(&self) -> (usize, usize) {
        self.seen
    }

    fn set_seen(&mut self, first: usize, height: usize) {
        self.seen = (first, height);
    }

    fn sort_by(&mut self, head: &str) -> bool {
        let of_head = L::sort_of(head);
        let Some(sort) = L::SORTS.iter().position(|it| *it == of_head) else { return false };
        if sort == self.sort {
            self.reverse();
            return true;
        }
        self.sort = sort;
        self.direction = Direction::Usual;
        self.sort_now();
        true
    }
}
