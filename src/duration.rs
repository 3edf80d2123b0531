//! Spans of time as the command line writes them: `250ms`, `90s`, `5m`, `1h30m`, `2d`, `1w`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// The units, largest first, which is also the order they are written in. `m` is minutes.
const UNITS: [(&str, u64); 6] = [
    ("w", 7 * 24 * 3_600_000),
    ("d", 24 * 3_600_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// A span of time of whole milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span {
    pub(crate) milliseconds: u64,
}

impl Span {
    pub(crate) const fn as_millis(self) -> u64 {
        self.milliseconds
    }

    pub(crate) const fn to_std(self) -> Duration {
        Duration::from_millis(self.milliseconds)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ParseSpanError {
    text: String,
    fault: Fault,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Shape,
    NoUnit,
    Order,
    TooLong,
}

impl fmt::Display for ParseSpanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = &self.text;
        match self.fault {
            Fault::Shape => {
                write!(f, "\"{text}\" is not a duration: write 250ms, 90s, 5m or 1h30m")
            }
            Fault::NoUnit => {
                write!(f, "\"{text}\" lacks a unit: write {text}s for seconds, {text}ms, {text}m")
            }
            Fault::Order => write!(f, "\"{text}\" names its units out of order: largest first"),
            Fault::TooLong => write!(f, "\"{text}\" is longer than time can be counted"),
        }
    }
}

impl std::error::Error for ParseSpanError {}

impl FromStr for Span {
    type Err = ParseSpanError;

    fn from_str(text: &str) -> Result<Span, ParseSpanError> {
        parse(text).map_err(|fault| ParseSpanError { text: text.to_owned(), fault })
    }
}

fn parse(text: &str) -> Result<Span, Fault> {
    let mut rest = text;
    let mut milliseconds: u64 = 0;
    let mut units_left = UNITS.as_slice();
    if rest.is_empty() {
        return Err(Fault::Shape);
    }
    while !rest.is_empty() {
        let (number, after) = split_at_class_change(rest, |it| it.is_ascii_digit());
        let (unit, after) = split_at_class_change(after, |it| it.is_ascii_alphabetic());
        if number.is_empty() {
            return Err(Fault::Shape);
        }
        if unit.is_empty() {
            return Err(if after.is_empty() { Fault::NoUnit } else { Fault::Shape });
        }
        let index = UNITS.iter().position(|it| it.0 == unit).ok_or(Fault::Shape)?;
        let place = units_left.iter().position(|it| it.0 == unit).ok_or(Fault::Order)?;
        units_left = &units_left[place + 1..];
        let count: u64 = number.parse().map_err(|_| Fault::TooLong)?;
        milliseconds = count
            .checked_mul(UNITS[index].1)
            .and_then(|part| milliseconds.checked_add(part))
            .filter(|total| *total <= i64::MAX.unsigned_abs())
            .ok_or(Fault::TooLong)?;
        rest = after;
    }
    Ok(Span { milliseconds })
}

/// Splits after the leading characters for which `is_in` holds.
fn split_at_class_change(text: &str, is_in: impl Fn(char) -> bool) -> (&str, &str) {
    let end = text.find(|it| !is_in(it)).unwrap_or(text.len());
    text.split_at(end)
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut left = self.milliseconds;
        if left == 0 {
            return f.write_str("0s");
        }
        for (unit, factor) in UNITS {
            if factor <= left {
                write!(f, "{}{unit}", left / factor)?;
                left %= factor;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn millis(text: &str) -> Result<u64, String> {
        text.parse::<Span>().map(Span::as_millis).map_err(|it| it.to_string())
    }

    #[test]
    fn every_unit_is_read() {
        assert_eq!(millis("250ms"), Ok(250));
        assert_eq!(millis("90s"), Ok(90_000));
        assert_eq!(millis("5m"), Ok(300_000));
        assert_eq!(millis("1h30m"), Ok(5_400_000));
        assert_eq!(millis("2d"), Ok(172_800_000));
        assert_eq!(millis("1w"), Ok(604_800_000));
        assert_eq!(millis("1s500ms"), Ok(1_500));
    }

    #[test]
    fn what_is_no_duration_says_what_would_be() {
        insta::assert_snapshot!(millis("90").unwrap_err(), @r#""90" lacks a unit: write 90s for seconds, 90ms, 90m"#);
        insta::assert_snapshot!(millis("30m1h").unwrap_err(), @r#""30m1h" names its units out of order: largest first"#);
        insta::assert_snapshot!(millis("5 m").unwrap_err(), @r#""5 m" is not a duration: write 250ms, 90s, 5m or 1h30m"#);
        assert!(millis("").is_err());
        assert!(millis("-5s").is_err());
        assert!(millis("5M").is_err());
        assert!(millis("99999999999999999999s").unwrap_err().contains("longer"));
        assert!(millis("99999999999999w").unwrap_err().contains("longer"));
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back(milliseconds in 0..=i64::MAX.unsigned_abs()) {
            let span = Span { milliseconds };
            prop_assert_eq!(span.to_string().parse::<Span>(), Ok(span));
        }
    }
}
