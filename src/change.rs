//! Changes: what they need before they run, by what they may cost.

use std::io::{self, BufRead, Write};

use crate::error::{CliError, Kind};
use crate::offset_change::OffsetPlan;
use crate::session::Session;

/// What a change may take from the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Risk {
    /// Nothing that cannot be given back (level 1).
    Change,
    /// Data (level 2).
    Loss,
}

/// A change of things that exist, before it is made. What only adds asks nobody.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change<'a> {
    pub(crate) risk: Risk,
    /// What it does, such as "delete".
    pub(crate) verb: &'static str,
    /// What it does it to, such as "topic".
    pub(crate) noun: &'static str,
    /// The things, by name.
    pub(crate) names: &'a [String],
    pub(crate) way_back: WayBack,
    /// The offsets that it moves, where that is what it does.
    pub(crate) offsets: Option<&'a OffsetPlan>,
}

/// Whether a change can be taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WayBack {
    /// The journal will hold what takes it back.
    Undo,
    None,
}

impl WayBack {
    pub(crate) fn of(has_undo: bool) -> WayBack {
        if has_undo { WayBack::Undo } else { WayBack::None }
    }
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

/// What is left to do before a change runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing.
    Run,
    /// Ask whether to go on; only yes is yes.
    AskYes,
    /// Ask for this text to be typed.
    AskFor(String),
    /// It does not run.
    Refuse(CliError),
}

impl<'a> Change<'a> {
    /// A change without a way back.
    pub(crate) fn new(
        risk: Risk,
        verb: &'static str,
        noun: &'static str,
        names: &'a [String],
    ) -> Change<'a> {
        Change { risk, verb, noun, names, way_back: WayBack::None, offsets: None }
    }

    /// The same, of these offsets; they can be given back.
    pub(crate) fn of_offsets(self, plan: &'a OffsetPlan) -> Change<'a> {
        Change { way_back: WayBack::Undo, offsets: Some(plan), ..self }
    }

    pub(crate) fn with(self, way_back: WayBack) -> Change<'a> {
        Change { way_back, ..self }
    }

    /// Decides; asks nobody.
    pub(crate) fn verdict(&self, consent: Consent) -> Verdict {
        let Change { risk, verb, noun, names, .. } = self;
        let count = names.len();
        if let Some(confirm) = consent.confirm.filter(|confirm| *confirm != count) {
            let things = counted(count, noun);
            let message = format!("--confirm {confirm}, but it would {verb} {things}");
            return Verdict::Refuse(CliError::usage(message).hint("-n shows which"));
        }
        if consent.yes {
            let is_counted = consent.confirm.is_some() || !consent.by_pattern;
            if *risk == Risk::Loss && !is_counted {
                let things = counted(count, noun);
                let message = format!("the pattern matches {things}: say how many");
                let hint = format!("--confirm {count}, once -n has shown which");
                return Verdict::Refuse(CliError::usage(message).hint(hint));
            }
            return Verdict::Run;
        }
        if !consent.can_ask {
            let message = format!("to {verb} a {noun} here needs -y: nobody can be asked");
            return Verdict::Refuse(CliError::usage(message).hint("-n shows what would happen"));
        }
        match (risk, names) {
            (Risk::Change, _) => Verdict::AskYes,
            (Risk::Loss, [name]) => Verdict::AskFor(name.clone()),
            // Typing a dozen names teaches to paste; the number says that the plan was read.
            (Risk::Loss, _) => Verdict::AskFor(count.to_string()),
        }
    }

    /// Lets the change run, asks, or refuses.
    pub(crate) fn allow(&self, session: &Session) -> Result<(), CliError> {
        let refused = || CliError::new(Kind::Other, "REFUSED", "nothing was changed");
        if let Some(host) = session.host() {
            return if host.agrees(self) { Ok(()) } else { Err(refused()) };
        }
        let consent = Consent {
            yes: session.globals.yes,
            confirm: session.globals.confirm,
            by_pattern: session.globals.regex,
            can_ask: session.terminal.stdin_is_terminal
                && session.terminal.stderr_is_terminal
                && !session.globals.no_input,
        };
        let is_agreed = match self.verdict(consent) {
            Verdict::Run => return Ok(()),
            Verdict::Refuse(error) => return Err(error),
            Verdict::AskYes => is_yes(&asked("Go on? [y/N] ")?),
            Verdict::AskFor(expected) => {
                asked(&format!("Type {expected} to {}: ", self.verb))? == expected
            }
        };
        match is_agreed {
            true => Ok(()),
            false => Err(refused()),
        }
    }
}

/// The line that somebody types; nothing at the end of the input.
fn asked(question: &str) -> Result<String, CliError> {
    eprint!("{question}");
    io::stderr().flush()?;
    let mut line = String::new();
    io::stdin()
        .lock()
        .read_line(&mut line)
        .map_err(|error| CliError::other(format!("cannot read the answer: {error}")))?;
    Ok(line.trim().to_owned())
}

fn is_yes(answer: &str) -> bool {
    answer.eq_ignore_ascii_case("y") || answer.eq_ignore_ascii_case("yes")
}

/// `1 topic`, `2 topics`.
pub(crate) fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOBODY: Consent =
        Consent { yes: false, confirm: None, by_pattern: false, can_ask: false };

    fn verdict(risk: Risk, names: &[&str], consent: Consent) -> Verdict {
        let names: Vec<String> = names.iter().map(|it| (*it).to_owned()).collect();
        Change::new(risk, "delete", "topic", &names).verdict(consent)
    }

    fn refusal(names: &[&str], consent: Consent) -> String {
        match verdict(Risk::Loss, names, consent) {
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
        for risk in [Risk::Change, Risk::Loss] {
            assert!(matches!(verdict(risk, &["orders"], NOBODY), Verdict::Refuse(_)));
            assert_eq!(verdict(risk, &["orders"], Consent { yes: true, ..NOBODY }), Verdict::Run);
        }
    }

    #[test]
    fn on_a_terminal_a_change_asks_for_yes_and_a_loss_for_the_name() {
        let asked = Consent { can_ask: true, ..NOBODY };
        assert_eq!(verdict(Risk::Change, &["a", "b"], asked), Verdict::AskYes);
        let loss = |names: &[&str]| verdict(Risk::Loss, names, asked);
        assert_eq!(loss(&["orders"]), Verdict::AskFor("orders".to_owned()));
        assert_eq!(loss(&["a", "b"]), Verdict::AskFor("2".to_owned()));
    }

    #[test]
    fn only_yes_is_yes() {
        assert!(["y", "Y", "yes", "Yes"].iter().all(|it| is_yes(it)));
        assert!(!["", "n", "no", "ye", "yes please"].iter().any(|it| is_yes(it)));
    }

    #[test]
    fn a_loss_by_pattern_needs_the_number_too() {
        let pattern = Consent { yes: true, by_pattern: true, ..NOBODY };
        insta::assert_snapshot!(refusal(&["a", "b"], pattern), @"the pattern matches 2 topics: say how many (--confirm 2, once -n has shown which)");
        let wrong = Consent { confirm: Some(3), ..pattern };
        insta::assert_snapshot!(refusal(&["a", "b"], wrong), @"--confirm 3, but it would delete 2 topics (-n shows which)");
        let right = Consent { confirm: Some(2), ..pattern };
        assert_eq!(verdict(Risk::Loss, &["a", "b"], right), Verdict::Run);
        assert_eq!(verdict(Risk::Change, &["a", "b"], pattern), Verdict::Run);
        assert!(matches!(verdict(Risk::Change, &["a", "b"], wrong), Verdict::Refuse(_)));
    }
}
