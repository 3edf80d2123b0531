//! What the tests of the log are made on: a disk, a directory, and batches by the dozen.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use kt_protocol::types::{Millis, Now, Offset, Timestamp, TopicPartition};

use crate::checkpoints::{self, OffsetCheckpoint, Promised, Promises};
use crate::scan::{HeaderScan, Located};
use crate::simulated_disk::SimulatedDisk;
use crate::{Disk, FileCache, LoadFacts, Log, LogConfig, LogError, LogHome, RecoveryReport};
use kt_protocol::records::BatchHeader;

pub(crate) const DIRECTORY: &str = "/data/orders-0";

/// A batch of magic 2, as a leader would have it ready for the log.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    pub(crate) base: i64,
    pub(crate) count: i32,
    pub(crate) epoch: i32,
    pub(crate) timestamp: i64,
    /// How much later each record is than the one before.
    pub(crate) step: i64,
    pub(crate) producer: Option<(i64, i16, i32)>,
    pub(crate) attributes: i16,
    /// Bytes of each record's value.
    pub(crate) value: usize,
    /// Of a control batch: 0 abort, 1 commit.
    pub(crate) control: Option<i16>,
}

impl Batch {
    pub(crate) fn new(base: i64, count: i32) -> Batch {
        Batch {
            base,
            count,
            epoch: 0,
            timestamp: 1_000_000 + base,
            step: 0,
            producer: None,
            attributes: 0,
            value: 20,
            control: None,
        }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut records = Vec::new();
        for delta in 0..self.count {
            let mut record = vec![0];
            varint(&mut record, i64::from(delta) * self.step);
            varint(&mut record, i64::from(delta));
            match self.control {
                None => {
                    varint(&mut record, -1);
                    varint(&mut record, self.value as i64);
                    record.extend((0..self.value).map(|at| (self.base as usize + at) as u8));
                }
                Some(kind) => {
                    varint(&mut record, 4);
                    record.extend([0, 0]);
                    record.extend(kind.to_be_bytes());
                    varint(&mut record, 6);
                    record.extend([0; 6]);
                }
            }
            varint(&mut record, 0);
            varint(&mut records, record.len() as i64);
            records.extend(record);
        }
        let (producer, producer_epoch, sequence) = self.producer.unwrap_or((-1, -1, -1));
        let mut body = Vec::new();
        body.extend(self.attributes.to_be_bytes());
        body.extend((self.count - 1).to_be_bytes());
        let last = self.timestamp + self.step * i64::from(self.count - 1);
        body.extend(self.timestamp.to_be_bytes());
        body.extend(self.timestamp.max(last).to_be_bytes());
        body.extend(producer.to_be_bytes());
        body.extend(producer_epoch.to_be_bytes());
        body.extend(sequence.to_be_bytes());
        body.extend(self.count.to_be_bytes());
        body.extend(records);
        let crc = kt_protocol::records::crc32c(&body);
        let mut bytes = Vec::new();
        bytes.extend(self.base.to_be_bytes());
        bytes.extend((body.len() as i32 + 9).to_be_bytes());
        bytes.extend(self.epoch.to_be_bytes());
        bytes.push(2);
        bytes.extend(crc.to_be_bytes());
        bytes.extend(body);
        bytes
    }
}

fn varint(bytes: &mut Vec<u8>, value: i64) {
    let mut zigzag = ((value << 1) ^ (value >> 63)) as u64;
    while 0x7f < zigzag {
        bytes.push(zigzag as u8 | 0x80);
        zigzag >>= 7;
    }
    bytes.push(zigzag as u8);
}

/// Small enough that a few dozen batches fill segments, blocks and indexes.
pub(crate) fn small_config() -> LogConfig {
    LogConfig {
        segment_bytes: 2_000,
        segment_index_bytes: 240,
        index_interval_bytes: 200,
        retention_ms: None,
        ..LogConfig::default()
    }
}

/// A disk with a log directory that was formatted long ago.
pub(crate) fn new_disk(seed: u64) -> SimulatedDisk {
    let disk = SimulatedDisk::new(seed);
    disk.import([(PathBuf::from("/data/meta.properties"), b"version=1\n".to_vec())]);
    disk
}

pub(crate) fn at(millis: u64) -> Now {
    Now { monotonic: Millis(millis), wall: Timestamp(millis as i64) }
}

pub(crate) fn home(disk: &SimulatedDisk, config: &LogConfig) -> LogHome {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    LogHome {
        cache: FileCache::new(disk, 8),
        directory: PathBuf::from(DIRECTORY),
        config: Arc::new(config.clone()),
        seed: 7,
    }
}

pub(crate) fn open(
    disk: &SimulatedDisk,
    config: &LogConfig,
    facts: LoadFacts,
) -> Result<(Log, RecoveryReport), LogError> {
    Log::open(home(disk, config), facts, at(0))
}

pub(crate) fn new_log(disk: &SimulatedDisk, config: &LogConfig) -> Log {
    open(disk, config, LoadFacts::default()).unwrap().0
}

/// Appends `count` batches of `records` records, one by one.
pub(crate) fn fill(log: &mut Log, count: i64, records: i32) {
    for _ in 0..count {
        let batch = Batch::new(log.log_end_offset().0, records);
        log.append(at(1), &batch.bytes()).unwrap();
    }
}

/// Makes everything written so far durable, as the flusher would.
pub(crate) fn flush(disk: &SimulatedDisk, log: &mut Log) -> Result<(), crate::DiskError> {
    let Some(candidates) = log.flush_candidates()? else { return Ok(()) };
    for file in &candidates.files {
        file.sync()?;
    }
    for directory in &candidates.directories {
        disk.sync_directory(directory)?;
    }
    log.flushed(candidates.generation, candidates.up_to);
    Ok(())
}

/// Writes checkpoints that promise everything below `offset`, as the node would.
pub(crate) fn promise(disk: &SimulatedDisk, offset: Offset) -> Result<Promised, crate::DiskError> {
    let name = TopicPartition::new("orders", 0);
    let offsets = OffsetCheckpoint::from([(name.clone(), offset)]);
    let none = OffsetCheckpoint::new();
    Ok(Promises::write(disk, Path::new("/data"), offsets, none)?.of(&name))
}

/// What the checkpoints say.
pub(crate) fn recovery_point_on(disk: &SimulatedDisk) -> Offset {
    let path = Path::new("/data").join(checkpoints::RECOVERY_POINT);
    let offsets = checkpoints::read(disk, &path).unwrap();
    offsets.get(&TopicPartition::new("orders", 0)).copied().unwrap_or_default()
}

/// Truncates as the node would: checkpoints first.
pub(crate) fn truncate(
    disk: &SimulatedDisk,
    log: &mut Log,
    target: Offset,
) -> Result<crate::Deletion, LogError> {
    let end = log.prepare_truncation(target)?;
    let promised = promise(disk, log.recovery_point_to_checkpoint().min(end))?;
    log.truncate_to(at(1), target, promised)
}

pub(crate) fn file(name: &str) -> PathBuf {
    Path::new(DIRECTORY).join(name)
}

/// All batches of a log, read from its `.log` files from the first byte to the end: what every
/// answer must agree with.
pub(crate) fn all_batches(log: &Log) -> Vec<Located> {
    let mut batches = Vec::new();
    for segment in log.segments().iter() {
        let file = segment.log_file().unwrap();
        let mut scan = HeaderScan::new(&*file, 0, segment.size().unwrap());
        while let Some(located) = scan.next_batch().unwrap() {
            batches.push(located);
        }
    }
    batches
}

pub(crate) fn headers(log: &Log) -> Vec<BatchHeader> {
    all_batches(log).iter().map(|located| located.header).collect()
}

/// The names in the partition's directory.
pub(crate) fn names(disk: &SimulatedDisk) -> Vec<String> {
    let entries = disk.list(Path::new(DIRECTORY)).unwrap();
    entries.into_iter().map(|entry| entry.name).collect()
}

/// Checks that every offset is found where a walk from the beginning finds it.
pub(crate) fn check_against_walk(log: &Log) {
    let batches = all_batches(log);
    let end = log.log_end_offset();
    let start = log.segments().first().unwrap().base_offset();
    for offset in start.0..end.0 {
        let expected = batches.iter().find(|batch| Offset(offset) <= batch.header.last_offset());
        let request = crate::ReadRequest {
            from: Offset(offset),
            max_offset: end,
            max_bytes: 1,
            min_one_batch: true,
        };
        let slice = crate::read(log.segments(), &request).unwrap();
        let found = slice.map(|slice| (slice.first.base_offset, slice.first.last_offset));
        let expected =
            expected.map(|batch| (batch.header.base_offset(), batch.header.last_offset()));
        assert_eq!(found, expected, "offset {offset}");
    }
}
