//! A group as large as they come: `tests/interop/large_group.py` with librdkafka's consumers.

use std::process::Command;

use crate::support::{Broker, tool};

#[test]
fn two_hundred_members_settle() {
    let python = std::env::var("KT_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    if !tool::is_here(&python, &["-c", "import confluent_kafka"], "a group of 200 members") {
        return;
    }
    let broker = Broker::start();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop/large_group.py");
    let output =
        Command::new(&python).args([script, &broker.address()]).output().expect("python runs");
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    print!("{stdout}");
    assert!(output.status.success() && stdout.trim_end().ends_with("ok"), "{stdout}\n{stderr}");
}
