//! `-o csv`: RFC 4180 with lines that end in `\n`; raw values, unknown is empty.

use std::io::{self, Write};

use super::Style;
use super::table::{Scope, Table};

pub(super) fn write(tables: &[Table], style: Style, out: &mut dyn Write) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    for (index, table) in tables.iter().enumerate() {
        if index == 0 && style.header {
            writer.write_record(table.fields(Scope::Machine)).map_err(of_stream)?;
        }
        for row in table.rows(Scope::Machine) {
            writer.write_record(row.map(|cell| cell.raw())).map_err(of_stream)?;
        }
    }
    writer.flush()
}

/// The stream's own error: its kind says whether the reader has gone.
fn of_stream(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        kind => io::Error::other(format!("{kind:?}")),
    }
}
