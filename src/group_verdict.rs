//! Whether a group is well, as far as one look can tell.

use crate::group_lag::TimeLag;

/// What is wrong with a group, the worst first to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Ok,
    /// The oldest unread record is older than 5 minutes.
    Behind,
    /// Records are unread, and nobody reads.
    Stopped,
    /// Records were deleted before they were read.
    Lost,
}

/// How bad that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    Ok,
    Warn,
    Bad,
}

/// From here on a group is behind, in ms.
const LATE_MS: i64 = 300_000;

impl Verdict {
    /// `None` if it depends on an age that is not known.
    pub(crate) fn of(is_lost: bool, members: usize, lag: i64, late: TimeLag) -> Option<Verdict> {
        if is_lost {
            return Some(Verdict::Lost);
        }
        if members == 0 && 0 < lag {
            return Some(Verdict::Stopped);
        }
        match late {
            TimeLag::Known(age) if LATE_MS < age => Some(Verdict::Behind),
            TimeLag::Known(_) | TimeLag::NothingUnread => Some(Verdict::Ok),
            TimeLag::Unknown => None,
        }
    }

    pub(crate) fn level(self) -> Level {
        match self {
            Verdict::Ok => Level::Ok,
            Verdict::Behind | Verdict::Stopped => Level::Warn,
            Verdict::Lost => Level::Bad,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Verdict::Ok => "ok",
            Verdict::Behind => "behind",
            Verdict::Stopped => "stopped",
            Verdict::Lost => "lost",
        }
    }
}

impl Level {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Level::Ok => "ok",
            Level::Warn => "warn",
            Level::Bad => "bad",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_is_told() {
        let late = TimeLag::Known(LATE_MS + 1);
        assert_eq!(Verdict::of(true, 0, 5, late), Some(Verdict::Lost));
        assert_eq!(Verdict::of(false, 0, 5, late), Some(Verdict::Stopped));
        assert_eq!(Verdict::of(false, 1, 5, late), Some(Verdict::Behind));
        assert_eq!(Verdict::of(false, 1, 5, TimeLag::Known(LATE_MS)), Some(Verdict::Ok));
        assert_eq!(Verdict::of(false, 0, 0, TimeLag::NothingUnread), Some(Verdict::Ok));
        assert_eq!(Verdict::of(false, 1, 5, TimeLag::Unknown), None);
    }
}
