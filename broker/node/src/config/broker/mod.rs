//! The broker's configuration: four sources of raw values, and the typed view of them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use kt_core::group::GroupConfig;
use kt_protocol::types::NodeId;

use super::error::ConfigError;
use super::key::{Default as KeyDefault, Effect};
use super::listeners::{self, Listener, SecurityProtocol};
use super::topic::TopicConfig;
use super::{broker_key, broker_keys, nearest, value};

/// How unknown keys are met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strictness {
    /// They are errors: `--set`.
    RefuseUnknown,
    /// They are warnings: a `server.properties` may hold keys of plugins.
    WarnOfUnknown,
}

/// Something about a configuration that the operator should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning(pub String);

/// Raw values by where they come from, the weakest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BrokerSources {
    /// `server.properties` and `--set`.
    pub static_values: BTreeMap<String, String>,
    /// Dynamic, for all brokers.
    pub dynamic_default: BTreeMap<String, String>,
    /// Dynamic, for this broker.
    pub dynamic_broker: BTreeMap<String, String>,
}

impl BrokerSources {
    /// Takes in pairs of a file or of flags; later ones win.
    pub fn add_static(
        &mut self,
        pairs: impl IntoIterator<Item = (String, String)>,
        strictness: Strictness,
        warnings: &mut Vec<Warning>,
    ) -> Result<(), ConfigError> {
        for (name, given) in pairs {
            match broker_key(base_name(&name)) {
                Some(key) => {
                    if !is_null_text(&given) {
                        value::check(key, &given)?;
                    }
                    self.static_values.insert(name, given);
                }
                None if strictness == Strictness::WarnOfUnknown => {
                    warnings.push(Warning(unknown(&name).to_string()));
                }
                None => return Err(unknown(&name)),
            }
        }
        Ok(())
    }

    /// The value that counts: dynamic of this broker, dynamic of all, static, built in.
    pub fn value(&self, name: &str) -> Option<&str> {
        let set = [&self.dynamic_broker, &self.dynamic_default, &self.static_values];
        let set = set.into_iter().find_map(|source| source.get(name)).map(String::as_str);
        set.or_else(|| broker_key(name).and_then(|key| key.default.value()))
    }

    fn is_set(&self, name: &str) -> bool {
        [&self.dynamic_broker, &self.dynamic_default, &self.static_values]
            .into_iter()
            .any(|source| source.contains_key(name))
    }

    /// Checks every value: type, range, and that nothing is promised which is not built.
    fn check(&self) -> Result<(), ConfigError> {
        let sources = [&self.static_values, &self.dynamic_default, &self.dynamic_broker];
        for (name, given) in sources.into_iter().flatten() {
            let Some(key) = broker_key(base_name(name)) else { return Err(unknown(name)) };
            value::check(key, given)?;
            let is_default = key.default.value().unwrap_or_default() == given.trim();
            if key.effect == Effect::Protects && !is_default {
                return Err(ConfigError::NoEffectYet { key: name.clone() });
            }
        }
        let is_missing =
            |name: &str| broker_key(name).is_some_and(|key| key.default == KeyDefault::Required);
        match broker_keys().iter().find(|key| is_missing(key.name) && !self.is_set(key.name)) {
            Some(key) => Err(ConfigError::Missing(key.name)),
            None => Ok(()),
        }
    }

    fn number(&self, name: &str) -> Option<i64> {
        self.value(name).and_then(|text| text.trim().parse().ok())
    }

    fn number_of(&self, name: &'static str) -> i64 {
        self.number(name).unwrap_or_else(|| panic!("{name} has a default and was checked"))
    }

    fn size_of(&self, name: &'static str) -> u64 {
        u64::try_from(self.number_of(name)).unwrap_or(0)
    }

    fn count_of(&self, name: &'static str) -> usize {
        usize::try_from(self.number_of(name)).unwrap_or(0)
    }

    fn fraction_of(&self, name: &'static str) -> f64 {
        let value = self.text(name).and_then(|it| it.parse().ok());
        value.unwrap_or_else(|| panic!("{name} has a default and was checked"))
    }

    fn i32_of(&self, name: &'static str) -> i32 {
        i32::try_from(self.number_of(name)).unwrap_or(i32::MAX)
    }

    fn flag_of(&self, name: &'static str) -> bool {
        self.value(name).is_some_and(|text| text.trim().eq_ignore_ascii_case("true"))
    }

    fn text(&self, name: &str) -> Option<String> {
        self.value(name).map(|it| it.trim().to_owned()).filter(|it| !it.is_empty())
    }
}

/// Java's properties cannot say null; Kafka's own files do not either.
fn is_null_text(given: &str) -> bool {
    given.trim().is_empty()
}

/// `listener.name.NAME.KEY` sets KEY for one listener; `listener.name.NAME.MECHANISM.KEY` for one
/// SASL mechanism of it.
fn base_name(name: &str) -> &str {
    let Some(rest) = name.strip_prefix("listener.name.") else { return name };
    let Some((_, key)) = rest.split_once('.') else { return name };
    if broker_key(key).is_some() {
        return key;
    }
    match key.split_once('.') {
        Some((_, inner)) if broker_key(inner).is_some() => inner,
        _ => name,
    }
}

fn unknown(name: &str) -> ConfigError {
    let nearest = nearest(name, broker_keys().iter().map(|key| key.name)).map(str::to_owned);
    ConfigError::UnknownKey { key: name.to_owned(), nearest }
}

/// The broker's configuration, typed. Fields are Kafka's keys with underscores; times in ms, sizes
/// in bytes.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the names are Kafka's keys and Kafka's documentation holds")]
pub struct BrokerConfig {
    pub node_id: NodeId,
    pub broker_rack: Option<String>,
    pub broker_heartbeat_interval_ms: u64,
    pub broker_session_timeout_ms: u64,
    pub controlled_shutdown_enable: bool,
    pub listeners: Vec<Listener>,
    pub advertised_listeners: Vec<Listener>,
    pub controller_listener_names: Vec<String>,
    pub inter_broker_listener_name: String,
    pub log_dirs: Vec<PathBuf>,
    pub metadata_log_dir: PathBuf,
    pub auto_create_topics_enable: bool,
    pub delete_topic_enable: bool,
    pub num_partitions: i32,
    pub default_replication_factor: i16,
    pub fetch_max_bytes: i32,
    pub max_incremental_fetch_session_cache_slots: usize,
    pub max_request_partition_size_limit: i32,
    pub producer_id_expiration_ms: i64,
    pub num_recovery_threads_per_data_dir: usize,
    pub log_retention_check_interval_ms: u64,
    pub log_flush_offset_checkpoint_interval_ms: u64,
    pub log_flush_start_offset_checkpoint_interval_ms: u64,
    pub replica_high_watermark_checkpoint_interval_ms: u64,
    pub log_flush_on_ack: bool,
    /// `log.cleaner.*`, but for what topics have of their own.
    pub cleaner: LogCleanerConfig,
    pub metadata_log_segment_bytes: u64,
    pub metadata_log_segment_ms: u64,
    pub metadata_max_idle_interval_ms: u64,
    pub metadata_log_max_record_bytes_between_snapshots: u64,
    pub metadata_log_max_snapshot_interval_ms: u64,
    pub metadata_max_retention_bytes: i64,
    pub metadata_max_retention_ms: i64,
    pub socket_request_max_bytes: u64,
    pub socket_listen_backlog_size: i32,
    pub socket_send_buffer_bytes: i32,
    pub socket_receive_buffer_bytes: i32,
    pub connections_max_idle_ms: u64,
    pub queued_max_request_bytes: Option<u64>,
    pub max_connections: usize,
    pub max_connections_per_ip: usize,
    pub max_connections_per_ip_overrides: BTreeMap<String, usize>,
    pub max_connection_creation_rate: u64,
    pub metrics_listener: Option<String>,
    pub offsets_topic_num_partitions: i32,
    pub offsets_topic_replication_factor: i16,
    pub transaction_state_log_num_partitions: i32,
    pub transaction_state_log_replication_factor: i16,
    pub offsets_topic_segment_bytes: i32,
    /// What groups are configured to.
    pub groups: GroupConfig,
    /// What topics have that set nothing of their own.
    pub topic_defaults: TopicConfig,
}

/// How compacted logs are cleaned: `log.cleaner.` and the field's name.
#[derive(Clone, Debug, PartialEq)]
pub struct LogCleanerConfig {
    /// Whether anything is cleaned at all.
    pub enable: bool,
    /// How many logs are cleaned at a time.
    pub threads: usize,
    /// How long to rest when nothing is dirty.
    pub backoff_ms: u64,
    /// Bytes of the maps of keys, of all threads.
    pub dedupe_buffer_size: u64,
    /// Bytes of the buffers, of all threads.
    pub io_buffer_size: u64,
    /// How full a map may get.
    pub io_buffer_load_factor: f64,
}

impl BrokerConfig {
    /// Checks all values and types them.
    pub fn resolve(sources: &BrokerSources) -> Result<BrokerConfig, ConfigError> {
        sources.check()?;
        let network = Network::resolve(sources)?;
        let log_dirs = log_dirs(sources)?;
        let metadata_log_dir = metadata_log_dir(sources, &log_dirs);
        check_roles(sources)?;
        Ok(BrokerConfig {
            node_id: NodeId(sources.i32_of("node.id")),
            broker_rack: sources.text("broker.rack"),
            broker_heartbeat_interval_ms: sources.size_of("broker.heartbeat.interval.ms"),
            broker_session_timeout_ms: sources.size_of("broker.session.timeout.ms"),
            controlled_shutdown_enable: sources.flag_of("controlled.shutdown.enable"),
            listeners: network.listeners,
            advertised_listeners: network.advertised,
            controller_listener_names: network.controller_names,
            inter_broker_listener_name: network.inter_broker_name,
            log_dirs,
            metadata_log_dir,
            auto_create_topics_enable: sources.flag_of("auto.create.topics.enable"),
            delete_topic_enable: sources.flag_of("delete.topic.enable"),
            num_partitions: sources.i32_of("num.partitions"),
            default_replication_factor: i16_of(sources, "default.replication.factor"),
            fetch_max_bytes: sources.i32_of("fetch.max.bytes"),
            max_incremental_fetch_session_cache_slots: sources
                .count_of("max.incremental.fetch.session.cache.slots"),
            max_request_partition_size_limit: sources.i32_of("max.request.partition.size.limit"),
            producer_id_expiration_ms: sources.number_of("producer.id.expiration.ms"),
            num_recovery_threads_per_data_dir: sources
                .count_of("num.recovery.threads.per.data.dir"),
            log_retention_check_interval_ms: sources.size_of("log.retention.check.interval.ms"),
            log_flush_offset_checkpoint_interval_ms: sources
                .size_of("log.flush.offset.checkpoint.interval.ms"),
            log_flush_start_offset_checkpoint_interval_ms: sources
                .size_of("log.flush.start.offset.checkpoint.interval.ms"),
            replica_high_watermark_checkpoint_interval_ms: sources
                .size_of("replica.high.watermark.checkpoint.interval.ms"),
            log_flush_on_ack: sources.flag_of("log.flush.on.ack"),
            cleaner: LogCleanerConfig::resolve(sources),
            metadata_log_segment_bytes: sources.size_of("metadata.log.segment.bytes"),
            metadata_log_segment_ms: sources.size_of("metadata.log.segment.ms"),
            metadata_max_idle_interval_ms: sources.size_of("metadata.max.idle.interval.ms"),
            metadata_log_max_record_bytes_between_snapshots: sources
                .size_of("metadata.log.max.record.bytes.between.snapshots"),
            metadata_log_max_snapshot_interval_ms: sources
                .size_of("metadata.log.max.snapshot.interval.ms"),
            metadata_max_retention_bytes: sources.number_of("metadata.max.retention.bytes"),
            metadata_max_retention_ms: sources.number_of("metadata.max.retention.ms"),
            socket_request_max_bytes: sources.size_of("socket.request.max.bytes"),
            socket_listen_backlog_size: sources.i32_of("socket.listen.backlog.size"),
            socket_send_buffer_bytes: sources.i32_of("socket.send.buffer.bytes"),
            socket_receive_buffer_bytes: sources.i32_of("socket.receive.buffer.bytes"),
            connections_max_idle_ms: sources.size_of("connections.max.idle.ms"),
            queued_max_request_bytes: u64::try_from(sources.number_of("queued.max.request.bytes"))
                .ok(),
            max_connections: sources.count_of("max.connections"),
            max_connections_per_ip: sources.count_of("max.connections.per.ip"),
            max_connections_per_ip_overrides: per_ip_overrides(sources)?,
            max_connection_creation_rate: sources.size_of("max.connection.creation.rate"),
            metrics_listener: sources.text("metrics.listener"),
            offsets_topic_num_partitions: sources.i32_of("offsets.topic.num.partitions"),
            offsets_topic_replication_factor: i16_of(sources, "offsets.topic.replication.factor"),
            transaction_state_log_num_partitions: sources
                .i32_of("transaction.state.log.num.partitions"),
            transaction_state_log_replication_factor: i16_of(
                sources,
                "transaction.state.log.replication.factor",
            ),
            offsets_topic_segment_bytes: sources.i32_of("offsets.topic.segment.bytes"),
            groups: group_config(sources),
            topic_defaults: TopicConfig::resolve(&BTreeMap::new(), sources)?,
        })
    }

    /// The listeners that brokers' clients may use: all but the controller's.
    pub fn broker_listeners(&self) -> impl Iterator<Item = &Listener> {
        self.listeners.iter().filter(|it| !self.is_controller_listener(&it.name))
    }

    /// True for a name of `controller.listener.names`.
    pub fn is_controller_listener(&self, name: &str) -> bool {
        self.controller_listener_names.iter().any(|it| it == name)
    }
}

/// The first of the log directories, unless it is set.
fn metadata_log_dir(sources: &BrokerSources, log_dirs: &[PathBuf]) -> PathBuf {
    let set = sources.text("metadata.log.dir").map(PathBuf::from);
    set.unwrap_or_else(|| log_dirs[0].clone())
}

impl LogCleanerConfig {
    fn resolve(sources: &BrokerSources) -> LogCleanerConfig {
        LogCleanerConfig {
            enable: sources.flag_of("log.cleaner.enable"),
            threads: sources.count_of("log.cleaner.threads"),
            backoff_ms: sources.size_of("log.cleaner.backoff.ms"),
            dedupe_buffer_size: sources.size_of("log.cleaner.dedupe.buffer.size"),
            io_buffer_size: sources.size_of("log.cleaner.io.buffer.size"),
            io_buffer_load_factor: sources.fraction_of("log.cleaner.io.buffer.load.factor"),
        }
    }
}

fn group_config(sources: &BrokerSources) -> GroupConfig {
    const MINUTE_MS: i64 = 60_000;
    GroupConfig {
        min_session_timeout_ms: sources.i32_of("group.min.session.timeout.ms"),
        max_session_timeout_ms: sources.i32_of("group.max.session.timeout.ms"),
        max_size: sources.count_of("group.max.size"),
        initial_rebalance_delay_ms: sources.size_of("group.initial.rebalance.delay.ms"),
        offset_metadata_max: sources.count_of("offset.metadata.max.bytes"),
        offsets_retention_ms: sources.number_of("offsets.retention.minutes") * MINUTE_MS,
        offsets_retention_check_interval_ms: sources.size_of("offsets.retention.check.interval.ms"),
        ..GroupConfig::default()
    }
}

fn i16_of(sources: &BrokerSources, name: &'static str) -> i16 {
    i16::try_from(sources.number_of(name)).unwrap_or(i16::MAX)
}

fn log_dirs(sources: &BrokerSources) -> Result<Vec<PathBuf>, ConfigError> {
    let text = sources.text("log.dirs").or_else(|| sources.text("log.dir")).unwrap_or_default();
    let mut dirs: Vec<PathBuf> = Vec::new();
    for dir in value::items(&text).map(PathBuf::from) {
        if dirs.contains(&dir) {
            let twice = format!("log.dirs names {} twice", dir.display());
            return Err(ConfigError::Inconsistent(twice));
        }
        dirs.push(dir);
    }
    if dirs.is_empty() {
        return Err(ConfigError::Inconsistent("log.dirs names no directory".to_owned()));
    }
    Ok(dirs)
}

fn check_roles(sources: &BrokerSources) -> Result<(), ConfigError> {
    let roles: Vec<String> = value::items(&sources.text("process.roles").unwrap_or_default())
        .map(str::to_owned)
        .collect();
    if roles.iter().any(|it| it == "broker") && roles.iter().any(|it| it == "controller") {
        return Ok(());
    }
    Err(ConfigError::Inconsistent(format!(
        "process.roles={} is not built yet: a kt node is broker and controller in one; \
         set process.roles=broker,controller",
        roles.join(",")
    )))
}

fn per_ip_overrides(sources: &BrokerSources) -> Result<BTreeMap<String, usize>, ConfigError> {
    let text = sources.text("max.connections.per.ip.overrides").unwrap_or_default();
    let mut overrides = BTreeMap::new();
    for item in value::items(&text) {
        let pair = item.rsplit_once(':');
        let Some((host, limit)) = pair.and_then(|(host, n)| Some((host, n.parse().ok()?))) else {
            return Err(ConfigError::InvalidValue {
                key: "max.connections.per.ip.overrides".to_owned(),
                value: text.clone(),
                reason: "expected HOST:COUNT pairs".to_owned(),
            });
        };
        overrides.insert(host.trim().to_owned(), limit);
    }
    Ok(overrides)
}

struct Network {
    listeners: Vec<Listener>,
    advertised: Vec<Listener>,
    controller_names: Vec<String>,
    inter_broker_name: String,
}

impl Network {
    fn resolve(sources: &BrokerSources) -> Result<Network, ConfigError> {
        let map = listeners::protocol_map(
            sources.value("listener.security.protocol.map").unwrap_or_default(),
        )?;
        let parse = |key: &'static str| {
            let text = sources.text(key);
            text.map(|text| listeners::parse_listeners(key, &text, &map)).transpose()
        };
        let bound = parse("listeners")?.unwrap_or_default();
        let controller_names: Vec<String> =
            value::items(sources.value("controller.listener.names").unwrap_or_default())
                .map(str::to_ascii_uppercase)
                .collect();
        let is_controller = |it: &Listener| controller_names.contains(&it.name);
        if !bound.iter().any(is_controller) {
            return Err(ConfigError::Inconsistent(format!(
                "controller.listener.names={} names no listener of listeners",
                controller_names.join(",")
            )));
        }
        if bound.iter().all(is_controller) {
            let none = "listeners has no listener for clients, all are the controller's";
            return Err(ConfigError::Inconsistent(none.to_owned()));
        }
        let unbuilt = bound.iter().find(|it| it.protocol != SecurityProtocol::Plaintext);
        if let Some(listener) = unbuilt {
            return Err(ConfigError::NoEffectYet {
                key: format!("listeners: {listener} ({:?})", listener.protocol),
            });
        }
        let advertised = parse("advertised.listeners")?;
        let advertised = advertised
            .unwrap_or_else(|| bound.iter().filter(|it| !is_controller(it)).cloned().collect());
        check_advertised(&advertised, &bound, &controller_names, sources)?;
        let inter_broker_name = inter_broker_name(sources, &bound, &controller_names)?;
        Ok(Network { listeners: bound, advertised, controller_names, inter_broker_name })
    }
}

fn check_advertised(
    advertised: &[Listener],
    bound: &[Listener],
    controller_names: &[String],
    sources: &BrokerSources,
) -> Result<(), ConfigError> {
    for listener in advertised {
        listeners::check_advertised(listener)?;
        if controller_names.contains(&listener.name) && !sources.is_set("advertised.listeners") {
            continue;
        }
        if !bound.iter().any(|it| it.name == listener.name) {
            return Err(ConfigError::Inconsistent(format!(
                "advertised.listeners has {listener}, but listeners has no {}",
                listener.name
            )));
        }
    }
    Ok(())
}

fn inter_broker_name(
    sources: &BrokerSources,
    bound: &[Listener],
    controller_names: &[String],
) -> Result<String, ConfigError> {
    let clients = || bound.iter().filter(|it| !controller_names.contains(&it.name));
    match sources.text("inter.broker.listener.name").map(|it| it.to_ascii_uppercase()) {
        None => {
            let plain = clients().find(|it| it.name == "PLAINTEXT").or_else(|| clients().next());
            Ok(plain.map(|it| it.name.clone()).unwrap_or_default())
        }
        Some(name) if clients().any(|it| it.name == name) => Ok(name),
        Some(name) => Err(ConfigError::Inconsistent(format!(
            "inter.broker.listener.name={name} is not a listener of listeners for brokers"
        ))),
    }
}

#[cfg(test)]
mod tests;
