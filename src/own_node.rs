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

use crate::cli::{Given, Globals};
use crate::error::{CliError, Kind};
use crate::session::Session;

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

    /// What a command runs in that looks at this node, whatever cluster is in use otherwise.
    pub(crate) fn session(&self, of_command: &Session) -> Session {
        let globals = Globals {
            bootstrap: Some(self.bootstrap().to_owned()),
            context: None,
            command_config: None,
            given: Given { bootstrap: true, ..of_command.globals.given },
            ..of_command.globals.clone()
        };
        Session::new(globals, of_command.terminal)
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

#[cfg(test)]
impl OwnNode {
    /// An ephemeral one on a free port.
    pub(crate) fn for_tests() -> OwnNode {
        use kt_node::config::Strictness;
        let temporary = temporary_directory().expect("there is room");
        let mut sources = BrokerSources::default();
        let pairs = keys("127.0.0.1:0", temporary.path()).expect("the keys are right");
        let added = sources.add_static(pairs, Strictness::RefuseUnknown, &mut Vec::new());
        added.expect("the keys are known");
        let formatting = Formatting::IfEmpty(None);
        let plan = Plan { sources, formatting, temporary: Some(temporary) };
        OwnNode::start(plan).expect("it starts")
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

/// Refuses flags that name a cluster where one is started. The environment and contexts may name
/// theirs: they are meant for other commands.
pub(crate) fn refuse_other_cluster(globals: &Globals) -> Result<(), CliError> {
    let given = globals.given;
    let flag = match (given.bootstrap, given.context, given.command_config) {
        (true, _, _) => "--bootstrap",
        (_, true, _) => "--context",
        (_, _, true) => "--command-config",
        (false, false, false) => return Ok(()),
    };
    let error = CliError::usage(format!("{flag} names a cluster, and this command starts its own"));
    Err(error.hint("kt dashboard shows one that runs"))
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

#[cfg(test)]
mod tests {
    use clap::Parser;
    use kt_node::config::Strictness;

    use super::*;
    use crate::cli::Cli;
    use crate::terminal::Terminal;

    fn globals(given: Given) -> Globals {
        Globals { given, ..Cli::parse_from(["kt", "-b", "kafka-1:9092"]).globals }
    }

    #[test]
    fn a_flag_that_names_another_cluster_is_refused() {
        assert!(refuse_other_cluster(&globals(Given::default())).is_ok());
        let by_flag = globals(Given { bootstrap: true, ..Given::default() });
        insta::assert_snapshot!(refuse_other_cluster(&by_flag).unwrap_err().message, @"--bootstrap names a cluster, and this command starts its own");
        let by_context = globals(Given { context: true, ..Given::default() });
        insta::assert_snapshot!(refuse_other_cluster(&by_context).unwrap_err().message, @"--context names a cluster, and this command starts its own");
    }

    #[test]
    fn a_node_starts_is_looked_at_and_leaves_nothing() {
        let temporary = temporary_directory().unwrap();
        let directory = temporary.path().to_owned();
        let mut sources = BrokerSources::default();
        let pairs = keys("127.0.0.1:0", &directory).unwrap();
        sources.add_static(pairs, Strictness::RefuseUnknown, &mut Vec::new()).unwrap();
        let formatting = Formatting::IfEmpty(None);
        let node =
            OwnNode::start(Plan { sources, formatting, temporary: Some(temporary) }).unwrap();
        assert_eq!(node.log_dirs(), std::slice::from_ref(&directory));
        // The environment names another cluster.
        let session = node.session(&Session::new(globals(Given::default()), Terminal::default()));
        assert_eq!(session.target().unwrap().bootstrap, node.bootstrap());
        let topics = session.block_on(async { Ok(session.admin()?.list_topics().await?) });
        assert!(topics.unwrap().is_empty());
        drop(node);
        assert!(!directory.exists());
    }

    #[test]
    fn a_node_that_does_not_start_says_why() {
        let directory = temporary_directory().unwrap();
        let mut sources = BrokerSources::default();
        let pairs = keys("127.0.0.1:0", directory.path()).unwrap();
        sources.add_static(pairs, Strictness::RefuseUnknown, &mut Vec::new()).unwrap();
        let plan = Plan { sources, formatting: Formatting::Refuse, temporary: None };
        let refusal = OwnNode::start(plan).unwrap_err().message;
        assert!(refusal.contains(&directory.path().display().to_string()), "{refusal}");
    }
}
