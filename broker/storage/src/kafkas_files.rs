//! Every small file of the log directories that Apache Kafka 4.3.1 wrote: read, and written again
//! to the same bytes.

mod flips;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use flate2::read::GzDecoder;
use kt_protocol::types::Timestamp;
use proptest::prelude::*;

use crate::atomic_file::tests::at_every_crash_point;
use crate::directory_names::{DirectoryName, DirectoryState};
use crate::disk::{Disk, OpenMode};
use crate::leader_epochs::{LEADER_EPOCH_FILE, LeaderEpochFileCache};
use crate::metadata_snapshot::SnapshotId;
use crate::producer_state::{ProducerStates, decode_snapshot, encode_snapshot};
use crate::simulated_disk::SimulatedDisk;
use crate::transaction_index::Entries;
use crate::{
    checkpoints, clean_shutdown, meta_properties, metadata_snapshot, partition_metadata,
    quorum_state,
};

type Files = BTreeMap<PathBuf, Vec<u8>>;

fn unpack(name: &str, archive: &[u8], files: &mut Files) {
    let mut archive = tar::Archive::new(GzDecoder::new(archive));
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().into_owned();
        let is_large = 1 << 20 < entry.header().size().unwrap();
        // The preallocated indexes of the killed node are of no interest here.
        if entry.header().entry_type().is_dir() || is_large {
            continue;
        }
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        let path = path.strip_prefix("./").unwrap_or(&path);
        files.insert(Path::new("/").join(name).join(path), bytes);
    }
}

macro_rules! archives {
    ($($folder:literal / $name:literal),* $(,)?) => {{
        let mut files = Files::new();
        $(unpack($name, include_bytes!(concat!($folder, $name, ".tar.gz")), &mut files);)*
        files
    }};
}

/// All files of all archives, the archive's name first.
fn all_files() -> Files {
    archives![
        "../../protocol/tests/data/" / "a-codecs",
        "../../protocol/tests/data/" / "b-transactions",
        "../../protocol/tests/data/" / "c-compacted",
        "../tests/data/" / "d-coordinators",
        "../tests/data/" / "e-metadata",
        "../tests/data/" / "f-killed",
        "../tests/data/" / "f-recovered",
        "../tests/data/" / "g-cluster",
    ]
}

/// What Kafka's `kafka-dump-log` says of them.
fn all_dumps() -> Files {
    archives![
        "../../protocol/tests/data/" / "a-codecs.dumps",
        "../../protocol/tests/data/" / "b-transactions.dumps",
        "../../protocol/tests/data/" / "c-compacted.dumps",
        "../tests/data/" / "d-coordinators.dumps",
        "../tests/data/" / "g-cluster.dumps",
    ]
}

fn dump_of<'a>(dumps: &'a Files, path: &Path) -> Option<&'a str> {
    let text = path.to_str().unwrap();
    let (archive, rest) = text[1..].split_once('/').unwrap();
    let dump = dumps.get(Path::new(&format!("/{archive}.dumps/{rest}.dump")))?;
    Some(std::str::from_utf8(dump).unwrap())
}

fn disk_with(files: &Files) -> SimulatedDisk {
    let disk = SimulatedDisk::new(1);
    disk.import(files.clone());
    disk
}

/// The files with this name, each with its directory.
fn named<'a>(files: &'a Files, name: &'a str) -> impl Iterator<Item = (&'a Path, &'a [u8])> {
    let found = files.iter().filter(move |(path, _)| path.file_name().unwrap() == name);
    found.map(|(path, bytes)| (path.parent().unwrap(), &**bytes))
}

fn with_extension<'a>(
    files: &'a Files,
    extension: &'a str,
) -> impl Iterator<Item = (&'a Path, &'a [u8])> {
    let found =
        files.iter().filter(move |(path, _)| path.extension().is_some_and(|it| it == extension));
    found.map(|(path, bytes)| (&**path, &**bytes))
}

fn sorted_lines(bytes: &[u8]) -> Vec<&str> {
    let mut lines: Vec<&str> = std::str::from_utf8(bytes).unwrap().lines().collect();
    lines.sort_unstable();
    lines
}

#[test]
fn offset_checkpoints() {
    let files = all_files();
    let disk = disk_with(&files);
    let mut count = 0;
    for name in [
        checkpoints::RECOVERY_POINT,
        checkpoints::LOG_START,
        checkpoints::REPLICATION,
        checkpoints::CLEANER,
    ] {
        for (directory, bytes) in named(&files, name) {
            let offsets = checkpoints::read(&disk, &directory.join(name)).unwrap();
            count += 1;
            if bytes.is_empty() {
                // The killed node had made the file, but not filled it.
                assert!(offsets.is_empty());
                continue;
            }
            let again = directory.join("again");
            checkpoints::write(&disk, &again, &offsets).unwrap();
            // Kafka's order is that of its hash tables.
            let again = disk.contents(&again).unwrap();
            assert_eq!(sorted_lines(&again), sorted_lines(bytes), "{}", directory.display());
        }
    }
    assert_eq!(count, 24);
}

#[test]
fn leader_epochs() {
    let files = all_files();
    let disk = disk_with(&files);
    let mut count = 0;
    for (directory, bytes) in named(&files, LEADER_EPOCH_FILE) {
        let cache = LeaderEpochFileCache::load(&disk, directory).unwrap();
        let mut again = LeaderEpochFileCache::default();
        for entry in cache.entries() {
            again.assign(entry.epoch, entry.start_offset);
        }
        let elsewhere = Path::new("/again");
        disk.create_directory(elsewhere).unwrap();
        again.write(&disk, elsewhere).unwrap();
        let written = disk.contents(&elsewhere.join(LEADER_EPOCH_FILE)).unwrap();
        assert!(written == bytes || cache.entries().is_empty(), "{}", directory.display());
        count += 1;
    }
    assert!(40 < count, "{count}");
}

/// The lines of `kafka-dump-log` on a producer snapshot, the same fields of our entries.
fn snapshot_lines(bytes: &[u8]) -> Vec<String> {
    let optional = |offset: Option<kt_protocol::types::Offset>| match offset {
        Some(offset) => format!("OptionalLong[{offset}]"),
        None => "OptionalLong.empty".to_owned(),
    };
    let entries = decode_snapshot(bytes).unwrap();
    let line = |entry: &crate::producer_state::SnapshotEntry| {
        let mut line = format!(
            "producerId: {} producerEpoch: {} coordinatorEpoch: {} currentTxnFirstOffset: {} \
             lastTimestamp: {} ",
            entry.producer_id,
            entry.producer_epoch,
            entry.coordinator_epoch,
            optional(entry.transaction_first_offset),
            entry.timestamp,
        );
        if let Some(batch) = &entry.last_batch {
            line += &format!(
                "firstSequence: {} lastSequence: {} lastOffset: {} offsetDelta: {} timestamp: {}",
                batch.base_sequence(),
                batch.last_sequence,
                batch.last_offset,
                batch.offset_delta,
                batch.timestamp,
            );
        }
        line.trim_end().to_owned()
    };
    entries.iter().map(line).collect()
}

#[test]
fn producer_snapshots() {
    let (files, dumps) = (all_files(), all_dumps());
    let (mut count, mut dumped, mut open) = (0, 0, 0);
    for (path, bytes) in with_extension(&files, "snapshot") {
        let entries = decode_snapshot(bytes).unwrap();
        assert_eq!(encode_snapshot(&entries), bytes, "{}", path.display());
        let states = ProducerStates::from_snapshot(&entries, u64::MAX, Timestamp(0));
        let mut by_id = entries.clone();
        by_id.sort_by_key(|entry| entry.producer_id);
        assert_eq!(states.to_snapshot(), by_id, "{}", path.display());
        open += usize::from(states.first_unstable_offset().is_some());
        count += 1;
        let Some(dump) = dump_of(&dumps, path) else { continue };
        let lines: Vec<&str> = dump.lines().skip(1).map(str::trim_end).collect();
        assert_eq!(snapshot_lines(bytes), lines, "{}", path.display());
        dumped += 1;
    }
    assert!(60 < count && 50 < dumped && 1 < open, "{count}, {dumped} dumped, {open} open");
}

#[test]
fn transaction_indexes() {
    let (files, dumps) = (all_files(), all_dumps());
    let disk = disk_with(&files);
    let mut count = 0;
    for (path, bytes) in with_extension(&files, "txnindex") {
        let file = disk.open(path, OpenMode::Read).unwrap();
        let mut entries = Entries::new(&*file).unwrap();
        let all: Vec<_> = std::iter::from_fn(|| entries.next_entry().unwrap()).collect();
        let again: Vec<u8> = all.iter().flat_map(|entry| entry.encode()).collect();
        assert_eq!(again, bytes, "{}", path.display());
        let line = |entry: &crate::transaction_index::AbortedTransaction| {
            format!(
                "version: 0 producerId: {} firstOffset: {} lastOffset: {} lastStableOffset: {}",
                entry.producer_id, entry.first_offset, entry.last_offset, entry.last_stable_offset
            )
        };
        let lines: Vec<String> = all.iter().map(line).collect();
        let dump: Vec<&str> = dump_of(&dumps, path).unwrap().lines().skip(1).collect();
        assert_eq!(lines, dump, "{}", path.display());
        count += 1;
    }
    assert_eq!(count, 6);
}

#[test]
fn files_of_one_fact() {
    let files = all_files();
    let disk = disk_with(&files);
    let again = Path::new("/again");
    disk.create_directory(again).unwrap();
    let mut count = 0;
    let mut compare = |directory: &Path, name: &str, bytes: &[u8]| {
        let written = disk.contents(&again.join(name)).unwrap();
        assert_eq!(written, bytes, "{}", directory.join(name).display());
        count += 1;
    };
    for (directory, bytes) in named(&files, partition_metadata::FILE_NAME) {
        let id = partition_metadata::read(&disk, directory).unwrap().unwrap();
        partition_metadata::write_unsynced(&disk, again, id).unwrap();
        compare(directory, partition_metadata::FILE_NAME, bytes);
    }
    for (directory, bytes) in named(&files, quorum_state::FILE_NAME) {
        let state = quorum_state::read(&disk, directory).unwrap().unwrap();
        quorum_state::write(&disk, again, &state).unwrap();
        compare(directory, quorum_state::FILE_NAME, bytes);
    }
    for (directory, bytes) in named(&files, clean_shutdown::FILE_NAME) {
        let marker = clean_shutdown::read(&disk, directory).unwrap().unwrap();
        clean_shutdown::write(&disk, again, marker.broker_epoch.unwrap()).unwrap();
        compare(directory, clean_shutdown::FILE_NAME, bytes);
    }
    assert!(50 < count, "{count}");
    let killed = clean_shutdown::read(&disk, Path::new("/f-killed")).unwrap();
    assert_eq!(killed, None, "it had no time to leave a marker");
}

#[test]
fn properties_of_directories() {
    let files = all_files();
    let disk = disk_with(&files);
    let read =
        |directory: &str| meta_properties::read(&disk, Path::new(directory)).unwrap().unwrap();
    let cluster = [1, 2, 3].map(|node| read(&format!("/g-cluster/{node}")));
    for (node, properties) in (1..).zip(&cluster) {
        assert_eq!((properties.node_id.0, &properties.cluster_id), (node, &cluster[0].cluster_id));
    }
    let node = cluster[0].node_id;
    let one = [(Path::new("/g-cluster/1"), &cluster[0])];
    meta_properties::check_same_node(one, Some(&cluster[0].cluster_id), node).unwrap();
    let foreign = [one[0], (Path::new("/g-cluster/2"), &cluster[1])];
    let error = meta_properties::check_same_node(foreign, None, node).unwrap_err().to_string();
    assert!(error.starts_with("/g-cluster/2 belongs to node 2"), "{error}");
    assert_eq!(named(&files, meta_properties::FILE_NAME).count(), 6);
}

/// Zeros in what differs although the contents are the same: times, and the checksums over them.
fn without_times(snapshot: &[u8]) -> Vec<u8> {
    let mut bytes = snapshot.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let length = u32::from_be_bytes(bytes[at + 8..at + 12].try_into().unwrap()) as usize;
        bytes[at + 17..at + 21].fill(0);
        bytes[at + 27..at + 43].fill(0);
        at += 12 + length;
    }
    bytes
}

#[test]
fn metadata_snapshots() {
    let files = all_files();
    let mut count = 0;
    for (path, bytes) in with_extension(&files, "checkpoint") {
        let name = path.file_name().unwrap().to_str().unwrap();
        let id = SnapshotId::parse(name).unwrap_or(SnapshotId::BOOTSTRAP);
        assert!(id.file_name() == name || name == metadata_snapshot::BOOTSTRAP_FILE_NAME);
        let contents = metadata_snapshot::decode(&Bytes::copy_from_slice(bytes)).unwrap();
        assert_eq!(contents.voters.is_some(), contents.kraft_version.is_some());
        let again = metadata_snapshot::encode_at(id, &contents, Timestamp(1)).unwrap();
        assert_eq!(without_times(&again), without_times(bytes), "{}", path.display());
        assert_eq!(metadata_snapshot::decode(&again), Ok(contents));
        count += 1;
    }
    assert_eq!(count, 17);
}

#[test]
fn names_of_directories() {
    let files = all_files();
    let is_log = |path: &&PathBuf| path.extension().is_some_and(|it| it == "log");
    let directories = files.keys().filter(is_log).map(|path| path.parent().unwrap());
    let mut count = 0;
    for directory in directories {
        let text = directory.file_name().unwrap().to_str().unwrap();
        let name = DirectoryName::parse(text).unwrap();
        assert_eq!((name.to_string().as_str(), name.state), (text, DirectoryState::Live));
        count += 1;
    }
    assert!(50 < count, "{count}");
}

/// the vote is as it was, or as it was told to be; there is no third.
#[test]
fn a_crash_leaves_the_old_vote_or_the_new() {
    let files = all_files();
    let (directory, old) = named(&files, quorum_state::FILE_NAME).next().unwrap();
    let path = directory.join(quorum_state::FILE_NAME);
    let prepare = |disk: &SimulatedDisk| disk.import([(path.clone(), old.to_vec())]);
    let read = |disk: &SimulatedDisk| quorum_state::read(disk, directory).unwrap().unwrap();
    let disk = SimulatedDisk::new(1);
    prepare(&disk);
    let before = read(&disk);
    let mut after = before.clone();
    after.leader_epoch.0 += 1;
    at_every_crash_point(
        prepare,
        |disk| quorum_state::write(disk, directory, &after),
        |disk, succeeded| {
            let found = read(disk);
            assert!(found == after || (found == before && !succeeded));
        },
    );
}

#[test]
fn a_crash_leaves_a_whole_snapshot_of_the_metadata_or_none() {
    let contents = metadata_snapshot::SnapshotContents::default();
    let id = SnapshotId { end_offset: kt_protocol::types::Offset(9), ..SnapshotId::BOOTSTRAP };
    let bytes = metadata_snapshot::encode_at(id, &contents, Timestamp(5)).unwrap();
    let directory = Path::new("/data/__cluster_metadata-0");
    at_every_crash_point(
        |disk| {
            let part = directory.join(format!("{}.part", id.file_name()));
            disk.import([(part, vec![7; 9000])]);
        },
        |disk| metadata_snapshot::write(disk, directory, id, &bytes),
        |disk, succeeded| {
            let found = metadata_snapshot::list(disk, directory).unwrap();
            assert!(found == [id] || (found.is_empty() && !succeeded));
            for id in found {
                let path = directory.join(id.file_name());
                assert_eq!(metadata_snapshot::read(disk, &path).unwrap(), Some(contents.clone()));
            }
        },
    );
}

#[test]
fn a_marker_of_a_clean_stop_is_gone_for_good_once_it_was_removed() {
    let directory = Path::new("/data");
    at_every_crash_point(
        |disk| {
            disk.import([(directory.join("meta.properties"), Vec::new())]);
            clean_shutdown::write(disk, directory, 7).unwrap();
        },
        |disk| clean_shutdown::remove(disk, directory),
        |disk, succeeded| {
            let found = clean_shutdown::read(disk, directory).unwrap();
            assert!(found.is_none() || !succeeded);
        },
    );
}

/// Reads every kind of small file in `directory`: it is read or refused.
fn read_everything(disk: &SimulatedDisk, directory: &Path) {
    let _ = checkpoints::read(disk, &directory.join(checkpoints::REPLICATION));
    let _ = LeaderEpochFileCache::load(disk, directory);
    let _ = partition_metadata::read(disk, directory);
    let _ = quorum_state::read(disk, directory);
    let _ = clean_shutdown::read(disk, directory);
    let _ = meta_properties::read(disk, directory);
    let _ = metadata_snapshot::read(disk, &directory.join(metadata_snapshot::BOOTSTRAP_FILE_NAME));
}

const NAMES: [&str; 7] = [
    checkpoints::REPLICATION,
    LEADER_EPOCH_FILE,
    partition_metadata::FILE_NAME,
    quorum_state::FILE_NAME,
    clean_shutdown::FILE_NAME,
    meta_properties::FILE_NAME,
    metadata_snapshot::BOOTSTRAP_FILE_NAME,
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let disk = SimulatedDisk::new(1);
        disk.import(NAMES.map(|name| (Path::new("/data").join(name), bytes.clone())));
        read_everything(&disk, Path::new("/data"));
    }

    #[test]
    fn damaged_files_never_panic(cut in any::<prop::sample::Index>(), flips in prop::collection::vec((any::<prop::sample::Index>(), 0..8u8), 0..4)) {
        let files = archives!["../tests/data/" / "f-killed"];
        let mut damaged = Files::new();
        for name in NAMES {
            let Some((_, bytes)) = named(&files, name).next() else { continue };
            let mut bytes = bytes.to_vec();
            bytes.truncate(bytes.len().min(cut.index(2 * bytes.len())));
            for (at, bit) in &flips {
                if !bytes.is_empty() {
                    let at = at.index(bytes.len());
                    bytes[at] ^= 1 << bit;
                }
            }
            damaged.insert(Path::new("/data").join(name), bytes);
        }
        read_everything(&disk_with(&damaged), Path::new("/data"));
    }
}
