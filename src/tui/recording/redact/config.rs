//! Which config keys and values say nothing of who runs a cluster.

use super::names::Names;
use crate::config_meaning::is_known;

/// Words that values of Kafka's own configs are made of.
const WORDS: [&str; 22] = [
    "true",
    "false",
    "delete",
    "compact",
    "producer",
    "uncompressed",
    "none",
    "gzip",
    "snappy",
    "lz4",
    "zstd",
    "CreateTime",
    "LogAppendTime",
    "broker",
    "controller",
    "TRACE",
    "DEBUG",
    "INFO",
    "WARN",
    "ERROR",
    "FATAL",
    "OFF",
];

/// Shown instead of a value.
const HIDDEN: &str = "hidden";

/// Keys whose values list partitions and brokers by number: `0:1,1:2` or `*`.
const REPLICAS: &str = ".replication.throttled.replicas";

/// Whose configs they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    /// Keys are names of loggers, values are levels.
    Loggers,
    Others,
}

/// Hides what a key and its value say of who runs the cluster. Keys of Kafka stay; some have the name of
/// a listener within. Keys of others are hidden whole.
pub(super) fn hide(
    of: Of,
    (key, value): (&mut String, &mut Option<String>),
    listeners: &mut Names,
    others: &mut Names,
) {
    if let Some((name, rest)) = key.strip_prefix(OF_LISTENER).and_then(|it| it.split_once('.')) {
        let (mut name, mut rest) = (name.to_owned(), rest.to_owned());
        listeners.hide(&mut name);
        let is_kafkas = is_kafkas(of, &rest);
        hide_value(&rest, is_kafkas, value);
        if !is_kafkas {
            others.hide(&mut rest);
        }
        *key = format!("{OF_LISTENER}{name}.{rest}");
        return;
    }
    let is_kafkas = is_kafkas(of, key);
    hide_value(key, is_kafkas, value);
    if !is_kafkas {
        others.hide(key);
    }
}

/// A value stays if it is of Kafka's words alone, or a number under a key of Kafka: elsewhere that may be
/// a customer's, or a telephone's.
fn hide_value(key: &str, is_kafkas: bool, value: &mut Option<String>) {
    let Some(text) = value else { return };
    let is_number = |it: &str| it.parse::<i64>().is_ok() || is_fraction(it);
    let is_list = || text.split(',').all(|it| WORDS.contains(&it.trim()));
    let is_replica = |it: &str| {
        let split = it.split_once(':');
        it == "*" || split.is_some_and(|(index, id)| is_number(index) && is_number(id))
    };
    let is_replicas = || key.ends_with(REPLICAS) && text.split(',').all(is_replica);
    let is_figure = || is_kafkas && (is_number(text) || is_replicas());
    if !(text.is_empty() || is_list() || is_figure()) {
        *value = Some(HIDDEN.to_owned());
    }
}

/// `0.5`, but neither an address nor a word such as `infinity`.
fn is_fraction(text: &str) -> bool {
    text.parse::<f64>().is_ok() && text.chars().all(|it| it.is_ascii_digit() || "-.E".contains(it))
}

const OF_LISTENER: &str = "listener.name.";

fn is_kafkas(of: Of, key: &str) -> bool {
    match of {
        Of::Loggers => key == "root" || LOGGERS.iter().any(|it| is_below(key, it)),
        Of::Others => is_known(key) || CLIENT_METRICS.contains(&key),
    }
}

/// Whether a logger is this one, or one within it.
fn is_below(key: &str, logger: &str) -> bool {
    key.strip_prefix(logger).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// What the names of Kafka's own loggers begin with.
const LOGGERS: [&str; 3] = ["kafka", "org.apache.kafka", "org.apache.zookeeper"];
/// Keys of a subscription to clients' metrics.
const CLIENT_METRICS: [&str; 3] = ["interval.ms", "metrics", "match"];

#[cfg(test)]
mod tests {
    use super::*;

    fn hidden_of(of: Of, key: &str, value: &str) -> String {
        let (mut key, mut value) = (key.to_owned(), Some(value.to_owned()));
        let (mut listeners, mut others) =
            (Names::new("listener-", &[]), Names::new("config-", &[]));
        hide(of, (&mut key, &mut value), &mut listeners, &mut others);
        format!("{key}={}", value.unwrap_or_default())
    }

    fn hidden(key: &str, value: &str) -> String {
        hidden_of(Of::Others, key, value)
    }

    #[test]
    fn numbers_and_words_of_kafka_stay() {
        let all = [
            hidden("retention.ms", "604800000"),
            hidden("min.cleanable.dirty.ratio", "0.5"),
            hidden("cleanup.policy", "compact,delete"),
            hidden("leader.replication.throttled.replicas", "0:1,11:2"),
            hidden("follower.replication.throttled.replicas", "*"),
            hidden("unclean.leader.election.enable", "false"),
            hidden_of(Of::Loggers, "kafka.server.KafkaApis", "INFO"),
            hidden_of(Of::Loggers, "kafka", "INFO"),
            hidden_of(Of::Loggers, "root", "INFO"),
            hidden_of(Of::Loggers, "kafkapayments.acme.Fraud", "INFO"),
            hidden("kafka.authz.acme-corp.url", "true"),
            hidden("acme.customer.number", "4711228"),
            hidden("listener.name.vault.acme.telephone", "+491701234567"),
            hidden("listener.name.vault.max.connections", "7"),
            hidden("log.dirs", "/data/kafka-0"),
            hidden("advertised.listeners", "10.0.4.17:9092"),
            hidden("advertised.listeners", "10.0.4.17"),
            hidden("broker.rack", "rack-of-anna"),
            hidden("message.timestamp.type", "CreateTime"),
            hidden("listener.name.vault.sasl.enabled.mechanisms", "PLAIN"),
            hidden("anna.secret.key", "infinity"),
        ];
        insta::assert_snapshot!(all.join("\n"), @"
        retention.ms=604800000
        min.cleanable.dirty.ratio=0.5
        cleanup.policy=compact,delete
        leader.replication.throttled.replicas=0:1,11:2
        follower.replication.throttled.replicas=*
        unclean.leader.election.enable=false
        kafka.server.KafkaApis=INFO
        kafka=INFO
        root=INFO
        config-1=INFO
        config-1=true
        config-1=hidden
        listener.name.listener-1.config-1=hidden
        listener.name.listener-1.max.connections=7
        log.dirs=hidden
        advertised.listeners=hidden
        advertised.listeners=hidden
        broker.rack=hidden
        message.timestamp.type=CreateTime
        listener.name.listener-1.sasl.enabled.mechanisms=hidden
        config-1=hidden
        ");
    }
}
