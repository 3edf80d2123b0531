//! The value of a chart's upper edge: 1, 2 or 5 times a power of ten, and calm.

use kt_protocol::types::Millis;

/// How long all samples must be low before the scale shrinks.
const CALM_MS: u64 = 60_000;
/// What is below this share of the edge is low.
const LOW: f64 = 0.4;

/// Grows at once, and shrinks only after a minute below 40 %.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Scale {
    top: f64,
    low: Option<Low>,
}

/// Since when all was low, and how high it went meanwhile.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Low {
    since: Millis,
    peak: f64,
}

impl Default for Scale {
    fn default() -> Scale {
        Scale { top: 1.0, low: None }
    }
}

impl Scale {
    /// The scale of a chart whose highest sample is `peak`.
    pub(crate) fn of(peak: f64) -> Scale {
        Scale { top: edge_above(peak), low: None }
    }

    /// Takes the highest sample that the chart shows at `now`.
    pub(crate) fn observe(&mut self, now: Millis, peak: f64) {
        if peak.is_nan() {
            return;
        }
        if peak > self.top {
            *self = Scale::of(peak);
            return;
        }
        if peak >= LOW * self.top {
            self.low = None;
            return;
        }
        let low = self.low.get_or_insert(Low { since: now, peak });
        low.peak = low.peak.max(peak);
        if now - low.since >= CALM_MS {
            *self = Scale::of(low.peak);
        }
    }

    /// The value of the upper edge. Never zero.
    pub(crate) fn top(&self) -> f64 {
        self.top
    }
}

/// The least 1, 2 or 5 times a power of ten that is not below `peak`; 1 for nothing.
fn edge_above(peak: f64) -> f64 {
    if !peak.is_finite() || peak <= 1.0 {
        return if peak == f64::INFINITY { f64::MAX } else { 1.0 };
    }
    let mut power = 1.0;
    loop {
        for digit in [1.0, 2.0, 5.0] {
            if peak <= digit * power {
                return (digit * power).min(f64::MAX);
            }
        }
        power *= 10.0;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_edge_is_one_two_or_five() {
        let edges = [0.0, 0.3, 1.0, 1.1, 3.0, 84_200.0, 120_000.0, 200_000.0].map(edge_above);
        assert_eq!(edges, [1.0, 1.0, 1.0, 2.0, 5.0, 100_000.0, 200_000.0, 200_000.0]);
    }

    #[test]
    fn it_grows_at_once_and_shrinks_after_a_minute() {
        let mut scale = Scale::default();
        scale.observe(Millis(0), 120.0);
        assert_eq!(scale.top(), 200.0);
        scale.observe(Millis(1_000), 70.0);
        scale.observe(Millis(60_999), 60.0);
        assert_eq!(scale.top(), 200.0);
        // The edge leaves room for what was seen within that minute.
        scale.observe(Millis(61_000), 10.0);
        assert_eq!(scale.top(), 100.0);
    }

    #[test]
    fn one_high_sample_starts_the_minute_again() {
        let mut scale = Scale::of(200.0);
        scale.observe(Millis(0), 10.0);
        scale.observe(Millis(30_000), 80.0);
        scale.observe(Millis(60_000), 10.0);
        scale.observe(Millis(119_999), 10.0);
        assert_eq!(scale.top(), 200.0);
        scale.observe(Millis(120_000), 10.0);
        assert_eq!(scale.top(), 10.0);
    }

    proptest! {
        #[test]
        fn every_sample_is_below_the_edge(peaks in proptest::collection::vec(any::<f64>(), 1..50)) {
            let mut scale = Scale::default();
            for (second, peak) in peaks.into_iter().enumerate() {
                scale.observe(Millis(second as u64 * 20_000), peak);
                prop_assert!(scale.top() > 0.0);
                prop_assert!(peak.is_nan() || peak == f64::INFINITY || peak <= scale.top());
            }
        }
    }
}
