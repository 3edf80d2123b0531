//! What makes a connection safe, ready for use: stores read, keys put together.

mod endpoint;
mod token;

use kt_transport::sasl::{self, Exchange, OAuthBearer, Plain, SaslError, Scram, ScramUser};
use kt_transport::tls::TlsConnector;

use crate::config::{ConfigError, Login, SecurityConfig, SecurityProtocol};
use crate::error::{AuthenticationFault, TokenError};
use token::Tokens;

/// How connections are made safe.
#[derive(Debug)]
pub(crate) struct Security {
    /// None: no TLS.
    pub(crate) tls: Option<TlsConnector>,
    /// Whether there is a certificate to show.
    pub(crate) has_identity: bool,
    /// None: no login.
    pub(crate) login: Option<Login>,
    tokens: Tokens,
}

impl Security {
    /// Reads the stores and checks all that can be checked without a broker.
    pub(crate) fn prepare(config: &SecurityConfig) -> Result<Security, ConfigError> {
        let protocol = config.protocol;
        check_used(config, protocol)?;
        let tls = protocol.has_tls().then(|| config.tls.connector()).transpose()?;
        let login = protocol.has_login().then(|| config.sasl.resolve()).transpose()?;
        let tokens = Tokens::new(login.as_ref())?;
        Ok(Security { tls, has_identity: config.tls.has_identity(), login, tokens })
    }

    /// One exchange of this login.
    pub(crate) async fn exchange(&self, login: &Login) -> Result<Exchange, AuthenticationFault> {
        Ok(match login {
            Login::Plain { user, password } => Exchange::Plain(Plain::new(user, password.clone())),
            Login::Scram { digest, user, password, is_token } => {
                let user = ScramUser {
                    name: user.clone(),
                    password: password.clone(),
                    is_token: *is_token,
                };
                let nonce = sasl::nonce().map_err(|error| failed(login, error))?;
                Exchange::Scram(Box::new(Scram::new(*digest, user, nonce)))
            }
            Login::OAuthBearer { source, extensions } => {
                let token = self.tokens.get(source).await.map_err(AuthenticationFault::Token)?;
                Exchange::OAuthBearer(OAuthBearer::new(token, extensions.clone()))
            }
        })
    }

    /// Makes the next exchange ask for a new token: the broker did not like this one.
    pub(crate) fn forget_token(&self) {
        self.tokens.forget();
    }
}

/// What to say of an exchange that could not go on.
pub(crate) fn failed(login: &Login, error: SaslError) -> AuthenticationFault {
    AuthenticationFault::Exchange { mechanism: login.mechanism(), error }
}

/// Stores and passwords that nothing makes use of: whoever gave them counts on them.
fn check_used(config: &SecurityConfig, protocol: SecurityProtocol) -> Result<(), ConfigError> {
    let has_store = config.tls.has_identity()
        || config.tls.truststore_location.is_some()
        || config.tls.truststore_certificates.is_some();
    if has_store && !protocol.has_tls() {
        return Err(ConfigError::Together(format!(
            "keys and certificates are given, and security.protocol={} makes no use of them: \
             SSL or SASL_SSL would",
            protocol.name()
        )));
    }
    if config.sasl.is_given() && !protocol.has_login() {
        return Err(ConfigError::Together(format!(
            "a login is given, and security.protocol={} does not log in: SASL_SSL would",
            protocol.name()
        )));
    }
    Ok(())
}

impl From<SaslError> for TokenError {
    fn from(error: SaslError) -> TokenError {
        TokenError(error.to_string())
    }
}
