//! How large recordings become. It says what the module's words say, and is run by hand:
//! `cargo test -p kt-cli --bin kt -- --ignored how_large`.

use super::*;
use crate::tui::stage::{Stage, Town};

/// The size of a recording of so many minutes, in KiB.
fn kib(town: Town, minutes: u64) -> u64 {
    let directory = directory();
    let (recording, file) = begun(&directory, Naming::AsTheyAre);
    let mut stage = Stage::open(town, 80, 24);
    stage.recorder = Some(recording.recorder.clone());
    stage.pass(minutes * 60_000);
    recording.finish().unwrap();
    std::fs::metadata(&file).unwrap().len() >> 10
}

#[test]
#[ignore = "takes minutes; nothing is decided by it"]
fn how_large_an_hour_is() {
    for (name, town, minutes) in [
        ("small", Town::small(), 10),
        ("troubled", Town::troubled(), 10),
        ("large", Town::large(), 3),
    ] {
        let (first, all) = (kib(town.clone(), 1), kib(town, minutes + 1));
        let hour = (all - first) * 60 / minutes;
        println!("{name}: {first} KiB in the first minute, {hour} KiB an hour after it");
    }
}
