//! `--fields` and `--sort`: which part of each item is shown, and in which order.
//!
//! A field is a path into one item, as in a template: `name`, `partitions.0.leader`; in a list,
//! `partitions.leader` takes the field of each. In tables the fields are columns, where all of
//! them have the name of one.

use std::cmp::Ordering;
use std::str::FromStr;

use serde::Serialize;
use serde_json::{Map, Value};

use super::table::{Cell, Table};
use crate::error::CliError;
use crate::nearest::nearest;

/// What `--fields` and `--sort` ask for; by default everything, in the command's own order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct View {
    pub(crate) fields: Vec<String>,
    pub(crate) sort: Option<Sort>,
}

/// `[-]FIELD`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sort {
    field: String,
    descends: bool,
}

impl FromStr for Sort {
    type Err = String;

    fn from_str(text: &str) -> Result<Sort, String> {
        let (field, descends) = match text.strip_prefix('-') {
            Some(field) => (field, true),
            None => (text, false),
        };
        match field.is_empty() {
            true => Err("name a field: name, or -name to descend".to_owned()),
            false => Ok(Sort { field: field.to_owned(), descends }),
        }
    }
}

impl Sort {
    /// What it sorts by.
    pub(super) fn field(&self) -> &str {
        &self.field
    }
}

impl View {
    pub(crate) fn is_all(&self) -> bool {
        self.fields.is_empty() && self.sort.is_none()
    }

    /// For forms that leave no choice.
    pub(super) fn refuse(&self, form: &str) -> Result<(), CliError> {
        if self.is_all() {
            return Ok(());
        }
        Err(CliError::usage(format!("{form} has its own fields and order")).hint("-o tsv"))
    }

    /// The items in order, with the fields that are wanted.
    pub(super) fn of_items<I: Serialize>(&self, items: &[I]) -> Result<Vec<Value>, CliError> {
        let items = self.sorted(items)?;
        if self.fields.is_empty() {
            return Ok(items);
        }
        items.iter().map(|item| self.picked(item)).collect()
    }

    /// What the fields are in one item.
    pub(crate) fn picked(&self, item: &Value) -> Result<Value, CliError> {
        let mut picked = Map::new();
        for field in &self.fields {
            picked.insert(field.clone(), look_up(item, field)?);
        }
        Ok(Value::Object(picked))
    }

    /// All items, whole, in order.
    pub(super) fn sorted<I: Serialize>(&self, items: &[I]) -> Result<Vec<Value>, CliError> {
        let mut values = to_values(items)?;
        let order = self.order_of(&values)?;
        Ok(order.into_iter().map(|at| values[at].take()).collect())
    }

    /// The places of the items, in order.
    pub(super) fn order<I: Serialize>(&self, items: &[I]) -> Result<Vec<usize>, CliError> {
        match self.sort {
            Some(_) => self.order_of(&to_values(items)?),
            None => Ok((0..items.len()).collect()),
        }
    }

    fn order_of(&self, items: &[Value]) -> Result<Vec<usize>, CliError> {
        let mut order: Vec<usize> = (0..items.len()).collect();
        let Some(sort) = &self.sort else { return Ok(order) };
        let keys: Result<Vec<Value>, CliError> =
            items.iter().map(|item| look_up(item, &sort.field)).collect();
        let keys = keys?;
        order.sort_by(|a, b| sort.direct(compare(&keys[*a], &keys[*b])));
        Ok(order)
    }

    /// The tables of the items: with the columns that are wanted, in order.
    pub(super) fn of_tables<I: Serialize>(
        &self,
        items: &[I],
        tables: impl Fn(&[I]) -> Vec<Table>,
    ) -> Result<Vec<Table>, CliError> {
        let mut tables = tables(items);
        if self.is_all() {
            return Ok(tables);
        }
        let has = |field: &str| tables.iter().all(|table| table.position(field).is_some());
        let named = self.fields.iter().chain(self.sort.iter().map(|it| &it.field));
        if !named.into_iter().all(|field| has(field)) {
            return self.table_of_paths(items).map(|table| vec![table]);
        }
        for table in &mut tables {
            if let Some(sort) = &self.sort {
                table.sort_by(&sort.field, |a, b| sort.direct(compare_cells(a, b)));
            }
            if !self.fields.is_empty() {
                table.pick(&self.fields);
            }
        }
        Ok(tables)
    }

    /// A table whose columns are paths into the items.
    fn table_of_paths<I: Serialize>(&self, items: &[I]) -> Result<Table, CliError> {
        let items = self.sorted(items)?;
        let fields: Vec<String> = match (self.fields.as_slice(), items.first()) {
            ([], Some(Value::Object(item))) => item.keys().cloned().collect(),
            (fields, _) => fields.to_vec(),
        };
        let mut table = Table::of_fields(fields.iter().cloned());
        for item in &items {
            let cells: Result<Vec<Cell>, CliError> =
                fields.iter().map(|field| Ok(cell(look_up(item, field)?))).collect();
            table.row(cells?);
        }
        Ok(table)
    }
}

impl Sort {
    fn direct(&self, ordering: Ordering) -> Ordering {
        if self.descends { ordering.reverse() } else { ordering }
    }
}

fn to_values<I: Serialize>(items: &[I]) -> Result<Vec<Value>, CliError> {
    let values: Result<Vec<Value>, _> = items.iter().map(serde_json::to_value).collect();
    values.map_err(|error| CliError::other(error.to_string()))
}

/// The value at `path`: what is null has only null in it, and so has a list beyond its end; a name
/// in a list is the field of each of its values.
fn look_up(item: &Value, path: &str) -> Result<Value, CliError> {
    let (step, rest) = match path.split_once('.') {
        Some((step, rest)) => (step, Some(rest)),
        None => (path, None),
    };
    let below = |value: &Value| match rest {
        Some(rest) => look_up(value, rest),
        None => Ok(value.clone()),
    };
    match item {
        Value::Null => Ok(Value::Null),
        Value::Array(list) => match step.parse::<usize>() {
            Ok(index) => list.get(index).map_or(Ok(Value::Null), below),
            Err(_) => list.iter().map(|value| look_up(value, path)).collect(),
        },
        Value::Object(fields) => match fields.get(step) {
            Some(value) => below(value),
            None => Err(no_field(step, nearest(step, fields.keys()))),
        },
        _ => Err(no_field(step, None)),
    }
}

pub(super) fn no_field(field: &str, nearest: Option<&str>) -> CliError {
    let error = CliError::usage(format!("the items have no field \"{field}\""));
    match nearest {
        Some(field) => error.hint(format!("did you mean \"{field}\"?")),
        None => error.hint("-o jsonl shows every field"),
    }
}

/// Unknown first, then flags, numbers, texts, lists by their length.
fn compare(a: &Value, b: &Value) -> Ordering {
    let rank = |value: &Value| match value {
        Value::Null => 0,
        Value::Bool(_) => 1,
        Value::Number(_) => 2,
        Value::String(_) => 3,
        Value::Array(_) => 4,
        Value::Object(_) => 5,
    };
    match (a, b) {
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Number(a), Value::Number(b)) => match (a.as_i64(), b.as_i64()) {
            (Some(a), Some(b)) => a.cmp(&b),
            _ => a.as_f64().unwrap_or(0.0).total_cmp(&b.as_f64().unwrap_or(0.0)),
        },
        (Value::String(a), Value::String(b)) => a.cmp(b),
        (Value::Array(a), Value::Array(b)) => a.len().cmp(&b.len()),
        _ => rank(a).cmp(&rank(b)),
    }
}

fn compare_cells(a: &Cell, b: &Cell) -> Ordering {
    let rank = |cell: &Cell| match cell {
        Cell::Unknown => 0,
        Cell::Flag(_) => 1,
        Cell::Number(_) => 2,
        Cell::Text(_) => 3,
        Cell::List(_) => 4,
    };
    match (a, b) {
        (Cell::Flag(a), Cell::Flag(b)) => a.cmp(b),
        (Cell::Number(a), Cell::Number(b)) => a.cmp(b),
        (Cell::Text(a), Cell::Text(b)) => a.cmp(b),
        (Cell::List(a), Cell::List(b)) => a.len().cmp(&b.len()),
        _ => rank(a).cmp(&rank(b)),
    }
}

fn cell(value: Value) -> Cell {
    match value {
        Value::Null => Cell::Unknown,
        Value::Bool(flag) => Cell::Flag(flag),
        Value::Number(number) => match number.as_i64() {
            Some(number) => Cell::Number(number),
            None => Cell::Text(number.to_string()),
        },
        Value::String(text) => Cell::Text(text),
        Value::Array(list) if list.iter().all(|it| !it.is_array() && !it.is_object()) => {
            let texts = list.iter().map(|it| it.as_str().map_or(it.to_string(), str::to_owned));
            Cell::Text(texts.collect::<Vec<_>>().join(","))
        }
        other => Cell::Text(other.to_string()),
    }
}
