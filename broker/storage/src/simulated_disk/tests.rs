use std::io::IoSlice;

use super::*;

fn path(text: &str) -> PathBuf {
    PathBuf::from(text)
}

fn disk_with_file(bytes: &[u8]) -> SimulatedDisk {
    let disk = SimulatedDisk::new(7);
    disk.import([(path("/data/file"), bytes.to_vec())]);
    disk
}

fn open(disk: &SimulatedDisk) -> Arc<dyn File> {
    disk.open(&path("/data/file"), OpenMode::Write).unwrap()
}

fn write(file: &Arc<dyn File>, position: u64, bytes: &[u8]) {
    file.write_at(position, &[IoSlice::new(bytes)]).unwrap();
}

#[test]
fn what_is_written_reads_back_across_pages_and_holes() {
    let disk = disk_with_file(b"");
    let file = open(&disk);
    file.write_at(4090, &[IoSlice::new(b"01234"), IoSlice::new(b"56789")]).unwrap();
    file.set_len(20_000).unwrap();
    let mut buffer = [9; 12];
    assert_eq!(file.read_at(4089, &mut buffer).unwrap(), 12);
    assert_eq!(&buffer, b"\x000123456789\x00");
    assert_eq!(file.read_at(19_995, &mut buffer).unwrap(), 5);
    assert_eq!(file.read_at(20_000, &mut buffer).unwrap(), 0);
    file.set_len(4092).unwrap();
    file.set_len(8192).unwrap();
    assert_eq!(file.read_at(4090, &mut buffer).unwrap(), 12);
    assert_eq!(&buffer, b"01\0\0\0\0\0\0\0\0\0\0", "what was cut off does not come back");
}

#[test]
fn only_synced_bytes_survive_a_power_cut() {
    let disk = disk_with_file(b"old");
    let file = open(&disk);
    write(&file, 0, b"synced");
    file.sync().unwrap();
    write(&file, 6, b" and not");
    disk.restart(CrashMode::LoseUnsynced);
    assert_eq!(disk.contents(&path("/data/file")).unwrap(), b"synced");
    assert!(file.len().is_err(), "files of an earlier life are dead");

    let file = open(&disk);
    write(&file, 6, b" and not");
    disk.restart(CrashMode::Process);
    assert_eq!(disk.contents(&path("/data/file")).unwrap(), b"synced and not");
    disk.restart(CrashMode::LoseUnsynced);
    assert_eq!(disk.contents(&path("/data/file")).unwrap(), b"synced");
}

#[test]
fn an_unsynced_truncation_comes_back_whole() {
    let disk = disk_with_file(&[1; 10_000]);
    open(&disk).set_len(100).unwrap();
    write(&open(&disk), 100, &[2; 50]);
    assert_eq!(disk.contents(&path("/data/file")).unwrap().len(), 150);
    disk.restart(CrashMode::LoseUnsynced);
    assert_eq!(disk.contents(&path("/data/file")).unwrap(), vec![1; 10_000]);
}

#[test]
fn a_torn_write_keeps_loses_and_tears_and_grows_with_zeros() {
    let (mut kept, mut lost, mut torn, mut partial_length) = (0, 0, 0, 0);
    for seed in 0..200 {
        let disk = SimulatedDisk::new(seed);
        disk.import([(path("/data/file"), vec![1; 100])]);
        write(&open(&disk), 100, &[2; 4000]);
        disk.restart(CrashMode::Torn);
        let bytes = disk.contents(&path("/data/file")).unwrap();
        assert!((100..=4100).contains(&bytes.len()));
        assert_eq!(bytes[..100], [1; 100], "what was durable stays");
        assert!(bytes[100..].iter().all(|byte| [0, 2].contains(byte)));
        let twos = bytes.iter().filter(|byte| **byte == 2).count();
        match (bytes.len(), twos) {
            (4100, 4000) => kept += 1,
            (_, 0) => lost += 1,
            (4100, _) => torn += 1,
            _ => partial_length += 1,
        }
    }
    for count in [kept, lost, torn, partial_length] {
        assert!(5 < count, "{kept} kept, {lost} lost, {torn} torn, {partial_length} partly long");
    }
}

#[test]
fn names_are_durable_after_the_directory_is_synced() {
    let disk = disk_with_file(b"old");
    let temporary = disk.open(&path("/data/new"), OpenMode::CreateNew).unwrap();
    write(&temporary, 0, b"new");
    temporary.sync().unwrap();
    disk.rename(&path("/data/new"), &path("/data/file")).unwrap();
    disk.restart(CrashMode::LoseUnsynced);
    assert_eq!(disk.contents(&path("/data/file")).unwrap(), b"old");
    assert_eq!(disk.export().len(), 1);

    let temporary = disk.open(&path("/data/new"), OpenMode::CreateNew).unwrap();
    write(&temporary, 0, b"new");
    disk.rename(&path("/data/new"), &path("/data/file")).unwrap();
    disk.sync_directory(&path("/data")).unwrap();
    disk.restart(CrashMode::LoseUnsynced);
    assert_eq!(disk.contents(&path("/data/file")).unwrap(), b"", "the name without the bytes");
}

#[test]
fn a_directory_that_is_not_synced_is_lost_with_all_it_holds() {
    let disk = disk_with_file(b"");
    disk.create_directory(&path("/data/a/b")).unwrap();
    let file = disk.open(&path("/data/a/b/c"), OpenMode::Create).unwrap();
    file.sync().unwrap();
    disk.sync_directory(&path("/data/a/b")).unwrap();
    disk.sync_directory(&path("/data/a")).unwrap();
    disk.restart(CrashMode::LoseUnsynced);
    assert!(!disk.exists(&path("/data/a")).unwrap());

    disk.create_directory(&path("/data/a")).unwrap();
    disk.sync_file_system(&path("/data")).unwrap();
    disk.restart(CrashMode::LoseUnsynced);
    assert!(disk.exists(&path("/data/a")).unwrap());
}

#[test]
fn a_failed_sync_makes_the_next_one_lie() {
    let disk = disk_with_file(b"old");
    let file = open(&disk);
    disk.fail(Call::Sync, 1, Fault::Eio);
    write(&file, 0, b"new");
    assert_eq!(file.sync().unwrap_err().code, Some(5));
    file.sync().unwrap();
    disk.restart(CrashMode::LoseUnsynced);
    assert_eq!(disk.contents(&path("/data/file")).unwrap(), b"old");
}

#[test]
fn a_full_disk_takes_a_part_of_a_write() {
    let disk = disk_with_file(b"x");
    disk.set_quota(Some(3 * 4096));
    let file = open(&disk);
    let refused = file.write_at(4000, &[IoSlice::new(&[1; 20_000])]).unwrap_err();
    assert_eq!((refused.code, refused.kind), (Some(28), io::ErrorKind::StorageFull));
    assert_eq!(file.len().unwrap(), 3 * 4096);
    assert_eq!(disk.space(&path("/data")).unwrap().usable_bytes, 0);
    file.set_len(1).unwrap();
    write(&file, 4000, &[1; 4096]);
}

#[test]
fn the_nth_call_fails_and_a_read_flips_one_bit() {
    let disk = disk_with_file(&[0; 64]);
    let file = open(&disk);
    disk.fail(Call::Read, 2, Fault::FlippedBit);
    let mut buffer = [0; 64];
    let mut flipped = || {
        file.read_at(0, &mut buffer).unwrap();
        buffer.iter().map(|byte| byte.count_ones()).sum::<u32>()
    };
    assert_eq!([flipped(), flipped(), flipped()], [0, 1, 0]);
    disk.flip_bit(&path("/data/file"), 3, 7);
    assert_eq!(flipped(), 1);
    assert_eq!(disk.count(Call::Read), 4);
}

#[test]
fn a_crash_comes_after_the_planned_change_and_stays() {
    let disk = disk_with_file(b"");
    let before = disk.changes();
    disk.crash_after(2);
    let file = open(&disk);
    write(&file, 0, b"12345678");
    file.sync().unwrap();
    assert!(!disk.is_crashed());
    file.write_at(8, &[IoSlice::new(b"abcdefgh")]).unwrap_err();
    assert!(disk.is_crashed());
    assert!(disk.list(&path("/data")).is_err(), "all later calls fail");
    assert_eq!(disk.changes() - before, 2);
    disk.restart(CrashMode::Process);
    let bytes = disk.contents(&path("/data/file")).unwrap();
    assert!(b"12345678abcdefgh".starts_with(&bytes[..]) && 8 <= bytes.len());
    assert_eq!(disk.recent_calls().last().unwrap(), "write /data/file 8+8");
}

#[test]
fn the_same_seed_goes_wrong_the_same_way() {
    let run = |seed| {
        let disk = SimulatedDisk::new(seed);
        disk.import([(path("/data/file"), vec![1; 9000])]);
        for round in 0..20 {
            write(&open(&disk), round * 700, &[round as u8; 1500]);
            disk.set_wall(Timestamp(round as i64));
            disk.open(&path(&format!("/data/{round}")), OpenMode::Create).unwrap();
        }
        disk.restart(CrashMode::Torn);
        disk.export()
    };
    assert_eq!(run(3), run(3));
    assert_ne!(run(3), run(4));
}
