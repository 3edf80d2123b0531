//! The tour of the README: every command is run, and prints what it says there.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use crate::support::Broker;

/// A command of the tour, and what stands below it.
struct Stop {
    command: String,
    printed: String,
}

/// The commands between the README's ```console fences, without `kt serve`.
fn tour() -> Vec<Stop> {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md"))
        .expect("there is a README");
    let mut stops: Vec<Stop> = Vec::new();
    for block in text.split("```console\n").skip(1) {
        let block = block.split("```").next().expect("a block ends");
        for line in block.lines() {
            match line.strip_prefix("$ ") {
                Some(command) => {
                    stops.push(Stop { command: command.to_owned(), printed: String::new() });
                }
                None => {
                    let stop = stops.last_mut().expect("a command comes first");
                    stop.printed.push_str(line.trim_end());
                    stop.printed.push('\n');
                }
            }
        }
    }
    stops.retain(|it| !it.command.starts_with("kt serve"));
    stops
}

/// What differs from run to run is told by its shape: ids, times, places.
fn normalised(text: &str) -> String {
    let is_word = |it: char| it.is_ascii_alphanumeric() || it == '-' || it == '_';
    let mut out = String::new();
    let mut rest = text.trim();
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|it| is_word(it) != is_word(first)).unwrap_or(rest.len());
        let (word, behind) = rest.split_at(end);
        let digits = word.bytes().all(|it| it.is_ascii_digit());
        out.push_str(match (is_word(first), word.len()) {
            (true, 13) if digits => "<ms>",
            (true, 22) if word.bytes().any(|it| it.is_ascii_digit() || it.is_ascii_uppercase()) => {
                "<id>"
            }
            _ => word,
        });
        rest = behind;
    }
    let lines = out.lines().map(str::trim_end).filter(|it| !it.is_empty());
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_tour_prints_what_the_readme_says() {
    let stops = tour();
    assert!(5 < stops.len(), "the tour has {} commands", stops.len());
    let broker = Broker::start();
    let home = tempfile::tempdir().expect("a folder");
    let data = home.path().join(".local/share/kt");
    std::fs::create_dir_all(&data).expect("a folder");
    symlink(broker.data(), data.join("data")).expect("a link");
    let kt = Path::new(env!("CARGO_BIN_EXE_kt")).parent().expect("it is in a folder");
    let path = format!("{}:{}", kt.display(), std::env::var("PATH").unwrap_or_default());
    for Stop { command, printed } in stops {
        let output = Command::new("bash")
            .args(["-c", &format!("{{ {command}; }} 2>&1")])
            .current_dir(home.path())
            .env("HOME", home.path())
            .env_remove("XDG_CONFIG_HOME")
            .env_remove("XDG_STATE_HOME")
            .env("PATH", &path)
            .env("TZ", "UTC")
            .env("KT_BOOTSTRAP", broker.address())
            .output()
            .expect("bash runs");
        let here = home.path().to_str().expect("the path is text");
        let seen = String::from_utf8_lossy(&output.stdout).replace(here, "/home/you");
        assert_eq!(normalised(&seen), normalised(&printed), "$ {command}\n{seen}");
    }
}
