//! Durations as machines count them, and moments that lie so far ahead.

use std::time::Duration;

use tokio::time::Instant;

/// As good as for ever: longer than any process lives, and a moment that clocks can name.
const FOR_EVER: Duration = Duration::from_secs(100 * 365 * 86_400);

/// Whole milliseconds, rounded down.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The same as requests say it. What is too long is as long as can be said.
pub(crate) fn request_millis(duration: Duration) -> i32 {
    i32::try_from(duration.as_millis()).unwrap_or(i32::MAX)
}

/// The moment that lies `wait` behind `since`, however long that is.
pub(crate) fn after(since: Instant, wait: Duration) -> Instant {
    since.checked_add(wait).unwrap_or_else(|| since + FOR_EVER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_wait_has_an_end() {
        let now = Instant::now();
        assert_eq!(after(now, Duration::from_secs(1)) - now, Duration::from_secs(1));
        assert!(FOR_EVER <= after(now, Duration::MAX) - now);
        assert_eq!(millis(Duration::MAX), u64::MAX);
    }
}
