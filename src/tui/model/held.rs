//! Levels of rows that hold still, as those of checks do: what comes and goes does not flicker, and
//! a row says what its check says.

use std::collections::{BTreeMap, BTreeSet};

use kt_protocol::types::Millis;

use super::checks::Level;
use super::checks::hold::Hold;
use super::checks::rounds::{Round, Rounds, Told};
use super::listing::Line;

/// The levels that a list shows, by subject.
#[derive(Debug, Default)]
pub(crate) struct HeldLevels {
    of: BTreeMap<String, Hold>,
    rounds: Rounds,
    looked: Option<Millis>,
}

/// A list that nobody looked at for so long begins anew, in ms: who comes back wants to know now.
const LOOKS_MS: u64 = 10_000;

impl HeldLevels {
    /// The lines with the levels to show; they are made of what was `told`.
    pub(crate) fn hold<L: Line>(
        &mut self,
        now: Millis,
        told: Option<Told>,
        mut lines: Vec<L>,
    ) -> Vec<L> {
        if self.looked.is_none_or(|it| LOOKS_MS < now - it) {
            *self = HeldLevels::default();
        }
        self.looked = Some(now);
        let round = self.rounds.look(now, told);
        match round {
            Round::First => self.of.clear(),
            Round::New => self.forget_others(&lines),
            Round::Same => {}
        }
        for line in &mut lines {
            let found = line.level();
            let shown = match self.of.get_mut(line.key()) {
                Some(hold) => held::<L>(hold, found, round),
                None => {
                    let mut hold = Hold::default();
                    let shown = hold.observe(found, L::RISE);
                    self.of.insert(line.key().to_owned(), hold);
                    shown
                }
            };
            if shown != found {
                line.set_level(shown);
            }
        }
        lines
    }

    fn forget_others<L: Line>(&mut self, lines: &[L]) {
        let here: BTreeSet<&str> = lines.iter().map(Line::key).collect();
        self.of.retain(|key, _| here.contains(key.as_str()));
    }
}

fn held<L: Line>(hold: &mut Hold, found: Level, round: Round) -> Level {
    // Silence has its own rule, and so has its end.
    let counts = round != Round::Same || [found, hold.level()].contains(&Level::Unknown);
    if counts { hold.observe(found, L::RISE) } else { hold.level() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::model::order::{Rank, Value};

    struct Row(&'static str, Level);

    impl Line for Row {
        const SORTS: &'static [&'static str] = &["name"];

        fn key(&self) -> &str {
            self.0
        }

        fn level(&self) -> Level {
            self.1
        }

        fn set_level(&mut self, level: Level) {
            self.1 = level;
        }

        fn rank(&self, _sort: usize) -> Rank {
            Rank { class: 0, value: Value::Missing }
        }
    }

    /// The level that a row shows after each second, found as the letters say; rounds are of 5 s.
    fn shown(found: &str) -> String {
        let mut held = HeldLevels::default();
        let letters =
            [('o', Level::Ok), ('?', Level::Unknown), ('w', Level::Warn), ('b', Level::Bad)];
        let look = |(second, letter): (u64, char)| {
            let told = Told { at: Millis(second / 5 * 5_000), round_ms: 0 };
            let found = letters.iter().find(|it| it.0 == letter).unwrap().1;
            let rows = held.hold(Millis(second * 1_000), Some(told), vec![Row("orders", found)]);
            letters.iter().find(|it| it.1 == rows[0].1).unwrap().0
        };
        (0..).zip(found.chars()).map(look).collect()
    }

    #[test]
    fn one_round_marks_nothing_and_two_do() {
        assert_eq!(shown("oooooooooowwwwwooooo"), "oooooooooooooooooooo");
        assert_eq!(shown("oooooooooowwwwwwwwww"), "ooooooooooooooowwwww");
        // Three to fall.
        let falls = "b".repeat(15) + &"o".repeat(15);
        assert_eq!(shown(&falls), "b".repeat(25) + "ooooo");
    }

    #[test]
    fn who_begins_to_look_sees_what_is() {
        assert_eq!(shown("owowowo"), "owowowo", "while answers come one after the other");
        let mut held = HeldLevels::default();
        let mut at = |ms: u64, level| {
            let told = Told { at: Millis(ms), round_ms: 0 };
            held.hold(Millis(ms), Some(told), vec![Row("orders", level)])[0].1
        };
        assert_eq!(at(0, Level::Ok), Level::Ok);
        assert_eq!(at(600_000, Level::Bad), Level::Bad);
    }

    #[test]
    fn silence_is_marked_after_two_looks_and_its_end_at_once() {
        assert_eq!(shown("oooooooooooo??oooo"), "ooooooooooooo?oooo");
        assert_eq!(shown("bbbbbbbbbbbb???bbb"), "bbbbbbbbbbbbbbbbbb");
    }
}
