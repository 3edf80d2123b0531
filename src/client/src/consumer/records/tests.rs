//! What a reader sees of batches, one rule for each test.

use std::ops::ControlFlow;

use bytes::Bytes;
use kt_protocol::records::control::ControlType;
use kt_protocol::records::{BatchBuilder, Compression, NewRecord};
use kt_protocol::types::{Offset, ProducerEpoch, ProducerId, Timestamp, TopicPartition};
use proptest::prelude::*;

use super::{Aborted, FetchedRecords, ReadError};

fn batch(builder: BatchBuilder, base: i64, values: &[&str]) -> Vec<u8> {
    let mut builder = builder.base_offset(Offset(base));
    for value in values {
        let value = Some(value.as_bytes());
        builder.append(NewRecord { timestamp: Timestamp(5), value, ..Default::default() }).unwrap();
    }
    builder.build().to_vec()
}

fn plain(base: i64, values: &[&str]) -> Vec<u8> {
    batch(BatchBuilder::new(), base, values)
}

fn in_transaction(producer: i64, base: i64, values: &[&str]) -> Vec<u8> {
    let builder = BatchBuilder::new().producer(ProducerId(producer), ProducerEpoch(0), 0);
    batch(builder.transactional(), base, values)
}

fn marker(producer: i64, base: i64, kind: ControlType) -> Vec<u8> {
    let mut builder = BatchBuilder::new()
        .producer(ProducerId(producer), ProducerEpoch(0), -1)
        .transactional()
        .base_offset(Offset(base));
    builder.append_control(Timestamp(5), kind, &[0; 6]).unwrap();
    builder.build().to_vec()
}

fn fetched(bytes: Vec<u8>, position: i64, aborted: &[(i64, i64)]) -> FetchedRecords {
    let aborted = aborted.iter().map(|(producer, first)| Aborted {
        producer_id: ProducerId(*producer),
        first_offset: Offset(*first),
    });
    let partition = TopicPartition::new("orders", 0);
    let bytes = Bytes::from(bytes);
    FetchedRecords::new(partition, &bytes, Offset(position), Offset(99), aborted.collect()).unwrap()
}

fn seen(records: &FetchedRecords) -> Vec<(i64, String)> {
    let mut seen = Vec::new();
    let end = records.for_each::<()>(|it| {
        let value = String::from_utf8_lossy(it.value.unwrap_or_default()).into_owned();
        seen.push((it.offset.0, value));
        ControlFlow::Continue(())
    });
    assert_eq!(end.unwrap(), ControlFlow::Continue(()));
    seen
}

fn offsets(records: &FetchedRecords) -> Vec<i64> {
    seen(records).into_iter().map(|it| it.0).collect()
}

#[test]
fn reading_begins_in_the_middle_of_a_batch() {
    let records = fetched([plain(10, &["a", "b", "c"]), plain(13, &["d"])].concat(), 11, &[]);
    let expected = [(11, "b"), (12, "c"), (13, "d")];
    assert_eq!(seen(&records), expected.map(|(offset, value)| (offset, value.to_owned())));
    assert_eq!(records.next_offset(), Offset(14));
}

#[test]
fn a_batch_that_is_cut_off_comes_again() {
    let whole = plain(0, &["a"]);
    let mut bytes = [whole.clone(), plain(1, &["b"])].concat();
    bytes.truncate(whole.len() + 65);
    let records = fetched(bytes, 0, &[]);
    assert_eq!(offsets(&records), [0]);
    assert_eq!(records.next_offset(), Offset(1));
    assert!(fetched(whole[..whole.len() - 1].to_vec(), 0, &[]).is_empty());
}

#[test]
fn control_records_are_skipped_and_passed() {
    let bytes = [in_transaction(7, 0, &["a"]), marker(7, 1, ControlType::Commit)].concat();
    let records = fetched(bytes, 0, &[]);
    assert_eq!(offsets(&records), [0]);
    assert_eq!(records.next_offset(), Offset(2));
}

#[test]
fn aborted_transactions_are_hidden_and_no_others() {
    let bytes = [
        in_transaction(7, 0, &["gone"]),
        in_transaction(8, 1, &["kept"]),
        plain(2, &["plain"]),
        marker(7, 3, ControlType::Abort),
        in_transaction(7, 4, &["later"]),
        marker(8, 5, ControlType::Commit),
        in_transaction(8, 6, &["gone too"]),
    ]
    .concat();
    assert_eq!(offsets(&fetched(bytes.clone(), 0, &[(7, 0), (8, 6)])), [1, 2, 4]);
    assert_eq!(offsets(&fetched(bytes, 0, &[])), [0, 1, 2, 4, 6]);
}

#[test]
fn a_transaction_that_began_before_the_fetch_is_hidden_too() {
    let bytes = [in_transaction(7, 10, &["gone"]), marker(7, 11, ControlType::Abort)].concat();
    assert_eq!(offsets(&fetched(bytes, 10, &[(7, 2)])), [] as [i64; 0]);
}

/// A consumer that stopped between the records of a transaction and its marker goes on there.
#[test]
fn a_marker_that_comes_first_ends_what_began_before_the_fetch() {
    let bytes = [
        marker(7, 10, ControlType::Abort),
        in_transaction(7, 20, &["kept"]),
        marker(7, 21, ControlType::Commit),
    ]
    .concat();
    let mut records = fetched(bytes, 10, &[(7, 0)]);
    assert_eq!(offsets(&records), [20]);
    assert_eq!(by_cursor(&records).len(), 1);
    assert_eq!(offsets(&records.take_front(5).unwrap()), [20]);
}

/// They come in the order in which they ended.
#[test]
fn aborted_transactions_may_be_told_in_any_order() {
    let bytes = [
        in_transaction(7, 0, &["gone"]),
        in_transaction(8, 50, &["gone too"]),
        marker(8, 60, ControlType::Abort),
        in_transaction(8, 61, &["kept"]),
        marker(7, 100, ControlType::Abort),
    ]
    .concat();
    assert_eq!(offsets(&fetched(bytes, 0, &[(8, 50), (7, 0)])), [61]);
}

#[test]
fn markers_that_a_reader_has_passed_count() {
    let bytes = [
        in_transaction(7, 0, &["gone"]),
        marker(7, 1, ControlType::Abort),
        in_transaction(7, 2, &["kept"]),
    ]
    .concat();
    let records = fetched(bytes, 0, &[(7, 0)]).from(Offset(2));
    assert_eq!(offsets(&records), [2]);
    assert_eq!(by_cursor(&records).len(), 1);
}

#[test]
fn a_batch_may_end_where_offsets_end() {
    let mut bytes = plain(0, &["a", "b"]);
    bytes[..8].copy_from_slice(&(i64::MAX - 1).to_be_bytes());
    let mut records = fetched(bytes, 0, &[]);
    assert_eq!(records.next_offset(), Offset(i64::MAX));
    assert_eq!(offsets(&records), [i64::MAX - 1]);
    let front = records.take_front(5).unwrap();
    assert_eq!((offsets(&front), front.next_offset()), (vec![i64::MAX - 1], Offset(i64::MAX)));
}

#[test]
fn compressed_batches_are_read_and_damage_is_named() {
    let mut bytes = batch(BatchBuilder::new().compressed(Compression::Zstd), 0, &["a", "b"]);
    assert_eq!(offsets(&fetched(bytes.clone(), 0, &[])), [0, 1]);
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    let partition = TopicPartition::new("orders", 0);
    let damaged = FetchedRecords::new(partition, &bytes.into(), Offset(0), Offset(9), Vec::new());
    assert_eq!(damaged.unwrap_err(), ReadError::Checksum(Offset(1)));
}

#[test]
fn a_reader_may_break_off() {
    let records = fetched(plain(0, &["a", "b", "c"]), 0, &[]);
    let mut count = 0;
    let end = records.for_each(|it| {
        count += 1;
        if it.offset == Offset(1) {
            ControlFlow::Break("enough")
        } else {
            ControlFlow::Continue(())
        }
    });
    assert_eq!((end.unwrap(), count), (ControlFlow::Break("enough"), 2));
}

#[test]
fn producers_and_sequences_are_told() {
    let records = fetched(in_transaction(7, 5, &["a", "b"]), 5, &[]);
    let mut sequences = Vec::new();
    let _ = records.for_each::<()>(|it| {
        sequences.push(it.producer.map(|it| (it.id.0, it.sequence)));
        ControlFlow::Continue(())
    });
    assert_eq!(sequences, [Some((7, 0)), Some((7, 1))]);
}

/// Batches of every kind that a reader sees, with what it shows of each.
fn many_kinds() -> Vec<u8> {
    let texts: Vec<String> = (0..40).map(|it| format!("value {it}")).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let mut sparse = BatchBuilder::new().base_offset(Offset(100));
    for offset in [103, 107, 108, 120] {
        let value = Some(&b"sparse"[..]);
        sparse.append_at(Offset(offset), NewRecord { value, ..Default::default() }).unwrap();
    }
    [
        plain(0, &texts[..10]),
        batch(BatchBuilder::new().compressed(Compression::Zstd), 10, &texts),
        in_transaction(7, 50, &["gone", "gone too"]),
        marker(7, 52, ControlType::Abort),
        batch(BatchBuilder::new().compressed(Compression::Lz4), 53, &texts[..3]),
        sparse.build().to_vec(),
        plain(130, &texts),
    ]
    .concat()
}

fn by_cursor(records: &FetchedRecords) -> Vec<(i64, String)> {
    let mut seen = Vec::new();
    let mut cursor = records.cursor();
    while let Some(it) = cursor.next().unwrap() {
        let value = String::from_utf8_lossy(it.value.unwrap_or_default()).into_owned();
        seen.push((it.offset.0, value));
    }
    seen
}

proptest! {
    #[test]
    fn pieces_are_the_whole_wherever_it_is_cut(
        position in 0..175_i64,
        sizes in proptest::collection::vec(1..60_usize, 1..8),
    ) {
        let mut records = fetched(many_kinds(), position, &[(7, 50)]);
        let whole = seen(&records);
        prop_assert_eq!(&by_cursor(&records), &whole);
        let next_offset = records.next_offset();
        let mut pieces = Vec::new();
        let mut reached = Offset(position);
        for size in sizes.iter().cycle() {
            if records.is_empty() {
                break;
            }
            let front = records.take_front(*size).unwrap();
            prop_assert_eq!(front.position(), reached);
            reached = front.next_offset();
            let piece = seen(&front);
            prop_assert!(piece.len() <= *size);
            prop_assert_eq!(&by_cursor(&front), &piece);
            pieces.extend(piece);
        }
        prop_assert_eq!(pieces, whole);
        prop_assert_eq!(reached, next_offset);
    }
}

#[test]
fn a_batch_is_cut_at_the_record_that_was_asked_for() {
    let mut records = fetched(plain(10, &["a", "b", "c", "d"]), 11, &[]);
    let front = records.take_front(2).unwrap();
    assert_eq!((offsets(&front), front.next_offset()), (vec![11, 12], Offset(13)));
    assert_eq!((offsets(&records), records.position()), (vec![13], Offset(13)));
}
