//! What a user of the client library does in a process of its own, and what it says of it.

use std::path::PathBuf;
use std::sync::mpsc::Sender;
use std::time::Duration;

use kt_client::{Client, ClientConfig, Keys};
use kt_protocol::types::TopicPartition;
use serde::{Deserialize, Serialize};

use super::{consuming, producing, storing};
use crate::support::process::{self, Process};

/// The topic of the load.
pub(super) const TOPIC: &str = "load";
pub(super) const GROUP: &str = "readers";
pub(super) const PARTITIONS: i32 = 3;

/// What a process is to do until it is told to end, or killed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Task {
    pub(super) role: Role,
    /// Tells processes apart.
    pub(super) name: u32,
    pub(super) address: String,
    /// Settings of the producer or the member, under Kafka's names.
    pub(super) settings: Vec<(String, String)>,
    /// Where it may keep what outlives it.
    pub(super) directory: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Role {
    /// Sends its numbers to each partition.
    Produce,
    /// Reads as a member of a group that commits what it has read by itself.
    ReadAndAutoCommit,
    /// Reads as a member of a group, and commits after that.
    ReadAndCommit,
    /// Reads, commits a part of it at once, and the rest when it gets the word.
    CommitLate,
    /// Stores what it reads, and how far it has come, in one transaction.
    Store,
}

/// What a process has done.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Said {
    /// The broker has acknowledged the record.
    Acknowledged {
        partition: i32,
        offset: i64,
        value: String,
    },
    /// Got the partition.
    Own {
        partition: i32,
    },
    /// It is somebody else's from now on.
    Give {
        partition: i32,
    },
    Read {
        partition: i32,
        offset: i64,
        value: String,
    },
    /// Everything before the offset is committed, or stored.
    Done {
        partition: i32,
        next: i64,
    },
    /// What was to fail has failed like this.
    Refused(String),
    /// It has ended as it was told to.
    Ended,
    /// Something went wrong.
    Failed(String),
}

/// Who works on a task.
pub(super) struct User {
    pub(super) process: Process,
    pub(super) task: Task,
}

impl User {
    /// Starts it; what it says goes to `said`, with its name.
    pub(super) fn start(task: Task, said: Sender<(u32, Said)>) -> User {
        let process = Process::start("client_under_kill::user::work", &task, task.name, said);
        User { process, task }
    }

    pub(super) fn name(&self) -> u32 {
        self.task.name
    }
}

/// What work comes to: an error is a sentence.
pub(super) type Outcome = Result<(), Box<dyn std::error::Error>>;

/// The process itself.
#[test]
#[ignore = "a process of the tests beside it"]
fn work() {
    let Some(task) = process::task::<Task>() else { return };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let outcome = runtime.expect("a runtime can be built").block_on(perform(&task));
    process::say(&outcome.map_or_else(|error| Said::Failed(error.to_string()), |()| Said::Ended));
}

async fn perform(task: &Task) -> Outcome {
    let word = process::word();
    match task.role {
        Role::Produce => producing::produce(task, word).await,
        Role::ReadAndAutoCommit | Role::ReadAndCommit => consuming::read(task, word).await,
        Role::CommitLate => consuming::commit_late(task, word).await,
        Role::Store => storing::store(task, word).await,
    }
}

/// A client that finds a broker again soon, once there is one.
pub(super) async fn client(task: &Task) -> Result<Client, kt_client::ConfigError> {
    let mut config = ClientConfig::default();
    config.set("bootstrap.servers", &task.address)?;
    config.set("retry.backoff.ms", "20")?;
    config.set("retry.backoff.max.ms", "100")?;
    config.set("reconnect.backoff.ms", "10")?;
    config.set("reconnect.backoff.max.ms", "100")?;
    config.seed = u64::from(task.name);
    let client = Client::new(config);
    // Whether to wait for a first broker is left to the user.
    while client.topics(&[TOPIC.to_owned()]).await.is_err() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(client)
}

pub(super) fn partitions() -> Vec<TopicPartition> {
    (0..PARTITIONS).map(|it| TopicPartition::new(TOPIC, it)).collect()
}
