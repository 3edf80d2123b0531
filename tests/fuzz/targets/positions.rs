//! Positions: any text is one, or an error that names it; each is an instant or none, anywhere in
//! time.
#![no_main]

#[path = "../../../src/duration.rs"]
#[expect(dead_code, reason = "a part of the command is used here")]
mod duration;
#[path = "../../../src/position.rs"]
#[expect(dead_code, reason = "a part of the command is used here")]
mod position;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use libfuzzer_sys::fuzz_target;
use position::At;

fuzz_target!(|text: &str| {
    match text.parse::<At>() {
        Ok(At::Time(time)) => {
            for now in [Timestamp::MIN, Timestamp::UNIX_EPOCH, Timestamp::MAX] {
                let _ = time.instant(now, &TimeZone::UTC);
            }
        }
        Ok(_) => {}
        Err(error) => assert!(error.to_string().contains("not a position")),
    }
});
