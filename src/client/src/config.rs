//! What a client is told before it connects, under Kafka's names and with Kafka's defaults.

mod value;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use kt_protocol::ApiKey;

use crate::backoff::BackoffRange;
pub use value::{ConfigError, Keys};
pub(crate) use value::{flag, list, millis, number, word, wrong};

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

impl Keys for ClientConfig {
    const KEYS: &'static [&'static str] = &[
        "bootstrap.servers",
        "client.id",
        "default.api.timeout.ms",
        "metadata.max.age.ms",
        "request.timeout.ms",
        "retry.backoff.max.ms",
        "retry.backoff.ms",
        "socket.connection.setup.timeout.ms",
    ];

    fn set(&mut self, key: &str, value: &str) -> Result<(), ConfigError> {
        match key {
            "bootstrap.servers" => self.bootstrap = list(value),
            "client.id" => value.clone_into(&mut self.client_id),
            "default.api.timeout.ms" => self.timeout = millis(key, value)?,
            "metadata.max.age.ms" => self.metadata_max_age = millis(key, value)?,
            "request.timeout.ms" => self.request_timeout = millis(key, value)?,
            "retry.backoff.max.ms" => self.backoff.max = millis(key, value)?,
            "retry.backoff.ms" => self.backoff.first = millis(key, value)?,
            "socket.connection.setup.timeout.ms" => self.connect_timeout = millis(key, value)?,
            key => panic!("{key} is not one of KEYS"),
        }
        Ok(())
    }
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
    /// Code that is not ours, such as an interceptor, failed or panicked; we go on without it.
    HookFailed {
        /// Which one: `interceptor 0 before sending`.
        hook: &'a str,
        /// What it said.
        reason: &'a str,
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
