//! The commands: one file for each, with its arguments, which are also its help, and its `run`.

mod alerts;
mod completions;
mod configs;
mod consume;
mod context;
mod dashboard;
mod demo;
mod dump_log;
mod groups;
mod help;
mod history;
mod man;
mod produce;
mod schema;
mod serve;
mod topics;
mod undo;

use clap::Subcommand;

use crate::error::CliError;
use crate::output::{self, DocumentKind, Format};
use crate::record_schema::RecordShape;
use crate::session::Session;
use crate::watch;

/// Everything that `kt` does. Help without a comment here is that of the arguments: a comment would
/// hide its longer half.
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

    /// List, describe, move, check and delete groups and what they have committed
    Groups(groups::PluralArgs),

    /// Describe groups
    #[command(hide = true)]
    Group(groups::SingularArgs),

    /// Watch a cluster by rules of one's own, and tell people and programs
    Alerts(alerts::AlertsArgs),

    Produce(produce::ProduceArgs),

    Consume(consume::ConsumeArgs),

    DumpLog(dump_log::DumpLogArgs),

    /// Choose and manage clusters by name
    Context(context::SingularArgs),

    /// List contexts
    #[command(hide = true)]
    Contexts(context::PluralArgs),

    Completions(completions::CompletionsArgs),

    Man(man::ManArgs),

    Schema(schema::SchemaArgs),

    Help(help::HelpArgs),

    History(history::HistoryArgs),

    Undo(undo::UndoArgs),

    Serve(serve::ServeArgs),

    #[command(alias = "ui")]
    Dashboard(dashboard::DashboardArgs),

    Demo(demo::DemoArgs),
}

impl Command {
    /// What it does to a cluster.
    fn effect(&self) -> Effect {
        match self {
            Command::Topics(args) => args.effect(),
            Command::Topic(args) => args.effect(),
            Command::Configs(args) => args.effect(),
            Command::Config(args) => args.effect(),
            Command::Groups(args) => args.effect(),
            Command::Group(args) => args.effect(),
            Command::Alerts(args) => args.effect(),
            Command::History(_) => Effect::Reads,
            Command::Undo(_) | Command::Produce(_) => Effect::Changes,
            Command::Contexts(_) | Command::Context(_) => Effect::Reads,
            Command::Consume(args) => args.effect(),
            Command::Completions(_)
            | Command::Man(_)
            | Command::DumpLog(_)
            | Command::Schema(_)
            | Command::Help(_)
            | Command::Dashboard(_)
            | Command::Demo(_)
            | Command::Serve(_) => Effect::Runs,
        }
    }
}

impl Command {
    /// A change that needs nothing but its words: those of the dashboard.
    pub(crate) fn is_action(&self) -> bool {
        self.effect() == Effect::Changes && !matches!(self, Command::Produce(_))
    }

    /// True of the changes that Apache Kafka's tools show.
    fn is_change_with_kafka_form(&self) -> bool {
        match self {
            Command::Groups(args) => args.is_reset(),
            Command::Group(args) => args.is_reset(),
            _ => false,
        }
    }
}

/// Every kind of document that a command prints.
fn kinds() -> Vec<DocumentKind> {
    let mut kinds = vec![
        dashboard::KIND,
        dump_log::entries::DOCUMENT,
        history::KIND,
        undo::KIND,
        produce::report::KIND,
        DocumentKind::described::<RecordShape>("consume"),
    ];
    kinds.extend(
        [topics::KINDS, configs::KINDS, groups::KINDS, alerts::KINDS, context::KINDS].concat(),
    );
    kinds.sort_by_key(|it| it.name);
    kinds
}

/// What a command does to a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It asks and prints a report: it can be repeated (`--watch`).
    Reads,
    /// It changes something, records included: a protected context refuses it.
    Changes,
    /// It changes nothing, and has an end of its own.
    Runs,
}

/// Runs the command that was named, once or again and again.
pub(crate) fn run(command: &Command, session: &Session) -> Result<(), CliError> {
    let effect = command.effect();
    if effect == Effect::Changes && !session.globals.dry_run {
        session.require_unlocked()?;
    }
    // What a change is shown as must not be found out after it was made.
    if effect == Effect::Changes
        && !command.is_change_with_kafka_form()
        && session.globals.format() == Some(Format::Kafka)
    {
        return Err(output::no_kafka_form());
    }
    if let Some(format @ Format::Screen(_)) = session.globals.format()
        && !matches!(command, Command::Dashboard(_))
    {
        return Err(output::no_screen_form(&format));
    }
    match session.globals.watch {
        None => run_once(command, session),
        Some(every) if effect == Effect::Reads => {
            watch::repeat(every.to_std(), session, || run_once(command, session))
        }
        Some(_) => {
            Err(CliError::usage("--watch repeats what reads and reports, such as kt topics"))
        }
    }
}

fn run_once(command: &Command, session: &Session) -> Result<(), CliError> {
    match command {
        Command::Topics(args) => topics::run_plural(args, session),
        Command::Topic(args) => topics::run_singular(args, session),
        Command::Configs(args) => configs::run_plural(args, session),
        Command::Config(args) => configs::run_singular(args, session),
        Command::Groups(args) => groups::run_plural(args, session),
        Command::Group(args) => groups::run_singular(args, session),
        Command::Alerts(args) => alerts::run(args, session),
        Command::History(args) => history::run(args, session),
        Command::Undo(args) => undo::run(args, session),
        Command::Produce(args) => produce::run(args, session),
        Command::Consume(args) => consume::run(args, session),
        Command::DumpLog(args) => dump_log::run(args, session),
        Command::Context(args) => context::run_singular(args, session),
        Command::Contexts(args) => context::run_plural(args, session),
        Command::Completions(args) => completions::run(args),
        Command::Man(args) => man::run(args),
        Command::Schema(args) => schema::run(args, session),
        Command::Help(args) => help::run(args),
        Command::Dashboard(args) => dashboard::run(args, session),
        Command::Demo(args) => demo::run(args, session),
        Command::Serve(args) => serve::run(args, session),
    }
}
