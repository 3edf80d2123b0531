//! Changes: what they need before they run. Section 4 of the grammar.

use std::io::{self, BufRead, Write};

use crate::error::{CliError, Kind};
use crate::session::Session;

/// A change that may lose data, before it is made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Loss<'a> {
    /// What it does, such as "delete".
    pub(crate) verb: &'static str,
    /// What it does it to, such as "topic".
    pub(crate) noun: &'static str,
    /// The things, by name.
    pub(crate) names: &'a [String],
}

/// How a question is answered, and where from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Consent {
    /// `--yes`.
    pub(crate) yes: bool,
    /// `--confirm N`.
    pub(crate) confirm: Option<usize>,
    /// The names came from a pattern, not from the command line.
    pub(crate) by_pattern: bool,
    /// Somebody can be asked.
    pub(crate) can_ask: bool,
}

/// What is left to do before a change of level 2 runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing.
    Run,
    /// Ask for this text to be typed.
    Ask(String),
    /// It does not run.
    Refuse(CliError),
}

impl Loss<'_> {
    /// Decides; asks nobody.
    pub(crate) fn verdict(&self, consent: Consent) -> Verdict {
        let Loss { verb, noun, names } = self;
        let count = names.len();
        if let Some(confirm) = consent.confirm.filter(|confirm| *confirm != count) {
            let message = format!("--confirm {confirm}, but it would {verb} {count} {noun}s");
            return Verdict::Refuse(CliError::usage(message).hint("-n shows which"));
        }
        if consent.yes {
            if consent.by_pattern && consent.confirm.is_none() {
                let message = format!("the pattern matches {count} {noun}s: say how many");
                let hint = format!("--confirm {count}, once -n has shown which");
                return Verdict::Refuse(CliError::usage(message).hint(hint));
            }
            return Verdict::Run;
        }
        if !consent.can_ask {
            let message = format!("to {verb} a {noun} here needs -y: nobody can be asked");
            return Verdict::Refuse(CliError::usage(message).hint("-n shows what would happen"));
        }
        match names {
            [name] => Verdict::Ask(name.clone()),
            // Typing a dozen names teaches to paste; the number says that the plan was read.
            _ => Verdict::Ask(count.to_string()),
        }
    }

    /// Lets the change run, asks, or refuses.
    pub(crate) fn allow(&self, session: &Session) -> Result<(), CliError> {
        let consent = Consent {
            yes: session.globals.yes,
            confirm: session.globals.confirm,
            by_pattern: session.globals.regex,
            can_ask: session.terminal.stdin_is_terminal
                && session.terminal.stderr_is_terminal
                && !session.globals.no_input,
        };
        let expected = match self.verdict(consent) {
            Verdict::Run => return Ok(()),
            Verdict::Refuse(error) => return Err(error),
            Verdict::Ask(expected) => expected,
        };
        eprint!("Type {expected} to {}: ", self.verb);
        io::stderr().flush()?;
        let mut line = String::new();
        io::stdin()
            .lock()
            .read_line(&mut line)
            .map_err(|error| CliError::other(format!("cannot read the answer: {error}")))?;
        if line.trim() == expected {
            return Ok(());
        }
        Err(CliError::new(Kind::Other, "REFUSED", "nothing was changed"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOBODY: Consent =
        Consent { yes: false, confirm: None, by_pattern: false, can_ask: false };

    fn verdict(names: &[&str], consent: Consent) -> Verdict {
        let names: Vec<String> = names.iter().map(|it| (*it).to_owned()).collect();
        Loss { verb: "delete", noun: "topic", names: &names }.verdict(consent)
    }

    fn refusal(names: &[&str], consent: Consent) -> String {
        match verdict(names, consent) {
            Verdict::Refuse(error) => {
                assert_eq!(error.kind, Kind::Usage);
                format!("{} ({})", error.message, error.hint.unwrap())
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn off_a_terminal_yes_is_needed() {
        insta::assert_snapshot!(refusal(&["orders"], NOBODY), @"to delete a topic here needs -y: nobody can be asked (-n shows what would happen)");
        assert_eq!(verdict(&["orders"], Consent { yes: true, ..NOBODY }), Verdict::Run);
    }

    #[test]
    fn on_a_terminal_the_name_is_typed() {
        let asked = Consent { can_ask: true, ..NOBODY };
        assert_eq!(verdict(&["orders"], asked), Verdict::Ask("orders".to_owned()));
        assert_eq!(verdict(&["a", "b"], asked), Verdict::Ask("2".to_owned()));
    }

    #[test]
    fn a_pattern_needs_the_number_too() {
        let pattern = Consent { yes: true, by_pattern: true, ..NOBODY };
        insta::assert_snapshot!(refusal(&["a", "b"], pattern), @"the pattern matches 2 topics: say how many (--confirm 2, once -n has shown which)");
        let wrong = Consent { confirm: Some(3), ..pattern };
        insta::assert_snapshot!(refusal(&["a", "b"], wrong), @"--confirm 3, but it would delete 2 topics (-n shows which)");
        assert_eq!(verdict(&["a", "b"], Consent { confirm: Some(2), ..pattern }), Verdict::Run);
    }
}
