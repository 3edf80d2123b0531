//! Every message of Apache Kafka 4.3.1 in every version, as its own classes wrote it.
//!
//! `tests/data/messages.jsonl.gz` has one JSON object a line: type, version, case, the message as
//! Kafka's JSON converter prints it, and its bytes.

use std::io::Read;

use bytes::Bytes;
use flate2::read::GzDecoder;
use serde_json::Value;

use crate::codec::{DecodeBudget, MessageType, Rewritten};
use crate::messages::catalog;

/// Messages that Kafka has no class for, so no vector either.
const WITHOUT_VECTORS: [&str; 1] = ["ZkMigrationStateRecord"];

pub(super) struct Vector {
    pub(super) name: String,
    pub(super) version: i16,
    pub(super) case: String,
    pub(super) json: Value,

    pub(super) bytes: Bytes,
}

pub(super) fn vectors() -> Vec<Vector> {
    let compressed: &[u8] = include_bytes!("../../tests/data/messages.jsonl.gz");
    let mut text = String::new();
    GzDecoder::new(compressed).read_to_string(&mut text).unwrap();
    text.lines().map(parse).collect()
}

fn parse(line: &str) -> Vector {
    let mut object: Value = serde_json::from_str(line).unwrap();
    let text = |name: &str| object[name].as_str().unwrap().to_owned();
    let name = text("type");
    Vector {
        name: name.strip_suffix("Data").filter(|it| is_api(it)).unwrap_or(&name).to_owned(),
        version: i16::try_from(object["version"].as_i64().unwrap()).unwrap(),
        case: text("case"),
        bytes: unhex(&text("hex")),
        json: object["json"].take(),
    }
}

fn is_api(name: &str) -> bool {
    name.ends_with("Request") || name.ends_with("Response") || name.ends_with("Header")
}

fn unhex(text: &str) -> Bytes {
    let digit = |it: u8| (it as char).to_digit(16).unwrap() as u8;
    text.as_bytes().chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

pub(super) fn message_type(name: &str) -> &'static MessageType {
    let found = catalog::ALL.iter().find(|it| it.name == name);
    found.unwrap_or_else(|| panic!("no message {name}"))
}

/// The same message without the tags that no schema knows: they are never stored.
fn without_unknown_tags<'a>(all: &'a [Vector], vector: &'a Vector) -> &'a Vector {
    let default = all
        .iter()
        .find(|it| it.case == "default" && it.name == vector.name && it.version == vector.version);
    if vector.case == "unknown-tags" { default.unwrap() } else { vector }
}

#[test]
fn every_vector_reads_and_writes_as_kafka_does() {
    let all = vectors();
    assert_eq!(all.len(), 3095);
    let mut wrong = Vec::new();
    for vector in &all {
        let expected = &without_unknown_tags(&all, vector).bytes;
        let budget = DecodeBudget::for_frame(vector.bytes.len());
        let result = message_type(&vector.name).rewrite(&vector.bytes, vector.version, budget);
        let expected_len = expected.len();
        let right = |it: &Rewritten| it.bytes == expected && it.encoded_len == expected_len;
        if !result.as_ref().is_ok_and(right) {
            let Vector { name, version, case, .. } = vector;
            wrong.push(format!("{name} {version} {case}: {result:?}, expected {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_message_has_vectors_in_every_version() {
    let all = vectors();
    for message in catalog::ALL.iter().filter(|it| !WITHOUT_VECTORS.contains(&it.name)) {
        for version in message.valid_versions.iter() {
            let found = all.iter().any(|it| it.name == message.name && it.version == version);
            assert!(found, "{} has no vector of version {version}", message.name);
        }
    }
}

#[test]
fn json_is_what_kafka_prints_and_reads_back() {
    let all = vectors();
    for vector in &all {
        let Vector { name, version, case, json, bytes } = vector;
        let message = message_type(name);
        let budget = DecodeBudget::UNLIMITED;
        let printed = message.to_json(bytes, *version, budget).unwrap();
        // As texts, so that the order of the fields counts.
        assert_eq!(printed.to_string(), json.to_string(), "{name} {version} {case}");
        let expected = &without_unknown_tags(&all, vector).bytes;
        let read = message.from_json(json, *version);
        assert_eq!(read.as_ref(), Ok(expected), "{name} {version} {case}");
    }
}
