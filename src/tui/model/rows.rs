//! The cursor of a list: it belongs to a subject, not to a line.

use std::collections::BTreeSet;

/// Where the user is in a list of subjects, and what is marked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rows {
    /// The name of the subject under the cursor.
    cursor: Option<String>,
    /// Where it was, for when the subject goes.
    at: usize,
    marked: BTreeSet<String>,
}

/// How far the cursor goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// So many lines down; up if negative.
    By(isize),
    First,
    Last,
}

impl Rows {
    /// The line of the cursor among the `names` shown now: where its subject is, else where it was.
    pub(crate) fn line(&self, names: &[String]) -> Option<usize> {
        let last = names.len().checked_sub(1)?;
        let found = self.cursor.as_ref().and_then(|it| names.iter().position(|name| name == it));
        Some(found.unwrap_or(self.at).min(last))
    }

    /// The subject that the cursor was put on, whether it is shown or not.
    pub(crate) fn held(&self) -> Option<&str> {
        self.cursor.as_deref()
    }

    /// Takes note of where its subject stands among `names`: there the cursor stays when that goes.
    pub(crate) fn note(&mut self, names: &[String]) {
        let found = self.cursor.as_ref().and_then(|it| names.iter().position(|name| name == it));
        self.at = found.unwrap_or(self.at);
    }

    /// Puts the cursor on what is seen under it, where that is not the subject it was put on: what
    /// the user does now is about that, wherever it goes.
    pub(crate) fn adopt(&mut self, names: &[String]) {
        self.go(names, Step::By(0));
    }

    /// Moves within the `names` shown now.
    pub(crate) fn go(&mut self, names: &[String], step: Step) {
        let Some(line) = self.line(names) else { return };
        let last = names.len() - 1;
        let to = match step {
            Step::By(by) => line.saturating_add_signed(by).min(last),
            Step::First => 0,
            Step::Last => last,
        };
        self.at = to;
        self.cursor = Some(names[to].clone());
    }

    /// Puts the cursor on a subject, wherever it will stand.
    pub(crate) fn seek(&mut self, name: &str) {
        self.cursor = Some(name.to_owned());
    }

    /// The subject under the cursor.
    pub(crate) fn subject<'a>(&self, names: &'a [String]) -> Option<&'a str> {
        self.line(names).map(|it| names[it].as_str())
    }

    /// Marks the subject under the cursor, or takes its mark away, and goes on.
    pub(crate) fn mark(&mut self, names: &[String]) {
        let Some(name) = self.subject(names).map(str::to_owned) else { return };
        if !self.marked.remove(&name) {
            self.marked.insert(name);
        }
        self.go(names, Step::By(1));
    }

    /// Marks all that are shown; takes the marks away if all are.
    pub(crate) fn mark_all(&mut self, names: &[String]) {
        if names.iter().all(|it| self.marked.contains(it)) {
            self.marked.clear();
        } else {
            self.marked.extend(names.iter().cloned());
        }
    }

    pub(crate) fn is_marked(&self, name: &str) -> bool {
        self.marked.contains(name)
    }

    /// The marked ones, of those that are still there.
    pub(crate) fn marked<'a>(&self, names: &'a [String]) -> Vec<&'a str> {
        names.iter().filter(|it| self.marked.contains(*it)).map(String::as_str).collect()
    }

    /// What is gone is marked no more: a namesake that comes later is another.
    pub(crate) fn keep_marks(&mut self, is_there: impl Fn(&str) -> bool) {
        self.marked.retain(|it| is_there(it));
    }

    /// Takes all marks away; whether there were any.
    pub(crate) fn clear_marks(&mut self) -> bool {
        !std::mem::take(&mut self.marked).is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn the_cursor_follows_its_subject_and_stays_where_that_was() {
        let mut rows = Rows::default();
        assert_eq!(rows.line(&[]), None);
        rows.go(&names("a b c d"), Step::By(2));
        assert_eq!(rows.subject(&names("a b c d")), Some("c"));
        assert_eq!(rows.subject(&names("c a b d")), Some("c"));
        assert_eq!(rows.line(&names("a b d e")), Some(2));
        assert_eq!(rows.subject(&names("a")), Some("a"));
        assert_eq!(rows.subject(&names("x y z c")), Some("c"));
    }

    #[test]
    fn where_the_subject_went_is_where_the_cursor_stays() {
        let mut rows = Rows::default();
        rows.go(&names("a b c d e f"), Step::By(5));
        // It rises to the top, and goes.
        rows.note(&names("f a b c d e"));
        assert_eq!(rows.subject(&names("a b c d e")), Some("a"));
        rows.seek("d");
        rows.note(&names("a b c d e"));
        assert_eq!(rows.subject(&names("a b c e")), Some("e"));
    }

    #[test]
    fn a_key_holds_what_is_seen_under_the_cursor() {
        let mut rows = Rows::default();
        rows.adopt(&names("a b c"));
        assert_eq!(rows.subject(&names("x a b c")), Some("a"));
        // It has gone: what stands there now is what the next key is about.
        assert_eq!(rows.subject(&names("x b c")), Some("x"));
        rows.adopt(&names("x b c"));
        assert_eq!(rows.subject(&names("a b c x")), Some("x"));
        rows.adopt(&[]);
        assert_eq!(rows.held(), Some("x"));
    }

    #[test]
    fn steps_end_at_the_ends() {
        let mut rows = Rows::default();
        let all = names("a b c");
        for (step, expected) in [
            (Step::By(-3), "a"),
            (Step::By(isize::MAX), "c"),
            (Step::By(isize::MIN), "a"),
            (Step::Last, "c"),
            (Step::First, "a"),
        ] {
            rows.go(&all, step);
            assert_eq!(rows.subject(&all), Some(expected), "{step:?}");
        }
    }

    #[test]
    fn marks_belong_to_subjects_too() {
        let mut rows = Rows::default();
        let all = names("a b c");
        rows.mark(&all);
        rows.mark(&all);
        assert_eq!(rows.marked(&names("c b a")), ["b", "a"]);
        rows.mark_all(&all);
        assert_eq!(rows.marked(&all), ["a", "b", "c"]);
        rows.mark_all(&all);
        assert!(rows.marked(&all).is_empty() && !rows.clear_marks());
    }
}
