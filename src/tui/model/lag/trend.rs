//! Whether lag grows: the slope of the last minute.

use kt_protocol::types::Millis;

/// What lag does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trend {
    Grows,
    Falls,
    Steady,
}

impl Trend {
    /// What a lag does that is read and written at these rates a second.
    pub(crate) fn of_rates(lag: f64, read: f64, incoming: f64) -> Trend {
        let grown = (incoming - read) * (WINDOW_MS as f64 / 1_000.0);
        between((lag - grown).max(0.0), lag)
    }
}

const WINDOW_MS: u64 = 60_000;
const SAMPLES_LEAST: usize = 3;
/// Less than this share of the lag is no change.
const SHARE: f64 = 0.05;

/// The slope of the last 60 s of samples; `None` before there are 3.
pub(super) fn of(samples: &[(Millis, f32)]) -> Option<Trend> {
    let newest = samples.iter().map(|it| it.0).max()?;
    let mut recent: Vec<(u64, f64)> = samples
        .iter()
        .map(|(at, lag)| (newest - *at, f64::from(*lag)))
        .filter(|it| it.0 <= WINDOW_MS)
        .collect();
    recent.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.total_cmp(&b.1)));
    recent.dedup_by_key(|it| it.0);
    if recent.len() < SAMPLES_LEAST {
        return None;
    }
    let (from, until) = ends_of_line(&recent);
    Some(between(from, until))
}

fn between(from: f64, until: f64) -> Trend {
    let grown = until - from;
    if grown.abs() < 1.0 || grown.abs() <= SHARE * from {
        return Trend::Steady;
    }
    if 0.0 < grown { Trend::Grows } else { Trend::Falls }
}

/// The straight line through the samples that misses them least: its values at both ends. One
/// sample that is off does not make a trend.
fn ends_of_line(samples: &[(u64, f64)]) -> (f64, f64) {
    let count = samples.len() as f64;
    let mean_age = samples.iter().map(|it| it.0 as f64).sum::<f64>() / count;
    let mean = samples.iter().map(|it| it.1).sum::<f64>() / count;
    let (mut covariance, mut variance) = (0.0, 0.0);
    for (age, lag) in samples {
        let distance = *age as f64 - mean_age;
        covariance += distance * (lag - mean);
        variance += distance * distance;
    }
    let by_age = covariance / variance;
    let oldest = samples.first().map_or(0.0, |it| it.0 as f64);
    let at = |age: f64| (mean + by_age * (age - mean_age)).max(0.0);
    (at(oldest), at(0.0))
}
