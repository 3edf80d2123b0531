//! The invariants check: each planted bug breaks one of them, and without a bug none breaks.

use kt_protocol::planted::plant;
use kt_sim::{Settings, run};

/// Bugs of the node, and those of the storage that a client can notice.
const BUGS: [&str; 6] = [
    // M-01, M-02
    "acknowledged before the flush",
    "read above the high watermark",
    // M-14
    "duplicate appended",
    // M-09
    "answered before the commit",
    // M-21
    "recovered without a sync",
    // M-10
    "directory not synced",
];

/// Within so many seeds each shows itself.
const SEEDS: u64 = 500;
const STEPS: u64 = 2_000;

/// The first seed in which something is wrong, and what.
fn first_wrong() -> Option<(u64, String)> {
    (1..=SEEDS).find_map(|seed| {
        let settings = Settings { seed, steps: STEPS, flushes: true };
        // A bug may show as a panic too: an assertion of the code is a checker.
        match std::panic::catch_unwind(|| run(settings)) {
            Ok(Ok(_)) => None,
            Ok(Err(wrong)) => Some((seed, wrong.lines().next().unwrap_or_default().to_owned())),
            Err(_) => Some((seed, "an assertion".to_owned())),
        }
    })
}

#[test]
fn every_planted_bug_is_found() {
    let mut missed = Vec::new();
    for bug in BUGS {
        let planted = plant(bug);
        let wrong = first_wrong();
        drop(planted);
        match wrong {
            Some((seed, wrong)) => println!("{bug}: seed {seed}: {wrong}"),
            None => missed.push(bug),
        }
    }
    assert!(missed.is_empty(), "nobody notices {missed:?}");
}

#[test]
fn nothing_is_found_where_nothing_is_planted() {
    assert_eq!(first_wrong(), None);
}
