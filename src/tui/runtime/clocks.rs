//! Both clocks, as one start gives them to everything below.

use std::time::{Duration, Instant};

use jiff::Timestamp as Wall;
use kt_protocol::types::{Millis, Now, Timestamp};

/// Reads the clocks: nothing in `model`, `history` and `view` does.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clocks {
    began: Instant,
}

/// Our clock is not zero at its start: zero stands for "at once".
const FIRST: u64 = 1;

impl Clocks {
    pub(super) fn start() -> Clocks {
        Clocks { began: Instant::now() }
    }

    pub(super) fn now(self) -> Now {
        let elapsed = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let wall = Timestamp(Wall::now().as_millisecond());
        Now { monotonic: Millis(elapsed.saturating_add(FIRST)), wall }
    }

    /// When our clock will show that.
    pub(super) fn instant(self, at: Millis) -> tokio::time::Instant {
        (self.began + Duration::from_millis(at.0.saturating_sub(FIRST))).into()
    }
}
