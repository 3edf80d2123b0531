//! What configs are for, in one line: the ones that operators meet in our own words, the others in
//! the first sentence of what their broker says.

use kt_node::config;

/// Keys of topics; a broker has most of them with `log.` before.
const KNOWN: &[(&str, &str)] = &[
    ("advertised.listeners", "the addresses that clients are told"),
    ("auto.create.topics.enable", "whether a topic that is asked for and missing is made"),
    ("cleaner.delete.retention.ms", "how long the tombstone of a deleted key is kept"),
    ("cleanup.policy", "delete: old segments go; compact: each key keeps its last"),
    ("compression.type", "how batches are stored; producer = as they came"),
    ("default.replication.factor", "replicas of a partition, where nobody says how many"),
    ("delete.retention.ms", "how long the tombstone of a deleted key is kept"),
    ("dirs", "where logs are stored"),
    ("file.delete.delay.ms", "how long the files of a deleted segment stay"),
    ("flush.messages", "a flush after so many records; else the system decides"),
    ("flush.ms", "a flush after this time; else the system decides"),
    (
        "follower.replication.throttled.replicas",
        "replicas that copy no faster than the throttle of their broker",
    ),
    ("index.interval.bytes", "so many bytes of log have one index entry"),
    (
        "leader.replication.throttled.replicas",
        "replicas that are sent no faster than the throttle of the leader",
    ),
    ("listeners", "the addresses that this broker listens on"),
    ("local.retention.bytes", "what of a tiered log stays on this disk; -2 = retention.bytes"),
    ("local.retention.ms", "how long a tiered log stays on this disk; -2 = retention.ms"),
    ("max.compaction.lag.ms", "after this time a record is compacted at the latest"),
    ("max.message.bytes", "the largest batch that is accepted"),
    ("message.max.bytes", "the largest batch that is accepted"),
    ("message.timestamp.after.max.ms", "how far ahead of the broker's clock a record may be"),
    ("message.timestamp.before.max.ms", "how far behind the broker's clock a record may be"),
    ("message.timestamp.type", "CreateTime: the producer's clock; LogAppendTime: the broker's"),
    ("min.cleanable.dirty.ratio", "the share of new records from which a log is compacted"),
    ("min.compaction.lag.ms", "for so long a record is not compacted away"),
    ("min.insync.replicas", "replicas that must have a record before acks=all is answered"),
    ("num.partitions", "partitions of a topic, where nobody says how many"),
    ("preallocate", "whether the file of a segment has its whole size from the start"),
    ("remote.storage.enable", "whether closed segments go to remote storage"),
    ("retention.bytes", "how large a partition gets before old segments go; -1 = any size"),
    ("retention.hours", "how long a log is kept before old segments go, in hours"),
    ("retention.minutes", "how long a log is kept before old segments go, in minutes"),
    ("retention.ms", "how long a log is kept before old segments go; -1 = for ever"),
    ("segment.bytes", "a segment is closed when it is so large"),
    ("segment.index.bytes", "how large the index of a segment may be"),
    ("segment.jitter.ms", "segments are closed up to so much earlier, not all at once"),
    ("segment.ms", "a segment is closed after this time, full or not"),
    ("unclean.leader.election.enable", "whether a replica that lacks records may lead"),
];

/// True of keys that Kafka itself has, of topics, brokers and groups.
pub(crate) fn is_known(key: &str) -> bool {
    let known = [config::topic_key, config::broker_key, config::group_key];
    known.into_iter().any(|of| of(key).is_some())
}

/// What a key is for, in one line. `documentation` is what its broker says, with markup.
pub(crate) fn meaning(key: &str, documentation: Option<&str>) -> Option<String> {
    let bare = key.strip_prefix("log.").unwrap_or(key);
    let known =
        KNOWN.iter().find(|it| it.0 == key).or_else(|| KNOWN.iter().find(|it| it.0 == bare));
    match known {
        Some((_, words)) => Some(format!("{words}{}", warning(bare))),
        None => documentation.map(|it| first_sentence(&plain(it))).filter(|it| !it.is_empty()),
    }
}

/// Which change of it may lose data, and is confirmed by name.
fn warning(bare: &str) -> &'static str {
    match bare {
        "retention.ms"
        | "retention.minutes"
        | "retention.hours"
        | "retention.bytes"
        | "min.insync.replicas" => "; lower: level 2",
        "unclean.leader.election.enable" => "; true: level 2",
        "cleanup.policy" => "; more: level 2",
        _ => "",
    }
}

/// Text without tags, entities and line ends.
pub(crate) fn plain(marked_up: &str) -> String {
    let mut out = String::with_capacity(marked_up.len());
    let mut is_tag = false;
    for character in marked_up.chars() {
        match character {
            '<' => is_tag = true,
            '>' if is_tag => is_tag = false,
            _ if is_tag => {}
            it => out.push(it),
        }
    }
    let entities =
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&nbsp;", " "), ("&amp;", "&")];
    let text = entities.into_iter().fold(out, |text, (from, to)| text.replace(from, to));
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn first_sentence(text: &str) -> String {
    // What follows a full stop in `e.g. this` is no sentence.
    let begins = |at: &usize| text[at + 2..].starts_with(|it: char| it.is_uppercase());
    let end = text.match_indices(". ").map(|it| it.0).find(begins).unwrap_or(text.len());
    text[..end].trim_end_matches('.').to_owned()
}

/// Kafka's own default of topic keys that brokers have in other units, so that they do not tell it
/// with the topic.
pub(crate) fn untold_default(key: &str) -> Option<&'static str> {
    Some(match key {
        "retention.ms" | "segment.ms" => "604800000",
        "segment.jitter.ms" => "0",
        "flush.ms" => "9223372036854775807",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_key_has_our_words_and_another_its_brokers_first_sentence() {
        let said = |key| meaning(key, Some("The <b>first</b>\none, e.g. this. The &lt;rest&gt;."));
        assert_eq!(
            said("log.retention.ms").unwrap(),
            "how long a log is kept before old segments go; -1 = for ever; lower: level 2"
        );
        assert_eq!(said("queued.max.requests").unwrap(), "The first one, e.g. this");
        assert_eq!(meaning("queued.max.requests", None), None);
        assert_eq!(meaning("queued.max.requests", Some("<p></p>")), None);
        assert_eq!(plain("a <b>c</b> &lt; d &amp;lt; <unclosed"), "a c < d &lt;");
    }

    #[test]
    fn keys_are_named_once() {
        assert!(KNOWN.windows(2).all(|it| it[0].0 < it[1].0));
    }
}
