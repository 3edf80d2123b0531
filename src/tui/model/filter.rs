//! The filter of loaded rows: a regular expression, or its inverse.

use regex::Regex;

/// Which rows are shown.
#[derive(Clone, Debug)]
pub(crate) struct Filter {
    text: String,
    regex: Regex,
    is_inverse: bool,
}

/// A pattern's program is not larger, in bytes: a few characters can ask for gigabytes, and it is
/// run over all that is loaded on every key.
const PROGRAM_MAX: usize = 1 << 18;

impl Filter {
    /// From what was typed behind `/`: a first `!` inverts. `Err` says what is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Option<Filter>, String> {
        let (is_inverse, pattern) = match text.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        if pattern.is_empty() {
            return Ok(None);
        }
        let built = regex::RegexBuilder::new(pattern).size_limit(PROGRAM_MAX).build();
        let regex = built.map_err(|error| last_line(&error.to_string()))?;
        Ok(Some(Filter { text: text.to_owned(), regex, is_inverse }))
    }

    /// Whether a row with these words is shown.
    pub(crate) fn shows(&self, words: &[&str]) -> bool {
        words.iter().any(|it| self.regex.is_match(it)) != self.is_inverse
    }

    /// As it was typed.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}

/// The parser draws the pattern with a caret below; its last line says what is wrong.
fn last_line(error: &str) -> String {
    let last = error.lines().last().unwrap_or_default();
    last.trim_start_matches("error: ").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_word_may_match_and_a_bang_inverts() {
        let shows = |text: &str, words: &[&str]| Filter::parse(text).unwrap().unwrap().shows(words);
        assert!(shows("^pay.*", &["payments", "off2"]) && !shows("^pay", &["orders"]));
        assert!(shows("off", &["payments", "off2"]));
        assert!(shows("!^pay", &["orders"]) && !shows("!^pay", &["payments"]));
        assert!(Filter::parse("").unwrap().is_none() && Filter::parse("!").unwrap().is_none());
    }

    #[test]
    fn what_is_no_pattern_is_said() {
        assert_eq!(Filter::parse("a(").unwrap_err(), "unclosed group");
        assert!(Filter::parse("(a{1000}){1000}").unwrap_err().contains("size limit"));
    }
}
