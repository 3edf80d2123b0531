//! Amounts of bytes as the command line writes them: `10MB` is 10^7 bytes, `10MiB` 10 * 2^20.

use std::fmt;
use std::str::FromStr;

const UNITS: [(&str, u64); 10] = [
    ("B", 1),
    ("kB", 1_000),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];

/// A number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Size(pub(crate) u64);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ParseSizeError {
    text: String,
}

impl fmt::Display for ParseSizeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\" is not a size: write 512B, 10MB (10^6) or 10MiB (2^20)", self.text)
    }
}

impl std::error::Error for ParseSizeError {}

impl FromStr for Size {
    type Err = ParseSizeError;

    fn from_str(text: &str) -> Result<Size, ParseSizeError> {
        let wrong = || ParseSizeError { text: text.to_owned() };
        let end = text.find(|it: char| !it.is_ascii_digit()).ok_or_else(wrong)?;
        let (number, unit) = text.split_at(end);
        let number: u64 = number.parse().map_err(|_| wrong())?;
        let factor = UNITS.iter().find(|it| it.0 == unit).ok_or_else(wrong)?.1;
        number.checked_mul(factor).map(Size).ok_or_else(wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_of_ten_and_of_two_are_told_apart() {
        assert_eq!("10MB".parse(), Ok(Size(10_000_000)));
        assert_eq!("10MiB".parse(), Ok(Size(10 << 20)));
        assert_eq!("512B".parse(), Ok(Size(512)));
        assert_eq!("1kB".parse(), "1KB".parse::<Size>());
        assert_eq!("1TiB".parse(), Ok(Size(1 << 40)));
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for text in ["", "10", "MB", "1.5GB", "10mb", "-1MB", "99999999999TiB", "10 MB"] {
            assert!(text.parse::<Size>().is_err(), "{text}");
        }
        insta::assert_snapshot!(
            "10M".parse::<Size>().unwrap_err(),
            @r#""10M" is not a size: write 512B, 10MB (10^6) or 10MiB (2^20)"#
        );
    }
}
