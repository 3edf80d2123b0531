//! `kt help`: of a command, or of what all commands share.

use std::io::{self, Write};

use clap::{Args, CommandFactory};

use crate::cli::Cli;
use crate::error::CliError;
use crate::nearest::nearest;

/// Explain a command, or what all commands share
///
/// Topics: positions, records, filters, output, exit-codes, contexts, changes.
#[derive(Args, Clone, Debug)]
pub(crate) struct HelpArgs {
    /// A topic, or the words of a command
    #[arg(value_name = "TOPIC")]
    topic: Vec<String>,
}

/// What all commands share, by name.
const TOPICS: &[(&str, &str)] = &[
    ("positions", POSITIONS),
    ("records", RECORDS),
    ("filters", FILTERS),
    ("output", OUTPUT),
    ("exit-codes", EXIT_CODES),
    ("contexts", CONTEXTS),
    ("changes", CHANGES),
];

const POSITIONS: &str = "\
Positions say where in each partition (--from, --until, --at, --before, --find, --to):

  earliest, latest                log start offset, high watermark (in read_committed the last
                                  stable offset; in dump-log the log end offset)
  42                              offset 42; bare digits are never a time
  -10, +10                        ten before latest, ten after earliest
  -1h, @-1h                       now minus an hour: 250ms 90s 5m 1h30m 2d 1w
  2026-11-21, 2026-11-21T02:00    that instant; local zone unless Z or +01:00 is written
  02:00, 02:00:05                 the last 02:00
  @1700000000000, @1700000000     epoch milliseconds (13 digits), seconds (10)
  committed:GROUP                 what that group has committed; joins nothing

--from includes, --until excludes. A time becomes an offset once, at the start: the first record with
that timestamp or later, else latest. An offset that a partition does not have is an error (exit 5);
--clamp takes the nearest.
";

const RECORDS: &str = "\
Records in JSON, one a line (consume -o jsonl, produce --jsonl), lose nothing:

  {\"topic\":\"orders\",\"partition\":3,\"offset\":42,\"timestamp\":1732154400123,\"timestamp_type\":\"create\",
   \"key\":\"k1\",\"value\":{\"base64\":\"AP8=\"},\"headers\":[{\"key\":\"trace\",\"value\":null}]}

Key, value and header values are null, a string, or {\"base64\":…} where the bytes are no text.
`kt schema consume` prints the JSON Schema.

Format strings (-f):

  %t topic   %p partition   %o offset   %e leader epoch   %T, %d timestamp in ms
  %k key     %v value       %K %V their lengths           %H number of headers
  %h headers as k=v,…       %h{…%k…%v…} each of them      %d{strftime[%F %T]} the time
  %x %y producer id, epoch  %a attributes                 %[ %| %] log start, stable, high watermark
  %i number of the record   %% \\n \\t \\xFF                 {hex} {base64} {json} {unpack[…]} behind a letter
";

const FILTERS: &str = "\
Filters (--where) pick records by a condition:

  topic partition offset timestamp key value header.NAME value.json.path
  = != < <= > >= ~ (regular expression)  in (a, b)  like 'a%'  is null  is not null
  and  or  not  ( )

  kt consume orders --where \"key = 'alice' and value.total > 100\"
  kt consume orders --where \"timestamp >= -1h and header.trace is not null\"

--grep RE keeps records with the expression in key or value. How many were looked at is said on stderr.
";

const OUTPUT: &str = "\
Formats (-o):

  table, wide         for people              csv, tsv      raw values, unknown is empty
  json, yaml          with the envelope: kind, version, cluster_id, time, items, errors
  jsonl               one item a line         name          one name a line, for other commands
  template='{name}\\t{partitions.0.leader}\\n'               paths into one item
  kafka               what Apache Kafka's tool prints of the same, byte for byte

Data goes to stdout, all else to stderr. --fields a,b.c chooses columns, --sort [-]f orders, --no-header
leaves the titles out. Unknown is null in JSON, never -1. `kt schema KIND` prints the JSON Schema.
";

const EXIT_CODES: &str = "\
Exit codes:

  0    done; also an empty list, nothing matched, a reader that closed the pipe
  1    any other error, a refusal of the broker, a question answered with no
  2    usage, or a confirmation is missing where nobody can be asked
  3    some items were done, some were not
  4    not authenticated or not authorized
  5    a topic, partition, offset or file was not found
  6    unreachable or timed out
  7    a check answered no, or dump-log found damage; never when it could not be evaluated
  130  Ctrl-C          143  SIGTERM
";

const CONTEXTS: &str = "\
Contexts are clusters by name, in kt/config.toml in your configuration home, or in a .kt.toml of the
project, upwards to the folder with .git:

  context = \"dev\"

  [contexts.dev]
  bootstrap = \"localhost:9092\"

  [contexts.prod]
  bootstrap = \"kafka-1:9092,kafka-2:9092\"
  protected = true                          # changes need --unlock prod
  color = \"red\"                             # the dashboard's first line; or #rrggbb
  cluster_id = \"MkU3OEVBNTcwNTJENDM2Qk\"     # any other cluster is refused
  command_config = \"prod.properties\"        # Kafka's client keys

  [contexts.prod.client]
  \"client.id\" = \"ops\"

A flag wins over the environment, that over .kt.toml, that over your file. -b names a broker and uses
nothing of a context. `kt context explain` shows where each value comes from.
";

const CHANGES: &str = "\
Changes print their plan first; -n shows it and changes nothing.

  what adds (create, produce)         runs
  what changes (alter, undo)          asks y/N; -y where nobody can be asked
  what may lose data (delete, trim)   asks to type the name; -y; with -r also --confirm N, the number

`kt history` lists the changes that were made with kt, `kt undo` takes the last one back where there is
a way back. A protected context refuses all changes without --unlock NAME.
";

pub(crate) fn run(args: &HelpArgs) -> Result<(), CliError> {
    let mut out = io::stdout().lock();
    if let [topic] = args.topic.as_slice()
        && let Some((_, text)) = TOPICS.iter().find(|(name, _)| name == topic)
    {
        out.write_all(text.as_bytes())?;
        return Ok(());
    }
    let mut command = Cli::command();
    command.build();
    let mut found = &mut command;
    for word in &args.topic {
        if found.find_subcommand(word).is_none() {
            return Err(unknown(&args.topic.join(" "), found));
        }
        found = found.find_subcommand_mut(word).expect("it was found just now");
    }
    write!(out, "{}", found.render_long_help())?;
    Ok(())
}

fn unknown(wanted: &str, command: &clap::Command) -> CliError {
    let verbs = command.get_subcommands().map(clap::Command::get_name);
    let known: Vec<&str> = verbs.chain(TOPICS.iter().map(|it| it.0)).collect();
    let error = CliError::not_found(format!("there is no help for \"{wanted}\""));
    match nearest(wanted, known.iter().copied()) {
        Some(meant) => error.hint(format!("kt help {meant}")),
        None => error.hint("kt help lists the commands"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_topic_of_the_help_is_there() {
        let about = Cli::command();
        let help = about.find_subcommand("help").expect("it is a command");
        let long = help.get_long_about().expect("it lists them").to_string();
        for (name, text) in TOPICS {
            assert!(long.contains(name), "{name} of {long}");
            assert!(text.lines().all(|it| it.chars().count() <= 110), "{name}");
        }
    }
}
