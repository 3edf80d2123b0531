//! `kt`: parse, run, print the error, exit.

mod apache_flags;
mod base64;
mod change;
mod cli;
mod client_config;
mod commands;
mod config_change;
mod config_entity;
mod config_meaning;
mod contexts;
mod duration;
mod error;
#[cfg(test)]
mod generated;
mod group_lag;
mod group_selection;
mod group_verdict;
mod internal_records;
mod interrupt;
mod java_hash_map;
mod journal;
mod man_pages;
mod nearest;
mod offset_change;
mod output;
mod own_node;
mod position;
mod properties_file;
mod rate;
mod read_only_disk;
mod record_filter;
mod record_format;
mod record_json;
mod record_schema;
mod resolve;
mod security_hint;
mod session;
mod shell_completion;
mod shell_words;
mod size;
mod spool;
mod terminal;
mod topic_selection;
mod topic_spec;
mod tui;
mod watch;

use std::ffi::OsString;
use std::io::IsTerminal;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

use crate::cli::{Cli, Given};
use crate::error::{CliError, Kind};
use crate::session::Session;
use crate::terminal::{ColorChoice, Label, Terminal};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    if shell_completion::answer() {
        return ExitCode::SUCCESS;
    }
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let color = ColorChoice::asked(&arguments);
    let cli = match Cli::command().color(color.for_clap()).try_get_matches_from(&arguments) {
        Ok(matches) => Cli::from_arg_matches(&matches).map(|mut cli| {
            cli.globals.given = Given::of(&matches);
            cli
        }),
        Err(error) => Err(error),
    };
    let cli = match cli {
        Ok(cli) => cli,
        Err(error) => return misread(&error, &arguments, color),
    };
    let terminal = Terminal::detect(cli.globals.color);
    let Some(command) = &cli.command else { return bare() };
    let session = Session::new(cli.globals.clone(), terminal);
    match commands::run(command, &session) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error, &terminal),
    }
}

/// `kt` alone: help for a person, a usage error for a script.
fn bare() -> ExitCode {
    let mut command = Cli::command();
    if std::io::stdout().is_terminal() {
        let _ = command.print_help();
        return ExitCode::SUCCESS;
    }
    eprint!("{}", command.render_help());
    ExitCode::from(Kind::Usage.code())
}

/// The command line was not understood, or asked for help or the version.
fn misread(error: &clap::Error, arguments: &[OsString], color: ColorChoice) -> ExitCode {
    if error.use_stderr()
        && let Some(advice) = apache_flags::advice(arguments)
    {
        return failed(&advice, &Terminal::detect(color));
    }
    // A reader that closed the pipe has seen enough of the help.
    let _ = error.print();
    ExitCode::from(if error.use_stderr() { Kind::Usage.code() } else { 0 })
}

fn failed(error: &CliError, terminal: &Terminal) -> ExitCode {
    if !error.message.is_empty() {
        terminal.tell(Label::Error, &error.message);
    }
    if let Some(hint) = &error.hint {
        terminal.tell(Label::Hint, hint);
    }
    error.exit_code()
}
