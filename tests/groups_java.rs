//! Apache Kafka's Java consumers in groups of kt: every assignor, and processes that die.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};

use rdkafka::consumer::BaseConsumer;
use serde_json::Value;

use crate::support::client::{self, SOON};
use crate::support::member::{self, QUICK_GROUPS};
use crate::support::tool::{self, ApacheKafka, QUIET_JAVA};
use crate::support::{Broker, command};

#[test]
fn its_java_consumer_passes() {
    let Some(kafka) = ApacheKafka::find("Apache Kafka's Java consumer in groups") else { return };
    let broker = Broker::start_with(&QUICK_GROUPS);
    let program = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop/Groups.java");
    tool::says_ok(&mut kafka.java_command(&[QUIET_JAVA, program, &broker.address()]));
}

/// A `kafka-verifiable-consumer`. Dropping it kills it.
pub(crate) struct Verifiable(Child);

impl Verifiable {
    /// Starts one; what it says goes to `said`, with its number.
    fn start(
        kafka: &ApacheKafka,
        address: &str,
        number: usize,
        said: Sender<(usize, Value)>,
    ) -> Verifiable {
        let range = "org.apache.kafka.clients.consumer.RangeAssignor";
        Verifiable::start_with(kafka, address, number, range, said)
    }

    /// The same, with an assignor.
    pub(crate) fn start_with(
        kafka: &ApacheKafka,
        address: &str,
        number: usize,
        assignor: &str,
        said: Sender<(usize, Value)>,
    ) -> Verifiable {
        let mut process = kafka
            .command("kafka-verifiable-consumer")
            .args(["--bootstrap-server", address, "--topic", "verified", "--group-id", "verified"])
            .args(["--session-timeout", "2000", "--assignment-strategy", assignor])
            .args([
                "--command-config",
                concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop/quick.properties"),
            ])
            .env("KAFKA_LOG_LEVEL", "error")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the script runs");
        let stdout = process.stdout.take().expect("stdout is piped");
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let Ok(line) = serde_json::from_str(&line) else { continue };
                if said.send((number, line)).is_err() {
                    return;
                }
            }
        });
        Verifiable(process)
    }
}

impl Drop for Verifiable {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What the verifiable consumers have said.
#[derive(Default)]
pub(crate) struct Account {
    owned: BTreeMap<usize, BTreeSet<i64>>,
    consumed: BTreeMap<i64, BTreeSet<i64>>,
    committed: BTreeMap<i64, i64>,
    ended: usize,
}

impl Account {
    fn listen_until(&mut self, said: &Receiver<(usize, Value)>, holds: impl Fn(&Account) -> bool) {
        while !holds(self) {
            let (number, said) = said.recv_timeout(SOON).expect("they go on");
            self.enter(number, &said);
        }
    }

    /// What one of them owns.
    pub(crate) fn owned_by(&self, number: usize) -> BTreeSet<i64> {
        self.owned.get(&number).cloned().unwrap_or_default()
    }

    /// Partition and offset of each record that any of them has read.
    pub(crate) fn consumed(&self) -> impl Iterator<Item = (i64, i64)> + '_ {
        self.consumed.iter().flat_map(|(partition, its)| its.iter().map(|it| (*partition, *it)))
    }

    pub(crate) fn enter(&mut self, number: usize, said: &Value) {
        let list = |key: &str| said[key].as_array().cloned().unwrap_or_default();
        let int = |it: &Value, key: &str| it[key].as_i64().expect("a number");
        let owned = self.owned.entry(number).or_default();
        match said["name"].as_str().expect("it has a name") {
            "partitions_assigned" => {
                owned.extend(list("partitions").iter().map(|it| int(it, "partition")));
            }
            "partitions_revoked" => {
                for it in list("partitions") {
                    owned.remove(&int(&it, "partition"));
                }
            }
            "records_consumed" => {
                for it in list("partitions") {
                    let offsets = int(&it, "minOffset")..=int(&it, "maxOffset");
                    self.consumed.entry(int(&it, "partition")).or_default().extend(offsets);
                }
            }
            "offsets_committed" if said["success"] == true => {
                for it in list("offsets") {
                    let (partition, offset) = (int(&it, "partition"), int(&it, "offset"));
                    let before = self.committed.insert(partition, offset).unwrap_or(0);
                    assert!(before <= offset, "{partition}: from {before} to {offset}");
                }
            }
            "shutdown_complete" => self.ended += 1,
            _ => {}
        }
    }

    /// Whether the living share so many partitions.
    fn have_shared(&self, living: &[usize], each: usize) -> bool {
        living.iter().all(|it| self.owned.get(it).is_some_and(|it| it.len() == each))
    }

    /// Whether each of six partitions was consumed and committed up to here.
    fn is_at(&self, end: i64) -> bool {
        let all = (0..end).collect::<BTreeSet<_>>();
        (0..6)
            .all(|it| self.consumed.get(&it) == Some(&all) && self.committed.get(&it) == Some(&end))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_verifiable_consumers_of_the_dead_are_replaced() {
    let Some(kafka) = ApacheKafka::find("kafka-verifiable-consumer") else { return };
    let broker = Broker::start_with(&QUICK_GROUPS);
    let address = broker.address();
    client::create_topic(&address, "verified", 6, &[]).await;
    let (sender, said) = mpsc::channel();
    let start = |number| Verifiable::start(&kafka, &address, number, sender.clone());
    let mut consumers = vec![start(0), start(1), start(2)];
    let mut account = Account::default();
    account.listen_until(&said, |it| it.have_shared(&[0, 1, 2], 2));
    client::fill(&address, "verified", 6, 50).await;
    account.listen_until(&said, |it| it.is_at(50));
    drop(consumers.remove(0));
    client::fill(&address, "verified", 6, 50).await;
    account.listen_until(&said, |it| it.have_shared(&[1, 2], 3) && it.is_at(100));
    assert_eq!(member::committed(&address, "verified", "verified", 6), [Some(100); 6]);
    // Those who end in peace leave.
    consumers.iter().for_each(|it| command::signal(&it.0, "TERM"));
    account.listen_until(&said, |it| it.ended == 2);
    let outside: BaseConsumer = client::config(&address, &[]).create().expect("right");
    let list = member::describe(&outside, "verified");
    assert_eq!(list.groups()[0].state(), "Empty");
}
