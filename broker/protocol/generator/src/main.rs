//! Writes kt-protocol's messages, so that `schemas/` is the only place that says what they are.
//!
//! `cargo run -p kt-protocol-generator` after a change in `broker/protocol/schemas/`.

mod api_code;
mod field_code;
mod message_code;
mod names;
mod output;
mod record_code;
mod schema;
mod struct_code;
mod versions;

use std::process::ExitCode;

fn main() -> ExitCode {
    match output::generate_in_place() {
        Ok(count) => {
            println!("{count} files written");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
