//! What stands on a terminal and never in a pipe: colour, escapes, a bar, and lines with editing.

use std::process::{Command, Output};

use crate::support::Operator;
use crate::support::command::{command, ok, run, stderr};
use crate::support::terminal::{Seen, Terminal, show};

const BOLD: &str = "\x1b[1m";
const RED: &str = "\x1b[1;31m";

/// `kt` on a terminal that can do what most can.
fn on_terminal(operator: &Operator, arguments: &[&str]) -> Command {
    let mut command = operator.command(arguments);
    command.env_remove("NO_COLOR").env("TERM", "xterm-256color");
    command
}

fn shown(operator: &Operator, arguments: &[&str]) -> Seen {
    show(&mut on_terminal(operator, arguments), 80)
}

#[test]
fn lines_are_edited_remembered_and_sent() {
    let operator = &Operator::start();
    ok(operator, &["topics", "create", "typed"], "");
    let mut terminal = Terminal::start(&mut on_terminal(operator, &["produce", "typed"]), 80);
    terminal.wait_for("Ctrl-D ends");
    terminal.wait_for("typed> ");
    // A key to the left, and what was left out.
    terminal.press("ac\x1b[Db\r");
    terminal.wait_for("\n");
    terminal.wait_for("typed> ");
    // The line before, and a key to the end of it.
    terminal.press("\x1b[Ad\r");
    terminal.wait_for("\n");
    terminal.wait_for("typed> ");
    terminal.press("\x04");
    let seen = terminal.end();
    assert_eq!(seen.code, Some(0), "{}", seen.text);
    assert!(seen.text.ends_with("2 records delivered: 2 to typed\n"), "{:?}", seen.text);
    assert_eq!(ok(operator, &["consume", "typed"], ""), "abc\nabcd\n");
}

#[test]
fn ctrl_c_leaves_the_line_that_is_being_typed_and_delivers_the_others() {
    let operator = &Operator::start();
    ok(operator, &["topics", "create", "typed"], "");
    let mut terminal = Terminal::start(&mut on_terminal(operator, &["produce", "typed"]), 80);
    terminal.wait_for("typed> ");
    terminal.press("kept\r");
    terminal.wait_for("\n");
    terminal.wait_for("typed> ");
    terminal.press("half");
    terminal.wait_for("half");
    terminal.press("\x03");
    let seen = terminal.end();
    assert_eq!(seen.code, Some(130), "{}", seen.text);
    assert!(seen.text.contains("1 record delivered"), "{:?}", seen.text);
    assert_eq!(ok(operator, &["consume", "typed"], ""), "kept\n");
}

#[test]
fn a_bar_is_shown_to_a_person_and_to_nobody_else() {
    let operator = &Operator::start();
    ok(operator, &["topics", "create", "bulk"], "");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("lines");
    std::fs::write(&path, format!("{}\n", "x".repeat(99)).repeat(10_000)).expect("a file");
    let produce = ["produce", "bulk", "--file", path.to_str().expect("text")];
    let told = "10000 records delivered: 10000 to bulk\n";
    let seen = shown(operator, &produce);
    assert!(seen.text.contains("/976.56 KiB "), "{:?}", seen.text);
    assert!(seen.text.ends_with(told), "{:?}", seen.text);
    assert_eq!(stderr(&run(operator, &produce, b"")), told);
    for quiet in [&["-q"][..], &["-o", "jsonl"]] {
        let seen = shown(operator, &[&produce[..], quiet].concat());
        assert!(!seen.text.contains("KiB"), "{quiet:?}: {:?}", seen.text);
    }
}

#[test]
fn colour_is_for_terminals_unless_it_is_asked_for() {
    let operator = &Operator::start();
    ok(operator, &["topics", "create", "orders"], "");
    let list = ["topics", "list"];
    let missing = ["topics", "describe", "nosuch"];
    let in_pipe = |arguments: &[&str], variables: &[(&str, &str)]| -> Output {
        let mut command = command(operator, arguments);
        command.env_remove("NO_COLOR").envs(variables.iter().copied());
        command.output().expect("kt runs")
    };
    let stdout = |output: &Output| String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(shown(operator, &list).text.starts_with(BOLD));
    assert!(shown(operator, &missing).text.starts_with(RED));
    // The last of them is not understood.
    for command in [&list[..], &missing, &missing[..2]] {
        let never = [command, &["--color", "never"]].concat();
        assert!(!shown(operator, &never).text.contains('\x1b'));
    }
    for (name, value) in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        let seen = show(on_terminal(operator, &list).env(name, value), 80);
        assert!(!seen.text.contains('\x1b'), "{name}={value}: {:?}", seen.text);
    }
    assert!(!stdout(&in_pipe(&list, &[])).contains('\x1b'));
    assert!(!stderr(&in_pipe(&missing, &[])).contains('\x1b'));
    assert!(stdout(&in_pipe(&list, &[("FORCE_COLOR", "1")])).starts_with(BOLD));
    let always = [&missing[..], &["--color", "always"]].concat();
    assert!(stderr(&in_pipe(&always, &[("NO_COLOR", "1")])).starts_with(RED));
}

#[test]
fn data_cannot_drive_a_terminal() {
    let operator = &Operator::start();
    ok(operator, &["topics", "create", "wild"], "");
    let value = "\x1b[31mred\x07\u{9b}2J";
    ok(operator, &["produce", "wild", "-k", "\x1b]0;k"], &format!("{value}\n"));
    assert_eq!(shown(operator, &["consume", "wild"]).text, "\\x1b[31mred\\x07\\x9b2J\n");
    assert_eq!(
        shown(operator, &["consume", "wild", "-f", "%k=%v\\n"]).text,
        "\\x1b]0;k=\\x1b[31mred\\x07\\x9b2J\n"
    );
    assert_eq!(ok(operator, &["consume", "wild"], ""), format!("{value}\n"));
    let seen = shown(operator, &["topics", "describe", "no\x1b[31m"]).text;
    assert!(seen.contains("no\\x1b[31m"), "{seen:?}");
}

/// A row that is cut or wrapped could be neither grepped nor compared.
#[test]
fn a_row_is_a_line_however_narrow_the_terminal_is() {
    let operator = &Operator::start();
    let name = "a-name-that-is-longer-than-the-terminal";
    ok(operator, &["topics", "create", name], "");
    let list = ["topics", "list", "-o", "wide"];
    let seen = show(&mut operator.command(&list), 30);
    assert_eq!(seen.text, ok(operator, &list, ""));
}
