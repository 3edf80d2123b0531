//! The cluster, watched without a screen: asks when it is time, listens, computes.

use std::time::Duration;

use kt_client::Admin;
use kt_protocol::types::{Millis, Now};
use tokio::runtime::Handle;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::timeout_at;

use super::asker::Asker;
use super::clocks::Clocks;
use crate::tui::model::msg::Msg;
use crate::tui::model::watch::Watch;

/// So many of the oldest unread records are read at a time.
const AGES_MAX: usize = 8;

/// A watch, and who asks for it.
#[derive(Debug)]
pub(crate) struct Watcher {
    pub(crate) watch: Watch,
    clocks: Clocks,
    asker: Asker,
    heard: UnboundedReceiver<Msg>,
}

/// What one wait came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waited {
    /// Figures and checks are other ones.
    Renewed,
    /// The time has come.
    Over,
}

impl Watcher {
    /// Begins; within a runtime.
    pub(crate) fn start(admin: Admin) -> Watcher {
        let (answers, heard) = unbounded_channel();
        let asker = Asker::new(admin, Handle::current(), answers);
        let mut watch = Watch::default();
        watch.schedule.need(Watch::always());
        Watcher { watch, clocks: Clocks::start(), asker, heard }
    }

    pub(crate) fn now(&self) -> Now {
        self.clocks.now()
    }

    /// Waits until all was computed anew. Nothing is lost if it is dropped meanwhile.
    pub(crate) async fn renewed(&mut self, until: Option<Millis>) -> Waited {
        loop {
            let now = self.now();
            if self.watch.renew(now) {
                self.need_ages();
                return Waited::Renewed;
            }
            if until.is_some_and(|it| it <= now.monotonic) {
                return Waited::Over;
            }
            self.listen(until).await;
        }
    }

    /// Waits until everything was answered, twice what rates are made of; false if that did not
    /// happen in time.
    pub(crate) async fn settle(&mut self, patience: Duration) -> bool {
        let patience = u64::try_from(patience.as_millis()).unwrap_or(u64::MAX);
        let until = self.now().monotonic + patience;
        loop {
            let now = self.now();
            if self.watch.schedule.is_settled() {
                self.watch.renew_now(now);
                return true;
            }
            if until <= now.monotonic {
                return false;
            }
            self.watch.renew(now);
            self.listen(Some(until)).await;
        }
    }

    /// Asks what is due, and takes over the next answer.
    async fn listen(&mut self, until: Option<Millis>) {
        let mut questions = Vec::new();
        self.watch.schedule.due(self.now().monotonic, &mut questions);
        questions.into_iter().for_each(|it| self.asker.ask(it));
        let next = [self.watch.schedule.next_deadline(), self.watch.next_renewal(), until];
        let msg = match next.into_iter().flatten().min() {
            Some(at) => timeout_at(self.clocks.instant(at), self.heard.recv()).await.ok().flatten(),
            None => self.heard.recv().await,
        };
        if let Some(Msg::Answer { question, said, took }) = msg {
            let now = self.now();
            self.watch.answered(&question, said, took, now);
        }
    }

    /// Asks for the true age of what groups have not read, as the screens do.
    pub(crate) fn need_ages(&mut self) {
        let mut needs = Watch::always();
        let groups = self.watch.groups.iter().map(|(name, it)| (name.as_str(), &it.cells));
        needs.ages = self.watch.ages_of(groups);
        needs.ages.truncate(AGES_MAX);
        self.watch.schedule.need(needs);
    }
}
