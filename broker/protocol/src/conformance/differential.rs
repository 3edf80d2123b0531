//! Our codec beside another one of the same protocol, with random messages.
//!
//! kafka-protocol knows the APIs of Kafka 4.1: what both know, both must read and write alike.

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::{ApiKey as TheirKey, RequestKind, ResponseKind};

use super::random::Random;
use crate::ApiKey;
use crate::codec::{DecodeBudget, MessageKind, MessageType};

/// Seeds of each message and version.
const SEEDS: u64 = 100;

/// What the other codec makes of a message's bytes; none in a version that it lacks.
fn their_rewrite(message: &MessageType, bytes: &Bytes, version: i16) -> Option<Bytes> {
    let key = TheirKey::try_from(message.key.unwrap()).unwrap();
    let mut input = bytes.clone();
    let mut output = BytesMut::new();
    let result = if message.kind == MessageKind::Request {
        RequestKind::decode(key, &mut input, version).and_then(|it| it.encode(&mut output, version))
    } else {
        let decoded = ResponseKind::decode(key, &mut input, version);
        decoded.and_then(|it| it.encode(&mut output, version))
    };
    if let Err(error) = result {
        // Its table of versions is ahead of its messages.
        let text = format!("{error:#}");
        assert!(text.contains("version not supported"), "{} {version}: {text}", message.name);
        return None;
    }
    assert!(input.is_empty(), "{} {version}: {} bytes left", message.name, input.len());
    Some(output.freeze())
}

fn our_rewrite(message: &MessageType, bytes: &Bytes, version: i16) -> Bytes {
    message.rewrite(bytes, version, DecodeBudget::UNLIMITED).unwrap().bytes
}

/// Requests and responses in the versions that both codecs know.
fn shared_versions() -> impl Iterator<Item = (&'static MessageType, i16)> {
    ApiKey::all().flat_map(|key| {
        let theirs = TheirKey::try_from(key.code()).map(|it| it.valid_versions());
        let shared = move |version: &i16| {
            theirs.as_ref().is_ok_and(|it| (it.min..=it.max).contains(version))
        };
        let kinds = [MessageKind::Request, MessageKind::Response];
        let messages = kinds.into_iter().filter_map(move |it| MessageType::find(it, key.code()));
        messages.flat_map(move |message| {
            message.valid_versions.iter().filter(shared).map(move |version| (message, version))
        })
    })
}

#[test]
fn both_codecs_agree_on_every_shared_version() {
    let mut compared = 0;
    for (message, version) in shared_versions() {
        for seed in 0..SEEDS {
            let context = || format!("{} version {version} seed {seed}", message.name);
            let (bytes, _) = Random(seed).message(message, version);
            let ours = our_rewrite(message, &bytes, version);
            let Some(theirs) = their_rewrite(message, &ours, version) else { continue };
            assert_eq!(theirs, ours, "{}", context());
            let Some(theirs) = their_rewrite(message, &bytes, version) else { continue };
            assert_eq!(our_rewrite(message, &theirs, version), theirs, "{}", context());
            compared += 1;
        }
    }
    assert!(compared > 40_000, "only {compared} messages compared");
}
