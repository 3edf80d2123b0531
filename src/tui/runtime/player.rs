//! A recording in the place of the cluster: its answers come when their time comes, by a clock
//! that goes as fast as was said.

#[cfg(test)]
mod tests;

use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use kt_protocol::types::{Millis, Now, Timestamp};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::once::{Once, Sheet, picture};
use crate::error::CliError;
use crate::tui::alerts::engine::Engine;
use crate::tui::alerts::rules::Rules;
use crate::tui::model::app::{App, Brokers, Setting, not_recorded};
use crate::tui::model::msg::Msg;
use crate::tui::model::page::Target;
use crate::tui::recording::ahead::Ahead;
use crate::tui::recording::line::Header;
use crate::tui::recording::playing::Playing;
use crate::tui::recording::reach::flags_of;
use crate::tui::recording::reader::open;
use crate::tui::recording::span::Span;
use crate::tui::recording::speed::Speed;
use crate::tui::view;

/// What of a recording is to be played, and how.
#[derive(Clone, Debug)]
pub(crate) struct Play {
    pub(crate) file: PathBuf,
    pub(crate) speed: Speed,
    /// Where to begin, as AT.
    pub(crate) at: Option<String>,
    pub(crate) zone: TimeZone,
}

/// What is behind is told for so long before keys are looked at again, and the picture is drawn.
const TOLD_FOR: Duration = Duration::from_millis(30);
/// A wait of that length needs no words.
const SILENT_WAIT: Duration = Duration::from_millis(500);

/// A recording, and the clock that it is played by.
#[derive(Debug)]
pub(super) struct Player {
    playing: Playing<Ahead>,
    speed: Speed,
    /// Where the recording stood, and when that was; it stands while nobody can look.
    from: Millis,
    since: Option<Instant>,
}

/// A recording that was opened, and a dashboard before it that has heard nothing yet.
struct Opened {
    app: App,
    playing: Playing<Ahead>,
    /// Where to begin.
    at: Option<Timestamp>,
}

impl Play {
    /// Opens the recording and finds the place in it: nothing is drawn before both are there.
    fn open(&self, target: &Target, rules: Rules) -> Result<Opened, CliError> {
        if let Some(why) = not_recorded(target.screen) {
            return Err(CliError::usage(why));
        }
        // A place in it is found before it is opened to be played.
        let at = self.at.as_deref().map(|at| self.moment(at)).transpose()?;
        let (header, reader) = open(&self.file)?;
        let ahead = Ahead::start(reader)
            .map_err(|error| CliError::other(format!("cannot start a thread: {error}")))?;
        let playing = Playing::begin(ahead)?;
        if playing.is_ended() {
            return Err(self.without_answers());
        }
        let mut app = App::new(self.setting(header), playing.now());
        // It looks by the rules, and tells nobody.
        app.watch.alerts = Engine::new(rules.without_targets());
        app.play(self.speed);
        Ok(Opened { app, playing, at })
    }

    /// The place that is meant, by the times of all of it.
    fn moment(&self, at: &str) -> Result<Timestamp, CliError> {
        // A pipe is gone once it was read; whoever is not there is told so by who opens it.
        if fs::metadata(&self.file).is_ok_and(|it| !it.is_file() && !it.is_dir()) {
            let message = format!("--at needs a file, and {} is none", self.file.display());
            return Err(CliError::usage(message).hint("without --at it is played from its begin"));
        }
        let span = Span::of(&self.file)?.ok_or_else(|| self.without_answers())?;
        Ok(Timestamp(span.moment(at, &self.zone)?.as_millisecond()))
    }

    fn without_answers(&self) -> CliError {
        CliError::other(format!("{}: the recording holds no answer yet", self.file.display()))
    }

    fn setting(&self, header: Header) -> Setting {
        Setting {
            context: header.context,
            paint: None,
            is_protected: header.protected,
            zone: self.zone.clone(),
            // They are copied with command lines, whoever wrote them.
            reach: header.reach.as_deref().map(flags_of).unwrap_or_default(),
            data: Vec::new(),
            brokers: Brokers::Elsewhere,
        }
    }
}

impl Opened {
    /// Tells all that was before the beginning, to a screen of this size.
    fn seek(&mut self, target: &Target, (width, height): (u16, u16)) -> Result<(), CliError> {
        let Opened { app, playing, at } = self;
        app.update(playing.now(), Msg::Resize(width, height), &mut Vec::new());
        app.go(target);
        if let Some(at) = *at {
            playing.advance_to(app, at);
        }
        match playing.damage() {
            Some(why) if at.is_some() => Err(CliError::other(why)),
            _ => Ok(()),
        }
    }
}

impl Player {
    /// A dashboard that stands where it is to begin, and who plays on from there.
    pub(super) fn open(
        play: &Play,
        target: &Target,
        rules: Rules,
        size: (u16, u16),
    ) -> Result<(App, Player), CliError> {
        let Opened { app, playing, .. } = while_told(|| {
            let mut opened = play.open(target, rules)?;
            opened.seek(target, size)?;
            Ok::<_, CliError>(opened)
        })?;
        let (from, since) = (playing.now().monotonic, Some(Instant::now()));
        Ok((app, Player { playing, speed: play.speed, from, since }))
    }

    /// The dashboard's time: where the recording stands, but never beyond an answer that it was not
    /// told yet.
    pub(super) fn now(&self, app: &App) -> Now {
        let told = self.playing.now();
        let next = self.playing.next_at().map_or(told.monotonic, |it| it.monotonic);
        let monotonic = self.clock().min(next).max(app.now.monotonic).max(told.monotonic);
        let passed = i64::try_from(monotonic - told.monotonic).unwrap_or(i64::MAX);
        Now { monotonic, wall: Timestamp(told.wall.0.saturating_add(passed)) }
    }

    fn clock(&self) -> Millis {
        let real = self.since.map_or(Duration::ZERO, |it| it.elapsed());
        let real = u64::try_from(real.as_millis()).unwrap_or(u64::MAX);
        self.from + self.speed.recorded(real)
    }

    /// Waits until something is to be told, where the dashboard computes something at `deadline`; for
    /// ever at the end. Nothing is lost if it is dropped meanwhile.
    pub(super) async fn next(&self, deadline: Millis) {
        let Some(since) = self.since.filter(|_| !self.playing.is_ended()) else {
            return std::future::pending().await;
        };
        if self.playing.is_reading() {
            return self.playing.entries().ready().await;
        }
        let is_silent = self.playing.silent_until().is_some();
        let Some(due) = self.playing.due(deadline).filter(|_| !is_silent) else { return };
        let real = Duration::from_millis(self.speed.real(due - self.from));
        tokio::time::sleep_until((since + real).into()).await;
    }

    /// Tells what its time has come for; the rest is told when the keys have been looked at.
    pub(super) fn advance(&mut self, app: &mut App) {
        let began = Instant::now();
        loop {
            self.playing.look(app);
            self.pass_silence();
            let until = self.clock();
            if !self.playing.step(app, until) || TOLD_FOR <= began.elapsed() {
                return;
            }
        }
    }

    /// The clock is set forward over time that nobody recorded.
    fn pass_silence(&mut self) {
        if let Some(to) = self.playing.silent_until().filter(|it| self.clock() < *it) {
            self.from = to;
            self.since = Some(Instant::now());
        }
    }

    /// The recording stands still while nobody can look.
    pub(super) fn pause(&mut self) {
        self.from = self.clock();
        self.since = None;
    }

    pub(super) fn resume(&mut self) {
        self.since = Some(Instant::now());
    }
}

/// One screen as it stood at a time of a recording; at its end, if none was said.
///
/// # Errors
///
/// It is no recording, the time is not in it, or it is damaged before that.
pub(crate) fn once_of_recording(
    play: &Play,
    rules: Rules,
    target: &Target,
    sheet: Sheet,
) -> Result<Once, CliError> {
    let mut app = while_told(|| played(play, rules, target, sheet))?;
    // Where a list stands is known once it was drawn.
    let mut buffer = Buffer::empty(Rect::new(0, 0, sheet.width, sheet.height));
    let drawn = view::app::draw(&app, &mut buffer);
    app.was_drawn(drawn);
    Ok(picture(&mut app, sheet))
}

fn played(play: &Play, rules: Rules, target: &Target, sheet: Sheet) -> Result<App, CliError> {
    let mut opened = play.open(target, rules)?;
    opened.app.theme = sheet.theme;
    opened.seek(target, (sheet.width, sheet.height))?;
    let Opened { mut app, mut playing, at } = opened;
    if at.is_none() {
        playing.advance_to_end(&mut app);
        if let Some(why) = playing.damage() {
            return Err(CliError::other(why));
        }
    }
    Ok(app)
}

/// Says what is waited for if the work takes long: the terminal is still the shell's.
fn while_told<T>(work: impl FnOnce() -> T) -> T {
    thread::scope(|scope| {
        let (working, ended) = channel::<()>();
        scope.spawn(move || {
            if ended.recv_timeout(SILENT_WAIT) == Err(RecvTimeoutError::Timeout) {
                // Who does not read it has gone.
                let _ = writeln!(io::stderr(), "reading the recording; Ctrl-C ends at once");
            }
        });
        let done = work();
        drop(working);
        done
    })
}
