//! `kt alerts`: one file for each verb.

mod ages;
mod check;
mod run;
mod test;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use jiff::Timestamp;

use super::Effect;
use crate::error::CliError;
use crate::output::DocumentKind;
use crate::session::Session;
use crate::tui::alerts::rules::Rules;

/// `kt alerts`, with a verb.
#[derive(Args, Debug)]
pub(crate) struct AlertsArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    // The help of each is that of its arguments.
    Run(run::RunArgs),
    Check(check::CheckArgs),
    Test(test::TestArgs),
}

/// The file that each verb reads.
#[derive(Args, Clone, Debug)]
struct RulesFile {
    /// The file of rules (TOML)
    #[arg(value_name = "RULES")]
    rules: PathBuf,
}

/// What the verbs print.
pub(crate) const KINDS: &[DocumentKind] = &[run::KIND, check::KIND, test::KIND];

impl AlertsArgs {
    pub(crate) fn effect(&self) -> Effect {
        match &self.verb {
            Verb::Check(_) => Effect::Reads,
            Verb::Run(_) | Verb::Test(_) => Effect::Runs,
        }
    }
}

pub(crate) fn run(args: &AlertsArgs, session: &Session) -> Result<(), CliError> {
    match &args.verb {
        Verb::Run(args) => run::run(args, session),
        Verb::Check(args) => check::run(args, session),
        Verb::Test(args) => test::run(args, session),
    }
}

fn read(path: &Path) -> Result<Rules, CliError> {
    Ok(Rules::read(path, Timestamp::now())?)
}

/// The same, of which something has to be watched.
fn read_watched(path: &Path) -> Result<Rules, CliError> {
    let rules = read(path)?;
    if rules.rules.is_empty() && rules.checks.is_none() {
        let message = format!("{}: there is no [[rule]] and no [checks]", path.display());
        return Err(CliError::usage(message));
    }
    Ok(rules)
}
