//! Blocks as bytes.

use proptest::prelude::*;

use super::super::block::{HEADER_BYTES, Header, encode};
use super::*;

fn decode(bytes: &[u8]) -> Option<Block> {
    let header = Header::read(bytes)?;
    let payload = &bytes[HEADER_BYTES..];
    header.is_of(payload).then(|| header.block(payload)).flatten()
}

fn subjects() -> impl Strategy<Value = Subject> {
    prop_oneof![
        Just(Subject::Total),
        any::<i32>().prop_map(Subject::Broker),
        ".{0,40}".prop_map(Subject::Topic),
        "[a-z.]{1,250}".prop_map(Subject::Group),
    ]
}

fn minutes() -> impl Strategy<Value = Vec<Minute>> {
    let metric = prop_oneof![Just(Metric::RecordsIn), Just(Metric::Lag), Just(Metric::DiskUsed)];
    let line = (subjects(), prop::collection::vec((metric, any::<f32>()), 1..4));
    let minute = (0_i64..6, prop::collection::vec(line, 0..20));
    let minute = minute.prop_map(|(minute, lines)| Minute { minute: 29_000_000 + minute, lines });
    prop::collection::vec(minute, 1..8)
}

/// More than three digits.
fn is_near(found: f32, written: f32) -> bool {
    let is_same = found == written || found.is_nan() && written.is_nan();
    // The least numbers there are have fewer digits.
    is_same || (found - written).abs() <= (written.abs() / 2_000.0).max(f32::MIN_POSITIVE)
}

proptest! {
    #[test]
    fn what_is_written_is_read(minutes in minutes(), number in 1_u64..1 << 62) {
        let mut draft = Draft::default();
        for minute in minutes.into_iter() {
            draft.add(minute);
        }
        let block = decode(&encode(number, &draft).unwrap()).unwrap();
        prop_assert_eq!(block.first, draft.first);
        let mut lines = block.lines.iter();
        for (subject, of_subject) in &draft.lines {
            for (metric, values) in of_subject {
                let line = lines.next().unwrap();
                prop_assert_eq!((&line.subject, line.metric), (&subject.0, *metric));
                prop_assert_eq!(line.values.len(), draft.minutes);
                for (found, written) in line.values.iter().zip(values) {
                    prop_assert!(is_near(*found, *written), "{} for {}", found, written);
                }
            }
        }
        prop_assert!(lines.next().is_none());
    }

    #[test]
    fn no_bytes_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        decode(&bytes);
        // With the right magic and sums it is read to the end.
        let whole = encode(1, &draft(29_000_000, 3)).unwrap();
        bytes.resize(HEADER_BYTES, 0);
        for at in 4..40 {
            if bytes[at] == 0 {
                bytes[at] = whole[at];
            }
        }
        bytes[..4].copy_from_slice(&whole[..4]);
        let sum = kt_protocol::records::crc32c(&bytes[..40]);
        bytes[40..44].copy_from_slice(&sum.to_be_bytes());
        if let Some(header) = Header::read(&bytes) {
            header.block(&whole[HEADER_BYTES..]);
        }
    }

    #[test]
    fn a_payload_of_somebody_else_does_not_panic(
        raw in prop::collection::vec(any::<u8>(), 0..200), minutes in 0_u8..10,
    ) {
        let bytes = of_somebody_else(&raw, raw.len(), minutes);
        if let Some(block) = decode(&bytes) {
            prop_assert!(block.lines.len() <= raw.len());
        }
    }
}

/// A block whose sums are right, with a payload that says anything.
fn of_somebody_else(raw: &[u8], length: usize, minutes: u8) -> Vec<u8> {
    let codec = kt_protocol::records::Compressor::from(kt_protocol::records::Compression::Zstd);
    let payload = codec.compress(raw);
    let mut bytes = encode(1, &draft(29_000_000, 1)).unwrap()[..HEADER_BYTES].to_vec();
    bytes[12..16].copy_from_slice(&u32::try_from(length).unwrap().to_be_bytes());
    bytes[24..28].copy_from_slice(&u32::try_from(payload.len()).unwrap().to_be_bytes());
    bytes[32..36].copy_from_slice(&kt_protocol::records::crc32c(&payload).to_be_bytes());
    bytes[36] = minutes;
    let sum = kt_protocol::records::crc32c(&bytes[..40]);
    bytes[40..44].copy_from_slice(&sum.to_be_bytes());
    bytes.extend(payload.iter());
    bytes
}

#[test]
fn a_bomb_is_refused() {
    let bytes = of_somebody_else(&vec![0; 20 << 20], 1_000, 5);
    let header = Header::read(&bytes).unwrap();
    assert!(header.is_of(&bytes[HEADER_BYTES..]));
    assert_eq!(header.block(&bytes[HEADER_BYTES..]), None);
}

/// Subjects that take a byte each, and lines of those.
fn of_many(subjects: usize, lines: usize) -> Vec<u8> {
    let mut raw = u32::try_from(subjects).unwrap().to_be_bytes().to_vec();
    raw.resize(raw.len() + subjects, 0);
    raw.extend(u32::try_from(lines).unwrap().to_be_bytes());
    raw.resize(raw.len() + lines * (5 + 3), 0);
    raw
}

#[test]
fn a_small_block_does_not_become_a_large_memory() {
    let read = |raw: &[u8]| decode(&of_somebody_else(raw, raw.len(), 1)).map(|it| it.lines.len());
    assert_eq!(read(&of_many(1, 100_000)), Some(100_000));
    assert_eq!(read(&of_many(100_000, 1)), Some(1));
    assert_eq!(read(&of_many(1, 100_001)), None);
    assert_eq!(read(&of_many(100_001, 1)), None);
    // One long name, which every line would have.
    let mut raw = vec![0, 0, 0, 1, 2, 0xff, 0xff];
    raw.resize(raw.len() + 0xffff, b'a');
    raw.extend(of_many(0, 1_000).split_off(4));
    assert_eq!(read(&raw), None);
    // Values of no minute cost nothing at all.
    let raw = of_many(1, 1);
    assert_eq!(decode(&of_somebody_else(&raw, raw.len(), 0)), None);
    assert_eq!(decode(&of_somebody_else(&raw, raw.len(), 61)), None);
}

#[test]
fn more_lines_than_are_read_are_not_written() {
    let mut draft = Draft::default();
    draft.add(minute(29_000_000, 100_001));
    let block = decode(&encode(1, &draft).unwrap()).unwrap();
    assert_eq!(block.lines.len(), 100_000);
}

#[test]
fn a_minute_that_does_not_follow_begins_another_block() {
    let mut draft = Draft::default();
    draft.add(minute(100, 1));
    draft.add(minute(103, 1));
    let takes: Vec<bool> = [99, 100, 104, 105].map(|it| draft.takes(&minute(it, 1))).to_vec();
    assert_eq!(takes, [false, true, true, false]);
    assert!(!draft.is_full());
    draft.add(minute(104, 1));
    assert!(draft.is_full());
}

/// Rates and lags as they are: each goes its own way about its own mean.
fn busy(names: usize) -> Draft {
    let mut draft = Draft::default();
    let mut seed = 7_u64;
    let mut random = move || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as f32 / (1_u64 << 31) as f32
    };
    for minute in 0..BLOCK_MINUTES as i64 {
        let mut lines = Vec::new();
        let about = |mean: f32, random: f32| mean * (0.8 + 0.4 * random);
        for name in 0..names {
            let mean = (name * name % 9_973) as f32;
            let rates = [Metric::RecordsIn, Metric::BytesIn].map(|it| (it, about(mean, random())));
            let topic = format!("team-{}.domain-{}.events-{name}", name % 37, name % 11);
            lines.push((Subject::Topic(topic), rates.to_vec()));
            let of_group = [Metric::Lag, Metric::RecordsOut, Metric::GroupIn];
            let of_group = of_group.map(|it| (it, about(mean, random())));
            let group = format!("reader-{}-of-{name}", name % 53);
            lines.push((Subject::Group(group), of_group.to_vec()));
        }
        draft.add(Minute { minute: 29_000_000 + minute, lines });
    }
    draft
}

#[test]
fn a_thousand_topics_and_groups_fill_the_file_in_so_many_days() {
    let bytes = extents_of(&busy(1_000));
    let blocks_a_day = 24 * 60 / BLOCK_MINUTES as u64;
    let days = FILE_BYTES_MAX / (bytes * blocks_a_day);
    assert_eq!((bytes / 1_024, days), (60, 15), "the module says so");
}

fn extents_of(draft: &Draft) -> u64 {
    (encode(1, draft).unwrap().len() as u64).next_multiple_of(PAGE_BYTES)
}
