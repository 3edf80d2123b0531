//! Samples over time: rings, rates, and the bound on the memory they take.

mod committed;
mod ends;
pub(crate) mod kept;
mod ring;
mod samples;
pub(crate) mod series;
pub(crate) mod store;
pub(crate) mod window;

pub(crate) use committed::CommittedHistory;
pub(crate) use ends::{AppendedAt, EndHistory};

/// A mean as a screen shows it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Rate {
    /// Two samples are needed, and there are fewer.
    NotYet,
    /// Per second; never negative.
    PerSecond(f64),
}

impl Rate {
    /// Per second, once it is measured.
    pub(crate) fn per_second(self) -> Option<f64> {
        match self {
            Rate::NotYet => None,
            Rate::PerSecond(rate) => Some(rate),
        }
    }

    /// How fast a count went from one value to a later one. A count that went back tells nothing:
    /// a log was cut or a topic was made again.
    fn between(earlier: i64, later: i64, elapsed_ms: u64) -> Rate {
        match later.checked_sub(earlier) {
            Some(grown) if 0 <= grown && 0 < elapsed_ms => {
                Rate::PerSecond(grown as f64 * 1_000.0 / elapsed_ms as f64)
            }
            _ => Rate::NotYet,
        }
    }
}

/// Rates are means of so long, in ms: short enough to follow, long enough to be calm.
const MEAN_MS: u64 = 30_000;
/// A shorter span makes a rate of noise.
pub(crate) const RATE_SPAN_MS: u64 = 900;
