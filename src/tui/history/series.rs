//! One number over time: finely for the last half hour, by minutes for the last day, and where history
//! is kept on disk, by 20 minutes for the last week.

use kt_protocol::types::Millis;
use serde::{Deserialize, Serialize};

use super::ring::Ring;
use super::window::View;

type Fine = Ring<5_000, 360>;
type Minutes = Ring<60_000, 1_440>;
/// A chart of a week has at most 320 samples in 160 columns, and the memory has room for so many.
type Week = Ring<1_200_000, 504>;

/// A named line of a chart. All rings are fed from the same samples.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Series {
    fine: Fine,
    minutes: Option<Minutes>,
    week: Option<Week>,
    /// When the last sample came, in ms, and it.
    latest: Option<(u64, f32)>,
    /// Where minutes of an earlier run were recalled: when the samples of this run begin, in ms.
    own_since: Option<u64>,
}

/// How far series reach back, beyond the last half hour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Reach {
    #[default]
    Day,
    Week,
}

impl Reach {
    /// What that takes of a series, in bytes.
    pub(crate) fn bytes(self) -> usize {
        match self {
            Reach::Day => Minutes::BYTES,
            Reach::Week => Minutes::BYTES + Week::BYTES,
        }
    }
}

/// What an earlier run has kept of a series.
#[derive(Clone, Debug, Default)]
pub(crate) struct PastSeries {
    minutes: Minutes,
    week: Week,
    /// When a sample was not 0.
    pub(super) active: Option<Millis>,
}

impl PastSeries {
    /// What it takes, in bytes.
    pub(crate) const BYTES: usize = Minutes::BYTES + Week::BYTES + size_of::<PastSeries>();

    /// Adds the mean of a minute; one that is no number is none.
    pub(crate) fn push(&mut self, at: Millis, value: f32) {
        self.minutes.push(at, value);
        self.week.push(at, value);
        if value.is_finite() && value != 0.0 {
            self.active = self.active.max(Some(at));
        }
    }
}

impl Series {
    /// What it takes without its minutes, in bytes.
    pub(crate) const FINE_BYTES: usize = Fine::BYTES + size_of::<Series>();
    pub(crate) fn push(&mut self, now: Millis, value: f32) {
        if !value.is_finite() {
            return;
        }
        self.fine.push(now, value);
        if let Some(minutes) = &mut self.minutes {
            minutes.push(now, value);
        }
        if let Some(week) = &mut self.week {
            week.push(now, value);
        }
        self.latest = Some((now.0, value));
    }

    pub(crate) fn has_minutes(&self) -> bool {
        self.minutes.is_some()
    }

    /// What its minutes and all that is coarser take, in bytes.
    pub(crate) fn coarse_bytes(&self) -> usize {
        let minutes = self.minutes.as_ref().map_or(0, |_| Minutes::BYTES);
        minutes + self.week.as_ref().map_or(0, |_| Week::BYTES)
    }

    pub(crate) fn keep_minutes(&mut self, reach: Reach) {
        self.minutes.get_or_insert_default();
        if reach == Reach::Week {
            self.week.get_or_insert_default();
        }
    }

    pub(crate) fn drop_minutes(&mut self) {
        self.minutes = None;
        self.week = None;
    }

    /// Takes over what an earlier run has kept, where it keeps as much itself.
    pub(crate) fn recall(&mut self, past: PastSeries, now: Millis) {
        let (Some(minutes), Some(week)) = (&mut self.minutes, &mut self.week) else { return };
        let all = || (Millis(0), Millis(u64::MAX));
        let own = self.fine.slots_between(all().0, all().1).next();
        self.own_since = Some(own.map_or(now, |it| it.0).0);
        let (mut recalled, mut weeks) = (past.minutes, past.week);
        for (at, value) in minutes.slots_between(all().0, all().1) {
            recalled.push(at, value);
            weeks.push(at, value);
        }
        *minutes = recalled;
        *week = weeks;
    }

    /// The mean of the minute that begins then.
    pub(crate) fn minute(&self, from: Millis) -> Option<f32> {
        self.fine.mean(from, from + 60_000)
    }

    /// The fine samples of the last `length_ms`, the oldest first.
    pub(crate) fn recent(&self, now: Millis, length_ms: u64) -> Vec<(Millis, f32)> {
        let from = Millis(now.0.saturating_sub(length_ms));
        self.fine.slots_between(from, now + 1).collect()
    }

    /// The samples of a view as so many columns, the oldest first; `None` is a gap.
    ///
    /// Columns lie on multiples of their own width, so that a chart moves by whole columns and
    /// does not shimmer between.
    pub(crate) fn columns(&self, view: View, now: Millis, columns: usize) -> Vec<Option<f32>> {
        let stretches = view.stretches(now, columns);
        // The last column may go on beyond a picture that stands still.
        stretches.map(|(from, until)| self.mean(now, from, until.min(now + 1))).collect()
    }

    /// The largest sample of a view.
    pub(crate) fn peak(&self, view: View, now: Millis) -> Option<f32> {
        let (from, until) = view.bounds(now);
        let fine = self.fine.peak(from, until);
        if self.is_finely_known(from, now) {
            return fine;
        }
        // The last minutes are finer in the other ring, and so are their peaks.
        let by_minute = self.minutes.as_ref().and_then(|it| it.peak(from, until));
        let week = self.week.as_ref().and_then(|it| it.peak(from, until));
        [fine, by_minute, week].into_iter().flatten().reduce(f32::max)
    }

    /// The value at the right edge of a view: the last sample up to `now` when it is live, which
    /// may be a while ago for a picture that stands still.
    pub(crate) fn at_edge(&self, view: View, now: Millis) -> Option<f32> {
        if view.is_live() {
            let (at, latest) = self.latest?;
            return if at <= now.0 { Some(latest) } else { self.last_before(now) };
        }
        let (_, until) = view.bounds(now);
        let fine = Millis(until.0.saturating_sub(5_000));
        let minute = Millis(until.0.saturating_sub(60_000));
        self.mean(now, fine, until).or_else(|| self.mean(now, minute, until))
    }

    /// The last sample up to then, as finely as it is kept.
    fn last_before(&self, then: Millis) -> Option<f32> {
        let fine = self.fine.slots_between(Millis(0), then + 1).last();
        // A minute that goes on beyond would tell what came later.
        let whole = Millis(then.0 / 60_000 * 60_000);
        let minutes = || self.minutes.as_ref()?.slots_between(Millis(0), whole).last();
        fine.or_else(minutes).map(|it| it.1)
    }

    fn mean(&self, now: Millis, from: Millis, until: Millis) -> Option<f32> {
        if self.is_finely_known(until, now) && self.fine.reaches(from, now) {
            return self.fine.mean(from, until);
        }
        match (&self.minutes, &self.week) {
            (Some(minutes), Some(_)) if minutes.reaches(from, now) => minutes.mean(from, until),
            (_, Some(week)) => week.mean(from, until),
            (minutes, None) => minutes.as_ref()?.mean(from, until),
        }
    }

    /// Whether all that is known from then on is known finely: samples of an earlier run are not.
    fn is_finely_known(&self, from: Millis, now: Millis) -> bool {
        self.fine.reaches(from, now) && self.own_since.is_none_or(|since| since < from.0)
    }
}

#[cfg(test)]
mod tests {
    use super::super::window::Window;
    use super::*;

    const MINUTE: u64 = 60_000;

    fn day(until: u64, value: impl Fn(u64) -> f32) -> Series {
        let mut series = Series::default();
        series.keep_minutes(Reach::Day);
        for at in (0..=until).step_by(5_000) {
            series.push(Millis(at), value(at));
        }
        series
    }

    fn shown(columns: &[Option<f32>]) -> String {
        let cell = |it: &Option<f32>| it.map_or("-".to_owned(), |it| format!("{it}"));
        columns.iter().map(cell).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn memory_is_7_2_kb_a_series() {
        assert_eq!(Fine::BYTES + Minutes::BYTES, 7_200);
    }

    #[test]
    fn windows_5m_30m_3h_24h_7d_are_resampled() {
        let series = day(200 * MINUTE, |at| (at / MINUTE) as f32);
        let now = Millis(200 * MINUTE);
        let text: String = Window::ALL
            .iter()
            .map(|it| {
                let columns = series.columns(View::of(*it), now, 6);
                format!("{:>3}: {}\n", it.name(), shown(&columns))
            })
            .collect();
        insta::assert_snapshot!(text, @"
         5m: 195.8 196.6 197.4 198.2 199 200
        30m: 177 182 187 192 197 200
         3h: 44.5 74.5 104.5 134.5 164.5 189.54356
        24h: - - - - - 100
         7d: - - - - - 100
        ");
    }

    #[test]
    fn an_earlier_run_is_seen_before_this_one_and_between_them_is_a_gap() {
        let mut past = PastSeries::default();
        // Two hours, 6 to 4 hours ago; and ten minutes, 30 to 20 minutes ago.
        let now = Millis(10_000 * MINUTE);
        for minute in (9_640..9_760).chain(9_970..9_980) {
            past.push(Millis(minute * MINUTE + 30_000), 50.0);
        }
        let mut series = Series::default();
        series.keep_minutes(Reach::Week);
        for at in (9_995 * MINUTE..=9_996 * MINUTE).step_by(5_000) {
            series.push(Millis(at), 7.0);
        }
        assert_eq!(series.peak(View::of(Window::H24), now), Some(7.0));
        series.recall(past, Millis(9_996 * MINUTE));
        for at in (9_996 * MINUTE..=10_000 * MINUTE).step_by(5_000) {
            series.push(Millis(at), 7.0);
        }
        let line = |(it, count): (Window, usize)| {
            format!("{:>3}: {}\n", it.name(), shown(&series.columns(View::of(it), now, count)))
        };
        let windows = [(Window::M5, 5), (Window::M30, 6), (Window::H24, 24), (Window::D7, 28)];
        insta::assert_snapshot!(windows.map(line).concat(), @"
         5m: 7 7 7 7 7
        30m: 50 - - - 7 7
        24h: - - - - - - - - - - - - - - - - - 50 50 50 - - - 33.875
         7d: - - - - - - - - - - - - - - - - - - - - - - - - - - 50 45.392857
        ");
        assert_eq!(series.peak(View::of(Window::M30), now), Some(50.0));
        assert_eq!(series.at_edge(View::of(Window::M30), now), Some(7.0));
    }

    #[test]
    fn a_missing_sample_is_a_gap_and_never_a_zero() {
        let mut series = day(2 * MINUTE, |_| 7.0);
        for at in (4 * MINUTE..=5 * MINUTE).step_by(5_000) {
            series.push(Millis(at), 7.0);
        }
        let columns = series.columns(View::of(Window::M5), Millis(5 * MINUTE), 10);
        assert_eq!(shown(&columns), "7 7 7 7 - - - 7 7 7");
    }

    #[test]
    fn a_moved_window_shows_the_values_of_its_right_edge() {
        let series = day(200 * MINUTE, |at| (at / MINUTE) as f32);
        let now = Millis(200 * MINUTE);
        let view = View::of(Window::M30);
        assert_eq!(series.at_edge(view, now), Some(200.0));
        let back = view.back(now);
        assert_eq!(series.at_edge(back, now), Some(184.0));
        assert_eq!(series.at_edge(back.back(now).back(now).back(now), now), Some(139.0));
        assert_eq!(back.forth(now), view);
        assert_eq!(series.peak(back, now), Some(184.0));
    }

    #[test]
    fn a_picture_that_stands_still_keeps_its_figures() {
        let mut series = day(10 * MINUTE, |at| (at / MINUTE) as f32);
        let (view, then) = (View::default(), Millis(10 * MINUTE));
        assert_eq!(series.at_edge(view, then), Some(10.0));
        series.push(Millis(10 * MINUTE + 6_000), 99.0);
        assert_eq!(series.at_edge(view, then), Some(10.0));
        for at in (10 * MINUTE + 10_000..100 * MINUTE).step_by(5_000) {
            series.push(Millis(at), 99.0);
        }
        assert_eq!(
            series.at_edge(view, then),
            Some(9.0),
            "the last whole minute is all that is left"
        );
        assert_eq!(series.at_edge(view, Millis(100 * MINUTE)), Some(99.0));
    }

    #[test]
    fn without_minutes_the_last_half_hour_stays() {
        let mut series = day(200 * MINUTE, |at| (at / MINUTE) as f32);
        series.drop_minutes();
        let now = Millis(200 * MINUTE);
        let columns = |it| shown(&series.columns(View::of(it), now, 6));
        assert_eq!(columns(Window::M5), "195.8 196.6 197.4 198.2 199 200");
        assert_eq!(columns(Window::H3), "- - - - - 189.54356");
    }

    #[test]
    fn columns_stand_still_between_two_steps() {
        let series = day(40 * MINUTE, |at| at as f32);
        // The last one is of a time that goes on.
        let at = |now| {
            let mut columns = series.columns(View::of(Window::M30), Millis(now), 30);
            columns.pop();
            columns
        };
        assert_eq!(at(39 * MINUTE + 5_000), at(39 * MINUTE + 59_000));
        assert_ne!(at(39 * MINUTE + 5_000), at(40 * MINUTE + 5_000));
    }
}
