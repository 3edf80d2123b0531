//! How fast the cleaner is: a gigabyte with ten million keys. For `--release -- --ignored --nocapture`.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use kt_protocol::records::{BatchBuilder, NewRecord};
use kt_protocol::types::{Millis, Now, Offset, Timestamp};
use kt_storage::cleaner::{Cleaner, CleanerConfig, HashKey};
use kt_storage::simulated_disk::SimulatedDisk;
use kt_storage::{Disk, FileCache, LoadFacts, Log, LogConfig, LogHome, Swapped};

const KEYS: i64 = 10_000_000;
const RECORDS_PER_BATCH: i64 = 160;
const VALUE_BYTES: usize = 76;
const NOW: Now = Now { monotonic: Millis(1), wall: Timestamp(1_700_000_000_000) };

fn log_of_distinct_keys() -> Log {
    let disk: Arc<dyn Disk> = Arc::new(SimulatedDisk::new(1));
    let config = LogConfig {
        segment_bytes: 128 << 20,
        compacts: true,
        deletes: false,
        retention_ms: None,
        ..LogConfig::default()
    };
    let home = LogHome {
        cache: FileCache::new(disk, 64),
        directory: PathBuf::from("/data/orders-0"),
        config: Arc::new(config),
        seed: 1,
    };
    let (mut log, _) = Log::open(home, LoadFacts::default(), NOW).expect("an empty directory");
    let value = [b'v'; VALUE_BYTES];
    for base in (0..KEYS).step_by(RECORDS_PER_BATCH as usize) {
        let mut batch = BatchBuilder::new().base_offset(Offset(base));
        for offset in base..KEYS.min(base + RECORDS_PER_BATCH) {
            // Every tenth replaces the key of another.
            let key = if offset % 10 == 9 { offset - 9 } else { offset };
            let key = format!("key-{key:08}");
            let record = NewRecord {
                timestamp: NOW.wall,
                key: Some(key.as_bytes()),
                value: Some(&value),
                headers: &[],
            };
            batch.append(record).expect("a small batch");
        }
        log.append(NOW, &batch.build()).expect("a disk without faults");
    }
    log.roll(NOW, None).expect("a disk without faults");
    log
}

#[test]
#[ignore = "takes gigabytes of memory, and means something in a release build only"]
#[expect(clippy::disallowed_methods, reason = "it measures time")]
fn a_gigabyte_with_ten_million_keys() {
    let mut log = log_of_distinct_keys();
    let mut cleaner = Cleaner::new(CleanerConfig::new(HashKey([5; 16])));
    println!("memory: map {} MiB, buffers 512 KiB", cleaner.map_bytes() >> 20);
    let mut clean_to = None;
    loop {
        let view = log.cleaning_view(log.log_end_offset()).expect("usable");
        let dirtiness = view.dirtiness(clean_to, NOW.wall).expect("a disk without faults");
        if dirtiness.first_uncleanable_offset <= dirtiness.first_dirty_offset {
            break;
        }
        let before = Instant::now();
        let mut pace = |_| ControlFlow::Continue(());
        let mut swap = |cleaned: &_| {
            let swapped = log.swap_cleaned(cleaned)?;
            if let Swapped::Done(deletion) = &swapped {
                deletion.carry_out()?;
            }
            Ok(swapped)
        };
        let report = cleaner
            .clean(&view, &dirtiness, NOW.wall, &mut pace, &mut swap)
            .expect("a disk without faults");
        let seconds = before.elapsed().as_secs_f64();
        let megabytes = (report.bytes_mapped + report.bytes_before) as f64 / 1e6;
        println!(
            "{seconds:.1} s, {:.0} MB/s read: {} MB mapped, {} MB to {} MB, {} keys, {} of {} records",
            megabytes / seconds,
            report.bytes_mapped / 1_000_000,
            report.bytes_before / 1_000_000,
            report.bytes_after / 1_000_000,
            report.keys,
            report.records_after,
            report.records_before,
        );
        clean_to = Some(report.end_offset);
    }
    assert_eq!(clean_to, Some(log.log_end_offset()), "all of it is clean");
}
