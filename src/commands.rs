//! The commands: one file for each, with its arguments, which are also its help, and its `run`.

mod configs;
mod consume;
mod history;
mod produce;
mod serve;
mod topics;
mod undo;

use clap::Subcommand;

use crate::error::CliError;
use crate::session::Session;

/// Everything that `kt` does.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List, describe, create, change, check and delete topics
    Topics(topics::PluralArgs),

    /// Describe a topic
    #[command(hide = true)]
    Topic(topics::SingularArgs),

    /// Show, change and compare configs of topics, brokers, groups and more
    Configs(configs::PluralArgs),

    /// Describe configs
    #[command(hide = true)]
    Config(configs::SingularArgs),

    /// Write records: lines of standard input or a file
    Produce(produce::ProduceArgs),

    /// Read records of topics
    Consume(consume::ConsumeArgs),

    History(history::HistoryArgs),

    Undo(undo::UndoArgs),

    /// Run a Kafka-compatible broker
    Serve(serve::ServeArgs),
}

/// Runs the command that was named.
pub(crate) fn run(command: &Command, session: &Session) -> Result<(), CliError> {
    match command {
        Command::Topics(args) => topics::run_plural(args, session),
        Command::Topic(args) => topics::run_singular(args, session),
        Command::Configs(args) => configs::run_plural(args, session),
        Command::Config(args) => configs::run_singular(args, session),
        Command::History(args) => history::run(args, session),
        Command::Undo(args) => undo::run(args, session),
        Command::Produce(args) => produce::run(args, session),
        Command::Consume(args) => consume::run(args, session),
        Command::Serve(args) => serve::run(args, session),
    }
}
