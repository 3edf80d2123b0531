//! How many records are due by when: a steady rate with a mild wave, and bursts on top.

use std::f64::consts::TAU;
use std::time::Duration;

/// So many at most at once, whatever has become due: a machine that slept does not make up for it.
const AT_ONCE_MAX: u64 = 2_000;

/// How long a wave is.
const WAVE: Duration = Duration::from_secs(90);

/// The share of the rate by which a wave rises and falls.
const WAVE_HEIGHT: f64 = 0.25;

/// Records a second, over time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rate {
    pub(super) per_s: f64,
    pub(super) bursts: Option<Bursts>,
}

/// Many records within a short time, again and again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bursts {
    pub(super) records: f64,
    pub(super) first: Duration,
    pub(super) every: Duration,
    pub(super) lasting: Duration,
}

impl Rate {
    /// Without bursts.
    pub(super) const fn steady(per_s: f64) -> Rate {
        Rate { per_s, bursts: None }
    }

    /// Records due in so long from the start.
    fn due(&self, elapsed: Duration) -> u64 {
        let turn = TAU / WAVE.as_secs_f64();
        let seconds = elapsed.as_secs_f64();
        // The integral of per_s × (1 + height × sin(turn × t)).
        let wave = WAVE_HEIGHT / turn * (1.0 - (turn * seconds).cos());
        let burst = self.bursts.map_or(0.0, |it| it.due(elapsed));
        (self.per_s * (seconds + wave) + burst) as u64
    }
}

impl Bursts {
    fn due(&self, elapsed: Duration) -> f64 {
        let Some(since_first) = elapsed.checked_sub(self.first) else { return 0.0 };
        let rounds = since_first.as_secs_f64() / self.every.as_secs_f64();
        let in_round = since_first.as_secs_f64() - rounds.floor() * self.every.as_secs_f64();
        let share = (in_round / self.lasting.as_secs_f64()).min(1.0);
        self.records * (rounds.floor() + share)
    }
}

/// A rate, and how far its records were taken.
#[derive(Debug)]
pub(super) struct Pace {
    rate: Rate,
    taken: u64,
}

impl Pace {
    pub(super) fn new(rate: Rate) -> Pace {
        Pace { rate, taken: 0 }
    }

    /// How many are due now that were not before. `elapsed` is since the start.
    pub(super) fn take(&mut self, elapsed: Duration) -> u64 {
        let due = self.rate.due(elapsed);
        let count = due.saturating_sub(self.taken).min(AT_ONCE_MAX);
        self.taken = self.taken.max(due);
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken_in_each(seconds: u64, step: u64, rate: Rate) -> Vec<u64> {
        let mut pace = Pace::new(rate);
        (1..=seconds / step).map(|it| pace.take(Duration::from_secs(it * step))).collect()
    }

    #[test]
    fn a_steady_rate_rises_and_falls_a_little_and_is_kept_over_a_wave() {
        let taken = taken_in_each(90, 10, Rate::steady(100.0));
        assert_eq!(taken, [1083, 1212, 1242, 1157, 1000, 843, 758, 788, 917]);
        assert!(taken.iter().sum::<u64>().abs_diff(9_000) <= 9);
    }

    #[test]
    fn bursts_come_on_top_and_end() {
        let bursts = Bursts {
            records: 300.0,
            first: Duration::from_secs(5),
            every: Duration::from_secs(10),
            lasting: Duration::from_secs(2),
        };
        let taken = taken_in_each(18, 1, Rate { per_s: 0.0, bursts: Some(bursts) });
        assert_eq!(taken, [0, 0, 0, 0, 0, 150, 150, 0, 0, 0, 0, 0, 0, 0, 0, 150, 150, 0]);
    }

    #[test]
    fn what_was_slept_over_is_not_made_up_for() {
        let mut pace = Pace::new(Rate::steady(100.0));
        assert_eq!(pace.take(Duration::from_secs(3_600)), AT_ONCE_MAX);
        assert!(pace.take(Duration::from_secs(3_601)) < 150);
    }
}
