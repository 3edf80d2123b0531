use std::path::{Path, PathBuf};
use std::sync::Arc;

use kt_protocol::records::{BatchBuilder, NewRecord};

use super::*;
use crate::disk::{Disk, OpenMode};
use crate::simulated_disk::SimulatedDisk;

fn batch(offset: i64, value: &[u8]) -> Vec<u8> {
    let mut batch = BatchBuilder::new().base_offset(Offset(offset));
    batch.append(NewRecord { value: Some(value), ..NewRecord::default() }).unwrap();
    batch.build().to_vec()
}

fn file(bytes: &[u8]) -> Arc<dyn File> {
    let disk = SimulatedDisk::new(1);
    disk.import([(PathBuf::from("/x.log"), bytes.to_vec())]);
    disk.open(Path::new("/x.log"), OpenMode::Read).unwrap()
}

fn found(bytes: &[u8], from: u64, patience: u64) -> Option<u64> {
    let file = file(bytes);
    IntactSearch::new(&*file, Offset(0), patience).next(from, bytes.len() as u64).unwrap()
}

#[test]
fn a_batch_is_found_wherever_it_begins_and_ends() {
    for before in [0, 1, 60, 61, 900, 1023, 1024, 1025, 5000] {
        for size in [0, 1, 900, 5000] {
            let mut bytes = vec![7; before];
            bytes.extend_from_slice(&batch(3, &vec![b'x'; size]));
            assert_eq!(found(&bytes, 0, 0), Some(before as u64), "{before} {size}");
            assert_eq!(found(&bytes, before as u64 + 1, 0), None, "{before} {size}");
            bytes.extend_from_slice(&[7; 100]);
            assert_eq!(found(&bytes, 0, 0), Some(before as u64), "{before} {size}, not at the end");
            bytes[before + 30] ^= 1;
            assert_eq!(found(&bytes, 0, 0), None, "{before} {size}, damaged");
        }
    }
}

#[test]
fn a_batch_in_a_record_of_another_is_that_other_one_while_there_is_patience() {
    let mut value = batch(5, b"inside");
    value.extend_from_slice(&[b'x'; 3000]);
    let bytes = batch(3, &value);
    assert_eq!(found(&bytes, 0, 1 << 20), Some(0));
    assert!(0 < found(&bytes, 0, 0).expect("the one inside"));
}

#[test]
fn so_many_candidates_that_some_are_dropped_hide_no_short_batch() {
    // Every byte of twos begins a head of 32 megabytes; the offsets have to be as high.
    let least = Offset(0x0202_0202_0000_0000);
    let mut bytes = vec![2; 34 << 20];
    let at = 100_000;
    let inside = batch(0x0202_0202_0202_0202, b"intact");
    bytes[at..at + inside.len()].copy_from_slice(&inside);
    let file = file(&bytes);
    let next = IntactSearch::new(&*file, least, 0).next(0, bytes.len() as u64).unwrap();
    assert_eq!(next, Some(at as u64));
}
