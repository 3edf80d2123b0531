//! Kafka's client keys, from `-X` and `--command-config`, as settings of our own client.

use std::path::Path;
use std::time::Duration;

use kt_client::ClientConfig;

use crate::cli::Globals;
use crate::contexts::{Context, InUse, Target};
use crate::error::CliError;
use crate::nearest::nearest;
use crate::properties_file;

/// All that Kafka's client keys set.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings {
    pub(crate) client: ClientConfig,
    pub(crate) producer: ProducerSettings,
    pub(crate) consumer: ConsumerSettings,
}

/// Keys of producers; `None` where the key was not given.
#[derive(Clone, Debug, Default)]
pub(crate) struct ProducerSettings {
    pub(crate) batch_size: Option<usize>,
    pub(crate) linger: Option<Duration>,
    pub(crate) buffer_memory: Option<usize>,
    pub(crate) max_request_size: Option<usize>,
    pub(crate) delivery_timeout: Option<Duration>,
    pub(crate) acks: Option<String>,
    pub(crate) compression: Option<String>,
    pub(crate) idempotence: Option<bool>,
}

/// Keys of consumers; `None` where the key was not given.
#[derive(Clone, Debug, Default)]
pub(crate) struct ConsumerSettings {
    pub(crate) fetch_min_bytes: Option<i32>,
    pub(crate) fetch_max_bytes: Option<i32>,
    pub(crate) fetch_max_wait: Option<Duration>,
    pub(crate) max_partition_fetch_bytes: Option<i32>,
    pub(crate) isolation_level: Option<String>,
}

/// Keys that protect. None of them may be accepted and do nothing.
const PROTECTING: [&str; 3] = ["sasl.", "ssl.", "security.providers"];

/// Keys that act.
const ACTING: [&str; 23] = [
    "acks",
    "batch.size",
    "bootstrap.servers",
    "buffer.memory",
    "client.id",
    "compression.type",
    "default.api.timeout.ms",
    "delivery.timeout.ms",
    "enable.idempotence",
    "fetch.max.bytes",
    "fetch.max.wait.ms",
    "fetch.min.bytes",
    "isolation.level",
    "linger.ms",
    "max.partition.fetch.bytes",
    "max.request.size",
    "metadata.max.age.ms",
    "request.timeout.ms",
    "retry.backoff.max.ms",
    "retry.backoff.ms",
    "security.protocol",
    "socket.connection.setup.timeout.max.ms",
    "socket.connection.setup.timeout.ms",
];

/// Keys of Apache Kafka's clients that mean nothing here: what they tune does not exist in kt, or
/// is said by flags. Accepted, so that a file made for those clients can be used.
const IDLE: [&str; 40] = [
    "allow.auto.create.topics",
    "auto.commit.interval.ms",
    "auto.include.jmx.reporter",
    "auto.offset.reset",
    "check.crcs",
    "client.dns.lookup",
    "client.rack",
    "config.providers",
    "connections.max.idle.ms",
    "enable.auto.commit",
    "enable.metrics.push",
    "exclude.internal.topics",
    "group.id",
    "group.instance.id",
    "group.protocol",
    "heartbeat.interval.ms",
    "interceptor.classes",
    "key.deserializer",
    "key.serializer",
    "max.block.ms",
    "max.in.flight.requests.per.connection",
    "max.poll.interval.ms",
    "max.poll.records",
    "metadata.max.idle.ms",
    "metadata.recovery.rebootstrap.trigger.ms",
    "metadata.recovery.strategy",
    "metric.reporters",
    "metrics.num.samples",
    "metrics.recording.level",
    "metrics.sample.window.ms",
    "partition.assignment.strategy",
    "partitioner.class",
    "receive.buffer.bytes",
    "reconnect.backoff.max.ms",
    "reconnect.backoff.ms",
    "retries",
    "send.buffer.bytes",
    "session.timeout.ms",
    "value.deserializer",
    "value.serializer",
];

/// The settings: built in, then the context, then the file, then flags. A later one wins.
pub(crate) fn load(globals: &Globals, target: &Target) -> Result<Settings, CliError> {
    let mut settings = of_context(globals, target)?;
    if let Some(path) = &globals.command_config {
        apply_file(&mut settings, path)?;
    }
    for text in &globals.client_config {
        let (key, value) = pair(text)?;
        apply(&mut settings, &key, &value)?;
    }
    Ok(settings)
}

/// The settings of a target alone: client keys that the command line gives are for another cluster.
pub(crate) fn of_context(globals: &Globals, target: &Target) -> Result<Settings, CliError> {
    let mut settings = Settings::default();
    settings.client.timeout = globals.timeout.to_std();
    settings.client.request_timeout = globals.timeout.to_std();
    settings.client.bootstrap = addresses(&target.bootstrap)?;
    if let Some(in_use) = &target.context {
        apply_context(&mut settings, in_use)?;
    }
    Ok(settings)
}

/// What `-X` takes.
pub(crate) fn pair(text: &str) -> Result<(String, String), CliError> {
    let Some((key, value)) = text.split_once('=') else {
        return Err(CliError::usage(format!("-X takes KEY=VALUE, not \"{text}\"")));
    };
    if is_secret(key) {
        return Err(CliError::usage(format!("{key} is a secret: other users can read flags"))
            .hint("put it into a file, --command-config FILE"));
    }
    Ok((key.to_owned(), value.to_owned()))
}

/// Whether all keys of a context can act.
pub(crate) fn check(context: &Context) -> Result<(), CliError> {
    let mut settings = Settings::default();
    for (key, value) in &context.client {
        if is_secret(key) {
            let error = CliError::usage(format!("{key} is a secret"));
            return Err(error.hint("put it into a file that only you can read: command_config"));
        }
        apply(&mut settings, key, &value.to_string())?;
    }
    Ok(())
}

fn apply_context(settings: &mut Settings, in_use: &InUse) -> Result<(), CliError> {
    let InUse { name, context, file, .. } = in_use;
    settings.client.expected_cluster_id.clone_from(&context.cluster_id);
    if let Some(path) = &context.command_config {
        let folder = file.parent().unwrap_or(Path::new(""));
        apply_file(settings, &folder.join(path))?;
    }
    for (key, value) in &context.client {
        let place = format!("{}: context \"{name}\"", file.display());
        if is_secret(key) {
            let error = CliError::usage(format!("{place}: {key} is a secret"));
            return Err(error.hint("put it into a file that only you can read: command_config"));
        }
        apply(settings, key, &value.to_string()).map_err(|error| in_file(error, &place))?;
    }
    Ok(())
}

fn apply_file(settings: &mut Settings, path: &Path) -> Result<(), CliError> {
    for (key, value) in properties_file::read(path)? {
        // The address was decided by flag, environment, context or default before.
        if key != "bootstrap.servers" {
            apply(settings, &key, &value)
                .map_err(|error| in_file(error, &path.display().to_string()))?;
        }
    }
    Ok(())
}

fn in_file(error: CliError, path: &str) -> CliError {
    CliError { message: format!("{path}: {}", error.message), ..error }
}

pub(crate) fn is_secret(key: &str) -> bool {
    key.ends_with("password") || key.ends_with("jaas.config") || key == "ssl.keystore.key"
}

/// `HOST:PORT` separated by commas.
pub(crate) fn addresses(list: &str) -> Result<Vec<String>, CliError> {
    let mut addresses = Vec::new();
    for address in list.split(',').map(str::trim).filter(|it| !it.is_empty()) {
        let is_address = address
            .rsplit_once(':')
            .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
        if !is_address {
            let error = CliError::usage(format!("\"{address}\" is not HOST:PORT"));
            return Err(error.hint(format!("-b {address}:9092 is the usual port")));
        }
        addresses.push(address.to_owned());
    }
    if addresses.is_empty() {
        return Err(CliError::usage("--bootstrap names no address"));
    }
    Ok(addresses)
}

fn apply(settings: &mut Settings, key: &str, value: &str) -> Result<(), CliError> {
    let Settings { client, producer, consumer } = settings;
    match key {
        "bootstrap.servers" => client.bootstrap = addresses(value)?,
        "client.id" => client.client_id = value.to_owned(),
        "default.api.timeout.ms" => client.timeout = millis(key, value)?,
        "request.timeout.ms" => client.request_timeout = millis(key, value)?,
        "socket.connection.setup.timeout.ms" => client.connect_timeout = millis(key, value)?,
        "socket.connection.setup.timeout.max.ms" => drop(millis(key, value)?),
        "retry.backoff.ms" => client.backoff.first = millis(key, value)?,
        "retry.backoff.max.ms" => client.backoff.max = millis(key, value)?,
        "metadata.max.age.ms" => client.metadata_max_age = millis(key, value)?,
        "security.protocol" => plain_text_only(value)?,
        "acks" => producer.acks = Some(value.to_owned()),
        "batch.size" => producer.batch_size = Some(number(key, value)?),
        "buffer.memory" => producer.buffer_memory = Some(number(key, value)?),
        "compression.type" => producer.compression = Some(value.to_owned()),
        "delivery.timeout.ms" => producer.delivery_timeout = Some(millis(key, value)?),
        "enable.idempotence" => producer.idempotence = Some(flag(key, value)?),
        "linger.ms" => producer.linger = Some(millis(key, value)?),
        "max.request.size" => producer.max_request_size = Some(number(key, value)?),
        "fetch.max.bytes" => consumer.fetch_max_bytes = Some(number(key, value)?),
        "fetch.max.wait.ms" => consumer.fetch_max_wait = Some(millis(key, value)?),
        "fetch.min.bytes" => consumer.fetch_min_bytes = Some(number(key, value)?),
        "isolation.level" => consumer.isolation_level = Some(value.to_owned()),
        "max.partition.fetch.bytes" => {
            consumer.max_partition_fetch_bytes = Some(number(key, value)?);
        }
        key => return other_key(key),
    }
    Ok(())
}

/// A key that does not act: protecting ones and unknown ones are refused, idle ones are not.
fn other_key(key: &str) -> Result<(), CliError> {
    if PROTECTING.iter().any(|prefix| key.starts_with(prefix)) {
        return Err(CliError::usage(format!("{key} has no effect yet: kt speaks plain text only")));
    }
    if IDLE.contains(&key) {
        return Ok(());
    }
    let error = CliError::usage(format!("\"{key}\" is not a key of Kafka's clients"));
    Err(match nearest(key, ACTING.iter().chain(&IDLE).copied()) {
        Some(name) => error.hint(format!("did you mean {name}?")),
        None => error,
    })
}

fn plain_text_only(value: &str) -> Result<(), CliError> {
    if value.eq_ignore_ascii_case("PLAINTEXT") {
        return Ok(());
    }
    Err(CliError::usage(format!("security.protocol={value}: kt speaks PLAINTEXT only so far")))
}

fn number<T: std::str::FromStr>(key: &str, value: &str) -> Result<T, CliError> {
    let wrong = |_| CliError::usage(format!("{key}={value}: a whole number is needed"));
    value.trim().parse().map_err(wrong)
}

fn millis(key: &str, value: &str) -> Result<Duration, CliError> {
    number(key, value).map(Duration::from_millis)
}

fn flag(key: &str, value: &str) -> Result<bool, CliError> {
    match value.trim() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(CliError::usage(format!("{key}={value}: true or false is needed"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(key: &str, value: &str) -> String {
        let error = apply(&mut Settings::default(), key, value).unwrap_err();
        match error.hint {
            Some(hint) => format!("{} ({hint})", error.message),
            None => error.message,
        }
    }

    #[test]
    fn known_keys_act() {
        let mut settings = Settings::default();
        apply(&mut settings, "client.id", "me").unwrap();
        apply(&mut settings, "linger.ms", "20").unwrap();
        apply(&mut settings, "group.id", "ignored").unwrap();
        apply(&mut settings, "security.protocol", "PLAINTEXT").unwrap();
        assert_eq!(settings.client.client_id, "me");
        assert_eq!(settings.producer.linger, Some(Duration::from_millis(20)));
    }

    #[test]
    fn what_cannot_act_is_refused() {
        insta::assert_snapshot!(fault("client.idd", "x"), @r#""client.idd" is not a key of Kafka's clients (did you mean client.id?)"#);
        insta::assert_snapshot!(fault("sasl.mechanism", "PLAIN"), @"sasl.mechanism has no effect yet: kt speaks plain text only");
        insta::assert_snapshot!(fault("security.protocol", "SSL"), @"security.protocol=SSL: kt speaks PLAINTEXT only so far");
        insta::assert_snapshot!(fault("linger.ms", "soon"), @"linger.ms=soon: a whole number is needed");
    }

    #[test]
    fn every_acting_key_is_in_the_list_and_accepted() {
        for key in ACTING {
            let values = ["1", "true", "PLAINTEXT", "a:1"];
            let accepted = values.iter().any(|it| apply(&mut Settings::default(), key, it).is_ok());
            assert!(accepted, "{key}");
        }
    }

    #[test]
    fn addresses_need_a_port() {
        assert_eq!(addresses("a:1, b:2").unwrap(), ["a:1", "b:2"]);
        assert_eq!(
            addresses("localhost").unwrap_err().hint.unwrap(),
            "-b localhost:9092 is the usual port"
        );
        assert!(addresses(",").is_err());
        assert!(addresses("a:99999").is_err());
    }
}
