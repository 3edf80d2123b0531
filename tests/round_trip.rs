//! Records out of a topic as JSON lines, into another one, and nothing is different.

use serde_json::{Value, json};

use crate::support::Operator;
use crate::support::command::ok;

const RECORDS: usize = 100_000;
const PARTITIONS: usize = 3;

/// Numbers that look random and are the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, below: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % below
    }
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let byte = |index: usize| usize::from(chunk.get(index).copied().unwrap_or(0));
        let group = byte(0) << 16 | byte(1) << 8 | byte(2);
        for index in 0..4 {
            let letter = LETTERS[group >> (18 - 6 * index) & 63];
            text.push(if index <= chunk.len() { char::from(letter) } else { '=' });
        }
    }
    text
}

/// Null, empty, text with what JSON has to escape, or bytes that are no text.
fn payload(random: &mut Random) -> Value {
    match random.below(6) {
        0 => Value::Null,
        1 => json!(""),
        2 | 3 => {
            let letters = ['a', '"', '\\', '\n', '\u{0}', '\u{7f}', 'é', '✓', '\u{1f600}', ' '];
            let length = random.below(30);
            let text: String = (0..length).map(|_| letters[random.below(letters.len())]).collect();
            json!(text)
        }
        _ => {
            // 0xff is in no UTF-8 text.
            let mut bytes = vec![0xff];
            let length = random.below(40);
            bytes.extend((0..length).map(|_| u8::try_from(random.below(256)).expect("a byte")));
            json!({ "base64": base64(&bytes) })
        }
    }
}

fn record(random: &mut Random) -> Value {
    let headers: Vec<Value> = (0..random.below(4))
        .map(|_| json!({ "key": (["a", "b", ""][random.below(3)]), "value": payload(random) }))
        .collect();
    json!({
        "partition": random.below(PARTITIONS),
        "timestamp": 1_700_000_000_000_u64 + random.below(1_000_000) as u64,
        "key": payload(random),
        "value": payload(random),
        "headers": headers,
    })
}

/// The records of each partition, without what the log adds.
fn read(lines: &str) -> Vec<Vec<Value>> {
    let mut partitions = vec![Vec::new(); PARTITIONS];
    for line in lines.lines() {
        let mut record: Value = serde_json::from_str(line).expect("JSON");
        let fields = record.as_object_mut().expect("an object");
        let index = fields["partition"].as_u64().expect("a number");
        let partition = &mut partitions[usize::try_from(index).expect("small")];
        if let Some(offset) = fields.remove("offset") {
            assert_eq!(offset, partition.len());
        }
        fields.remove("topic");
        fields.remove("timestamp_type");
        partition.push(record);
    }
    partitions
}

#[test]
fn a_hundred_thousand_random_records_stay_what_they_are() {
    let operator = Operator::start();
    for topic in ["from", "to"] {
        ok(&operator, &["topics", "create", topic, "--partitions", "3"], "");
    }
    let mut random = Random(42);
    let made: String = (0..RECORDS).map(|_| format!("{}\n", record(&mut random))).collect();
    ok(&operator, &["produce", "from", "--jsonl"], &made);
    let first = ok(&operator, &["consume", "from", "-o", "jsonl"], "");
    ok(&operator, &["produce", "to", "--jsonl", "--compression", "zstd"], &first);
    let second = ok(&operator, &["consume", "to", "-o", "jsonl"], "");
    let (made, first, second) = (read(&made), read(&first), read(&second));
    assert_eq!(made.iter().map(Vec::len).sum::<usize>(), RECORDS);
    for partition in 0..PARTITIONS {
        assert!(made[partition] == first[partition], "partition {partition} as it was written");
        assert!(first[partition] == second[partition], "partition {partition} as it was copied");
    }
}
