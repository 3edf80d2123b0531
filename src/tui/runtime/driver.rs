//! The loop around the dashboard: messages in, effects out, a picture when something has changed.

use std::fs;
use std::io::Write as _;

use jiff::Timestamp;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::actions::{Actions, Place};
use super::asker::Asker;
use super::clipboard::{Between, copying};
use super::clocks::Clocks;
use super::deliver::{Delivered, deliver};
use super::events::{Event, Events};
use super::look::Surroundings;
use super::once;
use super::records::RecordReader;
use super::signals::{Signals, Told};
use super::terminal::{MouseMode, RealTerminal};
use crate::error::{CliError, Kind};
use crate::session::Session;
use crate::tui::alerts::engine::{Engine, Outgoing};
use crate::tui::alerts::rules::Rules;
use crate::tui::model::app::{App, Setting};
use crate::tui::model::checks::Level;
use crate::tui::model::msg::{Effect, Msg, Picture, Reporting};
use crate::tui::model::page::Target;
use crate::tui::view;

/// How the dashboard is opened.
#[derive(Clone, Debug)]
pub(crate) struct Opening {
    pub(crate) target: Target,
    pub(crate) surroundings: Surroundings,
    pub(crate) mouse: MouseMode,
}

/// Runs the dashboard until it is left. Questions run on other threads than the one that draws.
///
/// # Errors
///
/// No terminal, or one that has gone; a signal that ends the process.
pub(crate) fn run(
    session: &Session,
    setting: Setting,
    rules: Rules,
    opening: &Opening,
) -> Result<(), CliError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_all()
        .build()
        .map_err(|error| CliError::other(format!("cannot start: {error}")))?;
    let result = runtime.block_on(drive(session, setting, rules, opening));
    // What is still asked has no reader any more.
    runtime.shutdown_background();
    result
}

/// Threads that ask; they mostly wait.
const WORKERS: usize = 2;

async fn drive(
    session: &Session,
    setting: Setting,
    rules: Rules,
    opening: &Opening,
) -> Result<(), CliError> {
    let signals = Signals::listen()?;
    let terminal = RealTerminal::take(&opening.surroundings, opening.mouse)?;
    let events = Events::start()?;
    let (answers, heard) = unbounded_channel();
    let clocks = Clocks::start();
    let admin = session.admin()?;
    let actions = Actions::new(
        Place {
            globals: session.globals.clone(),
            admin: admin.clone(),
            runtime: Handle::current(),
            context: setting.context.clone(),
            is_protected: setting.is_protected,
            reach: setting.reach.clone(),
            journal: None,
        },
        answers.clone(),
    );
    let mut app = App::new(setting, clocks.now());
    app.watch.alerts = Engine::new(rules);
    app.theme = terminal.look().theme;
    app.mouse = match opening.mouse {
        MouseMode::On => Reporting::On,
        MouseMode::Off => Reporting::Off,
    };
    let reader = RecordReader::new(admin.clone(), Handle::current());
    let asker = Asker::new(admin, Handle::current(), answers);
    let (told, delivered) = unbounded_channel();
    let mut driver = Driver {
        app,
        clocks,
        terminal,
        events,
        signals,
        heard,
        asker,
        actions,
        reader,
        told,
        delivered,
    };
    driver.begin(&opening.target)?;
    loop {
        if let Some(end) = driver.round().await? {
            let Driver { terminal, actions, .. } = driver;
            drop(terminal);
            actions.finish();
            return match end {
                End::Left => Ok(()),
                End::Signal(kind) => Err(CliError::silent(kind)),
            };
        }
    }
}

/// Why it ends.
#[derive(Clone, Copy, Debug)]
enum End {
    Left,
    Signal(Kind),
}

struct Driver {
    app: App,
    clocks: Clocks,
    terminal: RealTerminal,
    events: Events,
    signals: Signals,
    heard: UnboundedReceiver<Msg>,
    asker: Asker,
    actions: Actions,
    reader: RecordReader,
    told: UnboundedSender<Outcome>,
    delivered: UnboundedReceiver<Outcome>,
}

/// What became of telling somebody, by the id of that.
type Outcome = (u64, Result<Delivered, String>);

/// Answers that are folded before the picture is drawn again: a key must not wait for all of them.
const ANSWERS_AT_ONCE: usize = 64;

impl Driver {
    fn begin(&mut self, target: &Target) -> Result<(), CliError> {
        let area = self.terminal.area()?;
        let mut effects = Vec::new();
        self.app.update(self.clocks.now(), Msg::Resize(area.width, area.height), &mut effects);
        self.app.go(target);
        self.ask_all(effects);
        Ok(())
    }

    /// Draws what has changed, waits for what comes next, and takes it.
    async fn round(&mut self) -> Result<Option<End>, CliError> {
        if self.app.take_must_draw() {
            self.draw()?;
        }
        let mut effects = Vec::new();
        let deadline = self.clocks.instant(self.app.next_deadline());
        tokio::select! {
            // Keys go before answers: the screen is never slower than its user.
            biased;
            told = self.signals.next() => match told {
                Told::Terminate => return Ok(Some(End::Signal(Kind::Terminated))),
                Told::Hangup => return Ok(Some(End::Left)),
                Told::Continue => {
                    self.terminal.enter_again()?;
                    self.resize(&mut effects)?;
                }
            },
            event = self.events.next() => self.on_event(event?, &mut effects)?,
            msg = self.heard.recv() => {
                let mut next = msg;
                let mut left = ANSWERS_AT_ONCE;
                while let Some(msg) = next {
                    self.app.update(self.clocks.now(), msg, &mut effects);
                    left -= 1;
                    next = if left == 0 { None } else { self.heard.try_recv().ok() };
                }
            }
            msg = self.reader.next() => self.app.update(self.clocks.now(), msg, &mut effects),
            Some((id, result)) = self.delivered.recv() => {
                if matches!(result, Ok(Delivered::Ring)) {
                    self.terminal.send(b"\x07")?;
                }
                let msg = Msg::Delivered { id, result: result.map(drop) };
                self.app.update(self.clocks.now(), msg, &mut effects);
            }
            () = tokio::time::sleep_until(deadline) => {
                self.app.update(self.clocks.now(), Msg::Tick, &mut effects);
            }
        }
        self.perform(effects).await
    }

    fn on_event(&mut self, event: Event, effects: &mut Vec<Effect>) -> Result<(), CliError> {
        let msg = match event {
            Event::Key(key) => Msg::Key(key),
            Event::Mouse(mouse) => Msg::Mouse(mouse),
            Event::Paste(text) => Msg::Paste(text),
            Event::Resize => return self.resize(effects),
        };
        self.app.update(self.clocks.now(), msg, effects);
        Ok(())
    }

    fn resize(&mut self, effects: &mut Vec<Effect>) -> Result<(), CliError> {
        let area = self.terminal.area()?;
        self.app.update(self.clocks.now(), Msg::Resize(area.width, area.height), effects);
        Ok(())
    }

    fn draw(&mut self) -> Result<(), CliError> {
        let area = self.terminal.area()?;
        let mut buffer = Buffer::empty(Rect { x: 0, y: 0, ..area });
        let drawn = view::app::draw(&self.app, &mut buffer);
        self.app.was_drawn(drawn);
        self.terminal.draw(buffer)
    }

    async fn perform(&mut self, effects: Vec<Effect>) -> Result<Option<End>, CliError> {
        let mut more = Vec::new();
        for effect in effects {
            match effect {
                Effect::Ask(question) => self.asker.ask(question),
                Effect::Read(plan) => self.reader.read(plan),
                Effect::StopReading => self.reader.stop(),
                Effect::Look { generation, look } => {
                    self.asker.look(&self.app.setting.data, generation, look);
                }
                Effect::Produce(record) => self.asker.produce(record),
                Effect::Quit => return Ok(Some(End::Left)),
                Effect::Suspend => self.suspend(&mut more).await?,
                Effect::Copy(text) => self.copy(&text)?,
                Effect::Save(picture) => {
                    let said = self.save(picture);
                    self.app.update(self.clocks.now(), said, &mut more);
                }
                Effect::Mouse(Reporting::On) => self.terminal.set_mouse(MouseMode::On)?,
                Effect::Mouse(Reporting::Off) => self.terminal.set_mouse(MouseMode::Off)?,
                Effect::Deliver(outgoing) => self.deliver(outgoing),
                Effect::ReadRules(path) => {
                    let read = Msg::Rules(Rules::read(&path, Timestamp::now()));
                    self.app.update(self.clocks.now(), read, &mut more);
                }
                Effect::Plan { id, words, unlocked } => {
                    self.actions.plan(id, words, unlocked.as_deref());
                }
                Effect::Apply { id, unlocked } => self.actions.apply(id, unlocked.as_deref()),
                Effect::Drop(id) => self.actions.drop_plan(id),
            }
        }
        self.ask_all(more);
        Ok(None)
    }

    /// What is to be asked and read, where nothing else can be meant.
    fn ask_all(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Ask(question) => self.asker.ask(question),
                Effect::Read(plan) => self.reader.read(plan),
                Effect::StopReading => self.reader.stop(),
                Effect::Look { generation, look } => {
                    self.asker.look(&self.app.setting.data, generation, look);
                }
                _ => {}
            }
        }
    }

    /// Tells somebody of an alert, beside all else; the bell is ours.
    fn deliver(&self, outgoing: Outgoing) {
        let told = self.told.clone();
        Handle::current().spawn(async move {
            let id = outgoing.id;
            let result = deliver(&outgoing).await;
            // Nobody listens any more once the dashboard is left.
            drop(told.send((id, result)));
        });
    }

    /// Nothing is asked while nobody can look.
    async fn suspend(&mut self, effects: &mut Vec<Effect>) -> Result<(), CliError> {
        self.app.update(self.clocks.now(), Msg::Suspended, effects);
        self.terminal.suspend(&mut self.signals).await?;
        self.app.update(self.clocks.now(), Msg::Resumed, effects);
        self.resize(effects)
    }

    fn copy(&mut self, text: &str) -> Result<(), CliError> {
        match copying(text, Between::here()) {
            Ok(bytes) => self.terminal.send(&bytes),
            Err(too_long) => {
                let said = Msg::Said { level: Some(Level::Warn), text: too_long.to_string() };
                self.app.update(self.clocks.now(), said, &mut Vec::new());
                Ok(())
            }
        }
    }

    /// Writes the screen into a new file where we stand; an old one is never touched.
    fn save(&mut self, picture: Picture) -> Msg {
        let text = once::printed(&mut self.app, picture);
        let ending = match picture {
            Picture::Text => "txt",
            Picture::Svg => "svg",
            Picture::Json => "json",
        };
        let time = Timestamp::now().to_zoned(self.app.setting.zone.clone());
        let name =
            format!("kt-{}-{}.{ending}", self.app.screen.name(), time.strftime("%Y%m%d-%H%M%S"));
        let file = fs::OpenOptions::new().write(true).create_new(true).open(&name);
        match file.and_then(|mut file| file.write_all(text.as_bytes())) {
            Ok(()) => Msg::Said { level: None, text: format!("saved {name}") },
            Err(error) => Msg::Said {
                level: Some(Level::Warn),
                text: format!("{name} is not saved: {error}"),
            },
        }
    }
}
