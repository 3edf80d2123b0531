//! Handshakes over a pipe with a server of rustls: what is believed, what is not, and what is said.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use rustls::server::WebPkiClientVerifier;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use super::*;
use crate::tls::Store;

type Issuer = CertifiedIssuer<'static, KeyPair>;

fn authority(name: &str) -> Issuer {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// Certificate and key in PEM.
fn issued(by: &Issuer, host: &str, change: impl FnOnce(&mut CertificateParams)) -> String {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
    change(&mut params);
    let certificate = params.signed_by(&key, by).unwrap();
    format!("{}{}", certificate.pem(), key.serialize_pem())
}

fn identity(pem: &str) -> Identity {
    Store::Pem.identity(pem.as_bytes(), None, None).unwrap()
}

fn options(trusted: &Issuer) -> TlsOptions {
    TlsOptions {
        trusted: Store::Pem.certificates(trusted.pem().as_bytes(), None).unwrap(),
        identity: None,
        name_check: NameCheck::Https,
        versions: vec![TlsVersion::Tls12, TlsVersion::Tls13],
        cipher_suites: Vec::new(),
    }
}

fn server(pem: &str, clients: Option<&Issuer>) -> ServerConfig {
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(issuer) => {
            let mut roots = RootCertStore::empty();
            roots.add(issuer.der().clone()).unwrap();
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.unwrap())
        }
    };
    let Identity { chain, key } = identity(pem);
    builder.with_single_cert(chain, key).unwrap()
}

/// How it ends: with what the server said after the handshake, or why not.
async fn meet(options: TlsOptions, host: &str, server: ServerConfig) -> String {
    let (near, far) = duplex(64 * 1024);
    let serving = tokio::spawn(serve(far, server));
    let connector = TlsConnector::new(options).unwrap();
    let said = match connector.connect(host, near).await {
        Err(fault) => fault.to_string(),
        Ok(mut stream) => {
            let mut text = String::new();
            match stream.read_to_string(&mut text).await {
                Ok(_) => text,
                // A server refuses a client's certificate after the client thinks all is done.
                Err(error) => TlsFault::of_io(&error).unwrap().to_string(),
            }
        }
    };
    serving.await.unwrap();
    said
}

async fn serve(stream: DuplexStream, config: ServerConfig) {
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    if let Ok(mut stream) = acceptor.accept(stream).await {
        stream.write_all(b"hello").await.unwrap();
        stream.shutdown().await.unwrap();
    }
}

#[tokio::test]
async fn a_server_is_believed_for_its_issuer_its_dates_and_its_name() {
    let (ours, other) = (authority("ours"), authority("other"));
    let good = issued(&ours, "localhost", |_| {});
    assert_eq!(meet(options(&ours), "localhost", server(&good, None)).await, "hello");
    let namesake = meet(options(&authority("ours")), "localhost", server(&good, None)).await;
    assert_eq!(namesake, TlsFault::UnknownIssuer.to_string());
    let by_address = issued(&ours, "127.0.0.1", |_| {});
    assert_eq!(meet(options(&ours), "127.0.0.1", server(&by_address, None)).await, "hello");
    insta::assert_snapshot!(meet(options(&other), "localhost", server(&good, None)).await, @"its certificate is issued by nobody who is trusted here");
    insta::assert_snapshot!(meet(options(&ours), "kafka.example", server(&good, None)).await, @"its certificate is for localhost, not for kafka.example");
    let expired = issued(&ours, "localhost", |it| it.not_after = rcgen::date_time_ymd(2020, 1, 1));
    let said = meet(options(&ours), "localhost", server(&expired, None)).await;
    assert!(said.starts_with("its certificate expired ") && said.ends_with(" days ago"), "{said}");
    let early = issued(&ours, "localhost", |it| it.not_before = rcgen::date_time_ymd(4000, 1, 1));
    let said = meet(options(&ours), "localhost", server(&early, None)).await;
    assert!(said.starts_with("its certificate is good only in "), "{said}");
}

#[tokio::test]
async fn without_the_name_check_all_else_is_still_checked() {
    let (ours, other) = (authority("ours"), authority("other"));
    let lenient = |issuer| TlsOptions { name_check: NameCheck::Off, ..options(issuer) };
    let good = issued(&ours, "localhost", |_| {});
    assert_eq!(meet(lenient(&ours), "kafka.example", server(&good, None)).await, "hello");
    let said = meet(lenient(&other), "kafka.example", server(&good, None)).await;
    assert_eq!(said, TlsFault::UnknownIssuer.to_string());
    let expired = issued(&ours, "localhost", |it| it.not_after = rcgen::date_time_ymd(2020, 1, 1));
    let said = meet(lenient(&ours), "kafka.example", server(&expired, None)).await;
    assert!(said.starts_with("its certificate expired"), "{said}");
}

#[tokio::test]
async fn a_trusted_certificate_may_be_the_servers_own() {
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let own = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let pem = format!("{}{}", own.pem(), own.key().serialize_pem());
    assert_eq!(meet(options(&own), "localhost", server(&pem, None)).await, "hello");
    let said = meet(options(&own), "kafka.example", server(&pem, None)).await;
    assert_eq!(said, "its certificate is for localhost, not for kafka.example");
    let other = authority("other");
    assert_ne!(meet(options(&other), "localhost", server(&pem, None)).await, "hello");
}

#[tokio::test]
async fn a_server_that_wants_to_know_us_is_shown_the_key_store() {
    let (ours, other) = (authority("ours"), authority("other"));
    let pem = issued(&ours, "localhost", |_| {});
    let with = |issuer: &Issuer| TlsOptions {
        identity: Some(identity(&issued(issuer, "client", |_| {}))),
        ..options(&ours)
    };
    assert_eq!(meet(with(&ours), "localhost", server(&pem, Some(&ours))).await, "hello");
    insta::assert_snapshot!(meet(options(&ours), "localhost", server(&pem, Some(&ours))).await, @"it wants a client certificate");
    insta::assert_snapshot!(meet(with(&other), "localhost", server(&pem, Some(&ours))).await, @"it refuses our certificate: UnknownCA");
}

#[tokio::test]
async fn who_does_not_speak_tls_is_told_apart() {
    let ours = authority("ours");
    let answers = [
        (&b""[..], TlsFault::Closed),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", TlsFault::NotTls),
        (&[0, 0, 0, 2, 1, 1], TlsFault::NotTls),
    ];
    for (answer, expected) in answers {
        let (near, mut far) = duplex(64 * 1024);
        let answering = tokio::spawn(async move {
            let mut hello = [0; 5];
            far.read_exact(&mut hello).await.unwrap();
            far.write_all(answer).await.unwrap();
        });
        let connector = TlsConnector::new(options(&ours)).unwrap();
        let fault = connector.connect("localhost", near).await.unwrap_err();
        assert_eq!(fault, expected, "{answer:?}");
        answering.await.unwrap();
    }
}

#[tokio::test]
async fn versions_and_ciphers_are_those_that_are_named() {
    let ours = authority("ours");
    let pem = issued(&ours, "localhost", |_| {});
    let with = |names: &[&str]| TlsOptions {
        cipher_suites: names.iter().map(|it| (*it).to_owned()).collect(),
        versions: vec![TlsVersion::Tls12],
        ..options(&ours)
    };
    let suite = "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256";
    assert_eq!(meet(with(&[suite]), "localhost", server(&pem, None)).await, "hello");
    let none_left = TlsConnector::new(with(&["TLS_AES_128_GCM_SHA256"])).unwrap_err();
    assert!(matches!(none_left, MaterialError::Unusable(_)));
    let unknown = TlsConnector::new(with(&["TLS_NULL"])).unwrap_err().to_string();
    assert!(unknown.starts_with("TLS_NULL is none of TLS_AES_256_GCM_SHA384"), "{unknown}");
}

#[test]
fn a_key_that_is_not_the_certificates_is_refused() {
    let ours = authority("ours");
    let (one, other) = (issued(&ours, "a", |_| {}), issued(&ours, "a", |_| {}));
    let mixed = Identity::of_pem(one.as_bytes(), other.as_bytes(), None).unwrap();
    assert!(matches!(&mixed.key, PrivateKeyDer::Pkcs8(_)));
    let wrong = TlsOptions { identity: Some(mixed), ..options(&ours) };
    assert!(matches!(TlsConnector::new(wrong), Err(MaterialError::Unusable(_))));
}
