//! Every key of Kafka's clients, and what it does here: so that a file made for those clients can be
//! used as it is, and a key that would protect is never accepted in vain.

/// What a key does.
///
/// Shown at [`standing`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It acts: in the connections, or in a producer or consumer where there is one.
    Acts,
    /// It is accepted and changes nothing, for this reason.
    Ignored(&'static str),
    /// It is refused, for this reason: whoever sets it counts on it.
    Refused(&'static str),
}

/// What a key of Apache Kafka's clients does here; `None` if they have no such key.
///
/// ```
/// use kt_client::{Standing, standing};
/// assert_eq!(standing("linger.ms"), Some(Standing::Acts));
/// assert!(matches!(standing("metric.reporters"), Some(Standing::Ignored(_))));
/// assert_eq!(standing("linger.msec"), None);
/// ```
pub fn standing(key: &str) -> Option<Standing> {
    let is_in = |keys: &[&str]| keys.contains(&key);
    if is_in(ACTING) {
        return Some(Standing::Acts);
    }
    if let Some((reason, _)) = IGNORED.iter().find(|(_, keys)| is_in(keys)) {
        return Some(Standing::Ignored(reason));
    }
    let refused = REFUSED.iter().find(|(_, keys)| is_in(keys));
    refused.map(|(reason, _)| Standing::Refused(reason))
}

/// Every key of Apache Kafka's clients.
///
/// ```
/// use kt_client::{Standing, known_keys, standing};
///
/// for key in known_keys() {
///     if let Some(Standing::Refused(reason)) = standing(key) {
///         println!("{key} is refused: {reason}");
///     }
/// }
/// assert!(known_keys().any(|key| key == "bootstrap.servers"));
/// ```
pub fn known_keys() -> impl Iterator<Item = &'static str> {
    let others = IGNORED.iter().chain(REFUSED).flat_map(|(_, keys)| keys.iter());
    ACTING.iter().chain(others).copied()
}

/// What librdkafka calls by another name, and how Kafka says it.
///
/// ```
/// use kt_client::said_by_librdkafka;
///
/// assert_eq!(said_by_librdkafka("metadata.broker.list"), Some("bootstrap.servers"));
/// assert_eq!(said_by_librdkafka("bootstrap.servers"), None);
/// ```
pub fn said_by_librdkafka(key: &str) -> Option<&'static str> {
    FOREIGN.iter().find(|(foreign, _)| *foreign == key).map(|(_, meant)| *meant)
}

const LOGIN: &str = "sasl.jaas.config: org.apache.kafka.common.security.plain.PlainLoginModule \
                     required username=\"…\" password=\"…\";";

const FOREIGN: &[(&str, &str)] = &[
    ("enable.ssl.certificate.verification", "ssl.truststore.location names whom to trust"),
    ("metadata.broker.list", "bootstrap.servers"),
    ("sasl.mechanisms", "sasl.mechanism"),
    ("sasl.oauthbearer.client.id", "sasl.oauthbearer.client.credentials.client.id"),
    ("sasl.oauthbearer.client.secret", "sasl.oauthbearer.client.credentials.client.secret"),
    ("sasl.password", LOGIN),
    ("sasl.username", LOGIN),
    ("ssl.ca.location", "ssl.truststore.location, with ssl.truststore.type=PEM"),
    ("ssl.ca.pem", "ssl.truststore.certificates, with ssl.truststore.type=PEM"),
    ("ssl.certificate.location", "ssl.keystore.location, key and certificates in one PEM file"),
    ("ssl.certificate.pem", "ssl.keystore.certificate.chain, with ssl.keystore.type=PEM"),
    ("ssl.key.location", "ssl.keystore.location, key and certificates in one PEM file"),
    ("ssl.key.pem", "ssl.keystore.key, with ssl.keystore.type=PEM"),
];

const ACTING: &[&str] = &[
    "acks",
    "allow.auto.create.topics",
    "auto.commit.interval.ms",
    "auto.offset.reset",
    "batch.size",
    "bootstrap.servers",
    "buffer.memory",
    "check.crcs",
    "client.dns.lookup",
    "client.id",
    "client.rack",
    "compression.gzip.level",
    "compression.lz4.level",
    "compression.type",
    "compression.zstd.level",
    "connections.max.idle.ms",
    "default.api.timeout.ms",
    "delivery.timeout.ms",
    "enable.auto.commit",
    "enable.idempotence",
    "exclude.internal.topics",
    "fetch.max.bytes",
    "fetch.max.wait.ms",
    "fetch.min.bytes",
    "group.id",
    "group.instance.id",
    "group.protocol",
    "group.remote.assignor",
    "heartbeat.interval.ms",
    "isolation.level",
    "linger.ms",
    "max.block.ms",
    "max.in.flight.requests.per.connection",
    "max.partition.fetch.bytes",
    "max.poll.interval.ms",
    "max.poll.records",
    "max.request.size",
    "metadata.max.age.ms",
    "metadata.recovery.rebootstrap.trigger.ms",
    "metadata.recovery.strategy",
    "partition.assignment.strategy",
    "partitioner.adaptive.partitioning.enable",
    "partitioner.availability.timeout.ms",
    "partitioner.class",
    "partitioner.ignore.keys",
    "receive.buffer.bytes",
    "reconnect.backoff.max.ms",
    "reconnect.backoff.ms",
    "request.timeout.ms",
    "retries",
    "retry.backoff.max.ms",
    "retry.backoff.ms",
    "sasl.jaas.config",
    "sasl.login.callback.handler.class",
    "sasl.login.connect.timeout.ms",
    "sasl.login.read.timeout.ms",
    "sasl.mechanism",
    "sasl.oauthbearer.client.credentials.client.id",
    "sasl.oauthbearer.client.credentials.client.secret",
    "sasl.oauthbearer.header.urlencode",
    "sasl.oauthbearer.jwt.retriever.class",
    "sasl.oauthbearer.scope",
    "sasl.oauthbearer.token.endpoint.url",
    "security.protocol",
    "send.buffer.bytes",
    "session.timeout.ms",
    "socket.connection.setup.timeout.max.ms",
    "socket.connection.setup.timeout.ms",
    "ssl.cipher.suites",
    "ssl.enabled.protocols",
    "ssl.endpoint.identification.algorithm",
    "ssl.key.password",
    "ssl.keystore.certificate.chain",
    "ssl.keystore.key",
    "ssl.keystore.location",
    "ssl.keystore.password",
    "ssl.keystore.type",
    "ssl.protocol",
    "ssl.truststore.certificates",
    "ssl.truststore.location",
    "ssl.truststore.password",
    "ssl.truststore.type",
];

const IGNORED: &[(&str, &[&str])] = &[
    (
        "it is for Java: its metrics, which kt does not keep that way",
        &[
            "auto.include.jmx.reporter",
            "metric.reporters",
            "metrics.num.samples",
            "metrics.recording.level",
            "metrics.sample.window.ms",
        ],
    ),
    ("client metrics are not pushed to brokers", &["enable.metrics.push"]),
    (
        "it names Java classes: programs give theirs in code",
        &[
            "interceptor.classes",
            "key.deserializer",
            "key.serializer",
            "value.deserializer",
            "value.serializer",
        ],
    ),
    (
        "it is for Kerberos, which sasl.mechanism cannot name",
        &[
            "sasl.kerberos.kinit.cmd",
            "sasl.kerberos.min.time.before.relogin",
            "sasl.kerberos.service.name",
            "sasl.kerberos.ticket.renew.jitter",
            "sasl.kerberos.ticket.renew.window.factor",
        ],
    ),
    (
        "brokers check tokens, clients hand them on",
        &[
            "sasl.oauthbearer.clock.skew.seconds",
            "sasl.oauthbearer.expected.audience",
            "sasl.oauthbearer.expected.issuer",
            "sasl.oauthbearer.jwks.endpoint.refresh.ms",
            "sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms",
            "sasl.oauthbearer.jwks.endpoint.retry.backoff.ms",
            "sasl.oauthbearer.jwks.endpoint.url",
            "sasl.oauthbearer.jwt.validator.class",
            "sasl.oauthbearer.scope.claim.name",
            "sasl.oauthbearer.sub.claim.name",
        ],
    ),
    (
        "a token is asked for when a connection needs it, and again when four fifths of its life are over",
        &[
            "sasl.login.refresh.buffer.seconds",
            "sasl.login.refresh.min.period.seconds",
            "sasl.login.refresh.window.factor",
            "sasl.login.refresh.window.jitter",
            "sasl.login.retry.backoff.max.ms",
            "sasl.login.retry.backoff.ms",
        ],
    ),
    (
        "it names algorithms of Java; randomness is the system's",
        &[
            "ssl.keymanager.algorithm",
            "ssl.secure.random.implementation",
            "ssl.trustmanager.algorithm",
        ],
    ),
    ("it is for share consumers", &["share.acknowledgement.mode", "share.acquire.mode"]),
    (
        "it is for transactions, which transactional.id would start",
        &["transaction.timeout.ms", "transaction.two.phase.commit.enable"],
    ),
    ("topics are forgotten when nobody asks for them", &["metadata.max.idle.ms"]),
];

const REFUSED: &[(&str, &[&str])] = &[
    (
        "values would have to be looked up elsewhere, and are taken as they are",
        &["config.providers"],
    ),
    (
        "it names Java classes that cannot run here",
        &[
            "sasl.client.callback.handler.class",
            "sasl.login.class",
            "security.providers",
            "ssl.engine.factory.class",
            "ssl.provider",
        ],
    ),
    (
        "tokens are not asked for by assertion",
        &[
            "sasl.oauthbearer.assertion.algorithm",
            "sasl.oauthbearer.assertion.claim.aud",
            "sasl.oauthbearer.assertion.claim.exp.seconds",
            "sasl.oauthbearer.assertion.claim.iss",
            "sasl.oauthbearer.assertion.claim.jti.include",
            "sasl.oauthbearer.assertion.claim.nbf.seconds",
            "sasl.oauthbearer.assertion.claim.sub",
            "sasl.oauthbearer.assertion.file",
            "sasl.oauthbearer.assertion.private.key.file",
            "sasl.oauthbearer.assertion.private.key.passphrase",
            "sasl.oauthbearer.assertion.template.file",
        ],
    ),
    ("there are no transactions here yet", &["transactional.id"]),
    ("brokers are asked, not controllers", &["bootstrap.controllers"]),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::config::{ClientConfig, Keys, SecurityConfig};

    #[test]
    fn each_key_stands_once() {
        let all: Vec<&str> = known_keys().collect();
        let distinct: BTreeSet<&str> = all.iter().copied().collect();
        assert_eq!(all.len(), distinct.len());
        assert!(FOREIGN.iter().all(|(foreign, _)| !distinct.contains(foreign)));
    }

    #[test]
    fn what_a_setting_takes_is_said_to_act() {
        for key in ClientConfig::KEYS.iter().chain(SecurityConfig::KEYS) {
            assert_eq!(standing(key), Some(Standing::Acts), "{key}");
        }
    }

    #[test]
    fn nothing_that_protects_is_ignored() {
        let ignored = IGNORED.iter().flat_map(|(_, keys)| keys.iter());
        let protects = |it: &&&str| {
            ["providers", "engine", "password", "keystore", "truststore", "transactional"]
                .iter()
                .any(|word| it.contains(word))
        };
        assert_eq!(ignored.filter(protects).count(), 0);
    }
}
