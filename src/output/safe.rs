//! Text for a terminal: what a name or a value holds must not drive it.

use std::io::{self, Write};

use crate::terminal::{escape_bytes_into, is_unsafe};

/// How a character that is not shown is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Escape {
    /// As everywhere on a terminal: `\x1b`.
    Plain,
    /// As JSON and YAML write it inside of a text, so that it stays the same document: `\u001b`.
    Json,
}

/// Writes `text`, keeping its tabs and line ends.
pub(super) fn write(text: &[u8], escape: Escape, out: &mut dyn Write) -> io::Result<()> {
    let mut safe = Vec::with_capacity(text.len());
    for chunk in text.utf8_chunks() {
        for character in chunk.valid().chars() {
            let mut bytes = [0; 4];
            let it: &str = character.encode_utf8(&mut bytes);
            match character {
                '\n' | '\t' => safe.extend_from_slice(it.as_bytes()),
                _ if !is_unsafe(character) => safe.extend_from_slice(it.as_bytes()),
                _ if escape == Escape::Plain => escape_bytes_into(it.as_bytes(), &mut safe),
                _ => safe.extend_from_slice(format!("\\u{:04x}", u32::from(character)).as_bytes()),
            }
        }
        escape_bytes_into(chunk.invalid(), &mut safe);
    }
    out.write_all(&safe)
}
