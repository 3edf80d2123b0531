//! How values are written into cells of fixed width.
//!
//! Everything here is text in, text out: no terminal, no colour. A value never widens its column;
//! it goes to the next unit. Widths are in cells of the terminal.

mod bytes;
mod clock;
mod count;
mod duration;
mod name;

pub(crate) use bytes::{byte_rate, bytes};
pub(crate) use clock::{Clock, clock_of};
pub(crate) use count::{count, count_in, offset, rate, share};
pub(crate) use duration::{duration, period};
pub(crate) use name::{cells, folded, name, value};

#[cfg(test)]
/// Cells of a count or of a rate of records.
pub(crate) const COUNT: usize = 5;
/// Cells of an amount of bytes, or of bytes a second.
pub(crate) const BYTES: usize = 7;
#[cfg(test)]
/// Cells of a duration.
pub(crate) const DURATION: usize = 5;
#[cfg(test)]
/// Cells of a share.
pub(crate) const SHARE: usize = 4;
/// Cells of an offset, where the table is not asked for more.
pub(crate) const OFFSET: usize = 10;
#[cfg(test)]
/// Cells of a point in time.
pub(crate) const TIME: usize = 14;

/// What there is to write in a cell: a value, or why there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading<T> {
    /// The last good value.
    Known(T),
    /// There is nothing to measure.
    Missing,
    /// Not measured yet: a rate needs two samples.
    Pending,
    /// Asked, and refused or failed.
    Failed,
}

impl<T> Reading<T> {
    /// The cell's text, a known value as `write` puts it.
    pub(crate) fn text(self, write: impl FnOnce(T) -> String) -> String {
        match self {
            Reading::Known(it) => write(it),
            Reading::Missing => "–".to_owned(),
            Reading::Pending => "…".to_owned(),
            Reading::Failed => "?".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_says_why() {
        assert_eq!(Reading::Known(7).text(count), "7");
        assert_eq!(Reading::Missing.text(count), "–");
        assert_eq!(Reading::Pending.text(count), "…");
        assert_eq!(Reading::Failed.text(count), "?");
    }
}
