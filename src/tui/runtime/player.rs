//! A recording in the place of the cluster: its answers come when their time comes, by a clock
//! that goes as fast as was said.

use std::path::PathBuf;
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
use crate::tui::recording::line::Header;
use crate::tui::recording::playing::Playing;
use crate::tui::recording::reader::{Decoded, Reader, open};
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

/// Answers and moments that are told before the picture is drawn again.
const TOLD_AT_ONCE: usize = 64;

/// A recording, and the clock that it is played by.
#[derive(Debug)]
pub(super) struct Player {
    playing: Playing<Reader<Decoded>>,
    speed: Speed,
    /// Where the recording stood, and when that was; it stands while nobody can look.
    from: Millis,
    since: Option<Instant>,
}

/// A recording that was opened, and a dashboard before it that has heard nothing yet.
struct Opened {
    app: App,
    playing: Playing<Reader<Decoded>>,
    /// Where to begin.
    at: Option<Timestamp>,
}

impl Play {
    /// Opens the recording and finds the place in it: nothing is drawn before both are there.
    fn open(&self, target: &Target, rules: Rules) -> Result<Opened, CliError> {
        if let Some(why) = not_recorded(target.screen) {
            return Err(CliError::usage(why));
        }
        let (header, reader) = open(&self.file)?;
        let playing = Playing::begin(reader)?;
        if playing.is_ended() {
            let file = self.file.display();
            return Err(CliError::other(format!("{file}: the recording holds no answer yet")));
        }
        let at = match (&self.at, Span::of(&self.file)?) {
            (Some(at), Some(span)) => {
                let moment = span.moment(at, &self.zone)?;
                Some(Timestamp(moment.as_millisecond()))
            }
            _ => None,
        };
        let mut app = App::new(self.setting(header), playing.now());
        // It looks by the rules, and tells nobody.
        app.watch.alerts = Engine::new(rules);
        app.play(self.speed);
        Ok(Opened { app, playing, at })
    }

    fn setting(&self, header: Header) -> Setting {
        Setting {
            context: header.context,
            paint: None,
            is_protected: header.protected,
            zone: self.zone.clone(),
            reach: header.reach.unwrap_or_default(),
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
        let mut opened = play.open(target, rules)?;
        opened.seek(target, size)?;
        let Opened { app, playing, .. } = opened;
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

    /// Waits until something is to be told; for ever at the end.
    pub(super) async fn next(&self, app: Millis) {
        let Some(since) = self.since.filter(|_| !self.playing.is_ended()) else {
            return std::future::pending().await;
        };
        let next = self.playing.next_at().map_or(app, |it| it.monotonic.min(app));
        let real = Duration::from_millis(self.speed.real(next - self.from));
        tokio::time::sleep_until((since + real).into()).await;
    }

    /// Tells what its time has come for; the rest is told when the keys have been looked at.
    pub(super) fn advance(&mut self, app: &mut App) {
        let until = self.clock();
        self.playing.advance(app, until, TOLD_AT_ONCE);
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
    // Where a list stands is known once it was drawn.
    let mut buffer = Buffer::empty(Rect::new(0, 0, sheet.width, sheet.height));
    let drawn = view::app::draw(&app, &mut buffer);
    app.was_drawn(drawn);
    Ok(picture(&mut app, sheet))
}
