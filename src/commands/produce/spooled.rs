//! `kt produce --spool`: records are on disk before they count as taken, and leave it when they are
//! delivered.
//!
//! Two halves work side by side: one takes lines into the spool, the other delivers what the spool
//! has, what an earlier run left first.

mod delivering;
mod destinations;
mod refusal;
mod taking;

use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use kt_client::Client;
use kt_client::producer::{Acks, ProducerConfig, RawProducer};
use kt_protocol::types::Offset;
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};

use super::ProduceArgs;
use super::input::{Input, Source};
use super::lines::Lines;
use super::numbers::Numbers;
use super::progress::Bar;
use super::prompt::TerminalGuard;
use super::report::{Deed, Deliveries};
use super::throttle::Throttle;
use crate::error::CliError;
use crate::interrupt::Interrupt;
use crate::session::Session;
use crate::size::Size;
use crate::spool::{Directory, REFUSED, Spool, SpoolError};
use delivering::Delivering;
use destinations::Destinations;
use taking::{Gathered, Taking};

/// What both halves tell of records. Never borrowed while anything is awaited.
type SharedDeliveries<'a> = Rc<RefCell<Deliveries<'a>>>;

/// A spool that one half fills and the other empties.
#[derive(Debug)]
struct Shared {
    files: Directory,
    spool: Mutex<Spool>,
    /// The position of the record with tag 1.
    first: Offset,
    numbers: Arc<Numbers>,
    /// There is more to deliver, or nothing more will come.
    filled: Notify,
    /// There is more room.
    emptied: Notify,
    /// Nothing more will come.
    is_ended: AtomicBool,
}

impl Shared {
    /// The name of a record for its delivery.
    fn tag(&self, position: Offset) -> u64 {
        u64::try_from(position - self.first).unwrap_or(0) + 1
    }

    /// The record of that name.
    fn position(&self, tag: u64) -> Offset {
        self.first.plus(i64::try_from(tag).unwrap_or(i64::MAX) - 1)
    }

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

/// Whether the cluster was there when it was last asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    Unknown,
    Gone,
}

/// Says once of an outage that it holds up nothing.
pub(super) fn note_outage(session: &Session, error: &CliError) {
    session.note(&format!("{}; the spool takes records meanwhile", error.message));
}

/// What is to be delivered, and with what.
pub(super) struct Work {
    pub(super) client: Client,
    pub(super) cluster_id: Option<String>,
    pub(super) config: ProducerConfig,
    pub(super) lines: Lines,
    pub(super) source: Source,
    pub(super) reach: Reach,
}

/// Takes every line and delivers it. Ctrl-C ends the taking; what was taken is delivered, or stays
/// for the next run if a second one comes.
pub(super) async fn write(
    args: &ProduceArgs,
    session: &Session,
    work: Work,
    opened: Opened,
) -> Result<(), CliError> {
    let Work { client, cluster_id, config, lines, source, reach } = work;
    let (first, earlier) = (opened.spool.acknowledged(), opened.spool.depth());
    let shared = Arc::new(Shared {
        files: opened.files,
        spool: Mutex::new(opened.spool),
        first,
        numbers: Arc::new(Numbers::after(args.repeat, earlier)),
        filled: Notify::new(),
        emptied: Notify::new(),
        is_ended: AtomicBool::new(false),
    });
    let deliveries = Deliveries::new(session, Deed::Delivered, Arc::clone(&shared.numbers));
    let deliveries = Rc::new(RefCell::new(deliveries));
    let patience = client.config().timeout;
    let (draft, batch_bytes) = {
        let spool = shared.spool.lock();
        (spool.draft(), spool.batch_bytes())
    };
    let mut taking = Taking {
        shared: Arc::clone(&shared),
        session,
        deliveries: Rc::clone(&deliveries),
        destinations: Destinations::new(client.clone(), reach),
        lines,
        throttle: Throttle::new(args.rate),
        bar: Bar::new(session, &source),
        repeat: args.repeat,
        record_bytes_max: config.request_bytes_max,
        batch_bytes,
        spares_internal: !session.globals.internal,
        gathered: Gathered::new(draft),
    };
    let producer = RawProducer::new(client, config);
    let producer = producer.map_err(|error| CliError::usage(error.to_string()))?;
    let mut delivering = Delivering {
        shared: Arc::clone(&shared),
        session,
        producer,
        deliveries: Rc::clone(&deliveries),
        patience,
        reach,
        refused: 0,
    };
    let _terminal = matches!(source, Source::Prompt(_)).then(TerminalGuard::new);
    let mut input = (!args.is_one_tombstone()).then(|| source.start());
    let ended = both(&mut taking, input.as_mut(), &mut delivering).await?;
    taking.tell_untaken(input.as_mut());
    let finished = deliveries.borrow_mut().finish(cluster_id);
    let directory = args.spool.as_deref().unwrap_or(Path::new("."));
    tell_rest(session, directory, delivering.refused, shared.spool.lock().left());
    let ended = [ended.taken, ended.delivered].into_iter().flatten();
    finished.end(ended.filter_map(Result::err))
}

/// Says what was not delivered and where it is.
fn tell_rest(session: &Session, directory: &Path, refused: u64, left: u64) {
    let count = |records| match records {
        1 => ("1 record".to_owned(), "is", "it"),
        records => (format!("{records} records"), "are", "them"),
    };
    if refused != 0 {
        let (records, are, them) = count(refused);
        let file = directory.join(REFUSED);
        let file = file.display();
        session
            .warn(&format!("{records} that no retry can deliver {are} in {file}, with the reason"));
        session.note(&format!("kt produce --jsonl --file {file} sends {them} once more"));
    }
    if left != 0 {
        let (records, are, them) = count(left);
        let directory = directory.display();
        session.warn(&format!(
            "{records} {are} left in {directory}; the next run with this --spool delivers {them}"
        ));
    }
}

/// Runs both halves to their ends. A first signal ends the taking, a second one all.
async fn both(
    taking: &mut Taking<'_>,
    input: Option<&mut Input>,
    delivering: &mut Delivering<'_>,
) -> Result<Ended, CliError> {
    let shared = Arc::clone(&taking.shared);
    let session = taking.session;
    let mut interrupt = Interrupt::listen()?;
    let (stop, stopped) = watch::channel(None);
    let taken = async {
        let taken = match input {
            None => taking.take_one(stopped).await,
            Some(input) => taking.take_all(input, stopped).await,
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
