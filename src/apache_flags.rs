//! Flags of Apache Kafka's own tools, also of those that are gone: one sentence each, and the `kt`
//! line to type instead.

use std::ffi::OsString;

use crate::error::CliError;
use crate::shell_words::quoted;

/// What becomes of a flag.
#[derive(Clone, Copy, Debug)]
enum Becomes {
    /// The verb of the command.
    Verb(&'static str),
    /// Its value is the subject.
    Subject,
    /// Another flag, whose value stays.
    Flag(&'static str),
    /// Another flag without a value.
    Switch(&'static str),
    /// Another flag, whose value is a number with a sign.
    Signed(&'static str),
    /// The same, in milliseconds.
    MillisFlag(&'static str),
    /// `--property key.separator=X` and its kin.
    Property,
    /// Nothing, and its value goes with it.
    Dropped,
    /// Nothing; it has no value.
    DroppedSwitch,
}

use Becomes::{Dropped, DroppedSwitch, Flag, MillisFlag, Property, Signed, Subject, Switch, Verb};

const NAMED: &str = "what a command acts on is named without a flag";
const DECODERS: &str = "how records are read is --decoder";
const VERBS: &str = "what to do is a word, not a flag";

const FLAGS: &[(&str, Becomes, &str)] = &[
    ("--zookeeper", Dropped, "ZooKeeper is gone since Kafka 4.0: kt asks a broker, -b HOST:PORT"),
    ("--broker-list", Flag("-b"), "brokers are given by -b"),
    ("--topic", Subject, NAMED),
    ("--group", Subject, NAMED),
    ("--create", Verb("create"), VERBS),
    ("--list", Verb("list"), VERBS),
    ("--describe", Verb("describe"), VERBS),
    ("--delete", Verb("delete"), VERBS),
    ("--alter", Verb("alter"), VERBS),
    ("--reset-offsets", Verb("reset"), VERBS),
    ("--delete-offsets", Verb("delete-offsets"), VERBS),
    ("--execute", Switch("-y"), "a change runs unless -n, and -y does not ask"),
    ("--to-earliest", Switch("--to earliest"), "where to go is --to"),
    ("--to-latest", Switch("--to latest"), "where to go is --to"),
    ("--to-offset", Flag("--to"), "where to go is --to"),
    ("--to-datetime", Flag("--to"), "where to go is --to"),
    ("--shift-by", Signed("--shift"), "how far to move is --shift"),
    ("--from-file", Flag("--offsets"), "offsets of a file are --offsets"),
    ("--all-groups", Switch("-r '.*'"), "all of a kind are a pattern, -r '.*'"),
    ("--from-beginning", Switch("--from earliest"), "where to start is --from"),
    ("--offset", Flag("--from"), "where to start is --from"),
    ("--files", Subject, NAMED),
    ("--print-data-log", Switch("--records"), "records are shown by --records"),
    ("--deep-iteration", Switch("--records"), "records are shown by --records"),
    ("--offsets-decoder", Switch("--decoder offsets"), DECODERS),
    ("--transaction-log-decoder", Switch("--decoder transactions"), DECODERS),
    ("--share-group-state-decoder", Switch("--decoder share"), DECODERS),
    ("--cluster-metadata-decoder", Switch("--decoder metadata"), DECODERS),
    ("--max-messages", Flag("-c"), "how many is -c"),
    ("--timeout-ms", MillisFlag("--idle"), "how long to wait for more is --idle"),
    ("--isolation-level", Flag("--isolation"), "the isolation level is --isolation"),
    ("--config", Flag("--set"), "a config is set by --set"),
    ("--add-config", Flag("--set"), "a config is set by --set"),
    ("--delete-config", Flag("--unset"), "a config is taken away by --unset"),
    ("--replica-assignment", Flag("--assignment"), "replicas are placed by --assignment"),
    ("--under-replicated-partitions", Switch("--under-replicated"), "kt says it shorter"),
    ("--under-min-isr-partitions", Switch("--under-min-isr"), "kt says it shorter"),
    ("--unavailable-partitions", Switch("--offline"), "partitions without a leader are offline"),
    ("--exclude-internal", DroppedSwitch, "internal topics are hidden unless --internal"),
    ("--compression-codec", Flag("--compression"), "the codec is given by --compression"),
    ("--request-required-acks", Flag("--acks"), "acknowledgements are asked for by --acks"),
    ("--property", Property, "keys are told from values by --key-separator"),
    ("--reader-property", Property, "keys are told from values by --key-separator"),
    ("--formatter-property", Dropped, "what is printed of a record is chosen by -o"),
    ("--producer-property", Flag("-X"), "client keys are given by -X"),
    ("--consumer-property", Flag("-X"), "client keys are given by -X"),
    ("--command-property", Flag("-X"), "client keys are given by -X"),
    ("--producer.config", Flag("--command-config"), "a properties file is --command-config"),
    ("--consumer.config", Flag("--command-config"), "a properties file is --command-config"),
];

/// The error that says what to type, if the line holds a flag of Apache Kafka's tools.
pub(crate) fn advice(arguments: &[OsString]) -> Option<CliError> {
    let words: Vec<String> =
        arguments.iter().skip(1).map(|it| it.to_string_lossy().into_owned()).collect();
    let noun = words.iter().find(|it| !it.starts_with('-')).cloned().unwrap_or_default();
    let mut translation = Translation::default();
    let mut sentence = None;
    let mut rest = words.into_iter();
    while let Some(word) = rest.next() {
        let (name, attached) = match word.split_once('=') {
            Some((name, value)) if name.starts_with("--") => (name, Some(value.to_owned())),
            _ => (word.as_str(), None),
        };
        let flag = FLAGS.iter().find(|it| it.0 == name && !is_ours(name, &noun));
        let Some((name, becomes, why)) = flag else {
            translation.keep(&word);
            continue;
        };
        sentence.get_or_insert_with(|| format!("{name} belongs to Apache Kafka's tools: {why}"));
        let takes_value = !matches!(becomes, Verb(_) | Switch(_) | DroppedSwitch);
        let value = if takes_value { attached.or_else(|| rest.next()) } else { None };
        translation.replace(*becomes, &value.unwrap_or_default());
    }
    Some(CliError::usage(sentence?).hint(translation.line()))
}

/// True of a flag that the command has itself.
fn is_ours(flag: &str, noun: &str) -> bool {
    let is_of_groups = ["groups", "group"].contains(&noun);
    match flag {
        "--topic" => is_of_groups,
        "--group" => !is_of_groups,
        _ => false,
    }
}

#[derive(Debug, Default)]
struct Translation {
    /// Words without a dash, of which the first is the noun or the command.
    words: Vec<String>,
    verb: Option<&'static str>,
    subjects: Vec<String>,
    flags: Vec<String>,
    /// True while words may be values of a flag that was kept.
    after_flag: bool,
}

impl Translation {
    fn keep(&mut self, word: &str) {
        if word.starts_with('-') {
            self.flags.push(quoted(word));
            self.after_flag = !word.contains('=');
        } else if self.after_flag {
            self.flags.push(quoted(word));
            self.after_flag = false;
        } else {
            self.words.push(quoted(word));
        }
    }

    fn replace(&mut self, becomes: Becomes, value: &str) {
        self.after_flag = false;
        match becomes {
            Verb(verb) => self.verb = Some(verb),
            Subject => self.subjects.push(quoted(value)),
            Flag(flag) => self.flags.push(format!("{flag} {}", quoted(value))),
            Signed(flag) => {
                let sign = if value.starts_with(['-', '+']) { "" } else { "+" };
                self.flags.push(format!("{flag} {sign}{}", quoted(value)));
            }
            MillisFlag(flag) => self.flags.push(format!("{flag} {}ms", quoted(value))),
            Switch(flag) => self.flags.push(flag.to_owned()),
            Property => {
                if let Some(separator) = value.strip_prefix("key.separator=") {
                    self.flags.push(format!("--key-separator {}", quoted(separator)));
                }
            }
            Dropped | DroppedSwitch => {}
        }
    }

    fn line(self) -> String {
        let mut line = vec!["kt".to_owned()];
        line.extend(self.words);
        line.extend(self.verb.map(str::to_owned));
        line.extend(self.subjects);
        line.extend(self.flags);
        line.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn advised(line: &str) -> String {
        let arguments: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        let advice = advice(&arguments).expect("the line has such a flag");
        format!("{}\n{}", advice.message, advice.hint.unwrap())
    }

    #[test]
    fn each_line_is_turned_into_one_of_ours() {
        insta::assert_snapshot!(
            advised("kt topics --create --topic orders --partitions 3 --config retention.ms=1"),
            @"
        --create belongs to Apache Kafka's tools: what to do is a word, not a flag
        kt topics create orders --partitions 3 --set retention.ms=1
        "
        );
        insta::assert_snapshot!(
            advised("kt topics --zookeeper zk:2181 --list"),
            @"
        --zookeeper belongs to Apache Kafka's tools: ZooKeeper is gone since Kafka 4.0: kt asks a broker, -b HOST:PORT
        kt topics list
        "
        );
        insta::assert_snapshot!(
            advised("kt consume --bootstrap-server a:9092 --topic orders --from-beginning --max-messages 5"),
            @"
        --topic belongs to Apache Kafka's tools: what a command acts on is named without a flag
        kt consume orders --bootstrap-server a:9092 --from earliest -c 5
        "
        );
        insta::assert_snapshot!(
            advised("kt produce --broker-list a:9092 --topic=t --property parse.key=true --property key.separator=|"),
            @"
        --broker-list belongs to Apache Kafka's tools: brokers are given by -b
        kt produce t -b a:9092 --key-separator '|'
        "
        );
        insta::assert_snapshot!(
            advised("kt consume t --timeout-ms 500"),
            @"
        --timeout-ms belongs to Apache Kafka's tools: how long to wait for more is --idle
        kt consume t --idle 500ms
        "
        );
    }

    #[test]
    fn groups_are_turned_too() {
        insta::assert_snapshot!(
            advised("kt groups --reset-offsets --group app --to-earliest --execute --all-topics"),
            @"
        --reset-offsets belongs to Apache Kafka's tools: what to do is a word, not a flag
        kt groups reset app --to earliest -y --all-topics
        "
        );
        insta::assert_snapshot!(advised("kt groups reset app --topic orders --shift-by 3"), @"
        --shift-by belongs to Apache Kafka's tools: how far to move is --shift
        kt groups reset app --topic orders --shift +3
        ");
    }

    #[test]
    fn other_lines_are_left_to_the_parser() {
        assert!(advice(&["kt".into(), "topics".into(), "--nonsense".into()]).is_none());
    }
}
