//! Asking somebody who plays the issuer, over a socket.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::ring;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::config::TlsConfig;

fn endpoint(url: String) -> TokenEndpoint {
    TokenEndpoint {
        url,
        client_id: "cl ient".to_owned(),
        client_secret: Secret::new("geheim"),
        scope: Some("read write".to_owned()),
        encodes_header: false,
        tls: TlsConfig::default(),
        timeout: Duration::from_secs(10),
    }
}

/// Plays the issuer: what it was asked.
async fn issue(mut stream: impl AsyncRead + AsyncWrite + Unpin, answer: &str) -> String {
    let mut asked = Vec::new();
    while !asked.ends_with(b"write") {
        assert_ne!(stream.read_buf(&mut asked).await.unwrap(), 0);
    }
    stream.write_all(answer.as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    String::from_utf8(asked).unwrap()
}

/// What comes of asking, without the port, which is never the same.
async fn outcome(endpoint: &TokenEndpoint, port: u16) -> String {
    let issuer = Issuer::new(endpoint).unwrap();
    assert!(!format!("{issuer:?}").contains("Basic"));
    match issuer.ask().await {
        Ok((token, lifetime)) => format!("{} {lifetime:?}", token.reveal()),
        Err(error) => error.0.replace(&port.to_string(), "PORT"),
    }
}

/// Asks an issuer that answers this; what came, and what it was asked.
async fn ask(answer: &str) -> (String, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let answer = answer.to_owned();
    let serving =
        tokio::spawn(async move { issue(listener.accept().await.unwrap().0, &answer).await });
    let endpoint = endpoint(format!("http://127.0.0.1:{port}/token?tenant=a"));
    let got = outcome(&endpoint, port).await;
    (got, serving.await.unwrap().replace(&port.to_string(), "PORT"))
}

/// Whoever signs certificates.
fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

#[tokio::test]
async fn over_https_the_issuer_has_to_be_who_it_says() {
    let ours = authority();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = certificate.signed_by(&key, &ours).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key.into())
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let serving = tokio::spawn(async move {
        let answer = response("200 OK", r#"{"access_token":"abc.def.","expires_in":300}"#);
        loop {
            let accepted = acceptor.accept(listener.accept().await.unwrap().0).await;
            if let Ok(stream) = accepted {
                return issue(stream, &answer).await;
            }
        }
    });
    let trusting = |issuer: &CertifiedIssuer<'static, KeyPair>, host: &str| {
        let mut endpoint = endpoint(format!("https://{host}:{port}/token"));
        endpoint.tls.truststore_certificates = Some(Secret::new(issuer.pem()));
        endpoint
    };
    let other = outcome(&trusting(&authority(), "localhost"), port).await;
    insta::assert_snapshot!(other, @"localhost:PORT gives no token: its certificate is issued by nobody who is trusted here");
    let misnamed = outcome(&trusting(&ours, "127.0.0.1"), port).await;
    insta::assert_snapshot!(misnamed, @"127.0.0.1:PORT gives no token: its certificate is for localhost, not for 127.0.0.1");
    assert_eq!(outcome(&trusting(&ours, "localhost"), port).await, "abc.def. Some(300s)");
    assert!(serving.await.unwrap().starts_with("POST /token HTTP/1.1"));
}

fn response(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn client_credentials_buy_a_token() {
    let body = r#"{"access_token":"abc.def.","expires_in":300,"token_type":"bearer"}"#;
    let (got, asked) = ask(&response("200 OK", body)).await;
    insta::assert_snapshot!(got, @"abc.def. Some(300s)");
    insta::assert_snapshot!(asked.replace('\r', ""), @"
    POST /token?tenant=a HTTP/1.1
    host: 127.0.0.1:PORT
    accept: application/json
    cache-control: no-cache
    content-type: application/x-www-form-urlencoded
    authorization: Basic Y2wgaWVudDpnZWhlaW0=
    content-length: 46

    grant_type=client_credentials&scope=read+write
    ");
}

#[tokio::test]
async fn what_is_no_token_is_said_without_quoting() {
    let refused = ask(&response("401 Unauthorized", "geheim?")).await.0;
    insta::assert_snapshot!(refused, @"127.0.0.1:PORT gives no token: HTTP status 401 Unauthorized");
    let empty = ask(&response("200 OK", "{}")).await.0;
    insta::assert_snapshot!(empty, @"127.0.0.1:PORT gives no token: its answer holds no access_token");
    let page = ask(&response("200 OK", "<html>")).await.0;
    insta::assert_snapshot!(page, @"127.0.0.1:PORT gives no token: it does not answer in JSON");
}

#[test]
fn forms_escape_what_would_end_a_value() {
    assert_eq!(form_encoded("a b&c=é"), "a+b%26c%3D%C3%A9");
}
