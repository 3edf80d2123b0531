//! Changes of the user's file: comments and order stay as they are, and a crash leaves the old
//! file or the new one.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use toml_edit::{DocumentMut, Item, Table, TomlError, value};

use super::{Context, Scalar, parse_fault, user_file};
use crate::error::{CliError, Kind};

/// The user's file, being changed.
#[derive(Debug)]
pub(crate) struct Edit {
    path: PathBuf,
    document: DocumentMut,
}

impl Edit {
    /// Reads the file, or begins one.
    ///
    /// # Errors
    ///
    /// The user has no home, or the file cannot be read or understood.
    pub(crate) fn begin() -> Result<Edit, CliError> {
        let path = user_file().ok_or_else(|| {
            CliError::other("there is no place for contexts").hint("set HOME or XDG_CONFIG_HOME")
        })?;
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(fault(&path, &error)),
        };
        let document = text.parse().map_err(|error: TomlError| {
            // The whole error quotes the line, which may hold a secret.
            let reason = parse_fault(&text, error.span(), error.message());
            fault(&path, &reason)
        })?;
        Ok(Edit { path, document })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes a context the one in use.
    pub(crate) fn choose(&mut self, name: &str) {
        let mut chosen = toml_edit::Value::from(name);
        if let Some(old) = self.document.get("context").and_then(Item::as_value) {
            // With the comment behind it.
            *chosen.decor_mut() = old.decor().clone();
        }
        self.document["context"] = Item::Value(chosen);
    }

    /// Adds a context. False if one of that name is there.
    pub(crate) fn add(&mut self, name: &str, context: &Context) -> bool {
        let contexts = self.document.entry("contexts").or_insert_with(|| {
            let mut contexts = Table::new();
            contexts.set_implicit(true);
            Item::Table(contexts)
        });
        let Some(contexts) = contexts.as_table_like_mut() else { return false };
        if contexts.contains_key(name) {
            return false;
        }
        contexts.insert(name, Item::Table(table(context)));
        true
    }

    /// Writes the file, readable by its owner only.
    ///
    /// # Errors
    ///
    /// It cannot be written; the old one is still there.
    pub(crate) fn save(&self) -> Result<(), CliError> {
        self.write().map_err(|error| {
            let message = format!("cannot write {}: {error}", self.path.display());
            CliError::new(Kind::Other, "ERROR", message)
        })
    }

    fn write(&self) -> io::Result<()> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        // A link is followed: dotfiles often are links into a repository.
        let path = fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
        let folder = path.parent().unwrap_or(folder);
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.as_file().set_permissions(fs::Permissions::from_mode(0o600))?;
        file.write_all(self.document.to_string().as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(&path).map_err(|error| error.error)?;
        Ok(())
    }
}

fn fault(path: &Path, error: &dyn std::fmt::Display) -> CliError {
    CliError::other(format!("{}: {}", path.display(), error.to_string().trim_end()))
}

fn table(context: &Context) -> Table {
    let mut table = Table::new();
    table["bootstrap"] = value(&context.bootstrap);
    if context.protected {
        table["protected"] = value(true);
    }
    if let Some(color) = &context.color {
        table["color"] = value(color.to_string());
    }
    if let Some(id) = &context.cluster_id {
        table["cluster_id"] = value(id);
    }
    if let Some(path) = &context.command_config {
        table["command_config"] = value(path.display().to_string());
    }
    if !context.client.is_empty() {
        let mut client = Table::new();
        for (key, scalar) in &context.client {
            client[key] = match scalar {
                Scalar::Flag(flag) => value(*flag),
                Scalar::Number(number) => value(*number),
                Scalar::Text(text) => value(text),
            };
        }
        table["client"] = Item::Table(client);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_stay_and_what_is_added_is_read_again() {
        let text = "# mine\ncontext = \"dev\" # for now\n\n[contexts.dev]\nbootstrap = \"dev:1\"\n";
        let mut edit = Edit { path: PathBuf::new(), document: text.parse().unwrap() };
        let client = [("client.id".to_owned(), Scalar::Text("ops".to_owned()))];
        let context = Context {
            bootstrap: "prod:1".to_owned(),
            protected: true,
            color: Some("bright-red".parse().unwrap()),
            client: client.into(),
            ..Context::default()
        };
        assert!(edit.add("prod eu", &context));
        assert!(!edit.add("dev", &context));
        edit.choose("prod eu");
        let text = edit.document.to_string();
        insta::assert_snapshot!(text, @r#"
        # mine
        context = "prod eu" # for now

        [contexts.dev]
        bootstrap = "dev:1"

        [contexts."prod eu"]
        bootstrap = "prod:1"
        protected = true
        color = "bright-red"

        [contexts."prod eu".client]
        "client.id" = "ops"
        "#);
        let read = super::super::parse(&text).unwrap();
        assert_eq!(read.contexts["prod eu"], context);
    }
}
