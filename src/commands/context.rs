//! `kt context`: clusters by name; one file for each verb.

mod add;
mod explain;
mod import;
mod list;
mod show;
mod r#use;

use clap::{Args, Subcommand};

use crate::error::CliError;
use crate::output::DocumentKind;
use crate::session::Session;

/// `kt context`: with a verb, or alone, which shows the one in use.
#[derive(Args, Debug)]
pub(crate) struct SingularArgs {
    #[command(subcommand)]
    verb: Option<Verb>,
}

/// `kt contexts`: with a verb, or alone, which lists.
#[derive(Args, Debug)]
pub(crate) struct PluralArgs {
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List contexts
    List,

    Use(r#use::UseArgs),

    Show(show::ShowArgs),

    Add(add::AddArgs),

    Import(import::ImportArgs),

    /// Show every setting and where it comes from
    Explain,
}

/// What the verbs print.
pub(crate) const KINDS: &[DocumentKind] = &[list::KIND, show::KIND, explain::KIND];

pub(crate) fn run_singular(args: &SingularArgs, session: &Session) -> Result<(), CliError> {
    match &args.verb {
        None => show::run(&show::ShowArgs::in_use(), session),
        Some(verb) => run(verb, session),
    }
}

pub(crate) fn run_plural(args: &PluralArgs, session: &Session) -> Result<(), CliError> {
    match &args.verb {
        None => list::run(session),
        Some(verb) => run(verb, session),
    }
}

fn run(verb: &Verb, session: &Session) -> Result<(), CliError> {
    match verb {
        Verb::List => list::run(session),
        Verb::Use(args) => r#use::run(args, session),
        Verb::Show(args) => show::run(args, session),
        Verb::Add(args) => add::run(args, session),
        Verb::Import(args) => import::run(args, session),
        Verb::Explain => explain::run(session),
    }
}
