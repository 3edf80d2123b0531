//! Logs that Apache Kafka 4.3.1 wrote: opened, read, and compared with what its tools say of them.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flate2::read::GzDecoder;
use kt_protocol::records::{AnyBatch, BatchHeader, Budget};
use kt_protocol::types::{Offset, Timestamp};

use super::bench::*;
use super::cleaning::clean_with;
use crate::checkpoints;
use crate::leader_epochs::{LEADER_EPOCH_FILE, LeaderEpochFileCache};
use crate::producer_state::{SnapshotEntry, decode_snapshot};
use crate::simulated_disk::SimulatedDisk;
use crate::transaction_index::AbortedTransaction;
use crate::{Disk, FileCache, LoadFacts, Log, LogConfig, LogHome, RecoveryReport};

type Files = BTreeMap<PathBuf, Vec<u8>>;

macro_rules! archive {
    ($name:literal) => {
        unpack(include_bytes!(concat!("../../../tests/data/", $name, ".tar.gz")))
    };
    (protocol $name:literal) => {
        unpack(include_bytes!(concat!("../../../../protocol/tests/data/", $name, ".tar.gz")))
    };
}

fn unpack(archive: &[u8]) -> Files {
    let mut archive = tar::Archive::new(GzDecoder::new(archive));
    let mut files = Files::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        if entry.header().entry_type().is_dir() {
            continue;
        }
        let name = entry.path().unwrap().into_owned();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        files.insert(Path::new("/data").join(name.strip_prefix("./").unwrap_or(&name)), bytes);
    }
    files
}

/// A disk with the files, and the directories on it that hold a `.log`.
fn import(files: &Files) -> (SimulatedDisk, BTreeSet<PathBuf>) {
    let disk = SimulatedDisk::new(1);
    disk.import(files.clone());
    let logs = files.keys().filter(|path| path.extension().is_some_and(|it| it == "log"));
    (disk, logs.map(|path| path.parent().unwrap().to_owned()).collect())
}

fn config() -> LogConfig {
    LogConfig { index_interval_bytes: 300, segment_index_bytes: 240, ..LogConfig::default() }
}

fn open_at(disk: &SimulatedDisk, directory: &Path, facts: LoadFacts) -> (Log, RecoveryReport) {
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let home = LogHome {
        cache: FileCache::new(shared, 5),
        directory: directory.to_owned(),
        config: Arc::new(config()),
        seed: 1,
    };
    Log::open(home, facts, at(1_700_000_000_000))
        .unwrap_or_else(|error| panic!("{}: {error}", directory.display()))
}

fn clean() -> LoadFacts {
    LoadFacts { clean_shutdown: true, ..LoadFacts::default() }
}

/// One line of `kafka-dump-log` on a batch, as far as a head tells it.
fn lines_of_dump(dumps: &Files, log: &Path) -> Vec<String> {
    let dump = log.with_file_name(format!("{}.dump", log.file_name().unwrap().to_str().unwrap()));
    let text = String::from_utf8(dumps[&dump].clone()).unwrap();
    let lines = text.lines().filter(|line| line.contains(" position: "));
    lines.map(|line| field(line, &["compresscodec", "isvalid", "deleteHorizonMs"])).collect()
}

/// A line without some of its fields.
fn field(line: &str, without: &[&str]) -> String {
    let words: Vec<&str> = line.split_whitespace().collect();
    let pairs = words.chunks(2).filter(|pair| !without.contains(&pair[0].trim_end_matches(':')));
    pairs.map(|pair| pair.join(" ")).collect::<Vec<_>>().join(" ")
}

fn lines_of_log(log: &Log, segment: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    let base = segment.file_stem().unwrap().to_str().unwrap().parse().unwrap();
    let bases: Vec<i64> = log.segments().iter().map(|one| one.base_offset().0).collect();
    let next = bases.iter().find(|it| base < **it).copied().unwrap_or(i64::MAX);
    for located in all_batches(log) {
        let header = located.header;
        if header.base_offset().0 < base || next <= header.base_offset().0 {
            continue;
        }
        let kind = header.attributes().timestamp_type().name();
        lines.push(format!(
            "baseOffset: {} lastOffset: {} count: {} baseSequence: {} lastSequence: {} \
             producerId: {} producerEpoch: {} partitionLeaderEpoch: {} isTransactional: {} \
             isControl: {} position: {} {kind}: {} size: {} magic: {} crc: {}",
            header.base_offset(),
            header.last_offset(),
            header.records_count(),
            header.base_sequence(),
            header.last_sequence(),
            header.producer_id(),
            header.producer_epoch(),
            header.partition_leader_epoch(),
            header.is_transactional(),
            header.is_control(),
            located.position,
            header.max_timestamp(),
            header.size() as u64,
            header.magic(),
            header.crc(),
        ));
    }
    lines
}

fn newest_snapshot(files: &Files, directory: &Path) -> Option<(i64, Vec<SnapshotEntry>)> {
    let snapshots = files.iter().filter(|(path, _)| {
        path.parent() == Some(directory) && path.extension().is_some_and(|it| it == "snapshot")
    });
    let (path, bytes) = snapshots.max_by_key(|(path, _)| (*path).clone())?;
    let mut entries = decode_snapshot(bytes).unwrap();
    entries.sort_by_key(|entry| entry.producer_id);
    Some((path.file_stem()?.to_str()?.parse().unwrap(), entries))
}

/// Opens every log of an archive as it was left, and compares.
fn check_clean(files: &Files, dumps: &Files, least: usize) {
    let (disk, directories) = import(files);
    assert!(least <= directories.len(), "{directories:?}");
    for directory in &directories {
        let before = disk.export();
        let (mut log, report) = open_at(&disk, directory, clean());
        assert_eq!(report, RecoveryReport::default(), "{}", directory.display());
        let logs = files.keys().filter(|path| {
            path.parent() == Some(directory) && path.extension().is_some_and(|it| it == "log")
        });
        for path in logs {
            assert_eq!(lines_of_log(&log, path), lines_of_dump(dumps, path), "{}", path.display());
        }
        check_against_walk(&log);
        let end = log.log_end_offset();
        let epochs = LeaderEpochFileCache::load(&disk, directory).unwrap();
        // Of an epoch without records the log knows nothing; a leader begins another.
        let with_records = epochs.entries().iter().filter(|entry| entry.start_offset < end);
        assert!(log.leader_epochs().entries().iter().eq(with_records));
        if let Some((offset, entries)) = newest_snapshot(files, directory) {
            assert_eq!(Offset(offset), end, "{}", directory.display());
            assert_eq!(log.producers().to_snapshot(), entries, "{}", directory.display());
        }
        log.close().unwrap();
        let mut after = disk.export();
        let epochs = directory.join(LEADER_EPOCH_FILE);
        after.insert(epochs.clone(), before[&epochs].clone());
        assert_eq!(after, before, "a log that was only read is as it was");
    }
}

/// How much of what Kafka kept beside the batches follows from them alone.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Follows {
    /// All of it.
    All,
    /// All, but restarts let producers expire whose records are still there.
    AllButExpiry,
    /// Not all: the cleaner took records whose traces stay.
    Part,
}

/// Takes away all that follows from the batches, and finds it made anew.
fn check_rebuilt(files: &Files, follows: Follows) {
    let is_derived = |path: &&PathBuf| {
        let extension = path.extension().and_then(|it| it.to_str());
        extension.is_some_and(|it| ["index", "timeindex", "snapshot", "txnindex"].contains(&it))
    };
    let derived: Vec<PathBuf> = files.keys().filter(is_derived).cloned().collect();
    let mut bare = files.clone();
    bare.retain(|path, _| !derived.contains(path));
    let (disk, directories) = import(&bare);
    for directory in &directories {
        let (mut log, report) = open_at(&disk, directory, LoadFacts::default());
        assert_eq!((report.bytes_cut, report.cut_at), (0, None), "{}", directory.display());
        check_against_walk(&log);
        log.close().unwrap();
        let Some((_, kept)) = newest_snapshot(files, directory) else { continue };
        let mut found = log.producers().to_snapshot();
        if follows == Follows::AllButExpiry {
            found.retain(|entry| kept.iter().any(|it| it.producer_id == entry.producer_id));
        }
        if follows != Follows::Part {
            assert_eq!(found, kept, "{}", directory.display());
        }
    }
    if follows != Follows::Part {
        let found = disk.export();
        for path in
            derived.iter().filter(|path| path.extension().is_some_and(|it| it == "txnindex"))
        {
            assert_eq!(found.get(path), files.get(path), "{}", path.display());
        }
    }
}

#[test]
fn every_codec() {
    let files = archive!(protocol "a-codecs");
    check_clean(&files, &archive!(protocol "a-codecs.dumps"), 10);
    check_rebuilt(&files, Follows::All);
}

#[test]
fn transactions() {
    let files = archive!(protocol "b-transactions");
    check_clean(&files, &archive!(protocol "b-transactions.dumps"), 2);
    check_rebuilt(&files, Follows::All);
    let (disk, _) = import(&files);
    let (log, _) = open_at(&disk, Path::new("/data/txn-open-0"), clean());
    assert_eq!(log.first_unstable_offset(), Some(Offset(0)));
    let (log, _) = open_at(&disk, Path::new("/data/txn-0"), clean());
    assert_eq!(log.first_unstable_offset(), None);
}

#[test]
fn compacted_logs() {
    let files = archive!(protocol "c-compacted");
    check_clean(&files, &archive!(protocol "c-compacted.dumps"), 4);
    // Aborted records and their index entries need not go together once the cleaner was there.
    check_rebuilt(&files, Follows::Part);
}

#[test]
fn internal_topics() {
    let files = archive!("d-coordinators");
    check_clean(&files, &archive!("d-coordinators.dumps"), 4);
    check_rebuilt(&files, Follows::All);
}

#[test]
fn the_metadata_log() {
    let files = archive!("e-metadata");
    check_clean(&files, &archive!("e-metadata.dumps"), 2);
    check_rebuilt(&files, Follows::All);
}

#[test]
fn replicas_with_several_leader_epochs() {
    let files = archive!("g-cluster");
    check_clean(&files, &archive!("g-cluster.dumps"), 6);
    check_rebuilt(&files, Follows::AllButExpiry);
}

#[test]
fn message_sets_of_magic_0_and_1_are_opened_and_read() {
    let (disk, directories) = import(&archive!(protocol "h-old-formats"));
    assert!(10 <= directories.len());
    for directory in &directories {
        let (log, report) = open_at(&disk, directory, LoadFacts::default());
        assert_eq!(report.cut_at, None);
        assert_eq!(report.bytes_scanned, log.size().unwrap(), "every byte was verified");
        assert!(all_batches(&log).iter().all(|batch| batch.header.magic() < 2));
        check_against_walk(&log);
        super::lookup::check_times(&log);
    }
}

/// What the checkpoint files of a killed node say.
fn facts_of(disk: &SimulatedDisk, directory: &Path) -> LoadFacts {
    let name = directory.file_name().unwrap().to_str().unwrap();
    let offset = |file: &str| {
        let read = checkpoints::read(disk, &Path::new("/data").join(file)).unwrap();
        let found = read.iter().find(|(partition, _)| partition.to_string() == name);
        found.map_or(Offset(0), |(_, offset)| *offset)
    };
    LoadFacts {
        clean_shutdown: false,
        same_boot: false,
        recovery_point: offset("recovery-point-offset-checkpoint"),
        high_watermark: offset("replication-offset-checkpoint"),
        log_start_offset: offset("log-start-offset-checkpoint"),
    }
}

#[test]
fn a_killed_node_recovers_all_of_it() {
    let files = archive!("f-killed");
    let (disk, directories) = import(&files);
    assert!(4 <= directories.len());
    for directory in &directories {
        let (log, report) = open_at(&disk, directory, facts_of(&disk, directory));
        assert_eq!(report.cut_at, None);
        check_against_walk(&log);
        super::lookup::check_times(&log);
    }
    let crash = Path::new("/data/crash-0");
    let (log, _) = open_at(&disk, crash, facts_of(&disk, crash));
    assert_eq!(log.log_end_offset(), Offset(305));
    assert_eq!(log.first_unstable_offset(), Some(Offset(300)));
    let found = disk.export();
    for (path, bytes) in files.iter().filter(|(path, _)| path.ends_with("log")) {
        assert_eq!(found.get(path), Some(bytes));
    }
}

#[test]
fn a_torn_log_recovers_to_what_kafka_recovers_it_to() {
    let (disk, _) = import(&archive!("f-torn"));
    let recovered = archive!("f-recovered");
    let crash = Path::new("/data/crash-0");
    let (mut log, report) = open_at(&disk, crash, facts_of(&disk, crash));
    assert_eq!((report.cut_at, report.bytes_cut), (Some(Offset(304)), 68));
    assert_eq!(log.first_unstable_offset(), Some(Offset(300)));
    log.close().unwrap();
    let ours = disk.export();
    let kafkas = recovered.iter().filter(|(path, _)| path.starts_with(crash));
    let mut compared = 0;
    for (path, bytes) in kafkas {
        let our_bytes = ours.get(path).unwrap_or_else(|| panic!("{} is missing", path.display()));
        match path.extension().and_then(|it| it.to_str()) {
            Some("log" | "index" | "timeindex") => {
                assert_eq!(our_bytes, bytes, "{}", path.display());
            }
            Some("snapshot") => {
                let sorted = |bytes: &[u8]| {
                    let mut entries = decode_snapshot(bytes).unwrap();
                    entries.sort_by_key(|entry| entry.producer_id);
                    entries
                };
                assert_eq!(sorted(our_bytes), sorted(bytes), "{}", path.display());
            }
            // Kafka's node led again, with an epoch more.
            _ => continue,
        }
        compared += 1;
    }
    assert_eq!(compared, 12);
    let greatest = log.segments().last().unwrap().greatest().unwrap();
    assert_eq!(greatest.timestamp, Timestamp(1_700_000_005_003));
}

/// Every record that a reader of what is committed gets, by key the last one.
fn last_values(log: &Log) -> BTreeMap<Vec<u8>, (i64, Vec<u8>)> {
    let mut values = BTreeMap::new();
    let end = log.log_end_offset();
    let mut from = log.log_start_offset();
    while from < end {
        let request =
            crate::ReadRequest { from, max_offset: end, max_bytes: 1, min_one_batch: true };
        let Some(slice) = crate::read(log.segments(), &request).unwrap() else { break };
        let aborted = crate::aborted_transactions(log.segments(), &slice, end).unwrap();
        let mut bytes = vec![0; slice.range.length as usize];
        slice.range.file.read_at(slice.range.position, &mut bytes).unwrap();
        let batch = AnyBatch::first_of(&bytes).unwrap();
        assert!(batch.crc_is_valid());
        from = batch.last_offset().plus(1);
        let is_aborted = match &batch {
            AnyBatch::Batch(view) => {
                let is_its = |it: &AbortedTransaction| {
                    it.producer_id == view.producer_id()
                        && it.first_offset <= view.base_offset()
                        && view.base_offset() < it.last_offset
                };
                view.is_control() || view.is_transactional() && aborted.iter().any(is_its)
            }
            AnyBatch::Legacy(_) => false,
        };
        let body = batch.decompress(&mut Budget::new(1 << 24)).unwrap();
        for record in body.records().map(Result::unwrap).filter(|_| !is_aborted) {
            let Some(key) = record.key else { continue };
            match record.value {
                Some(value) => values.insert(key.to_vec(), (record.offset.0, value.to_vec())),
                None => values.remove(key),
            };
        }
    }
    values
}

/// Cleans every log of an archive, twice with years between, as if it were compacted.
fn check_cleaning(files: &Files, facts: LoadFacts) {
    let (disk, directories) = import(files);
    for directory in &directories {
        let (mut log, _) = open_at(&disk, directory, facts);
        let compacting = LogConfig { compacts: true, deletes: false, ..config() };
        log.set_config(Arc::new(compacting));
        log.on_high_watermark(log.log_end_offset());
        log.roll(at(1_700_000_000_000), None).unwrap();
        let (values, end) = (last_values(&log), log.log_end_offset());
        let producers = log.producers().to_snapshot();
        for wall in [1_900_000_000_000, 2_000_000_000_000] {
            let report = clean_with(&mut log, None, Timestamp(wall), |_| {});
            let report = report.unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(last_values(&log), values, "{}", directory.display());
            assert!(report.bytes_after <= report.bytes_before + report.records_after * 16);
        }
        check_against_walk(&log);
        super::lookup::check_times(&log);
        log.close().unwrap();
        let (log, report) = open_at(&disk, directory, clean());
        assert_eq!(log.log_end_offset(), end);
        // Messages of old have no epoch, and their logs no file of them.
        assert!(report.rebuilt.iter().all(|it| it == LEADER_EPOCH_FILE), "{report:?}");
        assert_eq!(log.producers().to_snapshot(), producers);
    }
}

#[test]
fn logs_of_apache_kafka_are_cleaned() {
    for files in [
        archive!(protocol "a-codecs"),
        archive!(protocol "b-transactions"),
        archive!(protocol "c-compacted"),
        archive!("d-coordinators"),
    ] {
        check_cleaning(&files, clean());
    }
}

/// Magic 0 and 1, of which there are no indexes and no checkpoints.
#[test]
fn messages_of_old_are_cleaned() {
    check_cleaning(&archive!(protocol "h-old-formats"), LoadFacts::default());
}

/// What Apache Kafka's cleaner has left, a pass at that moment leaves as it is: horizons are set and
/// have not come.
#[test]
fn what_apache_kafka_has_cleaned_is_clean() {
    let files = archive!(protocol "c-compacted");
    let (disk, directories) = import(&files);
    let mut batches = 0;
    for directory in &directories {
        let (mut log, _) = open_at(&disk, directory, clean());
        log.set_config(Arc::new(LogConfig { compacts: true, deletes: false, ..config() }));
        let end = log.log_end_offset();
        log.on_high_watermark(end);
        let before = headers(&log);
        let view = log.cleaning_view(end).unwrap();
        let clean_to = view.dirtiness(None, Timestamp(0)).unwrap().first_uncleanable_offset;
        let _ = clean_with(&mut log, None, Timestamp(1_700_000_000_000), |_| {}).unwrap();
        let is_clean = |it: &&BatchHeader| it.base_offset() < clean_to;
        let after = headers(&log);
        for header in before.iter().filter(is_clean).filter(|it| it.delete_horizon().is_some()) {
            assert!(after.contains(header), "{}: {header:?}", directory.display());
            batches += 1;
        }
    }
    assert!(0 < batches, "none has a horizon");
}
