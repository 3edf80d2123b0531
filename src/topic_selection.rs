//! From the names on the command line to topics that exist: exact names, patterns, and what to say
//! when there is none.

use kt_client::admin::Expected;
use kt_client::{Admin, Topic};
use kt_protocol::types::TopicPartition;
use regex::Regex;

use crate::error::{CliError, Failed, Kind};
use crate::nearest::nearest;
use crate::session::Session;
use crate::topic_spec::{PartitionSet, TopicSpec};

/// Names as patterns that match whole names (`-r`).
#[derive(Debug)]
pub(crate) struct Patterns {
    patterns: Vec<Regex>,
}

impl Patterns {
    pub(crate) fn new<S: AsRef<str>>(names: &[S]) -> Result<Patterns, CliError> {
        let compiled = names.iter().map(|name| {
            let name = name.as_ref();
            Regex::new(&format!("^(?:{name})$")).map_err(|error| {
                // The last line says what is wrong, those above draw where.
                let reason = error.to_string();
                let reason = reason.lines().last().unwrap_or_default().replace("error: ", "");
                CliError::usage(format!("\"{name}\" is not a regular expression: {reason}"))
            })
        });
        Ok(Patterns { patterns: compiled.collect::<Result<_, _>>()? })
    }

    pub(crate) fn match_any(&self, name: &str) -> bool {
        self.patterns.iter().any(|it| it.is_match(name))
    }

    /// The matching ones of all topics; at least one.
    pub(crate) fn select(
        &self,
        topics: Vec<Topic>,
        session: &Session,
    ) -> Result<Vec<Topic>, CliError> {
        let with_internal = session.globals.internal;
        let found: Vec<Topic> = topics
            .into_iter()
            .filter(|it| with_internal || !it.is_internal)
            .filter(|it| self.match_any(&it.name))
            .collect();
        if found.is_empty() {
            let patterns: Vec<&str> =
                self.patterns.iter().map(|it| whole_name(it.as_str())).collect();
            let message = format!("no topic matches \"{}\"", patterns.join("\" or \""));
            return Err(CliError::not_found(message).hint("kt topics list"));
        }
        Ok(found)
    }
}

/// Waits until the brokers know what became of topics; says of which they do not.
pub(crate) async fn wait_until_known(
    admin: &Admin,
    session: &Session,
    expected: &[(String, Expected)],
) -> Result<(), CliError> {
    if expected.is_empty() {
        return Ok(());
    }
    for name in admin.wait_until_known(expected).await? {
        session.warn(&format!("not every broker has heard of the change of topic \"{name}\" yet"));
    }
    Ok(())
}

/// The pattern as it was written.
fn whole_name(anchored: &str) -> &str {
    anchored.strip_prefix("^(?:").and_then(|it| it.strip_suffix(")$")).unwrap_or(anchored)
}

/// Gives the errors of topics that do not exist the hint that helps: the name that was meant.
pub(crate) async fn explain_missing(admin: &Admin, errors: Vec<&mut CliError>, names: Vec<String>) {
    // Best effort: the errors are right without it.
    let Ok(existing) = admin.list_topics().await else { return };
    for (error, name) in errors.into_iter().zip(names) {
        let existing = existing.iter().map(|it| it.name.as_str());
        error.hint = Some(match nearest(&name, existing) {
            Some(meant) => format!("did you mean \"{meant}\"?"),
            None => "kt topics list".to_owned(),
        });
    }
}

/// One topic by its exact name.
pub(crate) async fn find(admin: &Admin, name: &str) -> Result<Topic, CliError> {
    let mut found = find_all(admin, &[name.to_owned()]).await?;
    found.pop().expect("a name has an answer").1
}

/// Topics by their exact names, in the same order.
pub(crate) async fn find_all(
    admin: &Admin,
    names: &[String],
) -> Result<Vec<(String, Result<Topic, CliError>)>, CliError> {
    let found = admin.describe_topics(names).await?;
    let mut found: Vec<(String, Result<Topic, CliError>)> =
        found.into_iter().map(|(name, it)| (name, it.map_err(CliError::from))).collect();
    let mut missing_names = Vec::new();
    let mut missing = Vec::new();
    for (name, result) in &mut found {
        if let Err(error) = result
            && error.kind == Kind::NotFound
        {
            missing_names.push(name.clone());
            missing.push(error);
        }
    }
    if !missing.is_empty() {
        explain_missing(admin, missing, missing_names).await;
    }
    Ok(found)
}

/// Topics with the partitions that were named, none of them twice: exact names, or with `-r` all
/// that match.
pub(crate) async fn find_specs(
    admin: &Admin,
    session: &Session,
    specs: &[TopicSpec],
) -> Result<(Vec<(Topic, Option<PartitionSet>)>, Failed), CliError> {
    let mut found: Vec<(Topic, Option<PartitionSet>)> = Vec::new();
    let mut failed = Failed::new();
    if session.globals.regex {
        let names: Vec<&str> = specs.iter().map(|it| it.topic.as_str()).collect();
        let matching = Patterns::new(&names)?.select(admin.list_topics().await?, session)?;
        let names: Vec<String> = matching.into_iter().map(|it| it.name).collect();
        for (name, topic) in find_all(admin, &names).await? {
            // The first pattern that matches says which partitions.
            let mut one = specs.iter().map(|it| (Patterns::new(&[&it.topic]), &it.partitions));
            let is_its = |(patterns, _): &(Result<Patterns, CliError>, _)| {
                patterns.as_ref().is_ok_and(|it| it.match_any(&name))
            };
            let partitions = one.find(is_its).and_then(|it| it.1.clone());
            match topic {
                Ok(topic) => found.push((topic, partitions)),
                Err(error) => failed.push((name, error)),
            }
        }
        return Ok((found, failed));
    }
    let names: Vec<String> = specs.iter().map(|it| it.topic.clone()).collect();
    for (spec, (name, topic)) in specs.iter().zip(find_all(admin, &names).await?) {
        match topic {
            Ok(topic) => found.push((topic, spec.partitions.clone())),
            Err(error) => failed.push((name, error)),
        }
    }
    Ok((found, failed))
}

/// Topics that are to be changed: as they are found, but Kafka's own only with `--internal`.
pub(crate) async fn find_for_change(
    admin: &Admin,
    session: &Session,
    specs: &[TopicSpec],
) -> Result<(Vec<(Topic, Option<PartitionSet>)>, Failed), CliError> {
    let (found, mut failed) = find_specs(admin, session, specs).await?;
    let (refused, found): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|(it, _)| it.is_internal && !session.globals.internal);
    failed.extend(refused.into_iter().map(|(it, _)| {
        let error = internal(&it.name);
        (it.name, error)
    }));
    Ok((found, failed))
}

/// The error of a change to one of Kafka's own topics.
pub(crate) fn internal(name: &str) -> CliError {
    let message = format!("topic \"{name}\" is Kafka's own");
    let error = CliError::new(Kind::Other, "INTERNAL_TOPIC", message);
    error.hint("--internal allows changing it")
}

/// Whether Kafka keeps its own records in a topic of that name (its `Topic.isInternal`).
pub(crate) fn is_internal(name: &str) -> bool {
    ["__consumer_offsets", "__transaction_state", "__share_group_state"].contains(&name)
}

/// Partitions of a topic: those of `set`, or all.
pub(crate) fn partitions(
    topic: &Topic,
    set: Option<&PartitionSet>,
) -> Result<Vec<TopicPartition>, CliError> {
    let existing: Vec<i32> = topic.partitions.iter().map(|it| it.index).collect();
    let chosen = match set {
        Some(set) => set.select(&existing).map_err(|it| no_partition(topic, it))?,
        None => existing,
    };
    Ok(chosen.into_iter().map(|it| TopicPartition::new(topic.name.as_str(), it)).collect())
}

/// The error that says which partitions there are.
pub(crate) fn no_partition(topic: &Topic, partition: i32) -> CliError {
    let last = topic.partitions.len().saturating_sub(1);
    let message = format!("partition {partition} of topic \"{}\" does not exist", topic.name);
    let error = CliError::new(Kind::NotFound, "UNKNOWN_TOPIC_OR_PARTITION", message);
    error.hint(format!("it has partitions 0 to {last}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_names() {
        let patterns = Patterns::new(&["order|pay.*"]).unwrap();
        assert!(patterns.match_any("order"));
        assert!(patterns.match_any("payments"));
        assert!(!patterns.match_any("orders"));
        assert!(!patterns.match_any("reorder"));
        let error = Patterns::new(&["a("]).unwrap_err();
        insta::assert_snapshot!(error.message, @r#""a(" is not a regular expression: unclosed group"#);
    }
}
