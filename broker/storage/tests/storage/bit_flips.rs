//! A flipped bit anywhere in a log's directory: it is made anew, or the un-flushed tail is cut, or
//! the replica is offline and the file is named. Never wrong data, never a panic.
//!
//! Where Kafka's formats have no checksum nothing can notice a flip: a batch's offset and leader
//! epoch, and what an entry of a transaction index says of whom and from where.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kt_protocol::records::{BatchBuilder, BatchView, Budget, NewRecord};
use kt_protocol::types::{LeaderEpoch, Millis, Now, Offset, ProducerEpoch, ProducerId, Timestamp};
use kt_storage::simulated_disk::SimulatedDisk;
use kt_storage::{
    Disk, FileCache, LoadFacts, Log, LogConfig, LogError, LogHome, ReadRequest,
    offset_for_timestamp, read,
};

const DIRECTORY: &str = "/data/orders-0";
/// Positions of each class of files.
const POSITIONS: u64 = 500;

fn now() -> Now {
    Now { monotonic: Millis(1), wall: Timestamp(1) }
}

fn open(disk: &SimulatedDisk, facts: LoadFacts) -> Result<Log, LogError> {
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let config = LogConfig {
        segment_bytes: 20_000,
        segment_index_bytes: 4_800,
        index_interval_bytes: 150,
        ..LogConfig::default()
    };
    let home = LogHome {
        cache: FileCache::new(shared, 16),
        directory: PathBuf::from(DIRECTORY),
        config: Arc::new(config),
        seed: 1,
    };
    Log::open(home, facts, now()).map(|(log, _)| log)
}

/// The bytes of every batch, by base offset.
type Batches = BTreeMap<Offset, Vec<u8>>;

fn append(log: &mut Log, batches: &mut Batches, builder: BatchBuilder) {
    let base = log.log_end_offset();
    let mut builder = builder.base_offset(base);
    let value = [base.0 as u8; 60];
    let timestamp = Timestamp(1_000 + base.0);
    let record = NewRecord { timestamp, value: Some(&value), ..NewRecord::default() };
    builder.append(record).unwrap();
    append_built(log, batches, &builder);
}

fn append_built(log: &mut Log, batches: &mut Batches, builder: &BatchBuilder) {
    let bytes = builder.build();
    let base = log.append(now(), &bytes).unwrap().first_offset;
    batches.insert(base, bytes.to_vec());
}

/// A log of some segments with transactions, of which some were aborted, all of it flushed but for
/// the last batches.
fn filled(disk: &SimulatedDisk) -> (Batches, Offset) {
    use kt_protocol::records::control::{EndTxnMarker, TxnOutcome};
    let mut batches = Batches::new();
    let mut log = open(disk, LoadFacts::default()).unwrap();
    for round in 0..120 {
        let builder = BatchBuilder::new().leader_epoch(LeaderEpoch(0)).producer(
            ProducerId(1),
            ProducerEpoch(0),
            round,
        );
        append(&mut log, &mut batches, builder);
        let id = ProducerId(2 + i64::from(round % 2));
        let builder = BatchBuilder::new()
            .leader_epoch(LeaderEpoch(0))
            .producer(id, ProducerEpoch(0), round / 2)
            .transactional();
        append(&mut log, &mut batches, builder);
        let outcome = if round % 3 == 0 { TxnOutcome::Commit } else { TxnOutcome::Abort };
        let mut marker = BatchBuilder::new()
            .leader_epoch(LeaderEpoch(0))
            .base_offset(log.log_end_offset())
            .producer(id, ProducerEpoch(0), -1)
            .transactional();
        let end = EndTxnMarker { outcome, coordinator_epoch: 1 };
        marker.append_end_txn_marker(Timestamp(1_000 + log.log_end_offset().0), end).unwrap();
        append_built(&mut log, &mut batches, &marker);
        if round == 110 {
            disk.sync_file_system(Path::new("/data")).unwrap();
            while let Some(candidates) = log.flush_candidates().unwrap() {
                log.flushed(candidates.generation, candidates.up_to);
            }
        }
    }
    (batches, log.recovery_point())
}

/// Reads all of a log: each answer is right, or damage is told.
fn check_offsets(log: &Log, batches: &Batches, least: Offset) -> Result<(), LogError> {
    let max_offset = log.log_end_offset();
    assert!(least <= max_offset, "the log ends at {max_offset}");
    let mut from = log.log_start_offset();
    while from < max_offset {
        let request = ReadRequest { from, max_offset, max_bytes: 1, min_one_batch: true };
        let slice = read(log.segments(), &request)?.expect("something is below the end");
        let mut bytes = vec![0; slice.range.length as usize];
        slice.range.file.read_at(slice.range.position, &mut bytes)?;
        // The checksum travels to the reader; the leader epoch and the offset it does not cover.
        if BatchView::only_of(&bytes).is_ok_and(|batch| batch.crc_is_valid()) {
            let expected = &batches[&slice.first.base_offset];
            assert_eq!(bytes[16..], expected[16..], "other data at {from}");
        }
        // What a damaged head says of its end need not be so.
        from = slice.first.last_offset.plus(1).max(from.plus(1));
    }
    Ok(())
}

fn check_times(log: &Log) -> Result<(), LogError> {
    let max_offset = log.log_end_offset();
    for time in (1_000..1_000 + max_offset.0).step_by(7) {
        let offsets = log.log_start_offset()..max_offset;
        let mut budget = Budget::new(1 << 20);
        let found = offset_for_timestamp(log.segments(), Timestamp(time), offsets, &mut budget)?;
        assert_eq!(found.map(|it| it.offset.0), Some(time - 1_000), "time {time}");
    }
    Ok(())
}

fn sweep(extension: &str, facts: LoadFacts, files: &BTreeMap<PathBuf, Vec<u8>>, batches: &Batches) {
    let of_class: Vec<_> = files
        .iter()
        .filter(|(path, bytes)| {
            !bytes.is_empty() && path.to_str().is_some_and(|path| path.ends_with(extension))
        })
        .collect();
    let total: u64 = of_class.iter().map(|(_, bytes)| bytes.len() as u64).sum();
    assert!(0 < total, "there are files of {extension}");
    let undamaged = SimulatedDisk::new(1);
    undamaged.import(files.clone());
    let undamaged = open(&undamaged, facts).expect("nothing is damaged yet");
    let (mut rebuilt, mut offline) = (0, 0);
    for step in 0..POSITIONS.min(8 * total) {
        // Bits apart by a prime, so that all bits of a byte get their turn.
        let bit = (step * (8 * total / POSITIONS).max(1) + step * 7_919) % (8 * total);
        let mut position = bit / 8;
        let (path, _) = of_class
            .iter()
            .find(|(_, bytes)| {
                let is_here = position < bytes.len() as u64;
                position -= if is_here { 0 } else { bytes.len() as u64 };
                is_here
            })
            .expect("the position lies in one of them");
        if extension == ".log" && !is_checked(&files[*path], position) {
            continue;
        }
        let disk = SimulatedDisk::new(1);
        disk.import(files.clone());
        disk.flip_bit(path, position, (bit % 8) as u8);
        let least = if facts.clean_shutdown { Offset(360) } else { facts.recovery_point };
        let result = open(&disk, facts).and_then(|log| {
            check_offsets(&log, batches, least)?;
            // Heads are walked, for times and after a crash for producers, without checksums.
            if extension == ".log" {
                return Ok(());
            }
            let producers = log.producers().to_snapshot();
            assert_eq!(producers, undamaged.producers().to_snapshot(), "{}", path.display());
            check_times(&log)
        });
        match result {
            Ok(()) => rebuilt += 1,
            Err(LogError::Damaged { file, .. }) => {
                assert!(file.starts_with(DIRECTORY), "{}", file.display());
                offline += 1;
            }
            Err(error) => panic!("{} byte {position}: {error}", path.display()),
        }
    }
    println!("{extension}: {rebuilt} right, {offline} offline");
    assert!(extension == ".log" || offline == 0, "{extension} can be made anew: {offline}");
}

/// No checksum covers the base offset and the leader epoch of a batch.
fn is_checked(log: &[u8], position: u64) -> bool {
    let mut start = 0;
    while let Ok(batch) = BatchView::first_of(&log[start as usize..]) {
        if position < start + batch.size() as u64 {
            return !(0..8).contains(&(position - start))
                && !(12..16).contains(&(position - start));
        }
        start += batch.size() as u64;
    }
    true
}

const CLASSES: [&str; 6] =
    [".log", ".index", ".timeindex", ".txnindex", ".snapshot", "leader-epoch-checkpoint"];

#[test]
fn after_a_crash() {
    let disk = SimulatedDisk::new(1);
    disk.import([(PathBuf::from("/data/meta.properties"), b"version=1\n".to_vec())]);
    let (batches, recovery_point) = filled(&disk);
    assert!(Offset(300) < recovery_point && recovery_point < Offset(360));
    let facts = LoadFacts { same_boot: true, recovery_point, ..LoadFacts::default() };
    for class in CLASSES {
        sweep(class, facts, &disk.export(), &batches);
    }
}

#[test]
fn after_a_clean_close() {
    let disk = SimulatedDisk::new(1);
    disk.import([(PathBuf::from("/data/meta.properties"), b"version=1\n".to_vec())]);
    let (batches, recovery_point) = filled(&disk);
    let facts = LoadFacts { same_boot: true, recovery_point, ..LoadFacts::default() };
    open(&disk, facts).unwrap().close().unwrap();
    let facts = LoadFacts { clean_shutdown: true, ..facts };
    for class in CLASSES {
        sweep(class, facts, &disk.export(), &batches);
    }
}
