//! Real programs and a real listener: what they are given, and how what fails is said.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::duration::Span;
use crate::tui::alerts::notice::Notice;

fn outgoing(way: Way) -> Outgoing {
    Outgoing {
        id: 1,
        target: "ops".to_owned(),
        way,
        notice: Arc::new(Notice::test(Timestamp::UNIX_EPOCH, "ops")),
        cluster_id: Some("MkU3".to_owned()),
    }
}

fn shell(script: &str, seconds: u64) -> Outgoing {
    let argv = ["/bin/sh", "-c", script].map(str::to_owned).to_vec();
    outgoing(Way::Command { argv, timeout: Span { milliseconds: seconds * 1_000 } })
}

const DOCUMENT: &str = r#"{"kind":"alerts.run","version":1,"cluster_id":"MkU3","time":"1970-01-01T00:00:00.000Z","items":[{"time":"1970-01-01T00:00:00.000Z","state":"test","rule":null,"kind":null,"level":"ok","subjects":[],"subject_count":0,"text":"a test of target ops: nothing is wrong"}],"errors":[]}"#;

#[tokio::test]
async fn a_program_gets_the_alert_on_stdin_and_in_its_environment() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("told");
    let script =
        format!("cat > {0}; echo \" $KT_ALERT_STATE $KT_ALERT_CLUSTER_ID\" >> {0}", file.display());
    assert_eq!(deliver(&shell(&script, 60)).await, Ok(Delivered::Done));
    assert_eq!(fs::read_to_string(&file).unwrap(), format!("{DOCUMENT} test MkU3\n"));
}

#[tokio::test]
async fn a_program_that_fails_or_hangs_is_named() {
    let failed = deliver(&shell("exit 3", 60)).await.unwrap_err();
    insta::assert_snapshot!(failed, @"/bin/sh ended with exit status: 3");
    // What it has started holds its group: that is killed too.
    let hung = deliver(&shell("sleep 600 & sleep 600", 1)).await.unwrap_err();
    insta::assert_snapshot!(hung, @"/bin/sh did not end within 1 s");
    let argv = vec!["/nosuch/program".to_owned()];
    let way = Way::Command { argv, timeout: Span { milliseconds: 1_000 } };
    insta::assert_snapshot!(deliver(&outgoing(way)).await.unwrap_err(), @"cannot start /nosuch/program: No such file or directory (os error 2)");
}

#[tokio::test]
async fn the_bell_is_for_the_caller() {
    assert_eq!(deliver(&outgoing(Way::Bell)).await, Ok(Delivered::Ring));
}

/// Answers one request with these bytes, and gives what was asked.
async fn hook(
    answer: Vec<u8>,
    headers_file: Option<PathBuf>,
) -> (Result<Delivered, String>, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/kt?a=b", listener.local_addr().unwrap());
    let served = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut asked = Vec::new();
        while !asked.ends_with(b"\"errors\":[]}") {
            let mut buffer = [0; 4096];
            let read = stream.read(&mut buffer).await.unwrap();
            assert!(0 < read, "the request ends early");
            asked.extend_from_slice(&buffer[..read]);
        }
        // A client that has heard enough may be gone before all is said.
        let _ = stream.write_all(&answer).await;
        String::from_utf8(asked).unwrap()
    });
    let timeout = Span { milliseconds: 60_000 };
    let result = deliver(&outgoing(Way::Webhook { url, headers_file, timeout })).await;
    (result, served.await.unwrap())
}

#[tokio::test]
async fn a_webhook_gets_the_document() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("headers");
    fs::write(&file, "Authorization: Bearer secret\n").unwrap();
    let answer = b"HTTP/1.1 204 No Content\r\n\r\n".to_vec();
    let (result, asked) = hook(answer, Some(file)).await;
    assert_eq!(result, Ok(Delivered::Done));
    let (head, body) = asked.split_once("\r\n\r\n").unwrap();
    assert_eq!(body, DOCUMENT);
    assert!(head.starts_with("POST /kt?a=b HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("\r\nauthorization: Bearer secret\r\n"), "{head}");
    assert!(head.contains("\r\ncontent-type: application/json\r\n"), "{head}");
}

#[tokio::test]
async fn what_is_no_success_is_a_failure_and_no_redirect_is_followed() {
    let redirect =
        b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n";
    let (result, _) = hook(redirect.to_vec(), None).await;
    insta::assert_snapshot!(result.unwrap_err(), @"127.0.0.1: HTTP status 302 Found");
    let mut endless =
        b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 9999999\r\n\r\n".to_vec();
    endless.resize(endless.len() + (1 << 20), b'x');
    let (result, _) = hook(endless, None).await;
    insta::assert_snapshot!(result.unwrap_err(), @"127.0.0.1: HTTP status 500 Internal Server Error");
    let nobody = Way::Webhook {
        url: "http://127.0.0.1:1/".to_owned(),
        headers_file: None,
        timeout: Span { milliseconds: 10_000 },
    };
    insta::assert_snapshot!(deliver(&outgoing(nobody)).await.unwrap_err(), @"127.0.0.1: Connection refused (os error 111)");
}

#[tokio::test]
async fn an_answer_counts_before_its_body_has_ended() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let served = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nmore").await.unwrap();
        // Open until the client has heard enough.
        while stream.read(&mut [0; 4096]).await.is_ok_and(|it| 0 < it) {}
    });
    let timeout = Span { milliseconds: 600_000 };
    let endless = outgoing(Way::Webhook { url, headers_file: None, timeout });
    assert_eq!(deliver(&endless).await, Ok(Delivered::Done));
    served.await.unwrap();
}

#[tokio::test]
async fn a_webhook_that_says_nothing_is_left() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let timeout = Span { milliseconds: 1_000 };
    let silent = outgoing(Way::Webhook { url, headers_file: None, timeout });
    insta::assert_snapshot!(deliver(&silent).await.unwrap_err(), @"127.0.0.1: no answer within 1 s");
}
