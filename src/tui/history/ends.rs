//! When the records of a partition were written, as far as we watched its log grow.

use kt_protocol::types::{Millis, Offset};
use serde::{Deserialize, Serialize};

use super::samples::Samples;
use super::{MEAN_MS, RATE_SPAN_MS, Rate};

const MARKS: usize = 60;
const MINUTE_MS: u64 = 60_000;
const MISSING: i64 = -1;

/// Two samples further apart tell nothing of what was between: intervals are at most a minute.
pub(super) const GAP_MS: u64 = 150_000;
/// Samples stand so far apart, in ms, behind the newest of them: 12 span half a minute.
const APART_MS: u64 = 2_800;
const DENSE: usize = 2;

/// The end offset of a partition: 12 recent samples, and where it was at each full minute.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct EndHistory {
    recent: Samples,
    /// Minute `n` of the clock at `n % 60`.
    minutes: Option<Box<[i64]>>,
    newest_minute: u64,
}

/// When a record was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AppendedAt {
    /// About then.
    At(Millis),
    /// Before we began to watch, which was then.
    Before(Millis),
    /// Not written yet.
    NotYet,
    /// We never saw this log.
    Unknown,
}

impl EndHistory {
    /// What minute-marks take, in bytes.
    pub(crate) const MARKS_BYTES: usize = MARKS * size_of::<i64>();

    pub(crate) fn with_marks() -> EndHistory {
        let minutes = Some(vec![MISSING; MARKS].into_boxed_slice());
        EndHistory { minutes, ..EndHistory::default() }
    }

    pub(crate) fn has_marks(&self) -> bool {
        self.minutes.is_some()
    }

    pub(crate) fn drop_marks(&mut self) {
        self.minutes = None;
    }

    /// Adds what a broker said. An end that went back is another log: a topic made again, or one
    /// that was cut; what was known of its offsets is no longer true.
    pub(crate) fn observe(&mut self, now: Millis, end: Offset) {
        if let Some((before, known)) = self.recent.newest() {
            if now <= before {
                return;
            }
            if end.0 < known {
                self.forget();
            } else {
                self.mark((before, known), (now, end.0));
            }
        }
        self.thin();
        self.recent.push(now, end.0);
    }

    /// What a screen is about is asked for more often: of the samples behind the newest ones those go
    /// that stand close together, so that all of them still span the mean.
    fn thin(&mut self) {
        let mut behind = self.recent.newest_first().skip(DENSE).map(|it| it.0);
        let is_close = behind.next().zip(behind.next()).is_some_and(|it| it.0 - it.1 < APART_MS);
        drop(behind);
        if is_close {
            self.recent.remove(DENSE);
        }
    }

    /// The topic was made again under its name.
    pub(crate) fn forget(&mut self) {
        self.recent.clear();
        if let Some(minutes) = &mut self.minutes {
            minutes.fill(MISSING);
        }
    }

    fn mark(&mut self, from: (Millis, i64), to: (Millis, i64)) {
        let Some(minutes) = &mut self.minutes else { return };
        let last = to.0.0 / MINUTE_MS;
        let first = (from.0.0 / MINUTE_MS + 1).max((last + 1).saturating_sub(MARKS as u64));
        let is_gap = GAP_MS < to.0 - from.0;
        for minute in first..=last {
            let Some(mark) = minutes.get_mut((minute % MARKS as u64) as usize) else { continue };
            *mark = if is_gap { MISSING } else { between(from, to, Millis(minute * MINUTE_MS)) };
        }
        self.newest_minute = last;
    }

    #[cfg(test)]
    pub(crate) fn latest(&self) -> Option<Offset> {
        self.recent.newest().map(|it| Offset(it.1))
    }

    /// Where it was before `time`, of the recent samples.
    pub(crate) fn before(&self, time: Millis) -> Option<Offset> {
        let earlier = self.recent.newest_first().find(|(at, _)| *at < time);
        earlier.map(|(_, end)| Offset(end))
    }

    /// Records a second, as the mean of 30 s; from about 1 s on of what there is. Nothing if the newest
    /// sample is from before `since`: what a log did then says nothing of now.
    pub(crate) fn rate(&self, since: Millis) -> Rate {
        let newest = self.recent.newest().filter(|it| since <= it.0);
        let Some((now, end)) = newest else { return Rate::NotYet };
        let mut base = None;
        for (at, earlier) in self.recent.newest_first() {
            let span = now - at;
            if GAP_MS < span {
                break;
            }
            if RATE_SPAN_MS <= span {
                base = Some((at, earlier));
            }
            if MEAN_MS <= span {
                break;
            }
        }
        base.map_or(Rate::NotYet, |(at, earlier)| Rate::between(earlier, end, now - at))
    }

    /// When the record at `offset` was written.
    pub(crate) fn appended_at(&self, offset: Offset) -> AppendedAt {
        // Who reads is mostly near the end: the newest samples tell.
        let mut above: Option<(Millis, i64)> = None;
        for (at, end) in self.points().rev() {
            if end <= offset.0 {
                let passed = |above| AppendedAt::At(passed((at, end), above, offset.0));
                return above.map_or(AppendedAt::NotYet, passed);
            }
            above = Some((at, end));
        }
        above.map_or(AppendedAt::Unknown, |it| AppendedAt::Before(it.0))
    }

    /// The first moment that is known, and the end then.
    pub(crate) fn earliest(&self) -> Option<(Millis, Offset)> {
        self.points().next().map(|(at, end)| (at, Offset(end)))
    }

    /// All that is known, the oldest first.
    fn points(&self) -> impl DoubleEndedIterator<Item = (Millis, i64)> + '_ {
        let recent_from = self.recent.oldest().map_or(Millis(0), |it| it.0);
        let marks = self.minutes.as_deref().unwrap_or_default();
        let first = (self.newest_minute + 1).saturating_sub(MARKS as u64);
        let minutes = (first..=self.newest_minute).filter_map(move |minute| {
            let at = Millis(minute * MINUTE_MS);
            let end = *marks.get((minute % MARKS as u64) as usize)?;
            (end != MISSING && at < recent_from).then_some((at, end))
        });
        minutes.chain(self.recent.newest_first().rev())
    }
}

/// Where the end was at a moment between two samples.
fn between(from: (Millis, i64), to: (Millis, i64), at: Millis) -> i64 {
    let share = (at - from.0) as f64 / (to.0 - from.0).max(1) as f64;
    let grown = ((to.1 - from.1) as f64 * share) as i64;
    from.1.saturating_add(grown).clamp(from.1, to.1)
}

/// When the end passed an offset between two samples.
fn passed(from: (Millis, i64), to: (Millis, i64), offset: i64) -> Millis {
    let share = ((offset - from.1) as f64 + 0.5) / (to.1 - from.1) as f64;
    let elapsed = ((to.0 - from.0) as f64 * share) as u64;
    from.0 + elapsed.min(to.0 - from.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fed(samples: impl IntoIterator<Item = (u64, i64)>) -> EndHistory {
        let mut history = EndHistory::with_marks();
        for (at, end) in samples {
            history.observe(Millis(at), Offset(end));
        }
        history
    }

    #[test]
    fn a_partition_keeps_about_0_6_kb() {
        let bytes = size_of::<EndHistory>() + EndHistory::MARKS_BYTES;
        assert!((600..=704).contains(&bytes), "{bytes}");
    }

    #[test]
    fn a_log_of_which_nobody_tells_any_more_has_no_rate() {
        let history = fed([(0, 0), (5_000, 100), (10_000, 200)]);
        assert_eq!(history.rate(Millis(10_000)), Rate::PerSecond(20.0));
        assert_eq!(history.rate(Millis(10_001)), Rate::NotYet);
    }

    #[test]
    fn rates_stand_after_1_s_and_become_means_of_30_s() {
        let mut history = EndHistory::with_marks();
        let mut text = String::new();
        let times = [0, 500, 1_000, 3_000, 8_000, 13_000, 18_000, 23_000, 28_000, 33_000, 38_000];
        for at in times {
            // A burst of 3,000 records in the first second, then 10 a second.
            let end = if at == 0 { 0 } else { 3_000 + at as i64 / 100 };
            history.observe(Millis(at), Offset(end));
            text += &format!("{at:>5} {:?}\n", history.rate(Millis(0)));
        }
        insta::assert_snapshot!(text, @"
            0 NotYet
          500 NotYet
         1000 PerSecond(3010.0)
         3000 PerSecond(1010.0)
         8000 PerSecond(385.0)
        13000 PerSecond(240.76923076923077)
        18000 PerSecond(176.66666666666666)
        23000 PerSecond(140.43478260869566)
        28000 PerSecond(117.14285714285714)
        33000 PerSecond(10.0)
        38000 PerSecond(10.0)
        ");
    }

    #[test]
    fn the_mean_is_of_30_s_however_often_a_log_is_looked_at() {
        // 9,000 records at once, 25 s ago, and 10 a second all the time.
        let end = |at: u64| (u64::from(75_000 <= at) * 9_000 + at / 100) as i64;
        let rate = |times: &mut dyn Iterator<Item = u64>| {
            fed(times.map(|at| (at, end(at)))).rate(Millis(0)).per_second().unwrap()
        };
        let each_5_s = rate(&mut (0..=20).map(|n| n * 5_000));
        let each_2_s = rate(&mut (0..=50).map(|n| n * 2_000));
        let both =
            rate(&mut (0..=100).map(|n| n * 1_000).filter(|it| it % 5_000 == 0 || it % 2_000 == 0));
        for found in [each_5_s, each_2_s, both] {
            assert!((280.0..=315.0).contains(&found), "{found} of {each_5_s}");
        }
    }

    #[test]
    fn a_log_that_went_back_is_measured_anew() {
        let mut history = fed((0..20).map(|n| (n * 5_000, n as i64 * 100)));
        assert_eq!(history.rate(Millis(0)), Rate::PerSecond(20.0));
        history.observe(Millis(100_000), Offset(5));
        assert_eq!(history.rate(Millis(0)), Rate::NotYet);
        assert_eq!(history.appended_at(Offset(4)), AppendedAt::Before(Millis(100_000)));
        history.observe(Millis(105_000), Offset(10));
        assert_eq!(history.rate(Millis(0)), Rate::PerSecond(1.0));
    }

    #[test]
    fn a_rate_does_not_reach_over_a_gap() {
        let mut history = fed((0..12).map(|n| (n * 5_000, 0)));
        history.observe(Millis(900_000), Offset(1_000_000));
        assert_eq!(history.rate(Millis(0)), Rate::NotYet);
        history.observe(Millis(905_000), Offset(1_000_010));
        assert_eq!(history.rate(Millis(0)), Rate::PerSecond(2.0));
    }

    #[test]
    fn the_age_of_a_record_is_found_in_an_hour_of_minutes() {
        // 10 records a second for 50 minutes, then nothing.
        let history = fed((0..=660).map(|n| (n * 5_000, (n as i64 * 50).min(30_000))));
        assert_eq!(history.appended_at(Offset(599)), AppendedAt::Before(Millis(60_000)));
        assert_eq!(history.appended_at(Offset(600)), AppendedAt::At(Millis(60_050)));
        assert_eq!(history.appended_at(Offset(6_001)), AppendedAt::At(Millis(600_150)));
        assert_eq!(history.appended_at(Offset(29_999)), AppendedAt::At(Millis(2_999_950)));
        assert_eq!(history.appended_at(Offset(30_000)), AppendedAt::NotYet);
        assert_eq!(EndHistory::default().appended_at(Offset(7)), AppendedAt::Unknown);
        // After two hours only the last one is known.
        let history = fed((0..=1_440).map(|n| (n * 5_000, n as i64 * 50)));
        assert_eq!(history.appended_at(Offset(7)), AppendedAt::Before(Millis(3_660_000)));
    }

    proptest! {
        #[test]
        fn rates_are_never_negative_and_ages_never_out_of_order(
            steps in prop::collection::vec((0_u64..200_000, -50_i64..500_000), 1..80),
        ) {
            let (mut history, mut now, mut end) = (EndHistory::with_marks(), 0, 0_i64);
            for (step, grown) in steps {
                now += step;
                end = (end + grown).max(0);
                history.observe(Millis(now), Offset(end));
                if let Rate::PerSecond(rate) = history.rate(Millis(0)) {
                    prop_assert!(rate.is_finite() && 0.0 <= rate, "{}", rate);
                    prop_assert!(rate <= 500_000.0 * 12.0);
                }
                let mut last = Millis(0);
                for offset in (0..end).step_by(100_000) {
                    if let AppendedAt::At(at) = history.appended_at(Offset(offset)) {
                        prop_assert!(last <= at && at.0 <= now);
                        last = at;
                    }
                }
            }
        }
    }
}
