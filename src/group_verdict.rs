//! Whether a group is well: the one place that names what is wrong, for commands and screens.

use crate::group_lag::TimeLag;

/// What is wrong with a group. The worst is told, which is the last of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verdict {
    Ok,
    /// The oldest unread record is older than 5 minutes, or than the user's rule says.
    Behind,
    /// Records are unread, and nobody reads.
    Stopped,
    /// Commits were set back, and did not come to where they were since.
    Rewound,
    /// There are members and unread records, and no commit moves.
    Stalled,
    /// Retention will delete records before they are read.
    Losing,
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
pub(crate) const LATE_MS: i64 = 300_000;

/// All that may be wrong with a group at once.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Symptoms {
    /// `None` if it depends on an age that is not known.
    pub(crate) is_behind: Option<bool>,
    pub(crate) is_stopped: bool,
    pub(crate) is_rewound: bool,
    pub(crate) is_stalled: bool,
    pub(crate) is_losing: bool,
    pub(crate) is_lost: bool,
}

impl Symptoms {
    /// Nobody reads what is unread.
    pub(crate) fn is_stopped(members: usize, lag: i64) -> bool {
        members == 0 && 0 < lag
    }

    /// The worst; `None` if that depends on an age that is not known.
    pub(crate) fn verdict(self) -> Option<Verdict> {
        let others = [
            (self.is_lost, Verdict::Lost),
            (self.is_losing, Verdict::Losing),
            (self.is_stalled, Verdict::Stalled),
            (self.is_rewound, Verdict::Rewound),
            (self.is_stopped, Verdict::Stopped),
        ];
        if let Some((_, worst)) = others.into_iter().find(|it| it.0) {
            return Some(worst);
        }
        self.is_behind.map(|it| if it { Verdict::Behind } else { Verdict::Ok })
    }
}

impl Verdict {
    /// What one look can tell; `None` if it depends on an age that is not known.
    pub(crate) fn of(is_lost: bool, members: usize, lag: i64, late: TimeLag) -> Option<Verdict> {
        let is_behind = match late {
            TimeLag::Known(age) => Some(LATE_MS < age),
            TimeLag::NothingUnread => Some(false),
            TimeLag::Unknown => None,
        };
        let is_stopped = Symptoms::is_stopped(members, lag);
        Symptoms { is_behind, is_stopped, is_lost, ..Symptoms::default() }.verdict()
    }

    pub(crate) fn level(self) -> Level {
        match self {
            Verdict::Ok => Level::Ok,
            Verdict::Behind | Verdict::Stopped | Verdict::Rewound => Level::Warn,
            Verdict::Stalled | Verdict::Losing | Verdict::Lost => Level::Bad,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Verdict::Ok => "ok",
            Verdict::Behind => "behind",
            Verdict::Stopped => "stopped",
            Verdict::Rewound => "rewound",
            Verdict::Stalled => "stalled",
            Verdict::Losing => "losing",
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
