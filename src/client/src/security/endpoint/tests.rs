//! Asking somebody who plays the issuer, over a socket.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::config::TlsConfig;

/// Asks an issuer that answers this; what came, and what it was asked.
async fn ask(answer: &str) -> (String, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let endpoint = TokenEndpoint {
        url: format!("http://127.0.0.1:{port}/token?tenant=a"),
        client_id: "cl ient".to_owned(),
        client_secret: Secret::new("geheim"),
        scope: Some("read write".to_owned()),
        encodes_header: false,
        tls: TlsConfig::default(),
        timeout: Duration::from_secs(10),
    };
    let answer = answer.to_owned();
    let serving = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut asked = Vec::new();
        while !asked.ends_with(b"write") {
            assert_ne!(stream.read_buf(&mut asked).await.unwrap(), 0);
        }
        stream.write_all(answer.as_bytes()).await.unwrap();
        String::from_utf8(asked).unwrap()
    });
    let issuer = Issuer::new(&endpoint).unwrap();
    assert!(!format!("{issuer:?}").contains("Basic"));
    let got = match issuer.ask().await {
        Ok((token, lifetime)) => format!("{} {lifetime:?}", token.reveal()),
        Err(error) => error.0.replace(&port.to_string(), "PORT"),
    };
    (got, serving.await.unwrap().replace(&port.to_string(), "PORT"))
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
