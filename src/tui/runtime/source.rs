//! Where answers come from: the cluster, which is asked, or a recording of one.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use kt_client::{Admin, Event};
use kt_protocol::types::{Millis, Now};
use tokio::runtime::Handle;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::actions::{Actions, Place};
use super::asker::Asker;
use super::clocks::Clocks;
use super::keeper::Keeper;
use super::player::Player;
use super::records::RecordReader;
use crate::error::CliError;
use crate::session::Session;
use crate::tui::history::kept::Minute;
use crate::tui::history::store::Subject;
use crate::tui::model::app::{App, KeptNews, Setting};
use crate::tui::model::msg::{Connection, Effect, Msg};
use crate::tui::recording::line::Header;
use crate::tui::recording::writer::{Naming, NewFile, Recording, record};

/// What the dashboard looks at.
#[derive(Debug)]
pub(super) enum Source {
    Cluster(Box<Live>),
    Recording(Box<Player>),
}

/// A cluster, and all that asks and changes it.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) clocks: Clocks,
    heard: UnboundedReceiver<Msg>,
    /// Of those who do something beside this thread.
    answers: UnboundedSender<Msg>,
    asker: Asker,
    pub(super) actions: Actions,
    reader: RecordReader,
    /// Where history is kept.
    pub(super) keeper: Option<Keeper>,
    pub(super) recording: Option<Recording>,
}

/// A recording that is made beside.
#[derive(Debug)]
pub(crate) struct Recorded {
    pub(crate) file: NewFile,
    pub(crate) naming: Naming,
}

/// What was waited for.
#[derive(Debug)]
pub(super) enum Came {
    Answer(Msg),
    Read(Msg),
    /// Nothing, but it is time.
    Time,
}

/// Answers that are folded before the picture is drawn again: a key must not wait for all of them.
const ANSWERS_AT_ONCE: usize = 64;

impl Live {
    /// Within a runtime.
    pub(super) fn open(
        session: &Session,
        setting: &Setting,
        keeper: Option<Keeper>,
    ) -> Result<Live, CliError> {
        let (answers, heard) = unbounded_channel();
        let clocks = Clocks::start();
        let admin = watched(session, &answers)?;
        let place = Place {
            globals: session.globals.clone(),
            admin: admin.clone(),
            runtime: Handle::current(),
            context: setting.context.clone(),
            is_protected: setting.is_protected,
            reach: setting.reach.clone(),
            journal: None,
        };
        let actions = Actions::new(place, answers.clone());
        let reader = RecordReader::new(admin.clone(), Handle::current());
        let asker = Asker::new(admin, Handle::current(), answers.clone());
        Ok(Live { clocks, heard, answers, asker, actions, reader, keeper, recording: None })
    }

    /// Begins to record what is heard from now on.
    pub(super) fn record(&mut self, to: Recorded, setting: &Setting) -> Result<(), CliError> {
        let Setting { context, reach, is_protected, .. } = setting.clone();
        let header = Header::new(Timestamp::now(), context, reach, is_protected);
        let recording = record(to.file, header, to.naming)?;
        self.asker = self.asker.clone().recording(recording.recorder.clone(), self.clocks);
        self.recording = Some(recording);
        Ok(())
    }
}

/// The administration of the session's cluster. Whoever hears the answers hears of connections too.
fn watched(session: &Session, answers: &UnboundedSender<Msg>) -> Result<Admin, CliError> {
    let answers = answers.clone();
    session.admin_observed(|security| {
        Arc::new(move |event: &Event<'_>| {
            let Event::Connected { address } = event else { return };
            let (address, security) = ((*address).to_owned(), security.clone());
            // Whoever is told no more has ended.
            let _ = answers.send(Msg::Connected(Connection { address, security }));
        })
    })
}

impl Source {
    /// What happens there happens now: somebody may be told of it.
    pub(super) fn is_cluster(&self) -> bool {
        matches!(self, Source::Cluster(_))
    }

    pub(super) fn now(&self, app: &App) -> Now {
        match self {
            Source::Cluster(live) => live.clocks.now(),
            Source::Recording(player) => player.now(app),
        }
    }

    /// Waits for what comes next, up to when the dashboard has something to do. Nothing is lost if
    /// it is dropped meanwhile.
    pub(super) async fn next(&mut self, deadline: Millis) -> Came {
        match self {
            Source::Cluster(live) => {
                let until = live.clocks.instant(deadline);
                tokio::select! {
                    biased;
                    Some(msg) = live.heard.recv() => Came::Answer(msg),
                    msg = live.reader.next() => Came::Read(msg),
                    () = tokio::time::sleep_until(until) => Came::Time,
                }
            }
            Source::Recording(player) => {
                player.next(deadline).await;
                Came::Time
            }
        }
    }

    /// Tells the dashboard what came.
    pub(super) fn take(&mut self, came: Came, app: &mut App, effects: &mut Vec<Effect>) {
        let live = match self {
            Source::Cluster(live) => live,
            Source::Recording(player) => return player.advance(app),
        };
        let msg = match came {
            Came::Answer(msg) => msg,
            Came::Read(msg) => return app.update(live.clocks.now(), msg, effects),
            Came::Time => return app.update(live.clocks.now(), Msg::Tick, effects),
        };
        // A hundred lines of the past are as much as a key may wait for.
        let is_long = |msg: &Msg| matches!(msg, Msg::Kept(KeptNews::Past(_)));
        let mut is_enough = is_long(&msg);
        app.update(live.clocks.now(), msg, effects);
        for _ in 1..ANSWERS_AT_ONCE {
            if is_enough {
                break;
            }
            let Ok(msg) = live.heard.try_recv() else { break };
            is_enough = is_long(&msg);
            app.update(live.clocks.now(), msg, effects);
        }
    }

    /// Does what needs the cluster. A recording has nobody to ask.
    pub(super) fn perform(&mut self, app: &App, effect: Effect) {
        let Source::Cluster(live) = self else { return };
        match effect {
            Effect::Ask(question) => live.asker.ask(question),
            Effect::Read(plan) => live.reader.read(plan),
            Effect::StopReading => live.reader.stop(),
            Effect::StopLooking => live.asker.stop_looking(),
            Effect::Look { generation, look } => {
                live.asker.look(&app.setting.data, generation, look);
            }
            Effect::Produce { record, unlocked } => {
                live.actions.produce(record, unlocked.as_deref());
            }
            Effect::Plan { id, words, unlocked } => {
                live.actions.plan(id, words, unlocked.as_deref());
            }
            Effect::Apply { id, unlocked } => live.actions.apply(id, unlocked.as_deref()),
            Effect::Drop(id) => live.actions.drop_plan(id),
            _ => {}
        }
    }

    /// Recalls what was kept on disk of these.
    pub(super) fn recall(
        &mut self,
        cluster_id: &str,
        alive: BTreeSet<Subject>,
    ) -> Result<(), CliError> {
        let Source::Cluster(live) = self else { return Ok(()) };
        let Some(keeper) = &mut live.keeper else { return Ok(()) };
        keeper.begin((cluster_id, alive), live.clocks.now(), live.answers.clone())
    }

    /// Adds a minute to what is kept on disk.
    pub(super) fn keep(&mut self, minute: Minute) -> Option<Msg> {
        let Source::Cluster(live) = self else { return None };
        live.keeper.as_mut()?.keep(minute)
    }

    /// Why the recording that is made has ended, once.
    pub(super) fn recording_fault(&self) -> Option<String> {
        match self {
            Source::Cluster(live) => live.recording.as_ref()?.recorder.take_fault(),
            Source::Recording(_) => None,
        }
    }

    /// Nobody can look.
    pub(super) fn pause(&mut self) {
        if let Source::Recording(player) = self {
            player.pause();
        }
    }

    pub(super) fn resume(&mut self) {
        if let Source::Recording(player) = self {
            player.resume();
        }
    }
}
