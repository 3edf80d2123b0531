use std::ops::Range;

use kt_protocol::records::{BatchBuilder, NewRecord};

use super::*;
use crate::inspect::counting_file::CountingFile;

fn batch(offset: i64, bytes: usize) -> Vec<u8> {
    let value = vec![b'x'; bytes];
    let mut batch = BatchBuilder::new().base_offset(Offset(offset));
    batch.append(NewRecord { value: Some(&value), ..NewRecord::default() }).unwrap();
    batch.build().to_vec()
}

/// `count` batches of one record each.
fn log(count: i64, bytes: usize) -> Vec<u8> {
    (0..count).flat_map(|offset| batch(offset, bytes)).collect()
}

fn walked(bytes: Vec<u8>, unreadable: Range<u64>) -> (Vec<i64>, Vec<Fault>, Vec<String>) {
    let file = CountingFile::new(bytes, unreadable);
    let mut walk = LogWalk::new(&file, Offset(0), None).unwrap();
    let (mut offsets, mut faults, mut wrong) = (Vec::new(), Vec::new(), Vec::new());
    loop {
        match walk.next_step() {
            Step::Batch(batch) => {
                assert_eq!(batch.bytes.unwrap().len(), batch.header.size());
                offsets.push(batch.header.base_offset().0);
                wrong.extend(batch.fault);
            }
            Step::Fault(fault) => faults.push(fault),
            Step::End => return (offsets, faults, wrong),
        }
    }
}

#[test]
fn a_whole_log_is_walked_whatever_the_size_of_its_batches() {
    for bytes in [0, 100, 5000, (1 << 20) + 7] {
        let (offsets, faults, wrong) = walked(log(5, bytes), 0..0);
        assert_eq!((offsets, faults.len(), wrong.len()), (vec![0, 1, 2, 3, 4], 0, 0));
    }
}

#[test]
fn a_torn_tail_is_told_from_damage() {
    let whole = log(3, 50);
    let size = (whole.len() / 3) as u64;
    for cut in 1..size {
        let torn = whole[..whole.len() - cut as usize].to_vec();
        let (offsets, faults, _) = walked(torn, 0..0);
        assert_eq!(offsets, [0, 1]);
        assert_eq!((faults[0].kind, faults[0].position), (FaultKind::Torn, 2 * size));
    }
    let mut zeros = whole.clone();
    zeros.extend_from_slice(&[0; 5000]);
    let (_, faults, _) = walked(zeros, 0..0);
    assert_eq!((faults[0].kind, faults[0].position), (FaultKind::Torn, 3 * size));
    let mut garbage = whole;
    garbage.extend_from_slice(&[7; 5000]);
    let (_, faults, _) = walked(garbage, 0..0);
    assert_eq!((faults[0].kind, faults[0].position), (FaultKind::Damaged, 3 * size));
}

#[test]
fn every_flipped_bit_is_named_and_the_rest_is_read() {
    let whole = log(4, 20);
    let size = whole.len() / 4;
    for bit in 0..whole.len() * 8 {
        let mut bytes = whole.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let (offsets, faults, wrong) = walked(bytes, 0..0);
        let (batch, at) = (bit / 8 / size, bit / 8 % size);
        // No checksum covers offset and epoch; an epoch that only grows is no fault, nor is an
        // offset that leaves a gap with nothing behind it.
        let may_be_hidden = at < 8 && batch == 3 || (12..16).contains(&at);
        let found = faults.len() + wrong.len();
        assert!(found != 0 || may_be_hidden, "bit {bit} was not found");
        assert!(found <= 1 || at < 16, "bit {bit}: {faults:?} {wrong:?}");
        assert!(3 <= offsets.len(), "bit {bit}: {offsets:?}");
        for fault in faults {
            assert_eq!(fault.position as usize, batch * size, "bit {bit}");
        }
    }
}

#[test]
fn what_cannot_be_read_is_named_and_the_rest_is_read() {
    let (bytes, size) = (log(100, 1000), log(1, 1000).len() as u64);
    let (offsets, faults, _) = walked(bytes, 20_000..20_010);
    let [fault] = &faults[..] else { panic!("{faults:?}") };
    assert_eq!((fault.kind, fault.position), (FaultKind::Unreadable, 16_384));
    assert!(fault.reason.contains("os error"), "{}", fault.reason);
    // The batches that touch the block are lost, and no others.
    let lost = (16_384 / size) as i64..=(20_479 / size) as i64;
    let expected: Vec<i64> = (0..100).filter(|it| !lost.contains(it)).collect();
    assert_eq!(offsets, expected);
}

/// A head that claims all bytes from `position` to `end`.
fn greedy_head(position: usize, end: usize) -> Vec<u8> {
    let mut head = batch(5, 0)[..BATCH_HEADER_SIZE].to_vec();
    // Not quite all: a length that leads to the end is believed.
    let length = (end - position - 12 - 1) as u32;
    head[8..12].copy_from_slice(&length.to_be_bytes());
    head
}

/// Heads that all claim the rest of the file, with `every` of them to one intact batch.
fn greedy_log(bytes: usize, every: usize) -> (Vec<u8>, Vec<i64>) {
    let (mut log, mut offsets) = (Vec::new(), Vec::new());
    while log.len() + 4000 < bytes {
        for _ in 0..every {
            let head = greedy_head(log.len(), bytes);
            log.extend_from_slice(&head);
        }
        let offset = 10 + offsets.len() as i64;
        log.extend_from_slice(&batch(offset, 10));
        offsets.push(offset);
    }
    log.resize(bytes, 7);
    (log, offsets)
}

#[test]
fn heads_that_claim_the_rest_of_the_file_are_not_summed_up_each() {
    for every in [1, 2, 50] {
        let (bytes, expected) = greedy_log(2 << 20, every);
        let length = bytes.len() as u64;
        let file = CountingFile::new(bytes, 0..0);
        let mut walk = LogWalk::new(&file, Offset(0), None).unwrap();
        let mut offsets = Vec::new();
        loop {
            match walk.next_step() {
                Step::Batch(batch) if batch.is_intact => offsets.push(batch.header.base_offset().0),
                Step::Batch(_) | Step::Fault(_) => {}
                Step::End => break,
            }
        }
        assert!(offsets == expected, "every {every}: {} of {}", offsets.len(), expected.len());
        let read = file.bytes_read();
        assert!(read < 16 * length, "{every}: {read} bytes of a file of {length} were read");
    }
}

#[test]
fn short_damage_between_batches_is_read_over_once() {
    let mut bytes = Vec::new();
    for offset in 0..20_000 {
        bytes.extend_from_slice(&batch(offset, 10));
        bytes.extend_from_slice(&[[0; 7], [9; 7]][offset as usize % 2]);
    }
    let length = bytes.len() as u64;
    let file = CountingFile::new(bytes, 0..0);
    let mut walk = LogWalk::new(&file, Offset(0), None).unwrap();
    let (mut batches, mut faults) = (0, 0);
    loop {
        match walk.next_step() {
            Step::Batch(_) => batches += 1,
            Step::Fault(_) => faults += 1,
            Step::End => break,
        }
    }
    assert_eq!((batches, faults), (20_000, 20_000));
    assert!(file.bytes_read() < 8 * length, "{} bytes of {length} were read", file.bytes_read());
}
