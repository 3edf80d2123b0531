//! `kt groups list`

use std::io::Write;

use clap::Args;
use jiff::Timestamp;
use kt_client::Admin;
use kt_client::admin::{GroupState, GroupType, ListedGroup};
use schemars::JsonSchema;
use serde::Serialize;

use crate::change::counted;
use crate::error::{CliError, Failed};
use crate::group_lag::{self, Assigned, GroupLag, Lags};
use crate::group_selection;
use crate::nearest::nearest;
use crate::output::{Cell, Column, DocumentKind, Format, Item, Scope, Table};
use crate::session::Session;
use crate::topic_selection::Patterns;

const EXAMPLES: &str = "\
Examples:
  kt groups
  kt groups list --state Empty
  kt groups list -r 'billing-.*' --sort -lag
  kt groups list --json | jq '.items[] | select(.lag > 1000).name'";

/// List groups, and how far each is behind
///
/// Lag is counted in records over partitions with a commit; time lag is the age of the oldest
/// unread record. It asks each broker once for its groups, once for up to 200 groups' commits, each
/// leader once for its ends and once for the oldest unread records of up to 1000 partitions;
/// beyond those the time lag stays unknown.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct ListArgs {
    /// Only these groups
    #[arg(value_name = "GROUP")]
    groups: Vec<String>,

    #[command(flatten)]
    filter: Filter,
}

// Which groups are wanted: those of one of the states, and of one of the types.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Filter {
    /// Only groups in this state, such as Stable or Empty (repeatable)
    #[arg(long, value_name = "STATE", value_delimiter = ',', value_parser = state)]
    state: Vec<GroupState>,

    /// Only groups of this type: Classic, Consumer, Share or Streams (repeatable)
    #[arg(long, value_name = "TYPE", value_delimiter = ',', value_parser = group_type)]
    r#type: Vec<GroupType>,
}

const STATES: [&str; 8] = [
    "Stable",
    "Empty",
    "PreparingRebalance",
    "CompletingRebalance",
    "Assigning",
    "Reconciling",
    "Dead",
    "NotReady",
];

const TYPES: [&str; 4] = ["Classic", "Consumer", "Share", "Streams"];

fn state(text: &str) -> Result<GroupState, String> {
    match GroupState::from_name(text) {
        GroupState::Unknown => Err(format!("no such state: {}", meant(text, &STATES))),
        state => Ok(state),
    }
}

fn group_type(text: &str) -> Result<GroupType, String> {
    match GroupType::from_name(text) {
        GroupType::Unknown => Err(format!("no such type: {}", meant(text, &TYPES))),
        group_type => Ok(group_type),
    }
}

fn meant(text: &str, words: &[&str]) -> String {
    match nearest(text, words) {
        Some(word) => format!("did you mean {word}?"),
        None => words.join(", "),
    }
}

impl Filter {
    pub(crate) fn is_set(&self) -> bool {
        !self.state.is_empty() || !self.r#type.is_empty()
    }

    fn wants(&self, group: &ListedGroup) -> bool {
        let is_in_state =
            self.state.is_empty() || group.state.is_some_and(|it| self.state.contains(&it));
        is_in_state && (self.r#type.is_empty() || self.r#type.contains(&group.group_type))
    }
}

impl ListArgs {
    pub(crate) fn of_all(filter: Filter) -> ListArgs {
        ListArgs { groups: Vec::new(), filter }
    }

    /// With the flags that stood before the verb.
    pub(crate) fn with(&self, before: &Filter) -> ListArgs {
        let mut with = self.clone();
        with.filter.state.extend(&before.state);
        with.filter.r#type.extend(&before.r#type);
        with
    }
}

#[derive(Clone, Debug, JsonSchema, Serialize)]
struct Listed {
    name: String,
    /// From brokers of 2.6 and later.
    state: Option<&'static str>,
    #[serde(rename = "type")]
    group_type: &'static str,
    /// What its members are; empty of a group that only commits.
    protocol_type: String,
    coordinator: i32,
    /// Partitions with a commit.
    committed_partitions: Option<usize>,
    /// Records, over partitions with a commit.
    lag: Option<i64>,
    /// The age of the oldest unread record.
    time_lag_ms: Option<i64>,
    #[serde(skip)]
    beside: OfKafka,
}

/// Which columns kafka-consumer-groups shows: those that were filtered by.
#[derive(Clone, Copy, Debug, Default)]
struct OfKafka {
    with_state: bool,
    with_type: bool,
    /// It lists groups of consumers only.
    is_listed: bool,
}

pub(super) const KIND: DocumentKind = DocumentKind::of::<Listed>();

const COLUMNS: &[Column] = &[
    Column::text("name"),
    Column::text("state"),
    Column::text("type"),
    Column::text("protocol_type").scope(Scope::Wide),
    Column::number("coordinator").scope(Scope::Wide),
    Column::number("committed_partitions").scope(Scope::Wide),
    Column::number("lag"),
    Column::number("time_lag_ms"),
];

impl Item for Listed {
    const KIND: &'static str = "groups.list";

    fn name(&self) -> String {
        self.name.clone()
    }

    fn tables(items: &[Listed]) -> Vec<Table> {
        let mut table = Table::new(COLUMNS);
        for it in items {
            table.row(vec![
                Cell::text(&it.name),
                it.state.map_or(Cell::Unknown, Cell::text),
                Cell::text(it.group_type),
                Cell::text(&it.protocol_type),
                Cell::Number(it.coordinator.into()),
                it.committed_partitions.map_or(Cell::Unknown, Cell::count),
                Cell::number(it.lag),
                Cell::number(it.time_lag_ms),
            ]);
        }
        vec![table]
    }

    fn kafka(items: &[Listed], out: &mut dyn Write) -> Result<(), CliError> {
        let items: Vec<&Listed> = items.iter().filter(|it| it.beside.is_listed).collect();
        let OfKafka { with_state, with_type, .. } =
            items.first().map(|it| it.beside).unwrap_or_default();
        if !with_state && !with_type {
            for it in items {
                writeln!(out, "{}", it.name)?;
            }
            return Ok(());
        }
        let longest = items.iter().map(|it| it.name.encode_utf16().count()).max();
        let width = longest.unwrap_or_default().max(15) + 10;
        let mut line = |name: &str, group_type: &str, state: &str| {
            write!(out, "{name:width$}")?;
            if with_type {
                write!(out, " {group_type:20}")?;
            }
            if with_state {
                write!(out, " {state:20}")?;
            }
            writeln!(out)
        };
        line("GROUP", "TYPE", "STATE")?;
        for it in items {
            line(&it.name, it.group_type, it.state.unwrap_or("Unknown"))?;
        }
        Ok(())
    }
}

pub(crate) fn run(args: &ListArgs, session: &Session) -> Result<(), CliError> {
    let admin = session.admin()?;
    session.block_on(async {
        let listed = admin.list_groups().await?;
        let unread = listed.failed.into_iter();
        let mut failed: Failed =
            unread.map(|(node, error)| (format!("broker {node}"), error.into())).collect();
        let (groups, missing) = select(args, listed.groups, session)?;
        failed.extend(missing);
        let groups: Vec<ListedGroup> =
            groups.into_iter().filter(|it| args.filter.wants(it)).collect();
        let lags = lags(&admin, session, &groups).await?;
        let now = Timestamp::now();
        let item = |it: &ListedGroup| item(it, lags.get(&it.name), &args.filter, now);
        let items: Vec<Listed> = groups.iter().map(item).collect();
        for (name, result) in lags {
            if let Err(error) = result {
                failed.push((name, error));
            }
        }
        if items.is_empty() && failed.is_empty() {
            session.note(if args.filter.is_set() { "no such groups" } else { "no groups yet" });
        }
        let count = items.len() + failed.len();
        session.conclude(&admin, items, &failed, count)
    })
}

fn select(
    args: &ListArgs,
    all: Vec<ListedGroup>,
    session: &Session,
) -> Result<(Vec<ListedGroup>, Failed), CliError> {
    if args.groups.is_empty() {
        return Ok((all, Failed::new()));
    }
    if session.globals.regex {
        let patterns = Patterns::new(&args.groups)?;
        let matching = all.into_iter().filter(|it| patterns.match_any(&it.name));
        let matching: Vec<ListedGroup> = matching.collect();
        return match matching.is_empty() {
            true => Err(group_selection::no_match(&args.groups)),
            false => Ok((matching, Failed::new())),
        };
    }
    let mut found = Vec::new();
    let mut missing = Failed::new();
    for name in &args.groups {
        match all.iter().find(|it| it.name == *name) {
            Some(group) => found.push(group.clone()),
            None => {
                let existing = all.iter().map(|it| it.name.as_str());
                missing.push((name.clone(), group_selection::not_there(name, existing)));
            }
        }
    }
    Ok((found, missing))
}

/// Partitions whose oldest unread record is looked at, so that a list of a thousand groups stays
/// one request to each leader.
const PARTITIONS_LOOKED_AT_MAX: usize = 1_000;

/// The lag of each group that commits offsets, where the format shows it.
async fn lags(admin: &Admin, session: &Session, groups: &[ListedGroup]) -> Result<Lags, CliError> {
    if matches!(session.format(), Format::Kafka | Format::Name) {
        return Ok(Lags::new());
    }
    let commits = |it: &&ListedGroup| it.group_type != GroupType::Share;
    let names: Vec<String> = groups.iter().filter(commits).map(|it| it.name.clone()).collect();
    let mut lags = group_lag::ask(admin, &names, &Assigned::new()).await?;
    let chosen = cheapest(lags.values_mut().flatten().collect());
    group_lag::ask_times(admin, chosen.into_iter()).await?;
    let now = Timestamp::now();
    let is_unknown = |it: &&GroupLag| 0 < it.behind() && it.time_known_ms(now).is_none();
    let unknown = lags.values().flatten().filter(is_unknown).count();
    if 0 < unknown {
        let groups = counted(unknown, "group");
        session.note(&format!("the time lag of {groups} is not known: kt groups list GROUP looks"));
    }
    Ok(lags)
}

/// Groups whose partitions that are behind fit together, those with fewest first.
fn cheapest(mut lags: Vec<&mut GroupLag>) -> Vec<&mut GroupLag> {
    lags.retain(|it| 0 < it.behind());
    lags.sort_by_key(|it| it.behind());
    let mut room = PARTITIONS_LOOKED_AT_MAX;
    let fitting = lags.iter().take_while(|it| {
        let is_fitting = it.behind() <= room;
        room = room.saturating_sub(it.behind());
        is_fitting
    });
    let fitting = fitting.count();
    lags.truncate(fitting);
    lags
}

fn item(
    it: &ListedGroup,
    lag: Option<&Result<GroupLag, CliError>>,
    filter: &Filter,
    now: Timestamp,
) -> Listed {
    let lag = lag.and_then(|it| it.as_ref().ok());
    let of_consumers = ["consumer", ""].contains(&it.protocol_type.as_str());
    Listed {
        name: it.name.clone(),
        state: it.state.map(GroupState::name),
        group_type: it.group_type.name(),
        protocol_type: it.protocol_type.clone(),
        coordinator: it.coordinator.0,
        committed_partitions: lag.map(GroupLag::commits),
        lag: lag.and_then(GroupLag::total_known),
        time_lag_ms: lag.and_then(|it| it.time_known_ms(now)),
        beside: OfKafka {
            with_state: !filter.state.is_empty(),
            with_type: !filter.r#type.is_empty(),
            is_listed: of_consumers
                && matches!(it.group_type, GroupType::Classic | GroupType::Consumer),
        },
    }
}

#[cfg(test)]
mod tests {
    use kt_protocol::types::TopicPartition;

    use super::*;
    use crate::group_lag::{End, PartitionLag};
    use crate::offset_change;

    fn listed(name: &str) -> Listed {
        Listed {
            name: name.to_owned(),
            state: Some("Empty"),
            group_type: "Classic",
            protocol_type: String::new(),
            coordinator: 1,
            committed_partitions: None,
            lag: None,
            time_lag_ms: None,
            beside: OfKafka { with_state: true, with_type: true, is_listed: true },
        }
    }

    /// As kafka-consumer-groups of Apache Kafka 4.3.1 printed the same.
    #[test]
    fn kafkas_columns_are_as_wide_as_its_own() {
        let long = listed("a.group.with.a.very.long.name.for.the.column.width");
        let mut share = listed("sharers");
        share.beside.is_listed = false;
        let mut out = Vec::new();
        Listed::kafka(&[listed("idle"), long, share], &mut out).unwrap();
        let lines = [
            "GROUP                                                        TYPE                 STATE               ",
            "idle                                                         Classic              Empty               ",
            "a.group.with.a.very.long.name.for.the.column.width           Classic              Empty               ",
            "",
        ];
        assert_eq!(String::from_utf8(out).unwrap(), lines.join("\n"));
    }

    #[test]
    fn the_oldest_records_of_so_many_partitions_are_looked_at() {
        let behind = |count: i32| {
            let mut lag = GroupLag::default();
            for at in 0..count {
                let it = PartitionLag {
                    committed: Some(offset_change::plain(0)),
                    end: End::Known(1),
                    oldest_unread: None,
                };
                lag.partitions.insert(TopicPartition::new("orders", at), it);
            }
            lag
        };
        let mut lags = [behind(600), behind(0), behind(900), behind(400)];
        let chosen = cheapest(lags.iter_mut().collect());
        let sizes: Vec<usize> = chosen.iter().map(|it| it.behind()).collect();
        assert_eq!(sizes, [400, 600]);
    }

    #[test]
    fn states_and_types_are_known_or_refused() {
        assert_eq!(state("stable"), Ok(GroupState::Stable));
        assert_eq!(group_type("classic"), Ok(GroupType::Classic));
        insta::assert_snapshot!(state("stabel").unwrap_err(), @"no such state: did you mean Stable?");
        insta::assert_snapshot!(group_type("x").unwrap_err(), @"no such type: Classic, Consumer, Share, Streams");
    }
}
