//! `-o template=T`: paths into one item, such as `{name}\t{partitions.0.leader}\n`.

use std::io::Write;
use std::str::FromStr;

use serde_json::Value;

use crate::error::CliError;
use crate::nearest::nearest;

/// A template, read once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Path(String),
}

impl FromStr for Template {
    type Err = String;

    fn from_str(text: &str) -> Result<Template, String> {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut characters = text.chars().peekable();
        while let Some(character) = characters.next() {
            match character {
                '\\' => plain.push(escape(characters.next())?),
                '{' if characters.next_if_eq(&'{').is_some() => plain.push('{'),
                '{' => {
                    let mut path = String::new();
                    loop {
                        match characters.next() {
                            Some('}') => break,
                            Some(it) => path.push(it),
                            None => return Err(format!("the template lacks a }} after {{{path}")),
                        }
                    }
                    if path.is_empty() {
                        return Err("the template has an empty {}: name a field".to_owned());
                    }
                    parts.push(Part::Text(std::mem::take(&mut plain)));
                    parts.push(Part::Path(path));
                }
                it => plain.push(it),
            }
        }
        parts.push(Part::Text(plain));
        parts.retain(|it| *it != Part::Text(String::new()));
        Ok(Template { parts })
    }
}

impl Template {
    /// The fields that it names.
    pub(super) fn paths(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|it| match it {
            Part::Path(path) => Some(path.as_str()),
            Part::Text(_) => None,
        })
    }
}

fn escape(character: Option<char>) -> Result<char, String> {
    match character {
        Some('t') => Ok('\t'),
        Some('n') => Ok('\n'),
        Some('\\') => Ok('\\'),
        Some(it) => Err(format!("the template has \\{it}: it knows \\t, \\n and \\\\")),
        None => Err("the template ends with a single \\".to_owned()),
    }
}

pub(super) fn write(
    template: &Template,
    items: &[Value],
    out: &mut dyn Write,
) -> Result<(), CliError> {
    for item in items {
        for part in &template.parts {
            match part {
                Part::Text(text) => out.write_all(text.as_bytes())?,
                Part::Path(path) => write_value(look_up(item, path)?, out)?,
            }
        }
    }
    Ok(())
}

/// The value at `path` in an item. What is null has only null in it; so has a list beyond its end.
pub(super) fn look_up<'a>(item: &'a Value, path: &str) -> Result<&'a Value, CliError> {
    let mut value = item;
    for step in path.split('.') {
        value = match value {
            Value::Null => return Ok(&Value::Null),
            Value::Array(list) => match step.parse::<usize>() {
                Ok(index) => list.get(index).unwrap_or(&Value::Null),
                Err(_) => return Err(no_field(path, step, None)),
            },
            Value::Object(fields) => match fields.get(step) {
                Some(value) => value,
                None => return Err(no_field(path, step, nearest(step, fields.keys()))),
            },
            _ => return Err(no_field(path, step, None)),
        };
    }
    Ok(value)
}

fn no_field(path: &str, step: &str, nearest: Option<&str>) -> CliError {
    let error = CliError::usage(format!("{{{path}}}: the item has no field \"{step}\""));
    match nearest {
        Some(field) => error.hint(format!("did you mean \"{field}\"?")),
        None => error.hint("-o jsonl shows every field"),
    }
}

fn write_value(value: &Value, out: &mut dyn Write) -> Result<(), CliError> {
    match value {
        Value::Null => {}
        Value::String(text) => out.write_all(text.as_bytes())?,
        value => write!(out, "{value}")?,
    }
    Ok(())
}
