//! A report whose items are written while they come: memory does not grow with their number.
//!
//! A block of items is written as a report of its own would be, without what stands at the start
//! and at the end of all. Only `--sort` has to hold everything, and is refused beyond a bound.

use std::io::Write;

use serde_json::json;

use super::{
    Format, Item, ItemError, Report, Scope, Style, View, csv, name, table, template, tsv, yaml,
};
use crate::error::CliError;

/// So many items, or bytes of what they hold, make a block.
const BLOCK_ITEMS: usize = 500;
const BLOCK_BYTES: usize = 256 << 10;

/// So many items, or bytes of what they hold, may be sorted.
const SORTED_ITEMS_MAX: usize = 100_000;
const SORTED_BYTES_MAX: usize = 64 << 20;

/// A report of which the items are not known at once.
pub(crate) struct Stream<I> {
    format: Format,
    view: View,
    style: Style,
    /// What is not yet written.
    block: Report<I>,
    block_bytes: usize,
    has_begun: bool,
    /// Of the columns so far.
    widths: Vec<u16>,
    /// The name that was written last: one stands once for all its items in a row.
    last_name: Option<String>,
}

impl<I: Item> Stream<I> {
    /// A stream of the items of `report`, which has none yet.
    ///
    /// `json`, `jsonl` and `kafka` need no blocks: whoever has items one by one writes them so.
    ///
    /// # Panics
    /// It is one of these, and not to be sorted.
    pub(crate) fn new(format: Format, view: View, style: Style, report: Report<I>) -> Stream<I> {
        let is_by_item =
            matches!(format, Format::Json | Format::Jsonl | Format::Kafka | Format::Screen(_));
        assert!(view.sort.is_some() || !is_by_item, "-o {format} is not written by blocks");
        Stream {
            format,
            view,
            style,
            block: report,
            block_bytes: 0,
            has_begun: false,
            widths: Vec::new(),
            last_name: None,
        }
    }

    /// Takes an item that holds about so many bytes beside its numbers.
    ///
    /// # Errors
    /// Those of `out`; a field that the items lack; more items than can be sorted.
    pub(crate) fn item(
        &mut self,
        item: I,
        bytes: usize,
        out: &mut dyn Write,
    ) -> Result<(), CliError> {
        self.block.items.push(item);
        self.block_bytes += bytes;
        let (items, bytes) = (self.block.items.len(), self.block_bytes);
        if self.view.sort.is_some() {
            return match SORTED_ITEMS_MAX < items || SORTED_BYTES_MAX < bytes {
                true => Err(too_many_to_sort()),
                false => Ok(()),
            };
        }
        match BLOCK_ITEMS <= items || BLOCK_BYTES <= bytes {
            true => self.write_block(out),
            false => Ok(()),
        }
    }

    /// Writes what is left, and what stands at the end.
    ///
    /// # Errors
    /// Those of `out`; a field that the items lack.
    pub(crate) fn finish(
        mut self,
        errors: &[ItemError],
        out: &mut dyn Write,
    ) -> Result<(), CliError> {
        if self.view.sort.is_some() {
            self.block.errors = errors.to_vec();
            return self.block.write(&self.format, &self.view, self.style, out);
        }
        if !self.block.items.is_empty() || !self.has_begun {
            self.write_block(out)?;
        }
        if self.format == Format::Yaml {
            yaml::write(&json!({ "errors": errors }), out)?;
        }
        Ok(())
    }

    fn write_block(&mut self, out: &mut dyn Write) -> Result<(), CliError> {
        let style = Style { header: self.style.header && !self.has_begun, ..self.style };
        let (view, items, widths) = (&self.view, &self.block.items, &mut self.widths);
        let tables = || view.of_tables(items, I::tables);
        match &self.format {
            Format::Table => table::write(&tables()?, Scope::Table, style, widths, out)?,
            Format::Wide => table::write(&tables()?, Scope::Wide, style, widths, out)?,
            Format::Csv => csv::write(&tables()?, style, out)?,
            Format::Tsv => tsv::write(&tables()?, style, out)?,
            Format::Name => {
                let last = &mut self.last_name;
                let names = items.iter().map(I::name);
                let names = names.filter(|it| last.replace(it.clone()).as_ref() != Some(it));
                name::write(names, out)?;
            }
            Format::Template(template) => template::write(template, &view.sorted(items)?, out)?,
            Format::Yaml => {
                if !self.has_begun {
                    yaml::write(&self.block.head(), out)?;
                    out.write_all(if items.is_empty() { b"items: []\n" } else { b"items:\n" })?;
                }
                if !items.is_empty() {
                    yaml::write_items(&view.of_items(items)?, out)?;
                }
            }
            Format::Json | Format::Jsonl | Format::Kafka | Format::Screen(_) => {
                unreachable!("refused at the start")
            }
        }
        self.has_begun = true;
        self.block_bytes = 0;
        self.block.items.clear();
        Ok(())
    }
}

fn too_many_to_sort() -> CliError {
    let message = format!(
        "--sort holds all items in memory: these are more than {SORTED_ITEMS_MAX}, or {} MiB",
        SORTED_BYTES_MAX >> 20
    );
    CliError::other(message).hint("choose fewer of them, or sort the lines of -o tsv")
}
