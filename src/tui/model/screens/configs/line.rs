//! A config as a line: its value and who set it, and whether that weakens safety.

use kt_client::admin::{ConfigEntry, ConfigSource, DocumentedConfig};
use serde_json::{Value as Json, json};

use crate::config_entity::ConfigEntity;
use crate::config_meaning;
use crate::tui::figures;
use crate::tui::model::checks::Level;
use crate::tui::model::listing::Line;
use crate::tui::model::order::{Rank, Value};

/// A config.
#[derive(Clone, Debug)]
pub(crate) struct ConfigLine {
    pub(crate) name: String,
    /// `None` if it has none or is secret.
    pub(crate) value: Option<String>,
    /// The value in larger units: `7d`.
    pub(crate) human: Option<String>,
    pub(crate) is_secret: bool,
    pub(crate) is_read_only: bool,
    pub(crate) source: ConfigSource,
    /// Where it stands, in a word.
    pub(crate) source_word: &'static str,
    /// Set on the entity itself.
    pub(crate) is_own: bool,
    /// What counts if nobody sets it.
    pub(crate) default: Option<String>,
    /// As Kafka names it, in small letters.
    pub(crate) config_type: String,
    /// What it is for, in one line.
    pub(crate) meaning: Option<String>,
    /// All that its broker says, without markup.
    documentation: Option<String>,
    level: Level,
}

impl ConfigLine {
    pub(super) fn of(entity: &ConfigEntity, told: &DocumentedConfig) -> ConfigLine {
        let entry = &told.entry;
        let value = entry.value.clone().filter(|_| !entry.is_sensitive);
        let documentation = told.documentation.as_deref();
        let level = if weakens(entry) { Level::Warn } else { Level::Ok };
        ConfigLine {
            human: value.as_deref().and_then(|it| human(&entry.name, it)),
            default: default_of(entity, entry).filter(|_| !entry.is_sensitive),
            name: entry.name.clone(),
            value,
            is_secret: entry.is_sensitive,
            is_read_only: entry.is_read_only,
            source: entry.source,
            source_word: source_word(entry.source),
            is_own: entry.source == entity.own_source(),
            config_type: told.config_type.unwrap_or_default().to_lowercase(),
            meaning: config_meaning::meaning(&entry.name, documentation),
            documentation: documentation.map(config_meaning::plain),
            level,
        }
    }

    /// Set by somebody, here or for all.
    pub(crate) fn is_set(&self) -> bool {
        self.source != ConfigSource::DEFAULT
    }

    /// Its name and value, to be edited.
    pub(crate) fn pair(&self) -> (String, Option<String>) {
        (self.name.clone(), self.value.clone())
    }

    pub(crate) fn json(&self) -> Json {
        json!({
            "name": self.name,
            "value": self.value,
            "source": self.source.name(),
            "default": self.default,
            "sensitive": self.is_secret,
            "read_only": self.is_read_only,
            "weakens_safety": self.level != Level::Ok,
        })
    }

    pub(crate) fn details(&self) -> Json {
        let mut json = self.json();
        if let Some(all) = json.as_object_mut() {
            all.insert("type".to_owned(), json!(self.config_type));
            let documentation = self.documentation.as_ref().or(self.meaning.as_ref());
            all.insert("documentation".to_owned(), json!(documentation));
        }
        json
    }
}

impl Line for ConfigLine {
    const SORTS: &'static [&'static str] = &["source, name", "config", "value"];

    fn key(&self) -> &str {
        &self.name
    }

    fn level(&self) -> Level {
        self.level
    }

    fn rank(&self, sort: usize) -> Rank {
        let value = match sort {
            2 => self.value.clone().map_or(Value::Missing, Value::Text),
            _ => Value::Text(self.name.clone()),
        };
        let class = if sort == 0 { self.nearness() } else { 0 };
        Rank { class, value }
    }

    fn words(&self) -> Vec<&str> {
        let value = self.value.as_deref().unwrap_or_default();
        vec![&self.name, value, self.source_word]
    }
}

impl ConfigLine {
    /// What is set on the entity goes first, what nobody set last.
    fn nearness(&self) -> u8 {
        match self.source {
            _ if self.is_own => 5,
            ConfigSource::DYNAMIC_BROKER => 4,
            ConfigSource::DYNAMIC_DEFAULT_BROKER => 3,
            ConfigSource::DEFAULT => 0,
            ConfigSource(4) => 1,
            _ => 2,
        }
    }
}

/// In 8 cells.
fn source_word(source: ConfigSource) -> &'static str {
    match source {
        ConfigSource::DYNAMIC_TOPIC => "topic",
        ConfigSource::DYNAMIC_BROKER => "broker",
        ConfigSource::DYNAMIC_DEFAULT_BROKER => "brokers",
        ConfigSource::DYNAMIC_BROKER_LOGGER => "logger",
        ConfigSource::DYNAMIC_CLIENT_METRICS => "metrics",
        ConfigSource::DYNAMIC_GROUP => "group",
        ConfigSource::DEFAULT => "default",
        ConfigSource(4) => "static",
        _ => "?",
    }
}

/// Milliseconds and bytes as people say them, where that is shorter.
fn human(name: &str, value: &str) -> Option<String> {
    let number: i64 = value.trim().parse().ok()?;
    let is_time = name.ends_with(".ms");
    let is_size = name.ends_with("bytes") || name.contains("bytes.per.second") || is_rate(name);
    match number {
        // No limit: the number is known by its look.
        i64::MAX => None,
        -1 if name.contains("retention.ms") => Some("for ever".to_owned()),
        -1 if name.contains("retention.bytes") => Some("any size".to_owned()),
        1_000.. if is_time => Some(figures::period(number.unsigned_abs())),
        1_024.. if is_size => Some(figures::bytes(number.unsigned_abs())),
        _ => None,
    }
}

fn is_rate(name: &str) -> bool {
    name.ends_with("throttled.rate")
}

/// What counts if nobody sets it, as far as that is told.
fn default_of(entity: &ConfigEntity, entry: &ConfigEntry) -> Option<String> {
    if entry.source == ConfigSource::DEFAULT {
        return entry.value.clone();
    }
    let told = entry.synonyms.iter().find(|it| it.source == ConfigSource::DEFAULT);
    let told = told.and_then(|it| in_unit_of(&entry.name, &it.name, it.value.as_deref()?));
    let untold = || match entity {
        ConfigEntity::Topic(_) => config_meaning::untold_default(&entry.name).map(str::to_owned),
        _ => None,
    };
    told.or_else(untold)
}

/// A broker has hours where a topic has milliseconds.
fn in_unit_of(name: &str, synonym: &str, value: &str) -> Option<String> {
    let factor = match synonym {
        it if it.ends_with(".hours") && name.ends_with(".ms") => 3_600_000,
        it if it.ends_with(".minutes") && name.ends_with(".ms") => 60_000,
        _ => return Some(value.to_owned()),
    };
    value.trim().parse::<i64>().ok()?.checked_mul(factor).map(|it| it.to_string())
}

/// Whether somebody set it to what may lose records or let strangers in.
fn weakens(entry: &ConfigEntry) -> bool {
    if entry.source == ConfigSource::DEFAULT {
        return false;
    }
    let Some(value) = entry.value.as_deref().map(str::trim) else { return false };
    let is = |it: &str| value.eq_ignore_ascii_case(it);
    match entry.name.as_str() {
        "unclean.leader.election.enable" | "allow.everyone.if.no.acl.found" => is("true"),
        "log.flush.on.ack" => is("false"),
        "ssl.endpoint.identification.algorithm" => value.is_empty(),
        "min.insync.replicas" => {
            let behind = entry.synonyms.iter().filter(|it| it.source != entry.source);
            let inherited = behind.filter_map(|it| it.value.as_deref()?.parse::<i64>().ok());
            let most = inherited.max().unwrap_or(1);
            value.parse::<i64>().is_ok_and(|it| it < most)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_and_bytes_are_said_in_larger_units() {
        let said = |name, value| human(name, value).unwrap_or_default();
        assert_eq!(said("retention.ms", "604800000"), "7d");
        assert_eq!(said("log.segment.bytes", "1073741824"), "1.0GiB");
        assert_eq!(said("retention.ms", "-1"), "for ever");
        assert_eq!(said("flush.ms", "9223372036854775807"), "");
        assert_eq!(said("leader.replication.throttled.rate", "52428800"), "50.0MiB");
        assert_eq!(said("segment.ms", "12"), "");
        assert_eq!(said("num.partitions", "12000"), "");
    }

    #[test]
    fn a_default_in_hours_is_one_in_milliseconds() {
        assert_eq!(in_unit_of("retention.ms", "log.retention.hours", "168").unwrap(), "604800000");
        assert_eq!(in_unit_of("log.retention.hours", "log.retention.hours", "168").unwrap(), "168");
    }
}
