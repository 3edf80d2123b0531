//! Rates as the command line writes them: `50MB/s` of bytes, `500/s` of records.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::size::Size;

/// How much may pass in a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rate {
    /// Records, at least one.
    Records(u64),
    /// Bytes of keys and values, at least one.
    Bytes(u64),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ParseRateError {
    text: String,
}

impl fmt::Display for ParseRateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\" is not a rate: write 500/s (records) or 50MB/s (bytes)", self.text)
    }
}

impl std::error::Error for ParseRateError {}

impl FromStr for Rate {
    type Err = ParseRateError;

    fn from_str(text: &str) -> Result<Rate, ParseRateError> {
        let wrong = || ParseRateError { text: text.to_owned() };
        let amount = text.strip_suffix("/s").ok_or_else(wrong)?;
        let rate = match amount.parse::<u64>() {
            Ok(records) => Rate::Records(records),
            Err(_) => Rate::Bytes(amount.parse::<Size>().map_err(|_| wrong())?.0),
        };
        match rate {
            Rate::Records(0) | Rate::Bytes(0) => Err(wrong()),
            rate => Ok(rate),
        }
    }
}

/// Where only bytes are counted, few records are larger.
const RECORD_BYTES: u64 = 16 * 1024;

impl Rate {
    /// So many records pass in `time`, about; at least one.
    pub(crate) fn records_in(self, time: Duration) -> usize {
        let per_second = match self {
            Rate::Records(records) => records,
            Rate::Bytes(bytes) => bytes / RECORD_BYTES,
        };
        let records = u128::from(per_second).saturating_mul(time.as_millis()) / 1_000;
        usize::try_from(records).unwrap_or(usize::MAX).max(1)
    }
}

/// Who was late may catch up on so much: a sleep ends late. More would be a burst, which is what a
/// rate is there to prevent.
const CATCH_UP: Duration = Duration::from_millis(100);

/// Holds a stream back to a rate: says how long to wait before the next record.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    rate: Rate,
    /// When, after the start, the next record is due.
    due: Duration,
}

impl Pace {
    pub(crate) fn new(rate: Rate) -> Pace {
        Pace { rate, due: Duration::ZERO }
    }

    /// Counts one record of `bytes` bytes, `elapsed` after the start, and returns how long the
    /// stream is ahead of its rate.
    pub(crate) fn pass(&mut self, bytes: usize, elapsed: Duration) -> Duration {
        let (amount, per_second) = match self.rate {
            Rate::Records(per_second) => (1, per_second),
            Rate::Bytes(per_second) => (bytes as u64, per_second),
        };
        let takes_ns = u128::from(amount) * 1_000_000_000 / u128::from(per_second);
        let takes = Duration::from_nanos(u64::try_from(takes_ns).unwrap_or(u64::MAX));
        let from = self.due.max(elapsed.saturating_sub(CATCH_UP));
        self.due = from.saturating_add(takes);
        self.due.saturating_sub(elapsed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_time_lets_few_records_pass() {
        let tenth = Duration::from_millis(100);
        assert_eq!(Rate::Records(500).records_in(tenth), 50);
        assert_eq!(Rate::Records(1).records_in(tenth), 1);
        assert_eq!(Rate::Bytes(50_000_000).records_in(tenth), 305);
        assert_eq!(Rate::Bytes(1).records_in(tenth), 1);
        assert_eq!(Rate::Records(u64::MAX).records_in(Duration::MAX), usize::MAX);
    }

    #[test]
    fn records_have_no_unit_and_bytes_have_one() {
        assert_eq!("500/s".parse(), Ok(Rate::Records(500)));
        assert_eq!("50MB/s".parse(), Ok(Rate::Bytes(50_000_000)));
        for text in ["500", "50MB", "0/s", "0B/s", "/s", "-1/s", "5/m"] {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_pace_waits_only_for_what_is_ahead_of_the_rate() {
        let mut pace = Pace::new(Rate::Records(10));
        assert_eq!(pace.pass(1, Duration::ZERO), Duration::from_millis(100));
        assert_eq!(pace.pass(1, Duration::from_millis(150)), Duration::from_millis(50));
        assert_eq!(pace.pass(1, Duration::from_secs(9)), Duration::ZERO);
        // What could have passed in the meantime does not come all at once.
        assert_eq!(pace.pass(1, Duration::from_secs(9)), Duration::from_millis(100));

        let mut pace = Pace::new(Rate::Bytes(1_000));
        assert_eq!(pace.pass(500, Duration::ZERO), Duration::from_millis(500));
    }
}
