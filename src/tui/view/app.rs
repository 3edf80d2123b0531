//! Draws the whole dashboard: the frame, the screen in it, and what lies over both.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::canvas::{Canvas, Piece, line_of};
use super::frame::{
    Age, Ask, Badge, Confirm, Fault, Form, Frame, Header, Help, HelpColumn, Notice, Places,
    Protection, Title, draw_footer, draw_rule, spinner,
};
use super::screens;
use super::theme::Tone;
use crate::tui::figures::{self, Reading};
use crate::tui::keymap::{self, Key};
use crate::tui::model::actions::words::same;
use crate::tui::model::actions::{Asks, menu};
use crate::tui::model::app::{App, Drawn, Message, Overlay, Question};
use crate::tui::model::checks::Level;
use crate::tui::model::input::{Line, Purpose};
use crate::tui::model::produce::ProduceForm;

/// Draws all of it. Says where lists stand, which the mouse and page keys ask for.
pub(crate) fn draw(app: &App, buffer: &mut Buffer) -> Drawn {
    let mut canvas = Canvas::new(buffer, app.theme);
    let canvas = &mut canvas;
    let keys = keymap::footer_parts(app.screen);
    let header = header(app);
    let title = title(app);
    let notice = app.message.as_ref().map(notice).or_else(|| hint(app));
    let faults = faults(app);
    let frame = Frame {
        header: &header,
        screen: app.screen,
        title: &title,
        notice: notice.as_ref(),
        keys: &keys,
        faults: &faults,
    };
    let body = frame.draw(canvas);
    let is_stale = app.frozen.is_none() && app.age().is_some_and(|it| it.is_stale());
    let mut drawn = Drawn { is_stale, ..Drawn::default() };
    if Form::of(canvas.area()) != Form::Tiny {
        screens::draw(app, canvas, body, &mut drawn);
    }
    draw_overlay(app, canvas, &drawn);
    drawn
}

/// The screen as it is printed: header, title and body, without bar, cursor, message and footer.
pub(crate) fn draw_once(app: &App, buffer: &mut Buffer) {
    let mut canvas = Canvas::new(buffer, app.theme);
    let canvas = &mut canvas;
    let area = canvas.area();
    header(app).draw_at(canvas, line_of(area, 0));
    title(app).draw_at(canvas, line_of(area, 1));
    let body = Rect { y: area.y + 2, height: area.height.saturating_sub(2), ..area };
    let mut drawn = Drawn { is_printed: true, ..Drawn::default() };
    screens::draw(app, canvas, body, &mut drawn);
}

/// What a level looks like.
pub(crate) fn tone(level: Level) -> Tone {
    match level {
        Level::Ok => Tone::Ok,
        Level::Unknown => Tone::Unknown,
        Level::Warn => Tone::Warn,
        Level::Bad => Tone::Bad,
    }
}

fn header(app: &App) -> Header {
    let cluster = &app.watch.cluster;
    let badge =
        app.watch.badge().map_or(Badge::Unknown, |it| match (it.bad, it.warn, it.unknown) {
            (0, 0, 1..) => Badge::Unknown,
            (bad, warn, _) => Badge::Firing { bad, warn },
        });
    let brokers = match cluster.brokers.len() {
        0 => Reading::Pending,
        all => Reading::Known((cluster.up().count(), all)),
    };
    let protection = match (app.is_locked(), app.is_unlocked()) {
        (true, _) => Protection::Protected,
        (_, true) => Protection::Unlocked,
        _ => Protection::None,
    };
    Header {
        context: app.setting.context.clone(),
        paint: app.setting.paint,
        badge,
        brokers,
        controller: cluster.controller().map_or(Reading::Pending, Reading::Known),
        cluster_id: cluster.id.clone().unwrap_or_default(),
        protection,
        age: age(app),
    }
}

fn age(app: &App) -> Age {
    if let Some(since) = app.frozen {
        return Age::Frozen(app.now.monotonic - since.monotonic);
    }
    match app.age() {
        None => Age::None,
        Some(it) if it.is_lost() => Age::Lost(it.age),
        Some(it) if it.is_stale() => Age::Stale(it.age),
        Some(it) => Age::Fresh(it.age),
    }
}

/// The screen's own words, then how its list is shown.
fn title(app: &App) -> Title {
    let mut title = screens::title(app);
    let showing = app.pages.page(app.screen).list().showing();
    let mut right = Vec::new();
    if let Some(filter) = &showing.filter {
        right.push(Piece::new(format!("  /{}", filter.text()), Tone::Accent));
    }
    if showing.only_faults {
        right.push(Piece::new("  faults only", Tone::Accent));
    }
    if !app.watch.is_known() {
        let tick = app.now.monotonic.0 / 120;
        right.push(Piece::new(format!("  {}", spinner(tick, app.theme.glyphs)), Tone::Accent));
    }
    right.append(&mut title.right);
    title.right = right;
    title
}

fn notice(message: &Message) -> Notice {
    match message.level {
        Some(level) => Notice::of(tone(level), message.text.clone(), message.right.clone()),
        None => Notice::plain(message.text.clone(), message.right.clone()),
    }
}

/// What the screen says of the row of the cursor, below the rows.
fn hint(app: &App) -> Option<Notice> {
    let hint = app.pages.page(app.screen).hint()?;
    Some(Notice::plain(format!("  {hint}"), ""))
}

/// What a tiny window shows: the checks that fire, each with the place where it is worst.
fn faults(app: &App) -> Vec<Fault> {
    let checks = app.watch.checks.iter().flatten();
    let mut firing: Vec<_> = checks.filter(|it| Level::Unknown < it.level).collect();
    firing.sort_by_key(|it| std::cmp::Reverse(it.level));
    let fault = |it: &crate::tui::model::checks::Check| Fault {
        level: tone(it.level),
        subject: it.worst.as_ref().map_or_else(|| it.kind.name().to_owned(), |it| it.text.clone()),
        says: it.now.iter().find(|part| part.level == it.level).map_or_else(String::new, |it| {
            it.text.split(' ').next_back().unwrap_or_default().to_owned()
        }),
    };
    firing.into_iter().map(fault).collect()
}

fn draw_overlay(app: &App, canvas: &mut Canvas<'_>, drawn: &Drawn) {
    let area = canvas.area();
    let places = Places::of(area);
    match &app.overlay {
        Overlay::None => {}
        Overlay::Help { scrolled } => help(app, *scrolled).draw(canvas, area),
        Overlay::Line { line, .. } if line.purpose() == Purpose::Value => {
            draw_value(app, canvas, places, drawn, line.text());
        }
        Overlay::Line { line, .. } => draw_line(app, canvas, places, line),
        Overlay::Text { title, lines, scrolled } => {
            draw_text(canvas, places.body, title, lines.get(*scrolled..).unwrap_or_default());
        }
        Overlay::Produce(form) => draw_form(canvas, places, form),
        Overlay::Question(Question::Unlock { typed }) => {
            let context = &app.setting.context;
            let text = format!("{context} is protected: type its name: {typed}_");
            draw_typed(canvas, places, &text, "Esc leaves");
        }
        Overlay::Question(Question::Locked) => {
            let text = format!("{} is protected: u, then type its name", app.setting.context);
            draw_typed(canvas, places, &text, "Esc leaves");
        }
        Overlay::Question(Question::Actions) => draw_actions(app, canvas, places.footer),
        Overlay::Confirm { typed, .. } => {
            if let Some(confirm) = confirm(app, typed) {
                confirm.draw(canvas, area);
            }
        }
        Overlay::Question(Question::Alerts) => {
            let keys = "m mute subject 2h  M mute rule  u unmute  t test targets  r reload";
            draw_typed(canvas, places, keys, "Esc leaves");
        }
        Overlay::Question(Question::Save) => {
            draw_typed(canvas, places, "save this screen as: t text  s svg  j json", "Esc leaves");
        }
        Overlay::Question(Question::Leave { why }) => {
            draw_typed(canvas, places, &format!("{why}: leave? [y/N]"), "");
        }
    }
}

/// What is typed takes the message line, or the last line where there is none.
fn draw_typed(canvas: &mut Canvas<'_>, places: Places, text: &str, right: &str) {
    let line = if places.message.height == 0 { places.footer } else { places.message };
    canvas.clear(line);
    Notice::input(text, right).draw(canvas, line);
}

/// Lines above the message line, which says what is wrong with them.
fn draw_form(canvas: &mut Canvas<'_>, places: Places, form: &ProduceForm) {
    let bottom = if places.message.height == 0 { places.footer } else { places.message };
    let height = 4;
    let top = bottom.y.saturating_sub(height);
    let area = Rect { y: top, height: bottom.y - top, ..bottom };
    canvas.clear(area);
    let whither = match form.partition {
        Some(partition) => format!("produce to {}-{partition}", form.topic),
        None => format!("produce to {}", form.topic),
    };
    draw_rule(canvas, line_of(area, 0), &whither, Tone::Accent);
    for (index, (name, text, has_keys)) in (1..).zip(form.lines()) {
        let (sign, end) = if has_keys { ('>', "_") } else { (' ', "") };
        // Of a long text the end is what is being typed.
        let room = usize::from(area.width.saturating_sub(14));
        let cut = text.chars().rev().take(room).collect::<Vec<_>>().into_iter().rev();
        let shown: String = cut.collect();
        let tone = if has_keys { Tone::Accent } else { Tone::Plain };
        canvas.put(line_of(area, index), &format!("{sign}  {name:<8} {shown}{end}"), tone);
    }
    canvas.clear(places.footer);
    let keys = ["Enter next, produce", "Tab next", "Esc leaves"].map(str::to_owned);
    draw_footer(canvas, places.footer, &keys);
}

fn draw_line(app: &App, canvas: &mut Canvas<'_>, places: Places, line: &Line) {
    match line.purpose() {
        Purpose::Filter => {
            let list = app.pages.page(app.screen).list();
            let (shown, all) = (list.names().len(), list.count());
            let right = format!("{shown} of {all}  Enter keep  Esc clear  /! not");
            draw_typed(canvas, places, &format!("/{}", line.text()), &right);
        }
        Purpose::GoTo => draw_typed(canvas, places, &format!("@{}", line.text()), "Enter go"),
        Purpose::Find => {
            let text = format!("where {}", line.text());
            draw_typed(canvas, places, &text, "Enter scan  Esc leave");
        }
        Purpose::Command => draw_command(app, canvas, places.footer, line.text()),
        Purpose::Value => {}
    }
    draw_cursor(canvas, places, line);
}

/// Where the next letter goes.
fn draw_cursor(canvas: &mut Canvas<'_>, places: Places, line: &Line) {
    let typed = if places.message.height == 0 { places.footer } else { places.message };
    let (place, sign) = match line.purpose() {
        Purpose::Filter | Purpose::GoTo => (typed, 1),
        Purpose::Find => (typed, "where ".len()),
        Purpose::Command => (places.footer, 1),
        Purpose::Value => return,
    };
    let at = u16::try_from(1 + sign + line.cursor()).unwrap_or(u16::MAX);
    let at = at.min(place.width.saturating_sub(2));
    canvas.select(Rect { x: place.x + at, width: 1, ..place });
}

/// The command line takes the bottom line, candidates grow upwards.
fn draw_command(app: &App, canvas: &mut Canvas<'_>, bottom: Rect, text: &str) {
    canvas.clear(bottom);
    let hint = "Tab complete  Enter run";
    let room = usize::from(bottom.width).saturating_sub(4);
    let right = if figures::cells(text) + hint.len() < room { hint } else { "" };
    Notice::input(format!(":{}", tail(text, room)), right).draw(canvas, bottom);
    let area = canvas.area();
    let most = usize::from(area.height / 2).min(8);
    let candidates = app.candidates(text);
    let widest = candidates.iter().map(|it| figures::cells(&it.line)).max().unwrap_or(0).max(14);
    for (index, it) in candidates.iter().take(most).enumerate() {
        let up = u16::try_from(candidates.len().min(most) - index).unwrap_or(0);
        let line = Rect { y: bottom.y.saturating_sub(up), height: 1, ..bottom };
        canvas.clear(line);
        let sign = if index == 0 { '>' } else { ' ' };
        let row = format!("{sign}{:<widest$} {:<6} {}", it.line, it.takes, it.says);
        let tone = if index == 0 { Tone::Accent } else { Tone::Plain };
        canvas.put(line, &row, tone);
    }
}

/// A value is typed where it stands, and in the message line where its cell is not in sight.
fn draw_value(app: &App, canvas: &mut Canvas<'_>, places: Places, drawn: &Drawn, text: &str) {
    let key = app.edited.as_ref().map_or("", |it| it.key.as_str());
    let page = app.pages.page(app.screen);
    let row = page.list().names().iter().position(|it| it == key);
    let list = drawn.lists.iter().find(|it| it.pane == page.focused());
    let place = list.zip(row).and_then(|(list, row)| {
        let (left, top, width, height) = list.rows;
        let down = u16::try_from(row.checked_sub(list.first)?).ok().filter(|it| *it < height)?;
        let (from, ..) = list.heads.iter().find(|(_, _, head)| head == "value")?;
        let width = (left + width).saturating_sub(*from);
        Some(Rect { x: *from, y: top + down, width, height: 1 })
    });
    let Some(place) = place else {
        return draw_typed(canvas, places, &format!("{key}={text}_"), "Enter plan  Esc leaves");
    };
    draw_typed(canvas, places, &format!("edit {key}"), "Enter plan  Esc leaves");
    canvas.clear(place);
    let room = usize::from(place.width).saturating_sub(1);
    canvas.put(place, &format!("{}_", tail(text, room)), Tone::Accent);
}

/// The end of a text, which is where it is typed, in so many cells.
fn tail(text: &str, room: usize) -> String {
    if figures::cells(text) <= room {
        return text.to_owned();
    }
    let mut shown = String::new();
    let mut letters = text.chars().rev();
    let mut end: Vec<char> = Vec::new();
    while let Some(letter) = letters.next().filter(|_| figures::cells(&shown) + 2 < room) {
        shown.push(letter);
        end.push(letter);
    }
    std::iter::once('…').chain(end.into_iter().rev()).collect()
}

/// The letters behind `a` grow upwards from the bottom line, each with what it may cost.
fn draw_actions(app: &App, canvas: &mut Canvas<'_>, bottom: Rect) {
    let names = app.chosen().names;
    let on = match names.as_slice() {
        [] => String::new(),
        [name] => format!(" on {name}"),
        names => format!(" on {} marked", names.len()),
    };
    canvas.clear(bottom);
    Notice::input(format!("a letter{on}"), "Esc leaves").draw(canvas, bottom);
    let items = menu::items(app.screen);
    for (up, it) in (1..).zip(items.iter().rev()) {
        let line = Rect { y: bottom.y.saturating_sub(up), height: 1, ..bottom };
        canvas.clear(line);
        canvas.put(line, &format!(" a {}  {} ({})", it.key, it.says, it.level), Tone::Plain);
    }
}

/// What is asked before a change.
fn confirm(app: &App, typed: &str) -> Option<Confirm> {
    let (proposal, words) = app.changing.proposed()?;
    let ask = match &proposal.asks {
        Asks::Yes => Ask::Yes { question: proposal.question() },
        Asks::For(expected) => Ask::Type {
            loss: proposal.loss().to_owned(),
            prompt: proposal.prompt(),
            expected: expected.clone(),
            typed: typed.to_owned(),
        },
    };
    Some(Confirm {
        action: proposal.title(),
        context: app.setting.context.clone(),
        paint: app.setting.paint,
        plan: app.plan_lines(proposal, words),
        undo: proposal.undo(),
        same: same(words),
        ask,
    })
}

fn draw_text(canvas: &mut Canvas<'_>, body: Rect, title: &str, lines: &[String]) {
    canvas.clear(body);
    draw_rule(canvas, line_of(body, 0), title, Tone::Accent);
    for (index, text) in (1..body.height.saturating_sub(1)).zip(lines) {
        let line = line_of(body, index);
        canvas.put(super::canvas::after(line, 1), text, Tone::Plain);
    }
    let last = line_of(body, body.height.saturating_sub(1));
    draw_footer(canvas, last, &["Esc closes".to_owned(), "j k scroll".to_owned()]);
}

fn help(app: &App, scrolled: usize) -> Help {
    let cost = app.watch.schedule.cost(app.now.monotonic);
    let history = app.watch.store.bytes() >> 20;
    let every = app.watch.schedule.pause(crate::tui::model::schedule::Lane {
        kind: crate::tui::model::schedule::Kind::LogEnds,
        broker: None,
    });
    let mut cost = format!(
        "cost {:.1} req/s {}/s  history {history} of 64MiB  log ends every {}",
        cost.requests_per_second,
        figures::bytes(cost.bytes_per_second as u64),
        figures::duration(every),
    );
    let shortened = app.watch.store.shortened();
    if 0 < shortened {
        cost.push_str(&format!("  {shortened} lines cut to 30m"));
    }
    Help { screen: app.screen.name().to_owned(), columns: help_columns(app), cost, scrolled }
}

fn help_columns(app: &App) -> [HelpColumn; 3] {
    let mut columns = keymap::help(app.screen).map(|(head, lines)| {
        let line = |(keys, word): (Vec<Key>, &str)| {
            let keys: Vec<String> = keys.into_iter().map(Key::shown).collect();
            format!("{:<6} {word}", keys.join(" "))
        };
        HelpColumn { head: head.to_owned(), lines: lines.into_iter().map(line).collect() }
    });
    let action = |it: &menu::Item| format!("a {:<4} {} ({})", it.key, it.says, it.level);
    columns[0].lines.extend(menu::items(app.screen).iter().map(action));
    columns
}
