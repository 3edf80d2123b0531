//! The lines that make changes: which commands they are, and how one is read.

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory, FromArgMatches};

use crate::cli::{Cli, Given};
use crate::commands::Command;
use crate::shell_words;

/// A command that the dashboard runs, for the completion.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known {
    /// Its first words.
    pub(crate) words: &'static str,
    /// What follows them.
    pub(crate) takes: Takes,
    pub(crate) says: &'static str,
    /// What it may cost: 0 adds, 1 changes, 2 may lose data.
    pub(crate) level: u8,
}

/// The names that follow the words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Takes {
    NewName,
    Topic,
    Group,
    Entity,
    Number,
}

impl Takes {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Takes::NewName | Takes::Topic => "NAME",
            Takes::Group => "GROUP",
            Takes::Entity => "ENTITY",
            Takes::Number => "ID",
        }
    }
}

const fn known(words: &'static str, takes: Takes, says: &'static str, level: u8) -> Known {
    Known { words, takes, says, level }
}

/// Every change that can be made from here.
pub(crate) const KNOWN: [Known; 10] = [
    known("topics create", Takes::NewName, "create a topic", 0),
    known("topics alter", Takes::Topic, "add partitions, set configs", 1),
    known("topics delete", Takes::Topic, "delete topics and their records", 2),
    known("topics trim", Takes::Topic, "delete the oldest records", 2),
    known("configs alter", Takes::Entity, "set configs", 1),
    known("groups reset", Takes::Group, "plan and reset offsets", 1),
    known("groups delete", Takes::Group, "delete groups and their offsets", 2),
    known("groups delete-offsets", Takes::Group, "delete committed offsets", 1),
    known("groups remove-member", Takes::Group, "remove a member", 1),
    known("undo", Takes::Number, "take the last change back", 1),
];

/// The change that a typed line begins with.
pub(crate) fn begun(text: &str) -> Option<&'static Known> {
    let text = without_program(text);
    let found = KNOWN.iter().filter(|it| {
        let rest = text.strip_prefix(it.words);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
    });
    found.max_by_key(|it| it.words.len())
}

/// Whether a change is made without a question: it only adds.
pub(crate) fn asks_nobody(words: &[String]) -> bool {
    begun(&words.join(" ")).is_some_and(|it| it.level == 0)
}

/// `kt topics delete x` says the same as `topics delete x`.
pub(crate) fn without_program(text: &str) -> &str {
    text.strip_prefix("kt ").map_or(text, str::trim_start)
}

/// The words of a line, as a shell splits it. The cluster, and whether to go on, are not the line's
/// to say.
///
/// # Errors
///
/// A quote that is not closed; a command that does not exist, or that changes nothing.
pub(crate) fn words(text: &str) -> Result<Vec<String>, String> {
    let words = shell_words::split(without_program(text)).ok_or("a quote is not closed")?;
    let is_agreement = |it: &String| it == "-y" || it == "--yes";
    let words: Vec<String> = words.into_iter().filter(|it| !is_agreement(it)).collect();
    read(&words)?;
    Ok(words)
}

/// The command of these words.
///
/// # Errors
///
/// It does not exist or lacks something, changes nothing, or names another cluster.
pub(crate) fn read(words: &[String]) -> Result<(Cli, Command), String> {
    let all = std::iter::once("kt").chain(words.iter().map(String::as_str));
    let matches = Cli::command().try_get_matches_from(all).map_err(|it| refusal(&it))?;
    let mut cli = Cli::from_arg_matches(&matches).map_err(|it| refusal(&it))?;
    cli.globals.given = Given::of(&matches);
    let line = words.join(" ");
    let Some(command) = cli.command.take().filter(Command::is_action) else {
        return Err(format!("{line}: that is no change; kt {line} runs in a shell"));
    };
    // Where the cluster is named, the whole line is said: it says which.
    match misplaced(&matches) {
        Some((_, why @ Misplaced::Cluster)) => Err(format!("{line}: {}", why.words())),
        Some((flag, why)) => Err(format!("{flag}: {}", why.words())),
        None => Ok((cli, command)),
    }
}

/// Why a flag that all commands take means nothing here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Misplaced {
    Cluster,
    DryRun,
    Unlock,
    Confirm,
    Asking,
    Waiting,
    Watching,
    Printing,
}

impl Misplaced {
    fn words(self) -> &'static str {
        match self {
            Misplaced::Cluster => "changes here are of this cluster alone",
            Misplaced::DryRun => "the plan is shown before anything is changed",
            Misplaced::Unlock => "here u unlocks, and the name is typed",
            Misplaced::Confirm => "here the number is typed when it is asked for",
            Misplaced::Asking => "here a box asks, whatever the line says",
            Misplaced::Waiting => "how long to wait is said when the dashboard is started",
            Misplaced::Watching => "a change is made once",
            Misplaced::Printing => "nothing is printed here",
        }
    }
}

/// The first flag of all commands that was typed and would not be heeded: what is not done as it
/// is said must not be done.
fn misplaced(matches: &ArgMatches) -> Option<(String, Misplaced)> {
    let command = Cli::command();
    let mut typed = command.get_arguments().filter(|it| {
        it.is_global_set()
            && matches.value_source(it.get_id().as_str()) == Some(ValueSource::CommandLine)
    });
    typed.find_map(|it| {
        let why = match it.get_id().as_str() {
            // The name of agreement is taken off before; what is agreed to is asked for anyway.
            "regex" | "internal" | "utc" | "yes" => return None,
            "bootstrap" | "context" | "client_config" | "command_config" => Misplaced::Cluster,
            "dry_run" => Misplaced::DryRun,
            "unlock" => Misplaced::Unlock,
            "confirm" => Misplaced::Confirm,
            "no_input" => Misplaced::Asking,
            "timeout" => Misplaced::Waiting,
            "watch" => Misplaced::Watching,
            _ => Misplaced::Printing,
        };
        Some((format!("--{}", it.get_long().unwrap_or_default()), why))
    })
}

/// What clap says, in one line.
fn refusal(error: &clap::Error) -> String {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return "help is in a shell: kt help".to_owned();
    }
    let text = error.to_string();
    let lines = text.lines().take_while(|it| !it.trim().is_empty()).map(str::trim);
    let line = lines.collect::<Vec<_>>().join(" ");
    line.strip_prefix("error: ").unwrap_or(&line).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> String {
        match words(text) {
            Ok(words) => format!("{words:?}"),
            Err(why) => why,
        }
    }

    #[test]
    fn lines_are_split_as_a_shell_does() {
        insta::assert_snapshot!(told("topics alter 'a b' --set retention.ms=1h -y"), @r#"["topics", "alter", "a b", "--set", "retention.ms=1h"]"#);
        insta::assert_snapshot!(told("kt groups reset g --all-topics --to -1h"), @r#"["groups", "reset", "g", "--all-topics", "--to", "-1h"]"#);
        insta::assert_snapshot!(told("topics delete 'a"), @"a quote is not closed");
    }

    #[test]
    fn what_is_no_change_of_this_cluster_is_refused() {
        insta::assert_snapshot!(told("topics list"), @"topics list: that is no change; kt topics list runs in a shell");
        insta::assert_snapshot!(told("produce orders"), @"produce orders: that is no change; kt produce orders runs in a shell");
        insta::assert_snapshot!(told("topics delete"), @"the following required arguments were not provided: <NAME>...");
        insta::assert_snapshot!(told("topics delete x -b other:9092"), @"topics delete x -b other:9092: changes here are of this cluster alone");
        insta::assert_snapshot!(told("topics delete x -n"), @"--dry-run: the plan is shown before anything is changed");
        insta::assert_snapshot!(told("groups reset g --all-topics"), @"the following required arguments were not provided: <--to <AT>|--shift <±N|±DURATION>|--offsets <FILE>>");
        insta::assert_snapshot!(told("groups reset --help"), @"help is in a shell: kt help");
    }

    #[test]
    fn flags_that_would_not_be_heeded_are_refused() {
        let flags = [
            "-X client.id=me",
            "--unlock prod-eu",
            "--confirm 3",
            "--no-input",
            "--timeout 1s",
            "-w",
            "--json",
            "--fields name",
            "-q",
            "-vv",
            "--color never",
        ];
        let lines = flags.map(|it| told(&format!("topics delete x {it}")));
        insta::assert_snapshot!(lines.join("\n"), @"
        topics delete x -X client.id=me: changes here are of this cluster alone
        --unlock: here u unlocks, and the name is typed
        --confirm: here the number is typed when it is asked for
        --no-input: here a box asks, whatever the line says
        --timeout: how long to wait is said when the dashboard is started
        --watch: a change is made once
        --json: nothing is printed here
        --fields: nothing is printed here
        --quiet: nothing is printed here
        --verbose: nothing is printed here
        --color: nothing is printed here
        ");
        // These change what is done.
        let kept = told("groups reset g --all-topics --to 15:00 --utc --internal -r --yes");
        insta::assert_snapshot!(kept, @r#"["groups", "reset", "g", "--all-topics", "--to", "15:00", "--utc", "--internal", "-r"]"#);
    }

    #[test]
    fn each_known_line_is_a_command() {
        let examples = [
            "topics create x",
            "topics alter x --partitions 3",
            "topics delete x",
            "topics trim x --before -1h",
            "configs alter topic/x --set a=b",
            "groups reset g --all-topics --shift -10",
            "groups delete g",
            "groups delete-offsets g -t x",
            "groups remove-member g --member m",
            "undo",
        ];
        for (known, example) in KNOWN.iter().zip(examples) {
            assert_eq!(begun(example).map(|it| it.words), Some(known.words));
            assert!(words(example).is_ok(), "{example}: {}", told(example));
        }
        assert!(begun("topics").is_none() && begun("groups resets").is_none());
    }
}
