//! Asking for a token: the grant of client credentials (RFC 6749, section 4.4), over HTTP.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{Request, Uri, header};
use hyper_util::rt::TokioIo;
use kt_transport::Secret;
use kt_transport::tls::TlsConnector;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use crate::config::{ConfigError, TokenEndpoint};
use crate::error::TokenError;

/// An answer holds one token and a few words.
const ANSWER_BYTES_MAX: usize = 256 * 1024;

/// Who gives tokens, and how he is asked.
#[derive(Debug)]
pub(super) struct Issuer {
    uri: Uri,
    host: String,
    port: u16,
    /// None: the URL says `http`, as it does in tests.
    tls: Option<TlsConnector>,
    authorization: Secret,
    body: String,
    timeout: Duration,
}

impl Issuer {
    pub(super) fn new(endpoint: &TokenEndpoint) -> Result<Issuer, ConfigError> {
        let wrong = |needed: &str| ConfigError::Value {
            key: "sasl.oauthbearer.token.endpoint.url".to_owned(),
            value: endpoint.url.clone(),
            needed: needed.to_owned(),
        };
        let uri: Uri = endpoint.url.parse().map_err(|_| wrong("it is no URL"))?;
        let host = uri.host().ok_or_else(|| wrong("it names no host"))?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let (tls, usual_port) = match uri.scheme_str() {
            Some("https") => (Some(endpoint.tls.connector()?), 443),
            _ => (None, 80),
        };
        let port = uri.port_u16().unwrap_or(usual_port);
        let escape = |text: &str| match endpoint.encodes_header {
            true => form_encoded(text),
            false => text.to_owned(),
        };
        let [id, secret] = [&endpoint.client_id, endpoint.client_secret.reveal()].map(escape);
        let credentials = STANDARD.encode(format!("{id}:{secret}"));
        let mut body = "grant_type=client_credentials".to_owned();
        if let Some(scope) = &endpoint.scope {
            body.push_str(&format!("&scope={}", form_encoded(scope)));
        }
        Ok(Issuer {
            authorization: Secret::new(format!("Basic {credentials}")),
            timeout: endpoint.timeout,
            uri,
            host,
            port,
            tls,
            body,
        })
    }

    /// A token, and how long it is good for, if that is said.
    pub(super) async fn ask(&self) -> Result<(Secret, Option<Duration>), TokenError> {
        let asked = tokio::time::timeout(self.timeout, self.exchange()).await;
        let asked = asked.unwrap_or_else(|_| Err("it does not answer in time".to_owned()));
        let answer = asked.map_err(|reason| {
            TokenError(format!("{}:{} gives no token: {reason}", self.host, self.port))
        })?;
        Ok(answer)
    }

    async fn exchange(&self) -> Result<(Secret, Option<Duration>), String> {
        let address = (self.host.as_str(), self.port);
        let stream = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
        match &self.tls {
            None => self.exchange_over(stream).await,
            Some(tls) => {
                let stream = tls.connect(&self.host, stream).await;
                self.exchange_over(stream.map_err(|fault| fault.to_string())?).await
            }
        }
    }

    async fn exchange_over<S>(&self, stream: S) -> Result<(Secret, Option<Duration>), String>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let handshake = http1::handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = handshake.map_err(|error| error.to_string())?;
        let driver = tokio::spawn(connection);
        let request = self.request()?;
        let exchanged = async {
            let response = sender.send_request(request).await.map_err(|it| it.to_string())?;
            let status = response.status();
            let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
            let body = body.map_err(|error| error.to_string())?.to_bytes();
            // What it says beside the status may quote what it was sent.
            if !status.is_success() {
                return Err(format!("HTTP status {status}"));
            }
            token(&body)
        };
        let answer = exchanged.await;
        driver.abort();
        answer
    }

    fn request(&self) -> Result<Request<Full<Bytes>>, String> {
        let path = self.uri.path_and_query().map_or("/", |it| it.as_str());
        let host = self.uri.authority().map_or(self.host.as_str(), |it| it.as_str());
        Request::post(path)
            .header(header::HOST, host)
            .header(header::ACCEPT, "application/json")
            .header(header::CACHE_CONTROL, "no-cache")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::AUTHORIZATION, self.authorization.reveal())
            .body(Full::new(Bytes::from(self.body.clone())))
            .map_err(|_| "the client's id cannot be said in HTTP".to_owned())
    }
}

fn token(body: &[u8]) -> Result<(Secret, Option<Duration>), String> {
    let answer: Value =
        serde_json::from_slice(body).map_err(|_| "it does not answer in JSON".to_owned())?;
    let token = answer.get("access_token").and_then(Value::as_str).map(str::trim);
    let token = token.filter(|it| !it.is_empty()).ok_or("its answer holds no access_token")?;
    let lifetime = answer.get("expires_in").and_then(Value::as_f64);
    let lifetime = lifetime.and_then(|it| Duration::try_from_secs_f64(it).ok());
    Ok((Secret::new(token), lifetime))
}

/// As forms write a value.
fn form_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'*' => {
                encoded.push(char::from(byte));
            }
            b' ' => encoded.push('+'),
            byte => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests;
