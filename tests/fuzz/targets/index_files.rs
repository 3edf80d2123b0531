//! A partition's directory whose small files hold any bytes: it opens with all records, or says
//! which file is wrong.
#![no_main]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use kt_protocol::records::{BatchBuilder, Budget, NewRecord};
use kt_protocol::types::{LeaderEpoch, Millis, Now, Offset, Timestamp};
use kt_storage::simulated_disk::SimulatedDisk;
use kt_storage::{
    FileCache, LoadFacts, Log, LogConfig, LogHome, ReadRequest, offset_for_timestamp, read,
};
use libfuzzer_sys::fuzz_target;

const RECORDS: i64 = 12;
const FILES: [&str; 5] = [
    "00000000000000000000.index",
    "00000000000000000000.timeindex",
    "00000000000000000000.txnindex",
    "00000000000000000012.snapshot",
    "leader-epoch-checkpoint",
];

fn log_bytes() -> Vec<u8> {
    let mut bytes = Vec::new();
    for offset in 0..RECORDS {
        let mut batch =
            BatchBuilder::new().base_offset(Offset(offset)).leader_epoch(LeaderEpoch(0));
        let record = NewRecord {
            timestamp: Timestamp(1_000 + offset),
            value: Some(&[7; 100]),
            ..NewRecord::default()
        };
        batch.append(record).expect("a record fits");
        bytes.extend_from_slice(&batch.build());
    }
    bytes
}

fuzz_target!(|data: &[u8]| {
    let Some((which, data)) = data.split_first() else { return };
    let directory = Path::new("/data/orders-0");
    let disk = SimulatedDisk::new(1);
    let name = FILES[usize::from(*which) % FILES.len()];
    disk.import([
        (directory.join("00000000000000000000.log"), log_bytes()),
        (directory.join(name), data.to_vec()),
    ]);
    let home = LogHome {
        cache: FileCache::new(Arc::new(disk), 8),
        directory: PathBuf::from(directory),
        config: Arc::new(LogConfig { index_interval_bytes: 150, ..LogConfig::default() }),
        seed: 1,
    };
    let now = Now { monotonic: Millis(1), wall: Timestamp(1) };
    // Flushed and closed, so that nothing is read again without need; or after a crash.
    let recovery_point = if which & 0x80 == 0 { Offset(RECORDS) } else { Offset(0) };
    let facts = LoadFacts { recovery_point, ..LoadFacts::default() };
    let Ok((log, _)) = Log::open(home, facts, now) else { return };
    assert_eq!(log.log_end_offset(), Offset(RECORDS));
    for offset in 0..RECORDS {
        let request = ReadRequest {
            from: Offset(offset),
            max_offset: Offset(RECORDS),
            max_bytes: 1,
            min_one_batch: true,
        };
        if let Ok(slice) = read(log.segments(), &request) {
            let slice = slice.expect("the record is there");
            assert_eq!(slice.first.base_offset, Offset(offset));
        }
        let target = Timestamp(1_000 + offset);
        let offsets = Offset(0)..Offset(RECORDS);
        let _ = offset_for_timestamp(log.segments(), target, offsets, &mut Budget::new(1 << 20));
    }
});
