//! A handful of seeds in every run of the tests; `KT_SIM_SEEDS` asks for more.

use kt_sim::{Settings, run};

const SEEDS: u64 = 40;
const STEPS: u64 = 2_000;

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
