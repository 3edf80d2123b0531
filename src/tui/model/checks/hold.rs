//! Levels that hold still: 2 evaluations to rise, 3 to fall.

use super::Level;

/// Whether bad news waits for a second evaluation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rise {
    Held,
    AtOnce,
}

/// The level that is shown of one thing.
///
/// What is not known counts for neither: the last level stays, and after two evaluations its mark
/// says so, unless it was bad.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hold {
    /// What was last found, the newest first; not known is not among them.
    recent: [Option<Level>; 3],
    shown: Option<Level>,
    unknown: u8,
}

const UNKNOWN_AFTER: u8 = 2;

impl Hold {
    /// Takes what an evaluation found, and says what to show.
    pub(crate) fn observe(&mut self, found: Level, rise: Rise) -> Level {
        if found == Level::Unknown {
            self.unknown = self.unknown.saturating_add(1);
            return self.level();
        }
        self.unknown = 0;
        self.recent = [Some(found), self.recent[0], self.recent[1]];
        let shown = match self.shown {
            // Who opens the dashboard wants to know now.
            None => found,
            Some(shown) => self.risen(shown, rise).or(self.fallen(shown)).unwrap_or(shown),
        };
        self.shown = Some(shown);
        self.level()
    }

    /// What to show.
    pub(crate) fn level(&self) -> Level {
        match self.shown {
            None => Level::Unknown,
            Some(Level::Bad) => Level::Bad,
            Some(_) if UNKNOWN_AFTER <= self.unknown => Level::Unknown,
            Some(shown) => shown,
        }
    }

    fn risen(&self, shown: Level, rise: Rise) -> Option<Level> {
        let [newest, before, _] = self.recent;
        let held = match rise {
            Rise::AtOnce => newest,
            Rise::Held => newest.min(before),
        };
        held.filter(|it| shown < *it)
    }

    fn fallen(&self, shown: Level) -> Option<Level> {
        let all = self.recent.iter().all(|it| it.is_some_and(|it| it < shown));
        if all { self.recent.iter().copied().max().flatten() } else { None }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn letters(text: &str, rise: Rise) -> String {
        let mut hold = Hold::default();
        let level = |it| match it {
            'o' => Level::Ok,
            'w' => Level::Warn,
            'b' => Level::Bad,
            _ => Level::Unknown,
        };
        let letter = |it| match it {
            Level::Ok => 'o',
            Level::Warn => 'w',
            Level::Bad => 'b',
            Level::Unknown => '?',
        };
        text.chars().map(|it| letter(hold.observe(level(it), rise))).collect()
    }

    #[test]
    fn two_to_rise_and_three_to_fall() {
        let held = |text| letters(text, Rise::Held);
        assert_eq!(held("obobobob"), "oooooooo");
        assert_eq!(held("obbooboo"), "oobbbbbb");
        assert_eq!(held("obbbooo"), "oobbbbo");
        assert_eq!(held("owbbwowo"), "oowbbbww");
        assert_eq!(held("b"), "b");
    }

    #[test]
    fn a_lost_broker_rises_at_once_and_falls_like_others() {
        assert_eq!(letters("obooo", Rise::AtOnce), "obbbo");
    }

    #[test]
    fn not_known_is_marked_after_two_and_a_bad_mark_stays() {
        let held = |text| letters(text, Rise::Held);
        assert_eq!(held("??o"), "??o");
        assert_eq!(held("o???o"), "oo??o");
        assert_eq!(held("b????"), "bbbbb");
        assert_eq!(held("o??bb"), "oo?ob");
    }

    proptest! {
        #[test]
        fn it_never_flaps_faster_than_its_rule(found in "[owb]{1,60}") {
            let shown: Vec<char> = letters(&found, Rise::Held).chars().collect();
            let found: Vec<char> = found.chars().collect();
            let rank = |it: char| "owb".find(it).unwrap();
            for at in 1..shown.len() {
                let (before, after) = (rank(shown[at - 1]), rank(shown[at]));
                if before < after {
                    prop_assert!(found[at - 1..=at].iter().all(|it| after <= rank(*it)));
                }
                if after < before {
                    prop_assert!(2 <= at && found[at - 2..=at].iter().all(|it| rank(*it) < before));
                }
            }
        }

        #[test]
        fn what_stays_is_shown(found in "[owb]{0,20}", last in "o|w|b") {
            let shown = letters(&(found + &last.repeat(3)), Rise::Held);
            prop_assert!(shown.ends_with(&last));
        }
    }
}
