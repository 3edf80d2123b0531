//! The commands: one file for each, with its arguments, which are also its help, and its `run`.

mod completions;
mod consume;
mod context;
mod man;
mod produce;
mod serve;
mod topics;

use clap::Subcommand;

use crate::error::CliError;
use crate::session::Session;

/// Everything that `kt` does.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List, describe, create and delete topics
    Topics(topics::PluralArgs),

    /// Describe a topic
    #[command(hide = true)]
    Topic(topics::SingularArgs),

    /// Write records: lines of standard input or a file
    Produce(produce::ProduceArgs),

    /// Read records of topics
    Consume(consume::ConsumeArgs),

    /// Choose and manage clusters by name
    Context(context::SingularArgs),

    /// List contexts
    #[command(hide = true)]
    Contexts(context::PluralArgs),

    /// Print the completion script of a shell
    Completions(completions::CompletionsArgs),

    /// Print the manual page of a command
    Man(man::ManArgs),

    /// Run a Kafka-compatible broker
    Serve(serve::ServeArgs),
}

impl Command {
    /// Whether it changes a cluster, its records included: a protected context refuses those.
    fn is_change(&self) -> bool {
        match self {
            Command::Topics(args) => args.is_change(),
            Command::Topic(args) => args.is_change(),
            Command::Produce(_) => true,
            Command::Consume(_) | Command::Context(_) | Command::Contexts(_) => false,
            Command::Completions(_) | Command::Man(_) | Command::Serve(_) => false,
        }
    }
}

/// Runs the command that was named.
pub(crate) fn run(command: &Command, session: &Session) -> Result<(), CliError> {
    if command.is_change() && !session.globals.dry_run {
        session.require_unlocked()?;
    }
    match command {
        Command::Topics(args) => topics::run_plural(args, session),
        Command::Topic(args) => topics::run_singular(args, session),
        Command::Produce(args) => produce::run(args, session),
        Command::Consume(args) => consume::run(args, session),
        Command::Context(args) => context::run_singular(args, session),
        Command::Contexts(args) => context::run_plural(args, session),
        Command::Completions(args) => completions::run(args),
        Command::Man(args) => man::run(args),
        Command::Serve(args) => serve::run(args, session),
    }
}
