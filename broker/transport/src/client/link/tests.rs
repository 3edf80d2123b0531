//! Answers reach who asked, in order, and every way to lose a connection has its own error.

use bytes::BytesMut;
use tokio::io::DuplexStream;

use super::*;
use crate::frame::FrameError;

const LIMITS: LinkLimits = LinkLimits { in_flight_max: 2, response_bytes_max: 1000 };
const SOON: Duration = Duration::from_secs(10);

fn pair() -> (Link, DuplexStream) {
    let (near, far) = tokio::io::duplex(4096);
    (Link::open(near, LIMITS), far)
}

/// A frame that is only a correlation id and a text.
fn frame(correlation_id: i32, text: &str) -> Vec<Bytes> {
    let mut bytes = BytesMut::new();
    bytes.extend_from_slice(&(CORRELATION_BYTES as i32 + text.len() as i32).to_be_bytes());
    bytes.extend_from_slice(&correlation_id.to_be_bytes());
    bytes.extend_from_slice(text.as_bytes());
    vec![bytes.freeze()]
}

async fn start(link: &Link, text: &str) -> Result<PendingReply, LinkError> {
    link.start(|correlation_id| Ok(frame(correlation_id, text))).await
}

async fn receive(far: &mut DuplexStream, text: &str) {
    let mut bytes = vec![0; 8 + text.len()];
    far.read_exact(&mut bytes).await.unwrap();
    assert_eq!(&bytes[8..], text.as_bytes());
}

async fn answer(far: &mut DuplexStream, correlation_id: i32, text: &str) {
    far.write_all(&frame(correlation_id, text).concat()).await.unwrap();
}

#[tokio::test]
async fn answers_come_to_those_who_asked() {
    let (link, mut far) = pair();
    let one = start(&link, "one").await.unwrap();
    let silent = link.send_unanswered(|id| Ok::<_, LinkError>(frame(id, "silent"))).unwrap();
    let two = start(&link, "two").await.unwrap();
    for text in ["one", "silent", "two"] {
        receive(&mut far, text).await;
    }
    silent.within(SOON).await.unwrap();
    answer(&mut far, 0, "first").await;
    answer(&mut far, 2, "second").await;
    assert_eq!(&two.within(SOON).await.unwrap()[4..], b"second");
    assert_eq!(&one.within(SOON).await.unwrap()[4..], b"first");
}

#[tokio::test]
async fn what_nobody_takes_is_not_written() {
    let (link, far) = pair();
    let text = "x".repeat(1 << 20);
    let silent = link.send_unanswered(|id| Ok::<_, LinkError>(frame(id, &text))).unwrap();
    drop(far);
    assert!(silent.within(SOON).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn no_more_are_in_flight_than_allowed() {
    let (link, mut far) = pair();
    let one = start(&link, "one").await.unwrap();
    let _two = start(&link, "two").await.unwrap();
    let waits = tokio::time::timeout(SOON, start(&link, "three")).await;
    assert!(waits.is_err());
    answer(&mut far, 0, "").await;
    one.within(SOON).await.unwrap();
    assert!(start(&link, "three").await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_late_answer_closes_the_connection() {
    let (link, mut far) = pair();
    let one = start(&link, "one").await.unwrap();
    let two = start(&link, "two").await.unwrap();
    assert!(matches!(one.within(SOON).await, Err(LinkError::TimedOut(_))));
    assert!(matches!(two.within(SOON).await, Err(LinkError::TimedOut(_))));
    assert!(matches!(start(&link, "three").await, Err(LinkError::TimedOut(_))));
    drop(link);
    let mut rest = Vec::new();
    far.read_to_end(&mut rest).await.unwrap();
}

/// Otherwise a request that its sender has given up could still go out, at any time.
#[tokio::test]
async fn a_link_that_was_given_up_lets_go_of_its_socket() {
    let (link, mut far) = pair();
    let long = "x".repeat(100_000);
    let pending = start(&link, &long).await.unwrap();
    let error = pending.within(Duration::from_millis(1)).await.unwrap_err();
    assert!(matches!(error, LinkError::TimedOut(_)), "{error}");
    let mut rest = Vec::new();
    let read = tokio::time::timeout(SOON, far.read_to_end(&mut rest)).await;
    read.expect("the end comes").unwrap();
    assert!(rest.len() < long.len(), "{}", rest.len());
}

#[tokio::test]
async fn a_peer_that_hangs_up_or_speaks_otherwise_is_named() {
    let (link, far) = pair();
    let one = start(&link, "one").await.unwrap();
    drop(far);
    assert!(matches!(one.within(SOON).await, Err(LinkError::Closed)));

    let (link, mut far) = pair();
    let one = start(&link, "one").await.unwrap();
    far.write_all(&[0x15, 3, 3, 0, 2, 2, 70]).await.unwrap();
    let error = one.within(SOON).await.unwrap_err();
    assert!(matches!(error, LinkError::Frame(FrameError::Foreign(_))), "{error}");

    let (link, mut far) = pair();
    let one = start(&link, "one").await.unwrap();
    answer(&mut far, 7, "").await;
    let error = one.within(SOON).await.unwrap_err();
    assert!(matches!(error, LinkError::Correlation { expected: 0, received: 7 }), "{error}");
}

#[tokio::test]
async fn what_goes_ahead_is_answered_before_what_is_held_back() {
    let (link, mut far) = pair();
    let before = start(&link, "before").await.unwrap();
    let pause = link.pause();
    let held = start(&link, "held").await.unwrap();
    link.send_unanswered(|id| Ok::<_, LinkError>(frame(id, "silent"))).unwrap();
    let ahead = pause.start(|id| Ok::<_, LinkError>(frame(id, "ahead"))).unwrap();
    receive(&mut far, "before").await;
    receive(&mut far, "ahead").await;
    answer(&mut far, 0, "").await;
    answer(&mut far, 3, "welcome").await;
    before.within(SOON).await.unwrap();
    assert_eq!(&ahead.within(SOON).await.unwrap()[4..], b"welcome");
    drop(pause);
    receive(&mut far, "held").await;
    receive(&mut far, "silent").await;
    answer(&mut far, 1, "at last").await;
    assert_eq!(&held.within(SOON).await.unwrap()[4..], b"at last");
}

#[tokio::test]
async fn closing_tells_everybody_why() {
    let (link, _far) = pair();
    let one = start(&link, "one").await.unwrap();
    let pause = link.pause();
    let held = start(&link, "held").await.unwrap();
    link.close("because".to_owned());
    drop(pause);
    for pending in [one, held] {
        assert_eq!(pending.within(SOON).await.unwrap_err().to_string(), "because");
    }
    assert_eq!(start(&link, "late").await.unwrap_err().to_string(), "because");
}

#[tokio::test]
async fn a_link_that_allows_more_takes_more() {
    let (link, mut far) = pair();
    let one = start(&link, "one").await.unwrap();
    receive(&mut far, "one").await;
    link.allow_responses(3000);
    answer(&mut far, 0, &"x".repeat(2000)).await;
    assert_eq!(one.within(SOON).await.unwrap().len(), 2004);
    let two = start(&link, "two").await.unwrap();
    receive(&mut far, "two").await;
    link.allow_responses(1000);
    answer(&mut far, 1, &"x".repeat(2000)).await;
    assert!(matches!(two.within(SOON).await, Err(LinkError::Frame(_))));
}
