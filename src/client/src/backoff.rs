//! How long to wait before the next try: doubling, bounded, and spread so that clients which failed
//! together do not come back together. No clock: the caller sleeps.

use std::time::Duration;

use crate::random::Random;

/// Kafka's `retry.backoff.ms` and `retry.backoff.max.ms`.
///
/// Shown at [`Backoff`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackoffRange {
    /// Before the second try.
    pub first: Duration,
    /// Never more, apart from the spread.
    pub max: Duration,
}

/// The spread to both sides, in percent (Kafka's `CommonClientConfigs.RETRY_BACKOFF_JITTER`).
const JITTER_PERCENT: u64 = 20;

/// The waits of one operation.
///
/// ```
/// use std::time::Duration;
/// use kt_client::{Backoff, BackoffRange, Random};
///
/// let first = Duration::from_millis(100);
/// let mut backoff = Backoff::new(BackoffRange { first, max: Duration::from_secs(1) });
/// let wait = backoff.next(&mut Random::new(1));
/// assert!(Duration::from_millis(80) <= wait && wait <= Duration::from_millis(120));
/// ```
#[derive(Clone, Debug)]
pub struct Backoff {
    range: BackoffRange,
    failures: u32,
}

impl Backoff {
    /// Starts with no failure.
    pub fn new(range: BackoffRange) -> Backoff {
        Backoff { range, failures: 0 }
    }

    /// Counts a failure; gives the time to wait before the next try.
    pub fn next(&mut self, random: &mut Random) -> Duration {
        // 2^20 first waits are beyond any maximum; more would overflow.
        let doublings = self.failures.min(20);
        self.failures = self.failures.saturating_add(1);
        let wait = self.range.first.saturating_mul(1 << doublings).min(self.range.max);
        let spread = 100 - JITTER_PERCENT + random.below(2 * JITTER_PERCENT + 1);
        wait.saturating_mul(u32::try_from(spread).unwrap_or(100)) / 100
    }

    /// Forgets the failures after a success.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_maximum_and_start_again() {
        let range = BackoffRange { first: Duration::from_millis(100), max: Duration::from_secs(1) };
        let mut random = Random::new(7);
        let mut backoff = Backoff::new(range);
        for expected_ms in [100, 200, 400, 800, 1000, 1000] {
            let wait = backoff.next(&mut random).as_millis();
            assert!(expected_ms * 80 / 100 <= wait && wait <= expected_ms * 120 / 100, "{wait}");
        }
        backoff.reset();
        assert!(backoff.next(&mut random) <= Duration::from_millis(120));
    }
}
