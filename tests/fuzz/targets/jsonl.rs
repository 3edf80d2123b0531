//! Lines of JSON: any bytes are a record, or an error of one line.
#![no_main]

#[path = "../../../src/base64.rs"]
#[allow(dead_code)]
mod base64;
#[path = "../../../src/record_json.rs"]
#[allow(dead_code)]
mod record_json;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    match record_json::read(data) {
        Ok(record) => drop(record),
        Err(message) => assert!(!message.is_empty()),
    }
});
