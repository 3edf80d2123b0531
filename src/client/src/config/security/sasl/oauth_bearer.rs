//! Where a token comes from: a file, somebody who issues tokens, or nowhere (for tests).

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use kt_transport::Secret;
use serde_json::{Number, Value};

use super::{Handler, Login, Retriever, SaslConfig, missing};
use crate::config::jaas::Jaas;
use crate::config::security::{TlsConfig, wrong_secret};
use crate::config::value::{ConfigError, wrong};

/// Where tokens come from.
///
/// ```
/// use kt_client::{Login, TokenSource};
///
/// let source = TokenSource::File("/run/secrets/token".into());
/// let login = Login::OAuthBearer { source, extensions: Vec::new() };
/// assert_eq!(login.mechanism().name(), "OAUTHBEARER");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenSource {
    /// This one, as long as it lasts.
    Fixed(Secret),
    /// A file, read each time: whoever renews the token writes it there.
    File(PathBuf),
    /// Somebody who gives tokens for the client's own credentials (RFC 6749, section 4.4).
    Endpoint(Box<TokenEndpoint>),
    /// The client itself: for tests, with brokers that believe everybody.
    Unsecured(UnsecuredToken),
}

/// Who gives tokens, and what for.
///
/// ```
/// use std::time::Duration;
///
/// use kt_client::{Login, Secret, TlsConfig, TokenEndpoint, TokenSource};
///
/// let endpoint = TokenEndpoint {
///     url: "https://login.example/token".to_owned(),
///     client_id: "billing".to_owned(),
///     client_secret: Secret::new("secret"),
///     scope: Some("kafka".to_owned()),
///     encodes_header: false,
///     tls: TlsConfig::default(),
///     timeout: Duration::from_secs(10),
/// };
/// let source = TokenSource::Endpoint(Box::new(endpoint));
/// let login = Login::OAuthBearer { source, extensions: Vec::new() };
/// assert!(!format!("{login:?}").contains("\"secret\""));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenEndpoint {
    /// `https://…` (`sasl.oauthbearer.token.endpoint.url`).
    pub url: String,
    /// `sasl.oauthbearer.client.credentials.client.id`.
    pub client_id: String,
    /// `sasl.oauthbearer.client.credentials.client.secret`.
    pub client_secret: Secret,
    /// `sasl.oauthbearer.scope`.
    pub scope: Option<String>,
    /// Whether id and secret are escaped as the standard says and few expect
    /// (`sasl.oauthbearer.header.urlencode`).
    pub encodes_header: bool,
    /// Whom to trust there: not the brokers' issuer, but whom the system or options of
    /// `sasl.jaas.config` name.
    pub tls: TlsConfig,
    /// Longest wait for the connection and for the answer (`sasl.login.connect.timeout.ms`,
    /// `sasl.login.read.timeout.ms`). Kafka waits for ever by default; a command must end.
    pub timeout: Duration,
}

/// A token that nobody has signed.
///
/// ```
/// use std::time::Duration;
///
/// use kt_client::{Login, TokenSource, UnsecuredToken};
///
/// let claims = [("sub".to_owned(), "alice".into())].into();
/// let token = UnsecuredToken { claims, lifetime: Duration::from_secs(3600) };
/// let source = TokenSource::Unsecured(token);
/// let login = Login::OAuthBearer { source, extensions: Vec::new() };
/// assert_eq!(login.mechanism().name(), "OAUTHBEARER");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnsecuredToken {
    /// What it claims, beside when it was made and when it ends.
    pub claims: BTreeMap<String, Value>,
    /// How long it is good for.
    pub lifetime: Duration,
}

const TIMEOUT: Duration = Duration::from_secs(10);
const UNSECURED_LIFETIME: Duration = Duration::from_secs(3_600);
const URL: &str = "sasl.oauthbearer.token.endpoint.url";
const JAAS: &str = "sasl.jaas.config";

impl SaslConfig {
    pub(super) fn oauth_bearer(&self) -> Result<Login, ConfigError> {
        // Without a class Kafka makes unsecured tokens, even where a URL is given: nobody means that.
        let is_secured = match self.handler {
            Some(handler) => handler == Handler::Secured,
            None => self.token_url.is_some() || self.retriever.is_some(),
        };
        if is_secured { self.secured() } else { self.unsecured() }
    }

    fn secured(&self) -> Result<Login, ConfigError> {
        let jaas = match &self.jaas {
            Some(_) => Some(self.module("OAuthBearerLoginModule")?),
            None => None,
        };
        let extensions = jaas.map(|it| with_prefix(it, "extension_")).unwrap_or_default();
        let Some(url) = &self.token_url else {
            return Err(missing(URL, "file:///… or https://…".to_owned()));
        };
        if url.contains('@') {
            let reason = format!("{URL} holds a user or a password: they have keys of their own");
            return Err(ConfigError::Together(reason));
        }
        let source = match url.split_once("://") {
            Some(("file", path)) if self.retriever != Some(Retriever::ClientCredentials) => {
                TokenSource::File(PathBuf::from(path))
            }
            Some(("http" | "https", _)) if self.retriever != Some(Retriever::File) => {
                TokenSource::Endpoint(Box::new(self.endpoint(url, jaas)?))
            }
            _ => return Err(wrong(URL, url, "file:///… or https://… is needed")),
        };
        Ok(Login::OAuthBearer { source, extensions })
    }

    fn endpoint(&self, url: &str, jaas: Option<&Jaas>) -> Result<TokenEndpoint, ConfigError> {
        let option = |name: &str| jaas.and_then(|it| it.option(name)).cloned();
        let text = |name: &str| option(name).map(|it| it.reveal().to_owned());
        let id_key = "sasl.oauthbearer.client.credentials.client.id";
        let secret_key = "sasl.oauthbearer.client.credentials.client.secret";
        let client_id = self.client_id.clone().or_else(|| text("clientId"));
        let client_secret = self.client_secret.clone().or_else(|| option("clientSecret"));
        let mut tls = TlsConfig::default();
        for (name, value) in jaas.iter().flat_map(|it| &it.options) {
            if name.starts_with("ssl.") {
                if !super::super::is_tls_key(name) {
                    return Err(wrong_secret(JAAS, format!("{name} has no effect here")));
                }
                tls.set(name, value.reveal())?;
            }
        }
        Ok(TokenEndpoint {
            url: url.to_owned(),
            client_id: client_id.ok_or_else(|| missing(id_key, "the client's name".to_owned()))?,
            client_secret: client_secret
                .ok_or_else(|| missing(secret_key, "the client's password".to_owned()))?,
            scope: self.scope.clone().or_else(|| text("scope")),
            encodes_header: self.encodes_header,
            tls,
            timeout: self.connect_timeout.max(self.read_timeout).unwrap_or(TIMEOUT),
        })
    }

    fn unsecured(&self) -> Result<Login, ConfigError> {
        let jaas = self.module("OAuthBearerLoginModule")?;
        let extensions = with_prefix(jaas, "unsecuredLoginExtension_");
        let option = |name: &str| jaas.option(name).map(Secret::reveal);
        let seconds = option("unsecuredLoginLifetimeSeconds");
        let lifetime = match seconds.map(str::parse) {
            None => UNSECURED_LIFETIME,
            Some(Ok(seconds)) => Duration::from_secs(seconds),
            Some(Err(_)) => {
                return Err(of_option("unsecuredLoginLifetimeSeconds", "a whole number"));
            }
        };
        let mut claims = BTreeMap::new();
        for (name, value) in with_prefix(jaas, "unsecuredLoginStringClaim_") {
            claims.insert(name, Value::String(value));
        }
        for (name, value) in with_prefix(jaas, "unsecuredLoginNumberClaim_") {
            let number = value.parse().ok().and_then(Number::from_f64);
            let number =
                number.ok_or_else(|| of_option("unsecuredLoginNumberClaim", "a number"))?;
            claims.insert(name, Value::Number(number));
        }
        for (name, value) in with_prefix(jaas, "unsecuredLoginListClaim_") {
            claims.insert(name, list(&value));
        }
        let principal = option("unsecuredLoginPrincipalClaimName").unwrap_or("sub");
        if !matches!(claims.get(principal), Some(Value::String(name)) if !name.is_empty()) {
            let needed = format!("the option unsecuredLoginStringClaim_{principal} is missing");
            return Err(wrong_secret(JAAS, needed));
        }
        if claims.contains_key("iat") || claims.contains_key("exp") {
            return Err(wrong_secret(JAAS, "iat and exp are set by the client"));
        }
        let source = TokenSource::Unsecured(UnsecuredToken { claims, lifetime });
        Ok(Login::OAuthBearer { source, extensions })
    }
}

fn of_option(option: &str, needed: &str) -> ConfigError {
    wrong_secret(JAAS, format!("{option} needs {needed}"))
}

/// Options whose names begin like this, without that beginning.
fn with_prefix(jaas: &Jaas, prefix: &str) -> Vec<(String, String)> {
    let options = jaas.options.iter();
    let found = options.filter_map(|(name, value)| {
        let name = name.strip_prefix(prefix).filter(|it| !it.is_empty())?;
        Some((name.to_owned(), value.reveal().to_owned()))
    });
    found.collect()
}

/// `|a|b`: the first letter separates the others.
fn list(value: &str) -> Value {
    let mut letters = value.chars();
    let Some(separator) = letters.next() else { return Value::Array(Vec::new()) };
    let all = letters.as_str();
    if all.is_empty() {
        return Value::Array(Vec::new());
    }
    Value::Array(all.split(separator).map(|it| Value::String(it.to_owned())).collect())
}
