//! A consumer in a process of its own, so that it can be killed: what it does it says on stdout,
//! after it has done it.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::Sender;
use std::time::{SystemTime, UNIX_EPOCH};

use rdkafka::consumer::{CommitMode, Consumer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use serde::{Deserialize, Serialize};

use super::{GROUP, TOPIC};
use crate::support::command;
use crate::support::member::{Heard, Member};

const ADDRESS: &str = "KT_WORKER_ADDRESS";
const ASSIGNOR: &str = "KT_WORKER_ASSIGNOR";

/// What a worker has done with a partition, a line of JSON each.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Said {
    /// When, in microseconds of the wall clock, so that workers can be compared.
    pub(super) at: u128,
    pub(super) partition: i32,
    pub(super) did: Did,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Did {
    /// Got the partition.
    Own,
    /// It is somebody else's from now on.
    Give,
    Read {
        offset: i64,
        number: u64,
    },
    /// The broker has acknowledged the commit.
    Commit {
        offset: i64,
    },
}

/// A worker's process. Dropping it kills it.
pub(super) struct Worker {
    process: Child,
    pub(super) number: u32,
}

impl Worker {
    /// Starts one; what it says goes to `said`, with its number.
    pub(super) fn start(
        address: &str,
        assignor: &str,
        number: u32,
        said: Sender<(u32, Said)>,
    ) -> Worker {
        let program = std::env::current_exe().expect("the test's own program");
        let mut process = Command::new(program)
            .args(["groups_under_kill::worker::work", "--exact", "--ignored", "--nocapture"])
            .env(ADDRESS, address)
            .env(ASSIGNOR, assignor)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it can be started");
        let stdout = process.stdout.take().expect("stdout is piped");
        std::thread::spawn(move || {
            // The last line may be cut off, and counts all the same: it stands for what was done.
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                // The test harness speaks too.
                let Ok(line) = serde_json::from_str(&line) else { continue };
                if said.send((number, line)).is_err() {
                    return;
                }
            }
        });
        Worker { process, number }
    }

    /// Stops it where it is.
    pub(super) fn freeze(&self) {
        command::signal(&self.process, "STOP");
    }

    /// Lets it go on as if nothing had happened.
    pub(super) fn thaw(&self) {
        command::signal(&self.process, "CONT");
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn say(partition: i32, did: Did) {
    let at = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_micros();
    let said = Said { at, partition, did };
    let line = serde_json::to_string(&said).expect("it can be written") + "\n";
    std::io::stdout().write_all(line.as_bytes()).expect("the test listens");
}

/// The process of a worker: reads, and commits after that, until it is killed.
#[test]
#[ignore = "a process of the tests beside it"]
fn work() {
    let (Ok(address), Ok(assignor)) = (std::env::var(ADDRESS), std::env::var(ASSIGNOR)) else {
        return;
    };
    // Behind what the harness has begun to say.
    println!();
    let pairs = [
        ("partition.assignment.strategy", &*assignor),
        ("session.timeout.ms", "1500"),
        ("retry.backoff.ms", "20"),
        ("reconnect.backoff.ms", "10"),
        ("reconnect.backoff.max.ms", "100"),
    ];
    let mut member = Member::join(&address, GROUP, TOPIC, &pairs);
    let mut processed = BTreeMap::new();
    loop {
        member.poll();
        for (partition, record) in std::mem::take(&mut member.read) {
            let number = record.text().parse().expect("a number");
            say(partition, Did::Read { offset: record.offset, number });
            processed.insert(partition, record.offset + 1);
        }
        for heard in member.heard() {
            match heard {
                Heard::Assigned(partitions) => {
                    partitions.into_iter().for_each(|partition| say(partition, Did::Own));
                }
                Heard::Revoked(partitions) | Heard::Lost(partitions) => {
                    processed.retain(|partition, _| !partitions.contains(partition));
                    partitions.into_iter().for_each(|partition| say(partition, Did::Give));
                }
            }
        }
        commit(&member, &mut processed);
    }
}

/// Commits what was processed. What is refused is processed once more by whoever owns it then.
fn commit(member: &Member, processed: &mut BTreeMap<i32, i64>) {
    if processed.is_empty() {
        return;
    }
    let mut list = TopicPartitionList::new();
    for (partition, offset) in processed.iter() {
        list.add_partition_offset(TOPIC, *partition, Offset::Offset(*offset)).expect("right");
    }
    if member.consumer.commit(&list, CommitMode::Sync).is_err() {
        return;
    }
    for (partition, offset) in std::mem::take(processed) {
        say(partition, Did::Commit { offset });
    }
}
