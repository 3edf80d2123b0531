//! The whole dashboard as a value: what is known, what is shown, and what the user is doing.
//!
//! `update` takes a message and gives effects; it reads no clock and waits for nothing.

mod alerting;
mod changing;
mod command_line;
mod keys;
mod message;
mod overlay;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use kt_protocol::types::{Millis, Now};

pub(crate) use self::message::Message;
pub(crate) use self::overlay::{Overlay, Question};
use super::actions::{Changing, Edited};
use super::msg::{Effect, Msg, Reporting};
use super::page::{About, Page, Target};
use super::schedule::{Lane, Needs};
use super::screen::Screen;
use super::screens::Pages;
use super::watch::Watch;
use crate::tui::history::store::{Metric, Subject};
use crate::tui::history::window::View;
use crate::tui::view::chart::Scale;
use crate::tui::view::theme::{Paint, Theme};

/// How the dashboard was started.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    /// The name of the context; the address, where there is none.
    pub(crate) context: String,
    pub(crate) paint: Option<Paint>,
    /// Changes are locked until the name is typed.
    pub(crate) is_protected: bool,
    pub(crate) zone: TimeZone,
    /// Flags that a command line needs to reach the same cluster: ` --context prod-eu`.
    pub(crate) reach: String,
    /// Data directories of this machine, for the screen of segments.
    pub(crate) data: Vec<std::path::PathBuf>,
}

/// The dashboard.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) setting: Setting,
    pub(crate) watch: Watch,
    pub(crate) pages: Pages,
    pub(crate) screen: Screen,
    /// The screen before, for `-`.
    last: Option<Target>,
    pub(crate) overlay: Overlay,
    pub(crate) message: Option<Message>,
    pub(crate) view: View,
    pub(crate) theme: Theme,
    /// Since when the picture stands still.
    pub(crate) frozen: Option<Now>,
    pub(crate) mouse: Reporting,
    /// The change that is planned or made.
    pub(crate) changing: Changing,
    /// The config whose value is typed.
    pub(crate) edited: Option<Edited>,
    /// Until when a protected context is unlocked.
    unlocked_until: Option<Millis>,
    scales: BTreeMap<(Subject, Metric), Scale>,
    /// What was typed on the command line, the newest last.
    typed: Vec<String>,
    pub(crate) size: (u16, u16),
    /// When all began, and when the last message came.
    pub(crate) began: Now,
    pub(crate) now: Now,
    needs: Option<Needs>,
    must_draw: bool,
    /// The screen that was asked last what it wants.
    acted: Screen,
    pub(crate) drawn: Drawn,
}

/// Where things stand on the screen, as it was drawn last: for the mouse.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Drawn {
    pub(crate) lists: Vec<DrawnList>,
    /// What is shown is older than it should be: values are dim, and marks say that.
    pub(crate) is_stale: bool,
    /// It goes to paper: no cursor.
    pub(crate) is_printed: bool,
}

/// A list as it was drawn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DrawnList {
    pub(crate) pane: usize,
    /// Left, top, width and height of its rows, without the head.
    pub(crate) rows: (u16, u16, u16, u16),
    /// The first line in sight.
    pub(crate) first: usize,
    /// The heads of its columns, each with where it begins and ends.
    pub(crate) heads: Vec<(u16, u16, String)>,
}

/// An unlocked context locks again after this, in ms.
const UNLOCKED_MS: u64 = 300_000;

impl App {
    pub(crate) fn new(setting: Setting, now: Now) -> App {
        App {
            setting,
            watch: Watch::default(),
            pages: Pages::default(),
            screen: Screen::Overview,
            last: None,
            overlay: Overlay::None,
            message: None,
            view: View::default(),
            theme: Theme::default(),
            frozen: None,
            mouse: Reporting::Off,
            changing: Changing::default(),
            edited: None,
            unlocked_until: None,
            scales: BTreeMap::new(),
            typed: Vec::new(),
            size: (80, 24),
            began: now,
            now,
            needs: None,
            must_draw: true,
            acted: Screen::Overview,
            drawn: Drawn::default(),
        }
    }

    /// Takes note of what happened, and adds what is to be done.
    pub(crate) fn update(&mut self, now: Now, msg: Msg, effects: &mut Vec<Effect>) {
        // Ages are counted in seconds.
        let is_next_second = self.now.monotonic.0 / 1_000 != now.monotonic.0 / 1_000;
        let is_answer = matches!(msg, Msg::Answer { .. } | Msg::Tick);
        self.must_draw |= is_next_second || !is_answer || !self.watch.is_known();
        self.now = now;
        match msg {
            Msg::Key(key) => self.on_key(key, effects),
            Msg::Paste(text) => self.on_paste(&text),
            Msg::Mouse(mouse) => self.on_mouse(mouse, effects),
            Msg::Resize(width, height) => self.size = (width, height),
            Msg::Answer { question, said, took } => {
                self.watch.answered(&question, said, took, now);
            }
            Msg::Read { generation, news } => self.pages.records.take(generation, news, now),
            Msg::Looked { generation, looked } => self.pages.segments.take(generation, looked, now),
            Msg::Delivered { id, result } => self.delivered(id, result),
            Msg::Rules(read) => self.rules_read(read),
            Msg::Planned { id, proposal } => self.on_planned(id, *proposal, effects),
            Msg::Ended { id, outcome } => self.on_ended(id, &outcome),
            Msg::Said { level, text } => self.say_level(level, text),
            Msg::Tick => {}
            Msg::Suspended => self.watch.schedule.suspend(),
            Msg::Resumed => self.watch.schedule.resume(),
        }
        self.settle(effects);
    }

    /// What follows from any message: new figures, new questions.
    fn settle(&mut self, effects: &mut Vec<Effect>) {
        if self.unlocked_until.is_some_and(|at| at <= self.now.monotonic) {
            self.unlocked_until = None;
        }
        if self.watch.renew(self.now) {
            self.must_draw = true;
            self.watch.alert(self.now);
            self.renew_page();
        }
        self.show_proposal();
        self.deliver(effects);
        self.ask(effects);
        self.act(effects);
        self.renew_message();
    }

    /// What the screen wants, and what the one before it wants no more.
    fn act(&mut self, effects: &mut Vec<Effect>) {
        if self.acted != self.screen {
            self.pages.page_mut(self.acted).rest(effects);
            self.acted = self.screen;
        }
        self.pages.page_mut(self.screen).wants(effects);
    }

    /// The screen takes over what is known, unless it is frozen.
    fn renew_page(&mut self) {
        if self.frozen.is_some() {
            return;
        }
        let page = self.pages.page_mut(self.screen);
        page.renew(&self.watch, self.now);
        let charts = self.pages.page(self.screen).charts();
        for (subject, metric) in charts {
            self.watch.store.see(self.now.monotonic, &subject);
            let series = self.watch.store.series(&subject, metric);
            let peak = series.and_then(|it| it.peak(self.view, self.now.monotonic));
            let scale = self.scales.entry((subject, metric)).or_default();
            scale.observe(self.now.monotonic, f64::from(peak.unwrap_or(0.0)));
        }
    }

    fn ask(&mut self, effects: &mut Vec<Effect>) {
        let mut needs = Watch::always();
        self.pages.page(self.screen).needs(&self.watch, &mut needs);
        if self.needs.as_ref() != Some(&needs) {
            self.watch.schedule.need(needs.clone());
            self.needs = Some(needs);
        }
        let mut questions = Vec::new();
        self.watch.schedule.due(self.now.monotonic, &mut questions);
        effects.extend(questions.into_iter().map(Effect::Ask));
    }

    /// Whether the picture has changed since this was asked last: on a key, on new figures, and once
    /// a second.
    pub(crate) fn take_must_draw(&mut self) -> bool {
        std::mem::take(&mut self.must_draw)
    }

    /// Whether everything that the screen needs was answered, and computed.
    pub(crate) fn is_settled(&self) -> bool {
        self.watch.schedule.is_settled() && self.page().is_settled()
    }

    /// Computes what follows from all answers, however young the last time is.
    pub(crate) fn compute_all(&mut self) {
        self.watch.renew_now(self.now);
        self.watch.alert(self.now);
        self.renew_page();
    }

    /// When something is to be done, if nothing happens before: at the latest in a second, as ages
    /// are counted.
    pub(crate) fn next_deadline(&self) -> Millis {
        let second = self.now.monotonic + (1_000 - self.now.monotonic.0 % 1_000);
        let asked = self.watch.schedule.next_deadline();
        let renewed = self.watch.next_renewal();
        // One thing moves while the first answer is awaited.
        let spins = (!self.watch.is_known()).then(|| self.now.monotonic + SPIN_MS);
        let told = self.watch.alerts.next_deadline();
        let soonest = [asked, renewed, spins, told].into_iter().flatten().min();
        soonest.map_or(second, |it| it.max(self.now.monotonic).min(second))
    }

    /// Goes to another screen.
    pub(crate) fn go(&mut self, target: &Target) {
        let before = Target {
            cursor: None,
            ..Target::about(self.screen, self.pages.page(self.screen).about())
        };
        if before.screen != target.screen || target.about != About::Cluster {
            self.last = Some(before);
        }
        self.frozen = None;
        self.overlay = Overlay::None;
        self.screen = target.screen;
        let page = self.pages.page_mut(target.screen);
        if target.about != About::Cluster {
            page.set_about(&target.about);
        }
        self.renew_page();
        let list = self.pages.page_mut(target.screen).list_mut();
        if target.only_faults {
            list.show_only(&mut |it| it.only_faults = true);
        }
        if let Some(cursor) = &target.cursor {
            list.seek(cursor);
        }
    }

    /// Where things stand: for the mouse, and for the next page.
    pub(crate) fn was_drawn(&mut self, drawn: Drawn) {
        for it in &drawn.lists {
            if let Some(list) = self.pages.page_mut(self.screen).pane_mut(it.pane) {
                list.set_seen(it.first, usize::from(it.rows.3));
            }
        }
        self.drawn = drawn;
    }

    /// The upper edge of a chart.
    pub(crate) fn top(&self, subject: &Subject, metric: Metric) -> f64 {
        self.scales.get(&(subject.clone(), metric)).map_or(1.0, Scale::top)
    }

    /// The time that charts end at while they follow the clock.
    pub(crate) fn shown_now(&self) -> Now {
        self.frozen.unwrap_or(self.now)
    }

    /// How old the oldest answer is that the screen needs, and how old it may be.
    pub(crate) fn age(&self) -> Option<Aged> {
        let page = self.pages.page(self.screen);
        let cluster = &self.watch.cluster;
        let mut oldest: Option<Aged> = None;
        for kind in page.kinds() {
            let Some(at) = cluster.oldest(&[*kind]) else { continue };
            let lane = Lane { kind: *kind, broker: None };
            let aged =
                Aged { age: self.now.monotonic - at, pause: self.watch.schedule.pause(lane) };
            // What is asked for every few minutes is as old as that, and still as it should be.
            let counts = aged.pause <= OFTEN_MS || aged.is_stale();
            if counts && oldest.is_none_or(|it| it.urgency() < aged.urgency()) {
                oldest = Some(aged);
            }
        }
        oldest
    }

    pub(crate) fn is_locked(&self) -> bool {
        self.setting.is_protected && self.unlocked_until.is_none()
    }

    pub(crate) fn is_unlocked(&self) -> bool {
        self.setting.is_protected && self.unlocked_until.is_some()
    }

    fn unlock(&mut self) {
        self.unlocked_until = Some(self.now.monotonic + UNLOCKED_MS);
    }

    fn page(&self) -> &dyn Page {
        self.pages.page(self.screen)
    }

    fn page_mut(&mut self) -> &mut dyn Page {
        self.pages.page_mut(self.screen)
    }
}

/// The next picture of what moves, in ms.
const SPIN_MS: u64 = 120;

/// Answers that come at least so often make the age that is shown, in ms.
const OFTEN_MS: u64 = 10_000;

/// How old an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Aged {
    /// In ms.
    pub(crate) age: u64,
    /// How often it is asked for, in ms.
    pub(crate) pause: u64,
}

impl Aged {
    pub(crate) fn is_stale(self) -> bool {
        self.pause.saturating_mul(2) < self.age
    }

    pub(crate) fn is_lost(self) -> bool {
        self.pause.saturating_mul(6) < self.age
    }

    fn urgency(self) -> (bool, bool, u64) {
        (self.is_lost(), self.is_stale(), self.age)
    }
}
