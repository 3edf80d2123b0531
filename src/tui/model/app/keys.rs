//! What keys and the mouse do: to what lies over the screen, to the screen, to all of it.

use jiff::Timestamp;
use kt_protocol::types::Millis;

use super::overlay::{Overlay, Question};
use super::{App, Brokers, DrawnList};
use crate::position::At;
use crate::tui::figures;
use crate::tui::history::window::View;
use crate::tui::keymap::{self, Command, Key};
use crate::tui::model::actions::menu::Made;
use crate::tui::model::checks::Level;
use crate::tui::model::filter::Filter;
use crate::tui::model::input::{Line, Purpose, Typed};
use crate::tui::model::msg::{Effect, Mouse, Picture, Pointed, Reporting};
use crate::tui::model::page::{Reaction, Target};
use crate::tui::model::rows::Step;
use crate::tui::model::screen::Screen;
use crate::tui::view::theme::Palette;

impl App {
    pub(super) fn on_key(&mut self, key: Key, effects: &mut Vec<Effect>) {
        let now = self.now.monotonic;
        self.page_mut().list_mut().key_pressed(now);
        self.forget_what_was_said();
        if key == Key::Ctrl('c') {
            return effects.push(Effect::Quit);
        }
        match std::mem::take(&mut self.overlay) {
            Overlay::None => {
                self.page_mut().list_mut().adopt();
                if let Some(command) = keymap::command(key) {
                    self.run(command, effects);
                }
            }
            Overlay::Help { scrolled } => {
                self.overlay = match scroll(key, scrolled, self.half_page()) {
                    Some(scrolled) => Overlay::Help { scrolled },
                    None => Overlay::None,
                };
            }
            Overlay::Text { title, lines, scrolled } => {
                if let Some(scrolled) = scroll(key, scrolled, self.half_page()) {
                    self.overlay = Overlay::Text { title, lines, scrolled };
                }
            }
            Overlay::Line { line, history } => {
                self.type_line(key, line, history, effects);
            }
            Overlay::Produce(form) => self.fill(form.on_key(key), effects),
            Overlay::Question(question) => self.answer(key, question, effects),
            Overlay::Confirm { typed, since } => self.answer_change(key, typed, since, effects),
        }
    }

    /// What was pasted is typed, where something is typed; elsewhere letters would be commands.
    pub(super) fn on_paste(&mut self, text: &str) {
        match &mut self.overlay {
            Overlay::Line { line, .. } => line.paste(text),
            Overlay::Produce(form) => form.paste(text),
            _ => {}
        }
        self.line_changed();
    }

    fn half_page(&self) -> usize {
        usize::from(self.size.1 / 2).max(1)
    }

    /// What a command does everywhere, unless the screen has its own meaning for it.
    pub(super) fn run(&mut self, command: Command, effects: &mut Vec<Effect>) {
        let now = self.now;
        if let Some(why) = self.refused_in_replay(command) {
            return self.say(why);
        }
        let page = self.pages.page_mut(self.screen);
        match page.command(command, &self.watch, now) {
            Some(Reaction::Done) => return self.renew_page(),
            Some(Reaction::Say(text)) => return self.say(text),
            None => {}
        }
        match command {
            Command::Line => self.begin_line(Purpose::Command, ""),
            Command::Filter => self.begin_filter(),
            Command::Help => self.overlay = Overlay::Help { scrolled: 0 },
            Command::Open => self.open(),
            Command::Back => self.back(),
            Command::LastScreen => {
                if let Some(target) = self.last.take() {
                    self.go(&target);
                }
            }
            Command::Quit => self.leave(effects),
            Command::QuitAtOnce => effects.push(Effect::Quit),
            Command::Suspend => self.suspend(effects),
            Command::Go(screen) => self.go(&Target::screen(screen)),
            Command::Alerts => self.go(&Target::screen(Screen::Alerts)),
            Command::Freeze => self.freeze(),
            Command::Refresh => {
                self.watch.schedule.refresh(now.monotonic);
                self.say("asked again");
            }
            Command::ShorterWindow => self.set_view(self.view.with(self.view.window.narrower())),
            Command::LongerWindow => self.set_view(self.view.with(self.view.window.wider())),
            Command::Earlier => self.set_view(self.view.back(now.monotonic)),
            Command::Later => self.set_view(self.view.forth(now.monotonic)),
            Command::Details => self.details(),
            Command::Save => self.overlay = Overlay::Question(Question::Save),
            Command::CopyCell => self.copy(effects),
            Command::CopyLine => {
                let line = format!("{}{}", self.page().kt_line(), self.setting.reach);
                self.say(format!("copied: {line}"));
                effects.push(Effect::Copy(line));
            }
            Command::Unlock => self.begin_unlock(),
            Command::Mouse => self.toggle_mouse(effects),
            Command::Theme => self.next_theme(),
            Command::NextPane => self.focus(1),
            Command::PreviousPane => self.focus(-1),
            Command::GoTo if self.page().takes(Purpose::GoTo) || self.has_charts() => {
                self.begin_line(Purpose::GoTo, "");
            }
            Command::Find if self.page().takes(Purpose::Find) => {
                let text = self.page().line_of(Purpose::Find);
                self.begin_line(Purpose::Find, &text);
            }
            Command::Produce => self.begin_produce(),
            Command::Actions if self.screen == Screen::Alerts => {
                self.overlay = Overlay::Question(Question::Alerts);
            }
            Command::Actions => self.begin_actions(),
            Command::Edit => self.edit(effects),
            Command::New if self.screen == Screen::Topics => {
                self.begin_change(Made::Begun("topics create ".to_owned()), effects);
            }
            // What the screen has not taken means nothing here.
            Command::GoTo | Command::Find | Command::ViewAs | Command::New => {
                self.say("not on this screen");
            }
            _ => self.on_list(command),
        }
    }

    fn suspend(&mut self, effects: &mut Vec<Effect>) {
        match self.setting.brokers {
            Brokers::Elsewhere => effects.push(Effect::Suspend),
            Brokers::InThisProcess => {
                let why = "Ctrl-Z would stop the broker too: q ends both";
                self.say_level(Some(Level::Warn), why);
            }
        }
    }

    /// Who leaves while something is written is asked: it may not be written to its end, and a
    /// recording ends.
    pub(super) fn leave(&mut self, effects: &mut Vec<Effect>) {
        let why = match self.producing {
            _ if self.changing.is_making() => "a change is being made".to_owned(),
            0 if self.recording.is_some() => "a recording is being made".to_owned(),
            0 => return effects.push(Effect::Quit),
            1 => "a record is being produced".to_owned(),
            records => format!("{records} records are being produced"),
        };
        self.overlay = Overlay::Question(Question::Leave { why });
    }

    fn on_list(&mut self, command: Command) {
        let list = self.page_mut().list_mut();
        let page = isize::try_from(list.seen().1).unwrap_or(1).max(1);
        match command {
            Command::NextRow => list.go(Step::By(1)),
            Command::PreviousRow => list.go(Step::By(-1)),
            Command::FirstRow => list.go(Step::First),
            Command::LastRow => list.go(Step::Last),
            Command::HalfPageDown => list.go(Step::By((page / 2).max(1))),
            Command::HalfPageUp => list.go(Step::By(-(page / 2).max(1))),
            Command::PageDown => list.go(Step::By(page)),
            Command::PageUp => list.go(Step::By(-page)),
            Command::NextColumn => list.show_only(&mut |it| it.wide = it.wide.map(|at| at + 1)),
            Command::PreviousColumn => {
                list.show_only(&mut |it| it.wide = it.wide.map(|at| at.saturating_sub(1)));
            }
            Command::Sort => list.sort_by_next(),
            Command::SortReverse => list.reverse(),
            Command::FaultsOnly => list.show_only(&mut |it| it.only_faults = !it.only_faults),
            Command::Internal => list.show_only(&mut |it| it.with_internal = !it.with_internal),
            Command::Wide => {
                list.show_only(&mut |it| it.wide = if it.wide.is_some() { None } else { Some(0) });
            }
            Command::Mark => list.mark(),
            Command::MarkAll => list.mark_all(),
            _ => {}
        }
        self.cursor_moved();
    }

    /// What a screen shows of the row under the cursor follows it at once.
    pub(super) fn cursor_moved(&mut self) {
        self.pages.page_mut(self.screen).cursor_moved(&self.watch, self.now);
    }

    fn open(&mut self) {
        match self.page().open(&self.watch) {
            Some(target) => self.go(&target),
            // Nothing lies behind a node of the quorum but what is known of it.
            None if self.screen == Screen::Quorum => self.details(),
            None => {}
        }
    }

    /// Clears marks, then the filter, then goes up.
    fn back(&mut self) {
        let list = self.page_mut().list_mut();
        if list.clear_marks() {
            return;
        }
        let showing = list.showing();
        if showing.filter.is_some() || showing.only_faults {
            return list.show_only(&mut |it| (it.filter, it.only_faults) = (None, false));
        }
        if self.frozen.is_some() {
            return self.freeze();
        }
        if let Some(parent) = self.screen.parent() {
            self.go(&self.above(parent));
        }
    }

    /// The screen above as it was left, or, if that is about another topic than this one, anew.
    fn above(&self, parent: Screen) -> Target {
        let about = self.page().about();
        let is_left = about.topic() == self.pages.page(parent).about().topic();
        match parent == Screen::Topic && !is_left {
            true => Target::about(parent, about),
            false => Target::screen(parent),
        }
    }

    fn focus(&mut self, by: isize) {
        let page = self.page();
        let (panes, focused) = (page.panes().max(1) as isize, page.focused() as isize);
        let steps = (1..=panes).map(|step| (focused + by * step).rem_euclid(panes) as usize);
        if let Some(next) = steps.into_iter().find(|it| self.has_room_for(*it)) {
            self.page_mut().focus(next);
        }
    }

    /// Whether a pane can be seen: on the overview some find no room in a small window.
    pub(super) fn has_room_for(&self, pane: usize) -> bool {
        let is_seen = |it: &DrawnList| it.pane == pane && 0 < it.rows.3;
        self.screen != Screen::Overview || self.drawn.lists.iter().any(is_seen)
    }

    fn freeze(&mut self) {
        self.frozen = match self.frozen {
            Some(_) => None,
            None => Some(self.now),
        };
        self.renew_page();
    }

    fn set_view(&mut self, view: View) {
        self.view = view;
        self.renew_page();
    }

    fn details(&mut self) {
        let value = self.page().details(&self.watch);
        let mut failing = self.denied();
        if value.is_none() && failing.is_empty() {
            return self.say("nothing under the cursor");
        }
        let named = self.page().named().filter(|_| value.is_some());
        let title = named.unwrap_or_else(|| "what fails".to_owned());
        let text = value.map(|it| serde_saphyr::to_string(&it).unwrap_or_default());
        let mut lines: Vec<String> =
            text.iter().flat_map(|it| it.lines()).map(str::to_owned).collect();
        if !lines.is_empty() && !failing.is_empty() {
            lines.extend([String::new(), "what fails:".to_owned()]);
        }
        lines.append(&mut failing);
        self.overlay = Overlay::Text { title, lines, scrolled: 0 };
    }

    /// While the message line speaks of what is denied, `d` says all of it behind the details.
    fn denied(&self) -> Vec<String> {
        if self.message.as_ref().is_none_or(|it| it.right != "d details") {
            return Vec::new();
        }
        let failing = self.watch.cluster.hearing.failing();
        let lines = failing.map(|(lane, it)| match lane.broker {
            Some(id) => format!("broker {id}: {:?}: {}", lane.kind, it.failure.words),
            None => format!("{:?}: {}", lane.kind, it.failure.words),
        });
        lines.collect()
    }

    fn copy(&mut self, effects: &mut Vec<Effect>) {
        let Some(subject) = self.page().copied() else {
            return self.say("nothing under the cursor");
        };
        match self.page().copied_note() {
            Some(note) => self.say(note),
            None => self.say(format!("copied: {}", figures::value(&subject, COPIED_SHOWN))),
        }
        effects.push(Effect::Copy(subject));
    }

    fn toggle_mouse(&mut self, effects: &mut Vec<Effect>) {
        self.mouse = match self.mouse {
            Reporting::On => Reporting::Off,
            Reporting::Off => Reporting::On,
        };
        effects.push(Effect::Mouse(self.mouse));
        self.say(match self.mouse {
            Reporting::On => "mouse on: shift selects text",
            Reporting::Off => "mouse off",
        });
    }

    fn next_theme(&mut self) {
        let (palette, name) = match self.theme.palette {
            Palette::Dark => (Palette::Light, "light"),
            Palette::Light => (Palette::Sixteen, "16"),
            Palette::Sixteen => (Palette::Mono, "mono"),
            Palette::Mono => (Palette::Dark, "dark"),
        };
        self.theme.palette = palette;
        self.say(format!("theme {name}"));
    }

    fn begin_filter(&mut self) {
        let filter = self.page().list().showing().filter.as_ref();
        let text = filter.map(|it| it.text().to_owned()).unwrap_or_default();
        self.begin_line(Purpose::Filter, &text);
    }

    pub(super) fn begin_line(&mut self, purpose: Purpose, text: &str) {
        let line = Line::new(purpose, text);
        self.overlay = Overlay::Line { line, history: None };
    }

    fn type_line(
        &mut self,
        key: Key,
        mut line: Line,
        history: Option<usize>,
        effects: &mut Vec<Effect>,
    ) {
        if line.purpose() == Purpose::Command && matches!(key, Key::Up | Key::Down) {
            return self.recall(line, history, key);
        }
        match line.on_key(key) {
            Typed::Goes => {
                self.overlay = Overlay::Line { line, history: None };
                self.line_changed();
            }
            Typed::Completes => self.complete(line),
            Typed::Taken => self.take_line(&line, effects),
            Typed::Left => self.leave_line(&line),
        }
    }

    /// A filter works while it is typed.
    fn line_changed(&mut self) {
        let Overlay::Line { line, .. } = &self.overlay else { return };
        if line.purpose() != Purpose::Filter {
            return;
        }
        let text = line.text().to_owned();
        self.set_filter(&text);
    }

    /// A pattern that is not finished leaves what is shown.
    fn set_filter(&mut self, text: &str) {
        if let Ok(filter) = Filter::parse(text) {
            let list = self.page_mut().list_mut();
            list.show_only(&mut |it| it.filter.clone_from(&filter));
            self.cursor_moved();
        }
    }

    fn take_line(&mut self, line: &Line, effects: &mut Vec<Effect>) {
        match line.purpose() {
            Purpose::Filter => match Filter::parse(line.text()) {
                Ok(_) => self.set_filter(line.text()),
                Err(why) => self.say(format!("/{}: {why}", line.text())),
            },
            Purpose::Command => self.run_line(line.text(), effects),
            Purpose::Value => self.take_value(line.text(), effects),
            purpose @ (Purpose::GoTo | Purpose::Find) => self.take_typed(purpose, line.text()),
        }
    }

    /// `:@-1h` does what `@` and the same do.
    pub(super) fn go_to_position(&mut self, text: &str) {
        match self.page().takes(Purpose::GoTo) || self.has_charts() {
            true => self.take_typed(Purpose::GoTo, text),
            false => self.say("not on this screen"),
        }
    }

    /// A line that the screen takes; where it has charts and no place of its own, they end there.
    fn take_typed(&mut self, purpose: Purpose, text: &str) {
        let (now, zone) = (self.now, self.setting.zone.clone());
        if purpose == Purpose::GoTo && !self.page().takes(purpose) {
            return self.end_charts_at(text.trim());
        }
        match self.page_mut().typed(purpose, text, now, &zone) {
            Reaction::Done => self.renew_page(),
            Reaction::Say(text) => self.say(text),
        }
    }

    fn has_charts(&self) -> bool {
        !self.page().charts().is_empty()
    }

    /// Charts end at a moment; at `latest` they follow the clock again.
    fn end_charts_at(&mut self, text: &str) {
        let time = match text.parse::<At>() {
            Ok(At::Latest) => return self.set_view(View::of(self.view.window)),
            Ok(At::Time(time)) => time,
            Ok(_) => {
                return self.say(format!("@{text}: charts end at a time, such as -1h or 15:04"));
            }
            Err(error) => return self.say(format!("@{text}: {error}")),
        };
        let wall = Timestamp::from_millisecond(self.now.wall.0).unwrap_or(Timestamp::UNIX_EPOCH);
        let Some(at) = time.instant(wall, &self.setting.zone) else {
            return self.say(format!("@{text} is out of the range of time"));
        };
        let ago = self.now.wall.0.saturating_sub(at.timestamp.as_millisecond());
        let Ok(ago) = u64::try_from(ago) else {
            return self.say(format!("@{text} has not come yet"));
        };
        let end = Millis(self.now.monotonic.0.saturating_sub(ago));
        self.set_view(self.view.ending(end));
    }

    /// Esc clears a filter.
    fn leave_line(&mut self, line: &Line) {
        if line.purpose() == Purpose::Filter {
            self.page_mut().list_mut().show_only(&mut |it| it.filter = None);
        }
    }

    fn answer(&mut self, key: Key, question: Question, effects: &mut Vec<Effect>) {
        match question {
            Question::Unlock { typed } => self.type_name(key, typed),
            Question::Locked => {
                if key == Key::Char('u') {
                    self.begin_unlock();
                }
            }
            Question::Actions => self.on_action_key(key, effects),
            Question::Alerts => self.on_alert_key(key, effects),
            Question::Save => match key {
                Key::Char('t') | Key::Enter => effects.push(Effect::Save(Picture::Text)),
                Key::Char('s') => effects.push(Effect::Save(Picture::Svg)),
                Key::Char('j') => effects.push(Effect::Save(Picture::Json)),
                Key::Esc | Key::Char('q') => {}
                _ => self.overlay = Overlay::Question(Question::Save),
            },
            Question::Leave { why } => match key {
                Key::Char('y' | 'Y') => effects.push(Effect::Quit),
                Key::Esc | Key::Enter | Key::Char('n' | 'N' | 'q') => {}
                _ => self.overlay = Overlay::Question(Question::Leave { why }),
            },
        }
    }

    pub(super) fn on_mouse(&mut self, mouse: Mouse, effects: &mut Vec<Effect>) {
        if !matches!(self.overlay, Overlay::None) {
            return;
        }
        let lists = self.drawn.lists.clone();
        let Some(list) = lists.iter().find(|it| it.holds(mouse)) else { return };
        self.page_mut().focus(list.pane);
        match mouse.what {
            Pointed::WheelDown => self.on_list(Command::NextRow),
            Pointed::WheelUp => self.on_list(Command::PreviousRow),
            Pointed::Click => self.click(list, mouse, effects),
        }
    }

    /// A row gets the cursor; where it is already, it is opened. A head sorts.
    fn click(&mut self, drawn: &DrawnList, mouse: Mouse, effects: &mut Vec<Effect>) {
        let (_, top, _, _) = drawn.rows;
        let Some(list) = self.page_mut().pane_mut(drawn.pane) else { return };
        if mouse.y < top {
            let head = drawn.heads.iter().find(|(from, to, _)| (*from..*to).contains(&mouse.x));
            if let Some((_, _, head)) = head {
                list.sort_by(head);
                self.cursor_moved();
            }
            return;
        }
        let line = drawn.first + usize::from(mouse.y - top);
        let Some(name) = list.names().get(line).cloned() else { return };
        let is_there = list.subject() == Some(name.as_str());
        list.seek(&name);
        self.cursor_moved();
        if is_there {
            self.run(Command::Open, effects);
        }
    }
}

impl DrawnList {
    /// Whether the mouse is on its rows or on the head above them.
    fn holds(&self, mouse: Mouse) -> bool {
        let (left, top, width, height) = self.rows;
        let across = left..left.saturating_add(width);
        let down = top.saturating_sub(1)..top.saturating_add(height);
        across.contains(&mouse.x) && down.contains(&mouse.y)
    }
}

/// Cells of what was copied that are shown.
const COPIED_SHOWN: usize = 60;

/// What a key does to text that lies over the screen; `None` closes it.
fn scroll(key: Key, scrolled: usize, half_page: usize) -> Option<usize> {
    match key {
        Key::Esc | Key::Enter | Key::Char('q' | '?') => None,
        Key::Char('j') | Key::Down => Some(scrolled.saturating_add(1)),
        Key::Char('k') | Key::Up => Some(scrolled.saturating_sub(1)),
        Key::Ctrl('d') | Key::PageDown | Key::Char(' ') => Some(scrolled.saturating_add(half_page)),
        Key::Ctrl('u') | Key::PageUp => Some(scrolled.saturating_sub(half_page)),
        Key::Char('g') | Key::Home => Some(0),
        // What there is limits it.
        Key::Char('G') | Key::End => Some(usize::MAX),
        _ => Some(scrolled),
    }
}

#[cfg(test)]
mod tests;
