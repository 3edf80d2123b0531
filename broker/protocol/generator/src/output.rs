//! Reads the schema files, writes the generated ones, and keeps them formatted.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::names::snake_case;
use crate::schema::{Message, parse};
use crate::{api_code, message_code, record_code};

type Error = Box<dyn std::error::Error>;

/// Generated text by path below `broker/protocol/src`.
pub(crate) type Files = BTreeMap<PathBuf, String>;

/// The folder of kt-protocol.
pub(crate) fn protocol_crate() -> PathBuf {
    let generator = Path::new(env!("CARGO_MANIFEST_DIR"));
    generator.parent().expect("the generator stands in the protocol's folder").to_owned()
}

/// Replaces the generated files of kt-protocol. Gives their number.
pub(crate) fn generate_in_place() -> Result<usize, Error> {
    let source = protocol_crate().join("src");
    let messages = source.join("messages");
    if messages.exists() {
        fs::remove_dir_all(&messages)?;
    }
    let files = generate()?;
    write_formatted(&files, &source)?;
    Ok(files.len())
}

/// All generated files, not formatted.
pub(crate) fn generate() -> Result<Files, Error> {
    let messages = read_schemas(&protocol_crate().join("schemas"))?;
    let (apis, messages): (Vec<_>, Vec<_>) = (api_code::apis(&messages), messages);
    let live: Vec<Message> =
        messages.into_iter().filter(|message| !message.valid.is_empty()).collect();
    let mut files = Files::new();
    for message in &live {
        let path = format!("messages/{}.rs", snake_case(&message.name));
        files.insert(path.into(), message_code::message_module(message));
    }
    let unions = record_code::unions(&live);
    let union_names: Vec<&str> = unions.iter().map(|(name, _)| *name).collect();
    let root = message_code::messages_root(&live, &union_names);
    for (name, text) in unions {
        files.insert(format!("messages/{}.rs", snake_case(name)).into(), text);
    }
    files.insert("messages.rs".into(), root);
    files.insert("messages/catalog.rs".into(), message_code::catalog(&live));
    files.insert("api_key/table.rs".into(), api_code::table(&apis));
    Ok(files)
}

fn read_schemas(folder: &Path) -> Result<Vec<Message>, Error> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            paths.extend(
                fs::read_dir(path)?.map(|it| Ok(it?.path())).collect::<Result<Vec<_>, Error>>()?,
            );
        } else {
            paths.push(path);
        }
    }
    paths.sort();
    let mut messages = Vec::new();
    for path in paths {
        let text = fs::read_to_string(&path)?;
        let file = path.file_stem().unwrap_or_default().to_string_lossy();
        let parsed = parse(&file, &text).map_err(|error| format!("{}: {error}", path.display()))?;
        messages.extend(parsed);
    }
    Ok(messages)
}

/// Writes the files below `folder` as rustfmt would have them.
pub(crate) fn write_formatted(files: &Files, folder: &Path) -> Result<(), Error> {
    for (path, text) in files {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().expect("the path is below the folder"))?;
        fs::write(path, text)?;
    }
    // rustfmt follows the modules of `messages.rs`.
    let status = Command::new("rustfmt")
        .args(["--edition", "2024", "--config-path"])
        .arg(protocol_crate().join("../../.rustfmt.toml"))
        .arg(folder.join("messages.rs"))
        .arg(folder.join("api_key/table.rs"))
        .status()
        .map_err(|error| format!("rustfmt does not start: {error}"))?;
    if status.success() { Ok(()) } else { Err("rustfmt refused the generated code".into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn committed_files_are_what_the_schemas_say() {
        let files = generate().unwrap();
        let fresh = tempfile::tempdir().unwrap();
        write_formatted(&files, fresh.path()).unwrap();
        let source = protocol_crate().join("src");
        for path in files.keys() {
            let committed = fs::read_to_string(source.join(path)).unwrap_or_default();
            let generated = fs::read_to_string(fresh.path().join(path)).unwrap();
            assert!(
                committed == generated,
                "{} is stale: run `cargo run -p kt-protocol-generator`",
                path.display()
            );
        }
        let modules = fs::read_dir(source.join("messages")).unwrap().count();
        let generated = files.keys().filter(|path| path.starts_with("messages")).count();
        assert_eq!(modules, generated, "a module in messages/ belongs to no schema");
    }
}
