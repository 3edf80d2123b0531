//! What must be had before a node is opened: its directories, locked, and its addresses, bound.

use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use kt_node::config::{BrokerConfig, BrokerSources, ConfigError, Listener};

use crate::listener::{BindError, BoundListener, SocketConfig};
use crate::lock_file::{LockError, LockFile};

/// Why the server does not start. Each is a sentence that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A log directory cannot be made.
    #[error("cannot make the directory {}: {reason}", directory.display())]
    Directory {
        /// The directory.
        directory: PathBuf,
        /// In the system's words.
        reason: io::Error,
    },
    /// A log directory is another process's, or cannot be locked.
    #[error("{0}")]
    Lock(String),
    /// An address cannot be had.
    #[error("{0}")]
    Bind(String),
    /// The node cannot be opened on what is in its directories.
    #[error("{0}")]
    Open(String),
    /// The system refuses threads, signals or the like.
    #[error("cannot start: {0}")]
    System(#[from] io::Error),
}

impl From<LockError> for StartError {
    fn from(error: LockError) -> StartError {
        StartError::Lock(error.to_string())
    }
}

impl From<BindError> for StartError {
    fn from(error: BindError) -> StartError {
        StartError::Bind(error.to_string())
    }
}

/// Directories and addresses that are ours.
#[derive(Debug)]
pub(crate) struct Prepared {
    /// With the ports that were chosen, and addresses that clients can connect to.
    pub(crate) sources: BrokerSources,
    pub(crate) config: BrokerConfig,
    pub(crate) bound: Vec<BoundListener>,
    /// Held until the process ends.
    pub(crate) locks: Vec<LockFile>,
}

impl Prepared {
    /// Takes directories first: a node that is already running here is the better explanation for
    /// a port in use.
    pub(crate) fn take(mut sources: BrokerSources) -> Result<Prepared, StartError> {
        let config = BrokerConfig::resolve(&sources)?;
        let mut locks = Vec::new();
        for directory in directories(&config) {
            make_directory(directory)?;
            locks.push(LockFile::take(directory)?);
        }
        let sockets = SocketConfig {
            backlog: backlog(&sources, &config),
            send_buffer_bytes: usize::try_from(config.socket_send_buffer_bytes).ok(),
            receive_buffer_bytes: usize::try_from(config.socket_receive_buffer_bytes).ok(),
        };
        let mut bound = Vec::new();
        for listener in &config.listeners {
            bound.push(BoundListener::bind(listener, sockets)?);
        }
        name_addresses(&mut sources, &config, &bound);
        let config = BrokerConfig::resolve(&sources)?;
        Ok(Prepared { sources, config, bound, locks })
    }
}

/// Kafka's default of 50 makes the kernel drop the SYNs of a burst of connections, and each client
/// that meets that waits a second for its next try. The kernel cuts this to `net.core.somaxconn`.
const BACKLOG_UNLESS_SET: i32 = 4_096;

fn backlog(sources: &BrokerSources, config: &BrokerConfig) -> i32 {
    match sources.static_values.contains_key("socket.listen.backlog.size") {
        true => config.socket_listen_backlog_size,
        false => BACKLOG_UNLESS_SET,
    }
}

/// Every directory that a node of this configuration writes to, each once.
pub(crate) fn directories(config: &BrokerConfig) -> impl Iterator<Item = &Path> {
    let metadata = Some(&config.metadata_log_dir).filter(|it| !config.log_dirs.contains(it));
    config.log_dirs.iter().chain(metadata).map(PathBuf::as_path)
}

fn make_directory(directory: &Path) -> Result<(), StartError> {
    // Records are nobody else's business: not readable by others, as far as we make directories.
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o750).create(directory);
    made.map_err(|reason| StartError::Directory { directory: directory.to_owned(), reason })
}

/// Puts the chosen ports where 0 stood, and this machine's name where no host is named, so that
/// what is advertised can be connected to.
fn name_addresses(sources: &mut BrokerSources, config: &BrokerConfig, bound: &[BoundListener]) {
    let with_port = |listener: &Listener| {
        let port = bound.iter().find(|it| it.listener.name == listener.name);
        let port = port.map_or(listener.port, |it| it.listener.port);
        Listener { port: if listener.port == 0 { port } else { listener.port }, ..listener.clone() }
    };
    if config.listeners.iter().any(|it| it.port == 0) {
        let listeners: Vec<Listener> = config.listeners.iter().map(with_port).collect();
        sources.static_values.insert("listeners".to_owned(), joined(&listeners));
    }
    let is_open = |it: &Listener| it.port == 0 || it.host.is_empty();
    if config.advertised_listeners.iter().any(is_open) {
        let named = |listener: &Listener| {
            let listener = with_port(listener);
            let host = if listener.host.is_empty() { host_name() } else { listener.host.clone() };
            Listener { host, ..listener }
        };
        let advertised: Vec<Listener> = config.advertised_listeners.iter().map(named).collect();
        sources.static_values.insert("advertised.listeners".to_owned(), joined(&advertised));
    }
}

fn joined(listeners: &[Listener]) -> String {
    let texts: Vec<String> = listeners.iter().map(ToString::to_string).collect();
    texts.join(",")
}

fn host_name() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    if name.is_empty() { "localhost".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use kt_node::config::Strictness;

    use super::*;

    fn sources(directory: &Path, pairs: &[(&str, &str)]) -> BrokerSources {
        let directory = directory.display().to_string();
        let base = [
            ("node.id", "1"),
            ("process.roles", "broker,controller"),
            ("listeners", "PLAINTEXT://127.0.0.1:0,CONTROLLER://127.0.0.1:0"),
            ("listener.security.protocol.map", "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT"),
            ("controller.listener.names", "CONTROLLER"),
            ("log.dirs", &directory),
        ];
        let pairs = base.iter().chain(pairs).map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        let mut sources = BrokerSources::default();
        sources.add_static(pairs, Strictness::RefuseUnknown, &mut Vec::new()).unwrap();
        sources
    }

    #[test]
    fn port_0_becomes_the_chosen_one_wherever_it_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let prepared = Prepared::take(sources(directory.path(), &[])).unwrap();
        let port = prepared.bound[0].address.port();
        assert_ne!(port, 0);
        assert_eq!(prepared.config.listeners[0].port, port);
        assert_eq!(prepared.config.advertised_listeners[0].port, port);
        assert_eq!(prepared.config.listeners[1].port, prepared.bound[1].address.port());
    }

    #[test]
    fn bound_is_not_advertised() {
        let directory = tempfile::tempdir().unwrap();
        let pairs = [("advertised.listeners", "PLAINTEXT://broker.example.com:443")];
        let prepared = Prepared::take(sources(directory.path(), &pairs)).unwrap();
        let advertised = &prepared.config.advertised_listeners[0];
        assert_eq!(advertised.to_string(), "PLAINTEXT://broker.example.com:443");
    }

    #[test]
    fn every_address_is_advertised_by_this_machines_name() {
        let directory = tempfile::tempdir().unwrap();
        let pairs = [("listeners", "PLAINTEXT://:0,CONTROLLER://127.0.0.1:0")];
        let prepared = Prepared::take(sources(directory.path(), &pairs)).unwrap();
        assert_eq!(prepared.config.advertised_listeners[0].host, host_name());
        assert!(prepared.bound[0].address.ip().is_unspecified());
    }

    #[test]
    fn what_is_in_use_is_refused_in_a_sentence() {
        let directory = tempfile::tempdir().unwrap();
        let first = Prepared::take(sources(directory.path(), &[])).unwrap();
        let refusal = Prepared::take(sources(directory.path(), &[])).unwrap_err().to_string();
        assert!(refusal.contains(&directory.path().display().to_string()), "{refusal}");

        let other = tempfile::tempdir().unwrap();
        let port = first.bound[0].address.port();
        let taken = format!("PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:0");
        let pairs = [("listeners", taken.as_str())];
        let refusal = Prepared::take(sources(other.path(), &pairs)).unwrap_err().to_string();
        let expected = format!("127.0.0.1:{port} is in use by another process");
        assert!(refusal.starts_with(&expected), "{refusal}");
    }
}
