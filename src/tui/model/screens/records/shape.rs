//! A value as lines to look at: text, JSON or hex.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::line::Payload;
use crate::terminal::escape_bytes_into;

/// How a value is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Text,
    Json,
    Hex,
}

/// Whether long arrays are shown whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrays {
    /// `[ … 6 ]`
    Folded,
    Whole,
}

/// Longer arrays are folded.
const ARRAY_MAX: usize = 5;
/// Arrays and objects of plain values stand on one line up to so many bytes.
const ONE_LINE: usize = 60;
/// Deeper values are shown as they stand.
const DEPTH_MAX: usize = 64;
/// Bytes of one line of hex.
const HEX_BYTES: usize = 16;

impl Shape {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Shape::Text => "text",
            Shape::Json => "json",
            Shape::Hex => "hex",
        }
    }

    /// What `v` goes to.
    pub(crate) fn next(self) -> Shape {
        match self {
            Shape::Text => Shape::Json,
            Shape::Json => Shape::Hex,
            Shape::Hex => Shape::Text,
        }
    }

    /// What fits a value best, where nobody has said.
    pub(crate) fn of(value: &Payload) -> Shape {
        match value.text() {
            Some(text) if json(text).is_some() => Shape::Json,
            Some(_) => Shape::Text,
            None if value.bytes.is_none() => Shape::Text,
            None => Shape::Hex,
        }
    }

    /// The lines of a value; control bytes are escaped.
    pub(crate) fn lines(self, value: &Payload, arrays: Arrays) -> Vec<String> {
        let Some(bytes) = value.bytes.as_deref() else { return vec!["null".to_owned()] };
        let mut lines = match self {
            Shape::Hex => hex(bytes),
            Shape::Text => text(bytes),
            Shape::Json => match value.text().and_then(json) {
                None => text(bytes),
                Some(it) => {
                    let mut lines = Lines { lines: vec![String::new()], arrays };
                    lines.push(it, 0);
                    lines.lines
                }
            },
        };
        if value.is_cut() {
            lines.push(format!("… cut: {} of {} bytes", bytes.len(), value.size));
        }
        lines
    }
}

/// Objects, arrays and plain values are JSON worth the name; a bare word or number is text.
fn json(text: &str) -> Option<&RawValue> {
    let starts = text.trim_start().as_bytes().first()?;
    if !matches!(starts, b'{' | b'[') {
        return None;
    }
    serde_json::from_str(text).ok()
}

fn escaped(bytes: &[u8]) -> String {
    let mut out = Vec::with_capacity(bytes.len());
    escape_bytes_into(bytes, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

fn text(bytes: &[u8]) -> Vec<String> {
    if bytes.is_empty() {
        return vec!["\"\"".to_owned()];
    }
    let lines = bytes.split(|it| *it == b'\n');
    lines.map(|it| escaped(it.strip_suffix(b"\r").unwrap_or(it))).collect()
}

/// `00000000  7b 22 69 64 22 3a 38 38  32 31 35 2c 22 74 6f 74  {"id":88215,"tot`
pub(crate) fn hex(bytes: &[u8]) -> Vec<String> {
    hex_from(0, bytes)
}

/// The same, of bytes that begin at `position`.
pub(crate) fn hex_from(position: u64, bytes: &[u8]) -> Vec<String> {
    let line = |(index, chunk): (usize, &[u8])| {
        let mut out = format!("{:08x} ", position + (index * HEX_BYTES) as u64);
        for at in 0..HEX_BYTES {
            if at == HEX_BYTES / 2 {
                out.push(' ');
            }
            match chunk.get(at) {
                Some(byte) => out.push_str(&format!(" {byte:02x}")),
                None => out.push_str("   "),
            }
        }
        out.push_str("  ");
        let printed = |it: &u8| if (b' '..=b'~').contains(it) { char::from(*it) } else { '.' };
        out.extend(chunk.iter().map(printed));
        out
    };
    bytes.chunks(HEX_BYTES).enumerate().map(line).collect()
}

/// The fields of an object in their order, doubled ones too. Values stay as they were written: no
/// number loses a digit.
struct Fields<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Fields<'a>, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(Fields(fields))
    }
}

struct Lines {
    lines: Vec<String>,
    arrays: Arrays,
}

impl Lines {
    fn write(&mut self, text: &str) {
        if let Some(last) = self.lines.last_mut() {
            last.push_str(text);
        }
    }

    fn begin(&mut self, depth: usize) {
        self.lines.push("  ".repeat(depth));
    }

    fn push(&mut self, value: &RawValue, depth: usize) {
        let raw = value.get().trim();
        if depth < DEPTH_MAX {
            if raw.starts_with('{')
                && let Ok(Fields(fields)) = serde_json::from_str(raw)
            {
                return self.push_object(&fields, depth);
            }
            if raw.starts_with('[')
                && let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(raw)
            {
                return self.push_array(&items, depth);
            }
        }
        self.write(&escaped(raw.as_bytes()));
    }

    fn push_object(&mut self, fields: &[(String, &RawValue)], depth: usize) {
        if fields.is_empty() {
            return self.write("{}");
        }
        self.write("{");
        for (index, (name, value)) in fields.iter().enumerate() {
            self.begin(depth + 1);
            let name = serde_json::to_string(name).unwrap_or_default();
            self.write(&format!("{}: ", escaped(name.as_bytes())));
            self.push(value, depth + 1);
            if index + 1 < fields.len() {
                self.write(",");
            }
        }
        self.begin(depth);
        self.write("}");
    }

    fn push_array(&mut self, items: &[&RawValue], depth: usize) {
        if items.is_empty() {
            return self.write("[]");
        }
        if self.arrays == Arrays::Folded && ARRAY_MAX < items.len() {
            return self.write(&format!("[ … {} ]", items.len()));
        }
        let is_plain = |it: &&RawValue| !it.get().starts_with(['{', '[']);
        let plain: Vec<&str> = items.iter().map(|it| it.get()).collect();
        let joined = plain.join(", ");
        if joined.len() <= ONE_LINE && items.iter().all(is_plain) {
            return self.write(&format!("[{}]", escaped(joined.as_bytes())));
        }
        self.write("[");
        for (index, value) in items.iter().enumerate() {
            self.begin(depth + 1);
            self.push(value, depth + 1);
            if index + 1 < items.len() {
                self.write(",");
            }
        }
        self.begin(depth);
        self.write("]");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::line::PAYLOAD_MAX;
    use super::*;

    fn shown(shape: Shape, arrays: Arrays, value: &[u8]) -> String {
        shape.lines(&Payload::new(Some(value), PAYLOAD_MAX), arrays).join("\n")
    }

    #[test]
    fn json_keeps_its_order_and_its_digits_and_folds_long_arrays() {
        let value = br#"{"id":88215,"total":740.50,"big":12345678901234567890123,
            "lines":[1,2,3,4,5,6],"few":[1,{"a":[]}],"tags":["x","y"],"none":{},"id":null}"#;
        insta::assert_snapshot!(shown(Shape::Json, Arrays::Folded, value), @r#"
        {
          "id": 88215,
          "total": 740.50,
          "big": 12345678901234567890123,
          "lines": [ … 6 ],
          "few": [
            1,
            {
              "a": []
            }
          ],
          "tags": ["x", "y"],
          "none": {},
          "id": null
        }
        "#);
        insta::assert_snapshot!(shown(Shape::Json, Arrays::Whole, b"[1,2,3,4,5,6]"), @"[1, 2, 3, 4, 5, 6]");
    }

    #[test]
    fn hex_has_sixteen_bytes_a_line() {
        let value = b"{\"id\":88215,\"total\":740.5,\x00\xff";
        insta::assert_snapshot!(shown(Shape::Hex, Arrays::Folded, value), @r#"
        00000000  7b 22 69 64 22 3a 38 38  32 31 35 2c 22 74 6f 74  {"id":88215,"tot
        00000010  61 6c 22 3a 37 34 30 2e  35 2c 00 ff              al":740.5,..
        "#);
    }

    #[test]
    fn each_value_has_the_shape_that_fits_it() {
        let of = |value: Option<&[u8]>| Shape::of(&Payload::new(value, PAYLOAD_MAX));
        assert_eq!(of(Some(b"{\"a\":1}")), Shape::Json);
        assert_eq!(of(Some(b"{\"a\":1")), Shape::Text);
        assert_eq!(of(Some(b"17")), Shape::Text);
        assert_eq!(of(Some(b"")), Shape::Text);
        assert_eq!(of(None), Shape::Text);
        assert_eq!(of(Some(b"\x00\xff")), Shape::Hex);
        assert_eq!(shown(Shape::Text, Arrays::Folded, b"a\x1b[2J\r\nb\x07"), "a\\x1b[2J\nb\\x07");
        assert_eq!(shown(Shape::Text, Arrays::Folded, b""), "\"\"");
        let cut = Payload::new(Some(b"{\"a\":1}"), 3);
        assert_eq!(Shape::Json.lines(&cut, Arrays::Folded), ["{\"a", "… cut: 3 of 7 bytes"]);
    }

    proptest! {
        #[test]
        fn nothing_that_is_shown_moves_the_cursor(
            value: Vec<u8>,
            json in "[\\[\\]{},:\"0-9a\\x1b\\x07 ]{0,40}",
        ) {
            for shape in [Shape::Text, Shape::Json, Shape::Hex] {
                for value in [value.as_slice(), json.as_bytes()] {
                    let shown = shape.lines(&Payload::new(Some(value), 64), Arrays::Folded);
                    for line in shown {
                        prop_assert!(!line.contains(char::is_control), "{line:?}");
                    }
                }
            }
        }
    }
}
