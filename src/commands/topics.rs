//! `kt topics`: one file for each verb.

mod alter;
mod check;
mod create;
mod delete;
mod describe;
mod list;
mod offsets;
mod trim;

use clap::{Args, Subcommand};

use super::Effect;
use crate::error::CliError;
use crate::output::DocumentKind;
use crate::session::Session;

/// `kt topics`: with a verb, or alone, which lists.
#[derive(Args, Debug)]
#[command(subcommand_precedence_over_arg = true)]
pub(crate) struct PluralArgs {
    #[command(flatten)]
    filter: list::Filter,

    #[command(subcommand)]
    verb: Option<Verb>,
}

/// `kt topic`: with a verb, or with topics, which describes.
#[derive(Args, Debug)]
#[command(subcommand_precedence_over_arg = true, subcommand_negates_reqs = true)]
pub(crate) struct SingularArgs {
    #[command(flatten)]
    describe: Option<describe::DescribeArgs>,

    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Debug, Subcommand)]
enum Verb {
    // The help of each is that of its arguments.
    List(list::ListArgs),
    Describe(describe::DescribeArgs),
    Create(create::CreateArgs),
    Offsets(offsets::OffsetsArgs),
    Check(check::CheckArgs),
    Alter(alter::AlterArgs),
    Delete(delete::DeleteArgs),
    Trim(trim::TrimArgs),
}

/// What the verbs print.
pub(crate) const KINDS: &[DocumentKind] = &[
    list::KIND,
    describe::KIND,
    create::KIND,
    offsets::KIND,
    check::KIND,
    alter::KIND,
    delete::KIND,
    trim::KIND,
];

impl PluralArgs {
    pub(crate) fn effect(&self) -> Effect {
        self.verb.as_ref().map_or(Effect::Reads, Verb::effect)
    }
}

impl SingularArgs {
    pub(crate) fn effect(&self) -> Effect {
        self.verb.as_ref().map_or(Effect::Reads, Verb::effect)
    }
}

impl Verb {
    fn effect(&self) -> Effect {
        match self {
            Verb::List(_) | Verb::Describe(_) | Verb::Offsets(_) | Verb::Check(_) => Effect::Reads,
            Verb::Create(_) | Verb::Alter(_) | Verb::Delete(_) | Verb::Trim(_) => Effect::Changes,
        }
    }
}

pub(crate) fn run_plural(args: &PluralArgs, session: &Session) -> Result<(), CliError> {
    match &args.verb {
        None => list::run(&list::ListArgs::of_all(args.filter), session),
        Some(Verb::List(list)) => list::run(&list.with(args.filter), session),
        Some(_) if args.filter.is_set() => {
            let error = CliError::usage("--under-replicated, --under-min-isr and --offline list");
            Err(error.hint("kt topics list --under-replicated"))
        }
        Some(verb) => run(verb, session),
    }
}

pub(crate) fn run_singular(args: &SingularArgs, session: &Session) -> Result<(), CliError> {
    match (&args.verb, &args.describe) {
        (Some(verb), _) => run(verb, session),
        (None, Some(args)) => describe::run(args, session),
        (None, None) => Err(CliError::usage("which topic?").hint("kt topic NAME")),
    }
}

fn run(verb: &Verb, session: &Session) -> Result<(), CliError> {
    match verb {
        Verb::List(args) => list::run(args, session),
        Verb::Describe(args) => describe::run(args, session),
        Verb::Create(args) => create::run(args, session),
        Verb::Offsets(args) => offsets::run(args, session),
        Verb::Check(args) => check::run(args, session),
        Verb::Alter(args) => alter::run(args, session),
        Verb::Delete(args) => delete::run(args, session),
        Verb::Trim(args) => trim::run(args, session),
    }
}
