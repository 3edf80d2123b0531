//! `kt man`

use std::io::{self, Write};

use clap::Args;

use crate::error::CliError;
use crate::man_pages::pages;
use crate::nearest::nearest;

const EXAMPLES: &str = "\
Examples:
  kt man | man -l -
  kt man topics create | man -l -";

/// Print the manual page of a command
#[derive(Args, Clone, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct ManArgs {
    /// Its words; none is kt itself
    #[arg(value_name = "COMMAND")]
    command: Vec<String>,
}

pub(crate) fn run(args: &ManArgs) -> Result<(), CliError> {
    let pages = pages()?;
    let wanted = args.command.join(" ");
    if let Some(page) = pages.iter().find(|it| it.command[1..] == args.command) {
        io::stdout().write_all(&page.text)?;
        return Ok(());
    }
    let known: Vec<String> = pages.iter().map(|it| it.command[1..].join(" ")).collect();
    let error = CliError::not_found(format!("there is no command \"{wanted}\""));
    Err(match nearest(&wanted, &known) {
        Some(meant) => error.hint(format!("kt man {meant}")),
        None => error.hint("kt --help lists all commands"),
    })
}
