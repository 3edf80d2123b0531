//! Kafka's client keys, from `-X` and `--command-config`, as settings of our own client.

use std::path::Path;
use std::time::Duration;

use kt_client::consumer::ConsumerConfig;
use kt_client::consumer::group::GroupConfig;
use kt_client::producer::ProducerConfig;
use kt_client::{
    ClientConfig, ConfigError, Keys, SecurityConfig, Standing, is_secret, known_keys,
    said_by_librdkafka, standing,
};

use crate::cli::Globals;
use crate::contexts::{Context, InUse, Target};
use crate::error::CliError;
use crate::nearest::nearest;
use crate::properties_file;

/// All that Kafka's client keys set.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings {
    pub(crate) client: ClientConfig,
    /// Whether `client.id` was given: if not, a command may call itself as it likes.
    pub(crate) client_id: Origin,
    pub(crate) producer: GivenKeys,
    pub(crate) consumer: GivenKeys,
    pub(crate) group: GivenKeys,
}

/// Where a setting comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Origin {
    #[default]
    BuiltIn,
    Given,
}

/// Keys of one role of clients, as they were given: each was looked at, and each overrides what a
/// command has by itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct GivenKeys(Vec<(String, String)>);

impl GivenKeys {
    /// Sets them. A later one wins over an earlier one.
    pub(crate) fn set<C: Keys>(&self, config: &mut C) -> Result<(), CliError> {
        self.0.iter().try_for_each(|(key, value)| config.set(key, value)).map_err(CliError::from)
    }

    /// The value of a key that was given.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        let mut given = self.0.iter().rev();
        given.find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// Notes a key if the role has it, and `scratch` takes its value.
    fn add<C: Keys>(&mut self, mut scratch: C, key: &str, value: &str) -> Result<bool, CliError> {
        if !C::KEYS.contains(&key) {
            return Ok(false);
        }
        scratch.set(key, value)?;
        self.0.push((key.to_owned(), value.to_owned()));
        Ok(true)
    }
}

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
    of_target(target, globals.timeout.to_std())
}

/// The same, with this much patience unless the context has its own.
pub(crate) fn of_target(target: &Target, timeout: Duration) -> Result<Settings, CliError> {
    let mut settings = Settings::default();
    settings.client.timeout = timeout;
    settings.client.request_timeout = timeout;
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
    if let Some(path) = &context.command_config {
        // What is missing may stand in the file, which may come later.
        if path.is_absolute() && path.exists() {
            apply_file(&mut settings, path)?;
        }
        return Ok(());
    }
    let login_hint = "a login needs a file that only you can read: command_config";
    settings.client.security.check().map_err(|error| CliError::from(error).hint(login_hint))
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

/// Gives a key to whom it belongs.
fn apply(settings: &mut Settings, key: &str, value: &str) -> Result<(), CliError> {
    let Settings { client, client_id, producer, consumer, group } = settings;
    if key == "bootstrap.servers" {
        client.bootstrap = addresses(value)?;
        return Ok(());
    }
    if ClientConfig::KEYS.contains(&key) {
        if key == "client.id" {
            *client_id = Origin::Given;
        }
        return client.set(key, value).map_err(CliError::from);
    }
    if SecurityConfig::KEYS.contains(&key) {
        return client.security.set(key, value).map_err(CliError::from);
    }
    let is_role = producer.add(ProducerConfig::default(), key, value)?
        | consumer.add(ConsumerConfig::default(), key, value)?
        | group.add(GroupConfig::new(""), key, value)?;
    if is_role { Ok(()) } else { other_key(key) }
}

/// A key that no setting takes: known ones are accepted, unless somebody counts on them.
fn other_key(key: &str) -> Result<(), CliError> {
    match standing(key) {
        Some(Standing::Acts | Standing::Ignored(_)) => return Ok(()),
        Some(Standing::Refused(reason)) => {
            return Err(CliError::usage(format!("{key} has no effect: {reason}")));
        }
        None => {}
    }
    let error = CliError::usage(format!("\"{key}\" is not a key of Kafka's clients"));
    if let Some(meant) = said_by_librdkafka(key) {
        return Err(error.hint(format!("Kafka says {meant}")));
    }
    Err(match nearest(key, known_keys()) {
        Some(name) => error.hint(format!("did you mean {name}?")),
        None => error,
    })
}

impl From<ConfigError> for CliError {
    fn from(error: ConfigError) -> CliError {
        CliError::usage(error.to_string())
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
        assert_eq!(settings.client_id, Origin::Given);
        let mut producer = ProducerConfig::default();
        settings.producer.set(&mut producer).unwrap();
        assert_eq!(producer.linger, Duration::from_millis(20));
        assert_eq!(settings.group.get("group.id"), Some("ignored"));
    }

    #[test]
    fn what_cannot_act_is_refused() {
        insta::assert_snapshot!(fault("client.idd", "x"), @r#""client.idd" is not a key of Kafka's clients (did you mean client.id?)"#);
        insta::assert_snapshot!(fault("sasl.mechanism", "GSSAPI"), @"sasl.mechanism=GSSAPI: one of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER is needed");
        insta::assert_snapshot!(fault("security.protocol", "TLS"), @"security.protocol=TLS: one of PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL is needed");
        insta::assert_snapshot!(fault("security.providers", "x"), @"security.providers has no effect: it names Java classes that cannot run here");
        insta::assert_snapshot!(fault("sasl.username", "alice"), @r#""sasl.username" is not a key of Kafka's clients (Kafka says sasl.jaas.config: org.apache.kafka.common.security.plain.PlainLoginModule required username="…" password="…";)"#);
        insta::assert_snapshot!(fault("ssl.truststore.locaton", "x"), @r#""ssl.truststore.locaton" is not a key of Kafka's clients (did you mean ssl.truststore.location?)"#);
        insta::assert_snapshot!(fault("linger.ms", "soon"), @"linger.ms=soon: a whole number is needed");
    }

    #[test]
    fn every_key_of_kafkas_clients_is_accepted_or_refused_for_a_reason() {
        for key in known_keys() {
            let values =
                ["1", "true", "SSL", "PLAIN", "PEM", "https", "TLSv1.3", "none", "all", "a:1"];
            let class = ["a.DefaultJwtRetriever", "a.OAuthBearerLoginCallbackHandler"];
            let others = ["use_all_dns_ips", "PlainLoginModule required;"];
            let roles = ["earliest", "classic", "range", "murmur2", "read_committed"];
            let mut values = values.into_iter().chain(class).chain(others).chain(roles);
            let is_accepted = values.any(|it| apply(&mut Settings::default(), key, it).is_ok());
            let is_refused = matches!(standing(key), Some(Standing::Refused(_)));
            assert_ne!(is_accepted, is_refused, "{key}");
        }
    }

    #[test]
    fn secrets_stand_in_no_flag_and_no_context() {
        for key in ["ssl.key.password", "sasl.jaas.config", "ssl.keystore.key"] {
            let error = pair(&format!("{key}=geheim")).unwrap_err();
            assert!(!error.message.contains("geheim"));
            assert_eq!(error.hint.unwrap(), "put it into a file, --command-config FILE");
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
