//! How a group's commits of one partition move.

use kt_protocol::types::{Millis, Offset};
use serde::{Deserialize, Serialize};

use super::ends::GAP_MS;
use super::samples::Samples;
use super::{MEAN_MS, Rate};

/// Without a commit for so long, nothing is read.
const IDLE_MS: u64 = 60_000;
/// A group that was set back is told as such for so long, if it does not catch up earlier.
const REWOUND_MS: u64 = 30 * 60_000;

/// The commits of one partition that moved, at most 12.
///
/// Commits come in steps: only from step to step is their growth a rate. So samples that show no
/// movement are not kept.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct CommittedHistory {
    /// The first one is where we began to look; the others are commits.
    steps: Samples,
    /// Commits among the steps.
    commits: u8,
    seen_ms: u64,
    rewound: Option<Rewound>,
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
struct Rewound {
    /// The highest commit there was.
    from: i64,
    at_ms: u64,
}

impl CommittedHistory {
    /// Adds what a coordinator said.
    pub(crate) fn observe(&mut self, now: Millis, committed: Offset) {
        let Some((_, known)) = self.steps.newest() else {
            return self.begin(now, committed);
        };
        if now.0 < self.seen_ms {
            return;
        }
        let is_gap = self.seen_ms + GAP_MS < now.0;
        if committed.0 < known {
            let from = self.rewound.map_or(known, |it| it.from.max(known));
            self.rewound = Some(Rewound { from, at_ms: now.0 });
        }
        if self.rewound.is_some_and(|it| it.from <= committed.0) {
            self.rewound = None;
        }
        if is_gap || committed.0 < known {
            return self.begin(now, committed);
        }
        self.seen_ms = now.0;
        if known < committed.0 {
            self.steps.push(now, committed.0);
            self.commits = self.commits.saturating_add(1).min(self.steps.len() as u8);
        }
    }

    fn begin(&mut self, now: Millis, committed: Offset) {
        self.steps.clear();
        self.commits = 0;
        self.seen_ms = now.0;
        self.steps.push(now, committed.0);
    }

    /// Records a second: the mean of 30 s or of two commits, whichever is longer.
    pub(crate) fn rate(&self) -> Rate {
        let Some((last, committed)) = self.steps.newest() else { return Rate::NotYet };
        let idle = self.seen_ms - last.0.min(self.seen_ms);
        let mut commits = self.steps.newest_first().take(usize::from(self.commits)).skip(1);
        let mut base = None;
        for (steps, (at, earlier)) in (1_u64..).zip(&mut commits) {
            base = Some((steps, at, earlier));
            if MEAN_MS <= last - at {
                break;
            }
        }
        let Some((steps, at, earlier)) = base else {
            return if idle < IDLE_MS { Rate::NotYet } else { Rate::PerSecond(0.0) };
        };
        let interval = (last - at) / steps;
        if IDLE_MS.max(2 * interval) <= idle {
            return Rate::PerSecond(0.0);
        }
        // A commit that is overdue lowers the mean until it comes.
        let overdue = idle.saturating_sub(interval);
        Rate::between(earlier, committed, (last - at) + overdue)
    }

    /// For how long no commit moved, in ms, as far as we looked.
    pub(crate) fn unmoved_ms(&self) -> Option<u64> {
        self.steps.newest().map(|(at, _)| self.seen_ms.saturating_sub(at.0))
    }

    /// Whether it was set back and did not come to where it was since.
    pub(crate) fn is_rewound(&self, now: Millis) -> bool {
        self.rewound.is_some_and(|it| now.0 < it.at_ms + REWOUND_MS)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn transcript(samples: impl IntoIterator<Item = (u64, i64)>) -> String {
        let mut history = CommittedHistory::default();
        let mut text = String::new();
        for (second, committed) in samples {
            let now = Millis(second * 1_000);
            history.observe(now, Offset(committed));
            let rewound = if history.is_rewound(now) { " rewound" } else { "" };
            let rate =
                history.rate().per_second().map_or("…".to_owned(), |it| format!("{it:.1}"));
            let unmoved = history.unmoved_ms().unwrap_or_default() / 1_000;
            text +=
                &format!("{second:>4}s {committed:>5} {rate:>5}/s unmoved {unmoved}s{rewound}\n");
        }
        text
    }

    #[test]
    fn the_mean_spans_at_least_two_commits() {
        // A commit of 600 once a minute, looked at every 20 s: never 0, never 30.
        let steps = transcript((0..14).map(|n| (n * 20, (n as i64 / 3) * 600)));
        insta::assert_snapshot!(steps, @"
          0s     0     …/s unmoved 0s
         20s     0     …/s unmoved 20s
         40s     0     …/s unmoved 40s
         60s   600     …/s unmoved 0s
         80s   600     …/s unmoved 20s
        100s   600     …/s unmoved 40s
        120s  1200  10.0/s unmoved 0s
        140s  1200  10.0/s unmoved 20s
        160s  1200  10.0/s unmoved 40s
        180s  1800  10.0/s unmoved 0s
        200s  1800  10.0/s unmoved 20s
        220s  1800  10.0/s unmoved 40s
        240s  2400  10.0/s unmoved 0s
        260s  2400  10.0/s unmoved 20s
        ");
    }

    #[test]
    fn a_reader_that_stops_slows_down_and_reads_0() {
        let steps = (0..6).map(|n| (n * 10, n as i64 * 100)).chain((6..13).map(|n| (n * 10, 500)));
        insta::assert_snapshot!(transcript(steps), @"
          0s     0     …/s unmoved 0s
         10s   100     …/s unmoved 0s
         20s   200  10.0/s unmoved 0s
         30s   300  10.0/s unmoved 0s
         40s   400  10.0/s unmoved 0s
         50s   500  10.0/s unmoved 0s
         60s   500  10.0/s unmoved 10s
         70s   500   7.5/s unmoved 20s
         80s   500   6.0/s unmoved 30s
         90s   500   5.0/s unmoved 40s
        100s   500   4.3/s unmoved 50s
        110s   500   0.0/s unmoved 60s
        120s   500   0.0/s unmoved 70s
        ");
    }

    #[test]
    fn a_reset_is_no_rate_and_is_told_until_it_is_caught_up() {
        let steps = [(0, 900), (10, 1_000), (20, 1_100), (30, 100), (40, 700), (50, 1_200)];
        insta::assert_snapshot!(transcript(steps), @"
         0s   900     …/s unmoved 0s
        10s  1000     …/s unmoved 0s
        20s  1100  10.0/s unmoved 0s
        30s   100     …/s unmoved 0s rewound
        40s   700     …/s unmoved 0s rewound
        50s  1200  50.0/s unmoved 0s
        ");
        let mut history = CommittedHistory::default();
        history.observe(Millis(0), Offset(9));
        history.observe(Millis(10), Offset(3));
        assert!(history.is_rewound(Millis(REWOUND_MS)));
        assert!(!history.is_rewound(Millis(REWOUND_MS + 10)));
    }

    #[test]
    fn nothing_is_said_of_a_time_when_nobody_looked() {
        let steps = [(0, 0), (10, 100), (20, 200), (900, 90_000), (910, 90_100), (920, 90_200)];
        insta::assert_snapshot!(transcript(steps), @"
          0s     0     …/s unmoved 0s
         10s   100     …/s unmoved 0s
         20s   200  10.0/s unmoved 0s
        900s 90000     …/s unmoved 0s
        910s 90100     …/s unmoved 0s
        920s 90200  10.0/s unmoved 0s
        ");
    }

    proptest! {
        #[test]
        fn rates_are_never_negative(
            steps in prop::collection::vec((0_u64..400_000, -500_i64..5_000), 1..60),
        ) {
            let (mut history, mut now, mut committed) = (CommittedHistory::default(), 0, 0_i64);
            for (step, moved) in steps {
                now += step;
                committed = (committed + moved).max(0);
                history.observe(Millis(now), Offset(committed));
                if let Rate::PerSecond(rate) = history.rate() {
                    prop_assert!(rate.is_finite() && 0.0 <= rate, "{}", rate);
                }
            }
        }
    }
}
