//! `-o table` and `-o wide`: columns for people. The cells are also what `csv` and `tsv` write.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::io::{self, Write};

use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Width};

use super::Style;
use crate::terminal::escaped;

/// In which formats a column or row set is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Everywhere; as a request: what fits most terminals.
    Table,
    /// Not in the plain table.
    Wide,
    /// Only where a program reads: the heading says it to people.
    Machine,
}

impl Scope {
    fn shows(self, column: Scope) -> bool {
        match self {
            Scope::Table => column == Scope::Table,
            Scope::Wide => column != Scope::Machine,
            Scope::Machine => true,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Align {
    Left,
    Right,
}

/// A column; its title is its field's name in capitals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    /// The field of the item, as `json` calls it.
    pub(crate) field: &'static str,
    align: Align,
    pub(crate) scope: Scope,
}

impl Column {
    pub(crate) const fn text(field: &'static str) -> Column {
        Column { field, align: Align::Left, scope: Scope::Table }
    }

    pub(crate) const fn number(field: &'static str) -> Column {
        Column { field, align: Align::Right, scope: Scope::Table }
    }

    pub(crate) const fn scope(self, scope: Scope) -> Column {
        Column { scope, ..self }
    }
}

/// One value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cell {
    Unknown,
    Text(String),
    Number(i64),
    Flag(bool),
    List(Vec<i32>),
}

impl Cell {
    pub(crate) fn text(text: impl Into<String>) -> Cell {
        Cell::Text(text.into())
    }

    pub(crate) fn number(number: Option<i64>) -> Cell {
        number.map_or(Cell::Unknown, Cell::Number)
    }

    pub(crate) fn count(count: usize) -> Cell {
        Cell::Number(i64::try_from(count).unwrap_or(i64::MAX))
    }

    /// For programs: nothing for unknown.
    pub(super) fn raw(&self) -> String {
        match self {
            Cell::Unknown => String::new(),
            Cell::Text(text) => text.clone(),
            Cell::Number(number) => number.to_string(),
            Cell::Flag(flag) => flag.to_string(),
            Cell::List(list) => join(list),
        }
    }

    /// For people: a dash for unknown and for nothing, `yes` only where it is so.
    fn shown(&self) -> String {
        match self {
            Cell::Unknown => "-".to_owned(),
            Cell::Text(text) if text.is_empty() => "-".to_owned(),
            Cell::List(list) if list.is_empty() => "-".to_owned(),
            Cell::Flag(true) => "yes".to_owned(),
            Cell::Flag(false) => "-".to_owned(),
            cell => cell.raw(),
        }
    }
}

fn join(list: &[i32]) -> String {
    list.iter().map(i32::to_string).collect::<Vec<_>>().join(",")
}

/// A column of one table: a command's own, or a path into its items.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Shown {
    field: Cow<'static, str>,
    align: Align,
    scope: Scope,
}

/// Rows under one heading. All tables of one report have the same columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Table {
    /// A line above, for people only.
    heading: Option<String>,
    columns: Vec<Shown>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    pub(crate) fn new(columns: &'static [Column]) -> Table {
        let shown =
            |it: &Column| Shown { field: it.field.into(), align: it.align, scope: it.scope };
        let columns = columns.iter().map(shown).collect();
        Table { heading: None, columns, rows: Vec::new() }
    }

    /// A table of fields that the command did not think of.
    pub(super) fn of_fields(fields: impl Iterator<Item = String>) -> Table {
        let shown =
            |field: String| Shown { field: field.into(), align: Align::Left, scope: Scope::Table };
        Table { heading: None, columns: fields.map(shown).collect(), rows: Vec::new() }
    }

    pub(crate) fn heading(mut self, heading: String) -> Table {
        self.heading = Some(heading);
        self
    }

    /// Adds a row: a cell for each column, in their order.
    pub(crate) fn row(&mut self, cells: Vec<Cell>) {
        assert_eq!(cells.len(), self.columns.len(), "a cell for each column");
        self.rows.push(cells);
    }

    /// Where the column of that field is.
    pub(super) fn position(&self, field: &str) -> Option<usize> {
        self.columns.iter().position(|it| it.field == field)
    }

    /// Orders the rows by the column of that field.
    pub(super) fn sort_by(&mut self, field: &str, compare: impl Fn(&Cell, &Cell) -> Ordering) {
        if let Some(at) = self.position(field) {
            self.rows.sort_by(|a, b| compare(&a[at], &b[at]));
        }
    }

    /// Leaves the columns of those fields, in that order, each shown everywhere.
    pub(super) fn pick(&mut self, fields: &[String]) {
        let places: Vec<usize> = fields.iter().filter_map(|it| self.position(it)).collect();
        let column = |at: &usize| Shown { scope: Scope::Table, ..self.columns[*at].clone() };
        let columns = places.iter().map(column).collect();
        let cells = |row: &Vec<Cell>| places.iter().map(|at| row[*at].clone()).collect();
        let rows = self.rows.iter().map(cells).collect();
        (self.columns, self.rows) = (columns, rows);
    }

    pub(super) fn fields(&self, scope: Scope) -> impl Iterator<Item = &str> {
        self.columns.iter().filter(move |it| scope.shows(it.scope)).map(|it| &*it.field)
    }

    pub(super) fn rows(&self, scope: Scope) -> impl Iterator<Item = impl Iterator<Item = &Cell>> {
        self.rows.iter().map(move |row| {
            let cells = row.iter().zip(&self.columns);
            cells.filter(move |(_, column)| scope.shows(column.scope)).map(|(cell, _)| cell)
        })
    }
}

/// Spaces between two columns.
const GAP: u16 = 2;

/// Writes the tables with columns of at least `widths`, which become those that were needed: so
/// the next rows stand below these.
pub(super) fn write(
    tables: &[Table],
    scope: Scope,
    style: Style,
    widths: &mut Vec<u16>,
    out: &mut dyn Write,
) -> io::Result<()> {
    for (index, table) in tables.iter().enumerate() {
        if let Some(heading) = &table.heading {
            if index != 0 {
                out.write_all(b"\n")?;
            }
            let (open, close) = if style.colors { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
            let heading = if style.for_terminal { escaped(heading) } else { heading.into() };
            writeln!(out, "{open}{heading}{close}")?;
        }
        if !table.rows.is_empty() {
            write_rows(table, scope, style, widths, out)?;
        }
    }
    Ok(())
}

fn write_rows(
    table: &Table,
    scope: Scope,
    style: Style,
    widths: &mut Vec<u16>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut grid = comfy_table::Table::new();
    grid.load_style(comfy_table::presets::NOTHING);
    // A row is a line, whatever the width: wrapped cells can be neither grepped nor compared.
    grid.set_content_arrangement(ContentArrangement::Disabled);
    if style.header {
        grid.set_header(table.fields(scope).map(title));
    }
    for row in table.rows(scope) {
        let shown = row.map(Cell::shown);
        grid.add_row(shown.map(|it| match style.for_terminal {
            true => escaped(&it).into_owned(),
            false => it,
        }));
    }
    let shown = table.columns.iter().filter(|it| scope.shows(it.scope));
    let needed = grid.column_max_content_widths();
    widths.resize(needed.len().max(widths.len()), 0);
    for (width, needed) in widths.iter_mut().zip(needed) {
        *width = needed.max(*width);
    }
    for ((column, of_grid), width) in shown.zip(grid.column_iter_mut()).zip(widths) {
        of_grid.set_padding((0, GAP));
        // With the gap, as the constraint counts it.
        let width = Width::Fixed(width.saturating_add(GAP));
        of_grid.set_constraint(ColumnConstraint::Absolute(width));
        of_grid.set_cell_alignment(match column.align {
            Align::Left => CellAlignment::Left,
            Align::Right => CellAlignment::Right,
        });
    }
    for (index, line) in grid.lines().enumerate() {
        let line = line.trim_end();
        match index == 0 && style.header && style.colors {
            true => writeln!(out, "\x1b[1m{line}\x1b[0m")?,
            false => writeln!(out, "{line}")?,
        }
    }
    Ok(())
}

fn title(field: &str) -> String {
    field.replace('_', " ").to_uppercase()
}
