//! A stage for tests: a cluster that answers every question as a minute of its life would, a clock
//! that goes from event to event, and the dashboard before it.

mod town;

use std::time::Duration;

use jiff::tz::TimeZone;
use kt_protocol::types::{Millis, Now, Timestamp};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use rustix::time::{ClockId, clock_gettime};

pub(crate) use self::town::Town;
use super::keymap::Key;
use super::model::app::{App, Brokers, Setting};
use super::model::msg::{Effect, Msg};
use super::model::page::Target;
use super::model::schedule::Question;
use super::model::screen::Screen;
use super::recording::writer::Recorder;
use super::view;
use super::view::theme::Theme;

/// The wall clock at the start: 15:00 in the zone of the tests.
pub(crate) const WALL: i64 = 1_795_269_600_000;
/// Our own clock at the start.
const START: u64 = 3_600_000;
/// How long a question is under way, in ms.
const UNDER_WAY_MS: u64 = 5;

/// The dashboard, and the cluster that it looks at.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) app: App,
    pub(crate) town: Town,
    now: u64,
    under_way: Vec<(u64, Question)>,
    /// Effects other than questions, since they were taken last.
    pub(crate) done: Vec<Effect>,
    /// Every question that was asked, with its time.
    pub(crate) asked: Vec<(u64, Question)>,
    /// Every answer, where they are recorded.
    pub(crate) recorder: Option<Recorder>,
    /// What the dashboard alone takes.
    pub(crate) spent: Spent,
}

/// CPU that was spent, the cluster's own left out.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spent {
    pub(crate) updates: Duration,
    /// On pictures that the loop would have drawn.
    pub(crate) pictures: Duration,
    pub(crate) drawn: usize,
}

/// Of this thread.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

impl Stage {
    /// Opens the dashboard in a window of this size, and lets nothing come yet.
    pub(crate) fn open(town: Town, width: u16, height: u16) -> Stage {
        Stage::open_later(town, width, height, 0)
    }

    /// The same, so many ms later.
    pub(crate) fn open_later(town: Town, width: u16, height: u16, later: u64) -> Stage {
        let now = START + later;
        let setting = Setting {
            context: "prod-eu".to_owned(),
            paint: None,
            is_protected: true,
            zone: TimeZone::fixed(jiff::tz::offset(1)),
            reach: " --context prod-eu".to_owned(),
            data: Vec::new(),
            brokers: Brokers::Elsewhere,
        };
        let app = App::new(setting, at(now));
        let (under_way, done, asked, recorder, spent) = Default::default();
        let mut stage = Stage { app, town, now, under_way, done, asked, recorder, spent };
        stage.tell(Msg::Resize(width, height));
        stage.draw();
        stage
    }

    /// The same, when half a minute has passed: rates are known.
    pub(crate) fn settled(town: Town, width: u16, height: u16) -> Stage {
        let mut stage = Stage::open(town, width, height);
        stage.pass(31_000);
        stage
    }

    pub(crate) fn millis(&self) -> Millis {
        Millis(self.now)
    }

    /// Goes to a screen, and lets it ask.
    pub(crate) fn go(&mut self, target: &Target) {
        self.app.go(target);
        self.draw();
        self.tell(Msg::Tick);
        self.pass(2_000);
    }

    /// The same without time passing.
    pub(crate) fn go_to_at_once(&mut self, screen: Screen) {
        self.app.go(&Target::screen(screen));
        self.draw();
    }

    pub(crate) fn go_to(&mut self, screen: Screen) {
        self.go(&Target::screen(screen));
    }

    /// A message, and what follows from it.
    pub(crate) fn tell(&mut self, msg: Msg) {
        let mut effects = Vec::new();
        let began = cpu_time();
        self.app.update(at(self.now), msg, &mut effects);
        self.spent.updates += cpu_time() - began;
        for effect in effects {
            match effect {
                Effect::Ask(question) => {
                    self.asked.push((self.now, question.clone()));
                    self.under_way.push((self.now + UNDER_WAY_MS, question));
                }
                other => self.done.push(other),
            }
        }
    }

    /// Types keys: letters for themselves, the others by name in brackets: `2/pay<Enter>`.
    pub(crate) fn type_keys(&mut self, keys: &str) {
        let mut rest = keys;
        while let Some(first) = rest.chars().next() {
            let (key, taken) = match rest.strip_prefix('<').and_then(|it| it.split_once('>')) {
                Some((name, _)) => (named(name), name.len() + 2),
                None => (Key::Char(first), first.len_utf8()),
            };
            self.tell(Msg::Key(key));
            self.draw();
            rest = &rest[taken..];
        }
    }

    /// Lets time pass, in ms, and everything come that comes meanwhile.
    pub(crate) fn pass(&mut self, ms: u64) {
        let end = self.now + ms;
        loop {
            let answer = self.under_way.iter().map(|it| it.0).min();
            let deadline = self.app.next_deadline().0.max(self.now + 1);
            let next = answer.map_or(deadline, |it| it.min(deadline));
            if end < next {
                break;
            }
            self.now = next;
            self.deliver();
        }
        self.now = end;
        self.deliver();
    }

    fn deliver(&mut self) {
        let now = self.now;
        let (come, rest) = self.under_way.drain(..).partition(|it| it.0 <= now);
        self.under_way = rest;
        for (_, question) in come {
            let said = self.town.answer(&question, now - START);
            if let Some(recorder) = &self.recorder {
                let line = recorder.line(&question, &said, UNDER_WAY_MS);
                recorder.keep(line, || at(now));
            }
            if said.is_ok() && self.app.connected.is_none() {
                self.tell(Msg::Connected(self.town.connection()));
            }
            self.tell(Msg::Answer { question, said, took: UNDER_WAY_MS });
        }
        self.tell(Msg::Tick);
        let (began, must_draw) = (cpu_time(), self.app.take_must_draw());
        self.draw();
        if must_draw {
            self.spent.pictures += cpu_time() - began;
            self.spent.drawn += 1;
        }
    }

    /// Draws, as the loop would: what is in sight decides what is asked.
    pub(crate) fn draw(&mut self) -> Buffer {
        let (width, height) = self.app.size;
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
        let drawn = view::app::draw(&self.app, &mut buffer);
        self.app.was_drawn(drawn);
        buffer
    }

    /// The screen as text; empty braille is blank, so that snapshots can be read.
    pub(crate) fn shown(&mut self) -> String {
        let buffer = self.draw();
        readable(&view::export::text(&buffer))
    }

    /// The lines from the title to the last one with anything on it.
    pub(crate) fn body(&mut self) -> String {
        let shown = self.shown();
        let lines: Vec<&str> = shown.lines().skip(2).collect();
        let bodies = lines.len().saturating_sub(2);
        let last = lines[..bodies].iter().rposition(|it| !it.is_empty()).map_or(0, |it| it + 1);
        lines[..last].join("\n")
    }

    /// The lines of the body in another look.
    pub(crate) fn in_theme(&mut self, theme: Theme) -> String {
        let before = self.app.theme;
        self.app.theme = theme;
        let shown = self.shown();
        self.app.theme = before;
        shown
    }
}

/// Empty braille as blanks, and no blanks at the ends of lines.
pub(crate) fn readable(text: &str) -> String {
    let lines = text.lines().map(|it| it.replace('\u{2800}', " ").trim_end().to_owned());
    lines.collect::<Vec<_>>().join("\n")
}

fn at(now: u64) -> Now {
    let wall = WALL + i64::try_from(now - START).unwrap();
    Now { monotonic: Millis(now), wall: Timestamp(wall) }
}

fn named(name: &str) -> Key {
    match name {
        "Enter" => Key::Enter,
        "Esc" => Key::Esc,
        "Tab" => Key::Tab,
        "BackTab" => Key::BackTab,
        "Up" => Key::Up,
        "Down" => Key::Down,
        "Backspace" => Key::Backspace,
        "PgDn" => Key::PageDown,
        "C-c" => Key::Ctrl('c'),
        "C-z" => Key::Ctrl('z'),
        "C-d" => Key::Ctrl('d'),
        "lt" => Key::Char('<'),
        "gt" => Key::Char('>'),
        other => panic!("no key is named {other}"),
    }
}

/// A screen of the README: 80 columns, and as many lines as it takes.
pub(crate) fn screen_of_readme(name: &str) -> String {
    let (screen, subject) = name.split_once('/').map_or((name, None), |it| (it.0, Some(it.1)));
    let screen = Screen::by_name(screen).unwrap();
    let mut stage = Stage::settled(Town::troubled(), 80, 24);
    stage.pass(600_000);
    stage.go(&Target::named(screen, subject).unwrap());
    let mut buffer = Buffer::empty(Rect::new(0, 0, 80, 22));
    view::app::draw_once(&stage.app, &mut buffer);
    let text = view::export::text(&buffer);
    format!("{}\n", text.trim_end())
}
