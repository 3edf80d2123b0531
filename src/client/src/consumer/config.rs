//! What a consumer is told before it reads, under Kafka's names.

use std::time::Duration;

use kt_protocol::types::Timestamp;

use super::records::CrcCheck;
use crate::admin::Isolation;
use crate::config::{ConfigError, Keys, flag, millis, number, word, wrong};

/// Settings of a [`super::Consumer`], under Kafka's names and with its defaults, but for those that
/// say why not.
///
/// ```
/// use kt_client::Keys;
/// use kt_client::consumer::{ConsumerConfig, OffsetReset};
///
/// let mut config = ConsumerConfig::default();
/// config.set("auto.offset.reset", "by_duration:P7D").unwrap();
/// config.set("fetch.max.wait.ms", "100").unwrap();
/// assert!(matches!(config.offset_reset, OffsetReset::ByDuration(_)));
/// ```
#[derive(Clone, Debug)]
pub struct ConsumerConfig {
    /// `isolation.level`
    pub isolation: Isolation,
    /// `fetch.min.bytes`: an answer waits for so much.
    pub fetch_min_bytes: i32,
    /// `fetch.max.wait.ms`: but not longer.
    pub fetch_max_wait: Duration,
    /// `fetch.max.bytes` of one answer; a first batch larger than that comes whole.
    pub fetch_max_bytes: i32,
    /// `max.partition.fetch.bytes` of one answer.
    pub partition_fetch_bytes_max: i32,
    /// What is fetched and under way and was not given yet, in bytes, over all brokers. `None` is
    /// `fetch.max.bytes`. A batch that is larger than what is left comes whole, so that one batch
    /// for each broker may come on top. Kafka has no such key; librdkafka's is
    /// `queued.max.messages.kbytes`.
    pub queued_bytes_max: Option<usize>,
    /// `max.poll.records`: so many at most come out of one poll.
    pub poll_records_max: usize,
    /// `auto.offset.reset`: where to begin without a position, and where to go on if the position
    /// is not there any more.
    pub offset_reset: OffsetReset,
    /// `check.crcs`
    pub crc_check: CrcCheck,
    /// `client.rack`: with it a broker may name a replica that is nearer (KIP-392).
    pub rack: String,
    /// Whether polls tell where partitions end. Kafka has no such key; librdkafka's is
    /// `enable.partition.eof`.
    pub partition_ends: PartitionEnds,
}

/// Where reading begins if nothing else says so.
///
/// ```
/// use kt_client::Keys;
/// use kt_client::consumer::{ConsumerConfig, OffsetReset};
///
/// let mut config = ConsumerConfig::default();
/// assert_eq!(config.offset_reset, OffsetReset::Latest);
/// config.set("auto.offset.reset", "earliest")?;
/// assert_eq!(config.offset_reset, OffsetReset::Earliest);
/// # Ok::<(), kt_client::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OffsetReset {
    /// At the log start offset.
    Earliest,
    /// Behind the last record.
    Latest,
    /// Nowhere: it is an error.
    None,
    /// At the first record that is not older (KIP-1106).
    ByDuration(Duration),
}

/// Whether the end of a partition is worth a word.
///
/// Shown at [`Polled`](super::Polled).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PartitionEnds {
    /// No: a poll goes on waiting.
    #[default]
    Silent,
    /// Yes: see [`super::Polled::ends`].
    Told,
}

impl Default for ConsumerConfig {
    fn default() -> ConsumerConfig {
        ConsumerConfig {
            isolation: Isolation::default(),
            fetch_min_bytes: 1,
            fetch_max_wait: Duration::from_millis(500),
            fetch_max_bytes: 50 << 20,
            // Larger than Kafka's 1 MiB: a reader that is one partition behind reads just that one.
            partition_fetch_bytes_max: 4 << 20,
            queued_bytes_max: None,
            poll_records_max: 500,
            offset_reset: OffsetReset::Latest,
            crc_check: CrcCheck::On,
            rack: String::new(),
            partition_ends: PartitionEnds::Silent,
        }
    }
}

impl Keys for ConsumerConfig {
    const KEYS: &'static [&'static str] = &[
        "auto.offset.reset",
        "check.crcs",
        "client.rack",
        "fetch.max.bytes",
        "fetch.max.wait.ms",
        "fetch.min.bytes",
        "isolation.level",
        "max.partition.fetch.bytes",
        "max.poll.records",
    ];

    fn set(&mut self, key: &str, value: &str) -> Result<(), ConfigError> {
        match key {
            "auto.offset.reset" => self.offset_reset = offset_reset(key, value)?,
            "check.crcs" => {
                self.crc_check = if flag(key, value)? { CrcCheck::On } else { CrcCheck::Off };
            }
            "client.rack" => value.trim().clone_into(&mut self.rack),
            "fetch.max.bytes" => self.fetch_max_bytes = size(key, value)?,
            "fetch.max.wait.ms" => self.fetch_max_wait = millis(key, value)?,
            "fetch.min.bytes" => self.fetch_min_bytes = size(key, value)?,
            "isolation.level" => self.isolation = isolation(key, value)?,
            "max.partition.fetch.bytes" => self.partition_fetch_bytes_max = size(key, value)?,
            "max.poll.records" => match number(key, value)? {
                0 => return Err(wrong(key, value, "at least 1 is needed")),
                records => self.poll_records_max = records,
            },
            key => panic!("{key} is not one of KEYS"),
        }
        Ok(())
    }
}

/// Bytes, as the wire has them.
fn size(key: &str, value: &str) -> Result<i32, ConfigError> {
    match number(key, value)? {
        bytes if 0 <= bytes => Ok(bytes),
        _ => Err(wrong(key, value, "a size in bytes is needed, not below 0")),
    }
}

fn isolation(key: &str, value: &str) -> Result<Isolation, ConfigError> {
    let levels = [
        ("read_uncommitted", Isolation::ReadUncommitted),
        ("read_committed", Isolation::ReadCommitted),
    ];
    word(key, value, &levels)
}

fn offset_reset(key: &str, value: &str) -> Result<OffsetReset, ConfigError> {
    const DURATION: &str = "by_duration:";
    if let Some(duration) = value.trim().strip_prefix(DURATION) {
        let needed = "a duration is needed, such as by_duration:P7D or by_duration:PT12H";
        let duration = iso_duration(duration).ok_or_else(|| wrong(key, value, needed))?;
        return Ok(OffsetReset::ByDuration(duration));
    }
    let words = [
        ("earliest", OffsetReset::Earliest),
        ("latest", OffsetReset::Latest),
        ("none", OffsetReset::None),
    ];
    word(key, value, &words).map_err(|_| {
        wrong(key, value, "one of earliest, latest, none, by_duration:PnDTnHnMn.nS is needed")
    })
}

/// `PnDTnHnMn.nS`, as Java's `Duration.parse` takes it, without the negative ones.
fn iso_duration(text: &str) -> Option<Duration> {
    let text = text.to_ascii_uppercase();
    let (days, time) = match text.strip_prefix('P')?.split_once('T') {
        Some((days, time)) if !time.is_empty() => (days, time),
        Some(_) => return None,
        None => (text.strip_prefix('P')?, ""),
    };
    if days.is_empty() && time.is_empty() {
        return None;
    }
    let mut total = Duration::ZERO;
    if !days.is_empty() {
        let days: u64 = days.strip_suffix('D')?.parse().ok()?;
        total = Duration::from_secs(days.checked_mul(24 * 3600)?);
    }
    let mut rest = time;
    for (unit, seconds) in [('H', 3600), ('M', 60)] {
        if let Some((count, behind)) = rest.split_once(unit) {
            let count: u64 = count.parse().ok()?;
            total = total.checked_add(Duration::from_secs(count.checked_mul(seconds)?))?;
            rest = behind;
        }
    }
    if rest.is_empty() {
        return Some(total);
    }
    let seconds: f64 = rest.strip_suffix('S')?.parse().ok()?;
    total.checked_add(Duration::try_from_secs_f64(seconds).ok()?)
}

impl OffsetReset {
    /// What it means at a time of day.
    pub(super) fn at(self, wall: Timestamp) -> Option<super::Start> {
        match self {
            OffsetReset::Earliest => Some(super::Start::Earliest),
            OffsetReset::Latest => Some(super::Start::Latest),
            OffsetReset::None => None,
            OffsetReset::ByDuration(duration) => {
                let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
                Some(super::Start::At(Timestamp(wall.0.saturating_sub(millis).max(0))))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(key: &str, value: &str) -> Result<ConsumerConfig, String> {
        let mut config = ConsumerConfig::default();
        config.set(key, value).map_err(|it| it.to_string())?;
        Ok(config)
    }

    #[test]
    fn keys_are_sorted_and_each_is_taken() {
        assert!(ConsumerConfig::KEYS.is_sorted());
        for key in ConsumerConfig::KEYS {
            let known = ["1", "true", "earliest", "read_committed"];
            assert!(known.iter().any(|value| set(key, value).is_ok()), "{key}");
        }
    }

    #[test]
    fn resets_are_read_as_kafka_reads_them() {
        let reset = |value| set("auto.offset.reset", value).map(|it| it.offset_reset);
        let by = |seconds| Ok(OffsetReset::ByDuration(Duration::from_secs(seconds)));
        assert_eq!(reset("earliest"), Ok(OffsetReset::Earliest));
        assert_eq!(reset("by_duration:P1DT1H30M"), by(24 * 3600 + 3600 + 1800));
        assert_eq!(reset("by_duration:PT2S"), by(2));
        for wrong in ["by_duration:", "by_duration:P", "by_duration:P1DT", "by_duration:-P1D", "x"]
        {
            assert!(reset(wrong).is_err(), "{wrong}");
        }
        let error = set("max.poll.records", "0").unwrap_err();
        assert_eq!(error, "max.poll.records=0: at least 1 is needed");
    }
}
