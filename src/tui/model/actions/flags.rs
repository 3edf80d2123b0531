//! The flags of a change, as its command defines them: for the completion of a line.

use clap::{Arg, ArgAction, CommandFactory};

use crate::cli::Cli;

/// A flag that may follow the words of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Flag {
    /// `--partitions`
    pub(crate) name: String,
    /// What follows it: `N`; `None` of a switch.
    pub(crate) takes: Option<String>,
    /// The values that it can have, where these are known.
    pub(crate) values: Vec<String>,
    pub(crate) is_repeatable: bool,
    pub(crate) says: String,
}

/// Flags of all commands that mean something in a line.
const OF_ALL: [&str; 3] = ["regex", "internal", "utc"];

/// The flags of the command of these words, its own first.
pub(crate) fn of(words: &str) -> Vec<Flag> {
    let root = Cli::command();
    let verb = words.split(' ').try_fold(&root, |command, word| command.find_subcommand(word));
    let Some(verb) = verb else { return Vec::new() };
    let own = verb.get_arguments().filter(|it| !it.is_hide_set());
    let all = OF_ALL.iter().filter_map(|id| root.get_arguments().find(|it| it.get_id() == id));
    own.chain(all).filter_map(flag).collect()
}

/// Names without a flag are none.
fn flag(argument: &Arg) -> Option<Flag> {
    let name = format!("--{}", argument.get_long()?);
    let takes_value = argument.get_action().takes_values();
    let value = || argument.get_value_names().and_then(|it| it.first()).map(ToString::to_string);
    let values = match takes_value {
        true => argument.get_possible_values().iter().map(|it| it.get_name().to_owned()).collect(),
        false => Vec::new(),
    };
    Some(Flag {
        name,
        takes: takes_value.then(|| value().unwrap_or_else(|| "VALUE".to_owned())),
        values,
        is_repeatable: matches!(argument.get_action(), ArgAction::Append),
        says: argument.get_help().map(ToString::to_string).unwrap_or_default(),
    })
}
