//! `kt context import`

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use kt_client::is_secret;
use serde_json::Value;

use crate::client_config;
use crate::contexts::edit::Edit;
use crate::contexts::{Context, Scalar};
use crate::error::{self, CliError, Kind};
use crate::properties_file;
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  kt context import client.properties               one context, client
  kt context import ~/.config/kafkactl/config.yml   its contexts
  kt context import ~/.kaf/config                   its clusters
  kt context import ~/.config/rpk/rpk.yaml          its profiles";

/// Add contexts from files of other tools
///
/// Properties of Kafka's clients, and of kcat where Kafka has the same keys; the YAML of kafkactl, kaf and rpk. A properties file
/// with secrets in it stays where it is, and the context names it. Of YAML only addresses and the
/// certificate to trust are taken over; a cluster that wants a login is refused.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct ImportArgs {
    /// The files
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

pub(super) fn run(args: &ImportArgs, session: &Session) -> Result<(), CliError> {
    let mut edit = Edit::begin()?;
    let mut failed = Vec::new();
    let mut count = 0;
    for file in &args.files {
        for (name, context) in read(file)? {
            count += 1;
            match add(&mut edit, &name, &context) {
                Ok(()) => session.say(&format!("{name}  {}", context.bootstrap)),
                Err(error) => {
                    session.complain(&error);
                    failed.push(error);
                }
            }
        }
    }
    if count == 0 {
        return Err(CliError::not_found("the files name no cluster"));
    }
    if !session.globals.dry_run && failed.len() < count {
        edit.save()?;
        let new = count - failed.len();
        let noun = if new == 1 { "context is" } else { "contexts are" };
        session.say(&format!("{new} {noun} new in {}", edit.path().display()));
    }
    error::summary(failed.iter(), count)
}

fn add(edit: &mut Edit, name: &str, context: &Context) -> Result<(), CliError> {
    let named = |error: CliError| CliError {
        message: format!("context \"{name}\": {}", error.message),
        ..error
    };
    client_config::addresses(&context.bootstrap).map_err(named)?;
    client_config::check(context).map_err(named)?;
    if edit.add(name, context) {
        return Ok(());
    }
    Err(CliError::new(Kind::Other, "ALREADY_EXISTS", format!("context \"{name}\" exists already")))
}

type Found = Vec<(String, Context)>;

fn read(path: &Path) -> Result<Found, CliError> {
    let is_yaml = path.extension().is_some_and(|it| it == "yaml" || it == "yml");
    if !is_yaml && !path.ends_with(".kaf/config") {
        let pairs = properties_file::read(path)?;
        return Ok(of_properties(path, pairs).into_iter().collect());
    }
    let text = std::fs::read_to_string(path).map_err(|error| {
        let message = format!("cannot read {}: {error}", path.display());
        match error.kind() {
            std::io::ErrorKind::NotFound => CliError::not_found(message),
            _ => CliError::other(message),
        }
    })?;
    let value: Value = serde_saphyr::from_str(&text).map_err(|error: serde_saphyr::Error| {
        // The whole error quotes the lines around it, which may hold a secret.
        let line = error.location().map_or(0, |it| it.line());
        CliError::usage(format!("{}: line {line} is not YAML", path.display()))
    })?;
    Ok(of_yaml(&value))
}

/// One context, called as the file.
fn of_properties(path: &Path, pairs: Vec<(String, String)>) -> Option<(String, Context)> {
    let mut context = Context::default();
    // A secret stays in its file; so do the keys beside it, that belong to it.
    if pairs.iter().any(|(key, _)| is_secret(key)) {
        context.command_config = Some(std::path::absolute(path).unwrap_or(path.to_owned()));
    }
    for (key, value) in pairs {
        match key.as_str() {
            "bootstrap.servers" | "metadata.broker.list" => context.bootstrap = value,
            _ if context.command_config.is_some() => {}
            _ => drop(context.client.insert(key, Scalar::Text(value))),
        }
    }
    let name = path.file_stem()?.to_string_lossy().trim_start_matches('.').to_owned();
    (!context.bootstrap.is_empty()).then_some((name, context))
}

/// kafkactl: `contexts: {NAME: {brokers: […]}}`; kaf: `clusters: [{name, brokers: […]}]`; rpk:
/// `profiles: [{name, kafka_api: {brokers: […]}}]`.
fn of_yaml(file: &Value) -> Found {
    let mut found = Found::new();
    let mut take = |name: Option<&str>, cluster: &Value, brokers: &Value| {
        let (Some(name), Some(bootstrap)) = (name, addresses(brokers)) else { return };
        found.push((
            name.to_owned(),
            Context { bootstrap, client: keys(cluster), ..Context::default() },
        ));
    };
    for (name, context) in file["contexts"].as_object().into_iter().flatten() {
        take(Some(name), context, &context["brokers"]);
    }
    for cluster in file["clusters"].as_array().into_iter().flatten() {
        take(cluster["name"].as_str(), cluster, &cluster["brokers"]);
    }
    for profile in file["profiles"].as_array().into_iter().flatten() {
        let api = &profile["kafka_api"];
        take(profile["name"].as_str(), api, &api["brokers"]);
    }
    found
}

/// A list of addresses, or one text of them.
fn addresses(brokers: &Value) -> Option<String> {
    let list: Vec<&str> = match brokers {
        Value::String(text) => vec![text],
        Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let with_port = |it: &&str| match it.contains(':') {
        true => (*it).to_owned(),
        false => format!("{it}:9092"),
    };
    let list: Vec<String> = list.iter().map(with_port).collect();
    (!list.is_empty()).then(|| list.join(","))
}

/// What protects, under Kafka's names. The check of a context refuses a login: its password has to
/// stand in a file of its own.
fn keys(cluster: &Value) -> BTreeMap<String, Scalar> {
    let is_on = |value: &Value| match value {
        Value::Null => false,
        Value::Object(fields) => fields.get("enabled").and_then(Value::as_bool).unwrap_or(true),
        _ => true,
    };
    let found = |names: &[&str]| names.iter().map(|it| &cluster[*it]).find(|it| is_on(it)).cloned();
    let tls = found(&["tls", "TLS"]);
    let protocol = match (&tls, found(&["sasl", "SASL"])) {
        (None, None) => return BTreeMap::new(),
        (Some(_), None) => "SSL",
        (None, Some(_)) => "SASL_PLAINTEXT",
        (Some(_), Some(_)) => "SASL_SSL",
    };
    let mut keys = BTreeMap::new();
    let mut set = |key: &str, value: &str| {
        keys.insert(key.to_owned(), Scalar::Text(value.to_owned()));
    };
    set("security.protocol", protocol);
    let tls = tls.unwrap_or_default();
    let authority = ["ca", "cafile", "ca_file", "truststore_file"];
    if let Some(path) =
        authority.iter().find_map(|it| tls[*it].as_str()).filter(|it| !it.is_empty())
    {
        set("ssl.truststore.location", path);
        set("ssl.truststore.type", "PEM");
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> String {
        let value: Value = serde_saphyr::from_str(text).unwrap();
        let line = |(name, it): &(String, Context)| {
            let keys: Vec<String> = it.client.iter().map(|(k, v)| format!(" {k}={v}")).collect();
            format!("{name}: {}{}", it.bootstrap, keys.concat())
        };
        of_yaml(&value).iter().map(line).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn files_of_other_tools_are_understood() {
        let kafkactl = "contexts:\n  default:\n    brokers: [a:1, b]\n  safe:\n    brokers: c:3\n    tls:\n      enabled: true\n      ca: /ca.pem\ncurrent-context: default";
        insta::assert_snapshot!(found(kafkactl), @"
        default: a:1,b:9092
        safe: c:3 security.protocol=SSL ssl.truststore.location=/ca.pem ssl.truststore.type=PEM
        ");
        let kaf =
            "clusters:\n- name: local\n  brokers:\n  - localhost:9092\n  SASL: null\n  TLS: null";
        insta::assert_snapshot!(found(kaf), @"local: localhost:9092");
        let rpk =
            "profiles:\n- name: p\n  kafka_api:\n    brokers: [r:1]\n    sasl:\n      user: u";
        insta::assert_snapshot!(found(rpk), @"p: r:1 security.protocol=SASL_PLAINTEXT");
    }

    #[test]
    fn properties_make_one_context_with_the_name_of_the_file() {
        let pairs = [("bootstrap.servers", "a:1"), ("client.id", "me")];
        let pairs = pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec();
        let (name, context) = of_properties(Path::new("/x/client.properties"), pairs).unwrap();
        assert_eq!((name.as_str(), context.bootstrap.as_str()), ("client", "a:1"));
        assert_eq!(context.client["client.id"].to_string(), "me");
        assert_eq!(of_properties(Path::new("x"), Vec::new()), None);
    }

    #[test]
    fn properties_with_secrets_stay_in_their_file() {
        let pairs = [("bootstrap.servers", "a:1"), ("ssl.key.password", "geheim")];
        let pairs = pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec();
        let (_, context) = of_properties(Path::new("/x/client.properties"), pairs).unwrap();
        assert_eq!(context.command_config.as_deref(), Some(Path::new("/x/client.properties")));
        assert!(context.client.is_empty());
    }
}
