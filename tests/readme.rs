//! The tour of the README: every command is run, and prints what it says there.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use regex::Regex;

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
    let shapes = [
        (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}", "<time>"),
        (r"\b\d{13}\b", "<ms>"),
        (r#"(?P<before>[\s"])[A-Za-z0-9_-]{22}(?P<behind>[\s"]|$)"#, "${before}<id>${behind}"),
    ];
    let text = shapes.iter().fold(text.trim().to_owned(), |text, (shape, name)| {
        Regex::new(shape).expect("it is a pattern").replace_all(&text, *name).into_owned()
    });
    // Said if joining takes its time.
    let is_kept = |it: &&str| !it.is_empty() && !it.starts_with("note: joining group");
    let lines = text.lines().map(str::trim_end).filter(is_kept);
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
