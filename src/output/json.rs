//! `-o json`: one document with the envelope; indented for people, one line for pipes.

use std::io::{self, Write};

use serde::Serialize;

use super::{Style, write_compact};

pub(super) fn write(
    envelope: &impl Serialize,
    style: Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    if style.for_terminal {
        serde_json::to_writer_pretty(&mut *out, envelope)?;
    } else {
        write_compact(envelope, out)?;
    }
    out.write_all(b"\n")
}
