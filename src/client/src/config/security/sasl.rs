//! Keys that begin with `sasl.`: how the client logs in, and where its password or token is from.

mod oauth_bearer;

use std::time::Duration;

use kt_transport::Secret;
use kt_transport::sasl::{Digest, Mechanism};

use super::{secret, text, wrong_secret};
use crate::config::jaas::Jaas;
use crate::config::{ConfigError, flag, millis, word, wrong};
pub use oauth_bearer::{TokenEndpoint, TokenSource, UnsecuredToken};

/// How the client logs in.
///
/// ```
/// use kt_client::{ClientConfig, Login, Secret, SecurityProtocol};
///
/// let mut config = ClientConfig::default();
/// config.security.protocol = SecurityProtocol::SaslPlaintext;
/// let password = Secret::new("not for all to see");
/// config.security.sasl.login = Some(Login::Plain { user: "alice".to_owned(), password });
/// config.security.check()?;
/// assert!(!format!("{config:?}").contains("not for all to see"));
/// # Ok::<(), kt_client::ConfigError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SaslConfig {
    /// Who the client is, said by a program: the keys, which say it in a file, are not looked at.
    pub login: Option<Login>,
    mechanism: Option<Mechanism>,
    jaas: Option<Jaas>,
    handler: Option<Handler>,
    retriever: Option<Retriever>,
    token_url: Option<String>,
    client_id: Option<String>,
    client_secret: Option<Secret>,
    scope: Option<String>,
    encodes_header: bool,
    connect_timeout: Option<Duration>,
    read_timeout: Option<Duration>,
}

/// Who the client says it is.
///
/// ```
/// use kt_client::{Digest, Login, Secret};
///
/// let (user, password) = ("alice".to_owned(), Secret::new("secret"));
/// let login = Login::Scram { digest: Digest::Sha512, user, password, is_token: false };
/// assert_eq!(login.mechanism().name(), "SCRAM-SHA-512");
/// assert_eq!(login.user(), Some("alice"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Login {
    /// PLAIN: the broker is told the password.
    Plain {
        /// The user's name.
        user: String,
        /// The password.
        password: Secret,
    },
    /// SCRAM: the broker is shown that the password is known.
    Scram {
        /// The hash that the mechanism is named after.
        digest: Digest,
        /// The user's name, or the id of a delegation token.
        user: String,
        /// The password, or the token's HMAC.
        password: Secret,
        /// True for a delegation token.
        is_token: bool,
    },
    /// OAUTHBEARER: the broker is shown a token.
    OAuthBearer {
        /// Where the token comes from, each time that one is needed.
        source: TokenSource,
        /// What else the broker is told (KIP-342).
        extensions: Vec<(String, String)>,
    },
}

/// What Kafka's classes for `sasl.login.callback.handler.class` do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Handler {
    Secured,
    Unsecured,
}

/// What Kafka's classes for `sasl.oauthbearer.jwt.retriever.class` do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Retriever {
    ByUrl,
    File,
    ClientCredentials,
}

const MECHANISMS: &[(&str, Mechanism)] = &[
    ("PLAIN", Mechanism::Plain),
    ("SCRAM-SHA-256", Mechanism::ScramSha256),
    ("SCRAM-SHA-512", Mechanism::ScramSha512),
    ("OAUTHBEARER", Mechanism::OAuthBearer),
];

const HANDLERS: &[(&str, Handler)] = &[
    ("OAuthBearerLoginCallbackHandler", Handler::Secured),
    ("OAuthBearerUnsecuredLoginCallbackHandler", Handler::Unsecured),
];

const RETRIEVERS: &[(&str, Retriever)] = &[
    ("DefaultJwtRetriever", Retriever::ByUrl),
    ("FileJwtRetriever", Retriever::File),
    ("ClientCredentialsJwtRetriever", Retriever::ClientCredentials),
];

impl Login {
    /// The mechanism, as `sasl.mechanism` names it.
    pub fn mechanism(&self) -> Mechanism {
        match self {
            Login::Plain { .. } => Mechanism::Plain,
            Login::Scram { digest: Digest::Sha256, .. } => Mechanism::ScramSha256,
            Login::Scram { digest: Digest::Sha512, .. } => Mechanism::ScramSha512,
            Login::OAuthBearer { .. } => Mechanism::OAuthBearer,
        }
    }

    /// The user, where the client knows the name.
    pub fn user(&self) -> Option<&str> {
        match self {
            Login::Plain { user, .. } | Login::Scram { user, .. } => Some(user),
            Login::OAuthBearer { .. } => None,
        }
    }
}

impl SaslConfig {
    /// The mechanism of the login, or the one that `sasl.mechanism` names; `None` where neither is.
    ///
    /// ```
    /// use kt_client::{ClientConfig, Keys, Mechanism};
    ///
    /// let mut config = ClientConfig::default();
    /// config.security.set("sasl.mechanism", "SCRAM-SHA-512")?;
    /// assert_eq!(config.security.sasl.mechanism(), Some(Mechanism::ScramSha512));
    /// # Ok::<(), kt_client::ConfigError>(())
    /// ```
    pub fn mechanism(&self) -> Option<Mechanism> {
        self.login.as_ref().map(Login::mechanism).or(self.mechanism)
    }

    pub(super) fn set(&mut self, key: &str, value: &str) -> Result<(), ConfigError> {
        match key {
            "sasl.jaas.config" => {
                let jaas = Jaas::parse(value).map_err(|reason| wrong_secret(key, reason))?;
                self.jaas = Some(jaas);
            }
            "sasl.login.callback.handler.class" => self.handler = class(key, value, HANDLERS)?,
            "sasl.login.connect.timeout.ms" => self.connect_timeout = Some(millis(key, value)?),
            "sasl.login.read.timeout.ms" => self.read_timeout = Some(millis(key, value)?),
            "sasl.mechanism" => self.mechanism = Some(word(key, value, MECHANISMS)?),
            "sasl.oauthbearer.client.credentials.client.id" => self.client_id = text(value),
            "sasl.oauthbearer.client.credentials.client.secret" => {
                self.client_secret = secret(value);
            }
            "sasl.oauthbearer.header.urlencode" => self.encodes_header = flag(key, value)?,
            "sasl.oauthbearer.jwt.retriever.class" => {
                self.retriever = class(key, value, RETRIEVERS)?;
            }
            "sasl.oauthbearer.scope" => self.scope = text(value),
            "sasl.oauthbearer.token.endpoint.url" => self.token_url = text(value),
            key => panic!("{key} is not one of KEYS"),
        }
        Ok(())
    }

    /// Whether anything says who the client is.
    pub(crate) fn is_given(&self) -> bool {
        let is_for_tokens =
            self.token_url.is_some() || self.client_id.is_some() || self.client_secret.is_some();
        self.login.is_some() || self.jaas.is_some() || is_for_tokens
    }

    /// Puts the keys together.
    pub(crate) fn resolve(&self) -> Result<Login, ConfigError> {
        if let Some(login) = &self.login {
            return Ok(login.clone());
        }
        // Kafka's default, GSSAPI, is Kerberos: nothing to fall back on.
        let mechanism = self.mechanism.ok_or_else(|| {
            let names: Vec<&str> = Mechanism::ALL.iter().map(|it| it.name()).collect();
            missing("sasl.mechanism", format!("one of {}", names.join(", ")))
        })?;
        match mechanism {
            Mechanism::Plain => self.plain(),
            Mechanism::ScramSha256 => self.scram(Digest::Sha256),
            Mechanism::ScramSha512 => self.scram(Digest::Sha512),
            Mechanism::OAuthBearer => self.oauth_bearer(),
        }
    }

    fn plain(&self) -> Result<Login, ConfigError> {
        let jaas = self.module("PlainLoginModule")?;
        let user = option(jaas, "username")?.reveal().to_owned();
        Ok(Login::Plain { user, password: option(jaas, "password")?.clone() })
    }

    fn scram(&self, digest: Digest) -> Result<Login, ConfigError> {
        let jaas = self.module("ScramLoginModule")?;
        let user = option(jaas, "username")?.reveal().to_owned();
        let password = option(jaas, "password")?.clone();
        let is_token =
            jaas.option("tokenauth").is_some_and(|it| it.reveal().eq_ignore_ascii_case("true"));
        Ok(Login::Scram { digest, user, password, is_token })
    }

    /// What `sasl.jaas.config` says, if it is for this module.
    fn module(&self, name: &str) -> Result<&Jaas, ConfigError> {
        let Some(jaas) = &self.jaas else {
            return Err(missing("sasl.jaas.config", format!("{name} required …;")));
        };
        if jaas.module != name {
            let found = &jaas.module;
            let needed = format!("the mechanism needs {name}, not {found}");
            return Err(wrong_secret("sasl.jaas.config", needed));
        }
        Ok(jaas)
    }
}

fn option<'a>(jaas: &'a Jaas, name: &str) -> Result<&'a Secret, ConfigError> {
    jaas.option(name)
        .ok_or_else(|| wrong_secret("sasl.jaas.config", format!("the option {name} is missing")))
}

fn missing(key: &str, needed: String) -> ConfigError {
    ConfigError::Missing { key: key.to_owned(), needed }
}

/// One of Kafka's own classes, whatever its package: they have moved before.
fn class<T: Copy>(key: &str, value: &str, classes: &[(&str, T)]) -> Result<Option<T>, ConfigError> {
    let Some(value) = text(value) else { return Ok(None) };
    let name = value.rsplit('.').next().unwrap_or_default();
    let found = classes.iter().find(|(class, _)| *class == name).map(|(_, meaning)| *meaning);
    let names: Vec<&str> = classes.iter().map(|(class, _)| *class).collect();
    let needed = || format!("one of {} is needed: no other Java class runs here", names.join(", "));
    found.map(Some).ok_or_else(|| wrong(key, &value, needed()))
}
