//! A handful of seeds in every run of the tests; `KT_SIM_SEEDS` asks for more.

use kt_sim::{Settings, run, run_clients, run_groups};

const SEEDS: u64 = 40;
const STEPS: u64 = 2_000;
const GROUP_STEPS: u64 = 3_000;
const CLIENT_STEPS: u64 = 10_000;

fn seeds() -> u64 {
    std::env::var("KT_SIM_SEEDS").ok().and_then(|it| it.parse().ok()).unwrap_or(SEEDS)
}

fn all(flushes: bool) {
    let mut acknowledged = 0;
    let mut crashes = 0;
    for seed in 1..=seeds() {
        match run(Settings { seed, steps: STEPS, flushes }) {
            Ok(outcome) => {
                acknowledged += outcome.acknowledged;
                crashes += outcome.crashes;
            }
            Err(message) => panic!("{message}"),
        }
    }
    assert!(0 < acknowledged && seeds() < crashes, "a run without load or faults proves nothing");
}

#[test]
fn nothing_acknowledged_is_lost_by_power_or_process() {
    all(true);
}

#[test]
fn nothing_acknowledged_is_lost_by_a_process_in_page_cache_mode() {
    all(false);
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    for seed in 1..=5 {
        let settings = Settings { seed, steps: STEPS, flushes: true };
        assert_eq!(run(settings), run(settings), "seed {seed}");
    }
}

fn all_groups(flushes: bool) {
    let (mut acknowledged, mut refused, mut synced) = (0, 0, 0);
    let (mut crashes, mut given_up) = (0, 0);
    for seed in 1..=seeds() {
        match run_groups(Settings { seed, steps: GROUP_STEPS, flushes }) {
            Ok(outcome) => {
                acknowledged += outcome.acknowledged;
                refused += outcome.refused;
                synced += outcome.synced;
                crashes += outcome.crashes;
                given_up += outcome.given_up;
            }
            Err(message) => panic!("{message}"),
        }
    }
    println!(
        "{acknowledged} acknowledged, {refused} refused, {synced} synced, {crashes} crashes, \
         {given_up} of them after a failed sync"
    );
    assert!(0 < acknowledged && 0 < refused && 0 < synced, "nobody did anything");
    assert!(seeds() < crashes, "a run without faults proves nothing");
    assert_eq!(0 < given_up, flushes, "syncs fail where they matter");
}

#[test]
fn groups_keep_what_they_were_told_by_power_or_process() {
    all_groups(true);
}

#[test]
fn groups_keep_what_they_were_told_by_a_process_in_page_cache_mode() {
    all_groups(false);
}

#[test]
fn the_same_seed_of_groups_gives_the_same_trace() {
    for seed in 1..=4 {
        let settings = Settings { seed, steps: GROUP_STEPS, flushes: true };
        assert_eq!(run_groups(settings), run_groups(settings), "seed {seed}");
    }
}

fn all_clients(flushes: bool) {
    let (mut delivered, mut given_up, mut given) = (0, 0, 0);
    let (mut committed, mut crashes) = (0, 0);
    for seed in 1..=seeds() {
        match run_clients(Settings { seed, steps: CLIENT_STEPS, flushes }) {
            Ok(outcome) => {
                delivered += outcome.delivered;
                given_up += outcome.given_up;
                given += outcome.given;
                committed += outcome.committed;
                crashes += outcome.crashes;
            }
            Err(message) => panic!("{message}"),
        }
    }
    println!(
        "{delivered} delivered, {given_up} given up, {given} given, {committed} committed, \
         {crashes} crashes"
    );
    assert!(0 < delivered && delivered < given && 0 < committed, "nobody did anything");
    assert!(0 < given_up && seeds() < crashes, "a run without faults proves nothing");
}

#[test]
fn clients_keep_what_they_promise_by_power_or_process() {
    all_clients(true);
}

#[test]
fn clients_keep_what_they_promise_by_a_process_in_page_cache_mode() {
    all_clients(false);
}

#[test]
fn the_same_seed_of_clients_gives_the_same_trace() {
    for seed in 1..=4 {
        let settings = Settings { seed, steps: CLIENT_STEPS, flushes: true };
        assert_eq!(run_clients(settings), run_clients(settings), "seed {seed}");
    }
}
