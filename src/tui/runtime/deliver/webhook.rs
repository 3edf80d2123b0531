//! A POST of a document to a URL, over HTTP or HTTPS.

use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::{HeaderMap, Request, StatusCode, Uri, header};
use hyper_util::rt::TokioIo;
use kt_transport::tls::{NameCheck, TlsConnector, TlsOptions, TlsVersion};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::Limit;

/// No more of an answer is read.
const ANSWER_BYTES_MAX: usize = 64 << 10;
/// And for no longer.
const HEARD_OUT_FOR: Duration = Duration::from_secs(1);

/// Succeeds if the answer is a 2xx. A redirect is not followed: the document is for this URL.
pub(super) async fn post(
    url: &str,
    headers: HeaderMap,
    document: Vec<u8>,
    limit: Limit,
) -> Result<(), String> {
    let uri: Uri = url.parse().map_err(|_| "the URL is none".to_owned())?;
    let host = uri.host().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let asked = limit.hold("no answer", exchange(&uri, &host, headers, document)).await;
    let answer = asked.map_err(|reason| format!("{host}: {reason}"))?;
    let status = answer.status;
    answer.hear_out().await;
    if status.is_success() { Ok(()) } else { Err(format!("{host}: HTTP status {status}")) }
}

/// An answer has come, whose body is on its way.
struct Answer {
    status: StatusCode,
    body: Incoming,
    /// What moves the bytes; it ends with the answer.
    _connection: JoinSet<hyper::Result<()>>,
}

impl Answer {
    /// Reads on for a moment, so that the other end may finish. What it says is of no interest.
    async fn hear_out(self) {
        let rest = Limited::new(self.body, ANSWER_BYTES_MAX).collect();
        let _ = tokio::time::timeout(HEARD_OUT_FOR, rest).await;
    }
}

async fn exchange(
    uri: &Uri,
    host: &str,
    headers: HeaderMap,
    document: Vec<u8>,
) -> Result<Answer, String> {
    let is_tls = uri.scheme_str() == Some("https");
    let port = uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
    let request = request(uri, headers, document)?;
    let stream = TcpStream::connect((host, port)).await.map_err(|error| error.to_string())?;
    if !is_tls {
        return exchange_over(stream, request).await;
    }
    let connector = tokio::task::spawn_blocking(connector).await;
    let connector = connector.unwrap_or_else(|_| Err("TLS has failed".to_owned()))?;
    let stream = connector.connect(host, stream).await.map_err(|fault| fault.to_string())?;
    exchange_over(stream, request).await
}

/// Trusts whom the system trusts (`SSL_CERT_FILE` names others) by now: that changes while alerts
/// are watched for months. Reads files.
fn connector() -> Result<TlsConnector, String> {
    let trusted = rustls_native_certs::load_native_certs().certs;
    if trusted.is_empty() {
        return Err("the system trusts nobody: SSL_CERT_FILE has to name whom to trust".to_owned());
    }
    TlsConnector::new(TlsOptions {
        trusted,
        identity: None,
        name_check: NameCheck::Https,
        versions: vec![TlsVersion::Tls12, TlsVersion::Tls13],
        cipher_suites: Vec::new(),
    })
    .map_err(|error| error.to_string())
}

async fn exchange_over<S>(stream: S, request: Request<Full<Bytes>>) -> Result<Answer, String>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let handshake = http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, driver) = handshake.map_err(|error| error.to_string())?;
    let mut connection = JoinSet::new();
    connection.spawn(driver);
    let response = sender.send_request(request).await.map_err(|it| it.to_string())?;
    let status = response.status();
    Ok(Answer { status, body: response.into_body(), _connection: connection })
}

fn request(
    uri: &Uri,
    headers: HeaderMap,
    document: Vec<u8>,
) -> Result<Request<Full<Bytes>>, String> {
    let path = uri.path_and_query().map_or("/", |it| it.as_str());
    let host = uri.authority().map_or("", |it| it.as_str());
    let mut request = Request::post(path)
        .header(header::HOST, host)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::USER_AGENT, concat!("kt/", env!("CARGO_PKG_VERSION")))
        .body(Full::new(Bytes::from(document)))
        .map_err(|_| "the URL cannot be said in HTTP".to_owned())?;
    // Those of the file stand for ours.
    let mut last = None;
    for (name, value) in headers {
        match (name, &last) {
            (Some(name), _) => {
                request.headers_mut().insert(name.clone(), value);
                last = Some(name);
            }
            (None, Some(name)) => {
                request.headers_mut().append(name.clone(), value);
            }
            (None, None) => {}
        }
    }
    Ok(request)
}
