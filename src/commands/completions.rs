//! `kt completions`

use std::io::{self, Write};

use clap::Args;

use crate::error::CliError;
use crate::shell_completion::{SHELLS, register};

const EXAMPLES: &str = "\
Examples:
  source <(kt completions bash)                     in ~/.bashrc
  source <(kt completions zsh)                      in ~/.zshrc
  kt completions fish | source                      in ~/.config/fish/config.fish
  kt completions nushell | save -f kt.nu            then: use kt.nu *
  eval (kt completions elvish | slurp)              in ~/.config/elvish/rc.elv
  kt completions powershell | Out-String | iex      in $PROFILE";

/// Print the completion script of a shell
///
/// Names of topics and contexts are completed live, within a second or not at all.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct CompletionsArgs {
    /// bash, zsh, fish, powershell, nushell or elvish
    #[arg(value_name = "SHELL", value_parser = SHELLS.names().collect::<Vec<_>>())]
    shell: String,
}

pub(crate) fn run(args: &CompletionsArgs) -> Result<(), CliError> {
    let shell = SHELLS.completer(&args.shell).expect("clap lets only known shells pass");
    let mut script = Vec::new();
    register(shell, &mut script)?;
    io::stdout().write_all(&script)?;
    Ok(())
}
