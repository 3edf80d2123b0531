//! `kt dump-log`

pub(crate) mod entries;
mod findings;
mod form;
mod indexes;
mod kafka;
mod log;
mod positions;
mod scanned;
mod seek;
mod small_files;
mod table;

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use kt_storage::DiskError;
use kt_storage::inspect::{self, FileClass, Listed, Place};

use crate::error::{self, CliError, Kind};
use crate::internal_records::Decoder;
use crate::position::At;
use crate::read_only_disk::ReadOnlyDisk;
use crate::record_filter::RecordFilter;
use crate::session::Session;
use findings::Findings;
use form::Form;
use positions::Range;
use scanned::Scanned;

const EXAMPLES: &str = "\
Examples:
  kt dump-log /var/lib/kafka/orders-0                    a partition: its batches, its indexes
  kt dump-log /var/lib/kafka                             a whole data directory
  kt dump-log orders-0/00000000000000000000.log --records -o jsonl | jq .value
  kt dump-log orders-0 --find 2026-11-21T02:00 --records the first record from then on
  kt dump-log __consumer_offsets-7 --records             decoded
  kt dump-log orders-0 --where 'value.total > 100'       of its records, those
  kt dump-log orders-0 --strict && echo clean            7 also for a torn tail
  kt dump-log orders-0/*.log --records -o kafka          as kafka-dump-log prints it

Positions (AT) are those of kt consume; latest is the end of the log. So are conditions; records
that are decoded are compared as they are shown: 'value.data.offset > 100'.

Every format writes while it reads; --sort has to hold all, and is refused beyond 100,000 items.

Exit codes: 7 if something is damaged: file, byte and reason are on standard error. A last batch
that was not written to its end, as a crash leaves it, is a note only.";

/// Show and check the files of a log directory, with no cluster at all
///
/// Reads segments, their indexes, snapshots and checkpoints, one by one or all of a partition's or
/// data directory. Checksums, offsets and epochs are checked, and every index entry is looked up in
/// its log. Nothing is written or locked: a broker may be running on the same files.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct DumpLogArgs {
    /// Files or directories
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,

    /// Show and check the records, not only their batches
    #[arg(long)]
    records: bool,

    /// Where to begin
    #[arg(long, value_name = "AT", allow_hyphen_values = true)]
    from: Option<At>,

    /// Where to end, that offset excluded
    #[arg(long, value_name = "AT", allow_hyphen_values = true)]
    until: Option<At>,

    /// Show only the batch, or with --records the record, of this offset or time
    #[arg(long, value_name = "AT", allow_hyphen_values = true, conflicts_with_all = ["from", "until"])]
    find: Option<At>,

    /// Only records that meet a condition, such as 'value.total > 100 and key like "a%"'; implies
    /// --records
    #[arg(long = "where", value_name = "CONDITION", conflicts_with = "find")]
    condition: Option<String>,

    /// How to read the records: auto goes by the topic's name
    #[arg(long, value_enum, value_name = "DECODER", default_value_t)]
    decoder: DecoderChoice,

    /// Fail with 7 for a torn tail too
    #[arg(long)]
    strict: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum DecoderChoice {
    /// By the name of the topic
    #[default]
    Auto,
    /// __consumer_offsets
    Offsets,
    /// __transaction_state
    Transactions,
    /// __share_group_state
    Share,
    /// __cluster_metadata
    Metadata,
    /// Bytes, as they are
    None,
}

impl DecoderChoice {
    fn decoder(self, file: &Listed) -> Option<Decoder> {
        match self {
            DecoderChoice::Auto if file.class == FileClass::MetadataSnapshot => {
                Some(Decoder::Metadata)
            }
            DecoderChoice::Auto => {
                file.partition.as_ref().and_then(|it| Decoder::of_topic(&it.topic))
            }
            DecoderChoice::Offsets => Some(Decoder::Offsets),
            DecoderChoice::Transactions => Some(Decoder::Transactions),
            DecoderChoice::Share => Some(Decoder::Share),
            DecoderChoice::Metadata => Some(Decoder::Metadata),
            DecoderChoice::None => None,
        }
    }
}

impl DumpLogArgs {
    fn has_positions(&self) -> bool {
        self.from.is_some() || self.until.is_some() || self.find.is_some()
    }

    /// Whether only logs are asked for: nothing else has records and positions.
    fn is_of_logs(&self) -> bool {
        self.has_positions() || self.condition.is_some()
    }

    fn shows_records(&self) -> bool {
        self.records || self.condition.is_some()
    }
}

pub(crate) fn run(args: &DumpLogArgs, session: &Session) -> Result<(), CliError> {
    positions::refuse_committed(args)?;
    let condition = args.condition.as_deref();
    let mut dump = Dump {
        args,
        session,
        filter: RecordFilter::new(condition, None, Timestamp::now(), &session.zone())?,
        scanned: Scanned::default(),
        form: form::choose(args, session)?,
        findings: Findings::new(session, args.strict),
        failed: Vec::new(),
    };
    for path in &args.paths {
        match dump.path(path) {
            Err(error) if error.kind == Kind::ReaderGone => return Err(error),
            Err(error) => dump.fail(path, error),
            Ok(()) => {}
        }
    }
    let Dump { form, findings, failed, scanned, .. } = dump;
    form.finish(&findings)?;
    if args.condition.is_some() {
        session.say(&scanned.summary());
    }
    if findings.has_damage() {
        return Err(CliError::silent(Kind::CheckFailed));
    }
    error::summary(failed.iter(), args.paths.len())
}

/// One run over all paths.
struct Dump<'a> {
    args: &'a DumpLogArgs,
    session: &'a Session,
    filter: RecordFilter,
    scanned: Scanned,
    form: Box<dyn Form>,
    findings: Findings<'a>,
    failed: Vec<CliError>,
}

impl Dump<'_> {
    fn fail(&mut self, path: &Path, error: CliError) {
        self.session.complain(&error);
        self.findings.failed(path, &error);
        self.failed.push(error);
    }

    fn path(&mut self, path: &Path) -> Result<(), CliError> {
        match inspect::look(&ReadOnlyDisk, path).map_err(|error| unreadable(&error))? {
            Place::File(file) => self.file_alone(file),
            Place::Directory(groups) if groups.is_empty() => {
                Err(nothing_to_read(path, "holds no files of a log"))
            }
            Place::Directory(groups) => groups.iter().try_for_each(|files| self.directory(files)),
            Place::Other => Err(nothing_to_read(path, "is no file of a log directory")),
        }
    }

    fn file_alone(&mut self, file: Listed) -> Result<(), CliError> {
        let is_log = matches!(file.class, FileClass::Log | FileClass::MetadataSnapshot);
        if self.args.is_of_logs() && !is_log {
            let path = file.path.display();
            let message = format!("--from, --until, --find and --where do not go with {path}");
            return Err(CliError::usage(message).hint("name a .log file or a directory"));
        }
        let files = [file];
        let mut range = self.range(&files)?;
        self.file(&files[0], &mut range)
    }

    /// The files of one directory.
    fn directory(&mut self, files: &[Listed]) -> Result<(), CliError> {
        if !self.args.is_of_logs() {
            let mut all = Range::all();
            return files.iter().try_for_each(|file| self.file_in_place(file, &mut all));
        }
        let logs: Vec<Listed> =
            files.iter().filter(|it| it.class == FileClass::Log).cloned().collect();
        if logs.is_empty() {
            return Ok(());
        }
        let mut range = self.range(&logs)?;
        logs.iter().try_for_each(|file| self.file_in_place(file, &mut range))
    }

    fn range(&mut self, logs: &[Listed]) -> Result<Range, CliError> {
        if !self.args.has_positions() {
            return Ok(Range::all());
        }
        positions::resolve(self.args, self.session, logs, &mut self.findings)
    }

    /// A file that was listed: a broker may have removed it since.
    fn file_in_place(&mut self, file: &Listed, range: &mut Range) -> Result<(), CliError> {
        match self.file(file, range) {
            Err(error) if error.kind == Kind::NotFound && !file.path.exists() => {
                self.session.note(&format!("{} was removed meanwhile", file.path.display()));
                Ok(())
            }
            result => result,
        }
    }

    fn file(&mut self, file: &Listed, range: &mut Range) -> Result<(), CliError> {
        let (form, findings) = (&mut *self.form, &mut self.findings);
        match file.class {
            FileClass::Log | FileClass::MetadataSnapshot => {
                let style = log::Style {
                    records: self.args.shows_records(),
                    decoder: self.args.decoder.decoder(file),
                    filter: &self.filter,
                };
                log::dump(file, style, range, &mut self.scanned, form, findings)
            }
            FileClass::OffsetIndex | FileClass::TimeIndex | FileClass::TransactionIndex => {
                indexes::dump(file, form, findings)
            }
            FileClass::ProducerSnapshot | FileClass::LeaderEpochs | FileClass::PartitionOffsets => {
                small_files::dump(file, form, findings)
            }
        }
    }
}

fn nothing_to_read(path: &Path, fault: &str) -> CliError {
    CliError::other(format!("{} {fault}", path.display())).hint(
        "dump-log reads .log, .index, .timeindex, .txnindex, .snapshot, .checkpoint and \
         -checkpoint files, and directories of them",
    )
}

/// A file that cannot be opened, or whose disk fails.
fn unreadable(error: &DiskError) -> CliError {
    let path = error.path.display();
    match error.kind {
        std::io::ErrorKind::NotFound => CliError::not_found(format!("{path} does not exist")),
        std::io::ErrorKind::PermissionDenied => CliError::other(format!("{path} may not be read"))
            .hint("run kt as the user that owns the files"),
        _ => CliError::other(error.to_string()),
    }
}
