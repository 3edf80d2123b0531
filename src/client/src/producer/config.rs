//! What a producer is told before it starts, under Kafka's names.

use std::time::Duration;

use kt_protocol::records::{Compression, Compressor};

use super::partitioner::Partitioner;
use super::queue::BATCHES_REMEMBERED;
use crate::config::{ClientConfig, ConfigError, Keys, flag, millis, number, word, wrong};

/// Who has to have a record before it counts as delivered.
///
/// ```
/// use kt_client::producer::{Acks, Idempotence, ProducerConfig};
///
/// assert!(ProducerConfig::default().is_idempotent());
/// let quick = ProducerConfig { acks: Acks::Leader, ..ProducerConfig::default() };
/// assert!(!quick.is_idempotent());
/// let contradiction = ProducerConfig { idempotence: Idempotence::On, ..quick };
/// assert!(contradiction.check().is_err());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Acks {
    /// Nobody: records are sent and forgotten.
    None,
    /// The leader.
    Leader,
    /// Every in-sync replica.
    #[default]
    All,
}

impl Acks {
    pub(super) fn code(self) -> i16 {
        match self {
            Acks::None => 0,
            Acks::Leader => 1,
            Acks::All => -1,
        }
    }
}

/// Whether the broker removes duplicates that retries make (KIP-98).
///
/// Shown at [`Acks`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Idempotence {
    /// It does, unless other settings rule it out: fewer acknowledgements than [`Acks::All`], or no
    /// retries.
    #[default]
    WherePossible,
    /// It does; settings that rule it out are an error.
    On,
    /// It does not.
    Off,
}

/// What a send does that finds no room in the buffer.
///
/// ```
/// use kt_client::Keys;
/// use kt_client::producer::{ProducerConfig, WhenFull};
///
/// let mut config = ProducerConfig { when_full: WhenFull::Fail, ..ProducerConfig::default() };
/// config.set("max.block.ms", "1500")?;
/// assert_eq!(config.when_full, WhenFull::Wait(std::time::Duration::from_millis(1500)));
/// # Ok::<(), kt_client::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenFull {
    /// Waits so long at most (`max.block.ms`), the time included that its topic is looked for, which
    /// may have been created a moment ago.
    Wait(Duration),
    /// Fails at once; a topic is asked for once.
    Fail,
}

/// Levels of the codecs that have them; `None` is the codec's own choice.
///
/// Shown at [`ProducerConfig`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Levels {
    /// `compression.gzip.level`
    pub gzip: Option<i32>,
    /// `compression.lz4.level`
    pub lz4: Option<i32>,
    /// `compression.zstd.level`
    pub zstd: Option<i32>,
}

impl Levels {
    fn of(&self, codec: Compression) -> Option<i32> {
        match codec {
            Compression::None | Compression::Snappy => None,
            Compression::Gzip => self.gzip,
            Compression::Lz4 => self.lz4,
            Compression::Zstd => self.zstd,
        }
    }
}

/// Settings of a producer, under Kafka's names.
///
/// ```
/// use kt_client::Keys;
/// use kt_client::producer::{Acks, ProducerConfig};
///
/// let mut config = ProducerConfig::default();
/// config.set("linger.ms", "20")?;
/// config.set("compression.type", "zstd")?;
/// config.set("compression.zstd.level", "7")?;
/// config.check()?;
/// assert_eq!(config.acks, Acks::All);
/// assert!(config.set("acks", "some").is_err());
/// # Ok::<(), kt_client::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct ProducerConfig {
    /// `acks`
    pub acks: Acks,
    /// `enable.idempotence`
    pub idempotence: Idempotence,
    /// `compression.type`, with its level
    pub compressor: Compressor,
    /// Levels for a codec that is set by its key.
    pub levels: Levels,
    /// `batch.size`: bytes of a batch before compression. A larger record makes its own.
    pub batch_bytes: usize,
    /// `partitioner.class`: for records that name no partition.
    pub partitioner: Partitioner,
    /// `partitioner.ignore.keys`: partitioners that go by keys take records as if they had none.
    pub ignores_keys: bool,
    /// `partitioner.adaptive.partitioning.enable`: records without a key rather go where few wait.
    pub is_adaptive: bool,
    /// `partitioner.availability.timeout.ms`: they do not go to a broker that has taken nothing for
    /// so long; zero: they do.
    pub availability_timeout: Duration,
    /// `linger.ms`: how long a batch that is not full waits for more.
    pub linger: Duration,
    /// `max.request.size`: bytes of one request, and of one record.
    pub request_bytes_max: usize,
    /// `buffer.memory`: bytes of records that wait for their delivery.
    pub buffer_bytes_max: usize,
    /// `max.block.ms`, or that sends fail where others would wait.
    pub when_full: WhenFull,
    /// `max.in.flight.requests.per.connection`, and so many batches of each partition.
    pub in_flight_max: usize,
    /// `retries`: tries of a batch after the first.
    pub retries: u32,
    /// `delivery.timeout.ms`, counted from the first record of a batch.
    pub delivery_timeout: Duration,
    /// Whether `delivery.timeout.ms` has to leave room for `linger.ms` and one whole
    /// `request.timeout.ms`, as Kafka demands of who sets that key.
    pub delivery_timeout_is_checked: bool,
    /// `metadata.max.idle.ms`: how long leaders of a topic are kept up to date without use.
    pub metadata_max_idle: Duration,
}

/// `delivery.timeout.ms` of whom nobody told another.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(120);

impl Default for ProducerConfig {
    fn default() -> ProducerConfig {
        ProducerConfig {
            acks: Acks::default(),
            idempotence: Idempotence::default(),
            compressor: Compressor::default(),
            levels: Levels::default(),
            // Larger than Kafka's 16 KiB: a tool mostly sends bulk, and a batch costs a round trip.
            batch_bytes: 256 << 10,
            partitioner: Partitioner::default(),
            ignores_keys: false,
            is_adaptive: true,
            availability_timeout: Duration::ZERO,
            linger: Duration::from_millis(5),
            request_bytes_max: 1 << 20,
            buffer_bytes_max: 32 << 20,
            when_full: WhenFull::Wait(Duration::from_secs(60)),
            in_flight_max: 5,
            retries: i32::MAX.unsigned_abs(),
            delivery_timeout: DELIVERY_TIMEOUT,
            delivery_timeout_is_checked: false,
            metadata_max_idle: Duration::from_secs(300),
        }
    }
}

impl ProducerConfig {
    /// Whether the settings go together.
    ///
    /// # Errors
    ///
    /// Names two that do not.
    pub fn check(&self) -> Result<(), ConfigError> {
        let wrong = |text: &str| Err(ConfigError::Together(text.to_owned()));
        if self.in_flight_max == 0 {
            return wrong("max.in.flight.requests.per.connection=0: nothing could be sent");
        }
        if !self.is_idempotent() {
            return Ok(());
        }
        if self.acks != Acks::All {
            return wrong("enable.idempotence=true needs acks=all");
        }
        if BATCHES_REMEMBERED < self.in_flight_max as u64 {
            return wrong(
                "enable.idempotence=true needs max.in.flight.requests.per.connection of at most 5: \
                 brokers know no more batches again",
            );
        }
        if self.retries == 0 {
            return wrong("enable.idempotence=true needs retries above 0");
        }
        Ok(())
    }

    /// Whether the broker removes duplicates: what [`ProducerConfig::idempotence`] comes to beside
    /// the other settings.
    pub fn is_idempotent(&self) -> bool {
        match self.idempotence {
            Idempotence::On => true,
            Idempotence::Off => false,
            Idempotence::WherePossible => self.acks == Acks::All && 0 < self.retries,
        }
    }

    /// What spreads records, with what is said of their keys.
    pub(super) fn effective_partitioner(&self) -> Partitioner {
        match &self.partitioner {
            Partitioner::Murmur2 | Partitioner::Crc32 if self.ignores_keys => Partitioner::Sticky,
            partitioner => partitioner.clone(),
        }
    }

    /// The settings beside those of the client. The time for a delivery that nobody set is at least
    /// that of one request.
    pub(super) fn beside(self, client: &ClientConfig) -> Result<ProducerConfig, ConfigError> {
        let least = self.linger.saturating_add(client.request_timeout);
        if least <= self.delivery_timeout {
            return Ok(self);
        }
        if self.delivery_timeout_is_checked {
            return Err(ConfigError::Together(format!(
                "delivery.timeout.ms={} must be at least linger.ms + request.timeout.ms, {}",
                self.delivery_timeout.as_millis(),
                least.as_millis(),
            )));
        }
        let is_default = self.delivery_timeout == DELIVERY_TIMEOUT;
        let delivery_timeout = if is_default { least } else { self.delivery_timeout };
        Ok(ProducerConfig { delivery_timeout, ..self })
    }

    fn set_codec(&mut self, key: &str, value: &str, codec: Compression) -> Result<(), ConfigError> {
        let compressor = match self.levels.of(codec) {
            None => Ok(Compressor::from(codec)),
            Some(level) => Compressor::new(codec, level),
        };
        self.compressor = compressor.map_err(|error| wrong(key, value, error.to_string()))?;
        Ok(())
    }

    fn set_level(&mut self, key: &str, value: &str, codec: Compression) -> Result<(), ConfigError> {
        let level = match number::<i32>(key, value)? {
            // Kafka's way to say that gzip chooses.
            -1 if codec == Compression::Gzip => None,
            level => Some(level),
        };
        if let Some(level) = level {
            Compressor::new(codec, level).map_err(|error| wrong(key, value, error.to_string()))?;
        }
        match codec {
            Compression::Gzip => self.levels.gzip = level,
            Compression::Lz4 => self.levels.lz4 = level,
            Compression::Zstd => self.levels.zstd = level,
            Compression::None | Compression::Snappy => {}
        }
        if self.compressor.compression() == codec {
            self.set_codec(key, value, codec)?;
        }
        Ok(())
    }
}

type MakePartitioner = fn() -> Partitioner;

/// Values of `partitioner.class`: names of our own, and Kafka's classes.
const PARTITIONERS: &[(&str, MakePartitioner)] = &[
    ("murmur2", || Partitioner::Murmur2),
    ("crc32", || Partitioner::Crc32),
    ("sticky", || Partitioner::Sticky),
    ("round-robin", || Partitioner::RoundRobin),
    ("random", || Partitioner::Random),
    ("org.apache.kafka.clients.producer.RoundRobinPartitioner", || Partitioner::RoundRobin),
];

impl Keys for ProducerConfig {
    const KEYS: &'static [&'static str] = &[
        "acks",
        "batch.size",
        "buffer.memory",
        "compression.gzip.level",
        "compression.lz4.level",
        "compression.type",
        "compression.zstd.level",
        "delivery.timeout.ms",
        "enable.idempotence",
        "linger.ms",
        "max.block.ms",
        "max.in.flight.requests.per.connection",
        "max.request.size",
        "metadata.max.idle.ms",
        "partitioner.adaptive.partitioning.enable",
        "partitioner.availability.timeout.ms",
        "partitioner.class",
        "partitioner.ignore.keys",
        "retries",
    ];

    fn set(&mut self, key: &str, value: &str) -> Result<(), ConfigError> {
        match key {
            "acks" => {
                let all = Acks::All;
                let words = [("all", all), ("-1", all), ("1", Acks::Leader), ("0", Acks::None)];
                self.acks = word(key, value, &words)?;
            }
            "batch.size" => self.batch_bytes = number(key, value)?,
            "buffer.memory" => self.buffer_bytes_max = number(key, value)?,
            "compression.gzip.level" => self.set_level(key, value, Compression::Gzip)?,
            "compression.lz4.level" => self.set_level(key, value, Compression::Lz4)?,
            "compression.type" => {
                let words = Compression::ALL.map(|it| (it.name(), it));
                self.set_codec(key, value, word(key, value, &words)?)?;
            }
            "compression.zstd.level" => self.set_level(key, value, Compression::Zstd)?,
            "delivery.timeout.ms" => {
                self.delivery_timeout = millis(key, value)?;
                self.delivery_timeout_is_checked = true;
            }
            "enable.idempotence" => {
                let on = flag(key, value)?;
                self.idempotence = if on { Idempotence::On } else { Idempotence::Off };
            }
            "linger.ms" => self.linger = millis(key, value)?,
            "max.block.ms" => self.when_full = WhenFull::Wait(millis(key, value)?),
            "max.in.flight.requests.per.connection" => self.in_flight_max = number(key, value)?,
            "max.request.size" => self.request_bytes_max = number(key, value)?,
            "metadata.max.idle.ms" => self.metadata_max_idle = millis(key, value)?,
            "partitioner.adaptive.partitioning.enable" => self.is_adaptive = flag(key, value)?,
            "partitioner.availability.timeout.ms" => {
                self.availability_timeout = millis(key, value)?;
            }
            "partitioner.class" => self.partitioner = word(key, value, PARTITIONERS)?(),
            "partitioner.ignore.keys" => self.ignores_keys = flag(key, value)?,
            "retries" => self.retries = number(key, value)?,
            key => panic!("{key} is not one of KEYS"),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(settings: &[(&str, &str)]) -> String {
        let mut config = ProducerConfig::default();
        let set = settings.iter().try_for_each(|(key, value)| config.set(key, value));
        set.and_then(|()| config.check()).unwrap_err().to_string()
    }

    #[test]
    fn each_key_is_taken() {
        let values = ["1", "true", "zstd", "murmur2"];
        for key in ProducerConfig::KEYS {
            let is_taken = |value: &&str| ProducerConfig::default().set(key, value).is_ok();
            assert!(values.iter().any(is_taken), "{key}");
        }
        assert!(ProducerConfig::KEYS.is_sorted());
    }

    #[test]
    fn what_does_not_go_together_is_named() {
        let on = ("enable.idempotence", "true");
        for order in [[on, ("acks", "1")], [("acks", "1"), on]] {
            assert_eq!(fault(&order), "enable.idempotence=true needs acks=all");
        }
        insta::assert_snapshot!(
            fault(&[("max.in.flight.requests.per.connection", "6")]),
            @"enable.idempotence=true needs max.in.flight.requests.per.connection of at most 5: brokers know no more batches again"
        );
        insta::assert_snapshot!(fault(&[("retries", "0"), on]), @"enable.idempotence=true needs retries above 0");
        let mut config = ProducerConfig::default();
        config.set("enable.idempotence", "false").unwrap();
        config.set("max.in.flight.requests.per.connection", "60").unwrap();
        assert_eq!(config.check(), Ok(()));
    }

    fn config(settings: &[(&str, &str)]) -> ProducerConfig {
        let mut config = ProducerConfig::default();
        settings.iter().for_each(|(key, value)| config.set(key, value).unwrap());
        config
    }

    /// Kafka's `postProcessAndValidateIdempotenceConfigs`.
    #[test]
    fn settings_that_rule_it_out_switch_idempotence_off_unless_it_is_asked_for() {
        for settings in [[("acks", "1")], [("acks", "0")], [("retries", "0")]] {
            let config = config(&settings);
            assert_eq!(config.check(), Ok(()), "{settings:?}");
            assert!(!config.is_idempotent(), "{settings:?}");
        }
        assert!(config(&[]).is_idempotent());
        assert!(config(&[("acks", "1"), ("acks", "all")]).is_idempotent());
        assert!(!config(&[("enable.idempotence", "false")]).is_idempotent());
    }

    /// Kafka's `configureDeliveryTimeout`.
    #[test]
    fn the_time_for_a_delivery_holds_one_request() {
        let client = ClientConfig::default();
        let settings = [("delivery.timeout.ms", "30004"), ("linger.ms", "5")];
        insta::assert_snapshot!(
            config(&settings).beside(&client).unwrap_err(),
            @"delivery.timeout.ms=30004 must be at least linger.ms + request.timeout.ms, 30005"
        );
        assert!(config(&[("delivery.timeout.ms", "30005")]).beside(&client).is_ok());
        let slow = ClientConfig { request_timeout: Duration::from_secs(200), ..client };
        let raised = config(&[]).beside(&slow).unwrap().delivery_timeout;
        assert_eq!(raised, Duration::from_millis(200_005), "nobody set it");
        let short = Duration::from_secs(3);
        let own = ProducerConfig { delivery_timeout: short, ..ProducerConfig::default() };
        assert_eq!(own.beside(&slow).unwrap().delivery_timeout, short, "a program may want less");
    }

    #[test]
    fn keys_are_ignored_whatever_is_said_first() {
        let (ignores, class) = (("partitioner.ignore.keys", "true"), "partitioner.class");
        for settings in [[ignores, (class, "murmur2")], [(class, "crc32"), ignores]] {
            assert_eq!(config(&settings).effective_partitioner(), Partitioner::Sticky);
        }
        // They go by no key.
        let own = config(&[ignores, (class, "round-robin")]);
        assert_eq!(own.effective_partitioner(), Partitioner::RoundRobin);
        let not = config(&[ignores, ("partitioner.ignore.keys", "false")]);
        assert_eq!(not.effective_partitioner(), Partitioner::Murmur2);
    }

    #[test]
    fn levels_and_codecs_come_in_any_order() {
        let zstd = Compressor::new(Compression::Zstd, 7).unwrap();
        for order in [[0_usize, 1], [1, 0]] {
            let keys = [("compression.type", "zstd"), ("compression.zstd.level", "7")];
            let mut config = ProducerConfig::default();
            for key in order {
                config.set(keys[key].0, keys[key].1).unwrap();
            }
            assert_eq!(config.compressor, zstd);
            config.set("compression.gzip.level", "-1").unwrap();
            assert_eq!(config.compressor, zstd);
        }
        insta::assert_snapshot!(
            fault(&[("compression.gzip.level", "10")]),
            @"compression.gzip.level=10: gzip has no compression level 10: must be 1 to 9, or -1"
        );
    }
}
