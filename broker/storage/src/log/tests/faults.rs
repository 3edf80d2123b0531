//! Disks that fail: every call of every kind once, with an error of the device or without space.

use kt_protocol::types::Offset;

use super::bench::*;
use crate::simulated_disk::{Call, Fault};
use crate::{LoadFacts, LogError};

const CALLS: [Call; 6] =
    [Call::Create, Call::Write, Call::SetLength, Call::Sync, Call::SyncDirectory, Call::Rename];

/// Appends, rolls, flushes; a refused append is tried again, as its client would.
#[test]
fn a_failed_call_loses_nothing_that_was_acknowledged() {
    let mut injected = 0;
    for call in CALLS {
        for fault in [Fault::Eio, Fault::Enospc] {
            for nth in 1..60 {
                let disk = new_disk(nth);
                let mut log = new_log(&disk, &small_config());
                let before = disk.count(call);
                disk.fail(call, nth, fault);
                let mut acknowledged = Offset(0);
                let mut flushed = Offset(0);
                for _ in 0..40 {
                    let base = log.log_end_offset();
                    match log.append(at(1), &Batch::new(base.0, 5).bytes()) {
                        Ok(appended) => acknowledged = appended.last_offset.plus(1),
                        Err(LogError::Disk(_)) => {
                            assert_eq!(log.log_end_offset(), base, "{call:?} {nth}");
                        }
                        Err(LogError::Failed { .. }) => break,
                        Err(error) => panic!("{call:?} {nth}: {error}"),
                    }
                    match flush(&disk, &mut log) {
                        Ok(()) => flushed = log.recovery_point(),
                        // The directory goes offline: nothing is written any more.
                        Err(_) => break,
                    }
                }
                injected += u64::from(before + nth <= disk.count(call));
                check_against_walk(&log);
                assert!(acknowledged <= log.log_end_offset());
                drop(log);
                disk.crash();
                disk.restart(crate::simulated_disk::CrashMode::Process);
                let facts =
                    LoadFacts { same_boot: true, recovery_point: flushed, ..LoadFacts::default() };
                let (log, _) = open(&disk, &small_config(), facts)
                    .unwrap_or_else(|error| panic!("{call:?} {fault:?} {nth}: {error}"));
                assert!(acknowledged <= log.log_end_offset(), "{call:?} {fault:?} {nth}");
                check_against_walk(&log);
            }
        }
    }
    assert!(200 < injected, "only {injected} faults were met");
}

#[test]
fn a_full_disk_refuses_an_append_and_takes_it_once_there_is_room() {
    let disk = new_disk(1);
    let mut log = new_log(&disk, &small_config());
    fill(&mut log, 5, 5);
    disk.set_quota(Some(16 << 10));
    let mut refused = None;
    for _ in 0..2_000 {
        let base = log.log_end_offset();
        if let Err(error) = log.append(at(1), &Batch::new(base.0, 5).bytes()) {
            refused = Some((base, error));
            break;
        }
    }
    let (base, error) = refused.expect("the quota is small");
    assert!(matches!(error, LogError::Disk(_)), "{error}");
    assert_eq!(log.log_end_offset(), base);
    assert!(!log.has_failed());
    check_against_walk(&log);
    disk.set_quota(None);
    fill(&mut log, 5, 5);
    check_against_walk(&log);
}
