//! The table of config keys, compared with Apache Kafka 4.3.1's (`configs.tsv`).

use std::collections::BTreeMap;

use kt_node::config::{
    Accepted, BrokerConfig, BrokerSources, ConfigKey, Default as KeyDefault, Effect, Kind,
    Strictness, broker_key, broker_keys, group_key, topic_key, topic_keys,
};

/// Keys that the table does not have: Kafka has them in other tables (its authorizer's, and those of
/// replication quotas, which are dynamic only), or not at all.
const EXTRA: [&str; 7] = [
    "allow.everyone.if.no.acl.found",
    "follower.replication.throttled.rate",
    "leader.replication.throttled.rate",
    "log.flush.on.ack",
    "metrics.listener",
    "replica.alter.log.dirs.io.max.bytes.per.second",
    "super.users",
];
/// What Kafka calls ranges that leave nothing out that could be written in a file.
const NO_RANGES: [&str; 2] = ["non-null string", "non-empty list"];

struct Row<'a> {
    scope: &'a str,
    name: &'a str,
    kind: &'a str,
    default: &'a str,
    accepted: &'a str,
}

fn rows() -> Vec<Row<'static>> {
    let row = |line: &'static str| {
        let columns: Vec<&str> = line.split('\t').collect();
        let [scope, name, kind, default, accepted] = columns[..] else { panic!("{line}") };
        Row { scope, name, kind, default, accepted }
    };
    include_str!("configs.tsv").lines().skip(1).map(row).collect()
}

fn kind(kind: Kind) -> String {
    format!("{kind:?}").to_lowercase()
}

fn default(key: &ConfigKey) -> &str {
    match key.default {
        KeyDefault::Value(value) => value,
        KeyDefault::Null => "null",
        KeyDefault::Required => "(required)",
    }
}

fn accepted(accepted: Accepted) -> String {
    match accepted {
        Accepted::Any => String::new(),
        Accepted::AtLeast(min) => format!("[{min},...]"),
        Accepted::Between(min, max) => format!("[{min},...,{max}]"),
        Accepted::Fraction => "[0,...,1]".to_owned(),
        Accepted::GzipLevel => "[1,...,9] or -1".to_owned(),
        Accepted::OneOf(words) => format!("[{}]", words.join(", ")),
        Accepted::OneOfIgnoringCase(words) => {
            format!("(case insensitive) [{}]", words.join(", "))
        }
        Accepted::NotEmpty => "non-empty string".to_owned(),
        Accepted::ThrottledReplicas => {
            "[partitionId]:[brokerId],[partitionId]:[brokerId],...".to_owned()
        }
    }
}

#[test]
fn every_key_of_kafka_is_known_with_its_type_default_and_range() {
    let mut differences = Vec::new();
    for row in rows() {
        let key = match row.scope {
            "broker" => broker_key(row.name),
            "topic" => topic_key(row.name),
            _ => group_key(row.name),
        };
        let Some(key) = key else {
            differences.push(format!("{} {}: unknown", row.scope, row.name));
            continue;
        };
        let own = (kind(key.kind), default(key).to_owned(), accepted(key.accepted));
        let range = if NO_RANGES.contains(&row.accepted) { "" } else { row.accepted };
        let theirs = (row.kind.to_owned(), row.default.to_owned(), range.to_owned());
        if own != theirs {
            differences.push(format!("{} {}: {own:?} {theirs:?}", row.scope, row.name));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn no_key_is_known_that_kafka_does_not_have() {
    let theirs: BTreeMap<(&str, &str), Row<'_>> =
        rows().into_iter().map(|row| ((row.scope, row.name), row)).collect();
    let names = broker_keys().iter().map(|key| key.name);
    let extra: Vec<&str> = names.filter(|it| !theirs.contains_key(&("broker", *it))).collect();
    assert_eq!(extra, EXTRA);
    for key in topic_keys() {
        assert!(theirs.contains_key(&("topic", key.name)), "{}", key.name);
    }
}

/// Parts of names that promise protection, and what has them and promises nothing by itself.
fn sounds_protective(name: &str) -> bool {
    let starts = ["authorizer.", "super.users", "ssl.keystore", "ssl.truststore", "ssl.key."];
    let whole = ["sasl.jaas.config", "ssl.client.auth", "client.quota.callback.class"];
    let ends = [".policy.class.name", "security.inter.broker.protocol", "max.reauth.ms"];
    (starts.iter().any(|it| name.starts_with(it)) && !name.ends_with(".type"))
        || whole.contains(&name)
        || ends.iter().any(|it| name.ends_with(it))
}

fn resolve(name: &str, value: &str) -> Result<(), String> {
    let base = [
        ("node.id", "1"),
        ("process.roles", "broker,controller"),
        ("listeners", "PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093"),
        ("listener.security.protocol.map", "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT"),
        ("controller.listener.names", "CONTROLLER"),
        ("log.dirs", "/data"),
        (name, value),
    ];
    let pairs = base.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let mut sources = BrokerSources::default();
    let added = sources.add_static(pairs, Strictness::RefuseUnknown, &mut Vec::new());
    added.and_then(|()| BrokerConfig::resolve(&sources)).map(drop).map_err(|it| it.to_string())
}

/// A value that is not the key's default.
fn other_value(key: &ConfigKey) -> String {
    let value = match (key.kind, key.accepted) {
        (_, Accepted::OneOf(words)) => {
            words.iter().find(|word| **word != default(key)).copied().unwrap_or_default()
        }
        (Kind::Boolean, _) if default(key) == "true" => "false",
        (Kind::Boolean, _) => "true",
        (Kind::Int | Kind::Short | Kind::Long | Kind::Double, _) => "7",
        _ => "something",
    };
    value.to_owned()
}

#[test]
fn what_would_protect_refuses_to_start() {
    for key in broker_keys() {
        if key.effect == Effect::Protects {
            let refused = resolve(key.name, &other_value(key)).unwrap_err();
            assert!(refused.contains(key.name), "{}: {refused}", key.name);
        } else {
            assert!(!sounds_protective(key.name), "{} would protect, and starts", key.name);
        }
    }
}
