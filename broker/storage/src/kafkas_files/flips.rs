//! A flipped bit in every class of the files that Apache Kafka wrote: it is named with its file and
//! place, or nothing could notice it.
//!
//! What nothing can notice: a batch's base offset and leader epoch stand under no checksum, and
//! only their order tells. Of an aborted transaction the log has no trace of its first offset and
//! of the last stable offset. Texts have no checksum at all: a digit or letter may become another.

use kt_protocol::types::Offset;

use super::*;
use crate::SmallFileError;
use crate::inspect::{self, IndexFault, LogWalk, Step};

/// Bits of each file: all of a small one, else about so many, apart by a prime.
const BITS: usize = 1500;
/// Files of each class, the largest ones.
const FILES: usize = 4;

fn bits(bytes: &[u8]) -> impl Iterator<Item = usize> + use<> {
    let total = bytes.len() * 8;
    let step = if total <= BITS { 1 } else { total / BITS + 1 };
    (0..total.div_ceil(step)).map(move |number| (number * step + number % 8) % total)
}

fn flipped(bytes: &[u8], bit: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[bit / 8] ^= 1 << (bit % 8);
    bytes
}

/// The largest files for which `is_it`, by name.
fn largest(files: &Files, is_it: impl Fn(&str) -> bool) -> Vec<(&Path, &[u8])> {
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    let of_class = files.iter().filter(|(path, bytes)| is_it(&name(path)) && !bytes.is_empty());
    let mut found: Vec<_> = of_class.map(|(path, bytes)| (&**path, &**bytes)).collect();
    found.sort_by_key(|(path, bytes)| (usize::MAX - bytes.len(), *path));
    found.truncate(FILES);
    assert!(!found.is_empty(), "there are such files");
    found
}

/// Flips bits of a text file and reads it: what comes must be an error that names it, the same as
/// without the flip, or what `may_be` says of the flipped bytes.
fn sweep_text<T: PartialEq + std::fmt::Debug>(
    name: &str,
    read: impl Fn(&dyn Disk, &Path) -> Result<T, SmallFileError>,
    may_be: impl Fn(&[u8], usize, &T) -> bool,
) {
    let files = all_files();
    let mut found = 0;
    for (path, bytes) in largest(&files, |it| it == name) {
        let disk = SimulatedDisk::new(1);
        disk.import([(path.to_owned(), bytes.to_vec())]);
        let sound = read(&disk, path).unwrap();
        for bit in bits(bytes) {
            let damaged = flipped(bytes, bit);
            let disk = SimulatedDisk::new(1);
            disk.import([(path.to_owned(), damaged.clone())]);
            match read(&disk, path) {
                Err(error) => {
                    let said = error.to_string();
                    assert!(said.contains(path.to_str().unwrap()), "bit {bit}: {said}");
                    found += 1;
                }
                Ok(value) => {
                    let text = String::from_utf8_lossy(&damaged);
                    let is_fine = value == sound || may_be(&damaged, bit / 8, &value);
                    assert!(is_fine, "{name} bit {bit}: {value:?} of {text:?}");
                }
            }
        }
    }
    assert!(found != 0, "{name}");
}

/// The line that holds this byte.
fn line_at(bytes: &[u8], position: usize) -> String {
    let start = bytes[..position].iter().rposition(|it| *it == b'\n').map_or(0, |it| it + 1);
    let end =
        bytes[start..].iter().position(|it| *it == b'\n').map_or(bytes.len(), |it| start + it);
    String::from_utf8_lossy(&bytes[start..end]).into_owned()
}

#[test]
fn offset_checkpoints_are_damaged_or_what_kafka_could_have_written() {
    for name in [
        checkpoints::RECOVERY_POINT,
        checkpoints::LOG_START,
        checkpoints::REPLICATION,
        checkpoints::CLEANER,
    ] {
        sweep_text(name, checkpoints::read, |damaged, _, offsets| {
            // A partition that now has the name of another stands twice, and the inspection says so.
            if inspect::partition_offsets(damaged).is_err() {
                return true;
            }
            let disk = SimulatedDisk::new(1);
            disk.import([(PathBuf::from("/x"), Vec::new())]);
            checkpoints::write(&disk, Path::new("/x"), offsets).unwrap();
            sorted_lines(&disk.contents(Path::new("/x")).unwrap()) == sorted_lines(damaged)
        });
    }
}

#[test]
fn leader_epochs_are_damaged_or_what_kafka_could_have_written() {
    let read = |disk: &dyn Disk, path: &Path| {
        let cache = LeaderEpochFileCache::load(disk, path.parent().unwrap())?;
        Ok(cache.entries().to_vec())
    };
    sweep_text(LEADER_EPOCH_FILE, read, |damaged, _, entries| {
        let lines = entries.iter().map(|it| format!("{} {}", it.epoch, it.start_offset));
        let lines: Vec<String> = lines.collect();
        checkpoints::format_lines(lines.iter()).as_bytes() == damaged
    });
}

#[test]
fn files_of_one_fact_are_damaged_or_what_kafka_could_have_written() {
    let read =
        |disk: &dyn Disk, path: &Path| partition_metadata::read(disk, path.parent().unwrap());
    sweep_text(partition_metadata::FILE_NAME, read, |damaged, at, _| {
        line_at(damaged, at).starts_with("topic_id: ")
    });
    let read = |disk: &dyn Disk, path: &Path| meta_properties::read(disk, path.parent().unwrap());
    sweep_text(meta_properties::FILE_NAME, read, |damaged, at, _| {
        let line = line_at(damaged, at);
        ["cluster.id=", "node.id=", "directory.id="].iter().any(|it| line.starts_with(it))
    });
    let read = |disk: &dyn Disk, path: &Path| quorum_state::read(disk, path.parent().unwrap());
    sweep_text(quorum_state::FILE_NAME, read, |damaged, _, state| {
        let state = state.as_ref().expect("the file is there");
        let disk = SimulatedDisk::new(1);
        disk.create_directory(Path::new("/again")).unwrap();
        quorum_state::write(&disk, Path::new("/again"), state).unwrap();
        disk.contents(&Path::new("/again").join(quorum_state::FILE_NAME)).unwrap() == damaged
    });
}

#[test]
fn producer_snapshots_are_found_by_every_bit() {
    let files = all_files();
    for (path, bytes) in largest(&files, |it| it.ends_with(".snapshot")) {
        for bit in bits(bytes) {
            assert!(decode_snapshot(&flipped(bytes, bit)).is_err(), "{} {bit}", path.display());
        }
    }
}

/// What is wrong with an index.
fn index_faults(files: &Files, path: &Path, damaged: &[u8]) -> Vec<IndexFault> {
    let disk = SimulatedDisk::new(1);
    let log_path = path.with_extension("log");
    let log = files.get(&log_path).cloned().unwrap_or_default();
    disk.import([(path.to_owned(), damaged.to_vec()), (log_path.clone(), log)]);
    let open = |path: &Path| disk.open(path, OpenMode::Read).unwrap();
    let (index, log) = (open(path), open(&log_path));
    let base = Offset(path.file_stem().unwrap().to_str().unwrap().parse().unwrap());
    let mut faults = Vec::new();
    let extension = path.extension().unwrap().to_str().unwrap();
    let read: Result<(), crate::DiskError> = match extension {
        "index" => inspect::offset_index(&*index, Some(&*log), base, |_, fault| {
            faults.extend(fault);
            Ok(())
        }),
        "timeindex" => inspect::time_index(&*index, Some(&*log), base, |_, fault| {
            faults.extend(fault);
            Ok(())
        }),
        _ => inspect::transaction_index(&*index, Some(&*log), |_, fault| {
            faults.extend(fault);
            Ok(())
        }),
    };
    read.unwrap();
    faults
}

#[test]
fn entries_of_indexes_are_found_by_every_bit_that_the_log_can_tell() {
    let files = all_files();
    for (extension, entry_bytes) in [("index", 8), ("timeindex", 12), ("txnindex", 34)] {
        let is_it = |it: &str| it.ends_with(&format!(".{extension}"));
        for (path, bytes) in largest(&files, is_it) {
            assert_eq!(index_faults(&files, path, bytes), [], "{}", path.display());
            for bit in bits(bytes) {
                let faults = index_faults(&files, path, &flipped(bytes, bit));
                // No log tells where a transaction began, and what was stable at its end.
                let at = bit / 8 % entry_bytes;
                let is_told = extension != "txnindex" || !(10..18).contains(&at) && at < 26;
                assert!(!is_told || !faults.is_empty(), "{} bit {bit}", path.display());
                let entry = (bit / 8 / entry_bytes * entry_bytes) as u64;
                let is_near = |it: &IndexFault| it.position.abs_diff(entry) <= entry_bytes as u64;
                let is_named = faults.is_empty() || faults.iter().any(is_near);
                assert!(is_named, "{} bit {bit}: {faults:?}", path.display());
            }
        }
    }
}

#[test]
fn batches_are_found_by_every_bit_under_a_checksum() {
    let files = all_files();
    let is_of_batches = |it: &str| it.ends_with(".log") || it.ends_with(".checkpoint");
    let of_classes = [".log", ".checkpoint"]
        .map(|class| largest(&files, |it| is_of_batches(it) && it.ends_with(class)));
    for (path, bytes) in of_classes.concat() {
        for bit in bits(bytes) {
            let (start, at) = place_in_batch(bytes, bit / 8);
            let is_told = !(0..8).contains(&at) && !(12..16).contains(&at);
            let faults = walk_faults(&flipped(bytes, bit));
            assert!(!is_told || !faults.is_empty(), "{} bit {bit}", path.display());
            if is_told {
                assert_eq!(faults[0], start as u64, "{} bit {bit}", path.display());
            }
        }
    }
}

/// Where the batch begins that has this byte, and where in it the byte is.
fn place_in_batch(bytes: &[u8], position: usize) -> (usize, usize) {
    let mut start = 0;
    loop {
        let length = u32::from_be_bytes(bytes[start + 8..start + 12].try_into().unwrap()) as usize;
        if position < start + 12 + length {
            return (start, position - start);
        }
        start += 12 + length;
    }
}

fn walk_faults(bytes: &[u8]) -> Vec<u64> {
    let disk = SimulatedDisk::new(1);
    disk.import([(PathBuf::from("/x.log"), bytes.to_vec())]);
    let file = disk.open(Path::new("/x.log"), OpenMode::Read).unwrap();
    let mut walk = LogWalk::new(&*file, Offset(0), None).unwrap();
    let mut faults = Vec::new();
    loop {
        match walk.next_step() {
            Step::Batch(batch) => faults.extend(batch.fault.map(|_| batch.position)),
            Step::Fault(fault) => faults.push(fault.position),
            Step::End => return faults,
        }
    }
}
