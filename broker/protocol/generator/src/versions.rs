//! Ranges of versions as schema files write them: `3-13`, `5+`, `0`, `none`.

/// The versions from `min` to `max`, both included; none if `max < min`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Versions {
    pub(crate) min: i16,
    pub(crate) max: i16,
}

impl Versions {
    pub(crate) const NONE: Versions = Versions { min: 0, max: -1 };

    pub(crate) fn parse(text: &str) -> Result<Versions, String> {
        if text == "none" {
            return Ok(Versions::NONE);
        }
        let number = |text: &str| text.parse().map_err(|_| format!("bad versions {text}"));
        if let Some(min) = text.strip_suffix('+') {
            return Ok(Versions { min: number(min)?, max: i16::MAX });
        }
        let (min, max) = text.split_once('-').unwrap_or((text, text));
        Ok(Versions { min: number(min)?, max: number(max)? })
    }

    pub(crate) fn is_empty(self) -> bool {
        self.max < self.min
    }

    pub(crate) fn contains(self, version: i16) -> bool {
        self.min <= version && version <= self.max
    }

    pub(crate) fn intersect(self, other: Versions) -> Versions {
        let both = Versions { min: self.min.max(other.min), max: self.max.min(other.max) };
        if both.is_empty() { Versions::NONE } else { both }
    }

    /// The smallest range that has all of both.
    pub(crate) fn hull(self, other: Versions) -> Versions {
        if self.is_empty() {
            other
        } else if other.is_empty() {
            self
        } else {
            Versions { min: self.min.min(other.min), max: self.max.max(other.max) }
        }
    }

    /// Rust that is true for these versions, given that the version is one of `all`. None if that
    /// is always so.
    pub(crate) fn condition(self, all: Versions) -> Option<String> {
        let Versions { min, max } = self;
        match (min <= all.min, max >= all.max) {
            (true, true) => None,
            (false, true) if min == all.max => Some(format!("version == {min}")),
            (false, true) => Some(format!("version >= {min}")),
            (true, false) if max == all.min => Some(format!("version == {max}")),
            (true, false) => Some(format!("version <= {max}")),
            (false, false) if min == max => Some(format!("version == {min}")),
            (false, false) => Some(format!("({min}..={max}).contains(&version)")),
        }
    }

    /// As schema files write it, `max` left out if it is the highest of `all`.
    pub(crate) fn describe(self, all: Versions) -> String {
        let Versions { min, max } = self;
        if self.is_empty() {
            "none".to_owned()
        } else if max >= all.max && max > min {
            format!("{min}+")
        } else if min == max {
            format!("{min}")
        } else {
            format!("{min}-{max}")
        }
    }
}
