//! The client's end of a handshake: what is trusted and shown, built once, used for each connection.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion, version};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::client::TlsStream;

use super::fault::TlsFault;
use super::material::{Certificate, Identity, MaterialError};
use super::verifier::Verifier;

/// Whether a certificate must be made for the host that was dialled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameCheck {
    /// It must (`ssl.endpoint.identification.algorithm=https`).
    Https,
    /// Any that is trusted will do.
    Off,
}

/// A version of TLS that is still safe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsVersion {
    /// RFC 5246.
    Tls12,
    /// RFC 8446.
    Tls13,
}

/// What a [`TlsConnector`] is made of.
#[derive(Debug)]
pub struct TlsOptions {
    /// Who may vouch for a server.
    pub trusted: Vec<Certificate>,
    /// What is shown to a server that asks.
    pub identity: Option<Identity>,
    /// Whether the server's name matters.
    pub name_check: NameCheck,
    /// The versions to speak; at least one.
    pub versions: Vec<TlsVersion>,
    /// Names of cipher suites, as the standards write them; empty: all that are safe.
    pub cipher_suites: Vec<String>,
}

/// Makes TLS connections to servers.
#[derive(Clone, Debug)]
pub struct TlsConnector {
    config: Arc<ClientConfig>,
}

impl TlsConnector {
    /// Checks all that can be checked before there is a server.
    ///
    /// # Errors
    ///
    /// Fails if a certificate or key cannot be used, or no cipher suite is left.
    pub fn new(options: TlsOptions) -> Result<TlsConnector, MaterialError> {
        let provider = Arc::new(provider(&options.cipher_suites)?);
        let versions: Vec<&'static SupportedProtocolVersion> =
            options.versions.iter().map(|it| it.of_rustls()).collect();
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&versions)
            .map_err(unusable)?;
        let verifier = verifier(options.trusted, options.name_check, provider)?;
        let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier));
        let config = match options.identity {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                builder.with_client_auth_cert(identity.chain, identity.key).map_err(unusable)?
            }
        };
        Ok(TlsConnector { config: Arc::new(config) })
    }

    /// Shakes hands over `stream` with whom `host` names: a DNS name or an IP address.
    ///
    /// # Errors
    ///
    /// Fails if either end does not believe or understand the other, or the stream fails.
    pub async fn connect<S>(&self, host: &str, stream: S) -> Result<TlsStream<S>, TlsFault>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| TlsFault::Other(format!("\"{host}\" is no host name")))?;
        let connector = tokio_rustls::TlsConnector::from(Arc::clone(&self.config));
        connector.connect(name, stream).await.map_err(|error| {
            TlsFault::of_handshake(&error).unwrap_or_else(|| TlsFault::Other(error.to_string()))
        })
    }
}

/// An error of the library, which names no secret.
fn unusable(error: impl std::fmt::Display) -> MaterialError {
    MaterialError::Unusable(error.to_string())
}

fn verifier(
    trusted: Vec<Certificate>,
    name_check: NameCheck,
    provider: Arc<CryptoProvider>,
) -> Result<Verifier, MaterialError> {
    let mut roots = RootCertStore::empty();
    // A system's store may hold a few that are malformed; one's own store is checked by its size.
    let (added, _) = roots.add_parsable_certificates(trusted.iter().cloned());
    if added == 0 {
        return Err(MaterialError::NoCertificate);
    }
    let inner = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider);
    Ok(Verifier::new(inner.build().map_err(unusable)?, trusted, name_check))
}

fn provider(suites: &[String]) -> Result<CryptoProvider, MaterialError> {
    let mut provider = ring::default_provider();
    if suites.is_empty() {
        return Ok(provider);
    }
    // rustls says TLS13_… where the standard says TLS_….
    let standard =
        |it: &rustls::SupportedCipherSuite| format!("{:?}", it.suite()).replace("TLS13_", "TLS_");
    let known: Vec<String> = provider.cipher_suites.iter().map(standard).collect();
    if let Some(unknown) = suites.iter().find(|it| !known.contains(it)) {
        let known = known.join(", ");
        return Err(MaterialError::Unusable(format!("{unknown} is none of {known}")));
    }
    provider.cipher_suites.retain(|it| suites.contains(&standard(it)));
    Ok(provider)
}

impl TlsVersion {
    fn of_rustls(self) -> &'static SupportedProtocolVersion {
        match self {
            TlsVersion::Tls12 => &version::TLS12,
            TlsVersion::Tls13 => &version::TLS13,
        }
    }
}

#[cfg(test)]
mod tests;
