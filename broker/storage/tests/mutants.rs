//! The checkers check: each planted bug is found by the lives of a log that find nothing wrong
//! without it.

#[path = "storage/cleaner/mod.rs"]
mod cleaner;
#[path = "storage/harness/mod.rs"]
mod harness;

use kt_protocol::planted::plant;

/// Every bug that is planted in this crate.
const BUGS: [&str; 10] = [
    // M-21
    "recovered without a sync",
    // M-22
    "failed sync retried",
    // M-23
    "damage truncated",
    // M-15
    "snapshot not truncated",
    // M-14
    "one batch remembered",
    // M-10
    "directory not synced",
    // M-20
    "open transactions forgotten",
    "torn tail kept",
    "index not truncated",
    "transaction index not truncated",
];

/// Those of the cleaner.
const CLEANER_BUGS: [&str; 6] = [
    // M-26
    "last batch of a producer dropped",
    "aborted records mapped",
    "first value of a key kept",
    "tombstones go at once",
    "cleaned without a sync",
    "swap not synced",
];

/// Within so many lives each shows itself.
const LIVES: u64 = 2_000;

#[test]
fn every_planted_bug_is_found() {
    let mut missed = Vec::new();
    for bug in BUGS {
        let planted = plant(bug);
        // A bug may show as a panic too: an assertion of the code is a checker.
        let verdict = std::panic::catch_unwind(|| harness::play(0..LIVES, 120));
        drop(planted);
        match verdict {
            Ok(Ok(())) => missed.push(bug),
            Ok(Err(wrong)) => println!("{bug}: {}", wrong.lines().next().unwrap_or_default()),
            Err(_) => println!("{bug}: an assertion"),
        }
    }
    assert!(missed.is_empty(), "nobody notices {missed:?}");
}

#[test]
fn every_planted_bug_of_the_cleaner_is_found() {
    let mut missed = Vec::new();
    for bug in CLEANER_BUGS {
        let planted = plant(bug);
        let verdict = std::panic::catch_unwind(|| {
            cleaner::play(0..300, 120)?;
            cleaner::crash_everywhere(0, 60).map(|_| ())
        });
        drop(planted);
        match verdict {
            Ok(Ok(())) => missed.push(bug),
            Ok(Err(wrong)) => println!("{bug}: {}", wrong.lines().next().unwrap_or_default()),
            Err(_) => println!("{bug}: an assertion"),
        }
    }
    assert!(missed.is_empty(), "nobody notices {missed:?}");
}

#[test]
fn nothing_is_found_where_nothing_is_planted() {
    if let Err(wrong) = harness::play(0..LIVES, 120) {
        panic!("{wrong}");
    }
}
