//! What is wrong with a file of rules: where, what, and what was probably meant.

use std::ops::Range;
use std::path::Path;

use crate::error::CliError;
use crate::nearest::nearest;

/// Why a file of rules is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct RulesError {
    /// File, line and key, and what is wrong there.
    pub(crate) message: String,
    /// What was probably meant.
    pub(crate) hint: Option<String>,
    pub(crate) is_missing: bool,
}

impl RulesError {
    pub(super) fn new(message: impl Into<String>) -> RulesError {
        RulesError { message: message.into(), hint: None, is_missing: false }
    }

    /// In the line of a file's text in which `span` begins.
    pub(super) fn at(text: &str, span: &Range<usize>, message: &str) -> RulesError {
        let before = text.get(..span.start).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        RulesError::new(format!("line {line}: {message}"))
    }

    /// Names what was meant, if one of `candidates` is near.
    pub(super) fn meant<'a>(
        mut self,
        word: &str,
        candidates: impl IntoIterator<Item = &'a str>,
    ) -> RulesError {
        self.hint = nearest(word, candidates).map(|it| format!("did you mean \"{it}\"?"));
        self
    }

    pub(super) fn hint(mut self, hint: &str) -> RulesError {
        self.hint = Some(hint.to_owned());
        self
    }

    pub(super) fn in_file(mut self, path: &Path) -> RulesError {
        self.message = format!("{}: {}", path.display(), self.message);
        self
    }

    /// What the parser says, with the key that was meant.
    pub(super) fn of_parser(text: &str, error: &toml::de::Error) -> RulesError {
        let message = error.message().replace('`', "\"");
        let fault = match error.span() {
            Some(span) => RulesError::at(text, &span, &message),
            None => RulesError::new(&message),
        };
        // unknown field "a", expected one of "b", "c"
        let mut quoted = message.split('"').skip(1).step_by(2);
        match (message.starts_with("unknown field"), quoted.next()) {
            (true, Some(word)) => fault.meant(word, quoted),
            _ => fault,
        }
    }
}

impl From<RulesError> for CliError {
    fn from(error: RulesError) -> CliError {
        let cli = match error.is_missing {
            true => CliError::not_found(error.message),
            false => CliError::usage(error.message),
        };
        match error.hint {
            Some(hint) => cli.hint(hint),
            None => cli,
        }
    }
}
