//! Draws the whole dashboard: the frame, the screen in it, and what lies over both.

mod typed;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::canvas::{Canvas, Piece, after, line_of};
use super::frame::{
    Age, Ask, Badge, Confirm, Fault, Form, Frame, Header, Help, HelpColumn, Notice, Places,
    Protection, Title, draw_footer, draw_rule, spinner,
};
use super::screens;
use super::theme::Tone;
use crate::terminal::escaped;
use crate::tui::figures::{self, Reading};
use crate::tui::keymap::{self, Key};
use crate::tui::model::actions::words::same;
use crate::tui::model::actions::{Asks, menu};
use crate::tui::model::app::{App, Drawn, Message, Overlay, Question};
use crate::tui::model::checks::{Check, CheckKind, Level, Place};
use crate::tui::model::input::Purpose;
use crate::tui::model::schedule::Kind;

/// Draws all of it. Says where lists stand, which the mouse and page keys ask for.
pub(crate) fn draw(app: &App, buffer: &mut Buffer) -> Drawn {
    let mut canvas = Canvas::new(buffer, app.theme);
    let canvas = &mut canvas;
    let keys = keymap::footer_parts(app.screen, menu::footer_word(app.screen));
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
    let mut drawn = Drawn { is_stale: is_stale(app), ..Drawn::default() };
    if Form::of(canvas.area()) != Form::Tiny {
        screens::draw(app, canvas, body, &mut drawn);
    }
    draw_overlay(app, canvas, &mut drawn);
    drawn
}

/// The screen as it is printed: header, title and body, without bar, cursor, message and footer.
pub(crate) fn draw_once(app: &App, buffer: &mut Buffer) {
    let mut canvas = Canvas::new(buffer, app.theme);
    let canvas = &mut canvas;
    let area = canvas.area();
    header(app).draw(canvas, line_of(area, 0));
    title(app).draw(canvas, line_of(area, 1));
    let body = Rect { y: area.y + 2, height: area.height.saturating_sub(2), ..area };
    let mut drawn = Drawn { is_printed: true, is_stale: is_stale(app), ..Drawn::default() };
    screens::draw(app, canvas, body, &mut drawn);
}

/// Whether what is shown is older than it should be. What is frozen says so itself.
fn is_stale(app: &App) -> bool {
    app.frozen.is_none() && app.age().is_some_and(|it| it.is_stale())
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
        0 => cluster.hearing.lack(Kind::Brokers),
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
        controller: cluster
            .controller()
            .map_or_else(|| cluster.hearing.lack(Kind::Quorum), Reading::Known),
        cluster_id: cluster.id.clone().unwrap_or_default(),
        protection,
        age: age(app),
    }
}

fn age(app: &App) -> Age {
    if let Some(since) = app.frozen {
        return Age::Frozen(app.now.monotonic - since.monotonic);
    }
    if let Some(played) = &app.played {
        return Age::Replay(played.speed);
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
    if app.recording.is_some() {
        right.push(Piece::new("  rec", Tone::Accent));
    }
    if !app.watch.is_known() && app.played.is_none() {
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
    firing.into_iter().map(fault).collect()
}

/// `3 DOWN`, `orders-7 offline`, `2 disk 87%`, `billing-export losing`.
fn fault(it: &Check) -> Fault {
    let figure = &it.figure;
    let (subject, says) = match (it.worst.as_ref().map(|it| &it.place), it.kind) {
        (Some(Place::Broker(id)), CheckKind::Brokers) => {
            (id.to_string(), figure.value.to_uppercase())
        }
        (Some(Place::Directory(broker, _)), _) => (format!("{broker} disk"), figure.value.clone()),
        (Some(Place::Partition(at)), CheckKind::Partitions) => {
            // How many there are is for a larger window.
            let word = match figure.value.rsplit(' ').next() {
                Some("off") => "offline",
                Some("min") => "<min isr",
                _ => "urp",
            };
            (at.to_string(), word.to_owned())
        }
        (Some(Place::Broker(_) | Place::Partition(_)), _) => {
            (figure.subject.clone(), figure.value.clone())
        }
        (Some(Place::Group(name) | Place::Topic(name)), _) => (name.clone(), figure.value.clone()),
        (None, kind) => (kind.name().to_owned(), figure.value.clone()),
    };
    Fault { level: tone(it.level), subject, says }
}

/// What lies over the screen. The smallest windows have no lines of their own for it: there it
/// takes the last one, so that nothing has the keys and is not seen.
fn draw_overlay(app: &App, canvas: &mut Canvas<'_>, drawn: &mut Drawn) {
    let area = canvas.area();
    let is_tiny = Form::of(area) == Form::Tiny;
    let mut places = Places::of(area);
    if is_tiny {
        (places.body, places.footer) = (area, line_of(area, area.height.saturating_sub(1)));
    }
    match &app.overlay {
        Overlay::None => {}
        Overlay::Help { scrolled } => {
            drawn.help_scrolls = Some(help(app, *scrolled).draw(canvas, area));
        }
        Overlay::Line { line, .. } if line.purpose() == Purpose::Value => {
            typed::draw_value(app, canvas, places, (drawn, line.text()));
        }
        Overlay::Line { line, .. } => typed::draw_line(app, canvas, places, line),
        Overlay::Text { title, lines, scrolled } => {
            let most = draw_text(canvas, places.body, title, (lines, *scrolled));
            drawn.text_scrolls = Some(most);
        }
        Overlay::Produce(form) => typed::draw_form(canvas, places, form),
        Overlay::Question(Question::Actions) => typed::draw_actions(app, canvas, places.footer),
        Overlay::Question(question) => draw_question(app, canvas, places, question),
        Overlay::Confirm { typed, .. } => match confirm(app, typed) {
            Some(it) if is_tiny => typed::draw_typed(canvas, places, &in_a_line(&it.ask), ""),
            Some(it) => it.draw(canvas, area),
            None => {}
        },
    }
}

fn draw_question(app: &App, canvas: &mut Canvas<'_>, places: Places, question: &Question) {
    let context = &app.setting.context;
    match question {
        Question::Unlock { typed } => {
            let text = format!("{context} is protected: type its name: {typed}_");
            typed::draw_typed(canvas, places, &text, "Esc leaves");
        }
        Question::Locked => {
            let text = format!("{context} is protected: u, then type its name");
            typed::draw_asked(canvas, places, &text, "Esc leaves");
        }
        Question::Alerts => {
            let keys = "m mute subject 2h  M mute rule  u unmute  t test targets  r reload";
            typed::draw_asked(canvas, places, keys, "Esc leaves");
        }
        Question::Save => {
            let keys = "save this screen as: t text  s svg  j json";
            typed::draw_asked(canvas, places, keys, "Esc leaves");
        }
        Question::Leave { why } => {
            typed::draw_typed(canvas, places, &format!("{why}: leave? [y/N]"), "");
        }
        Question::Actions => {}
    }
}

/// What must be answered, where there is no room for a box.
fn in_a_line(ask: &Ask) -> String {
    match ask {
        Ask::Yes { question } => format!("{question}  [y/N]"),
        Ask::Type { prompt, typed, .. } => format!("{prompt} {typed}_"),
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
        notes: proposal.notes.clone(),
        undo: proposal.undo(),
        same: same(&app.shown_words(words), proposal),
        ask,
        tone: if app.deaf_until().is_some() { Tone::Dim } else { Tone::Plain },
    })
}

/// Draws a text whole: what is wider than the window goes on in the next line. Says how many lines
/// can be scrolled out of sight.
fn draw_text(
    canvas: &mut Canvas<'_>,
    body: Rect,
    title: &str,
    (lines, scrolled): (&[String], usize),
) -> usize {
    canvas.clear(body);
    let width = usize::from(body.width.saturating_sub(2)).max(1);
    let short = figures::name(title, usize::from(body.width).saturating_sub(4));
    // A name that the rule has no room for begins the text.
    let name = (short != escaped(title)).then(|| figures::folded(title, width));
    let rest = lines.iter().flat_map(|it| figures::folded(it, width));
    let lines: Vec<String> = name.into_iter().flatten().chain(rest).collect();
    let height = usize::from(body.height.saturating_sub(2));
    let most = lines.len().saturating_sub(height);
    draw_rule(canvas, line_of(body, 0), &short, Tone::Accent);
    let shown = lines.iter().skip(scrolled.min(most));
    for (index, text) in (1..body.height.saturating_sub(1)).zip(shown) {
        canvas.put(after(line_of(body, index), 1), text, Tone::Plain);
    }
    let last = line_of(body, body.height.saturating_sub(1));
    draw_footer(canvas, last, &["Esc closes".to_owned(), "j k scroll".to_owned()]);
    most
}

fn help(app: &App, scrolled: usize) -> Help {
    let history = app.watch.store.bytes() >> 20;
    let mut cost = match app.played {
        Some(_) => format!("a recording is played: nothing is asked  history {history} of 64MiB"),
        None => cost_of_asking(app, history),
    };
    let shortened = app.watch.store.shortened();
    if 0 < shortened {
        cost.push_str(&format!("  {shortened} lines cut to 30m"));
    }
    if let Some(file) = &app.recording {
        cost = format!("recording to {}  {cost}", figures::name(file, FILE_SHOWN));
    }
    Help { screen: app.screen.name().to_owned(), columns: help_columns(app), cost, scrolled }
}

/// Cells of the name of a file.
const FILE_SHOWN: usize = 24;

fn cost_of_asking(app: &App, history: usize) -> String {
    let cost = app.watch.schedule.cost(app.now.monotonic);
    format!(
        "cost {:.1} req/s {}/s  history {history} of 64MiB  log ends every {}",
        cost.requests_per_second,
        figures::bytes(cost.bytes_per_second as u64),
        figures::duration(app.watch.schedule.rhythm(Kind::LogEnds)),
    )
}

fn help_columns(app: &App) -> [HelpColumn; 3] {
    let mut columns =
        keymap::help(app.screen, menu::footer_word(app.screen)).map(|(head, lines)| {
            let line = |(keys, word): (Vec<Key>, &str)| {
                let keys: Vec<String> = keys.into_iter().map(Key::shown).collect();
                format!("{:<7} {word}", keys.join(" "))
            };
            HelpColumn { head: head.to_owned(), lines: lines.into_iter().map(line).collect() }
        });
    let action = |it: &menu::Item| format!("a {:<5} {} ({})", it.key, it.says, it.level);
    columns[0].lines.extend(menu::items(app.screen).iter().map(action));
    columns
}
