//! `kt groups`: one file for each verb.

mod check;
mod delete;
mod delete_offsets;
mod describe;
mod list;
mod offsets;
mod remove_member;
mod reset;

use clap::{Args, Subcommand};

use super::Effect;
use crate::error::CliError;
use crate::output::DocumentKind;
use crate::session::Session;

/// `kt groups`: with a verb, or alone, which lists.
#[derive(Args, Debug)]
#[command(subcommand_precedence_over_arg = true)]
pub(crate) struct PluralArgs {
    #[command(flatten)]
    filter: list::Filter,

    #[command(subcommand)]
    verb: Option<Verb>,
}

/// `kt group`: with a verb, or with groups, which describes.
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
    Offsets(offsets::OffsetsArgs),
    Reset(reset::ResetArgs),
    Check(check::CheckArgs),
    Delete(delete::DeleteArgs),
    DeleteOffsets(delete_offsets::DeleteOffsetsArgs),
    RemoveMember(remove_member::RemoveMemberArgs),
}

/// What the verbs print.
pub(crate) const KINDS: &[DocumentKind] = &[
    list::KIND,
    describe::KIND,
    offsets::KIND,
    reset::KIND,
    check::KIND,
    delete::KIND,
    delete_offsets::KIND,
    remove_member::KIND,
];

impl PluralArgs {
    pub(crate) fn effect(&self) -> Effect {
        self.verb.as_ref().map_or(Effect::Reads, Verb::effect)
    }

    /// True of `kt groups reset`, which Apache Kafka's tools show too.
    pub(crate) fn is_reset(&self) -> bool {
        matches!(self.verb, Some(Verb::Reset(_)))
    }
}

impl SingularArgs {
    pub(crate) fn effect(&self) -> Effect {
        self.verb.as_ref().map_or(Effect::Reads, Verb::effect)
    }

    /// True of `kt groups reset`, which Apache Kafka's tools show too.
    pub(crate) fn is_reset(&self) -> bool {
        matches!(self.verb, Some(Verb::Reset(_)))
    }
}

impl Verb {
    fn effect(&self) -> Effect {
        match self {
            Verb::List(_) | Verb::Describe(_) | Verb::Offsets(_) | Verb::Check(_) => Effect::Reads,
            Verb::Reset(_) | Verb::Delete(_) | Verb::DeleteOffsets(_) | Verb::RemoveMember(_) => {
                Effect::Changes
            }
        }
    }
}

pub(crate) fn run_plural(args: &PluralArgs, session: &Session) -> Result<(), CliError> {
    match &args.verb {
        None => list::run(&list::ListArgs::of_all(args.filter.clone()), session),
        Some(Verb::List(list)) => list::run(&list.with(&args.filter), session),
        Some(_) if args.filter.is_set() => {
            let error = CliError::usage("--state and --type choose what is listed");
            Err(error.hint("kt groups list --state Empty"))
        }
        Some(verb) => run(verb, session),
    }
}

pub(crate) fn run_singular(args: &SingularArgs, session: &Session) -> Result<(), CliError> {
    match (&args.verb, &args.describe) {
        (Some(verb), _) => run(verb, session),
        (None, Some(args)) => describe::run(args, session),
        (None, None) => Err(CliError::usage("which group?").hint("kt group NAME")),
    }
}

fn run(verb: &Verb, session: &Session) -> Result<(), CliError> {
    match verb {
        Verb::List(args) => list::run(args, session),
        Verb::Describe(args) => describe::run(args, session),
        Verb::Offsets(args) => offsets::run(args, session),
        Verb::Reset(args) => reset::run(args, session),
        Verb::Check(args) => check::run(args, session),
        Verb::Delete(args) => delete::run(args, session),
        Verb::DeleteOffsets(args) => delete_offsets::run(args, session),
        Verb::RemoveMember(args) => remove_member::run(args, session),
    }
}
