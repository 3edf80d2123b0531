//! `kt consume`

mod entry;
mod gaps;
mod group;
mod hooks;
mod idle;
mod ledger;
mod merge;
mod progress;
mod reading;
mod sink;
mod source;

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;
use kt_client::Admin;
use kt_client::admin::Isolation;
use kt_client::consumer::assignor::{self, Assignor};
use kt_client::consumer::{ConsumerConfig, OffsetReset, PartitionEnds};
use kt_protocol::types::TopicPartition;

use super::Effect;
use crate::client_config::GivenKeys;
use crate::duration::Span;
use crate::error::{self, CliError};
use crate::position::At;
use crate::rate::Rate;
use crate::record_filter::RecordFilter;
use crate::record_format::{Layout, Shape};
use crate::record_json::JsonStyle;
use crate::resolve::{self, OutOfRange};
use crate::session::Session;
use crate::topic_selection::{self, Patterns};
use crate::topic_spec::{PartitionSet, TopicSpec};

const EXAMPLES: &str = "\
Examples:
  kt consume orders                                 every value that is there now
  kt consume orders -F                              what comes from now on, until Ctrl-C
  kt consume orders:0 --from 42 -c 1 -o jsonl       one record with all its fields
  kt consume orders --from -1h --until 02:00        a span of time
  kt consume orders payments --from -10 -o jsonl | jq -r .value
  kt consume orders --where 'value.total > 100 and timestamp >= -1h' -f '%o %k %v\n'
  kt consume orders --grep alice --merge -f '%d{strftime[%F %T]} %v\n'
  kt consume orders -g billing -F                   a share of orders, from where billing has come to
  kt consume -r 'orders-.*' -g billing -c 100       the next hundred of several topics

Groups (-g):
  Only what was written and flushed is committed, also when reading ends by a signal, by a closed
  pipe or by an error. Partitions without a commit begin at --from, or with their first record.
  Without --join a group is entered only if it is empty or all its members are `kt consume`.

Formats (-f):
  %t topic   %p partition   %o offset   %T, %d time in ms   %d{strftime[%F %T]}
  %k key     %v, %s value   %K %V %S their lengths   %h k=v,…   %h{%k=%v }   %H how many
  %e leader epoch   %x %y producer's id, epoch   %a attributes   %i number of the record
  %[ log start offset   %| last stable offset   %] high watermark   %% a percent sign
  Text takes {hex} {base64} {json} {unpack[>iqs]}, numbers {hex} {big32} {little64} {byte}.

Conditions (--where):
  topic partition offset timestamp key value header.NAME value.PATH (a place in JSON)
  = != < <= > >=   ~ 'regex'   like 'a%'   in (1, 2)   is null   and or not ( )

Positions (AT):
  earliest, latest   the ends                       42          offset 42
  -10, +10           10 before latest, after earliest
  -1h, @-1h          an hour ago                    02:00       the last 02:00
  2026-11-21, 2026-11-21T02:00[:05.123][Z|+01:00]   that instant
  @1700000000000, @1700000000                       epoch milliseconds, seconds";

/// Read records of topics
///
/// Prints values, one a line, in a pipe byte for byte. Reading ends at the end that each partition
/// had at the start, unless -F.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct ConsumeArgs {
    /// Topics, each with all its partitions or some: orders, orders:3, orders:0,2-4
    #[arg(value_name = "TOPIC[:P]", required = true)]
    topics: Vec<TopicSpec>,

    /// Where to begin [default: earliest; with -F latest; with -g where the group has come to]
    #[arg(long, value_name = "AT", allow_hyphen_values = true)]
    from: Option<At>,

    /// Where to end, that offset excluded [default: latest as it is at the start; with -F never]
    #[arg(long, value_name = "AT", allow_hyphen_values = true)]
    until: Option<At>,

    /// End after so many records, counted behind --where and --grep
    #[arg(short, long, value_name = "N")]
    count: Option<u64>,

    /// Go on with what comes later
    #[arg(short = 'F', long)]
    follow: bool,

    /// Write each record in this form, such as '%k %v\n' [default: '%v\n']
    #[arg(short, long, value_name = "FORMAT", value_parser = layout)]
    format: Option<Layout>,

    /// Only records that meet a condition: 'value.total > 100 and key like "a%"'
    #[arg(long = "where", value_name = "CONDITION")]
    condition: Option<String>,

    /// Only records with this regular expression in key or value
    #[arg(long, value_name = "REGEX")]
    grep: Option<String>,

    /// In the order of time across partitions; records that are late in their own partition are
    /// reported
    #[arg(long)]
    merge: bool,

    /// Fail with 7 if offsets between the first and the last one read have no record
    #[arg(long)]
    check_gaps: bool,

    /// Partitions of the topics that name none: 3 or 0,2-4
    #[arg(short, long, value_name = "P")]
    partition: Option<PartitionSet>,

    /// Share the topics with the other members of this group, and commit what was written
    #[arg(short, long, value_name = "GROUP", conflicts_with = "merge")]
    group: Option<String>,

    /// With -g: commit nothing
    #[arg(long, requires = "group")]
    no_commit: bool,

    /// With -g: also beside members that are not `kt consume`
    #[arg(long, requires = "group")]
    join: bool,

    /// With -g: how partitions are shared out: range, roundrobin, sticky or cooperative-sticky
    /// [default: range, cooperative-sticky]
    #[arg(long, value_name = "A", requires = "group", value_parser = assignor)]
    assignor: Option<Arc<dyn Assignor>>,

    /// End when nothing came for so long
    #[arg(long, value_name = "DURATION")]
    idle: Option<Span>,

    /// End after so long
    #[arg(long, value_name = "DURATION")]
    duration: Option<Span>,

    /// Read no faster: 500/s records, 50MB/s bytes
    #[arg(long, value_name = "RATE")]
    rate: Option<Rate>,

    /// read_uncommitted, or read_committed to leave out aborted and open transactions
    #[arg(long, value_name = "LEVEL", value_parser = isolation)]
    isolation: Option<Isolation>,

    /// Fail with 7 if there were fewer records
    #[arg(long, value_name = "N")]
    expect: Option<u64>,

    /// Take the nearest offset where --from or --until names one that a partition does not have
    #[arg(long)]
    clamp: bool,

    /// With -o jsonl: also leader_epoch, producer_id, producer_epoch and sequence
    #[arg(long)]
    meta: bool,

    /// With -o jsonl: keys and values always as base64
    #[arg(long)]
    base64: bool,

    /// Records of Kafka's internal topics as the bytes they are, not decoded
    #[arg(long)]
    raw: bool,
}

fn layout(text: &str) -> Result<Layout, String> {
    Layout::parse(text, Shape::Output).map_err(|it| it.to_string())
}

fn assignor(text: &str) -> Result<Arc<dyn Assignor>, String> {
    let is_short = ["range", "roundrobin", "sticky", "cooperative-sticky"].contains(&text);
    let found = assignor::by_name(text).filter(|_| is_short);
    found.ok_or_else(|| "range, roundrobin, sticky or cooperative-sticky".to_owned())
}

fn isolation(text: &str) -> Result<Isolation, String> {
    match text {
        "read_uncommitted" => Ok(Isolation::ReadUncommitted),
        "read_committed" => Ok(Isolation::ReadCommitted),
        _ => Err("read_uncommitted or read_committed".to_owned()),
    }
}

/// How long what one poll gives may take, where `--rate` holds it back.
const POLL_EVERY: Duration = Duration::from_millis(100);

pub(crate) fn run(args: &ConsumeArgs, session: &Session) -> Result<(), CliError> {
    if !session.globals.view().is_all() {
        let error = CliError::usage("--fields and --sort are for reports, not for records");
        return Err(error.hint("-f '%o %v\\n' shows what you want, kt help records says how"));
    }
    let style = JsonStyle { meta: args.meta, base64: args.base64 };
    let form = sink::Form::choose(session, args.format.clone(), style)?;
    let (condition, pattern) = (args.condition.as_deref(), args.grep.as_deref());
    let filter = RecordFilter::new(condition, pattern, Timestamp::now(), &session.zone())?;
    if args.merge && args.format.as_ref().is_some_and(Layout::counts) {
        return Err(CliError::usage("%i counts records as they are read: not with --merge"));
    }
    let settings = session.settings()?;
    let config = args.config(&settings.consumer)?;
    let reading = reading::Reading::new(args, session, filter, form);
    if let Some(name) = &args.group {
        if session.globals.dry_run && !args.no_commit {
            let error = CliError::usage("-n changes nothing, and a group's reader commits");
            return Err(error.hint(format!("--no-commit; or without -g: --from committed:{name}")));
        }
        return group::run(args, session, settings, config, name, reading);
    }
    let admin = Admin::new(kt_client::Client::new(settings.client));
    session.block_on(async {
        let partitions = select(args, &admin, session).await?;
        let plan = plan(args, &admin, session, &partitions, &config).await?;
        reading.read(&admin, config, plan).await
    })
}

impl ConsumeArgs {
    /// Flags win over keys, and keys over what a command line is best served with.
    fn config(&self, keys: &GivenKeys) -> Result<ConsumerConfig, CliError> {
        let mut config = ConsumerConfig {
            poll_records_max: usize::MAX,
            offset_reset: OffsetReset::Earliest,
            ..ConsumerConfig::default()
        };
        keys.set(&mut config)?;
        config.isolation = self.isolation.unwrap_or(config.isolation);
        config.partition_ends = PartitionEnds::Told;
        if let Some(idle) = self.idle {
            // The end of the time must not wait for an answer.
            config.fetch_max_wait = config.fetch_max_wait.min(idle.to_std());
        }
        if let Some(rate) = self.rate.filter(|_| self.group.is_some()) {
            // A member commits, and takes part in the group's life, between two polls.
            config.poll_records_max = config.poll_records_max.min(rate.records_in(POLL_EVERY));
        }
        if self.group.is_none() {
            // Whoever named an offset wants those records and no others.
            config.offset_reset = OffsetReset::None;
        }
        Ok(config)
    }

    pub(super) fn effect(&self) -> Effect {
        if self.group.is_some() && !self.no_commit { Effect::Changes } else { Effect::Runs }
    }

    /// Where reading ends, if it does.
    fn until(&self) -> Option<At> {
        self.until.clone().or((!self.follow).then_some(At::Latest))
    }

    fn out_of_range(&self) -> OutOfRange {
        if self.clamp { OutOfRange::Clamp } else { OutOfRange::Refuse }
    }
}

/// The partitions that the command line names. One that does not exist fails the command: a reader
/// that leaves something out without being asked to would be believed.
async fn select(
    args: &ConsumeArgs,
    admin: &Admin,
    session: &Session,
) -> Result<Vec<TopicPartition>, CliError> {
    let names: Vec<String> = args.topics.iter().map(|it| it.topic.clone()).collect();
    let mut selected = Vec::new();
    if session.globals.regex {
        for topic in Patterns::new(&names)?.select(admin.list_topics().await?, session)? {
            let set = args.partition.as_ref();
            selected.extend(topic_selection::partitions(&topic, set)?);
        }
    } else {
        let mut missing = Vec::new();
        let found = topic_selection::find_all(admin, &names).await?;
        for (spec, (_, topic)) in args.topics.iter().zip(found) {
            let set = spec.partitions.as_ref().or(args.partition.as_ref());
            match topic.and_then(|it| topic_selection::partitions(&it, set)) {
                Ok(partitions) => selected.extend(partitions),
                Err(error) => missing.push(error),
            }
        }
        if let Some(last) = missing.pop() {
            missing.iter().for_each(|it| session.complain(it));
            let kind = missing.iter().all(|it| it.kind == last.kind).then_some(last.kind);
            return Err(CliError { kind: kind.unwrap_or(error::Kind::Other), ..last });
        }
    }
    selected.sort();
    selected.dedup();
    Ok(selected)
}

/// From where to where each partition is read.
async fn plan(
    args: &ConsumeArgs,
    admin: &Admin,
    session: &Session,
    partitions: &[TopicPartition],
    config: &ConsumerConfig,
) -> Result<Vec<reading::Span>, CliError> {
    let out_of_range = args.out_of_range();
    let bounds = resolve::bounds(admin, partitions, config.isolation).await?;
    let default = if args.follow { At::Latest } else { At::Earliest };
    let from = args.from.clone().unwrap_or(default);
    let starts = resolve::places(admin, session, "--from", &from, &bounds, out_of_range).await?;
    let ends = match &args.until() {
        Some(until) => {
            Some(resolve::places(admin, session, "--until", until, &bounds, out_of_range).await?)
        }
        None => None,
    };
    let spans = starts.into_iter().map(|(partition, from)| {
        let until = ends.as_ref().and_then(|it| it.get(&partition).copied());
        let is_exact = matches!(args.from, Some(At::Offset(_)));
        reading::Span { partition, from, until, is_exact }
    });
    Ok(spans.collect())
}
