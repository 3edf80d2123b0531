//! Whole milliseconds: as the machines count them, and as requests say them. What is too long is as
//! long as can be said.

use std::time::Duration;

/// For a machine's clock.
pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// For a request.
pub(super) fn request_millis(duration: Duration) -> i32 {
    i32::try_from(duration.as_millis()).unwrap_or(i32::MAX)
}
