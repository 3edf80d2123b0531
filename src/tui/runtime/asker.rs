//! Performs questions beside the drawing thread, and sends back what came of them.

use std::time::Instant;

use kt_client::Admin;
use tokio::runtime::Handle;
use tokio::sync::mpsc::UnboundedSender;

use super::produce::produce;
use super::questions::ask;
use crate::tui::model::msg::Msg;
use crate::tui::model::produce::NewRecord;
use crate::tui::model::schedule::Question;

/// Asks the cluster. The schedule has one question under way for each kind and broker, so what is
/// under way, and what waits to be folded, is bounded by that.
#[derive(Clone, Debug)]
pub(crate) struct Asker {
    admin: Admin,
    handle: Handle,
    answers: UnboundedSender<Msg>,
}

impl Asker {
    /// Runs questions on the runtime of `handle`.
    pub(crate) fn new(admin: Admin, handle: Handle, answers: UnboundedSender<Msg>) -> Asker {
        Asker { admin, handle, answers }
    }

    /// Asks; the answer comes as a message.
    pub(crate) fn ask(&self, question: Question) {
        let (admin, answers) = (self.admin.clone(), self.answers.clone());
        self.handle.spawn(async move {
            let began = Instant::now();
            let said = ask(&admin, &question).await;
            let took = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
            // Nobody listens any more once the dashboard is left.
            drop(answers.send(Msg::Answer { question, said, took }));
        });
    }

    /// Produces a record; where it went comes as a message.
    pub(crate) fn produce(&self, record: NewRecord) {
        let (admin, answers) = (self.admin.clone(), self.answers.clone());
        self.handle.spawn(async move {
            let said = produce(&admin, record).await;
            drop(answers.send(said));
        });
    }
}
