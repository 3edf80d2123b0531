//! Counts, rates of records, shares and offsets.

/// From here on a count goes in powers of 1000.
const FIRST_UNIT: f64 = 1000.0;
/// P and E stand for what only a fault or a test reaches: a column is never widened.
const UNITS: [&str; 6] = ["K", "M", "G", "T", "P", "E"];

/// A number of things: `9999`, `10.0K`, `340K`. At most 5 cells.
pub(crate) fn count(number: u64) -> String {
    match number {
        0..10_000 => number.to_string(),
        _ => scaled(number as f64),
    }
}

/// A number of things in `width` cells: exact if that fits, else in whole units (`12K`), else less
/// than it is (`>9K`).
pub(crate) fn count_in(number: u64, width: usize) -> String {
    let exact = number.to_string();
    if exact.len() <= width {
        return exact;
    }
    let (mut below, mut largest) = (number, "");
    for unit in UNITS {
        below /= 1_000;
        if below == 0 {
            break;
        }
        let text = format!("{below}{unit}");
        if text.len() <= width {
            return text;
        }
        largest = unit;
    }
    match width.checked_sub(2) {
        Some(nines @ 1..) if !largest.is_empty() => format!(">{}{largest}", "9".repeat(nines)),
        _ => ">".repeat(width),
    }
}

/// Things a second: as a count, but what is more than nothing is never written as `0`.
pub(crate) fn rate(per_second: f64) -> String {
    if per_second.is_nan() {
        return "–".to_owned();
    }
    if per_second <= 0.0 {
        return "0".to_owned();
    }
    if per_second < 1.0 {
        return "<1".to_owned();
    }
    if per_second.round() < 10_000.0 {
        return format!("{per_second:.0}");
    }
    scaled(per_second)
}

fn scaled(number: f64) -> String {
    in_units(number, FIRST_UNIT, 1000.0, &UNITS)
}

/// `number` in the first of `units` that takes it: one decimal below 100, at most 999.
/// Each unit is `step` times the one before, the first of them `first`.
pub(super) fn in_units(number: f64, first: f64, step: f64, units: &[&str]) -> String {
    let mut size = first;
    for unit in units {
        // Rounding may carry: 99.96 is written 100, 999.6 belongs to the next unit.
        let tenths = (number / size * 10.0).round();
        if tenths < 1000.0 {
            return format!("{:.1}{unit}", tenths / 10.0);
        }
        let whole = (number / size).round();
        if whole < 1000.0 {
            return format!("{whole:.0}{unit}");
        }
        size *= step;
    }
    format!(">999{}", units.last().copied().unwrap_or_default())
}

/// A share of one whole: `<1%`, `71%`, `100%`. At most 4 cells.
///
/// Rounded down, so that `100%` is said of the whole only. From ten wholes on it is written in
/// wholes (`12×`).
pub(crate) fn share(part: f64) -> String {
    if part.is_nan() {
        return "–".to_owned();
    }
    if part <= 0.0 {
        return "0%".to_owned();
    }
    if part < 0.01 {
        return "<1%".to_owned();
    }
    // A share such as 0.29 is a little less than 29 hundredths in binary.
    let percent = (part * 100.0 + 1e-9).floor();
    if percent < 1000.0 {
        return format!("{percent:.0}%");
    }
    if part < 1000.0 {
        return format!("{:.0}×", part.floor());
    }
    ">1K×".to_owned()
}

/// An offset, every digit: it is typed back.
///
/// One that is longer than `width` cells keeps its last digits behind `…`; the wide table shows it
/// whole. Below zero there is no offset.
pub(crate) fn offset(offset: i64, width: usize) -> String {
    if offset < 0 {
        return "–".to_owned();
    }
    let digits = offset.to_string();
    if digits.len() <= width {
        return digits;
    }
    if width == 0 {
        return String::new();
    }
    format!("…{}", &digits[digits.len() - (width - 1)..])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{COUNT, OFFSET, SHARE, cells};
    use super::*;

    #[test]
    fn counts_are_exact_below_ten_thousand() {
        let written = [7, 9999, 10_000, 84_213, 340_000, 1_200_000].map(count);
        assert_eq!(written, ["7", "9999", "10.0K", "84.2K", "340K", "1.2M"]);
    }

    #[test]
    fn a_count_in_little_room_is_scaled_and_never_cut() {
        let written =
            [0, 999, 1_000, 12_345, 123_456, 1_234_567, 200_000_000].map(|it| count_in(it, 3));
        assert_eq!(written, ["0", "999", "1K", "12K", ">9K", "1M", ">9M"]);
        let written = [9_999, 10_000, 123_456, 1_234_567].map(|it| count_in(it, 4));
        assert_eq!(written, ["9999", "10K", "123K", "1M"]);
        assert_eq!([count_in(100, 2), count_in(1_000, 2), count_in(10_000, 2)], [">>", "1K", ">>"]);
    }

    #[test]
    fn rounding_carries_into_the_next_unit() {
        let written = [0, 99_949, 99_950, 999_499, 999_500, u64::MAX].map(count);
        assert_eq!(written, ["0", "99.9K", "100K", "999K", "1.0M", "18.4E"]);
    }

    #[test]
    fn a_rate_above_nothing_is_not_nothing() {
        let written = [0.0, 0.2, 1.4, 9999.4, 9999.5, 84_200.0, -3.0, f64::NAN].map(rate);
        assert_eq!(written, ["0", "<1", "1", "9999", "10.0K", "84.2K", "0", "–"]);
        assert_eq!(rate(f64::INFINITY), ">999E");
    }

    #[test]
    fn a_share_is_whole_only_when_it_is() {
        let written = [0.0, 0.004, 0.01, 0.29, 0.71, 0.999, 1.0, 1.5, 12.3, 1e9].map(share);
        assert_eq!(
            written,
            ["0%", "<1%", "1%", "29%", "71%", "99%", "100%", "150%", "12×", ">1K×"]
        );
    }

    #[test]
    fn offsets_keep_every_digit_that_fits() {
        assert_eq!(offset(182_004_113, OFFSET), "182004113");
        assert_eq!(offset(i64::MAX, 19), "9223372036854775807");
        assert_eq!(offset(i64::MAX, OFFSET), "…854775807");
        assert_eq!(offset(-1, OFFSET), "–");
    }

    proptest! {
        #[test]
        fn no_number_widens_its_column(number in 0u64..=i64::MAX as u64, width in 0usize..25) {
            prop_assert!(cells(&count(number)) <= COUNT);
            prop_assert!(cells(&count_in(number, width)) <= width);
            prop_assert!(cells(&offset(number as i64, width)) <= width);
        }

        #[test]
        fn every_magnitude_fits(bits in 0u32..63, below in any::<u64>()) {
            prop_assert!(cells(&count(below >> bits)) <= COUNT);
        }

        #[test]
        fn no_rate_or_share_widens_its_column(number in any::<f64>()) {
            prop_assert!(cells(&rate(number)) <= COUNT);
            prop_assert!(cells(&share(number)) <= SHARE);
        }
    }
}
