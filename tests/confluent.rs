//! confluent-kafka from PyPI, by the script `tests/interop/confluent.py`.

use std::process::Command;

use crate::support::{Broker, tool};

#[test]
fn the_script_passes() {
    let python = std::env::var("KT_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    if !tool::is_here(&python, &["-c", "import confluent_kafka"], "confluent-kafka's tests") {
        return;
    }
    let broker = Broker::start();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop/confluent.py");
    tool::says_ok(Command::new(python).args([script, &broker.address()]));
}
