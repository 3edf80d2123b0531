//! How connections are made safe and who the client says it is, under Kafka's names.

mod sasl;
mod tls;

use kt_transport::Secret;

use super::value::{ConfigError, Keys, word, wrong};
use crate::security::Security;
pub use sasl::{Login, SaslConfig, TokenEndpoint, TokenSource, UnsecuredToken};
pub use tls::{StoreType, TlsConfig};

/// Settings of a [`crate::Client`] that keep strangers out.
///
/// ```
/// use kt_client::{ClientConfig, Keys, SecurityProtocol};
///
/// let mut config = ClientConfig::default();
/// config.security.set("security.protocol", "SASL_SSL")?;
/// config.security.set("sasl.mechanism", "SCRAM-SHA-512")?;
/// config.security.set(
///     "sasl.jaas.config",
///     "org.apache.kafka.common.security.scram.ScramLoginModule required \
///      username=\"alice\" password=\"secret\";",
/// )?;
/// assert_eq!(config.security.protocol, SecurityProtocol::SaslSsl);
/// assert!(!format!("{config:?}").contains("secret\""));
/// # Ok::<(), kt_client::ConfigError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecurityConfig {
    /// What a connection begins with (`security.protocol`).
    pub protocol: SecurityProtocol,
    /// Keys that begin with `ssl.`.
    pub tls: TlsConfig,
    /// Keys that begin with `sasl.`.
    pub sasl: SaslConfig,
}

/// What a connection begins with.
///
/// ```
/// use kt_client::SecurityProtocol;
///
/// assert_eq!(SecurityProtocol::default().name(), "PLAINTEXT");
/// assert!(SecurityProtocol::SaslSsl.has_tls() && SecurityProtocol::SaslSsl.has_login());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SecurityProtocol {
    /// Requests at once; everybody on the way can read them.
    #[default]
    Plaintext,
    /// TLS.
    Ssl,
    /// A login, readable on the way.
    SaslPlaintext,
    /// TLS, and a login inside.
    SaslSsl,
}

impl SecurityProtocol {
    /// As `security.protocol` names it.
    pub fn name(self) -> &'static str {
        match self {
            SecurityProtocol::Plaintext => "PLAINTEXT",
            SecurityProtocol::Ssl => "SSL",
            SecurityProtocol::SaslPlaintext => "SASL_PLAINTEXT",
            SecurityProtocol::SaslSsl => "SASL_SSL",
        }
    }

    /// Whether TLS comes first.
    pub fn has_tls(self) -> bool {
        matches!(self, SecurityProtocol::Ssl | SecurityProtocol::SaslSsl)
    }

    /// Whether the client logs in.
    pub fn has_login(self) -> bool {
        matches!(self, SecurityProtocol::SaslPlaintext | SecurityProtocol::SaslSsl)
    }
}

const PROTOCOLS: &[(&str, SecurityProtocol)] = &[
    ("PLAINTEXT", SecurityProtocol::Plaintext),
    ("SSL", SecurityProtocol::Ssl),
    ("SASL_PLAINTEXT", SecurityProtocol::SaslPlaintext),
    ("SASL_SSL", SecurityProtocol::SaslSsl),
];

impl SecurityConfig {
    /// Whether connections can be made like this, as far as that can be told without a broker:
    /// reads the stores.
    ///
    /// # Errors
    ///
    /// Fails if keys are missing or contradict each other, or a store cannot be used.
    pub fn check(&self) -> Result<(), ConfigError> {
        Security::prepare(self).map(drop)
    }
}

impl Keys for SecurityConfig {
    const KEYS: &'static [&'static str] = &[
        "sasl.jaas.config",
        "sasl.login.callback.handler.class",
        "sasl.login.connect.timeout.ms",
        "sasl.login.read.timeout.ms",
        "sasl.mechanism",
        "sasl.oauthbearer.client.credentials.client.id",
        "sasl.oauthbearer.client.credentials.client.secret",
        "sasl.oauthbearer.header.urlencode",
        "sasl.oauthbearer.jwt.retriever.class",
        "sasl.oauthbearer.scope",
        "sasl.oauthbearer.token.endpoint.url",
        "security.protocol",
        "ssl.cipher.suites",
        "ssl.enabled.protocols",
        "ssl.endpoint.identification.algorithm",
        "ssl.key.password",
        "ssl.keystore.certificate.chain",
        "ssl.keystore.key",
        "ssl.keystore.location",
        "ssl.keystore.password",
        "ssl.keystore.type",
        "ssl.protocol",
        "ssl.truststore.certificates",
        "ssl.truststore.location",
        "ssl.truststore.password",
        "ssl.truststore.type",
    ];

    fn set(&mut self, key: &str, value: &str) -> Result<(), ConfigError> {
        match key.split_once('.') {
            Some(("ssl", _)) => self.tls.set(key, value),
            Some(("sasl", _)) => self.sasl.set(key, value),
            _ => {
                assert_eq!(key, "security.protocol", "it is not one of KEYS");
                self.protocol = word(key, value, PROTOCOLS)?;
                Ok(())
            }
        }
    }
}

/// Whether a key's value must not be shown, nor stand where others can read it.
///
/// ```
/// use kt_client::is_secret;
///
/// assert!(is_secret("ssl.keystore.password"));
/// assert!(!is_secret("ssl.keystore.location"));
/// ```
pub fn is_secret(key: &str) -> bool {
    ["password", "secret", "passphrase", "jaas.config"].iter().any(|end| key.ends_with(end))
        || key == "ssl.keystore.key"
}

fn is_tls_key(key: &str) -> bool {
    key.starts_with("ssl.") && SecurityConfig::KEYS.contains(&key)
}

/// What to say of a secret that is wrong.
fn wrong_secret(key: &str, needed: impl Into<String>) -> ConfigError {
    wrong(key, "[hidden]", needed)
}

/// A text, or `None` where it is empty: Kafka's way to say that there is none.
fn text(value: &str) -> Option<String> {
    let value = value.trim();
    (!value.is_empty()).then(|| value.to_owned())
}

/// The same for a secret, in which spaces count.
fn secret(value: &str) -> Option<Secret> {
    (!value.is_empty()).then(|| Secret::new(value))
}

#[cfg(test)]
mod tests;
