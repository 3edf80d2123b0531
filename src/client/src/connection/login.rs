//! The conversation that logs a client in: SaslHandshake, then SaslAuthenticate until both ends are
//! content (KIP-152), and again before the session ends (KIP-368).

use std::time::Duration;

use bytes::Bytes;
use kt_protocol::codec::{Message, Versions};
use kt_protocol::messages::{
    SaslAuthenticateRequest, SaslAuthenticateResponse, SaslHandshakeRequest, SaslHandshakeResponse,
};
use kt_protocol::{ApiKey, ErrorCode};
use kt_transport::client::Pause;
use kt_transport::sasl::Step;
use tokio::time::Instant;

use super::{Connection, decode_response};
use crate::config::Login;
use crate::error::{AuthenticationFault, Error, Listener, Subject};
use crate::request::choose_version;
use crate::security::{Security, failed};

/// No mechanism takes more; a broker that goes on asking is none.
const ROUNDS_MAX: usize = 8;

/// Before version 1 what follows has no frames of Kafka's.
const HANDSHAKE_VERSION: i16 = 1;

/// Logs in on this connection. Gives how long the session lasts, if the broker bounds it.
pub(super) async fn log_in(
    connection: &Connection,
    security: &Security,
    login: &Login,
    ahead: Option<&Pause<'_>>,
    deadline: Instant,
) -> Result<Option<Duration>, Error> {
    let accuse = |fault: AuthenticationFault| {
        let address = connection.address().to_owned();
        Error::Authentication { address, fault }
    };
    let conversation = Conversation { connection, login, ahead, deadline };
    // Before anything is sent: a token may take its time.
    let mut exchange = security.exchange(login).await.map_err(accuse)?;
    conversation.shake_hands().await?;
    let broken = |error| accuse(failed(login, error));
    let mut message = exchange.first().map_err(broken)?;
    for _ in 0..ROUNDS_MAX {
        let answer = conversation.say(message).await.inspect_err(|_| security.forget_token())?;
        match exchange.next(&answer.auth_bytes).map_err(broken)? {
            Step::Respond(next) => message = next,
            Step::Done => {
                let lifetime = u64::try_from(answer.session_lifetime_ms).unwrap_or(0);
                return Ok((0 < lifetime).then(|| Duration::from_millis(lifetime)));
            }
        }
    }
    Err(Error::protocol(ApiKey::SaslAuthenticate, "the login does not end"))
}

struct Conversation<'a> {
    connection: &'a Connection,
    login: &'a Login,
    ahead: Option<&'a Pause<'a>>,
    deadline: Instant,
}

impl Conversation<'_> {
    async fn shake_hands(&self) -> Result<(), Error> {
        let api = ApiKey::SaslHandshake;
        let range = Versions::new(HANDSHAKE_VERSION, SaslHandshakeRequest::VALID_VERSIONS.max);
        let version = self.version(api, range)?;
        let mechanism = self.login.mechanism();
        let request = SaslHandshakeRequest { mechanism: mechanism.name().to_owned() };
        let frame = self.exchange(&request, api, version).await?;
        let response: SaslHandshakeResponse = decode_response(&frame, api, version)?;
        let address = self.connection.address().to_owned();
        match ErrorCode::from_code(response.error_code) {
            ErrorCode::None => Ok(()),
            ErrorCode::UnsupportedSaslMechanism => {
                let offered = response.mechanisms;
                let fault = AuthenticationFault::Mechanism { wanted: mechanism, offered };
                Err(Error::Authentication { address, fault })
            }
            ErrorCode::IllegalSaslState => {
                Err(Error::WrongListener { address, found: Listener::NoLogin })
            }
            code => Err(Error::broker(api, code, Subject::Request)),
        }
    }

    async fn say(&self, message: Vec<u8>) -> Result<SaslAuthenticateResponse, Error> {
        let api = ApiKey::SaslAuthenticate;
        let version = self.version(api, SaslAuthenticateRequest::VALID_VERSIONS)?;
        let request = SaslAuthenticateRequest { auth_bytes: Bytes::from(message) };
        let frame = self.exchange(&request, api, version).await?;
        let response: SaslAuthenticateResponse = decode_response(&frame, api, version)?;
        match ErrorCode::from_code(response.error_code) {
            ErrorCode::None => Ok(response),
            ErrorCode::SaslAuthenticationFailed => {
                let reason = response.error_message.filter(|it| !it.is_empty());
                let fault = AuthenticationFault::Refused {
                    mechanism: self.login.mechanism(),
                    user: self.login.user().map(str::to_owned),
                    reason: reason.unwrap_or_else(|| "the broker does not say why".to_owned()),
                };
                let address = self.connection.address().to_owned();
                Err(Error::Authentication { address, fault })
            }
            code => Err(Error::broker(api, code, Subject::Request)),
        }
    }

    fn version(&self, api: ApiKey, ours: Versions) -> Result<i16, Error> {
        let theirs = self.connection.versions.get(&api.code()).copied();
        let chosen = theirs.and_then(|theirs| choose_version(ours, theirs));
        chosen.ok_or_else(|| Error::WrongListener {
            address: self.connection.address().to_owned(),
            found: Listener::NoLogin,
        })
    }

    async fn exchange<M: Message>(
        &self,
        request: &M,
        api: ApiKey,
        version: i16,
    ) -> Result<Bytes, Error> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        match self.ahead {
            None => self.connection.exchange(request, api, version, left).await,
            Some(pause) => self.connection.exchange_ahead(pause, request, api, version, left).await,
        }
    }
}
