//! What the demo's records say: believable values, the same ones from the same seed.

pub(super) mod account_balances;
pub(super) mod enrichment;
pub(super) mod host_metrics;
pub(super) mod inventory_changes;
pub(super) mod orders;
pub(super) mod page_views;
pub(super) mod service_logs;

use jiff::Timestamp;
use kt_client::Random;

/// A record, but for its place and time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) key: Option<String>,
    /// None is a tombstone.
    pub(super) value: Option<String>,
    pub(super) headers: Vec<(&'static str, &'static str)>,
}

impl Event {
    fn new(key: Option<String>, value: String) -> Event {
        Event { key, value: Some(value), headers: Vec::new() }
    }
}

/// Makes the records of one topic, one after the other.
pub(super) trait Values: Send {
    /// The next, as it would be written at that time.
    fn next(&mut self, at: Timestamp) -> Event;
}

/// One of `choices`.
fn one_of(random: &mut Random, choices: &[&'static str]) -> &'static str {
    random.choose(choices).copied().unwrap_or_default()
}

/// Cents as an amount.
fn amount(cents: u64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

/// For tests: the first records of a seed, at a second's distance.
#[cfg(test)]
fn first(values: &mut dyn Values, count: i64) -> Vec<Event> {
    let start: Timestamp = "2026-11-21T01:14:07Z".parse().unwrap();
    let at = |second: i64| start + jiff::SignedDuration::from_secs(second);
    (0..count).map(|it| values.next(at(it))).collect()
}

/// For tests: key and value of each, a line each.
#[cfg(test)]
fn shown(events: &[Event]) -> String {
    let or_null = |text: &Option<String>| text.clone().unwrap_or_else(|| "null".to_owned());
    let line = |it: &Event| format!("{} {}", or_null(&it.key), or_null(&it.value));
    events.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::super::topics::TOPICS;
    use super::*;

    #[test]
    fn a_seed_gives_the_same_records_and_each_value_is_an_object() {
        for topic in &TOPICS {
            let events = |seed| first(&mut *(topic.values)(Random::new(seed)), 500);
            let made = events(7);
            assert_eq!(made, events(7), "{}", topic.name);
            assert_ne!(made, events(8), "{}", topic.name);
            for value in made.iter().filter_map(|it| it.value.as_ref()) {
                let parsed: serde_json::Value = serde_json::from_str(value).unwrap();
                assert!(parsed.is_object(), "{}: {value}", topic.name);
            }
        }
    }
}
