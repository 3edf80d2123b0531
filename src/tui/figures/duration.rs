//! Durations and periods: at most two units, in 5 cells.

const SECOND: u64 = 1000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const YEAR: u64 = 365 * DAY;

/// Time that passed or is left, of milliseconds: `850ms`, `4m12s`, `12m`, `2d04h`. At most 5 cells.
///
/// Two units below 10 of the larger one, else one; what is less than the last unit is cut off.
pub(crate) fn duration(milliseconds: u64) -> String {
    match milliseconds {
        0 => "0".to_owned(),
        1..SECOND => format!("{milliseconds}ms"),
        SECOND..MINUTE => format!("{}s", milliseconds / SECOND),
        MINUTE..HOUR => two(milliseconds, (MINUTE, "m"), (SECOND, "s")),
        HOUR..DAY => two(milliseconds, (HOUR, "h"), (MINUTE, "m")),
        _ if milliseconds / DAY < 10_000 => two(milliseconds, (DAY, "d"), (HOUR, "h")),
        _ if milliseconds / YEAR < 10_000 => format!("{}y", milliseconds / YEAR),
        _ => ">999y".to_owned(),
    }
}

/// A length that somebody set, such as `retention.ms`: as a duration, but `7d`, not `7d00h`.
pub(crate) fn period(milliseconds: u64) -> String {
    let whole = [DAY, HOUR, MINUTE].into_iter().find(|unit| milliseconds >= *unit);
    match whole {
        Some(unit) if milliseconds.is_multiple_of(unit) => {
            let text = duration(milliseconds);
            let end =
                text.find(|it: char| it.is_ascii_alphabetic()).map_or(text.len(), |it| it + 1);
            text[..end].to_owned()
        }
        _ => duration(milliseconds),
    }
}

fn two(milliseconds: u64, larger: (u64, &str), smaller: (u64, &str)) -> String {
    let first = milliseconds / larger.0;
    if first >= 10 {
        return format!("{first}{}", larger.1);
    }
    let second = milliseconds % larger.0 / smaller.0;
    format!("{first}{}{second:02}{}", larger.1, smaller.1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{DURATION, cells};
    use super::*;

    #[test]
    fn two_units_below_ten_of_the_larger() {
        let times = [
            850,
            9 * SECOND,
            4 * MINUTE + 12 * SECOND,
            12 * MINUTE + 59 * SECOND,
            3 * HOUR + 5 * MINUTE,
            2 * DAY + 4 * HOUR,
            14 * DAY,
        ];
        let written = times.map(duration);
        assert_eq!(written, ["850ms", "9s", "4m12s", "12m", "3h05m", "2d04h", "14d"]);
    }

    #[test]
    fn the_edges_of_the_units() {
        let times = [0, 999, 1000, 59_999, 60_000, HOUR - 1, HOUR, DAY - 1, DAY, u64::MAX];
        let written = times.map(duration);
        assert_eq!(
            written,
            ["0", "999ms", "1s", "59s", "1m00s", "59m", "1h00m", "23h", "1d00h", ">999y"]
        );
    }

    #[test]
    fn a_period_has_no_second_unit_of_zero() {
        let written = [7 * DAY, 14 * DAY, 36 * HOUR, 5 * MINUTE, 90_000, 500, 0].map(period);
        assert_eq!(written, ["7d", "14d", "1d12h", "5m", "1m30s", "500ms", "0"]);
    }

    proptest! {
        #[test]
        fn no_duration_widens_its_column(bits in 0u32..64, below in any::<u64>()) {
            prop_assert!(cells(&duration(below >> bits)) <= DURATION);
            prop_assert!(cells(&period(below >> bits)) <= DURATION);
        }
    }
}
