//! `-o jsonl`: one item a line, without the envelope.

use std::io::{self, Write};

use serde::Serialize;

use super::write_compact;

pub(super) fn write<I: Serialize>(items: &[I], out: &mut dyn Write) -> io::Result<()> {
    for item in items {
        write_compact(item, out)?;
        out.write_all(b"\n")?;
    }
    Ok(())
}
