//! Completion in shells: the scripts that ask `kt`, and its answers, with live names of topics,
//! groups and contexts.
//!
//! A script runs `COMPLETE=SHELL kt -- WORD…`; everything else about completing is here, so that
//! scripts stay right when `kt` grows.

use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use clap::{Arg, Command, CommandFactory};
use clap_complete::engine::{self, ArgValueCompleter, CompletionCandidate};
use clap_complete::env::{Bash, Elvish, EnvCompleter, Fish, Powershell, Shells, Zsh};
use kt_client::{Admin, Client, ClientConfig, Error};

use crate::cli::Cli;
use crate::client_config;
use crate::contexts::{Asked, Contexts, OriginOfFlag};

/// Tells `kt` that a shell asks, and which one.
const VARIABLE: &str = "COMPLETE";

/// The longest that a key press may wait for a cluster.
const PATIENCE: Duration = Duration::from_secs(1);

/// Every shell that has a script.
pub(crate) const SHELLS: Shells<'static> =
    Shells(&[&Bash, &Zsh, &Fish, &Powershell, &Nushell, &Elvish]);

/// Answers a shell, if one asks. True if that was all there is to do.
pub(crate) fn answer() -> bool {
    let Some(shell) = std::env::var_os(VARIABLE).filter(|it| !it.is_empty() && it != "0") else {
        return false;
    };
    let Some(shell) = shell.to_str().and_then(|it| SHELLS.completer(it)) else { return false };
    let words: Vec<OsString> = std::env::args_os().skip_while(|it| it != "--").skip(1).collect();
    let mut out = Vec::new();
    let folder = std::env::current_dir().ok();
    let written = match words.is_empty() {
        true => register(shell, &mut out),
        false => shell.write_complete(&mut completed(), words, folder.as_deref(), &mut out),
    };
    // A shell that asks in a way of its own gets no candidates, and no noise between its prompts.
    let _ = written.and_then(|()| io::stdout().write_all(&out));
    true
}

/// The script for a shell.
pub(crate) fn register(shell: &dyn EnvCompleter, out: &mut dyn Write) -> io::Result<()> {
    shell.write_registration(VARIABLE, "kt", "kt", "kt", out)
}

/// The command line, with what only a cluster or a file knows.
fn completed() -> Command {
    with_names(Cli::command(), &[])
}

fn with_names(command: Command, above: &[&str]) -> Command {
    let name = command.get_name().to_owned();
    let path: Vec<&str> = above.iter().copied().chain([name.as_str()]).collect();
    let command = command.mut_args(|argument| named(argument, &path));
    let verbs: Vec<String> = command.get_subcommands().map(|it| it.get_name().to_owned()).collect();
    verbs
        .iter()
        .fold(command, |command, verb| command.mut_subcommand(verb, |verb| with_names(verb, &path)))
}

/// What an argument names is told by its place and by what its value is called in the help.
fn named(argument: Arg, path: &[&str]) -> Arg {
    let value = argument.get_value_names().and_then(|it| it.first()).map(|it| it.as_str());
    match (argument.get_id().as_str(), value, path) {
        ("context" | "unlock", _, _) => argument.add(ArgValueCompleter::new(contexts)),
        (_, Some("NAME"), [_, "context" | "contexts", "use" | "show"]) => {
            argument.add(ArgValueCompleter::new(contexts))
        }
        (_, Some("TOPIC" | "TOPIC[:P]"), _) => argument.add(ArgValueCompleter::new(topics)),
        (_, Some("NAME"), [_, "topics" | "topic", "alter" | "delete"]) => {
            argument.add(ArgValueCompleter::new(topics))
        }
        (_, Some("GROUP"), _) => argument.add(ArgValueCompleter::new(groups)),
        _ => argument,
    }
}

fn contexts(current: &OsStr) -> Vec<CompletionCandidate> {
    let Ok(contexts) = Contexts::load() else { return Vec::new() };
    let current = current.to_string_lossy();
    let found = contexts.all().filter(|(name, ..)| name.starts_with(&*current));
    found
        .map(|(name, context, _)| {
            CompletionCandidate::new(name).help(Some(context.bootstrap.clone().into()))
        })
        .collect()
}

fn topics(current: &OsStr) -> Vec<CompletionCandidate> {
    let found = of_cluster(async |admin| {
        let topics = admin.list_topics().await?.into_iter().filter(|it| !it.is_internal);
        Ok(topics.map(|it| it.name).collect())
    });
    candidates(current, found)
}

fn groups(current: &OsStr) -> Vec<CompletionCandidate> {
    let found = of_cluster(async |admin| {
        Ok(admin.list_groups().await?.groups.into_iter().map(|it| it.name).collect())
    });
    candidates(current, found)
}

fn candidates(current: &OsStr, found: Option<Vec<String>>) -> Vec<CompletionCandidate> {
    let current = current.to_string_lossy();
    let found = found.into_iter().flatten().filter(|it| it.starts_with(&*current));
    found.map(CompletionCandidate::new).collect()
}

/// Names that the cluster of the words so far tells; none where nobody answers in time.
fn of_cluster(ask: impl AsyncFnOnce(Admin) -> Result<Vec<String>, Error>) -> Option<Vec<String>> {
    let words: Vec<String> = std::env::args().skip_while(|it| it != "--").skip(1).collect();
    let target = Contexts::load().ok()?.target(&asked(&words)).ok()?;
    let config = ClientConfig {
        timeout: PATIENCE,
        request_timeout: PATIENCE,
        ..client_config::of_target(&target, PATIENCE).ok()?.client
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    let admin = Admin::new(Client::new(config));
    runtime.block_on(async { tokio::time::timeout(PATIENCE, ask(admin)).await.ok()?.ok() })
}

/// The flags that choose a cluster, on a command line that need not be whole yet.
fn asked(words: &[String]) -> Asked {
    let value = |names: &[&str]| {
        words.iter().enumerate().find_map(|(at, word)| {
            let (flag, value) = match word.split_once('=') {
                Some((flag, value)) => (flag, Some(value.to_owned())),
                None => (word.as_str(), words.get(at + 1).cloned()),
            };
            if names.contains(&flag) { value } else { None }
        })
    };
    let variable = |name: &str| std::env::var(name).ok().filter(|it| !it.is_empty());
    let either = |names: &[&str], name: &str| match value(names) {
        Some(value) => Some((value, OriginOfFlag::CommandLine)),
        None => variable(name).map(|value| (value, OriginOfFlag::Environment)),
    };
    Asked {
        bootstrap: either(&["-b", "--bootstrap", "--bootstrap-server"], "KT_BOOTSTRAP"),
        context: either(&["--context"], "KT_CONTEXT"),
    }
}

/// Nushell, which the library does not know: candidates as lines of value, tab and description.
struct Nushell;

impl EnvCompleter for Nushell {
    fn name(&self) -> &'static str {
        "nushell"
    }

    fn is(&self, name: &str) -> bool {
        name == "nushell" || name == "nu"
    }

    fn write_registration(
        &self,
        var: &str,
        name: &str,
        bin: &str,
        completer: &str,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        write!(
            out,
            r#"def "nu-complete {name}" [context: string, position: int] {{
    let words = ($context | str substring 0..<$position | split row --regex '\s+')
    with-env {{ {var}: "nushell" }} {{ ^{completer} -- ...$words }}
    | lines
    | each {{|line|
        let parts = ($line | split row --number 2 "\t")
        {{ value: $parts.0, description: ($parts | get --optional 1 | default "") }}
    }}
}}

export extern "{bin}" [...words: string@"nu-complete {name}"]
"#
        )
    }

    fn write_complete(
        &self,
        command: &mut Command,
        words: Vec<OsString>,
        folder: Option<&Path>,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let at = words.len().saturating_sub(1);
        for candidate in engine::complete(command, words, at, folder)? {
            write!(out, "{}", candidate.get_value().to_string_lossy())?;
            if let Some(help) = candidate.get_help() {
                let help = help.to_string();
                write!(out, "\t{}", help.lines().next().unwrap_or_default())?;
            }
            writeln!(out)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidates(words: &[&str]) -> Vec<String> {
        let words: Vec<OsString> = words.iter().map(OsString::from).collect();
        let mut out = Vec::new();
        Nushell.write_complete(&mut completed(), words, None, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        text.lines().map(|it| it.split('\t').next().unwrap().to_owned()).collect()
    }

    #[test]
    fn words_that_are_not_whole_yet_are_completed() {
        assert_eq!(candidates(&["kt", "topics", "cr"]), ["create"]);
        assert!(candidates(&["kt", "con"]).contains(&"consume".to_owned()));
        assert!(candidates(&["kt", "consume", "--iso"]).contains(&"--isolation".to_owned()));
    }

    #[test]
    fn the_cluster_is_that_of_the_words() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let given = |it: Option<(String, OriginOfFlag)>| it.map(|it| it.0);
        assert_eq!(given(asked(&words("kt topics -b a:1 describe")).bootstrap).unwrap(), "a:1");
        assert_eq!(given(asked(&words("kt --context=dev consume")).context).unwrap(), "dev");
    }

    #[test]
    fn names_are_asked_for_where_they_belong() {
        let mut pending = vec![completed()];
        let mut live = Vec::new();
        while let Some(command) = pending.pop() {
            for argument in command.get_arguments() {
                if argument.get::<ArgValueCompleter>().is_some() {
                    live.push(format!("{} {}", command.get_name(), argument.get_id()));
                }
            }
            pending.extend(command.get_subcommands().cloned());
        }
        for wanted in [
            "consume topics",
            "produce topic",
            "describe topics",
            "delete names",
            "reset group",
            "check groups",
            "use name",
            "kt context",
        ] {
            assert!(live.contains(&wanted.to_owned()), "{wanted} of {live:?}");
        }
    }
}
