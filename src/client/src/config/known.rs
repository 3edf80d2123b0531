//! Every key of Kafka's clients, and what it does here: so that a file made for those clients can be
//! used as it is, and a key that would protect is never accepted in vain.

use std::collections::BTreeSet;

use super::{ClientConfig, Keys, SecurityConfig};
use crate::consumer::ConsumerConfig;
use crate::consumer::group::GroupConfig;
use crate::producer::ProducerConfig;

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
    if ACTING.into_iter().any(is_in) {
        return Some(Standing::Acts);
    }
    if let Some((reason, _)) = IGNORED.iter().find(|(_, keys)| is_in(keys)) {
        return Some(Standing::Ignored(reason));
    }
    let refused = REFUSED.iter().find(|(_, keys)| is_in(keys));
    refused.map(|(reason, _)| Standing::Refused(reason))
}

/// Every key of Apache Kafka's clients, in their order.
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
    let others = IGNORED.iter().chain(REFUSED).map(|(_, keys)| *keys);
    let all = ACTING.into_iter().chain(others).flatten().copied();
    // Some say something to producers and to consumers.
    all.collect::<BTreeSet<&str>>().into_iter()
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

/// What each kind of settings takes.
const ACTING: [&[&str]; 5] = [
    ClientConfig::KEYS,
    SecurityConfig::KEYS,
    ProducerConfig::KEYS,
    ConsumerConfig::KEYS,
    GroupConfig::KEYS,
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
    ("asking for a topic does not create it here", &["allow.auto.create.topics"]),
    (
        "it is for group.protocol=consumer, where the coordinator assigns",
        &["group.remote.assignor"],
    ),
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
    use super::*;

    #[test]
    fn a_key_acts_or_does_not() {
        let acting: BTreeSet<&str> = ACTING.into_iter().flatten().copied().collect();
        let others: Vec<&str> =
            IGNORED.iter().chain(REFUSED).flat_map(|(_, keys)| *keys).copied().collect();
        let distinct: BTreeSet<&str> = others.iter().copied().collect();
        assert_eq!(others.len(), distinct.len());
        assert_eq!(acting.intersection(&distinct).collect::<Vec<_>>(), Vec::<&&str>::new());
        assert!(FOREIGN.iter().all(|(foreign, _)| standing(foreign).is_none()));
    }

    #[test]
    fn every_key_of_kafkas_clients_is_known() {
        // Those of producers, consumers and admins of 4.3, and one that they had before.
        assert_eq!(known_keys().count(), 141);
        assert_eq!(standing("linger.ms"), Some(Standing::Acts));
        assert_eq!(standing("group.id"), Some(Standing::Acts));
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
