//! The file as a ring: what is found, what is written over, and what a crash leaves.

use proptest::prelude::*;

use super::super::block::encode;
use super::super::file::Scanned;
use super::super::simulated::SimulatedMedium;
use super::*;

const CLUSTER: &str = "MkU3OEVBNTcwNTJENDM2Qk";
/// Room for 7 pages of blocks.
const SMALL: u64 = 8 * PAGE_BYTES;

fn opened(medium: &SimulatedMedium) -> KeptFile<SimulatedMedium> {
    KeptFile::limited(medium.clone(), SMALL).unwrap()
}

fn scanned(medium: &SimulatedMedium) -> Scanned {
    opened(medium).scan().unwrap()
}

fn numbers(medium: &SimulatedMedium) -> Vec<u64> {
    scanned(medium).blocks.iter().map(|it| it.number).collect()
}

/// A file with so many blocks of one or two pages.
fn filled(blocks: u64) -> SimulatedMedium {
    let medium = SimulatedMedium::default();
    let mut file = opened(&medium);
    file.claim(CLUSTER).unwrap();
    for number in 1..=blocks {
        file.append(&of_number(number)).unwrap();
    }
    medium
}

fn of_number(number: u64) -> Draft {
    let lines = if number.is_multiple_of(3) { 700 } else { 300 };
    draft(29_000_000 + i64::try_from(number).unwrap() * 5, lines)
}

/// Whether all blocks of a file say what was written under their numbers.
fn is_true(medium: &SimulatedMedium) -> bool {
    let file = opened(medium);
    scanned(medium).blocks.iter().all(|it| {
        let block = file.block(it).unwrap();
        block.is_some_and(|block| block.first == of_number(it.number).first)
    })
}

#[test]
fn it_grows_as_it_fills_and_then_the_oldest_make_room() {
    let mut text = String::new();
    for blocks in 0..=12 {
        let medium = filled(blocks);
        assert!(medium.is_synced() && is_true(&medium));
        let pages = medium.bytes().len().div_ceil(4_096);
        text += &format!("{blocks:>2} written, {pages} pages: {:?}\n", numbers(&medium));
    }
    insta::assert_snapshot!(text, @"
     0 written, 1 pages: []
     1 written, 2 pages: [1]
     2 written, 3 pages: [1, 2]
     3 written, 6 pages: [1, 2, 3]
     4 written, 7 pages: [1, 2, 3, 4]
     5 written, 8 pages: [1, 2, 3, 4, 5]
     6 written, 8 pages: [4, 5, 6]
     7 written, 8 pages: [4, 5, 6, 7]
     8 written, 8 pages: [4, 5, 6, 7, 8]
     9 written, 8 pages: [4, 5, 7, 8, 9]
    10 written, 8 pages: [4, 5, 8, 9, 10]
    11 written, 8 pages: [4, 5, 9, 10, 11]
    12 written, 8 pages: [4, 5, 10, 11, 12]
    ");
}

#[test]
fn another_start_goes_on_behind_the_last_block() {
    let whole = filled(9);
    let medium = filled(4);
    for number in 5..=9 {
        let mut file = opened(&medium);
        file.claim(CLUSTER).unwrap();
        assert_eq!(file.scan().unwrap().damaged, 0);
        file.append(&of_number(number)).unwrap();
    }
    assert!(medium.bytes() == whole.bytes());
}

#[test]
fn a_write_that_is_cut_off_at_any_byte_loses_what_it_was_written_over_at_most() {
    for before in [0, 1, 6, 7, 8] {
        let whole = filled(before);
        let old = numbers(&whole);
        let next = filled(before + 1);
        // What the next block leaves of the old ones when it is written whole.
        let kept: Vec<u64> = numbers(&next).into_iter().filter(|it| *it <= before).collect();
        let length = encode(before + 1, &of_number(before + 1)).unwrap().len();
        for cut in (0..=length).step_by(if before == 8 { 1 } else { 97 }) {
            let medium = SimulatedMedium::of(&whole.bytes());
            let mut file = opened(&medium);
            file.scan().unwrap();
            medium.lose_power_after(cut);
            assert!(file.append(&of_number(before + 1)).is_err());
            let found = numbers(&medium);
            assert_eq!(found.contains(&(before + 1)), cut == length, "{cut} of {length}");
            let lost: Vec<&u64> = old.iter().filter(|it| !found.contains(it)).collect();
            assert!(lost.iter().all(|it| !kept.contains(it)), "{lost:?} lost at {cut}");
            // And it goes on.
            let medium = SimulatedMedium::of(&medium.bytes());
            let mut file = opened(&medium);
            let last = file.scan().unwrap().blocks.last().map_or(0, |it| it.number);
            file.append(&of_number(last + 1)).unwrap();
            assert_eq!(numbers(&medium).last(), Some(&(last + 1)));
            assert!(is_true(&medium));
        }
    }
}

#[test]
fn the_first_write_of_all_may_be_cut_off() {
    for cut in 0..=4_096 {
        let medium = SimulatedMedium::default();
        medium.lose_power_after(cut);
        let claimed = opened(&medium).claim(CLUSTER);
        assert!(claimed.is_err(), "{cut}: the power is gone before the sync");
        let medium = SimulatedMedium::of(&medium.bytes());
        let mut file = opened(&medium);
        file.claim(CLUSTER).unwrap();
        file.append(&of_number(1)).unwrap();
        assert_eq!(numbers(&medium), [1]);
    }
}

#[test]
fn a_flipped_bit_costs_one_block() {
    let medium = filled(9);
    let old = numbers(&medium);
    let bytes = medium.bytes();
    for at in 4_096..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (at % 8);
        let medium = SimulatedMedium::of(&flipped);
        let found = scanned(&medium);
        assert!(old.len() <= found.blocks.len() + 1, "{at}");
        assert!(found.damaged <= 1);
        if at % 61 == 0 {
            assert!(is_true(&medium));
        }
    }
}

#[test]
fn a_full_disk_is_told_and_harms_nothing() {
    let medium = filled(3);
    medium.has_room(medium.bytes().len() + 100);
    let mut file = opened(&medium);
    file.scan().unwrap();
    let error = file.append(&of_number(4)).unwrap_err();
    assert!(matches!(&error, KeptError::Io(it) if it.kind() == std::io::ErrorKind::StorageFull));
    assert_eq!(numbers(&medium), [1, 2, 3]);
    assert!(is_true(&medium));
}

/// The first page of a block of ours, which says other things of itself.
fn page(number: u64, payload: u32) -> Vec<u8> {
    let mut page = encode(1, &of_number(1)).unwrap();
    page.resize(PAGE_BYTES as usize, 0);
    page[4..12].copy_from_slice(&number.to_be_bytes());
    page[24..28].copy_from_slice(&payload.to_be_bytes());
    let sum = kt_protocol::records::crc32c(&page[..40]);
    page[40..44].copy_from_slice(&sum.to_be_bytes());
    page
}

#[test]
fn blocks_that_say_to_be_long_are_not_read_again_and_again() {
    let medium = filled(0);
    let mut bytes = medium.bytes();
    let pages = 4_000;
    bytes.extend(page(1, 8 << 20).repeat(pages));
    let medium = SimulatedMedium::of(&bytes);
    let found = KeptFile::open(medium.clone()).unwrap().scan().unwrap();
    assert_eq!((found.blocks.len(), found.damaged), (0, pages));
    let least = bytes.len() as u64 + FILE_BYTES_MAX;
    assert!(medium.bytes_read() < least + (16 << 20), "{}", medium.bytes_read());
}

#[test]
fn a_number_without_a_next_one_is_none_of_ours() {
    let medium = filled(2);
    let mut bytes = medium.bytes();
    let whole = encode(1, &of_number(1)).unwrap();
    let payload = u32::try_from(whole.len() - 44).unwrap();
    bytes.resize(bytes.len().next_multiple_of(PAGE_BYTES as usize), 0);
    bytes.extend(page(u64::MAX, payload));
    let medium = SimulatedMedium::of(&bytes);
    let mut file = opened(&medium);
    assert_eq!(numbers(&medium), [1, 2]);
    file.scan().unwrap();
    file.append(&of_number(3)).unwrap();
    assert_eq!(numbers(&medium), [1, 2, 3]);
}

#[test]
fn what_is_not_ours_is_never_written() {
    let mut text = String::new();
    let mut newer = filled(1).bytes();
    newer[11] = 2;
    let sum = kt_protocol::records::crc32c(&newer[..4_092]).to_be_bytes();
    newer[4_092..4_096].copy_from_slice(&sum);
    let mut damaged = filled(1).bytes();
    damaged[20] ^= 1;
    let all = [b"all my work".to_vec(), newer, damaged, vec![0; 5_000]];
    for bytes in all {
        let medium = SimulatedMedium::of(&bytes);
        let error = KeptFile::open(medium.clone()).unwrap_err();
        text += &format!("{error}\n");
        assert!(medium.writes() == 0 && medium.bytes() == bytes);
    }
    let medium = filled(2);
    let before = medium.bytes();
    let error = opened(&medium).claim("another").unwrap_err();
    text += &format!("{error}\n");
    assert!(medium.bytes() == before);
    insta::assert_snapshot!(text, @"
    it is no history of kt, and is left as it is
    a later kt has written it (version 2); it is left as it is
    its first 4096 bytes are damaged; it is left as it is
    it is no history of kt, and is left as it is
    it holds the history of cluster MkU3OEVBNTcwNTJENDM2Qk, and this is another; it is left as it is
    ");
}

#[test]
fn what_is_too_large_for_the_ring_is_refused() {
    let medium = filled(1);
    let mut file = opened(&medium);
    file.scan().unwrap();
    let error = file.append(&draft(1, 4_000)).unwrap_err();
    assert!(matches!(error, KeptError::TooLarge(5)));
    assert_eq!(numbers(&medium), [1]);
}

proptest! {
    /// A loss of power leaves some of the sectors of a write, in any order.
    #[test]
    fn any_sectors_of_a_write_may_be_missing(before in 0_u64..9, mask: u32) {
        let whole = filled(before);
        let next = filled(before + 1).bytes();
        let kept: Vec<u64> = numbers(&filled(before + 1));
        let mut bytes = whole.bytes();
        bytes.resize(next.len().max(bytes.len()), 0);
        for (index, (old, new)) in bytes.chunks_mut(512).zip(next.chunks(512)).enumerate() {
            if mask >> (index % 32) & 1 == 1 {
                old[..new.len()].copy_from_slice(new);
            }
        }
        let medium = SimulatedMedium::of(&bytes);
        let found = numbers(&medium);
        let lost = kept.iter().filter(|it| **it <= before && !found.contains(it)).count();
        prop_assert_eq!(lost, 0, "{:?} of {:?}", found, kept);
        prop_assert!(is_true(&medium));
    }
}
