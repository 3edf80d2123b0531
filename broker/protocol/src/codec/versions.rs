//! A range of message versions, both ends included.

use std::fmt;

/// The versions from `min` to `max`, both included; none if `max < min`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Versions {
    /// The lowest version.
    pub min: i16,
    /// The highest version, `i16::MAX` for a range without an end.
    pub max: i16,
}

impl Versions {
    /// No version at all.
    pub const NONE: Versions = Versions { min: 0, max: -1 };

    /// From `min` to `max`, both included.
    pub const fn new(min: i16, max: i16) -> Versions {
        Versions { min, max }
    }

    /// `min` and everything above it.
    pub const fn since(min: i16) -> Versions {
        Versions { min, max: i16::MAX }
    }

    /// Whether `version` is one of these.
    pub const fn contains(self, version: i16) -> bool {
        self.min <= version && version <= self.max
    }

    /// True if there is no such version.
    pub const fn is_empty(self) -> bool {
        self.max < self.min
    }

    /// Each version, lowest first.
    pub fn iter(self) -> impl DoubleEndedIterator<Item = i16> + Clone {
        self.min..=self.max
    }
}

/// As Kafka writes it: `3-13`, `5+`, `0` or `none`.
impl fmt::Display for Versions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Versions { min, max } = *self;
        if self.is_empty() {
            f.write_str("none")
        } else if min == max {
            write!(f, "{min}")
        } else if max == i16::MAX {
            write!(f, "{min}+")
        } else {
            write!(f, "{min}-{max}")
        }
    }
}
