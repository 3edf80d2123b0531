//! One number over time, twice: finely for the last half hour, by minutes for the last day.

use kt_protocol::types::Millis;
use serde::{Deserialize, Serialize};

use super::ring::Ring;
use super::window::View;

type Fine = Ring<5_000, 360>;
type Minutes = Ring<60_000, 1_440>;

/// A named line of a chart. Both rings are fed from the same samples.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Series {
    fine: Fine,
    minutes: Option<Minutes>,
    latest: Option<f32>,
}

impl Series {
    /// What it takes without its minutes, in bytes.
    pub(crate) const FINE_BYTES: usize = Fine::BYTES + size_of::<Series>();
    /// What its minutes take, in bytes.
    pub(crate) const MINUTES_BYTES: usize = Minutes::BYTES;

    pub(crate) fn push(&mut self, now: Millis, value: f32) {
        if !value.is_finite() {
            return;
        }
        self.fine.push(now, value);
        if let Some(minutes) = &mut self.minutes {
            minutes.push(now, value);
        }
        self.latest = Some(value);
    }

    pub(crate) fn has_minutes(&self) -> bool {
        self.minutes.is_some()
    }

    pub(crate) fn keep_minutes(&mut self) {
        self.minutes.get_or_insert_default();
    }

    pub(crate) fn drop_minutes(&mut self) {
        self.minutes = None;
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
        stretches.map(|(from, until)| self.mean(now, from, until)).collect()
    }

    /// The largest sample of a view.
    pub(crate) fn peak(&self, view: View, now: Millis) -> Option<f32> {
        let (from, until) = view.bounds(now);
        match &self.minutes {
            Some(minutes) if !self.fine.reaches(from, now) => {
                // The last minutes are finer in the other ring, and so are their peaks.
                let (by_minute, fine) = (minutes.peak(from, until), self.fine.peak(from, until));
                by_minute.into_iter().chain(fine).reduce(f32::max)
            }
            _ => self.fine.peak(from, until),
        }
    }

    /// The value at the right edge of a view: the last sample when it is live.
    pub(crate) fn at_edge(&self, view: View, now: Millis) -> Option<f32> {
        if view.is_live() {
            return self.latest;
        }
        let (_, until) = view.bounds(now);
        let fine = Millis(until.0.saturating_sub(5_000));
        let minute = Millis(until.0.saturating_sub(60_000));
        self.mean(now, fine, until).or_else(|| self.mean(now, minute, until))
    }

    fn mean(&self, now: Millis, from: Millis, until: Millis) -> Option<f32> {
        if self.fine.reaches(from, now) {
            return self.fine.mean(from, until);
        }
        self.minutes.as_ref()?.mean(from, until)
    }
}

#[cfg(test)]
mod tests {
    use super::super::window::Window;
    use super::*;

    const MINUTE: u64 = 60_000;

    fn day(until: u64, value: impl Fn(u64) -> f32) -> Series {
        let mut series = Series::default();
        series.keep_minutes();
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
        let at = |now| series.columns(View::of(Window::M30), Millis(now), 30);
        assert_eq!(at(39 * MINUTE + 5_000), at(39 * MINUTE + 59_000));
        assert_ne!(at(39 * MINUTE + 5_000), at(40 * MINUTE + 5_000));
    }
}
