//! Apache Kafka's Java consumers and its group tools against kt, and its readers of our offsets.

use crate::support::Broker;
use crate::support::member::QUICK_GROUPS;
use crate::support::tool::{self, ApacheKafka};

#[test]
fn its_java_consumer_passes() {
    let Some(kafka) = ApacheKafka::find("Apache Kafka's Java consumer in groups") else { return };
    let broker = Broker::start_with(&QUICK_GROUPS);
    let program = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop/Groups.java");
    let quiet = "-Dorg.slf4j.simpleLogger.defaultLogLevel=error";
    tool::says_ok(&mut kafka.java_command(&[quiet, program, &broker.address()]));
}
