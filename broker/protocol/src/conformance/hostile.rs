//! Bytes that no honest sender makes: every message must refuse them, cheaply and without a panic.

use bytes::Bytes;

use super::random::{Random, each_version};
use super::vectors::{message_type, vectors};
use crate::codec::{DecodeBudget, DecodeError, MessageType, RewriteError};

/// How much memory a frame of 1 MiB may take.
const MIB: usize = 1024 * 1024;

fn read(message: &MessageType, bytes: &Bytes, version: i16) -> Result<usize, RewriteError> {
    let budget = DecodeBudget::for_frame(bytes.len());
    // The view as JSON has a reader of its own, which must not fall for them either.
    _ = message.to_json(bytes, version, budget);
    message.rewrite(bytes, version, budget).map(|it| budget.0 - it.budget_left)
}

#[test]
fn truncated_messages_are_refused() {
    for vector in vectors().iter().filter(|it| it.case == "filled") {
        let message = message_type(&vector.name);
        let length = vector.bytes.len();
        // All prefixes of short messages; of long ones, some.
        for cut in (0..length).step_by(1 + length / 64) {
            let result = read(message, &vector.bytes.slice(..cut), vector.version);
            assert!(result.is_err(), "{} {} cut at {cut}", vector.name, vector.version);
        }
    }
}

#[test]
fn random_bytes_never_panic() {
    let mut random = Random(1);
    for (message, version) in each_version() {
        for _ in 0..400 {
            let length = random.below(200);
            let bytes: Bytes = (0..length).map(|_| random.next() as u8).collect();
            _ = read(message, &bytes, version);
        }
    }
}

#[test]
fn damaged_messages_never_panic() {
    let mut random = Random(2);
    let extremes = [0x00, 0x01, 0x7f, 0x80, 0xfe, 0xff];
    for (message, version) in each_version() {
        for seed in 0..60 {
            let mut bytes = Random(seed).message(message, version).0.to_vec();
            for _ in 0..1 + random.below(3) {
                if !bytes.is_empty() {
                    let at = random.below(bytes.len());
                    bytes[at] = extremes[random.below(extremes.len())];
                }
            }
            _ = read(message, &bytes.into(), version);
        }
    }
}

#[test]
fn huge_counts_cost_nothing() {
    // Wherever four bytes or a varint are read as a count or length, these are huge ones.
    let old = [0x7f, 0xff, 0xff, 0xff];
    let compact = [0xff, 0xff, 0xff, 0xff, 0x0f];
    for (message, version) in each_version() {
        let (bytes, _) = Random(3).message(message, version);
        for at in (0..bytes.len()).step_by(1 + bytes.len() / 200) {
            for huge in [&old[..], &compact[..]] {
                let end = (at + huge.len()).min(bytes.len());
                let damaged = [&bytes[..at], huge, &bytes[end..]].concat();
                _ = read(message, &damaged.into(), version);
            }
        }
    }
}

/// A frame whose first array claims as many elements as fit, all else being the byte that makes
/// the smallest elements.
fn amplified(head: &[u8], filler: u8) -> Bytes {
    let mut bytes = head.to_vec();
    bytes.resize(MIB, filler);
    Bytes::from(bytes)
}

#[test]
fn a_mebibyte_never_takes_more_than_its_budget() {
    // Compact counts of 2^17 and 2^20 - 64 elements, and an old count of 2^17, each in front of
    // zeros (null, empty) and ones (empty strings and arrays).
    let counts: [&[u8]; 3] = [&[0x81, 0x80, 0x08], &[0xc1, 0xff, 0x3f], &[0x00, 0x02, 0x00, 0x00]];
    let mut refused = 0;
    for (message, version) in each_version() {
        for (count, filler) in counts.iter().flat_map(|count| [(count, 0), (count, 1)]) {
            // The count may stand behind other fields: of zeros, as long as those may be.
            for lead in [0, 4, 8, 16] {
                let head = [&vec![0; lead][..], count].concat();
                match read(message, &amplified(&head, filler), version) {
                    Err(RewriteError::Decode(DecodeError::OverBudget { .. })) => refused += 1,
                    Err(_) => {}
                    Ok(used) => assert!(used <= DecodeBudget::for_frame(MIB).0),
                }
            }
        }
    }
    assert!(refused > 100, "only {refused} frames came as far as the budget");
}
