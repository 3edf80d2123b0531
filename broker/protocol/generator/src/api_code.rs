//! Rust for the table of API keys.

use std::fmt::Write;

use crate::message_code::GENERATED;
use crate::schema::{Message, MessageKind};
use crate::versions::Versions;

/// An API: a request and its response.
pub(crate) struct Api {
    key: i16,
    name: String,
    valid: Versions,
    flexible: Versions,
    listeners: Vec<String>,
    forwardable: bool,
    cluster_action: bool,
    latest_unstable: bool,
}

/// The APIs of all requests, by key.
pub(crate) fn apis(messages: &[Message]) -> Vec<Api> {
    let requests = messages.iter().filter(|it| it.kind == MessageKind::Request);
    let mut apis: Vec<Api> = requests
        .map(|request| Api {
            key: request.key.expect("a request has a key"),
            name: request.name.trim_end_matches("Request").to_owned(),
            valid: request.valid,
            flexible: request.flexible,
            listeners: request.listeners.clone(),
            forwardable: request.forwardable,
            cluster_action: request.cluster_action,
            latest_unstable: request.latest_unstable,
        })
        .collect();
    apis.sort_by_key(|api| api.key);
    apis
}

/// `api_key/table.rs`: the enum, and what is known of each key.
pub(crate) fn table(apis: &[Api]) -> String {
    let mut text = format!("//! The API keys and what the schemas say of each.\n{GENERATED}\n");
    text += "use super::ApiFacts;\nuse crate::codec::Versions;\n\n";
    text += "/// What a request asks for.\n\
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]\n#[repr(i16)]\n\
        #[expect(missing_docs, reason = \"the names are Kafka's\")]\npub enum ApiKey {\n";
    for Api { key, name, .. } in apis {
        _ = writeln!(text, "{name} = {key},");
    }
    text += "}\n\npub(super) static FACTS: &[ApiFacts] = &[\n";
    for api in apis {
        let versions = |it: Versions| match (it.is_empty(), it.max) {
            (true, _) => "Versions::NONE".to_owned(),
            (false, i16::MAX) => format!("Versions::since({})", it.min),
            (false, max) => format!("Versions::new({}, {max})", it.min),
        };
        let on = |listener: &str| api.listeners.iter().any(|it| it == listener);
        _ = writeln!(
            text,
            "ApiFacts {{ key: ApiKey::{name}, name: \"{name}\", valid_versions: {}, \
             flexible_versions: {}, on_broker: {}, on_controller: {}, forwardable: {}, \
             cluster_action: {}, latest_unstable: {} }},",
            versions(api.valid),
            versions(api.flexible),
            on("broker"),
            on("controller"),
            api.forwardable,
            api.cluster_action,
            api.latest_unstable,
            name = api.name,
        );
    }
    text + "];\n"
}
