use std::io::IoSlice;
use std::ops::Range;
use std::os::fd::BorrowedFd;
use std::path::Path;

use kt_protocol::records::{BatchBuilder, NewRecord};
use kt_protocol::types::Timestamp;

use super::*;

/// A file in memory, of which some bytes cannot be read.
struct Bytes {
    bytes: Vec<u8>,
    unreadable: Range<u64>,
}

impl File for Bytes {
    fn len(&self) -> Result<u64, DiskError> {
        Ok(self.bytes.len() as u64)
    }

    fn read_at(&self, position: u64, buffer: &mut [u8]) -> Result<usize, DiskError> {
        let rest = self.bytes.get(position as usize..).unwrap_or_default();
        let length = rest.len().min(buffer.len());
        let asked = position..position + length as u64;
        if asked.start < self.unreadable.end && self.unreadable.start < asked.end {
            let error = std::io::Error::from_raw_os_error(5);
            return Err(DiskError::new("read", Path::new("/x.log"), &error));
        }
        buffer[..length].copy_from_slice(&rest[..length]);
        Ok(length)
    }

    fn write_at(&self, _: u64, _: &[IoSlice<'_>]) -> Result<(), DiskError> {
        panic!("inspection never writes")
    }

    fn set_len(&self, _: u64) -> Result<(), DiskError> {
        panic!("inspection never truncates")
    }

    fn sync(&self) -> Result<(), DiskError> {
        panic!("inspection never syncs")
    }

    fn read_ahead(&self, _: u64, _: u64) {}

    fn modified(&self) -> Result<Timestamp, DiskError> {
        Ok(Timestamp(0))
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}

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
    let file = Bytes { bytes, unreadable };
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
