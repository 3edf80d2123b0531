//! What a client is told before it connects, under Kafka's names and with Kafka's defaults.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use kt_protocol::ApiKey;

use crate::backoff::BackoffRange;

/// Settings of a [`crate::Client`].
#[derive(Clone)]
pub struct ClientConfig {
    /// `HOST:PORT` of brokers to ask first (`bootstrap.servers`).
    pub bootstrap: Vec<String>,
    /// The only cluster that is meant; any other is refused before it is asked for anything.
    pub expected_cluster_id: Option<String>,
    /// What requests say of who sends them (`client.id`).
    pub client_id: String,
    /// Longest wait for one answer, retries included (`default.api.timeout.ms`).
    pub timeout: Duration,
    /// Longest wait for the answer to one request (`request.timeout.ms`).
    pub request_timeout: Duration,
    /// Longest wait for a connection (`socket.connection.setup.timeout.ms`).
    pub connect_timeout: Duration,
    /// Waits between tries (`retry.backoff.ms`, `retry.backoff.max.ms`).
    pub backoff: BackoffRange,
    /// When metadata is asked for again without need (`metadata.max.age.ms`).
    pub metadata_max_age: Duration,
    /// Where random choices start.
    pub seed: u64,
    /// Who hears of what the client does.
    pub observer: Option<Observer>,
}

/// Called for each event, on the client's task: must not block.
pub type Observer = Arc<dyn Fn(&Event<'_>) + Send + Sync>;

/// What a client does, for those who want to see it.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// A connection stands.
    Connected {
        /// `HOST:PORT`.
        address: &'a str,
    },
    /// A request was answered, or not.
    Answered {
        /// `HOST:PORT`.
        address: &'a str,
        /// The request.
        api: ApiKey,
        /// Its version.
        version: i16,
        /// From queueing it to its answer.
        took: Duration,
        /// True if an answer came.
        ok: bool,
    },
    /// Something failed and is tried again.
    Retrying {
        /// What is under way.
        operation: &'a str,
        /// What it failed of.
        error: &'a crate::Error,
        /// How long until the next try.
        wait: Duration,
    },
}

impl Default for ClientConfig {
    fn default() -> ClientConfig {
        ClientConfig {
            bootstrap: vec!["127.0.0.1:9092".to_owned()],
            expected_cluster_id: None,
            client_id: "kt".to_owned(),
            timeout: Duration::from_secs(60),
            request_timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(10),
            backoff: BackoffRange {
                first: Duration::from_millis(100),
                max: Duration::from_secs(1),
            },
            metadata_max_age: Duration::from_secs(300),
            seed: 0,
            observer: None,
        }
    }
}

impl fmt::Debug for ClientConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientConfig")
            .field("bootstrap", &self.bootstrap)
            .field("client_id", &self.client_id)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
