//! kt in shell scripts: `tests/pipelines.sh`, with jq, pipes and head.

use std::process::Command;

use crate::support::{Broker, tool};

#[test]
fn scripts_can_rely_on_exit_codes_and_output() {
    run_with(&Broker::start().address());
}

/// Runs the scripts with a broker that has no topics.
pub(crate) fn run_with(address: &str) {
    if !tool::is_here("jq", &["--version"], "scripts with jq") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let kt = std::path::Path::new(env!("CARGO_BIN_EXE_kt")).parent().expect("it is in a folder");
    let path = std::env::var("PATH").unwrap_or_default();
    let output = Command::new("bash")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/pipelines.sh"))
        .current_dir(folder.path())
        .env("PATH", format!("{}:{path}", kt.display()))
        .env("KT_BOOTSTRAP", address)
        .env("XDG_CONFIG_HOME", folder.path().join("config"))
        .env("XDG_STATE_HOME", folder.path().join("state"))
        .output()
        .expect("bash runs");
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{stdout}{}", String::from_utf8_lossy(&output.stderr));
}
