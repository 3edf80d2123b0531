//! `kt produce --spool`: records are on disk before they count as taken, and leave it when they are
//! delivered.
//!
//! Two halves work side by side: one takes lines into the spool, the other delivers what the spool
//! has, what an earlier run left first.

mod delivering;
mod taking;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use kt_client::Client;
use kt_client::producer::{Acks, ProducerConfig, RawProducer};
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};

use super::ProduceArgs;
use super::input::Source;
use super::lines::Lines;
use super::progress::Bar;
use super::prompt::TerminalGuard;
use super::report::Deliveries;
use crate::error::{CliError, Kind};
use crate::interrupt::Interrupt;
use crate::rate::Pace;
use crate::session::Session;
use crate::size::Size;
use crate::spool::{Directory, Spool, SpoolError};
use delivering::Delivering;
use taking::Taking;

/// A spool that one half fills and the other empties.
#[derive(Debug)]
struct Shared {
    files: Directory,
    spool: Mutex<Spool>,
    /// There is more to deliver, or nothing more will come.
    filled: Notify,
    /// There is more room.
    emptied: Notify,
    /// Nothing more will come.
    is_ended: AtomicBool,
}

impl Shared {
    fn end(&self) {
        self.is_ended.store(true, Ordering::Release);
        self.filled.notify_one();
    }

    fn is_ended(&self) -> bool {
        self.is_ended.load(Ordering::Acquire)
    }
}

/// Does what may take long where it holds up nothing.
async fn on_disk<T: Send + 'static>(
    shared: &Arc<Shared>,
    work: impl FnOnce(&Directory) -> T + Send + 'static,
) -> Result<T, CliError> {
    let shared = Arc::clone(shared);
    let done = tokio::task::spawn_blocking(move || work(&shared.files)).await;
    done.map_err(|error| CliError::other(format!("the spool's work ended: {error}")))
}

/// In less there is no room for a batch beside what is delivered.
const SPOOL_BYTES_MIN: u64 = 64 << 10;

/// Opens the spool, and says what was found in it.
pub(super) fn open(directory: &Path, max: Size, session: &Session) -> Result<Opened, CliError> {
    if max.0 < SPOOL_BYTES_MIN {
        return Err(CliError::usage("--spool-max is 64KiB at least"));
    }
    let files = Directory::open(directory)?;
    let opened = Spool::open(&files, max.0).map_err(|error| at(directory, error))?;
    if let Some(cut) = opened.cut {
        session.warn(&format!(
            "{} bytes at the end of {} that a crash had left unfinished were cut off, from byte \
             {} on: {}; they had not counted as taken",
            cut.bytes,
            directory.join(&cut.file).display(),
            cut.at,
            cut.reason
        ));
    }
    match opened.spool.depth() {
        0 => {}
        1 => session.note(&format!(
            "1 record that an earlier run left in {} is delivered first",
            directory.display()
        )),
        depth => session.note(&format!(
            "{depth} records that an earlier run left in {} are delivered first",
            directory.display()
        )),
    }
    Ok(Opened { files, spool: opened.spool })
}

/// An error of a spool, with its directory.
fn at(directory: &Path, error: SpoolError) -> CliError {
    let error = CliError::from(error);
    let message = format!("{}: {}", directory.display(), error.message);
    CliError { message, ..error }
}

/// A spool that was opened.
#[derive(Debug)]
pub(super) struct Opened {
    files: Directory,
    spool: Spool,
}

/// What a spool promises needs both.
pub(super) fn check(config: &ProducerConfig) -> Result<(), CliError> {
    if config.acks != Acks::All || !config.is_idempotent() {
        return Err(CliError::usage("--spool needs acks=all and the idempotent producer"));
    }
    Ok(())
}

/// What is to be delivered, and with what.
pub(super) struct Work {
    pub(super) client: Client,
    pub(super) cluster_id: Option<String>,
    pub(super) config: ProducerConfig,
    pub(super) lines: Lines,
    pub(super) source: Source,
}

/// Takes every line and delivers it. Ctrl-C ends the taking; what was taken is delivered, or stays
/// for the next run if a second one comes.
pub(super) async fn write(
    args: &ProduceArgs,
    session: &Session,
    work: Work,
    opened: Opened,
) -> Result<(), CliError> {
    let Work { client, cluster_id, config, lines, source } = work;
    let earlier = opened.spool.depth();
    let shared = Arc::new(Shared {
        files: opened.files,
        spool: Mutex::new(opened.spool),
        filled: Notify::new(),
        emptied: Notify::new(),
        is_ended: AtomicBool::new(false),
    });
    let patience = client.config().timeout;
    let taking = Taking {
        shared: Arc::clone(&shared),
        session,
        lines,
        pace: args.rate.map(|rate| (Pace::new(rate), Instant::now())),
        bar: Bar::new(session, &source),
        repeat: args.repeat,
        record_bytes_max: config.request_bytes_max,
        batch_bytes: shared.spool.lock().batch_bytes(),
        spares_internal: !session.globals.internal,
    };
    let producer = RawProducer::new(client, config);
    let producer = producer.map_err(|error| CliError::usage(error.to_string()))?;
    let mut delivering = Delivering {
        shared: Arc::clone(&shared),
        session,
        producer,
        deliveries: Deliveries::new(session, args.repeat).after(earlier),
        patience,
    };
    let _terminal = matches!(source, Source::Prompt(_)).then(TerminalGuard::new);
    let ended = both(taking, args, source, &mut delivering).await?;
    let left = shared.spool.lock().depth();
    let finished = delivering.deliveries.finish(cluster_id);
    let directory = args.spool.as_deref().unwrap_or(Path::new("."));
    if left != 0 {
        let (records, them) = if left == 1 { ("record is", "it") } else { ("records are", "them") };
        session.warn(&format!(
            "{left} {records} left in {}; the next run with this --spool delivers {them}",
            directory.display()
        ));
    }
    for end in [ended.delivered, ended.taken] {
        let Some(Err(error)) = end else { continue };
        // A line that cannot be read ends the reading; what stood before it has been delivered.
        if error.kind == Kind::Other && left == 0 && finished.is_ok() {
            session.complain(&error);
            return Err(CliError::silent(Kind::Partial));
        }
        return Err(error);
    }
    finished
}

/// Runs both halves to their ends. A first signal ends the taking, a second one all.
async fn both(
    mut taking: Taking<'_>,
    args: &ProduceArgs,
    source: Source,
    delivering: &mut Delivering<'_>,
) -> Result<Ended, CliError> {
    let shared = Arc::clone(&taking.shared);
    let session = taking.session;
    let mut interrupt = Interrupt::listen()?;
    let (stop, stopped) = watch::channel(None);
    let taken = async {
        let taken = match args.is_one_tombstone() {
            true => taking.take_one(stopped).await,
            false => taking.take_all(source, stopped).await,
        };
        taking.bar.clear();
        shared.end();
        taken
    };
    let delivered = delivering.run();
    tokio::pin!(taken, delivered);
    let mut ended = Ended { taken: None, delivered: None };
    while ended.delivered.is_none() {
        tokio::select! {
            taken = &mut taken, if ended.taken.is_none() => ended.taken = Some(taken),
            delivered = &mut delivered => ended.delivered = Some(delivered),
            kind = interrupt.next() => {
                if ended.taken.is_some() || stop.borrow().is_some() {
                    ended.taken = Some(Err(CliError::silent(kind)));
                    break;
                }
                session.note("delivering what was read; a second signal ends at once");
                let _ = stop.send(Some(kind));
            }
        }
    }
    Ok(ended)
}

/// How the halves ended, if they did.
struct Ended {
    taken: Option<Result<(), CliError>>,
    delivered: Option<Result<(), CliError>>,
}
