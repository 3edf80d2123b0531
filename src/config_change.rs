//! A change of configs as a plan: what each key was, what it becomes, what that may lose, and what
//! takes it back.

use std::str::FromStr;

use clap::Args;
use kt_client::Admin;
use kt_client::admin::{Apply, ConfigChange, ConfigEntry, ConfigSource, Resource};
use kt_protocol::ErrorCode;

use crate::change::Risk;
use crate::config_entity::ConfigEntity;
use crate::error::{CliError, Kind};
use crate::journal::{HIDDEN, KeyState, Step};
use crate::nearest::nearest;

/// `KEY=VALUE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ConfigPair {
    pub(crate) key: String,
    pub(crate) value: String,
}

impl FromStr for ConfigPair {
    type Err = String;

    fn from_str(text: &str) -> Result<ConfigPair, String> {
        match text.split_once('=') {
            Some((key, value)) if !key.is_empty() => {
                Ok(ConfigPair { key: key.to_owned(), value: value.to_owned() })
            }
            _ => Err("write KEY=VALUE".to_owned()),
        }
    }
}

// What becomes of configs, as the command line says it. A doc comment would be the command's help.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct ConfigEdits {
    /// Set a config (repeatable)
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<ConfigPair>,

    /// Take a config's own value away, so that the inherited one counts (repeatable)
    #[arg(long, value_name = "KEY")]
    unset: Vec<String>,
}

impl ConfigEdits {
    pub(crate) fn is_empty(&self) -> bool {
        self.set.is_empty() && self.unset.is_empty()
    }

    /// Each key with its new value: those that are set, then those that are not any more.
    ///
    /// # Errors
    /// A key is named twice.
    pub(crate) fn values(&self) -> Result<Vec<ConfigChange>, CliError> {
        let set = self.set.iter().map(|it| (&it.key, Some(it.value.clone())));
        let unset = self.unset.iter().map(|key| (key, None));
        let mut changes: Vec<ConfigChange> = Vec::new();
        for (key, value) in set.chain(unset) {
            if changes.iter().any(|it| it.name == *key) {
                return Err(CliError::usage(format!("config \"{key}\" is named twice")));
            }
            changes.push(ConfigChange { name: key.clone(), value });
        }
        Ok(changes)
    }
}

/// One key, before and after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyPlan {
    pub(crate) key: String,
    /// Set on the entity before.
    was: Option<String>,
    /// What counted before.
    effective: Option<String>,
    /// Set on the entity then.
    becomes: Option<String>,
    /// What counts then, if that is told.
    then: Option<String>,
    /// Not told, and not to be.
    pub(crate) is_secret: bool,
    loss: Option<&'static str>,
}

/// The change of one entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ConfigPlan {
    pub(crate) entity: ConfigEntity,
    /// Only what changes.
    pub(crate) keys: Vec<KeyPlan>,
}

/// What the brokers tell of an entity now.
#[derive(Clone, Debug, Default)]
pub(crate) struct Present {
    entries: Vec<ConfigEntry>,
    /// What stands behind the defaults of all brokers: the configs of one of them.
    behind: Vec<ConfigEntry>,
    /// What a topic inherits as `retention.ms`, where that was asked for.
    retention_ms: Option<String>,
}

impl Present {
    pub(crate) fn of(entries: Vec<ConfigEntry>) -> Present {
        Present { entries, ..Present::default() }
    }

    /// Asks a broker what it keeps if a topic does not say, if the changes make that count. It is
    /// not told with the topic, since brokers have it in other units.
    pub(crate) async fn know_retention(
        &mut self,
        admin: &Admin,
        changes: &[ConfigChange],
    ) -> Result<(), CliError> {
        let is_unset = changes.iter().any(|it| it.name == RETENTION && it.value.is_none());
        if !is_unset || self.inherited(RETENTION, ConfigSource::DYNAMIC_TOPIC).is_some() {
            return Ok(());
        }
        if let Some(broker) = admin.describe_cluster().await?.brokers.first() {
            let entries = one(admin, &ConfigEntity::Broker(broker.id.0).resource()).await?;
            self.retention_ms = retention_ms(&entries);
        }
        Ok(())
    }

    /// Asks for it.
    pub(crate) async fn ask(admin: &Admin, entity: &ConfigEntity) -> Result<Present, CliError> {
        let entries = one(admin, &entity.resource()).await?;
        let mut present = Present::of(entries);
        if *entity == ConfigEntity::BrokerDefault
            && let Some(broker) = admin.describe_cluster().await?.brokers.first()
        {
            present.behind = one(admin, &ConfigEntity::Broker(broker.id.0).resource()).await?;
        }
        Ok(present)
    }

    /// The value that is set on the entity itself.
    pub(crate) fn own(&self, key: &str, source: ConfigSource) -> Option<String> {
        let entry = self.entries.iter().find(|it| it.name == key && it.source == source)?;
        entry.value.clone()
    }

    /// Whether it is set on the entity itself; a secret is set though its value is not told.
    pub(crate) fn is_set(&self, key: &str, source: ConfigSource) -> bool {
        self.entries.iter().any(|it| it.name == key && it.source == source)
    }

    /// The value that counts.
    pub(crate) fn effective(&self, key: &str) -> Option<String> {
        let mut all = self.entries.iter().chain(&self.behind);
        all.find(|it| it.name == key)?.value.clone()
    }

    /// The value that counts if it is not set on the entity, as far as it is told.
    fn inherited(&self, key: &str, own: ConfigSource) -> Option<String> {
        let mut all = self.behind.iter().chain(&self.entries).filter(|it| it.name == key);
        let entry = all.next()?;
        // What is set on one broker does not count for all of them.
        let counts = |it: ConfigSource| it != own && it != ConfigSource::DYNAMIC_BROKER;
        match entry.synonyms.iter().find(|it| counts(it.source)) {
            Some(synonym) => synonym.value.clone(),
            None if counts(entry.source) => entry.value.clone(),
            None if key == RETENTION => self.retention_ms.clone(),
            None => None,
        }
    }

    pub(crate) fn is_secret(&self, key: &str) -> bool {
        let mut all = self.entries.iter().chain(&self.behind);
        match all.find(|it| it.name == key) {
            Some(entry) => entry.is_sensitive,
            None => looks_secret(key),
        }
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().chain(&self.behind).map(|it| it.name.as_str())
    }
}

const RETENTION: &str = "retention.ms";

/// `log.retention.ms`, or the minutes, or the hours: the finest that is set counts.
fn retention_ms(broker: &[ConfigEntry]) -> Option<String> {
    let units = [("ms", 1), ("minutes", 60_000), ("hours", 3_600_000)];
    units.into_iter().find_map(|(unit, milliseconds)| {
        let key = format!("log.retention.{unit}");
        let value = broker.iter().find(|it| it.name == key)?.value.as_ref()?;
        let value: i64 = value.trim().parse().ok()?;
        let is_limit = 0 <= value;
        Some(if is_limit { value.saturating_mul(milliseconds) } else { -1 }.to_string())
    })
}

/// For keys that no broker tells of: rather hide too much.
pub(crate) fn looks_secret(key: &str) -> bool {
    ["password", "secret", "jaas", "credential", "keystore.key", "private.key", "token"]
        .iter()
        .any(|it| key.contains(it))
}

async fn one(admin: &Admin, resource: &Resource) -> Result<Vec<ConfigEntry>, CliError> {
    let mut found = admin.describe_configs(std::slice::from_ref(resource), None).await?;
    let (_, entries) = found.pop().expect("a resource has an answer");
    Ok(entries?)
}

impl ConfigPlan {
    /// What the changes do to what is there.
    pub(crate) fn new(
        entity: ConfigEntity,
        changes: &[ConfigChange],
        present: &Present,
    ) -> Result<ConfigPlan, CliError> {
        let own = entity.own_source();
        let mut keys = Vec::new();
        for ConfigChange { name, value } in changes {
            let is_known = present.names().any(|it| it == name);
            let lists_all = matches!(entity, ConfigEntity::Topic(_) | ConfigEntity::Group(_));
            if value.is_none() && !is_known && lists_all {
                return Err(unknown_key(&entity, name, present));
            }
            let was = present.own(name, own);
            let effective = present.effective(name);
            let then = value.clone().or_else(|| present.inherited(name, own));
            let is_secret = present.is_secret(name);
            let is_change = is_secret || was != *value;
            if is_change {
                let loss = loss(name, effective.as_deref(), then.as_deref());
                let (key, becomes) = (name.clone(), value.clone());
                keys.push(KeyPlan { key, was, effective, becomes, then, is_secret, loss });
            }
        }
        Ok(ConfigPlan { entity, keys })
    }

    /// What gives keys the values that they had before a change, if that change still holds.
    ///
    /// # Errors
    /// A key has another value by now than the change left.
    pub(crate) fn to_restore(
        entity: ConfigEntity,
        states: &[KeyState],
        present: &Present,
    ) -> Result<ConfigPlan, CliError> {
        let own = entity.own_source();
        for KeyState { key, was, left, .. } in states {
            let now = present.own(key, own);
            // What is as it was needs nothing: half of an undo may be done.
            if now != *left && now != *was {
                let shown = |it: Option<&String>| it.cloned().unwrap_or("not set".to_owned());
                let (now, left) = (shown(now.as_ref()), shown(left.as_ref()));
                let message = format!("{entity}: {key} is {now} now, the change left {left}");
                let error = CliError::new(Kind::Other, "STATE_CHANGED", message);
                return Err(error.hint(format!("kt configs describe {entity}")));
            }
        }
        let change = |it: &KeyState| ConfigChange { name: it.key.clone(), value: it.was.clone() };
        let changes: Vec<ConfigChange> = states.iter().map(change).collect();
        let mut plan = ConfigPlan::new(entity, &changes, present)?;
        for key in &mut plan.keys {
            let state = states.iter().find(|it| it.key == key.key);
            key.then = key.then.take().or_else(|| state?.inherited.clone());
            key.loss = loss(&key.key, key.effective.as_deref(), key.then.as_deref());
        }
        Ok(plan)
    }

    pub(crate) fn risk(&self) -> Risk {
        let loses = self.keys.iter().any(|it| it.loss.is_some());
        if loses { Risk::Loss } else { Risk::Change }
    }

    /// The plan, a line for each key.
    pub(crate) fn lines(&self, is_dry_run: bool) -> Vec<String> {
        let verb = if is_dry_run { "would alter" } else { "alter" };
        let has_undo = self.step().is_some();
        let line = |it: &KeyPlan| {
            let mut line = format!("{verb} {}: {} {}", self.entity, it.key, it.values());
            if let Some(loss) = it.loss {
                line.push_str(&format!("; {loss}"));
            }
            if !has_undo {
                line.push_str("; no undo");
            }
            if it.is_secret {
                line.push_str(", as the old value is secret");
            }
            line
        };
        self.keys.iter().map(line).collect()
    }

    /// What takes it back: nothing, if one of the keys is secret.
    pub(crate) fn step(&self) -> Option<Step> {
        if self.keys.is_empty() || self.keys.iter().any(|it| it.is_secret) {
            return None;
        }
        let state = |it: &KeyPlan| KeyState {
            key: it.key.clone(),
            was: it.was.clone(),
            left: it.becomes.clone(),
            inherited: if it.was.is_none() { it.effective.clone() } else { None },
        };
        let keys = self.keys.iter().map(state).collect();
        Some(Step::RestoreConfigs { entity: self.entity.to_string(), keys })
    }

    /// Why there is no way back, if there is none.
    pub(crate) fn lasting(&self) -> Option<String> {
        let secret = self.keys.iter().find(|it| it.is_secret)?;
        Some(format!("the old value of {} is secret", secret.key))
    }

    pub(crate) fn secret_keys(&self) -> impl Iterator<Item = String> {
        self.keys.iter().filter(|it| it.is_secret).map(|it| it.key.clone())
    }

    /// Makes the change, or has the broker check it.
    pub(crate) async fn apply(
        &self,
        admin: &Admin,
        apply: Apply,
        present: &Present,
    ) -> Result<(), CliError> {
        if self.keys.is_empty() {
            return Ok(());
        }
        let change =
            |it: &KeyPlan| ConfigChange { name: it.key.clone(), value: it.becomes.clone() };
        let changes: Vec<ConfigChange> = self.keys.iter().map(change).collect();
        let resource = self.entity.resource();
        let result = admin.alter_configs(&resource, &changes, apply).await;
        if result.is_ok() && apply == Apply::Change {
            let own = self.entity.own_source();
            admin.wait_until_configured(&resource, own, &changes).await?;
        }
        result.map_err(|error| {
            let is_invalid = error.code() == Some(ErrorCode::InvalidConfig);
            let unknown = self.keys.iter().find(|it| !present.names().any(|name| name == it.key));
            match unknown.and_then(|it| nearest(&it.key, present.names())) {
                Some(meant) if is_invalid => {
                    CliError::from(error).hint(format!("did you mean \"{meant}\"?"))
                }
                _ => CliError::from(error),
            }
        })
    }
}

impl KeyPlan {
    /// The new value, for people.
    pub(crate) fn value(&self) -> Option<String> {
        if self.is_secret { None } else { self.then.clone() }
    }

    /// The old value, for people.
    pub(crate) fn old_value(&self) -> Option<String> {
        if self.is_secret { None } else { self.effective.clone() }
    }

    /// `9 -> 5`.
    fn values(&self) -> String {
        if self.is_secret {
            let then = if self.becomes.is_some() { HIDDEN } else { "unset" };
            return format!("{HIDDEN} -> {then}");
        }
        let shown = |own: &Option<String>, counts: &Option<String>| match (own, counts) {
            (Some(value), _) if value.is_empty() => "\"\"".to_owned(),
            (Some(value), _) => value.clone(),
            (None, Some(value)) => format!("{value} (inherited)"),
            (None, None) => "unset".to_owned(),
        };
        let before = shown(&self.was, &self.effective);
        format!("{before} -> {}", shown(&self.becomes, &self.then))
    }
}

fn unknown_key(entity: &ConfigEntity, key: &str, present: &Present) -> CliError {
    let message = format!("{entity} has no config \"{key}\"");
    let error = CliError::new(Kind::Other, "INVALID_CONFIG", message);
    match nearest(key, present.names()) {
        Some(meant) => error.hint(format!("did you mean \"{meant}\"?")),
        None => error.hint(format!("kt configs describe {entity} --all")),
    }
}

/// What a key's new value may lose, if it may. What is not told may be anything.
fn loss(key: &str, before: Option<&str>, after: Option<&str>) -> Option<&'static str> {
    let number = |text: Option<&str>| text.and_then(|it| it.trim().parse::<i64>().ok());
    match key.strip_prefix("log.").unwrap_or(key) {
        "retention.ms" | "retention.minutes" | "retention.hours" | "retention.bytes" => {
            // Negative is for ever, and so is nothing.
            let kept = |it: Option<&str>| number(it).filter(|it| 0 <= *it).unwrap_or(i64::MAX);
            let is_less = after.is_none() || kept(after) < kept(before);
            is_less.then_some("lower retention: older records may go")
        }
        "min.insync.replicas" => {
            let is_less = match (number(before), number(after)) {
                (Some(before), Some(after)) => after < before,
                (_, after) => after.is_none(),
            };
            is_less.then_some("lower min ISR: fewer replicas hold what was acknowledged")
        }
        "unclean.leader.election.enable" => {
            let is_on = after.is_none_or(|it| it.eq_ignore_ascii_case("true"));
            let was_on = before.is_some_and(|it| it.eq_ignore_ascii_case("true"));
            (is_on && !was_on).then_some("an unclean leader loses what it had not copied")
        }
        "cleanup.policy" => {
            let policies = |it: &str| it.split(',').map(|it| it.trim().to_owned()).collect();
            let before: Vec<String> = before.map(policies).unwrap_or_default();
            let after: Vec<String> = after.map(policies).unwrap_or_default();
            let is_more = after.is_empty() || after.iter().any(|it| !before.contains(it));
            is_more.then_some("records that were kept may go")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use kt_client::admin::ConfigSynonym;

    use super::*;

    fn entry(name: &str, value: &str, source: i8, behind: &[(&str, i8)]) -> ConfigEntry {
        let synonym = |(value, source): (&str, i8)| ConfigSynonym {
            name: name.to_owned(),
            value: Some(value.to_owned()),
            source: ConfigSource(source),
        };
        ConfigEntry {
            name: name.to_owned(),
            value: Some(value.to_owned()),
            source: ConfigSource(source),
            is_read_only: false,
            is_sensitive: false,
            synonyms: behind.iter().copied().map(synonym).collect(),
        }
    }

    fn present() -> Present {
        Present::of(vec![
            entry("retention.ms", "9", 1, &[("9", 1)]),
            entry("segment.bytes", "100", 5, &[("100", 5)]),
            entry("min.insync.replicas", "2", 1, &[("2", 1), ("1", 5)]),
            ConfigEntry { is_sensitive: true, value: None, ..entry("plugin.key", "", 1, &[]) },
        ])
    }

    fn change(text: &str) -> ConfigChange {
        match text.split_once('=') {
            Some((name, value)) => {
                ConfigChange { name: name.to_owned(), value: Some(value.to_owned()) }
            }
            None => ConfigChange { name: text.to_owned(), value: None },
        }
    }

    fn plan(changes: &[&str]) -> ConfigPlan {
        let changes: Vec<ConfigChange> = changes.iter().copied().map(change).collect();
        let entity = ConfigEntity::Topic("orders".to_owned());
        ConfigPlan::new(entity, &changes, &present()).unwrap()
    }

    #[test]
    fn plans_say_old_and_new_values_and_what_may_be_lost() {
        let plan = plan(&["retention.ms=5", "segment.bytes=50", "min.insync.replicas"]);
        insta::assert_snapshot!(plan.lines(false).join("\n"), @"
        alter topic/orders: retention.ms 9 -> 5; lower retention: older records may go
        alter topic/orders: segment.bytes 100 (inherited) -> 50
        alter topic/orders: min.insync.replicas 2 -> 1 (inherited); lower min ISR: fewer replicas hold what was acknowledged
        ");
        assert_eq!(plan.risk(), Risk::Loss);
        insta::assert_snapshot!(plan.step().unwrap().line(), @"kt configs alter topic/orders --set retention.ms=9 --unset segment.bytes --set min.insync.replicas=2");
    }

    #[test]
    fn only_what_the_change_left_is_restored() {
        let state = |was: Option<&str>, left: &str| KeyState {
            key: "retention.ms".to_owned(),
            was: was.map(str::to_owned),
            left: Some(left.to_owned()),
            inherited: Some("604800000".to_owned()),
        };
        let restore = |state: KeyState| {
            let entity = ConfigEntity::Topic("orders".to_owned());
            ConfigPlan::to_restore(entity, &[state], &present())
        };
        let plan = restore(state(None, "9")).unwrap();
        insta::assert_snapshot!(plan.lines(false).join("\n"), @"alter topic/orders: retention.ms 9 -> 604800000 (inherited)");
        assert_eq!(plan.risk(), Risk::Change);
        let error = restore(state(Some("8"), "7")).unwrap_err();
        insta::assert_snapshot!(error.message, @"topic/orders: retention.ms is 9 now, the change left 7");
    }

    #[test]
    fn the_finest_unit_of_retention_counts() {
        let mut broker = vec![entry("log.retention.hours", "168", 5, &[])];
        assert_eq!(retention_ms(&broker).as_deref(), Some("604800000"));
        broker.push(entry("log.retention.minutes", "-1", 4, &[]));
        assert_eq!(retention_ms(&broker).as_deref(), Some("-1"));
        broker.push(ConfigEntry { value: None, ..entry("log.retention.ms", "", 5, &[]) });
        assert_eq!(retention_ms(&broker).as_deref(), Some("-1"));
        assert_eq!(retention_ms(&[]), None);
    }

    #[test]
    fn what_is_so_already_is_no_change() {
        assert_eq!(plan(&["retention.ms=9", "segment.bytes"]).keys, []);
        // To write down what is inherited pins it: that is a change.
        assert_eq!(plan(&["segment.bytes=100"]).keys.len(), 1);
    }

    #[test]
    fn secrets_are_never_shown_and_have_no_way_back() {
        let plan = plan(&["plugin.key=hunter2", "segment.bytes=50"]);
        insta::assert_snapshot!(plan.lines(true).join("\n"), @"
        would alter topic/orders: plugin.key (hidden) -> (hidden); no undo, as the old value is secret
        would alter topic/orders: segment.bytes 100 (inherited) -> 50; no undo
        ");
        assert_eq!(plan.step(), None);
        assert_eq!(plan.secret_keys().collect::<Vec<_>>(), ["plugin.key"]);
    }

    #[test]
    fn a_key_that_is_not_there_cannot_be_unset() {
        let entity = ConfigEntity::Topic("orders".to_owned());
        let error = ConfigPlan::new(entity, &[change("retention.sm")], &present()).unwrap_err();
        insta::assert_snapshot!(error.message, @r#"topic/orders has no config "retention.sm""#);
        assert_eq!(error.hint.as_deref(), Some("did you mean \"retention.ms\"?"));
    }

    #[test]
    fn losses_are_lower_retention_lower_min_isr_unclean_leaders_and_new_policies() {
        let loses = |key, before, after| loss(key, before, after).is_some();
        assert!(loses("retention.ms", Some("-1"), Some("100")));
        assert!(loses("log.retention.hours", Some("168"), Some("167")));
        assert!(loses("retention.bytes", None, Some("100")));
        assert!(!loses("retention.ms", Some("100"), Some("-1")));
        assert!(!loses("retention.ms", Some("100"), Some("101")));
        assert!(loses("min.insync.replicas", Some("2"), Some("1")));
        assert!(!loses("min.insync.replicas", Some("1"), Some("2")));
        assert!(loses("unclean.leader.election.enable", Some("false"), Some("true")));
        assert!(!loses("unclean.leader.election.enable", Some("true"), Some("false")));
        assert!(loses("cleanup.policy", Some("compact"), Some("compact,delete")));
        assert!(!loses("cleanup.policy", Some("compact,delete"), Some("compact")));
        assert!(!loses("segment.bytes", Some("100"), Some("50")));
        // Nobody told what will count.
        assert!(loses("retention.ms", Some("100"), None));
    }
}
