//! `kt schema`

use std::io::{self, Write};

use clap::Args;

use super::kinds;
use crate::error::CliError;
use crate::nearest::nearest;
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  kt schema                              every kind of document
  kt schema topics.describe              what -o json of kt topics describe holds
  kt schema consume | jq '.\"$defs\"'";

/// Print the JSON Schema of a kind of output
///
/// Kinds are what the field `kind` says in -o json. Without one, lists them.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct SchemaArgs {
    /// The kind: topics.list, consume, ...
    #[arg(value_name = "KIND")]
    kind: Option<String>,
}

pub(crate) fn run(args: &SchemaArgs, session: &Session) -> Result<(), CliError> {
    let kinds = kinds();
    let mut out = io::BufWriter::new(io::stdout().lock());
    let Some(wanted) = &args.kind else {
        for kind in &kinds {
            writeln!(out, "{}", kind.name)?;
        }
        return Ok(out.flush()?);
    };
    let Some(kind) = kinds.iter().find(|it| it.name == *wanted) else {
        let error = CliError::not_found(format!("there is no kind \"{wanted}\""));
        return Err(match nearest(wanted, kinds.iter().map(|it| it.name)) {
            Some(meant) => error.hint(format!("did you mean \"{meant}\"?")),
            None => error.hint("kt schema lists them"),
        });
    };
    let schema = kind.schema();
    match session.terminal.stdout_is_terminal {
        true => serde_json::to_writer_pretty(&mut out, &schema),
        false => serde_json::to_writer(&mut out, &schema),
    }
    .map_err(io::Error::from)?;
    out.write_all(b"\n")?;
    Ok(out.flush()?)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    /// Adds every type of items that a command prints.
    fn items(folder: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                items(&path, found);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let types = text.lines().filter(|it| it.starts_with("impl Item for "));
            found.extend(types.map(|it| format!("{}: {it}", path.display())));
        }
    }

    #[test]
    fn every_kind_has_a_schema() {
        let mut found = Vec::new();
        for folder in ["src/commands", "src/tui"] {
            items(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut found);
        }
        let names: BTreeSet<&str> = kinds().iter().map(|it| it.name).collect();
        // Records are printed without items.
        assert!(names.contains("consume"));
        assert_eq!(names.len(), found.len() + 1, "{names:?} are the kinds of {found:#?}");
        for kind in kinds() {
            let schema = kind.schema();
            assert_eq!(schema["properties"]["kind"]["const"], kind.name);
            assert!(schema["properties"]["items"]["items"].is_object(), "{}", kind.name);
        }
    }
}
