//! Both clocks, as one start gives them to everything below.

use std::time::{Duration, Instant};

use jiff::Timestamp as Wall;
use kt_protocol::types::{Millis, Now, Timestamp};

/// Reads the clocks: nothing in `model`, `history` and `view` does.
///
/// Our own clock begins with the time of the wall clock, and then goes its own way. So the minutes of
/// both begin together, and what an earlier run has kept has its place before our beginning.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clocks {
    began: Instant,
    first: u64,
}

/// Where the wall clock was never set: there is a week before our beginning, and zero stands for "at
/// once".
const FIRST_LEAST: u64 = 8 * 24 * 3_600_000;

impl Clocks {
    pub(super) fn start() -> Clocks {
        let wall = u64::try_from(Wall::now().as_millisecond()).unwrap_or(0);
        Clocks { began: Instant::now(), first: wall.max(FIRST_LEAST) }
    }

    pub(super) fn now(self) -> Now {
        let elapsed = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let wall = Timestamp(Wall::now().as_millisecond());
        Now { monotonic: Millis(elapsed.saturating_add(self.first)), wall }
    }

    /// When our clock will show that.
    pub(super) fn instant(self, at: Millis) -> tokio::time::Instant {
        (self.began + Duration::from_millis(at.0.saturating_sub(self.first))).into()
    }
}
