//! Random lives of a log on a disk that lies, beside a model.

mod harness;

#[test]
fn what_a_log_says_follows_from_what_was_done_to_it() {
    if let Err(wrong) = harness::play(0..3000, 120) {
        panic!("{wrong}");
    }
}
