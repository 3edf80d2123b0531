//! How a connection comes about: the addresses of a host, a socket to one of them, TLS.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use kt_protocol::types::NodeId;
use kt_transport::client::{Link, LinkLimits};
use kt_transport::tls::TlsFault;
use tokio::net::{TcpSocket, TcpStream, lookup_host};
use tokio::time::{Instant, timeout_at};

use crate::config::{ClientConfig, ConfigError, DnsLookup};
use crate::error::{AuthenticationFault, Error, Listener};
use crate::security::Security;

/// Makes connections of one client.
#[derive(Debug)]
pub(crate) struct Dialer {
    config: ClientConfig,
    /// Read when first needed: a client is made without touching files.
    security: OnceLock<Result<Arc<Security>, ConfigError>>,
}

impl Dialer {
    pub(crate) fn new(config: ClientConfig) -> Dialer {
        Dialer { config, security: OnceLock::new() }
    }

    pub(crate) fn config(&self) -> &ClientConfig {
        &self.config
    }

    /// How connections are made safe.
    pub(crate) fn security(&self) -> Result<Arc<Security>, Error> {
        let prepare = || Security::prepare(&self.config.security).map(Arc::new);
        self.security.get_or_init(prepare).clone().map_err(Error::from)
    }

    /// A link to `address`, over TLS if that is wanted. `node` is the broker, if the address is
    /// advertised.
    pub(crate) async fn link(
        &self,
        address: &str,
        node: Option<NodeId>,
        limits: LinkLimits,
        deadline: Instant,
    ) -> Result<Link, Error> {
        let security = self.security()?;
        let (host, port) = split(address).ok_or_else(|| not_an_address(address, node))?;
        let stream = self.stream(address, (host, port), node, deadline).await?;
        // Requests are written whole; waiting for more to send only delays them.
        let _ = stream.set_nodelay(true);
        let Some(tls) = &security.tls else {
            let (read_half, write_half) = stream.into_split();
            return Ok(Link::open_halves(read_half, write_half, limits));
        };
        let Ok(stream) = timeout_at(deadline, tls.connect(host, stream)).await else {
            let found = Listener::Silent;
            return Err(Error::WrongListener { address: address.to_owned(), found });
        };
        let stream = stream.map_err(|fault| untrusted(address, fault, security.has_identity))?;
        Ok(Link::open(stream, limits))
    }

    /// A socket to the first of the host's addresses that takes it.
    async fn stream(
        &self,
        address: &str,
        (host, port): (&str, u16),
        node: Option<NodeId>,
        deadline: Instant,
    ) -> Result<TcpStream, Error> {
        let unreachable = |reason: String| Error::Unreachable { node, reason };
        let silent = || unreachable(format!("{address} does not answer"));
        let fault = |error: &std::io::Error| unreachable(connect_fault(address, error));
        let found = timeout_at(deadline, lookup_host((host, port))).await.map_err(|_| silent())?;
        let mut left: Vec<SocketAddr> = found.map_err(|error| fault(&error))?.collect();
        left.dedup();
        left.reverse();
        let mut last = unreachable(format!("{address} has no address"));
        while let Some(next) = left.pop() {
            // One that drops what it gets must not use up the time of those behind it.
            let share = deadline.saturating_duration_since(Instant::now())
                / u32::try_from(left.len() + 1).unwrap_or(u32::MAX);
            match timeout_at(Instant::now() + share, self.connect(next)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => last = fault(&error),
                Err(_) => last = silent(),
            }
        }
        Err(last)
    }

    async fn connect(&self, address: SocketAddr) -> std::io::Result<TcpStream> {
        let socket = match address {
            SocketAddr::V4(_) => TcpSocket::new_v4()?,
            SocketAddr::V6(_) => TcpSocket::new_v6()?,
        };
        let size = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX);
        // A wish: the system bounds it.
        if let Some(bytes) = self.config.send_buffer_bytes {
            let _ = socket.set_send_buffer_size(size(bytes));
        }
        if let Some(bytes) = self.config.receive_buffer_bytes {
            let _ = socket.set_recv_buffer_size(size(bytes));
        }
        socket.connect(address).await
    }

    /// Whom to ask first. With canonical names each host stands there once for each of its
    /// addresses, under the name that the address has.
    pub(crate) async fn bootstrap(&self, deadline: Instant) -> Vec<String> {
        let addresses = &self.config.bootstrap;
        if self.config.dns_lookup == DnsLookup::UseAllDnsIps {
            return addresses.clone();
        }
        let mut canonical = Vec::new();
        for address in addresses {
            let names = timeout_at(deadline, canonical_names(address)).await;
            // One that cannot be resolved stays, so that connecting to it says why.
            canonical.extend(names.ok().flatten().unwrap_or_else(|| vec![address.clone()]));
        }
        canonical.dedup();
        canonical
    }
}

async fn canonical_names(address: &str) -> Option<Vec<String>> {
    let (host, port) = split(address)?;
    let found: Vec<SocketAddr> = lookup_host((host, port)).await.ok()?.collect();
    let mut names = Vec::new();
    for address in found {
        let ip = address.ip();
        let name = tokio::task::spawn_blocking(move || dns_lookup::lookup_addr(&ip)).await;
        names.push(match name {
            Ok(Ok(name)) if name.parse::<std::net::Ipv6Addr>().is_err() => format!("{name}:{port}"),
            _ => address.to_string(),
        });
    }
    (!names.is_empty()).then_some(names)
}

/// `HOST:PORT`, with or without brackets around an IPv6 address.
fn split(address: &str) -> Option<(&str, u16)> {
    let (host, port) = address.rsplit_once(':')?;
    let host = host.strip_prefix('[').and_then(|it| it.strip_suffix(']')).unwrap_or(host);
    Some((host, port.parse().ok()?)).filter(|(host, _)| !host.is_empty())
}

fn not_an_address(address: &str, node: Option<NodeId>) -> Error {
    Error::Unreachable { node, reason: format!("\"{address}\" is not HOST:PORT") }
}

/// In words that say what to look at.
fn connect_fault(address: &str, error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::ConnectionRefused => format!("{address} refuses connections"),
        _ => format!("{address} cannot be reached: {error}"),
    }
}

/// What to say of a TLS connection that did not come about, or was ended.
pub(crate) fn untrusted(address: &str, fault: TlsFault, has_identity: bool) -> Error {
    let address = address.to_owned();
    let fault = match fault {
        TlsFault::NotTls => return Error::WrongListener { address, found: Listener::NoTls },
        TlsFault::Closed => return Error::WrongListener { address, found: Listener::ClosesTls },
        // Some say of no certificate that it is a bad one.
        TlsFault::CertificateRefused(_) if !has_identity => TlsFault::CertificateRequired,
        fault => fault,
    };
    Error::Authentication { address, fault: AuthenticationFault::Tls(fault) }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn addresses_have_a_host_and_a_port() {
        assert_eq!(split("kafka:9092"), Some(("kafka", 9092)));
        assert_eq!(split("[::1]:9092"), Some(("::1", 9092)));
        assert_eq!(split("::1:9092"), Some(("::1", 9092)));
        for wrong in ["kafka", "kafka:", ":9092", "kafka:99999", ""] {
            assert_eq!(split(wrong), None, "{wrong}");
        }
    }

    #[tokio::test]
    async fn a_host_without_a_canonical_name_keeps_its_own() {
        let config = ClientConfig {
            bootstrap: vec!["does-not-exist.invalid:9092".to_owned()],
            dns_lookup: DnsLookup::ResolveCanonicalBootstrapServersOnly,
            ..ClientConfig::default()
        };
        assert_eq!(
            Dialer::new(config).bootstrap(Instant::now() + Duration::from_secs(60)).await,
            ["does-not-exist.invalid:9092"]
        );
    }
}
