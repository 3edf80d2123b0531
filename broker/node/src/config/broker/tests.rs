//! The broker's configuration as operators write it.

use super::*;

fn sources(pairs: &[(&str, &str)]) -> Result<BrokerSources, ConfigError> {
    let base = [
        ("node.id", "1"),
        ("process.roles", "broker,controller"),
        ("listeners", "PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093"),
        ("listener.security.protocol.map", "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT"),
        ("controller.listener.names", "CONTROLLER"),
        ("log.dirs", "/data/a,/data/b"),
    ];
    let pairs = base.iter().chain(pairs).map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
    let mut sources = BrokerSources::default();
    sources.add_static(pairs, Strictness::RefuseUnknown, &mut Vec::new())?;
    Ok(sources)
}

fn resolve(pairs: &[(&str, &str)]) -> Result<BrokerConfig, ConfigError> {
    BrokerConfig::resolve(&sources(pairs)?)
}

fn refusal(pairs: &[(&str, &str)]) -> String {
    resolve(pairs).expect_err("refused").to_string()
}

#[test]
fn a_plain_file_resolves_with_kafkas_defaults() {
    let config = resolve(&[]).unwrap();
    assert_eq!(config.node_id, NodeId(1));
    assert_eq!(config.log_dirs.len(), 2);
    assert_eq!(config.metadata_log_dir, PathBuf::from("/data/a"));
    assert_eq!(config.inter_broker_listener_name, "PLAINTEXT");
    assert_eq!(config.advertised_listeners.len(), 1);
    assert_eq!(config.socket_request_max_bytes, 104_857_600);
    assert_eq!(config.topic_defaults.retention_ms, 604_800_000);
    assert!(config.log_flush_on_ack);
}

#[test]
fn wrong_values_name_key_value_and_range() {
    assert_eq!(
        refusal(&[("num.partitions", "0")]),
        "Invalid value 0 for configuration num.partitions: Value must be at least 1"
    );
    assert_eq!(
        refusal(&[("num.partition", "3")]),
        "unknown configuration key num.partition; did you mean num.partitions?"
    );
    assert!(refusal(&[("process.roles", "broker")]).contains("process.roles=broker,controller"));
    assert!(refusal(&[("log.dirs", "/a,/a")]).contains("twice"));
}

#[test]
fn what_would_protect_and_does_not_yet_refuses_to_start() {
    for (key, value) in [
        ("authorizer.class.name", "org.apache.kafka.metadata.authorizer.StandardAuthorizer"),
        ("ssl.keystore.location", "/k.jks"),
        ("super.users", "User:a"),
        ("listener.name.plaintext.ssl.client.auth", "required"),
    ] {
        assert!(refusal(&[(key, value)]).starts_with(key), "{key}");
    }
    let tls = [
        ("listeners", "SSL://:9092,CONTROLLER://:9093"),
        ("listener.security.protocol.map", "SSL:SSL,CONTROLLER:PLAINTEXT"),
    ];
    assert!(refusal(&tls).contains("SSL"));
}

#[test]
fn bind_is_not_advertise() {
    let everywhere = "PLAINTEXT://0.0.0.0:9092,CONTROLLER://127.0.0.1:9093";
    assert!(refusal(&[("listeners", everywhere)]).contains("advertised.listeners=PLAINTEXT://"));
    let config = resolve(&[
        ("listeners", everywhere),
        ("advertised.listeners", "PLAINTEXT://broker.example:19092"),
    ])
    .unwrap();
    assert_eq!(config.advertised_listeners[0].port, 19092);
    assert!(refusal(&[("advertised.listeners", "OTHER://h:1")]).contains("OTHER"));
}

#[test]
fn dynamic_values_win_over_static_ones() {
    let mut sources = sources(&[("log.retention.hours", "1")]).unwrap();
    let retention = |sources: &BrokerSources| {
        BrokerConfig::resolve(sources).unwrap().topic_defaults.retention_ms
    };
    assert_eq!(retention(&sources), 3_600_000);
    sources.dynamic_default.insert("log.retention.ms".to_owned(), "7".to_owned());
    assert_eq!(retention(&sources), 7);
    sources.dynamic_broker.insert("log.retention.ms".to_owned(), "5".to_owned());
    assert_eq!(retention(&sources), 5);
}

#[test]
fn unknown_keys_of_a_file_are_warnings() {
    let mut warnings = Vec::new();
    let pairs = [("my.plugin.key".to_owned(), "1".to_owned())];
    let mut sources = BrokerSources::default();
    sources.add_static(pairs, Strictness::WarnOfUnknown, &mut warnings).unwrap();
    assert_eq!(warnings, [Warning("unknown configuration key my.plugin.key".to_owned())]);
}
