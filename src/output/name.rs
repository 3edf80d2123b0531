//! `-o name`: one name a line, for other commands to take.

use std::io::{self, Write};

pub(super) fn write(names: impl Iterator<Item = String>, out: &mut dyn Write) -> io::Result<()> {
    for name in names {
        writeln!(out, "{name}")?;
    }
    Ok(())
}
