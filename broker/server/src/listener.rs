//! Listeners: sockets that are bound, and the loop that accepts connections on each.

use std::fs::File;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use kt_node::Session;
use kt_node::config::Listener;
use rustix::io::Errno;
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::net::{TcpListener, TcpStream};

use crate::connection::{self, ConnectionConfig};
use crate::host::Host;
use crate::limits::{ConnectionLimits, Place};
use crate::stream::Stream;

/// After running out of descriptors or memory: long enough to get out of the way, short enough to
/// be there when some are free again.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);

/// Why a listener does not stand.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BindError {
    /// Somebody listens there.
    #[error(
        "{address} is in use by another process; stop that one, or choose another port (0 picks a free one)"
    )]
    InUse {
        /// Host and port.
        address: String,
    },
    /// The name means nothing here, the address is another machine's, the port is privileged.
    #[error("cannot listen on {address}: {reason}")]
    Unusable {
        /// Host and port.
        address: String,
        /// In the system's words.
        reason: io::Error,
    },
}

/// `socket.*` of the configuration.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SocketConfig {
    /// `socket.listen.backlog.size`.
    pub(crate) backlog: i32,
    /// `socket.send.buffer.bytes`; none is the system's own choice.
    pub(crate) send_buffer_bytes: Option<usize>,
    /// `socket.receive.buffer.bytes`; the same.
    pub(crate) receive_buffer_bytes: Option<usize>,
}

/// A listener whose port is known. Connections queue up in the kernel until it is served.
#[derive(Debug)]
pub(crate) struct BoundListener {
    pub(crate) listener: Listener,
    pub(crate) address: SocketAddr,
    socket: std::net::TcpListener,
}

impl BoundListener {
    /// Binds; an empty host is every address, port 0 a free port.
    pub(crate) fn bind(
        listener: &Listener,
        config: SocketConfig,
    ) -> Result<BoundListener, BindError> {
        let host = if listener.host.is_empty() { "[::]" } else { &listener.host };
        let address = match listener.host.contains(':') {
            true => format!("[{}]:{}", listener.host, listener.port),
            false => format!("{host}:{}", listener.port),
        };
        bind_first(&address, listener.host.is_empty(), config)
            .and_then(|socket| Ok((socket.local_addr()?, socket)))
            .map(|(bound, socket)| {
                let listener = Listener { port: bound.port(), ..listener.clone() };
                BoundListener { listener, address: bound, socket }
            })
            .map_err(|reason| match reason.kind() {
                io::ErrorKind::AddrInUse => BindError::InUse { address },
                _ => BindError::Unusable { address, reason },
            })
    }
}

fn bind_first(
    address: &str,
    is_any: bool,
    config: SocketConfig,
) -> io::Result<std::net::TcpListener> {
    let mut candidates: Vec<SocketAddr> = address.to_socket_addrs()?.collect();
    if is_any {
        // A machine without IPv6 still has every address of IPv4.
        let port = candidates.first().map_or(0, SocketAddr::port);
        candidates.push(SocketAddr::from(([0, 0, 0, 0], port)));
    }
    let mut failure = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for candidate in candidates {
        match bind_to(candidate, is_any, config) {
            Ok(socket) => return Ok(socket),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

fn bind_to(
    address: SocketAddr,
    is_any: bool,
    config: SocketConfig,
) -> io::Result<std::net::TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(!is_any)?;
    }
    // A restart must not wait for connections of the last run to time out.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    // Before listening: connections inherit it, and the window is negotiated from it.
    if let Some(bytes) = config.receive_buffer_bytes {
        socket.set_recv_buffer_size(bytes)?;
    }
    if let Some(bytes) = config.send_buffer_bytes {
        socket.set_send_buffer_size(bytes)?;
    }
    socket.bind(&address.into())?;
    socket.listen(config.backlog)?;
    Ok(socket.into())
}

/// Accepts connections and starts their tasks, until dropped.
pub(crate) struct Acceptor {
    host: Arc<Host>,
    limits: Arc<ConnectionLimits>,
    config: ConnectionConfig,
    listener: Listener,
    is_controller_listener: bool,
    socket: TcpListener,
    /// Given up for a moment to take, and close, a connection that no descriptor is left for.
    spare: Option<File>,
}

impl Acceptor {
    /// Takes over a bound listener. To be called within the runtime.
    pub(crate) fn new(
        host: Arc<Host>,
        limits: Arc<ConnectionLimits>,
        config: ConnectionConfig,
        bound: BoundListener,
        is_controller_listener: bool,
    ) -> io::Result<Acceptor> {
        let socket = TcpListener::from_std(bound.socket)?;
        let spare = open_spare();
        let listener = bound.listener;
        Ok(Acceptor { host, limits, config, listener, is_controller_listener, socket, spare })
    }

    /// The loop.
    pub(crate) async fn run(mut self) {
        loop {
            match self.socket.accept().await {
                Ok((stream, peer)) => self.take(stream, peer).await,
                Err(error) => self.recover(&error).await,
            }
        }
    }

    async fn take(&mut self, stream: TcpStream, peer: SocketAddr) {
        let delay_ms = self.limits.creation_delay_ms(self.host.clock.monotonic());
        if 0 < delay_ms {
            self.host.metrics.delayed_connection();
            tokio::time::sleep(Duration::from_millis(delay_ms)).await;
        }
        let place = match self.limits.take(peer.ip()) {
            Ok(place) => place,
            Err(refusal) => {
                self.host.metrics.refused(&refusal.to_string(), &self.listener.name, peer.ip());
                return;
            }
        };
        let session = Arc::new(Session {
            listener: self.listener.name.clone(),
            is_controller_listener: self.is_controller_listener,
            client_host: peer.ip().to_canonical(),
        });
        tokio::spawn(serve(self.host.clone(), stream, session, self.config, place));
    }

    async fn recover(&mut self, error: &io::Error) {
        match error.raw_os_error().map(Errno::from_raw_os_error) {
            Some(Errno::MFILE | Errno::NFILE) => {
                // Whoever waits in the queue is told by being closed, not left hanging.
                self.spare = None;
                let shed = tokio::time::timeout(Duration::ZERO, self.socket.accept()).await;
                drop(shed);
                self.spare = open_spare();
                self.host.metrics.out_of_descriptors(&self.listener.name);
                tokio::time::sleep(EXHAUSTED_PAUSE).await;
            }
            Some(Errno::NOBUFS | Errno::NOMEM) => tokio::time::sleep(EXHAUSTED_PAUSE).await,
            // The peer was gone before it was accepted (ECONNABORTED and the like).
            _ => tracing::debug!(%error, listener = %self.listener.name, "accept failed"),
        }
    }
}

async fn serve(
    host: Arc<Host>,
    stream: TcpStream,
    session: Arc<Session>,
    config: ConnectionConfig,
    place: Place,
) {
    // Answers are written whole; waiting for more to fill a segment only delays them.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "connection was gone at once");
        return;
    }
    // A peer whose machine vanished is noticed in hours instead of never.
    let _ = SockRef::from(&stream).set_keepalive(true);
    connection::serve(host, Stream::Plain(stream), session, config).await;
    drop(place);
}

fn open_spare() -> Option<File> {
    File::open("/dev/null").ok()
}
