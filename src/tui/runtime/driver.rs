//! The loop around the dashboard: messages in, effects out, a picture when something has changed.

use std::collections::VecDeque;
use std::fs;
use std::io::Write as _;

use jiff::Timestamp;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::chores::Chores;
use super::clipboard::{Between, copying};
use super::deliver::Delivered;
use super::deliveries::Deliveries;
use super::events::{Event, Events};
use super::keeper::Keeper;
use super::leaving::{leave, say};
use super::look::Surroundings;
use super::once;
use super::player::{Play, Player};
use super::signals::{Signals, Told};
use super::source::{Live, Recorded, Source};
use super::terminal::{self, MouseMode, RealTerminal};
use crate::error::{CliError, Kind};
use crate::session::Session;
use crate::tui::alerts::engine::Engine;
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

/// Where it writes; all of it was opened before.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) recorded: Option<Recorded>,
    pub(crate) history: Option<Keeper>,
}

/// Runs the dashboard until it is left. Questions run on other threads than the one that draws.
///
/// # Errors
///
/// No terminal, or one that has gone; a signal that ends the process; a recording that cannot be
/// begun, or is not whole at its end, whenever that was said.
pub(crate) fn run(
    session: &Session,
    setting: Setting,
    rules: Rules,
    opening: &Opening,
    Kept { recorded, history }: Kept,
) -> Result<(), CliError> {
    on_threads(async {
        let signals = Signals::listen()?;
        let mut live = Live::open(session, &setting, history)?;
        let terminal = RealTerminal::take(&opening.surroundings, opening.mouse)?;
        let mut app = App::new(setting, live.clocks.now());
        app.watch.alerts = Engine::new(rules);
        if live.keeper.is_some() {
            app.keep_history();
        }
        if let Some(recorded) = recorded {
            app.record(recorded.file.path().display().to_string());
            live.record(recorded, &app.setting)?;
        }
        drive(app, Source::Cluster(Box::new(live)), (terminal, signals), opening).await
    })
}

/// Plays a recording until it is left. Nothing goes over the network.
///
/// # Errors
///
/// It is no recording, or does not have that time; no terminal; a signal that ends the process.
pub(crate) fn replay(play: &Play, rules: Rules, opening: &Opening) -> Result<(), CliError> {
    on_threads(async {
        // Whoever has no terminal is told so below.
        let size = terminal::size().unwrap_or((80, 24));
        // What is wrong with the file is said before the terminal is another one, and who does not
        // wait for its place ends that by a signal.
        let (app, mut player) = Player::open(play, &opening.target, rules, size)?;
        let signals = Signals::listen()?;
        let terminal = RealTerminal::take(&opening.surroundings, opening.mouse)?;
        player.resume();
        drive(app, Source::Recording(Box::new(player)), (terminal, signals), opening).await
    })
}

/// Threads that ask; they mostly wait.
const WORKERS: usize = 2;

fn on_threads(work: impl Future<Output = Result<(), CliError>>) -> Result<(), CliError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_all()
        .build()
        .map_err(|error| CliError::other(format!("cannot start: {error}")))?;
    let result = runtime.block_on(work);
    // What is still asked has no reader any more.
    runtime.shutdown_background();
    result
}

async fn drive(
    mut app: App,
    source: Source,
    (terminal, signals): (RealTerminal, Signals),
    opening: &Opening,
) -> Result<(), CliError> {
    let events = Events::start(terminal.answers_until())?;
    app.theme = terminal.look().theme;
    app.mouse = match opening.mouse {
        MouseMode::On => Reporting::On,
        MouseMode::Off => Reporting::Off,
    };
    let deliveries = Deliveries::default();
    let chores = Chores::default();
    let mut driver = Driver { app, source, terminal, events, signals, deliveries, chores };
    let end = driver.run(&opening.target).await;
    let Driver { app, terminal, source, mut signals, deliveries, chores, .. } = driver;
    drop(terminal);
    // However it ended: what was begun comes to its end first.
    let left = match source {
        Source::Cluster(live) => leave(*live, app.last_minute(), &mut signals).await,
        Source::Recording(_) => Ok(()),
    };
    chores.finish().await;
    deliveries.finish(&mut signals).await;
    let error = match end {
        Ok(End::Left) => return left,
        Ok(End::Signal(kind)) => CliError::silent(kind),
        Err(error) => error,
    };
    // The first of two ends is the one of the process; what was forced has said all.
    if let Err(second) = left
        && !second.message.is_empty()
    {
        say(&second.message);
    }
    Err(error)
}

/// Why it ends.
#[derive(Clone, Copy, Debug)]
enum End {
    Left,
    Signal(Kind),
}

struct Driver {
    app: App,
    source: Source,
    terminal: RealTerminal,
    events: Events,
    signals: Signals,
    deliveries: Deliveries,
    chores: Chores,
}

impl Driver {
    /// Runs until it is left.
    async fn run(&mut self, target: &Target) -> Result<End, CliError> {
        let mut effects = Vec::new();
        self.resize(&mut effects)?;
        self.app.go(target);
        let mut end = self.perform(effects).await?;
        while end.is_none() {
            end = self.round().await?;
        }
        Ok(end.unwrap_or(End::Left))
    }

    fn update(&mut self, msg: Msg, effects: &mut Vec<Effect>) {
        let now = self.source.now(&self.app);
        self.app.update(now, msg, effects);
    }

    /// Draws what has changed, waits for what comes next, and takes it.
    async fn round(&mut self) -> Result<Option<End>, CliError> {
        if let Some(why) = self.source.recording_fault() {
            self.app.recording_ended(&why);
            self.draw()?;
        }
        if self.app.take_must_draw() {
            self.draw()?;
        }
        let mut effects = Vec::new();
        let deadline = self.app.next_deadline();
        tokio::select! {
            // Keys go before answers: the screen is never slower than its user.
            biased;
            told = self.signals.next() => match told {
                Told::End(kind) => return Ok(Some(End::Signal(kind))),
                Told::Hangup => return Ok(Some(End::Left)),
                Told::Continue => {
                    self.terminal.enter_again()?;
                    self.resize(&mut effects)?;
                }
            },
            event = self.events.next() => self.on_event(event?, &mut effects)?,
            (id, result) = self.deliveries.next() => {
                if matches!(result, Ok(Delivered::Ring)) {
                    self.terminal.send(b"\x07")?;
                }
                let msg = Msg::Delivered { id, result: result.map(drop) };
                self.update(msg, &mut effects);
            }
            said = self.chores.next() => self.update(said, &mut effects),
            came = self.source.next(deadline) => self.source.take(came, &mut self.app, &mut effects),
        }
        self.perform(effects).await
    }

    fn on_event(&mut self, event: Event, effects: &mut Vec<Effect>) -> Result<(), CliError> {
        let msg = match event {
            Event::Key(key) => Msg::Key(key),
            Event::Mouse(mouse) => Msg::Mouse(mouse),
            Event::Paste(text) => Msg::Paste(text),
            Event::Resize => {
                // Lines may be lost even if the size is the same in the end.
                self.terminal.forget();
                return self.resize(effects);
            }
        };
        self.update(msg, effects);
        Ok(())
    }

    fn resize(&mut self, effects: &mut Vec<Effect>) -> Result<(), CliError> {
        let area = self.terminal.area()?;
        self.update(Msg::Resize(area.width, area.height), effects);
        Ok(())
    }

    fn draw(&mut self) -> Result<(), CliError> {
        let area = self.terminal.area()?;
        let mut buffer = Buffer::empty(Rect { x: 0, y: 0, ..area });
        let drawn = view::app::draw(&self.app, &mut buffer);
        self.app.was_drawn(drawn);
        self.terminal.draw(buffer)
    }

    /// Does what is to be done, and what that brings about.
    async fn perform(&mut self, effects: Vec<Effect>) -> Result<Option<End>, CliError> {
        let mut waiting = VecDeque::from(effects);
        while let Some(effect) = waiting.pop_front() {
            let mut more = Vec::new();
            match effect {
                Effect::Quit => return Ok(Some(End::Left)),
                Effect::Suspend => self.suspend(&mut more).await?,
                Effect::Copy(text) => self.copy(&text, &mut more)?,
                Effect::Save(picture) => self.save(picture),
                Effect::Mouse(Reporting::On) => self.terminal.set_mouse(MouseMode::On)?,
                Effect::Mouse(Reporting::Off) => self.terminal.set_mouse(MouseMode::Off)?,
                Effect::Deliver(outgoing) if self.source.is_cluster() => {
                    self.deliveries.start(outgoing);
                }
                Effect::ReadRules(path) => {
                    self.chores.start(move || Msg::Rules(Rules::read(&path, Timestamp::now())));
                }
                Effect::Recall { cluster_id, alive } => self.source.recall(&cluster_id, alive)?,
                Effect::Keep(minute) => {
                    if let Some(said) = self.source.keep(minute) {
                        self.update(said, &mut more);
                    }
                }
                effect => self.source.perform(&self.app, effect),
            }
            waiting.extend(more);
        }
        Ok(None)
    }

    /// Nothing is asked while nobody can look.
    async fn suspend(&mut self, effects: &mut Vec<Effect>) -> Result<(), CliError> {
        self.update(Msg::Suspended, effects);
        self.source.pause();
        self.terminal.suspend(&mut self.signals).await?;
        self.source.resume();
        self.update(Msg::Resumed, effects);
        self.resize(effects)
    }

    fn copy(&mut self, text: &str, effects: &mut Vec<Effect>) -> Result<(), CliError> {
        match copying(text, Between::here()) {
            Ok(bytes) => self.terminal.send(&bytes),
            Err(too_long) => {
                let said = Msg::Said { level: Some(Level::Warn), text: too_long.to_string() };
                self.update(said, effects);
                Ok(())
            }
        }
    }

    /// Writes the screen into a new file where we stand; an old one is never touched.
    fn save(&mut self, picture: Picture) {
        let text = once::printed(&mut self.app, picture);
        let ending = match picture {
            Picture::Text => "txt",
            Picture::Svg => "svg",
            Picture::Json => "json",
        };
        let time = Timestamp::now().to_zoned(self.app.setting.zone.clone());
        let name =
            format!("kt-{}-{}.{ending}", self.app.screen.name(), time.strftime("%Y%m%d-%H%M%S"));
        self.chores.start(move || {
            let file = fs::OpenOptions::new().write(true).create_new(true).open(&name);
            match file.and_then(|mut file| file.write_all(text.as_bytes())) {
                Ok(()) => Msg::Said { level: None, text: format!("saved {name}") },
                Err(error) => Msg::Said {
                    level: Some(Level::Warn),
                    text: format!("{name} is not saved: {error}"),
                },
            }
        });
    }
}
