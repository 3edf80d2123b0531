//! Members that join, crash and commit in random order, and what must hold whatever they do.

mod checks;
mod client;
mod walk;

use kt_protocol::messages::group_coordinator_record::GroupCoordinatorRecord;
use kt_protocol::messages::group_metadata_value::MemberMetadata;
use kt_protocol::messages::{GroupMetadataKey, GroupMetadataValue};

use super::GroupConfig;
use super::owner::Owner;
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

/// Records that no coordinator writes: they may be wrong, and must not stop the shard.
#[test]
fn odd_records_are_lived_with() {
    let odd = [i32::MIN, -1, 0, i32::MAX];
    for (number, timeout) in odd.into_iter().enumerate() {
        let member = |member_id: &str| MemberMetadata {
            member_id: member_id.to_owned(),
            group_instance_id: (number % 2 == 0).then(|| "i".to_owned()),
            rebalance_timeout: timeout,
            session_timeout: timeout,
            ..Default::default()
        };
        let value = GroupMetadataValue {
            protocol_type: if number < 2 { "consumer" } else { "" }.to_owned(),
            generation: i32::MAX,
            leader: Some("nobody".to_owned()),
            members: vec![member("m"), member("m"), member("n")],
            ..Default::default()
        };
        let mut owner: Owner<u64> = Owner::new(GroupConfig::default(), 1);
        let key = GroupMetadataKey { group: "g".to_owned() };
        let record = GroupCoordinatorRecord::GroupMetadata { key, value: Some(value) };
        owner.append_record(&record, -1);
        owner.reload();
        owner.advance(u64::from(i32::MAX.unsigned_abs()) * 2);
        for _ in 0..10 {
            let outcome = owner.shard.on_deadline(owner.now);
            assert!(owner.take(outcome).1.is_empty(), "nobody has asked anything");
        }
        let described = owner.shard.describe_group(6, "g");
        // Its members are silent, it has no offsets: it is gone.
        assert_eq!(described.group_state, "Dead", "timeout {timeout}");
    }
}
