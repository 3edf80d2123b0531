//! Consumer groups with clients in other languages, each by a script in `tests/interop`.

use std::process::Command;

use crate::support::member::QUICK_GROUPS;
use crate::support::{Broker, tool};

const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop");

#[test]
fn confluent_kafka() {
    let python = std::env::var("KT_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    if !tool::is_here(&python, &["-c", "import confluent_kafka"], "confluent-kafka in groups") {
        return;
    }
    let broker = Broker::start_with(&QUICK_GROUPS);
    let script = format!("{SCRIPTS}/confluent_groups.py");
    tool::says_ok(Command::new(python).args([script, broker.address()]));
}

#[test]
fn kafkajs() {
    if !tool::is_here("node", &["-e", "require('kafkajs')"], "kafkajs") {
        return;
    }
    let broker = Broker::start_with(&QUICK_GROUPS);
    let script = format!("{SCRIPTS}/kafkajs.js");
    tool::says_ok(Command::new("node").args([script, broker.address()]));
}

#[test]
fn franz_go() {
    let program = concat!(env!("CARGO_TARGET_TMPDIR"), "/franz-go");
    let build = ["-C", &format!("{SCRIPTS}/franz-go"), "build", "-o", program, "."];
    if !tool::is_here("go", &build, "franz-go") {
        return;
    }
    let broker = Broker::start_with(&QUICK_GROUPS);
    tool::says_ok(Command::new(program).arg(broker.address()));
}
