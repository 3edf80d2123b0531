//! The cleaner, in random lives of a log and in crashes at every change of the disk.

use crate::cleaner;

/// Lives of a usual run; `KT_MODEL_SEEDS` asks for more.
const SEEDS: u64 = 400;
const STEPS: usize = 120;

#[expect(clippy::disallowed_methods, reason = "the length of a run is the gate's to say")]
fn seeds() -> u64 {
    let asked = std::env::var("KT_MODEL_SEEDS").ok();
    asked.and_then(|it| it.parse().ok()).unwrap_or(SEEDS)
}

#[test]
fn what_a_compacted_log_holds_follows_from_what_was_written() {
    if let Err(wrong) = cleaner::play(0..seeds(), STEPS) {
        panic!("{wrong}");
    }
}

#[test]
fn a_pass_that_is_cut_short_anywhere_loses_nothing() {
    for seed in 0..2 {
        let changes = cleaner::crash_everywhere(seed, 60).unwrap_or_else(|wrong| panic!("{wrong}"));
        assert!(20 < changes, "a pass of {changes} changes shows little");
    }
}
