//! Lines of JSON: any bytes are a record, or an error of one line.
#![no_main]

#[path = "../../../src/base64.rs"]
#[expect(dead_code, reason = "a part of the command is used here")]
mod base64;
#[path = "../../../src/record_json.rs"]
#[expect(dead_code, reason = "a part of the command is used here")]
mod record_json;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    match record_json::read(data) {
        Ok(record) => drop(record),
        Err(message) => assert!(!message.is_empty()),
    }
});
