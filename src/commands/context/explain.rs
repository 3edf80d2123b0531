//! `kt context explain`

use std::path::Path;

use schemars::JsonSchema;
use serde::Serialize;

use crate::contexts::{Contexts, InUse, Origin};
use crate::error::CliError;
use crate::output::{Cell, Column, DocumentKind, Item, Table};
use crate::properties_file;
use crate::session::Session;

#[derive(Clone, Debug, JsonSchema, Serialize)]
struct Setting {
    setting: String,
    value: Option<String>,
    from: String,
}

pub(super) const KIND: DocumentKind = DocumentKind::of::<Setting>();

const COLUMNS: &[Column] = &[Column::text("setting"), Column::text("value"), Column::text("from")];

impl Item for Setting {
    const KIND: &'static str = "context.explain";

    fn name(&self) -> String {
        self.setting.clone()
    }

    fn tables(items: &[Setting]) -> Vec<Table> {
        let mut table = Table::new(COLUMNS);
        for it in items {
            let value = it.value.as_ref().map_or(Cell::Unknown, Cell::text);
            table.row(vec![Cell::text(&it.setting), value, Cell::text(&it.from)]);
        }
        vec![table]
    }
}

pub(super) fn run(session: &Session) -> Result<(), CliError> {
    let target = Contexts::load()?.target(&session.globals.asked())?;
    let mut items = Vec::new();
    match &target.context {
        Some(it) => items.push(setting("context", Some(it.name.clone()), &it.chosen_by)),
        None => items.push(setting("context", None, &Origin::BuiltIn)),
    }
    items.push(setting("bootstrap", Some(target.bootstrap.clone()), &target.origin));
    if let Some(in_use) = &target.context {
        items.extend(of_context(in_use));
    }
    let globals = &session.globals;
    if let Some(path) = &globals.command_config {
        let origin =
            flag_or_variable(globals.given.command_config, "--command-config", "KT_COMMAND_CONFIG");
        items.push(setting("command_config", Some(path.display().to_string()), &origin));
        items.extend(of_file(path));
    }
    for pair in &globals.client_config {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        items.push(of_key(key, value, &Origin::Flag("-X")));
    }
    let output = match std::env::var_os("KT_OUTPUT") {
        _ if globals.json => Origin::Flag("--json"),
        _ if globals.given.output => Origin::Flag("--output"),
        Some(_) => Origin::Environment("KT_OUTPUT"),
        None => Origin::BuiltIn,
    };
    let format = globals.format().map_or("table".to_owned(), |it| it.to_string());
    items.push(setting("output", Some(format), &output));
    let timeout = match std::env::var_os("KT_TIMEOUT") {
        _ if globals.given.timeout => Origin::Flag("--timeout"),
        Some(_) => Origin::Environment("KT_TIMEOUT"),
        None => Origin::BuiltIn,
    };
    items.push(setting("timeout", Some(globals.timeout.to_string()), &timeout));
    session.print(&session.local_report(items))
}

fn flag_or_variable(is_flag: bool, flag: &'static str, variable: &'static str) -> Origin {
    if is_flag { Origin::Flag(flag) } else { Origin::Environment(variable) }
}

fn setting(name: &str, value: Option<String>, from: &Origin) -> Setting {
    Setting { setting: name.to_owned(), value, from: from.to_string() }
}

fn of_context(in_use: &InUse) -> Vec<Setting> {
    let InUse { context, file, .. } = in_use;
    let from = Origin::File(file.clone());
    let mut items = vec![
        setting("protected", Some(context.protected.to_string()), &from),
        setting("color", context.color.map(|it| it.to_string()), &from),
        setting("cluster_id", context.cluster_id.clone(), &from),
    ];
    if let Some(path) = &context.command_config {
        items.push(setting("command_config", Some(path.display().to_string()), &from));
        items.extend(of_file(&file.parent().unwrap_or(Path::new("")).join(path)));
    }
    for (key, value) in &context.client {
        items.push(of_key(key, &value.to_string(), &from));
    }
    items
}

/// What a properties file sets. One that cannot be read fails the commands that need it.
fn of_file(path: &Path) -> Vec<Setting> {
    let from = Origin::File(path.to_owned());
    let pairs = properties_file::read(path).unwrap_or_default();
    pairs.iter().map(|(key, value)| of_key(key, value, &from)).collect()
}

fn of_key(key: &str, value: &str, from: &Origin) -> Setting {
    let value = (!kt_client::is_secret(key)).then(|| value.to_owned());
    setting(&format!("client.{key}"), value, from)
}
