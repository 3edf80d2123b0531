//! What it costs to start each command: the wall time of whole processes against one broker.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::broker::{Broker, Durability, Product};
use crate::figures::{Figures, Measured};

/// Each command as users type it. `DATA` stands for the broker's data directory.
const COMMANDS: [&str; 18] = [
    "--help",
    "--version",
    "topics list",
    "topics describe orders",
    "topics offsets orders",
    "topics check orders --partitions 3",
    "topics create made --if-not-exists",
    "topics alter orders --set retention.ms=3600000 -n",
    "configs describe topic/orders --all",
    "configs diff topic/orders topic/made",
    "produce orders",
    "consume orders -c 1",
    "dump-log DATA/orders-0",
    "context list",
    "history",
    "schema topics.list",
    "completions bash",
    "man",
];

/// Prints one row for each command. The first run of each is not counted.
pub(crate) fn print(kt: &Path, runs: usize) -> Result<(), String> {
    let broker = Broker::start(&Product::Kt(kt.to_owned()), Durability::Flushed, &[])?;
    let home = tempfile::tempdir().map_err(|it| it.to_string())?;
    for prepare in ["topics create orders --partitions 3", "produce orders -p 0"] {
        time(kt, &broker, home.path(), prepare)?;
    }
    for command in COMMANDS {
        let mut figures = Figures::default();
        time(kt, &broker, home.path(), command)?;
        for _ in 0..runs {
            let value = time(kt, &broker, home.path(), command)? * 1e3;
            figures.add(Measured { value, unit: "ms", cpu_us: None });
        }
        println!("{}", figures.row(&format!("kt {command}"), "kt", "-"));
    }
    Ok(())
}

/// Seconds from the start of the process to its end.
fn time(kt: &Path, broker: &Broker, home: &Path, command: &str) -> Result<f64, String> {
    let data = broker.data().display().to_string();
    let arguments = command.split(' ').map(|it| it.replace("DATA", &data));
    let started = Instant::now();
    let mut process = Command::new(kt)
        .args(arguments)
        .env("KT_BOOTSTRAP", &broker.address)
        .env("XDG_CONFIG_HOME", home)
        .env("XDG_STATE_HOME", home)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|it| format!("{}: {it}", kt.display()))?;
    let mut stdin = process.stdin.take().expect("stdin is piped");
    // Only produce reads it.
    let _ = stdin.write_all(b"a line\n");
    drop(stdin);
    let output = process.wait_with_output().map_err(|it| it.to_string())?;
    let took = started.elapsed().as_secs_f64();
    match output.status.success() {
        true => Ok(took),
        false => Err(format!("kt {command}: {}", String::from_utf8_lossy(&output.stderr))),
    }
}
