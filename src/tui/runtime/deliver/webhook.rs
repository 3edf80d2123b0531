//! A POST of a document to a URL, over HTTP or HTTPS.

use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{HeaderMap, Request, Uri, header};
use hyper_util::rt::TokioIo;
use kt_transport::tls::{NameCheck, TlsConnector, TlsOptions, TlsVersion};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// No more of an answer is read.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// Succeeds if the answer is a 2xx. A redirect is not followed: the document is for this URL.
pub(super) async fn post(
    url: &str,
    headers: HeaderMap,
    document: Vec<u8>,
    timeout: Duration,
) -> Result<(), String> {
    let uri: Uri = url.parse().map_err(|_| "the URL is none".to_owned())?;
    let host = uri.host().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let posted = tokio::time::timeout(timeout, exchange(&uri, &host, headers, document)).await;
    let posted =
        posted.unwrap_or_else(|_| Err(format!("no answer within {} s", timeout.as_secs())));
    posted.map_err(|reason| format!("{host}: {reason}"))
}

async fn exchange(
    uri: &Uri,
    host: &str,
    headers: HeaderMap,
    document: Vec<u8>,
) -> Result<(), String> {
    let is_tls = uri.scheme_str() == Some("https");
    let port = uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
    let request = request(uri, headers, document)?;
    let stream = TcpStream::connect((host, port)).await.map_err(|error| error.to_string())?;
    if !is_tls {
        return exchange_over(stream, request).await;
    }
    let stream = connector()?.connect(host, stream).await.map_err(|fault| fault.to_string())?;
    exchange_over(stream, request).await
}

/// Trusts whom the system trusts (`SSL_CERT_FILE` names others).
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

async fn exchange_over<S>(stream: S, request: Request<Full<Bytes>>) -> Result<(), String>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let handshake = http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(|error| error.to_string())?;
    let driver = tokio::spawn(connection);
    let exchanged = async {
        let response = sender.send_request(request).await.map_err(|it| it.to_string())?;
        let status = response.status();
        // Read, so that the other end may finish; what it says is of no interest, however long.
        let _ = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
        if status.is_success() { Ok(()) } else { Err(format!("HTTP status {status}")) }
    };
    let answer = exchanged.await;
    driver.abort();
    answer
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
