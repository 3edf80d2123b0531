//! A node in this process: how one of one's own is configured, started beside a terminal, stopped.
//!
//! For `serve` and `demo`, which are the only commands that name the server crate.

use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use etcetera::BaseStrategy;
use kt_node::Formatting;
use kt_node::config::BrokerSources;
use kt_server::{
    LogsError, LogsTo, RealDisk, ServeError, Serving, StartError, StopBy, StopHandle, StopSignal,
};
use kt_storage::Disk;
use tempfile::TempDir;

use crate::error::{CliError, Kind};

/// The listener of the controller, beside the one that clients use.
const CONTROLLER: &str = "CONTROLLER";

/// What a node is started with.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) sources: BrokerSources,
    pub(crate) formatting: Formatting,
    /// Where an ephemeral one keeps everything.
    pub(crate) temporary: Option<TempDir>,
}

/// A node that runs on threads of its own, and ends when it is stopped or dropped. Signals are left
/// to whoever started it.
#[derive(Debug)]
pub(crate) struct OwnNode {
    serving: Serving,
    running: Option<Running>,
    /// Gone with it, once it has ended.
    _directory: Option<TempDir>,
}

#[derive(Debug)]
struct Running {
    stop: StopHandle,
    server: JoinHandle<Result<StopSignal, ServeError>>,
}

impl OwnNode {
    /// Starts it, and waits until requests are served.
    pub(crate) fn start(plan: Plan) -> Result<OwnNode, CliError> {
        let Plan { sources, formatting, temporary } = plan;
        let (stop, asked) = StopHandle::new();
        let (ready, told) = mpsc::channel();
        let serve = move || {
            let disk: Arc<dyn Disk> = Arc::new(RealDisk::new());
            kt_server::run(
                sources,
                &disk,
                StopBy::Program(asked),
                |opening| kt_server::open_node(opening, formatting),
                |serving| drop(ready.send(serving.clone())),
            )
        };
        let server = std::thread::Builder::new()
            .name("server".to_owned())
            .spawn(serve)
            .map_err(|error| CliError::other(format!("cannot start a thread: {error}")))?;
        let running = Running { stop, server };
        match told.recv() {
            Ok(serving) => Ok(OwnNode { serving, running: Some(running), _directory: temporary }),
            // It ended before it was ready, and says why.
            Err(mpsc::RecvError) => Err(match running.end() {
                Err(error) => error,
                Ok(()) => CliError::other("the node ended before it was ready"),
            }),
        }
    }

    /// What clients connect to, as `HOST:PORT`.
    pub(crate) fn bootstrap(&self) -> &str {
        self.serving.advertised.first().map_or("", String::as_str)
    }

    /// Where its records are.
    pub(crate) fn log_dirs(&self) -> &[PathBuf] {
        &self.serving.log_dirs
    }

    /// Stops it, and waits until everything is closed. If it had ended before, says why.
    pub(crate) fn stop(mut self) -> Result<(), CliError> {
        self.running.take().map_or(Ok(()), Running::end)
    }
}

impl Drop for OwnNode {
    /// Who leaves by another way than [`OwnNode::stop`] has an error of its own to tell.
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            let _ = running.end();
        }
    }
}

impl Running {
    fn end(self) -> Result<(), CliError> {
        self.stop.stop();
        match self.server.join() {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(failed(error)),
            Err(_) => Err(CliError::other("the node panicked")),
        }
    }
}

/// Starts the logs of a node, as `KT_LOG` filters them.
pub(crate) fn start_logs(to: &LogsTo) -> Result<(), CliError> {
    let filter = std::env::var("KT_LOG").ok();
    kt_server::start_logs(filter.as_deref(), to).map_err(|error| match error {
        LogsError::Filter { .. } => CliError::usage(error.to_string()),
        LogsError::File { .. } => CliError::other(error.to_string()),
    })
}

/// Where a node logs whose terminal shows something else: a file in the user's state directory.
pub(crate) fn log_file() -> Result<PathBuf, CliError> {
    let base = etcetera::choose_base_strategy()
        .map_err(|error| CliError::usage(format!("no directory for logs: {error}")))?;
    // Every strategy of a Unix has one; without, logs are data like the rest.
    let state = base.state_dir().unwrap_or_else(|| base.data_dir());
    Ok(state.join("kt").join("serve.log"))
}

/// The configuration of a node without a file: alone in its cluster, so that internal topics have
/// one replica.
pub(crate) fn keys(listen: &str, data: &Path) -> Result<Vec<(String, String)>, CliError> {
    let wrong = || CliError::usage(format!("--listen {listen} is not HOST:PORT"));
    let (host, port) = listen.rsplit_once(':').ok_or_else(wrong)?;
    let port: u16 = port.parse().map_err(|_| wrong())?;
    let controller_port = match port {
        0 => 0,
        _ => port.checked_add(1).ok_or_else(wrong)?,
    };
    let listeners = format!("PLAINTEXT://{host}:{port},{CONTROLLER}://{host}:{controller_port}");
    let data = data.to_str().ok_or_else(|| CliError::usage("the data directory is not text"))?;
    let pairs = [
        ("node.id", "1"),
        ("process.roles", "broker,controller"),
        ("listeners", &listeners),
        ("listener.security.protocol.map", "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT"),
        ("controller.listener.names", CONTROLLER),
        ("log.dirs", data),
        ("offsets.topic.replication.factor", "1"),
        ("transaction.state.log.replication.factor", "1"),
        ("transaction.state.log.min.isr", "1"),
        ("share.coordinator.state.topic.replication.factor", "1"),
        ("share.coordinator.state.topic.min.isr", "1"),
    ];
    Ok(pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec())
}

/// A directory that is gone when the node is.
pub(crate) fn temporary_directory() -> Result<TempDir, CliError> {
    tempfile::tempdir()
        .map_err(|error| CliError::other(format!("cannot make a temporary directory: {error}")))
}

/// Why a server ended, for the operator.
pub(crate) fn failed(error: ServeError) -> CliError {
    match error {
        ServeError::Start(StartError::Config(error)) => {
            CliError::new(Kind::Usage, "INVALID_CONFIG", error.to_string())
        }
        ServeError::Start(error) => with_hint(&error.to_string()),
        other => CliError::other(other.to_string()),
    }
}

/// What the server says may carry its hint in a line of its own.
fn with_hint(text: &str) -> CliError {
    match text.split_once("\nhint: ") {
        Some((message, hint)) => CliError::other(message).hint(hint),
        None => CliError::other(text),
    }
}
