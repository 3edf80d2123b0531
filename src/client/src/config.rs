//! What a client is told before it connects, under Kafka's names and with Kafka's defaults.

mod jaas;
mod known;
mod security;
mod value;

use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use kt_protocol::ApiKey;

use crate::backoff::BackoffRange;
pub use known::{Standing, known_keys, said_by_librdkafka, standing};
pub use security::{
    Login, SaslConfig, SecurityConfig, SecurityProtocol, StoreType, TlsConfig, TokenEndpoint,
    TokenSource, UnsecuredToken, is_secret,
};
pub use value::{ConfigError, Keys};
pub(crate) use value::{flag, list, millis, number, some_millis, word, wrong};

/// Settings of a [`crate::Client`].
///
/// ```
/// use std::time::Duration;
/// use kt_client::{ClientConfig, Keys};
///
/// let mut config = ClientConfig { client_id: "billing".to_owned(), ..ClientConfig::default() };
/// config.set("request.timeout.ms", "5000")?;
/// assert_eq!(config.request_timeout, Duration::from_secs(5));
/// assert!(config.set("request.timeout.ms", "soon").is_err());
/// # Ok::<(), kt_client::ConfigError>(())
/// ```
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
    /// Longest wait for a connection, login included: the first time, and at most after failures
    /// (`socket.connection.setup.timeout.ms`, `socket.connection.setup.timeout.max.ms`).
    pub connect_timeout: BackoffRange,
    /// Waits before a broker that could not be reached is tried again (`reconnect.backoff.ms`,
    /// `reconnect.backoff.max.ms`).
    pub reconnect_backoff: BackoffRange,
    /// When a connection that nobody uses is closed (`connections.max.idle.ms`); `None`: never.
    pub connections_max_idle: Option<Duration>,
    /// What is made of a host's name (`client.dns.lookup`).
    pub dns_lookup: DnsLookup,
    /// `SO_SNDBUF` of sockets (`send.buffer.bytes`). `None` leaves it to the system, which fits it
    /// to the line: Kafka's own default, 128 KiB, is too little for a fast line over some distance.
    pub send_buffer_bytes: Option<usize>,
    /// `SO_RCVBUF` of sockets (`receive.buffer.bytes`), likewise.
    pub receive_buffer_bytes: Option<usize>,
    /// TLS and login.
    pub security: SecurityConfig,
    /// Waits between tries (`retry.backoff.ms`, `retry.backoff.max.ms`).
    pub backoff: BackoffRange,
    /// When metadata is asked for again without need (`metadata.max.age.ms`).
    pub metadata_max_age: Duration,
    /// What to do when no broker that is known answers (`metadata.recovery.strategy`).
    pub metadata_recovery: MetadataRecovery,
    /// When no metadata for so long means that (`metadata.recovery.rebootstrap.trigger.ms`).
    pub rebootstrap_trigger: Duration,
    /// Where random choices start: another place in each client, unless one is given.
    pub seed: u64,
    /// Who hears of what the client does.
    pub observer: Option<Observer>,
}

/// What is made of a host's name.
///
/// ```
/// use kt_client::{ClientConfig, DnsLookup, Keys};
///
/// let mut config = ClientConfig::default();
/// assert_eq!(config.dns_lookup, DnsLookup::UseAllDnsIps);
/// config.set("client.dns.lookup", "resolve_canonical_bootstrap_servers_only")?;
/// assert_eq!(config.dns_lookup, DnsLookup::ResolveCanonicalBootstrapServersOnly);
/// # Ok::<(), kt_client::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DnsLookup {
    /// Each of its addresses is tried in turn.
    #[default]
    UseAllDnsIps,
    /// Each address of a bootstrap host is turned into its canonical name first.
    ResolveCanonicalBootstrapServersOnly,
}

/// What to do when no broker that is known answers.
///
/// ```
/// use kt_client::{ClientConfig, Keys, MetadataRecovery};
///
/// let mut config = ClientConfig::default();
/// assert_eq!(config.metadata_recovery, MetadataRecovery::Rebootstrap);
/// config.set("metadata.recovery.strategy", "none")?;
/// assert_eq!(config.metadata_recovery, MetadataRecovery::None);
/// # Ok::<(), kt_client::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MetadataRecovery {
    /// Ask the bootstrap addresses again (KIP-899).
    #[default]
    Rebootstrap,
    /// Go on asking those that are known.
    None,
}

const DNS_LOOKUPS: &[(&str, DnsLookup)] = &[
    ("use_all_dns_ips", DnsLookup::UseAllDnsIps),
    ("resolve_canonical_bootstrap_servers_only", DnsLookup::ResolveCanonicalBootstrapServersOnly),
];

const RECOVERIES: &[(&str, MetadataRecovery)] =
    &[("rebootstrap", MetadataRecovery::Rebootstrap), ("none", MetadataRecovery::None)];

impl Keys for ClientConfig {
    const KEYS: &'static [&'static str] = &[
        "bootstrap.servers",
        "client.dns.lookup",
        "client.id",
        "connections.max.idle.ms",
        "default.api.timeout.ms",
        "metadata.max.age.ms",
        "metadata.recovery.rebootstrap.trigger.ms",
        "metadata.recovery.strategy",
        "receive.buffer.bytes",
        "reconnect.backoff.max.ms",
        "reconnect.backoff.ms",
        "request.timeout.ms",
        "retry.backoff.max.ms",
        "retry.backoff.ms",
        "send.buffer.bytes",
        "socket.connection.setup.timeout.max.ms",
        "socket.connection.setup.timeout.ms",
    ];

    fn set(&mut self, key: &str, value: &str) -> Result<(), ConfigError> {
        match key {
            "bootstrap.servers" => self.bootstrap = list(value),
            "client.id" => value.clone_into(&mut self.client_id),
            "client.dns.lookup" => self.dns_lookup = word(key, value, DNS_LOOKUPS)?,
            "connections.max.idle.ms" => self.connections_max_idle = idle(key, value)?,
            "default.api.timeout.ms" => self.timeout = millis(key, value)?,
            "metadata.max.age.ms" => self.metadata_max_age = millis(key, value)?,
            "metadata.recovery.rebootstrap.trigger.ms" => {
                self.rebootstrap_trigger = millis(key, value)?;
            }
            "metadata.recovery.strategy" => self.metadata_recovery = word(key, value, RECOVERIES)?,
            "receive.buffer.bytes" => self.receive_buffer_bytes = buffer(key, value)?,
            "reconnect.backoff.max.ms" => self.reconnect_backoff.max = millis(key, value)?,
            "reconnect.backoff.ms" => self.reconnect_backoff.first = millis(key, value)?,
            "request.timeout.ms" => self.request_timeout = millis(key, value)?,
            "retry.backoff.max.ms" => self.backoff.max = millis(key, value)?,
            "retry.backoff.ms" => self.backoff.first = millis(key, value)?,
            "send.buffer.bytes" => self.send_buffer_bytes = buffer(key, value)?,
            "socket.connection.setup.timeout.max.ms" => {
                self.connect_timeout.max = millis(key, value)?;
            }
            "socket.connection.setup.timeout.ms" => {
                self.connect_timeout.first = millis(key, value)?;
            }
            key => panic!("{key} is not one of KEYS"),
        }
        Ok(())
    }
}

/// A time, or below zero for never.
fn idle(key: &str, value: &str) -> Result<Option<Duration>, ConfigError> {
    let millis: i64 = number(key, value)?;
    Ok(u64::try_from(millis).ok().map(Duration::from_millis))
}

/// Bytes, or -1 for what the system thinks right.
fn buffer(key: &str, value: &str) -> Result<Option<usize>, ConfigError> {
    let bytes: i32 = number(key, value)?;
    match usize::try_from(bytes) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(_) if bytes == -1 => Ok(None),
        Err(_) => Err(wrong(key, value, "a number of bytes is needed, or -1")),
    }
}

/// Called for each event, on the client's task: must not block.
///
/// Shown at [`Event`].
pub type Observer = Arc<dyn Fn(&Event<'_>) + Send + Sync>;

/// What a client does, for those who want to see it.
///
/// ```
/// # kt_doc_broker::with_orders(&[], async |bootstrap| {
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU32, Ordering};
///
/// use kt_client::{Admin, Client, ClientConfig, Event};
///
/// let requests = Arc::new(AtomicU32::new(0));
/// let counted = requests.clone();
/// let observer = Some(Arc::new(move |event: &Event<'_>| {
///     if let Event::Answered { api, took, .. } = event {
///         println!("{api} took {took:?}");
///         counted.fetch_add(1, Ordering::Relaxed);
///     }
/// }) as kt_client::Observer);
/// let client = Client::new(ClientConfig { bootstrap, observer, ..ClientConfig::default() });
/// Admin::new(client).list_topics().await?;
/// assert!(0 < requests.load(Ordering::Relaxed));
/// # Ok(())
/// # });
/// ```
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
    /// A commit failed that nobody asked for, so nobody else hears of it; the next one covers it.
    AutoCommitFailed {
        /// `group.id`
        group: &'a str,
        /// Why.
        error: &'a crate::Error,
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
            connect_timeout: BackoffRange {
                first: Duration::from_secs(10),
                max: Duration::from_secs(30),
            },
            reconnect_backoff: BackoffRange {
                first: Duration::from_millis(50),
                max: Duration::from_secs(1),
            },
            connections_max_idle: Some(Duration::from_secs(540)),
            dns_lookup: DnsLookup::default(),
            send_buffer_bytes: None,
            receive_buffer_bytes: None,
            security: SecurityConfig::default(),
            backoff: BackoffRange {
                first: Duration::from_millis(100),
                max: Duration::from_secs(1),
            },
            metadata_max_age: Duration::from_secs(300),
            metadata_recovery: MetadataRecovery::default(),
            rebootstrap_trigger: Duration::from_secs(300),
            seed: chance(),
            observer: None,
        }
    }
}

/// The standard library's own source of randomness, which asks the system once.
fn chance() -> u64 {
    RandomState::new().build_hasher().finish()
}

impl fmt::Debug for ClientConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientConfig")
            .field("bootstrap", &self.bootstrap)
            .field("client_id", &self.client_id)
            .field("timeout", &self.timeout)
            .field("security", &self.security)
            .finish_non_exhaustive()
    }
}
