//! The clocks, read here and nowhere below.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kt_protocol::types::{Millis, Now, Timestamp};
use tokio::time::Instant;

/// Tells the time since the start of the process, and the time of day.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    start: Instant,
}

impl Clock {
    /// A clock that starts at zero.
    pub(crate) fn start() -> Clock {
        Clock { start: Instant::now() }
    }

    /// Both times.
    pub(crate) fn now(&self) -> Now {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let wall = i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX);
        Now { monotonic: self.monotonic(), wall: Timestamp(wall) }
    }

    /// The time for deadlines.
    pub(crate) fn monotonic(&self) -> Millis {
        Millis(u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    /// When `at` is, for the runtime's timers. Far times are brought near: timers are armed again.
    pub(crate) fn instant(&self, at: Millis) -> Instant {
        const FAR_MS: u64 = 30 * 24 * 3600 * 1000;
        let latest = self.monotonic() + FAR_MS;
        self.start + Duration::from_millis(at.min(latest).0)
    }
}
