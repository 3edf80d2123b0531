//! Performs questions beside the drawing thread, and sends back what came of them.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use kt_client::Admin;
use tokio::runtime::Handle;
use tokio::sync::mpsc::UnboundedSender;

use super::clocks::Clocks;
use super::questions::ask;
use super::segments;
use crate::tui::model::msg::Msg;
use crate::tui::model::schedule::Question;
use crate::tui::model::screens::segments::looking::Look;
use crate::tui::recording::writer::Recorder;

/// Asks the cluster. The schedule has one question under way for each kind and broker, so what is
/// under way, and what waits to be folded, is bounded by that.
#[derive(Clone, Debug)]
pub(crate) struct Asker {
    admin: Admin,
    handle: Handle,
    answers: UnboundedSender<Msg>,
    /// Where answers are kept, and the clock that says when they came.
    recorder: Option<(Recorder, Clocks)>,
    /// The number of the look that is wanted: all before it end early.
    look: Arc<AtomicU64>,
}

impl Asker {
    /// Runs questions on the runtime of `handle`.
    pub(crate) fn new(admin: Admin, handle: Handle, answers: UnboundedSender<Msg>) -> Asker {
        Asker { admin, handle, answers, recorder: None, look: Arc::default() }
    }

    /// The same, and answers are recorded.
    pub(crate) fn recording(self, recorder: Recorder, clocks: Clocks) -> Asker {
        Asker { recorder: Some((recorder, clocks)), ..self }
    }

    /// Asks; the answer comes as a message.
    pub(crate) fn ask(&self, question: Question) {
        let (admin, answers) = (self.admin.clone(), self.answers.clone());
        let recorder = self.recorder.clone();
        self.handle.spawn(async move {
            let began = Instant::now();
            let said = ask(&admin, &question).await;
            let took = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
            // Nobody listens any more once the dashboard is left.
            let Some((recorder, clocks)) = recorder else {
                return drop(answers.send(Msg::Answer { question, said, took }));
            };
            let line = recorder.line(&question, &said, took);
            recorder.keep(line, || {
                let now = clocks.now();
                drop(answers.send(Msg::Answer { question, said, took }));
                now
            });
        });
    }

    /// Looks into directories, on a thread where waiting for a disk holds nobody up.
    pub(crate) fn look(&self, data: &[PathBuf], generation: u64, look: Look) {
        let (data, answers) = (data.to_vec(), self.answers.clone());
        let (current, own) = (Arc::clone(&self.look), self.next_look());
        self.handle.spawn_blocking(move || {
            let is_wanted = || current.load(Ordering::Relaxed) == own;
            let looked = segments::look(&data, &look, &is_wanted);
            drop(answers.send(Msg::Looked { generation, looked }));
        });
    }

    /// What is looked at is wanted no more.
    pub(crate) fn stop_looking(&self) {
        self.next_look();
    }

    fn next_look(&self) -> u64 {
        self.look.fetch_add(1, Ordering::Relaxed) + 1
    }
}
