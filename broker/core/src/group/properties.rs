//! Members that join, crash and commit in random order, and what must hold whatever they do.

mod checks;
mod client;
mod walk;

use walk::walk;

/// Each walk is one seed; a failure names it.
const SEEDS: u64 = 200;
const STEPS: usize = 400;

#[test]
fn whatever_members_do_the_invariants_hold() {
    for seed in 1..=SEEDS {
        if let Err(wrong) = walk(seed, STEPS) {
            panic!("seed {seed}: {wrong}");
        }
    }
}

#[cfg(feature = "mutants")]
#[test]
fn every_planted_bug_is_found() {
    // What each invariant is for.
    let bugs = [
        "an assignment of the generation before",
        "the generation stays",
        "a commit of any generation",
        "a waiting join is forgotten",
        "a second join is forgotten",
        "a new static id is not written",
        "a deleted group keeps its offsets",
        "a session never ends",
        "a deadline is never over",
        "an empty generation is not written",
        "a transaction ends and stays open",
    ];
    let mut missed = Vec::new();
    for bug in bugs {
        let planted = kt_protocol::planted::plant(bug);
        let is_found = (1..=SEEDS).any(|seed| {
            // An assertion of the code is a checker too.
            !matches!(std::panic::catch_unwind(|| walk(seed, STEPS)), Ok(Ok(())))
        });
        drop(planted);
        if !is_found {
            missed.push(bug);
        }
    }
    assert!(missed.is_empty(), "not found: {missed:?}");
}
