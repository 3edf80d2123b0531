//! The commands: one file for each, with its arguments, which are also its help, and its `run`.

mod consume;
mod dump_log;
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

    /// Show and check the files of a log directory, with no cluster at all
    DumpLog(dump_log::DumpLogArgs),

    /// Run a Kafka-compatible broker
    Serve(serve::ServeArgs),
}

/// Runs the command that was named.
pub(crate) fn run(command: &Command, session: &Session) -> Result<(), CliError> {
    match command {
        Command::Topics(args) => topics::run_plural(args, session),
        Command::Topic(args) => topics::run_singular(args, session),
        Command::Produce(args) => produce::run(args, session),
        Command::Consume(args) => consume::run(args, session),
        Command::DumpLog(args) => dump_log::run(args, session),
        Command::Serve(args) => serve::run(args, session),
    }
}
