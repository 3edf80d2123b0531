//! How many times as fast a recording is played.

use std::fmt;
use std::str::FromStr;

/// Above zero, up to `Speed::MAX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Speed {
    thousandths: u32,
}

impl Speed {
    /// As it was.
    pub(crate) const ONE: Speed = Speed { thousandths: 1_000 };
    /// A quarter of an hour in a second; faster ones do not fit the header either.
    pub(crate) const MAX: Speed = Speed { thousandths: 999_000 };
    const MIN: Speed = Speed { thousandths: 1 };

    /// How much of the recording goes by in so many ms of ours.
    pub(crate) fn recorded(self, ms: u64) -> u64 {
        ms.saturating_mul(u64::from(self.thousandths)) / 1_000
    }

    /// How many ms of ours so much of the recording takes, rounded up.
    pub(crate) fn real(self, ms: u64) -> u64 {
        ms.saturating_mul(1_000).div_ceil(u64::from(self.thousandths))
    }
}

impl FromStr for Speed {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Speed, &'static str> {
        let wrong = "a number from 0.001 to 999, such as 8 or 0.5";
        let number = text.strip_suffix('x').unwrap_or(text).parse::<f64>().map_err(|_| wrong)?;
        let thousandths = (number * 1_000.0).round();
        let range = f64::from(Speed::MIN.thousandths)..=f64::from(Speed::MAX.thousandths);
        if !range.contains(&thousandths) {
            return Err(wrong);
        }
        Ok(Speed { thousandths: thousandths as u32 })
    }
}

/// At most three characters, as the header has no room for more: `8`, `2.5`, `0.5`, `.25`, and `0.0` for
/// what is slower than a hundredth.
impl fmt::Display for Speed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, tenths) = (self.thousandths / 1_000, self.thousandths % 1_000 / 100);
        let hundredths = self.thousandths % 1_000 / 10;
        match (whole, tenths) {
            (10.., _) | (_, 0) if 0 < whole => write!(f, "{whole}"),
            (1.., _) => write!(f, "{whole}.{tenths}"),
            _ if hundredths == 0 => f.write_str("0.0"),
            _ if hundredths.is_multiple_of(10) => write!(f, "0.{tenths}"),
            _ => write!(f, ".{hundredths:02}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn speed(text: &str) -> Speed {
        text.parse().unwrap()
    }

    #[test]
    fn speeds_are_read_and_shown_in_three_characters() {
        let shown = |text: &str| speed(text).to_string();
        let all = ["8", "1", "0.5", "0.25", "2.5", "8x", "12.5", "999", "0.01", "0.001", "1.25"];
        let shown: Vec<String> = all.into_iter().map(shown).collect();
        assert_eq!(shown.join(" "), "8 1 0.5 .25 2.5 8 12 999 .01 0.0 1.2");
        for wrong in ["0", "-1", "1000", "nan", "inf", "", "x", "0.0001", "1e9"] {
            assert!(wrong.parse::<Speed>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn time_goes_by_as_fast_as_was_said() {
        assert_eq!(speed("8").recorded(1_000), 8_000);
        assert_eq!(speed("8").real(8_000), 1_000);
        assert_eq!(speed("0.5").real(1_000), 2_000);
    }

    proptest! {
        // Who sleeps for what is left until a moment finds that it has come.
        #[test]
        fn after_the_real_time_the_recorded_has_passed(thousandths in 1_u32..=999_000, ms in 0_u64..1 << 40) {
            let speed = Speed { thousandths };
            prop_assert!(ms <= speed.recorded(speed.real(ms)));
            prop_assert!(speed.to_string().len() <= 3);
        }
    }
}
