//! Rounds of answers: each counts once, however often it is looked at.

use kt_protocol::types::Millis;

/// When the answers came that something is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    /// The newest of them.
    pub(crate) at: Millis,
    /// For so long, in ms, answers are of one round.
    pub(crate) round_ms: u64,
}

/// What a look finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Round {
    /// Answers come one after the other at first: until all are there, each look counts.
    First,
    /// It was not looked at before.
    New,
    /// The same as the last time.
    Same,
}

/// The rounds that were looked at.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rounds {
    /// When the first answer came, and the last one that counted.
    first: Option<Millis>,
    counted: Option<Millis>,
}

/// The first round may take so long, in ms.
const FIRST_MS: u64 = 10_000;

impl Rounds {
    /// One look at what was `told`; each is of a round of its own where nobody says.
    pub(crate) fn look(&mut self, now: Millis, told: Option<Told>) -> Round {
        let Told { at, round_ms } = told.unwrap_or(Told { at: now, round_ms: 0 });
        let is_first = at - *self.first.get_or_insert(at) < FIRST_MS;
        if !is_first && self.counted.is_some_and(|it| at <= it + round_ms) {
            return Round::Same;
        }
        self.counted = Some(at);
        if is_first { Round::First } else { Round::New }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_round_counts_once_behind_the_first() {
        let mut rounds = Rounds::default();
        let mut look = |now: u64, at: u64| {
            let told = Told { at: Millis(at), round_ms: 5_000 };
            rounds.look(Millis(now), Some(told))
        };
        assert_eq!([look(0, 0), look(1_000, 40), look(9_000, 8_999)], [Round::First; 3]);
        assert_eq!([look(11_000, 10_000), look(14_100, 14_050)], [Round::Same, Round::New]);
        // The others of the round come, and then nothing.
        assert_eq!([look(15_100, 14_090), look(23_000, 14_090)], [Round::Same; 2]);
        assert_eq!(look(24_100, 24_050), Round::New);
    }

    #[test]
    fn where_nobody_says_each_look_counts() {
        let mut rounds = Rounds::default();
        assert_eq!(rounds.look(Millis(0), None), Round::First);
        for now in [10_000, 11_000, 12_000] {
            assert_eq!(rounds.look(Millis(now), None), Round::New);
        }
    }
}
