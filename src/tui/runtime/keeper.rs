//! The history on disk: its file, and the thread that reads and writes it, so that nothing that draws
//! waits for a disk.

mod on_disk;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use kt_protocol::types::Now;
use tokio::sync::mpsc::UnboundedSender;

use self::on_disk::{Access, OnDisk};
use crate::error::CliError;
use crate::tui::history::kept::{Draft, KeptError, KeptFile, Medium, Minute, Past, PastLine};
use crate::tui::history::store::Subject;
use crate::tui::model::app::KeptNews;
use crate::tui::model::msg::Msg;
use crate::tui::worker::Worker;

/// Minutes that wait for a slow disk; it has so long to recover.
const WAITING_MAX: usize = 16;
/// Subjects that the model takes over at a time: a key comes between any two such messages.
const SUBJECTS_AT_ONCE: usize = 100;
/// Whoever leaves waits so long for a disk.
const LAST_WAIT: Duration = Duration::from_secs(10);

/// A history on disk.
#[derive(Debug)]
pub(crate) struct Keeper {
    path: PathBuf,
    access: Access,
    state: State,
}

#[derive(Debug)]
enum State {
    /// The file is there and ours alone; whose history it is to hold is not known yet.
    Open(KeptFile<OnDisk>),
    /// The thread has it.
    Running { minutes: SyncSender<Minute>, thread: Worker },
    /// The disk does not follow, or the history is not ours.
    Ended(&'static str),
}

const SLOW: &str = "the disk does not follow";

impl Keeper {
    /// Opens the file, or creates it, and locks it.
    ///
    /// # Errors
    ///
    /// It is none of ours, or another dashboard keeps its history there.
    pub(crate) fn open(path: &Path) -> Result<Keeper, CliError> {
        Keeper::with(path, Access::Write)
    }

    /// Opens the file to read what was kept, whoever else writes it.
    ///
    /// # Errors
    ///
    /// It is not there, or none of ours.
    pub(crate) fn open_to_read(path: &Path) -> Result<Keeper, CliError> {
        Keeper::with(path, Access::Read)
    }

    fn with(path: &Path, access: Access) -> Result<Keeper, CliError> {
        let medium = OnDisk::open(path, access)?;
        let file = KeptFile::open(medium).map_err(|error| refused(path, &error))?;
        Ok(Keeper { path: path.to_owned(), access, state: State::Open(file) })
    }

    /// Recalls what was kept, beside all else, and begins to keep.
    ///
    /// # Errors
    ///
    /// The file holds the history of another cluster.
    pub(crate) fn begin(
        &mut self,
        (cluster_id, alive): (&str, BTreeSet<Subject>),
        now: Now,
        news: UnboundedSender<Msg>,
    ) -> Result<(), CliError> {
        let file = match std::mem::replace(&mut self.state, State::Ended("it is refused")) {
            State::Open(file) => file,
            other => {
                self.state = other;
                return Ok(());
            }
        };
        file.check(cluster_id).map_err(|error| refused(&self.path, &error))?;
        let (minutes, waiting) = sync_channel(WAITING_MAX);
        let (path, access, cluster_id) = (self.path.clone(), self.access, cluster_id.to_owned());
        let work = move || {
            let kept = keep(file, (access, &cluster_id), Past::new(now, alive), &waiting, &news);
            kept.map_err(|error| {
                let why = format!("{}: {error}", path.display());
                // Nobody listens any more once the dashboard is left.
                drop(news.send(Msg::Kept(KeptNews::Ended(why.clone()))));
                why
            })
        };
        let thread = Worker::start("history", work)
            .map_err(|error| CliError::other(format!("cannot start a thread: {error}")))?;
        self.state = State::Running { minutes, thread };
        Ok(())
    }

    /// Writes a minute when its block is full; says so if the disk does not follow.
    pub(crate) fn keep(&mut self, minute: Minute) -> Option<Msg> {
        let State::Running { minutes, .. } = &self.state else { return None };
        // Where the thread has ended, it has said why.
        if let Err(TrySendError::Full(_)) = minutes.try_send(minute) {
            self.state = State::Ended(SLOW);
            return Some(Msg::Kept(KeptNews::Ended(self.worded(SLOW))));
        }
        None
    }

    /// Writes what is not written yet. A disk that hangs is not waited for.
    ///
    /// # Errors
    ///
    /// Something is not kept.
    pub(crate) fn finish(self) -> Result<(), String> {
        match self.state {
            State::Open(_) => Ok(()),
            State::Ended(why) => Err(self.worded(why)),
            State::Running { minutes, thread } => {
                drop(minutes);
                thread.finish(LAST_WAIT)
            }
        }
    }

    fn worded(&self, why: &str) -> String {
        format!("{}: {why}", self.path.display())
    }
}

/// All that the thread does.
fn keep<M: Medium>(
    mut file: KeptFile<M>,
    (access, cluster_id): (Access, &str),
    past: Past,
    minutes: &Receiver<Minute>,
    news: &UnboundedSender<Msg>,
) -> Result<(), KeptError> {
    if access == Access::Write {
        file.claim(cluster_id)?;
    }
    recall(&mut file, past, news)?;
    if access == Access::Read {
        return Ok(());
    }
    let mut draft = Draft::default();
    while let Ok(minute) = minutes.recv() {
        if !draft.takes(&minute) {
            file.append(&std::mem::take(&mut draft))?;
        }
        draft.add(minute);
        if draft.is_full() {
            file.append(&std::mem::take(&mut draft))?;
        }
    }
    if draft.is_empty() { Ok(()) } else { file.append(&draft) }
}

fn recall<M: Medium>(
    file: &mut KeptFile<M>,
    mut past: Past,
    news: &UnboundedSender<Msg>,
) -> Result<(), KeptError> {
    let scanned = file.scan()?;
    let mut damaged = scanned.damaged;
    for extent in &scanned.blocks {
        if !past.wants(extent.first) {
            continue;
        }
        match file.block(extent)? {
            Some(block) => past.add(&block),
            None => damaged += 1,
        }
    }
    let tell = |it| drop(news.send(Msg::Kept(it)));
    let mut lines = past.into_lines();
    loop {
        let some: Vec<PastLine> = lines.by_ref().take(SUBJECTS_AT_ONCE).collect();
        if some.is_empty() {
            break;
        }
        tell(KeptNews::Past(some));
    }
    tell(KeptNews::Recalled { damaged });
    Ok(())
}

fn refused(path: &Path, error: &KeptError) -> CliError {
    let said = CliError::other(format!("history {}: {error}", path.display()));
    match error {
        KeptError::OtherCluster { .. } => said.hint("each cluster needs a file of its own"),
        KeptError::Foreign => said.hint("name a file that is not there yet"),
        KeptError::Damaged | KeptError::Newer(_) => {
            said.hint("name another file, or move this one away")
        }
        KeptError::Io(_) | KeptError::TooLarge(_) => said,
    }
}
