//! Amounts of bytes, and bytes a second.

use super::count::in_units;

const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

/// An amount of bytes: `812`, `3.4GiB`, `340GiB`. At most 7 cells.
pub(crate) fn bytes(amount: u64) -> String {
    match amount {
        0..1000 => amount.to_string(),
        _ => in_units(amount as f64, 1024.0, 1024.0, &UNITS),
    }
}

/// Bytes a second: as an amount, but what is more than nothing is never written as `0`.
pub(crate) fn byte_rate(per_second: f64) -> String {
    if per_second.is_nan() {
        return "–".to_owned();
    }
    if per_second <= 0.0 {
        return "0".to_owned();
    }
    if per_second < 1.0 {
        return "<1".to_owned();
    }
    if per_second.round() < 1000.0 {
        return format!("{per_second:.0}");
    }
    in_units(per_second, 1024.0, 1024.0, &UNITS)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{BYTES, cells};
    use super::*;

    #[test]
    fn bytes_go_in_powers_of_1024() {
        let written = [812, 3_650_722_202, 43_306_189, 340 << 30].map(bytes);
        assert_eq!(written, ["812", "3.4GiB", "41.3MiB", "340GiB"]);
    }

    #[test]
    fn a_thousand_of_a_unit_is_the_next() {
        let written = [0, 999, 1000, 999 << 10, 1000 << 10, 1023 << 20, i64::MAX as u64].map(bytes);
        assert_eq!(written, ["0", "999", "1.0KiB", "999KiB", "1.0MiB", "1.0GiB", "8.0EiB"]);
        let rates = [0.0, 0.3, 999.4, 999.6, 22_100_000.0, f64::NAN].map(byte_rate);
        assert_eq!(rates, ["0", "<1", "999", "1.0KiB", "21.1MiB", "–"]);
    }

    proptest! {
        #[test]
        fn no_amount_widens_its_column(bits in 0u32..64, below in any::<u64>(), rate in any::<f64>()) {
            prop_assert!(cells(&bytes(below >> bits)) <= BYTES);
            prop_assert!(cells(&byte_rate(rate)) <= BYTES);
        }
    }
}
