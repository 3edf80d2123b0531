//! Whether the fields that a view or template names exist, before there are items: a change must
//! not be made first and then fail to be shown.

use serde_json::Value;

use super::view::no_field;
use super::{DocumentKind, Format, View};
use crate::error::CliError;
use crate::nearest::nearest;

/// Looks for each field in the schema of the items.
///
/// # Errors
///
/// The first that is not there.
pub(crate) fn check(kind: &DocumentKind, format: &Format, view: &View) -> Result<(), CliError> {
    let mut paths: Vec<&str> = view.fields.iter().map(String::as_str).collect();
    paths.extend(view.sort.as_ref().map(|it| it.field()));
    if let Format::Template(template) = format {
        paths.extend(template.paths());
    }
    if paths.is_empty() {
        return Ok(());
    }
    let schema = kind.schema();
    let items = &schema["properties"]["items"]["items"];
    paths.into_iter().try_for_each(|path| check_path(&schema, items, path))
}

fn check_path(root: &Value, at: &Value, path: &str) -> Result<(), CliError> {
    let at = resolve(root, at);
    let (step, rest) = match path.split_once('.') {
        Some((step, rest)) => (step, Some(rest)),
        None => (path, None),
    };
    if let Some(each) = at.get("items") {
        let path = if step.parse::<usize>().is_ok() { rest } else { Some(path) };
        return path.map_or(Ok(()), |path| check_path(root, each, path));
    }
    let Some(fields) = at.get("properties").and_then(Value::as_object) else {
        // Any value may stand there, or one without fields: that shows in the item.
        return Ok(());
    };
    match (fields.get(step), rest) {
        (None, _) => Err(no_field(step, nearest(step, fields.keys()))),
        (Some(below), Some(rest)) => check_path(root, below, rest),
        (Some(_), None) => Ok(()),
    }
}

/// What a reference, or a choice between null and something, stands for.
fn resolve<'a>(root: &'a Value, at: &'a Value) -> &'a Value {
    if let Some(name) = at.get("$ref").and_then(Value::as_str) {
        let name = name.rsplit('/').next().unwrap_or_default();
        return &root["$defs"][name];
    }
    let choices = at.get("anyOf").and_then(Value::as_array);
    let some = choices.and_then(|it| it.iter().find(|it| it["type"] != "null"));
    some.map_or(at, |it| resolve(root, it))
}

#[cfg(test)]
mod tests {
    use schemars::JsonSchema;

    use super::*;

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is looked at")]
    struct Shape {
        name: String,
        parts: Vec<Part>,
        maybe: Option<Part>,
    }

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is looked at")]
    struct Part {
        leader: i32,
    }

    const KIND: DocumentKind = DocumentKind::described::<Shape>("shape");

    fn checked(fields: &str) -> Result<(), String> {
        let fields = fields.split(',').map(str::to_owned).collect();
        let view = View { fields, ..View::default() };
        check(&KIND, &Format::Csv, &view).map_err(|it| it.message)
    }

    #[test]
    fn fields_that_are_there_pass() {
        assert_eq!(checked("name,parts,parts.0.leader,parts.leader,maybe.leader"), Ok(()));
    }

    #[test]
    fn fields_that_are_not_are_named() {
        insta::assert_snapshot!(checked("nmae").unwrap_err(), @r#"the items have no field "nmae""#);
        insta::assert_snapshot!(checked("parts.0.led").unwrap_err(), @r#"the items have no field "led""#);
        insta::assert_snapshot!(checked("maybe.led").unwrap_err(), @r#"the items have no field "led""#);
        let sorted = View { sort: Some("-nosuch".parse().unwrap()), ..View::default() };
        assert!(check(&KIND, &Format::Csv, &sorted).is_err());
        let template = Format::Template("{nosuch}\\n".parse().unwrap());
        assert!(check(&KIND, &template, &View::default()).is_err());
    }
}
