//! The colour of a context: one of the sixteen by name, or red, green and blue.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What the dashboard paints its first line with, so that clusters are told apart at a glance.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) enum ContextColor {
    /// The terminal's own, 0 to 15.
    Named(u8),
    /// Red, green and blue.
    Rgb(u8, u8, u8),
}

/// The sixteen, by the numbers that terminals have for them.
const NAMES: [&str; 16] = [
    "black",
    "red",
    "green",
    "yellow",
    "blue",
    "magenta",
    "cyan",
    "white",
    "bright-black",
    "bright-red",
    "bright-green",
    "bright-yellow",
    "bright-blue",
    "bright-magenta",
    "bright-cyan",
    "bright-white",
];

/// A text that is no colour.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "color \"{0}\" is unknown: black, red, green, yellow, blue, magenta, cyan, white, one of them \
     with bright- before it, or #rrggbb"
)]
pub(crate) struct ParseColorError(String);

impl FromStr for ContextColor {
    type Err = ParseColorError;

    fn from_str(text: &str) -> Result<ContextColor, ParseColorError> {
        if let Some(index) = (0_u8..).zip(NAMES).find(|(_, name)| *name == text) {
            return Ok(ContextColor::Named(index.0));
        }
        let unknown = || ParseColorError(text.to_owned());
        let digits = text.strip_prefix('#').filter(|it| it.len() == 6).ok_or_else(unknown)?;
        // A sign is no digit, though numbers are read with it.
        if !digits.bytes().all(|it| it.is_ascii_hexdigit()) {
            return Err(unknown());
        }
        let all = u32::from_str_radix(digits, 16).map_err(|_| unknown())?;
        let [_, red, green, blue] = all.to_be_bytes();
        Ok(ContextColor::Rgb(red, green, blue))
    }
}

impl fmt::Display for ContextColor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ContextColor::Named(index) => f.write_str(NAMES[usize::from(*index) % NAMES.len()]),
            ContextColor::Rgb(red, green, blue) => write!(f, "#{red:02x}{green:02x}{blue:02x}"),
        }
    }
}

impl TryFrom<String> for ContextColor {
    type Error = ParseColorError;

    fn try_from(text: String) -> Result<ContextColor, ParseColorError> {
        text.parse()
    }
}

impl From<ContextColor> for String {
    fn from(color: ContextColor) -> String {
        color.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_written_again() {
        for text in NAMES.iter().copied().chain(["#00ff7f", "#123abc"]) {
            assert_eq!(text.parse::<ContextColor>().unwrap().to_string(), text);
        }
        assert_eq!("#B40000".parse(), Ok(ContextColor::Rgb(180, 0, 0)));
        assert_eq!("bright-red".parse(), Ok(ContextColor::Named(9)));
    }

    #[test]
    fn what_is_no_colour_is_said() {
        for text in ["", "pink", "Red", "#fff", "#12345g", "#+12345", "#12345é", "123456"] {
            let said = text.parse::<ContextColor>().unwrap_err().to_string();
            assert!(said.starts_with(&format!("color \"{text}\" is unknown: black, ")), "{said}");
        }
    }
}
