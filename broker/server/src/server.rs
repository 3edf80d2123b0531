//! A server from start to end: prepare, open the node, serve, stop.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use kt_node::config::{BrokerConfig, BrokerSources};
use kt_node::{Effect, Input};
use kt_protocol::types::Now;
use kt_storage::Disk;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::budget::RequestBudget;
use crate::clock::Clock;
use crate::connection::ConnectionConfig;
use crate::engine::Engine;
use crate::flusher::FlushQueues;
use crate::host::Host;
use crate::http;
use crate::jobs::Jobs;
use crate::lifecycle::{Lifecycle, Phase};
use crate::limits::{self, ConnectionBounds, ConnectionLimits};
use crate::listener::{Acceptor, BoundListener};
use crate::mailbox::Connections;
use crate::metrics::Metrics;
use crate::prepare::{self, Prepared, StartError};
use crate::signals::StopSignal;
use crate::stop::{StopBy, Stops};
use crate::wakes::{self, Wakes};

/// The part of the machine's memory that requests may fill, unless `queued.max.request.bytes` says
/// otherwise.
const REQUEST_MEMORY_SHARE: u64 = 4;

/// Deep enough for everything that a worker calls; untouched pages cost nothing.
const WORKER_STACK_BYTES: usize = 1024 * 1024;

/// Connections may finish what they have begun for so long after the end was asked for.
const DRAIN: Duration = Duration::from_secs(3);

/// How often the drain looks whether all are done.
const DRAIN_LOOK: Duration = Duration::from_millis(5);

/// The node may flush and close for so long; logs that are not closed are recovered at the start.
const STOP: Duration = Duration::from_secs(20);

/// How a server ended.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// It did not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The node cannot go on.
    #[error("{message}")]
    Fatal {
        /// For the process.
        exit_code: i32,
        /// What is wrong, with which thing, and what to do.
        message: String,
    },
    /// It was told to stop, and did not in time.
    #[error("the node did not stop within {} s; its logs are recovered at the next start", STOP.as_secs())]
    Stuck,
}

/// What is served, once it is.
#[derive(Clone, Debug)]
pub struct Serving {
    /// What clients connect to, one for each listener of theirs.
    pub addresses: Vec<SocketAddr>,
    /// What they are told to connect to, as `HOST:PORT`.
    pub advertised: Vec<String>,
    /// Where records are.
    pub log_dirs: Vec<PathBuf>,
    /// Whether an acknowledgement means that the record is on disk.
    pub flushes_on_ack: bool,
    /// Where metrics are read, if they are.
    pub metrics: Option<SocketAddr>,
}

/// What a node is opened with.
pub struct Opening {
    /// With real addresses.
    pub sources: BrokerSources,
    /// The same, typed.
    pub config: BrokerConfig,
    /// The machine's disk.
    pub disk: Arc<dyn Disk>,
    /// For everything that is random.
    pub seed: u64,
    /// When.
    pub now: Now,
}

/// A node, and what it asked for while it was opened.
pub type Opened = (Arc<dyn Engine>, Vec<Effect>);

/// Runs a server until it is told to stop. `tell` is called once, when requests are served.
///
/// # Errors
///
/// See [`ServeError`].
pub fn run(
    sources: BrokerSources,
    disk: &Arc<dyn Disk>,
    stop: StopBy,
    open: impl FnOnce(Opening) -> Result<Opened, String>,
    tell: impl FnOnce(&Serving),
) -> Result<StopSignal, ServeError> {
    let clock = Clock::start();
    let connections_max = limits::raise_descriptor_limit();
    // The locks are held until this function returns.
    let Prepared { sources, config, bound, locks: _locks } = Prepared::take(sources)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .thread_name("worker")
        .thread_stack_size(WORKER_STACK_BYTES)
        .enable_all()
        .build()
        .map_err(StartError::System)?;
    // Before the node is opened: a signal during a long start must be met too.
    let stops = runtime.block_on(async { Stops::listen(stop) }).map_err(StartError::System)?;
    let opening = Opening {
        sources,
        config: config.clone(),
        disk: disk.clone(),
        seed: random_seed(),
        now: clock.now(),
    };
    let (engine, effects) = open(opening).map_err(StartError::Open)?;
    let host = host(engine, clock, &config);
    host.jobs.serve(&host);
    host.flushes.serve(&host, disk).map_err(StartError::System)?;
    let outcome = runtime.block_on(async {
        tokio::spawn(wakes::run(host.clone()));
        host.carry_out_first(effects);
        let (serving, acceptors) = listen(&host, &config, bound, connections_max).await?;
        supervise(&host, stops, acceptors, || tell(&serving)).await
    });
    // Tasks are not waited for: what had to be finished is.
    runtime.shutdown_background();
    outcome
}

fn host(engine: Arc<dyn Engine>, clock: Clock, config: &BrokerConfig) -> Arc<Host> {
    let budget_bytes = config.queued_max_request_bytes.filter(|bytes| 0 < *bytes);
    let budget_bytes = budget_bytes.unwrap_or_else(|| memory_bytes() / REQUEST_MEMORY_SHARE);
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    Arc::new(Host {
        engine,
        clock,
        connections: Connections::new(),
        budget: RequestBudget::new(budget_bytes, config.socket_request_max_bytes),
        flushes: FlushQueues::new(prepare::directories(config).map(ToOwned::to_owned)),
        jobs: Jobs::new(processors),
        wakes: Wakes::default(),
        lifecycle: Lifecycle::new(),
        metrics: Metrics::default(),
    })
}

async fn listen(
    host: &Arc<Host>,
    config: &BrokerConfig,
    bound: Vec<BoundListener>,
    connections_max: usize,
) -> Result<(Serving, Vec<AbortHandle>), StartError> {
    let metrics = match &config.metrics_listener {
        None => None,
        Some(address) => Some(serve_metrics(host, address).await?),
    };
    let is_for_clients = |it: &&BoundListener| !config.is_controller_listener(&it.listener.name);
    let addressed = |it: &kt_node::config::Listener| match it.host.contains(':') {
        true => format!("[{}]:{}", it.host, it.port),
        false => format!("{}:{}", it.host, it.port),
    };
    let serving = Serving {
        addresses: bound.iter().filter(is_for_clients).map(|it| it.address).collect(),
        advertised: config.advertised_listeners.iter().map(addressed).collect(),
        log_dirs: config.log_dirs.clone(),
        flushes_on_ack: config.log_flush_on_ack,
        metrics,
    };
    let limits = ConnectionLimits::new(bounds(config, connections_max)?);
    let per_connection = ConnectionConfig {
        frame_bytes_max: usize::try_from(config.socket_request_max_bytes).unwrap_or(usize::MAX),
        idle_ms_max: Some(config.connections_max_idle_ms).filter(|ms| 0 < *ms),
    };
    let mut acceptors = Vec::new();
    for bound in bound {
        let is_controller = config.is_controller_listener(&bound.listener.name);
        let acceptor =
            Acceptor::new(host.clone(), limits.clone(), per_connection, bound, is_controller)?;
        acceptors.push(tokio::spawn(acceptor.run()).abort_handle());
    }
    Ok((serving, acceptors))
}

async fn serve_metrics(host: &Arc<Host>, address: &str) -> Result<SocketAddr, StartError> {
    let bound = http::bind(address).await;
    let (listener, bound) =
        bound.map_err(|error| StartError::Bind(format!("metrics.listener={address}: {error}")))?;
    if !bound.ip().is_loopback() {
        tracing::warn!(%bound, "metrics.listener is reachable from other machines, and asks nobody who they are");
    }
    tokio::spawn(http::run(host.clone(), listener));
    Ok(bound)
}

fn bounds(config: &BrokerConfig, connections_max: usize) -> Result<ConnectionBounds, StartError> {
    let mut per_ip_overrides = std::collections::BTreeMap::new();
    for (host, limit) in &config.max_connections_per_ip_overrides {
        let addresses = std::net::ToSocketAddrs::to_socket_addrs(&(host.as_str(), 0));
        let addresses = addresses.map_err(|error| {
            StartError::Bind(format!("max.connections.per.ip.overrides: {host}: {error}"))
        })?;
        per_ip_overrides.extend(addresses.map(|it| (it.ip().to_canonical(), *limit)));
    }
    Ok(ConnectionBounds {
        connections_max: config.max_connections.min(connections_max),
        per_ip_max: config.max_connections_per_ip,
        per_ip_overrides,
        creation_rate: config.max_connection_creation_rate,
    })
}

/// Waits for the end: the node's own, or one that is asked for.
async fn supervise(
    host: &Arc<Host>,
    mut stops: Stops,
    acceptors: Vec<AbortHandle>,
    tell: impl FnOnce(),
) -> Result<StopSignal, ServeError> {
    let mut tell = Some(tell);
    let mut phases = host.lifecycle.watch();
    phases.mark_changed();
    let asked = loop {
        tokio::select! {
            _ = phases.changed() => match phases.borrow_and_update().clone() {
                Phase::Starting => {}
                Phase::Ready => if let Some(tell) = tell.take() { tell() },
                Phase::Stopped => {
                    let message = "the node stopped without being asked".to_owned();
                    return Err(ServeError::Fatal { exit_code: 1, message });
                }
                Phase::Fatal { exit_code, message } => {
                    return Err(ServeError::Fatal { exit_code, message });
                }
            },
            asked = stops.next() => break asked,
        }
    };
    tokio::spawn(force_on_second(stops));
    for acceptor in acceptors {
        acceptor.abort();
    }
    drain(host).await;
    host.handle(Input::Stop);
    let stopped = tokio::time::timeout(STOP, phases.wait_for(|phase| Phase::Ready < *phase));
    match stopped.await.map(|phase| phase.map(|it| it.clone())) {
        Err(_) => Err(ServeError::Stuck),
        Ok(Ok(Phase::Fatal { exit_code, message })) => {
            Err(ServeError::Fatal { exit_code, message })
        }
        Ok(_) => Ok(asked),
    }
}

async fn force_on_second(mut stops: Stops) {
    let second = stops.next().await;
    tracing::warn!("stopped by a second signal; logs are recovered at the next start");
    std::process::exit(second.forced_exit_code());
}

/// Connections finish what they have begun, and begin nothing new.
async fn drain(host: &Arc<Host>) {
    host.lifecycle.drain();
    host.connections.drain();
    let end = Instant::now() + DRAIN;
    while 0 < host.connections.count() && Instant::now() < end {
        tokio::time::sleep(DRAIN_LOOK).await;
    }
}

fn memory_bytes() -> u64 {
    let info = rustix::system::sysinfo();
    info.totalram.saturating_mul(u64::from(info.mem_unit.max(1)))
}

fn random_seed() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    // The standard library's hasher is seeded by the system's random numbers.
    std::hash::RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests;
