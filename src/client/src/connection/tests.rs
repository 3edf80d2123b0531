//! Connections to a broker that does what brokers should not, or asks who is there.

use std::time::Duration;

use kt_protocol::messages::{MetadataResponse, SaslAuthenticateResponse, SaslHandshakeResponse};
use kt_protocol::{ApiKey, ErrorCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::config::{Login, SecurityProtocol, TokenSource};
use crate::fake_broker::{Answer, Asked, FakeBroker};
use crate::{Admin, BackoffRange, Client, ClientConfig, Error, ErrorKind, Secret};

fn config(address: &str) -> ClientConfig {
    ClientConfig {
        bootstrap: vec![address.to_owned()],
        timeout: Duration::from_secs(20),
        reconnect_backoff: BackoffRange {
            first: Duration::from_millis(1),
            max: Duration::from_millis(1),
        },
        ..ClientConfig::default()
    }
}

fn with_login(address: &str, login: Login) -> ClientConfig {
    let mut config = config(address);
    config.security.protocol = SecurityProtocol::SaslPlaintext;
    config.security.sasl.login = Some(login);
    config
}

fn alice() -> Login {
    Login::Plain { user: "alice".to_owned(), password: Secret::new("geheim") }
}

async fn ask(config: ClientConfig) -> Result<usize, Error> {
    Admin::new(Client::new(config)).list_topics().await.map(|it| it.len())
}

/// The sentence, with the address left out, and what kind of error it is.
async fn fault(config: ClientConfig) -> String {
    let address = config.bootstrap[0].clone();
    let error = ask(config).await.unwrap_err();
    let said = error.to_string();
    assert!(said.contains(&address) && !said.contains("geheim"), "{said}");
    format!("{:?}: {}", error.kind(), said.replace(&address, "ADDRESS"))
}

/// Whoever answers the first bytes with these.
async fn stranger(answer: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 1024]).await;
            let _ = stream.write_all(&answer).await;
            // Kept open: a reset would overtake the answer.
            let _ = stream.read(&mut [0; 1024]).await;
        }
    });
    address
}

#[tokio::test]
async fn strangers_are_told_by_what_they_say() {
    let said = async |answer: &[u8]| fault(config(&stranger(answer.to_vec()).await)).await;
    insta::assert_snapshot!(said(b"HTTP/1.1 400 Bad Request\r\n\r\n").await, @"Unreachable: ADDRESS speaks HTTP, not plain Kafka");
    insta::assert_snapshot!(said(&[0x15, 3, 3, 0, 2, 2, 70]).await, @"Unreachable: ADDRESS speaks TLS, not plain Kafka");
    insta::assert_snapshot!(said(&[0x7f, 0, 0, 0]).await, @"Unreachable: ADDRESS does not answer as a Kafka broker does: a frame of 2130706432 bytes, more than the 65536 that are allowed");
    insta::assert_snapshot!(said(&[0xff, 0, 0, 0]).await, @"Unreachable: ADDRESS does not answer as a Kafka broker does: a frame of -16777216 bytes");
    insta::assert_snapshot!(said(&[0, 0, 0, 4, 0, 0, 0, 9]).await, @"Unreachable: ADDRESS does not answer as a Kafka broker does: the answer is to request 9, request 0 was next");
    insta::assert_snapshot!(said(&[0, 0, 0, 5, 0, 0, 0, 0, 1]).await, @"Unreachable: ADDRESS does not answer as a Kafka broker does: ApiVersions: 2 bytes wanted at byte 4, 1 are left");
    let closes = FakeBroker::start(|_| Answer::Close).await;
    insta::assert_snapshot!(fault(config(&closes.address)).await, @"Unreachable: ADDRESS closed the connection without a word: no Kafka listener, or one that wants TLS");
    let silent = FakeBroker::start(|_| Answer::Silence).await;
    let patience = Duration::from_millis(100);
    let hasty = ClientConfig {
        connect_timeout: BackoffRange { first: patience, max: patience },
        ..config(&silent.address)
    };
    insta::assert_snapshot!(fault(hasty).await, @"Unreachable: ADDRESS takes connections and says nothing: no Kafka listener");
}

#[tokio::test]
async fn a_broker_that_stops_answering_is_named_in_time() {
    let broker = FakeBroker::start(|asked| match asked.api {
        ApiKey::ApiVersions => asked.usual(),
        _ => Answer::Silence,
    })
    .await;
    let hasty =
        ClientConfig { request_timeout: Duration::from_millis(100), ..config(&broker.address) };
    insta::assert_snapshot!(fault(hasty).await, @"TimedOut: Metadata to ADDRESS got no answer within 100 ms");
    let closes = FakeBroker::start(|asked| match asked.api {
        ApiKey::ApiVersions => asked.usual(),
        _ => Answer::Close,
    })
    .await;
    insta::assert_snapshot!(fault(config(&closes.address)).await, @"Unreachable: ADDRESS closed the connection at the first request, as listeners do that want a login");
}

#[tokio::test]
async fn a_login_stands_between_versions_and_requests() {
    let broker = FakeBroker::start(|asked| {
        if asked.api == ApiKey::SaslAuthenticate {
            assert_eq!(&asked.authentication()[..], b"\0alice\0geheim");
        }
        asked.usual()
    })
    .await;
    assert_eq!(ask(with_login(&broker.address, alice())).await.unwrap(), 0);
    assert_eq!(
        broker.log(),
        ["0 ApiVersions", "0 SaslHandshake", "0 SaslAuthenticate", "0 Metadata"]
    );
}

fn refusal(asked: &Asked, code: ErrorCode) -> Answer {
    match asked.api {
        ApiKey::SaslHandshake if code != ErrorCode::SaslAuthenticationFailed => {
            asked.answer(&SaslHandshakeResponse {
                error_code: code.code(),
                mechanisms: vec!["SCRAM-SHA-256".to_owned()],
            })
        }
        ApiKey::SaslAuthenticate => asked.answer(&SaslAuthenticateResponse {
            error_code: code.code(),
            error_message: Some("Authentication failed: Invalid username or password".to_owned()),
            ..SaslAuthenticateResponse::default()
        }),
        _ => asked.usual(),
    }
}

#[tokio::test]
async fn a_login_that_fails_says_why() {
    let with = async |code: ErrorCode| {
        let broker = FakeBroker::start(move |asked| refusal(asked, code)).await;
        let said = fault(with_login(&broker.address, alice())).await;
        // A password is tried once: some brokers count.
        assert_eq!(broker.log().iter().filter(|it| it.ends_with("ApiVersions")).count(), 1);
        said
    };
    insta::assert_snapshot!(with(ErrorCode::SaslAuthenticationFailed).await, @r#"Authentication: ADDRESS does not let "alice" in with PLAIN: Authentication failed: Invalid username or password"#);
    insta::assert_snapshot!(with(ErrorCode::UnsupportedSaslMechanism).await, @"Authentication: ADDRESS does not take PLAIN, only SCRAM-SHA-256");
    insta::assert_snapshot!(with(ErrorCode::IllegalSaslState).await, @"Unreachable: ADDRESS takes no logins");
}

#[tokio::test]
async fn a_token_that_is_refused_is_answered_before_the_error_comes() {
    let broker = FakeBroker::start(|asked| match asked.api {
        ApiKey::SaslAuthenticate if asked.authentication().starts_with(b"n,,\x01auth=Bearer ") => {
            asked.answer(&SaslAuthenticateResponse {
                auth_bytes: br#"{"status":"invalid_token"}"#.to_vec().into(),
                ..SaslAuthenticateResponse::default()
            })
        }
        ApiKey::SaslAuthenticate => {
            assert_eq!(&asked.authentication()[..], b"\x01");
            refusal(asked, ErrorCode::SaslAuthenticationFailed)
        }
        _ => asked.usual(),
    })
    .await;
    let source = TokenSource::Fixed(Secret::new("geheim"));
    let login = Login::OAuthBearer { source, extensions: Vec::new() };
    insta::assert_snapshot!(fault(with_login(&broker.address, login)).await, @"Authentication: ADDRESS does not let us in with OAUTHBEARER: Authentication failed: Invalid username or password");
}

#[tokio::test]
async fn a_session_is_renewed_on_the_same_connection() {
    let broker = FakeBroker::start(|asked| match asked.api {
        ApiKey::SaslAuthenticate => asked.answer(&SaslAuthenticateResponse {
            session_lifetime_ms: 50,
            ..SaslAuthenticateResponse::default()
        }),
        _ => asked.usual(),
    })
    .await;
    let client = Client::new(with_login(&broker.address, alice()));
    let admin = Admin::new(client);
    admin.list_topics().await.unwrap();
    broker.until(8).await;
    admin.list_topics().await.unwrap();
    let log = broker.log();
    assert!(log.iter().all(|it| it.starts_with("0 ")), "{log:?}");
    let renewal = ["0 SaslHandshake", "0 SaslAuthenticate"];
    let logins = log.windows(2).filter(|it| *it == renewal).count();
    assert!(3 <= logins, "{log:?}");
    // Nothing comes between the two halves of a login.
    assert_eq!(log.iter().filter(|it| it.contains("SaslHandshake")).count(), logins, "{log:?}");
}

#[tokio::test]
async fn a_session_that_cannot_be_renewed_ends_and_another_begins() {
    let renewals = std::sync::atomic::AtomicUsize::new(0);
    let broker = FakeBroker::start(move |asked| match (asked.api, asked.connection) {
        (ApiKey::SaslHandshake, 0) => {
            match renewals.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
                0 => asked.usual(),
                _ => refusal(asked, ErrorCode::UnsupportedSaslMechanism),
            }
        }
        (ApiKey::SaslAuthenticate, 0) => asked.answer(&SaslAuthenticateResponse {
            session_lifetime_ms: 10,
            ..SaslAuthenticateResponse::default()
        }),
        _ => asked.usual(),
    })
    .await;
    let admin = Admin::new(Client::new(with_login(&broker.address, alice())));
    admin.list_topics().await.unwrap();
    broker.until(5).await;
    admin.list_topics().await.unwrap();
    assert!(broker.log().contains(&"1 Metadata".to_owned()), "{:?}", broker.log());
}

#[tokio::test]
async fn an_idle_connection_is_closed_and_made_anew_when_needed() {
    let broker = FakeBroker::start(Asked::usual).await;
    let idle = ClientConfig {
        connections_max_idle: Some(Duration::from_millis(20)),
        ..config(&broker.address)
    };
    let admin = Admin::new(Client::new(idle));
    admin.list_topics().await.unwrap();
    broker.until_left(1).await;
    admin.list_topics().await.unwrap();
    let last = broker.log().pop().expect("requests came");
    assert!(!last.starts_with("0 "), "{:?}", broker.log());
}

#[tokio::test]
async fn a_password_that_is_missing_needs_no_broker() {
    let mut config = config("127.0.0.1:1");
    config.security.protocol = SecurityProtocol::SaslSsl;
    let error = ask(config).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
}

#[tokio::test]
async fn a_broker_that_sends_clients_away_is_left_for_the_bootstrap_addresses() {
    let elsewhere = FakeBroker::start(|asked| match asked.api {
        ApiKey::Metadata => asked.answer(&MetadataResponse {
            error_code: ErrorCode::RebootstrapRequired.code(),
            ..MetadataResponse::default()
        }),
        _ => asked.usual(),
    })
    .await;
    let other = elsewhere.address.clone();
    let bootstrap = FakeBroker::start(move |asked| match (asked.api, asked.connection) {
        // First it points to the other, which sends everybody back.
        (ApiKey::Metadata, 0) => asked.metadata(&other),
        _ => asked.usual(),
    })
    .await;
    let client = Client::new(config(&bootstrap.address));
    client.refresh(None).await.unwrap();
    client.drop_connections();
    client.refresh(None).await.unwrap();
    assert_eq!(elsewhere.log(), ["0 ApiVersions", "0 Metadata"]);
    assert_eq!(client.metadata().brokers.values().next().unwrap().address(), bootstrap.address);
}

#[tokio::test]
async fn brokers_that_are_gone_are_looked_for_at_the_bootstrap_addresses() {
    let gone = FakeBroker::start(Asked::usual).await;
    let other = gone.address.clone();
    let bootstrap = FakeBroker::start(move |asked| match (asked.api, asked.connection) {
        (ApiKey::Metadata, 0) => asked.metadata(&other),
        _ => asked.usual(),
    })
    .await;
    drop(gone);
    let client = Client::new(config(&bootstrap.address));
    client.refresh(None).await.unwrap();
    client.drop_connections();
    client.refresh(None).await.unwrap();
    assert_eq!(client.metadata().brokers.values().next().unwrap().address(), bootstrap.address);
}

/// Tells its first visitor of `other` alone, and later ones of itself.
async fn pointing_to(other: &str) -> FakeBroker {
    let other = other.to_owned();
    FakeBroker::start(move |asked| match (asked.api, asked.connection) {
        (ApiKey::Metadata, 0) => asked.metadata(&other),
        _ => asked.usual(),
    })
    .await
}

#[tokio::test]
async fn without_recovery_only_known_brokers_are_asked() {
    let gone = FakeBroker::start(Asked::usual).await.address.clone();
    let bootstrap = pointing_to(&gone).await;
    let strict = ClientConfig {
        metadata_recovery: crate::MetadataRecovery::None,
        timeout: Duration::from_millis(300),
        ..config(&bootstrap.address)
    };
    let client = Client::new(strict);
    client.refresh(None).await.unwrap();
    client.drop_connections();
    let error = client.refresh(None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
    assert_eq!(bootstrap.log(), ["0 ApiVersions", "0 Metadata"]);
    assert_eq!(client.metadata().brokers.values().next().unwrap().address(), gone);
}

#[tokio::test]
async fn brokers_that_are_silent_for_too_long_are_left_for_the_bootstrap_addresses() {
    let silent = FakeBroker::start(|asked| match asked.api {
        ApiKey::Metadata => Answer::Silence,
        _ => asked.usual(),
    })
    .await;
    let refreshed = async |trigger: Duration, timeout: Duration| {
        let bootstrap = pointing_to(&silent.address).await;
        let client = Client::new(ClientConfig {
            request_timeout: Duration::from_millis(20),
            rebootstrap_trigger: trigger,
            timeout,
            ..config(&bootstrap.address)
        });
        client.refresh(None).await.unwrap();
        client.drop_connections();
        let refreshed = client.refresh(None).await;
        let known = client.metadata().brokers.values().next().unwrap().address();
        (refreshed.is_ok(), known == bootstrap.address)
    };
    let long = Duration::from_secs(60);
    assert_eq!(refreshed(Duration::from_millis(50), long).await, (true, true));
    assert_eq!(refreshed(long, Duration::from_millis(300)).await, (false, false));
}
