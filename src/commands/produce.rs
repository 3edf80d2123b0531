//! `kt produce`

mod input;
mod lines;
mod numbers;
mod progress;
mod prompt;
pub(crate) mod report;
mod spooled;
mod throttle;
mod writing;

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;
use kt_client::admin::{Apply, NewTopic, Placement};
use kt_client::producer::{Acks, Idempotence, Partitioner, ProducerConfig, WhenFull};
use kt_client::{Admin, Client};
use kt_protocol::records::{Compression, Compressor};

use crate::client_config::GivenKeys;
use crate::error::{CliError, Kind};
use crate::position::At;
use crate::rate::Rate;
use crate::record_format::input::InputFormat;
use crate::resolve;
use crate::session::Session;
use crate::size::Size;
use crate::topic_selection;
use crate::topic_spec::TopicSpec;

const EXAMPLES: &str = "\
Examples:
  echo hello | kt produce orders
  kt produce orders --file lines.txt --compression zstd
  printf 'k1:v1\\nk2:v2\\n' | kt produce orders --key-separator :
  kt produce orders -f '%k,%p,%v\n' --file records.csv
  kt produce orders -k probe --repeat 1000 --rate 100/s < message.txt
  kt consume orders -o jsonl | kt produce copy-of-orders --jsonl
  kt produce users -k 42 --tombstone                  deletes key 42 from a compacted topic

Formats (-f):
  %k key   %v, %s value   %t topic   %p partition   %d, %T time in ms   %H %h{%k=%v,} headers
  A field ends where the text behind it begins, or has its size before it: %K %k, %V{big32}%v.
  Text takes {hex} {base64} {json}, numbers {hex32} {big16} {little64} {byte}.";

/// Write records: lines of standard input or a file
///
/// Each line is a record. Ctrl-C and SIGTERM deliver what has been read and say what was not sent;
/// the second of them ends at once. On a terminal lines can be edited; Ctrl-D ends.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct ProduceArgs {
    /// The topic; with --jsonl it may stand in the lines
    #[arg(value_name = "TOPIC", required_unless_present = "jsonl")]
    topic: Option<TopicSpec>,

    /// Read this file; - is standard input
    #[arg(long, value_name = "PATH", default_value = "-")]
    file: PathBuf,

    /// Lines are KEY, this text, VALUE; \t is a tab
    #[arg(long, value_name = "TEXT", conflicts_with_all = ["jsonl", "key"])]
    key_separator: Option<String>,

    /// Records have this form, such as '%k,%v\n'
    #[arg(short, long, value_name = "FORMAT", value_parser = InputFormat::parse)]
    #[arg(conflicts_with_all = ["jsonl", "key_separator", "tombstone"])]
    format: Option<InputFormat>,

    /// Lines are JSON objects as `consume -o jsonl` prints them; value is required
    #[arg(long)]
    jsonl: bool,

    /// The key of every record
    #[arg(short, long, value_name = "KEY", conflicts_with = "jsonl")]
    key: Option<String>,

    /// A header of every record (repeatable)
    #[arg(short = 'H', long, value_name = "KEY=VALUE")]
    header: Vec<HeaderPair>,

    /// The partition, instead of the one of the key
    #[arg(short, long, value_name = "P")]
    partition: Option<i32>,

    /// The time of every record, instead of now
    #[arg(long, value_name = "AT", allow_hyphen_values = true)]
    timestamp: Option<At>,

    /// Keys and values that are this text are null
    #[arg(long, value_name = "TEXT", conflicts_with = "jsonl")]
    null: Option<String>,

    /// Values are null: one record with -k, else one for each line, which is its key
    #[arg(long, conflicts_with_all = ["jsonl", "key_separator", "null"])]
    tombstone: bool,

    /// With --jsonl: choose the partition anew
    #[arg(long, requires = "jsonl")]
    repartition: bool,

    /// With --jsonl: set the time anew
    #[arg(long, requires = "jsonl", conflicts_with = "timestamp")]
    now: bool,

    /// Who has to have a record: all (in-sync replicas), 1 (the leader) or 0 (nobody)
    #[arg(long, value_name = "ACKS", value_parser = acks)]
    acks: Option<Acks>,

    /// none, gzip, snappy, lz4 or zstd, with :LEVEL if wanted
    #[arg(long, value_name = "CODEC[:LEVEL]", value_parser = compressor)]
    compression: Option<Compressor>,

    /// Let retries make duplicates
    #[arg(long)]
    no_idempotent: bool,

    /// How records find their partitions: by key with murmur2 (as Kafka's own clients) or crc32 (as
    /// librdkafka and kcat); regardless of keys with sticky, round-robin or random [default: murmur2]
    #[arg(long, value_name = "P", value_parser = partitioner)]
    partitioner: Option<Partitioner>,

    /// Write each record so many times
    #[arg(long, value_name = "N", default_value = "1", hide_default_value = true)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    repeat: u64,

    /// Write no faster: 500/s records, 50MB/s bytes
    #[arg(long, value_name = "RATE")]
    rate: Option<Rate>,

    /// Keep records in this directory until they are delivered: a crash loses none that was taken;
    /// those that no retry can deliver go to refused.jsonl there (each directory serves one process)
    #[arg(long, value_name = "DIR", conflicts_with = "no_idempotent")]
    spool: Option<PathBuf>,

    /// How large the spool may become; while it is full the input waits
    #[arg(long, value_name = "SIZE", default_value = "1GiB", requires = "spool")]
    spool_max: Size,

    /// Create the topic with the broker's defaults if it does not exist
    #[arg(long, requires = "topic")]
    create: bool,
}

/// A header, as text.
#[derive(Clone, Debug, PartialEq, Eq)]
struct HeaderPair {
    key: String,
    value: String,
}

impl FromStr for HeaderPair {
    type Err = String;

    fn from_str(text: &str) -> Result<HeaderPair, String> {
        match text.split_once('=') {
            Some((key, value)) => Ok(HeaderPair { key: key.to_owned(), value: value.to_owned() }),
            None => Err("write KEY=VALUE".to_owned()),
        }
    }
}

fn acks(text: &str) -> Result<Acks, String> {
    match text {
        "0" => Ok(Acks::None),
        "1" => Ok(Acks::Leader),
        "all" | "-1" => Ok(Acks::All),
        _ => Err("0, 1 or all".to_owned()),
    }
}

fn partitioner(text: &str) -> Result<Partitioner, String> {
    match text {
        "murmur2" => Ok(Partitioner::Murmur2),
        "crc32" => Ok(Partitioner::Crc32),
        "sticky" => Ok(Partitioner::Sticky),
        "round-robin" => Ok(Partitioner::RoundRobin),
        "random" => Ok(Partitioner::Random),
        _ => Err("murmur2, crc32, sticky, round-robin or random".to_owned()),
    }
}

fn compressor(text: &str) -> Result<Compressor, String> {
    let (codec, level) = text.split_once(':').map_or((text, None), |it| (it.0, Some(it.1)));
    let compression: Compression =
        codec.parse().map_err(|_| "none, gzip, snappy, lz4 or zstd".to_owned())?;
    match level {
        None => Ok(compression.into()),
        Some(level) => {
            let level = level.parse().map_err(|_| format!("\"{level}\" is not a level"))?;
            Compressor::new(compression, level).map_err(|it| it.to_string())
        }
    }
}

pub(crate) fn run(args: &ProduceArgs, session: &Session) -> Result<(), CliError> {
    session.check_form::<report::Delivered>()?;
    if session.globals.regex {
        return Err(CliError::usage("-r: records go to topics by their exact names"));
    }
    let settings = session.settings()?;
    let mut config = args.config(&settings.producer, settings.client.timeout)?;
    if args.spool.is_some() && settings.producer.get("delivery.timeout.ms").is_none() {
        // What the spool has can wait for as long as Kafka can say.
        config.delivery_timeout = Duration::from_millis(i32::MAX as u64);
    }
    let lines = args.lines(session)?;
    let mut input = input::Source::open(&args.file)?;
    if matches!(input, input::Source::Stdin) && prompt::is_wanted(session) {
        input = input::Source::Prompt(lines.prompt());
    }
    let spool = args.spool(session, &config)?;
    let admin = Admin::new(Client::new(settings.client));
    session.block_on(async {
        let mut reach = spooled::Reach::Unknown;
        if let Some(spec) = &args.topic {
            match check_topic(args, &admin, session, spec, lines.partition).await {
                Err(error) if spool.is_some() && error.kind == Kind::Unreachable => {
                    reach = spooled::Reach::Gone;
                    spooled::note_outage(session, &error);
                }
                checked => checked?,
            }
        }
        let cluster_id = admin.cluster_id();
        let client = admin.client().clone();
        match spool {
            None => writing::write(args, session, client, cluster_id, config, lines, input).await,
            Some(spool) => {
                let work =
                    spooled::Work { client, cluster_id, config, lines, source: input, reach };
                spooled::write(args, session, work, spool).await
            }
        }
    })
}

/// Says that a topic or a partition does not exist before the first line is read.
async fn check_topic(
    args: &ProduceArgs,
    admin: &Admin,
    session: &Session,
    spec: &TopicSpec,
    partition: Option<i32>,
) -> Result<(), CliError> {
    let topic = &spec.topic;
    match topic_selection::find(admin, topic).await {
        Ok(found) if found.is_internal && !session.globals.internal => {
            Err(topic_selection::internal(topic))
        }
        Ok(found) => {
            let count = found.partitions.len();
            let is_inside = |it: &i32| usize::try_from(*it).is_ok_and(|it| it < count);
            match partition {
                Some(outside) if !is_inside(&outside) => {
                    Err(topic_selection::no_partition(&found, outside))
                }
                _ => Ok(()),
            }
        }
        Err(error) if error.kind == Kind::NotFound && args.create => {
            session.say(&format!("create topic \"{topic}\" with the broker's defaults"));
            let placement = Placement::Counts { partitions: None, replication_factor: None };
            let configs = Default::default();
            let new = NewTopic { name: topic.to_owned(), placement, configs };
            let apply = if session.globals.dry_run { Apply::ValidateOnly } else { Apply::Change };
            for (_, created) in admin.create_topics(&[new], apply).await? {
                created?;
            }
            Ok(())
        }
        Err(error) if error.kind == Kind::NotFound => {
            let hint = error.hint.clone().unwrap_or_default();
            Err(error.hint(format!("{hint}; --create creates it")))
        }
        Err(error) if error.name == "INVALID_TOPIC_EXCEPTION" => {
            let message = format!("\"{topic}\" cannot be the name of a topic");
            let hint = "names are letters, digits, \".\", \"_\" and \"-\", 249 at most";
            Err(CliError::new(error.kind, error.name, message).hint(hint))
        }
        Err(error) => Err(error),
    }
}

impl ProduceArgs {
    /// Flags win over keys, and keys over what a command line is best served with.
    fn config(&self, keys: &GivenKeys, timeout: Duration) -> Result<ProducerConfig, CliError> {
        let mut config = ProducerConfig {
            delivery_timeout: timeout,
            // Also how long a topic that a line names is looked for.
            when_full: WhenFull::Wait(timeout),
            ..Default::default()
        };
        keys.set(&mut config)?;
        config.acks = self.acks.unwrap_or(config.acks);
        config.compressor = self.compression.unwrap_or(config.compressor);
        if let Some(partitioner) = &self.partitioner {
            config.partitioner = partitioner.clone();
        }
        let is_asked_for = keys.get("enable.idempotence").is_some() && !self.no_idempotent;
        // Fewer acknowledgements say that losing records is all right; so are duplicates.
        if self.no_idempotent || (config.acks != Acks::All && !is_asked_for) {
            config.idempotence = Idempotence::Off;
        }
        config.check()?;
        Ok(config)
    }

    fn lines(&self, session: &Session) -> Result<lines::Lines, CliError> {
        let timestamp = match &self.timestamp {
            None => None,
            Some(At::Time(time)) => {
                let instant = resolve::instant(session, "--timestamp", time)?;
                Some(instant.as_millisecond())
            }
            Some(_) => {
                let error = CliError::usage("--timestamp takes a time, not an offset");
                return Err(error.hint("2026-11-21T02:00, -1h or @1700000000000"));
            }
        };
        let shape = match (self.jsonl, &self.key_separator) {
            (false, None) if self.format.is_some() => lines::Shape::Values,
            (true, _) => lines::Shape::Json,
            (false, Some(separator)) if separator.is_empty() => {
                return Err(CliError::usage("--key-separator is empty"));
            }
            (false, Some(separator)) => {
                lines::Shape::KeyValue(separator.replace("\\t", "\t").into_bytes())
            }
            (false, None) if self.tombstone => lines::Shape::Keys,
            (false, None) => lines::Shape::Values,
        };
        let of_spec = match &self.topic {
            Some(TopicSpec { topic, partitions: Some(set) }) => {
                Some(set.single().ok_or_else(|| {
                    CliError::usage(format!("a record goes to one partition of {topic}"))
                })?)
            }
            _ => None,
        };
        Ok(lines::Lines {
            shape,
            format: self.format.clone(),
            topic: self.topic.as_ref().map(|it| it.topic.clone()),
            key: self.key.clone().map(String::into_bytes),
            headers: self.header.iter().map(|it| (it.key.clone(), it.value.clone())).collect(),
            partition: self.partition.or(of_spec),
            timestamp,
            null: self.null.clone().map(String::into_bytes),
            keeps_partition: !self.repartition,
            keeps_timestamp: !self.now,
        })
    }

    /// The spool, if one is wanted. A dry run takes nothing.
    fn spool(
        &self,
        session: &Session,
        config: &ProducerConfig,
    ) -> Result<Option<spooled::Opened>, CliError> {
        let wanted = self.spool.as_deref().filter(|_| !session.globals.dry_run);
        let Some(directory) = wanted else { return Ok(None) };
        spooled::check(config)?;
        spooled::open(directory, self.spool_max, session).map(Some)
    }

    /// With `-k` and `--tombstone` there is one record and nothing to read.
    fn is_one_tombstone(&self) -> bool {
        self.tombstone && self.key.is_some()
    }
}

/// The time that a record gets which has none of its own.
fn now_ms() -> i64 {
    Timestamp::now().as_millisecond()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codecs_have_levels_or_none() {
        assert_eq!(compressor("zstd").unwrap(), Compression::Zstd.into());
        assert_eq!(compressor("zstd:3").unwrap(), Compressor::new(Compression::Zstd, 3).unwrap());
        assert!(compressor("brotli").is_err());
        assert!(compressor("snappy:3").is_err());
        assert!(compressor("gzip:99").is_err());
        assert!(compressor("gzip:x").is_err());
    }
}
