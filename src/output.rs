//! What a command found, on stdout, in the format that was asked for.
//!
//! A command fills a [`Report`] of its own [`Item`] type and knows no format; a format is one file
//! and knows no command.

mod csv;
mod envelope;
mod json;
mod jsonl;
mod known_fields;
mod name;
mod safe;
mod schema;
mod stream;
mod table;
mod template;
mod tsv;
mod view;
mod yaml;

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write};
use std::str::FromStr;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::error::CliError;
use crate::nearest::nearest;
use crate::position::At;
pub(crate) use envelope::{ENVELOPE_VERSION, ItemError, rfc3339_ms};
pub(crate) use known_fields::check as check_fields;
use safe::Escape;
pub(crate) use schema::DocumentKind;
pub(crate) use stream::Stream;
pub(crate) use table::{Cell, Column, Scope, Table};
pub(crate) use template::Template;
pub(crate) use view::{Sort, View};

/// One thing of a command's output.
///
/// Its serialization is the item of `json`, `yaml`, `jsonl` and `template`: snake_case, units in
/// the names, unknown is `None`.
pub(crate) trait Item: JsonSchema + Serialize + Sized {
    /// The `kind` of the envelope.
    const KIND: &'static str;

    /// What other commands take to name this thing.
    fn name(&self) -> String;

    /// The rows for people, and for `csv` and `tsv`.
    fn tables(items: &[Self]) -> Vec<Table>;

    /// What Apache Kafka's tool prints of the same, byte for byte; for the commands that have this
    /// form (`-o kafka`).
    ///
    /// # Errors
    /// The command has no such form; or those of `out`.
    fn kafka(items: &[Self], out: &mut dyn Write) -> Result<(), CliError> {
        let _ = (items, out);
        Err(no_kafka_form())
    }
}

/// `-o kafka` for a command without it.
pub(crate) fn no_kafka_form() -> CliError {
    CliError::usage("-o kafka: this command has no form of Apache Kafka's tools").hint("-o jsonl")
}

/// All that a command has to show.
#[derive(Clone, Debug)]
pub(crate) struct Report<I> {
    pub(crate) cluster_id: Option<String>,
    pub(crate) time: Timestamp,
    pub(crate) items: Vec<I>,
    pub(crate) errors: Vec<ItemError>,
}

/// A format of `--output`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Format {
    Table,
    Wide,
    Json,
    Jsonl,
    Yaml,
    Csv,
    Tsv,
    Name,
    Template(Template),
    /// As Apache Kafka's own tools print it.
    Kafka,
    /// A screen of the dashboard, as it is drawn.
    Screen(Drawing),
}

/// How a screen of the dashboard is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Drawing {
    /// Letters alone.
    Text,
    /// Letters with the colours of a terminal.
    Ansi,
    /// A picture.
    Svg,
}

/// What only the dashboard can print.
pub(crate) fn no_screen_form(format: &Format) -> CliError {
    let message = format!("-o {format} is how the dashboard prints a screen");
    CliError::usage(message).hint("kt dashboard --once overview -o svg")
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Format::Table => "table",
            Format::Wide => "wide",
            Format::Json => "json",
            Format::Jsonl => "jsonl",
            Format::Yaml => "yaml",
            Format::Csv => "csv",
            Format::Tsv => "tsv",
            Format::Name => "name",
            Format::Template(_) => "template",
            Format::Kafka => "kafka",
            Format::Screen(Drawing::Text) => "text",
            Format::Screen(Drawing::Ansi) => "ansi",
            Format::Screen(Drawing::Svg) => "svg",
        })
    }
}

/// The names of the formats, as in the help.
pub(crate) const FORMATS: [&str; 10] =
    ["table", "wide", "json", "jsonl", "yaml", "csv", "tsv", "name", "template=T", "kafka"];

/// A text that names no format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ParseFormatError {
    message: String,
}

impl fmt::Display for ParseFormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ParseFormatError {}

impl FromStr for Format {
    type Err = ParseFormatError;

    fn from_str(text: &str) -> Result<Format, ParseFormatError> {
        if let Some(template) = text.strip_prefix("template=") {
            let template = template.parse().map_err(|message| ParseFormatError { message })?;
            return Ok(Format::Template(template));
        }
        match text {
            "table" => Ok(Format::Table),
            "wide" => Ok(Format::Wide),
            "json" => Ok(Format::Json),
            "jsonl" => Ok(Format::Jsonl),
            "yaml" => Ok(Format::Yaml),
            "csv" => Ok(Format::Csv),
            "tsv" => Ok(Format::Tsv),
            "name" => Ok(Format::Name),
            "kafka" => Ok(Format::Kafka),
            "text" => Ok(Format::Screen(Drawing::Text)),
            "ansi" => Ok(Format::Screen(Drawing::Ansi)),
            "svg" => Ok(Format::Screen(Drawing::Svg)),
            _ => {
                let message = match (position_meant(text), nearest(text, &FORMATS)) {
                    // kcat, kcl and rpk mean the offset by -o.
                    (Some(at), _) => format!("-o is the output; where to start is --from {at}"),
                    (None, Some(format)) => {
                        format!("\"{text}\" is not a format: did you mean {format}?")
                    }
                    (None, None) => format!("\"{text}\" is not a format: {}", FORMATS.join(", ")),
                };
                Err(ParseFormatError { message })
            }
        }
    }
}

/// The position that a text is, in our words.
fn position_meant(text: &str) -> Option<&str> {
    match text {
        "beginning" | "start" => Some("earliest"),
        "end" => Some("latest"),
        text => text.parse::<At>().is_ok().then_some(text),
    }
}

/// How the stream that takes the output wants it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Style {
    /// Data must not drive the terminal, and one document may take many lines.
    pub(crate) for_terminal: bool,
    pub(crate) colors: bool,
    /// False under `--no-header`.
    pub(crate) header: bool,
}

impl<I: Item> Report<I> {
    /// Writes the report to `out`, as much of it as `view` asks for and in its order.
    ///
    /// # Errors
    /// Those of `out`, and a template or a view that names a field which the items lack.
    pub(crate) fn write(
        &self,
        format: &Format,
        view: &View,
        style: Style,
        out: &mut dyn Write,
    ) -> Result<(), CliError> {
        // Tables see to it themselves: they have colours of their own.
        if !style.for_terminal || matches!(format, Format::Table | Format::Wide) {
            return self.write_raw(format, view, style, out);
        }
        let mut text = Vec::new();
        self.write_raw(format, view, style, &mut text)?;
        let is_json = matches!(format, Format::Json | Format::Jsonl | Format::Yaml);
        safe::write(&text, if is_json { Escape::Json } else { Escape::Plain }, out)?;
        out.flush()?;
        Ok(())
    }

    fn write_raw(
        &self,
        format: &Format,
        view: &View,
        style: Style,
        out: &mut dyn Write,
    ) -> Result<(), CliError> {
        let tables = || view.of_tables(&self.items, I::tables);
        match format {
            Format::Table => table::write(&tables()?, Scope::Table, style, &mut Vec::new(), out)?,
            Format::Wide => table::write(&tables()?, Scope::Wide, style, &mut Vec::new(), out)?,
            Format::Csv => csv::write(&tables()?, style, out)?,
            Format::Tsv => tsv::write(&tables()?, style, out)?,
            Format::Kafka => {
                view.refuse("-o kafka")?;
                I::kafka(&self.items, out)?;
            }
            Format::Json if view.is_all() => json::write(&self.envelope(&self.items), style, out)?,
            Format::Yaml if view.is_all() => yaml::write(&self.envelope(&self.items), out)?,
            Format::Jsonl if view.is_all() => jsonl::write(&self.items, out)?,
            Format::Json => json::write(&self.envelope(&view.of_items(&self.items)?), style, out)?,
            Format::Yaml => yaml::write(&self.envelope(&view.of_items(&self.items)?), out)?,
            Format::Jsonl => jsonl::write(&view.of_items(&self.items)?, out)?,
            Format::Name => {
                let order = view.order(&self.items)?;
                name::write(order.iter().map(|at| self.items[*at].name()), out)?;
            }
            Format::Screen(_) => return Err(no_screen_form(format)),
            Format::Template(template) => {
                let items = view.sorted(&self.items)?;
                template::write(template, &items, out)?;
            }
        }
        out.flush()?;
        Ok(())
    }
}

impl<I: Item> Report<I> {
    /// The lines of `jsonl` by the names of their items; the second of a name is `NAME#1`.
    pub(crate) fn lines(&self, view: &View) -> Result<BTreeMap<String, Vec<u8>>, CliError> {
        let mut lines = BTreeMap::new();
        for (at, item) in view.order(&self.items)?.into_iter().zip(view.of_items(&self.items)?) {
            let name = self.items[at].name();
            let twins = (1..).map(|number| format!("{name}#{number}"));
            let mut keys = std::iter::once(name.clone()).chain(twins);
            let key = keys.find(|key| !lines.contains_key(key)).expect("there is no end of them");
            let mut line = Vec::new();
            write_compact(&item, &mut line)?;
            line.push(b'\n');
            lines.insert(key, line);
        }
        Ok(lines)
    }
}

/// Serializes into one line, without the line's end.
fn write_compact(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer(out, value).map_err(io::Error::from)
}

#[cfg(test)]
mod tests;
