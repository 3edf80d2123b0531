//! `-o tsv`: tabs between raw values; tab, line end and backslash inside a value are escaped, so
//! that `cut` and `awk` need no quoting rules.

use std::io::{self, Write};

use super::Style;
use super::table::{Scope, Table};

pub(super) fn write(tables: &[Table], style: Style, out: &mut dyn Write) -> io::Result<()> {
    for (index, table) in tables.iter().enumerate() {
        if index == 0 && style.header {
            write_line(table.fields(Scope::Machine).map(str::to_owned), out)?;
        }
        for row in table.rows(Scope::Machine) {
            write_line(row.map(|cell| cell.raw()), out)?;
        }
    }
    Ok(())
}

fn write_line(values: impl Iterator<Item = String>, out: &mut dyn Write) -> io::Result<()> {
    for (index, value) in values.enumerate() {
        if index != 0 {
            out.write_all(b"\t")?;
        }
        out.write_all(escaped(&value).as_bytes())?;
    }
    out.write_all(b"\n")
}

fn escaped(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for character in value.chars() {
        match character {
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\\' => out.push_str("\\\\"),
            it => out.push(it),
        }
    }
    out
}
