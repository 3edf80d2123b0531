//! The command line: its root, and the flags that every command takes.

use std::path::PathBuf;

use clap::builder::FalseyValueParser;
use clap::parser::ValueSource;
use clap::{ArgAction, ArgMatches, Args, Parser};

use crate::commands::Command;
use crate::contexts::{Asked, OriginOfFlag};
use crate::duration::Span;
use crate::output::{Format, Sort, View};
use crate::terminal::ColorChoice;

const GLOBAL: &str = "Global options";

/// Operate Apache Kafka: topics, records, groups, and a broker to try it all on
#[derive(Debug, Parser)]
#[command(
    name = "kt",
    version,
    max_term_width = 100,
    disable_help_subcommand = true,
    after_long_help = EXAMPLES
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) globals: Globals,

    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

const EXAMPLES: &str = "\
Examples:
  kt topics                                        list the topics of 127.0.0.1:9092
  kt topics create orders --partitions 3
  echo hello | kt produce orders
  kt consume orders --from -10 -o jsonl | jq .value
  kt topics describe orders -b kafka-1:9092 --json

Exit codes:
  0 done   1 error   2 usage   3 partly done   4 not authorized   5 not found
  6 unreachable or timed out   7 a check answered no   130 Ctrl-C   143 SIGTERM";

/// Flags that every command takes.
#[derive(Args, Clone, Debug)]
pub(crate) struct Globals {
    /// Brokers to ask first, comma-separated [default: the context's, else 127.0.0.1:9092]
    #[arg(
        short,
        long,
        alias = "bootstrap-server",
        env = "KT_BOOTSTRAP",
        value_name = "HOST:PORT,…",
        hide_env_values = true,
        global = true,
        help_heading = GLOBAL
    )]
    pub(crate) bootstrap: Option<String>,

    /// The cluster of this name, instead of the one in use (kt context list)
    #[arg(
        long,
        env = "KT_CONTEXT",
        value_name = "NAME",
        hide_env_values = true,
        global = true,
        help_heading = GLOBAL
    )]
    pub(crate) context: Option<String>,

    /// How both were given.
    #[arg(skip)]
    pub(crate) given: Given,

    /// A Kafka client key, such as client.id=me (repeatable)
    #[arg(
        short = 'X',
        long,
        value_name = "KEY=VALUE",
        global = true,
        help_heading = GLOBAL
    )]
    pub(crate) client_config: Vec<String>,

    /// A properties file of Kafka client keys
    #[arg(
        long,
        env = "KT_COMMAND_CONFIG",
        value_name = "FILE",
        hide_env_values = true,
        global = true,
        help_heading = GLOBAL
    )]
    pub(crate) command_config: Option<PathBuf>,

    /// The output: table, wide, json, jsonl, yaml, csv, tsv, name, template=T or kafka
    ///
    /// json and yaml carry an envelope with the kind, the cluster and the errors of items; the
    /// others carry the items only. In a template {name} and {partitions.0.leader} are paths into
    /// one item, and \t \n \\ {{ stand for themselves. kafka is what Apache Kafka's tool prints of the
    /// same, for the commands that have such a form.
    #[arg(
        short,
        long,
        env = "KT_OUTPUT",
        value_name = "FORMAT",
        hide_env_values = true,
        global = true,
        help_heading = GLOBAL
    )]
    pub(crate) output: Option<Format>,

    /// The same as -o json
    #[arg(long, conflicts_with = "output", global = true, help_heading = GLOBAL)]
    pub(crate) json: bool,

    /// Show these fields only, in this order: name,partitions.0.leader
    #[arg(
        long,
        value_name = "FIELD,…",
        value_delimiter = ',',
        global = true,
        help_heading = GLOBAL
    )]
    pub(crate) fields: Vec<String>,

    /// Order the items by a field; -FIELD descends
    #[arg(
        long,
        value_name = "[-]FIELD",
        allow_hyphen_values = true,
        global = true,
        help_heading = GLOBAL
    )]
    pub(crate) sort: Option<Sort>,

    /// Leave out the line with the titles (table, wide, csv, tsv)
    #[arg(long, global = true, help_heading = GLOBAL)]
    pub(crate) no_header: bool,

    /// When to use colours
    #[arg(
        long,
        value_enum,
        value_name = "WHEN",
        default_value_t,
        hide_possible_values = true,
        global = true,
        help_heading = GLOBAL,
        long_help = "When to use colours: auto, always or never"
    )]
    pub(crate) color: ColorChoice,

    /// Read and show times in UTC, not in the local zone
    #[arg(long, global = true, help_heading = GLOBAL)]
    pub(crate) utc: bool,

    /// Longest wait for one answer, retries included
    #[arg(
        long,
        env = "KT_TIMEOUT",
        value_name = "DURATION",
        default_value = "15s",
        hide_env_values = true,
        global = true,
        help_heading = GLOBAL
    )]
    pub(crate) timeout: Span,

    /// Repeat a read, every 2s or so often; jsonl prints a line for each change
    #[arg(
        short,
        long,
        value_name = "DURATION",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "2s",
        global = true,
        help_heading = GLOBAL
    )]
    pub(crate) watch: Option<Span>,

    /// Show the plan of a change, validate it, change nothing
    #[arg(short = 'n', long, global = true, help_heading = GLOBAL)]
    pub(crate) dry_run: bool,

    /// Do not ask before a change
    #[arg(short, long, global = true, help_heading = GLOBAL)]
    pub(crate) yes: bool,

    /// Allow changes in the protected context of this name, for this command
    #[arg(long, value_name = "NAME", global = true, help_heading = GLOBAL)]
    pub(crate) unlock: Option<String>,

    /// The number of things that -r may take from the cluster
    #[arg(long, value_name = "N", global = true, help_heading = GLOBAL)]
    pub(crate) confirm: Option<usize>,

    /// Never ask; where a question would be needed, fail
    #[arg(
        long,
        env = "KT_NO_INPUT",
        value_parser = FalseyValueParser::new(),
        hide_env_values = true,
        global = true,
        help_heading = GLOBAL
    )]
    pub(crate) no_input: bool,

    /// Read all names of the command as regular expressions that match whole names
    #[arg(short, long, global = true, help_heading = GLOBAL)]
    pub(crate) regex: bool,

    /// Include Kafka's internal topics, and allow changing them
    #[arg(long, global = true, help_heading = GLOBAL)]
    pub(crate) internal: bool,

    /// Say nothing but errors
    #[arg(short, long, global = true, conflicts_with = "verbose", help_heading = GLOBAL)]
    pub(crate) quiet: bool,

    /// Say more: -v retries, -vv every request
    #[arg(short, long, action = ArgAction::Count, global = true, help_heading = GLOBAL)]
    pub(crate) verbose: u8,
}

/// Which flags stood on the command line; others with a value came from the environment.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Given {
    pub(crate) bootstrap: bool,
    pub(crate) context: bool,
    pub(crate) command_config: bool,
    pub(crate) output: bool,
    pub(crate) timeout: bool,
}

impl Given {
    pub(crate) fn of(matches: &ArgMatches) -> Given {
        let is_given = |id: &str| matches.value_source(id) == Some(ValueSource::CommandLine);
        Given {
            bootstrap: is_given("bootstrap"),
            context: is_given("context"),
            command_config: is_given("command_config"),
            output: is_given("output"),
            timeout: is_given("timeout"),
        }
    }
}

impl Globals {
    /// What flags and environment say of the cluster.
    pub(crate) fn asked(&self) -> Asked {
        let given = |is_flag: bool| match is_flag {
            true => OriginOfFlag::CommandLine,
            false => OriginOfFlag::Environment,
        };
        let Given { bootstrap, context, .. } = self.given;
        Asked {
            bootstrap: self.bootstrap.clone().map(|it| (it, given(bootstrap))),
            context: self.context.clone().map(|it| (it, given(context))),
        }
    }

    /// Which part of a report is shown, and in which order.
    pub(crate) fn view(&self) -> View {
        View { fields: self.fields.clone(), sort: self.sort.clone() }
    }

    /// The format that was asked for, by flag or by environment; `None` is the command's own.
    pub(crate) fn format(&self) -> Option<Format> {
        if self.json { Some(Format::Json) } else { self.output.clone() }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Cli;

    #[test]
    fn the_definitions_hold_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn one_letter_means_one_thing_everywhere() {
        let mut meanings = std::collections::BTreeMap::new();
        let mut pending = vec![Cli::command()];
        while let Some(command) = pending.pop() {
            for argument in command.get_arguments() {
                if let (Some(short), Some(long)) = (argument.get_short(), argument.get_long()) {
                    let meaning = meanings.entry(short).or_insert_with(|| long.to_owned());
                    assert_eq!(meaning, long, "-{short} in {}", command.get_name());
                }
            }
            pending.extend(command.get_subcommands().cloned());
        }
    }
}
