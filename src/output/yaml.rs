//! `-o yaml`: the document of `json`, as YAML.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::json;

pub(super) fn write(envelope: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    let text = serde_saphyr::to_string(envelope).map_err(io::Error::other)?;
    out.write_all(text.as_bytes())?;
    if text.ends_with('\n') { Ok(()) } else { out.write_all(b"\n") }
}

/// Some of the items, as they stand in the document below `items:`.
pub(super) fn write_items(items: &[impl Serialize], out: &mut dyn Write) -> io::Result<()> {
    let text = serde_saphyr::to_string(&json!({ "items": items })).map_err(io::Error::other)?;
    out.write_all(text.strip_prefix("items:\n").unwrap_or(&text).as_bytes())?;
    if text.ends_with('\n') { Ok(()) } else { out.write_all(b"\n") }
}
