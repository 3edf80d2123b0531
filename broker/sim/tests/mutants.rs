//! The invariants check: each planted bug breaks one of them, and without a bug none breaks.

use kt_protocol::planted::plant;
use kt_sim::{Settings, run, run_clients, run_groups};

/// Bugs of the node, and those of the storage that a client can notice.
const BUGS: [&str; 5] = [
    // M-01, M-02
    "acknowledged before the flush",
    "read above the high watermark",
    // M-14
    "duplicate appended",
    // M-09
    "answered before the commit",
    // M-10
    "directory not synced",
];

/// Bugs that members of groups notice.
const GROUP_BUGS: [&str; 16] = [
    // M-21: the seeds of one log alone do not meet it any more.
    "recovered without a sync",
    // M-18, and the same for what is only read
    "group answered before the commit",
    "group read before the commit",
    // M-17
    "the last batch of groups is not loaded",
    "tombstones of groups are not loaded",
    "deadlines of groups are forgotten",
    // M-19
    "a commit of any generation",
    "a former static id is a member",
    "a new static id is not written",
    "an assignment of the generation before",
    "the generation stays",
    "a waiting join is forgotten",
    "a second join is forgotten",
    "a deleted group keeps its offsets",
    // Of the cleaner, which a load believes.
    "first value of a key kept",
    "cleaned without a sync",
];

/// Bugs of the client library that its callers notice.
const CLIENT_BUGS: [&str; 10] = [
    // Of the sender and its accumulator
    "a try adrift counts as not written",
    "batches do not expire",
    "the buffer has no bound",
    // Of the fetcher
    "what was sought away from is kept",
    "an answer to a former question",
    "fetches ahead without a bound",
    // Of membership, commits and assignors
    "nobody hears of a loss",
    "no heartbeats",
    "a commit goes too far",
    "a partition moves before it is given back",
];

/// Within so many seeds each shows itself.
const SEEDS: u64 = 500;
const STEPS: u64 = 2_000;
const GROUP_STEPS: u64 = 3_000;
const CLIENT_STEPS: u64 = 10_000;

/// The first seed in which something is wrong, and what.
fn first_wrong(run: impl Fn(Settings) -> Result<(), String>, steps: u64) -> Option<(u64, String)> {
    (1..=SEEDS).find_map(|seed| {
        let settings = Settings { seed, steps, flushes: true };
        // A bug may show as a panic too: an assertion of the code is a checker.
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(settings)));
        match result {
            Ok(Ok(())) => None,
            Ok(Err(wrong)) => Some((seed, wrong.lines().next().unwrap_or_default().to_owned())),
            Err(_) => Some((seed, "an assertion".to_owned())),
        }
    })
}

fn first_wrong_log() -> Option<(u64, String)> {
    first_wrong(|settings| run(settings).map(|_| ()), STEPS)
}

fn first_wrong_group() -> Option<(u64, String)> {
    first_wrong(|settings| run_groups(settings).map(|_| ()), GROUP_STEPS)
}

fn first_wrong_client() -> Option<(u64, String)> {
    first_wrong(|settings| run_clients(settings).map(|_| ()), CLIENT_STEPS)
}

fn missed(
    bugs: &[&'static str],
    first_wrong: impl Fn() -> Option<(u64, String)>,
) -> Vec<&'static str> {
    let mut missed = Vec::new();
    for bug in bugs {
        let planted = plant(bug);
        let wrong = first_wrong();
        drop(planted);
        match wrong {
            Some((seed, wrong)) => println!("{bug}: {wrong} (seed {seed})"),
            None => missed.push(*bug),
        }
    }
    missed
}

#[test]
fn every_planted_bug_is_found() {
    let missed = missed(&BUGS, first_wrong_log);
    assert!(missed.is_empty(), "nobody notices {missed:?}");
}

#[test]
fn every_planted_bug_of_groups_is_found() {
    let missed = missed(&GROUP_BUGS, first_wrong_group);
    assert!(missed.is_empty(), "nobody notices {missed:?}");
}

#[test]
fn every_planted_bug_of_clients_is_found() {
    let missed = missed(&CLIENT_BUGS, first_wrong_client);
    assert!(missed.is_empty(), "nobody notices {missed:?}");
}

#[test]
fn nothing_is_found_where_nothing_is_planted() {
    assert_eq!(first_wrong_log(), None);
    assert_eq!(first_wrong_group(), None);
}
