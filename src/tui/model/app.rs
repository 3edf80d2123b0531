//! The whole dashboard as a value: what is known, what is shown, and what the user is doing.
//!
//! `update` takes a message and gives effects; it reads no clock and waits for nothing.

mod alerting;
mod changing;
mod command_line;
mod keeping;
mod keys;
mod lacking;
mod message;
mod overlay;
mod producing;
mod protecting;
mod recorded;
mod secrets;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use kt_protocol::types::{Millis, Now};

pub(crate) use self::keeping::{Keeping, KeptNews};
pub(crate) use self::message::Message;
pub(crate) use self::overlay::{Overlay, Question};
use self::protecting::UnlockedUntil;
pub(crate) use self::recorded::{PlayEnd, Played, not_recorded};
use super::actions::{Changing, Edited};
use super::cluster::heard::Heard;
use super::msg::{Connection, Effect, Msg, Reporting};
use super::page::{About, Page, Target};
use super::schedule::{Kind, Lane, Needs};
use super::screen::Screen;
use super::screens::Pages;
use super::watch::{Watch, in_turn};
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
    pub(crate) brokers: Brokers,
}

/// Where the brokers run that are watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Brokers {
    Elsewhere,
    /// What stops this process stops them.
    InThisProcess,
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
    /// The file that answers are recorded to.
    pub(crate) recording: Option<String>,
    /// The recording that answers come from.
    pub(crate) played: Option<Played>,
    /// History on disk.
    pub(crate) keeping: Keeping,
    /// The change that is planned or made.
    pub(crate) changing: Changing,
    /// The config whose value is typed.
    pub(crate) edited: Option<Edited>,
    /// Until when a protected context is unlocked.
    unlocked_until: Option<UnlockedUntil>,
    /// Records that are under way.
    producing: usize,
    scales: BTreeMap<(Subject, Metric), Scale>,
    /// What was typed on the command line, the newest last.
    typed: Vec<String>,
    pub(crate) size: (u16, u16),
    /// Who answered first, and when.
    pub(crate) connected: Option<(Connection, Millis)>,
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
    /// How many lines of the page's text, of the help, and of a text over the screen can be scrolled
    /// out of sight.
    pub(crate) page_scrolls: Option<usize>,
    pub(crate) help_scrolls: Option<usize>,
    pub(crate) text_scrolls: Option<usize>,
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
    /// How many columns can be scrolled out of sight.
    pub(crate) scrolls: usize,
}

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
            recording: None,
            played: None,
            keeping: Keeping::default(),
            changing: Changing::default(),
            edited: None,
            unlocked_until: None,
            producing: 0,
            scales: BTreeMap::new(),
            typed: Vec::new(),
            size: (80, 24),
            connected: None,
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
        let is_answer = matches!(msg, Msg::Answer { .. } | Msg::Connected(_) | Msg::Tick);
        self.must_draw |= is_next_second || !is_answer || !self.watch.is_known();
        // The box hears now, and shows it.
        self.must_draw |= self.deaf_until().is_some_and(|it| it <= now.monotonic);
        self.now = now;
        self.lock_in_time();
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
            Msg::Played(end) => self.played_to_its_end(end),
            Msg::Kept(news) => self.on_kept(news),
            Msg::Connected(connection) => {
                self.connected.get_or_insert((connection, now.monotonic));
            }
            Msg::Tick => {}
            Msg::Produced(result) => self.produced(result),
            Msg::Suspended => {
                // Whoever comes back may be somebody else.
                self.lock();
                self.watch.schedule.suspend();
            }
            Msg::Resumed => self.watch.schedule.resume(),
        }
        self.settle(effects);
    }

    /// What follows from any message: new figures, new questions.
    fn settle(&mut self, effects: &mut Vec<Effect>) {
        if self.watch.renew(self.now) {
            self.must_draw = true;
            self.watch.alert(self.now);
            self.renew_page();
        }
        self.show_proposal();
        self.keep(effects);
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
        self.scales.retain(|(subject, _), _| self.watch.has(subject));
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
        needs.ages = in_turn(&needs.ages, &self.watch.open_ages);
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
        self.watch.schedule.is_settled() && self.page().is_settled() && self.has_recalled()
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
        let heard = self.deaf_until();
        let soonest = [asked, renewed, spins, told, heard].into_iter().flatten().min();
        soonest.map_or(second, |it| it.max(self.now.monotonic).min(second))
    }

    /// Goes to another screen.
    pub(crate) fn go(&mut self, target: &Target) {
        if let Some(why) = self.lacks_in_replay(target.screen) {
            self.overlay = Overlay::None;
            return self.say(why);
        }
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
        // What is sought stands in the first pane, and nothing that was kept may hide it.
        if target.only_faults || target.cursor.is_some() {
            let page = self.pages.page_mut(target.screen);
            page.focus(0);
            page.uncover(target.cursor.as_deref(), target.only_faults);
        }
        self.cursor_moved();
    }

    /// Where things stand: for the mouse, and for the next page.
    pub(crate) fn was_drawn(&mut self, drawn: Drawn) {
        for it in &drawn.lists {
            if let Some(list) = self.pages.page_mut(self.screen).pane_mut(it.pane) {
                list.set_seen(it.first, usize::from(it.rows.3));
                if list.showing().wide.is_some_and(|wide| it.scrolls < wide) {
                    list.show_only(&mut |showing| showing.wide = Some(it.scrolls));
                }
            }
        }
        if let Some(most) = drawn.page_scrolls {
            self.pages.page_mut(self.screen).limit_scroll(most);
        }
        if let (Some(most), Overlay::Help { scrolled }) = (drawn.help_scrolls, &mut self.overlay) {
            *scrolled = (*scrolled).min(most);
        }
        if let (Some(most), Overlay::Text { scrolled, .. }) =
            (drawn.text_scrolls, &mut self.overlay)
        {
            *scrolled = (*scrolled).min(most);
        }
        self.drawn = drawn;
        // The window has become too small for the pane with the cursor.
        if !self.drawn.lists.is_empty() && !self.has_room_for(self.page().focused()) {
            self.page_mut().focus(0);
        }
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
        let mut oldest: Option<Aged> = None;
        for kind in self.page().kinds() {
            // Who has never answered does not hide that the others answer no more.
            let times = self.heard(*kind).filter_map(|(_, it)| it.answered);
            let Some(at) = times.min() else { continue };
            let every = self.watch.schedule.rhythm(*kind);
            let aged = Aged { age: self.now.monotonic - at, every };
            // What is asked for every few minutes is as old as that, and still as it should be.
            let counts = aged.every <= OFTEN_MS || aged.is_stale();
            if counts && oldest.is_none_or(|it| it.urgency() < aged.urgency()) {
                oldest = Some(aged);
            }
        }
        oldest
    }

    /// What came of a kind of question, of those who are asked it now: the silence of others says
    /// nothing.
    fn heard(&self, kind: Kind) -> impl Iterator<Item = (Lane, &Heard)> {
        let lanes = self.watch.schedule.lanes(kind).into_iter();
        lanes.filter_map(|it| Some((it, self.watch.cluster.hearing.lanes.get(&it)?)))
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
    pub(crate) every: u64,
}

impl Aged {
    pub(crate) fn is_stale(self) -> bool {
        self.every.saturating_mul(2) < self.age
    }

    pub(crate) fn is_lost(self) -> bool {
        self.every.saturating_mul(6) < self.age
    }

    fn urgency(self) -> (bool, bool, u64) {
        (self.is_lost(), self.is_stale(), self.age)
    }
}
