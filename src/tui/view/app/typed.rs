//! What is typed: on the message line, else on the last one, with the place of the next letter in
//! sight however long it is.

use ratatui::layout::Rect;

use crate::tui::figures::{self, cells};
use crate::tui::model::actions::menu;
use crate::tui::model::app::{App, Drawn};
use crate::tui::model::input::{Line, Purpose};
use crate::tui::model::produce::ProduceForm;
use crate::tui::view::canvas::{Canvas, after, line_of, width_of};
use crate::tui::view::frame::{Notice, Places, draw_footer, draw_rule};
use crate::tui::view::theme::Tone;

/// Lines of the form of a record, with its rule.
const FORM: u16 = 4;
/// In fewer cells it is the one line that is typed.
const FORM_WIDTH: u16 = 24;

/// The message line, or the last line where there is none.
fn line_for_words(places: Places) -> Rect {
    if places.message.height == 0 { places.footer } else { places.message }
}

/// A question and its answers.
pub(super) fn draw_asked(canvas: &mut Canvas<'_>, places: Places, text: &str, right: &str) {
    let line = line_for_words(places);
    canvas.clear(line);
    let room = usize::from(line.width).saturating_sub(2);
    let right = if cells(text) + 1 + cells(right) <= room { right } else { "" };
    Notice::input(text, right).draw(canvas, line);
}

/// A question whose answer is typed behind it: the end of it is what must be seen.
pub(super) fn draw_typed(canvas: &mut Canvas<'_>, places: Places, text: &str, right: &str) {
    let room = usize::from(line_for_words(places).width).saturating_sub(2);
    draw_asked(canvas, places, &tail(text, room), right);
}

/// A line with a cursor in it, behind its `sign`. What stands right makes way for it.
fn draw_input(canvas: &mut Canvas<'_>, place: Rect, (sign, line): (&str, &Line), right: &str) {
    canvas.clear(place);
    let inside = Rect { width: place.width.saturating_sub(2), ..after(place, 1) };
    let room = usize::from(inside.width).saturating_sub(cells(sign));
    // The cursor stands behind the last letter.
    let fits = cells(line.text()) + 1 + cells(right) < room;
    if fits {
        canvas.put_right(inside, right, Tone::Dim);
    }
    let (shown, cursor) = around(line.text(), line.cursor(), room);
    canvas.put(inside, &format!("{sign}{shown}"), Tone::Accent);
    let at =
        after(inside, width_of(sign).saturating_add(u16::try_from(cursor).unwrap_or(u16::MAX)));
    canvas.select(Rect { width: at.width.min(1), ..at });
}

/// The part of `text` around the cursor, which has `before` cells before it, in `room` cells; and
/// where in that the cursor stands.
fn around(text: &str, before: usize, room: usize) -> (String, usize) {
    let mut at = 0;
    let mut letters = text.char_indices();
    let cut = letters.find(|(_, it)| {
        let is_there = before <= at;
        at += cells(it.encode_utf8(&mut [0; 4]));
        is_there
    });
    let (head, rest) = text.split_at(cut.map_or(text.len(), |it| it.0));
    let mut shown = tail(head, room.saturating_sub(1));
    let cursor = cells(&shown);
    let mut free = room.saturating_sub(cursor);
    for letter in rest.chars() {
        let Some(left) = free.checked_sub(cells(letter.encode_utf8(&mut [0; 4]))) else { break };
        free = left;
        shown.push(letter);
    }
    (shown, cursor)
}

/// The end of a text, which is where it is typed, in so many cells.
fn tail(text: &str, room: usize) -> String {
    if cells(text) <= room {
        return text.to_owned();
    }
    let Some(mut free) = room.checked_sub(1) else { return String::new() };
    let mut from = text.len();
    for (index, letter) in text.char_indices().rev() {
        let Some(left) = free.checked_sub(cells(letter.encode_utf8(&mut [0; 4]))) else { break };
        (free, from) = (left, index);
    }
    format!("…{}", &text[from..])
}

/// The lines of a record above the message line, which says what is wrong with them.
pub(super) fn draw_form(canvas: &mut Canvas<'_>, places: Places, form: &ProduceForm) {
    let bottom = line_for_words(places);
    let top = bottom.y.saturating_sub(FORM).max(canvas.area().y);
    let area = Rect { y: top, height: bottom.y.saturating_sub(top), ..bottom };
    if area.height < FORM || area.width < FORM_WIDTH {
        let typed = form.lines().find(|it| it.2).map(|(name, text, _)| format!("{name} {text}_"));
        return draw_typed(canvas, places, &typed.unwrap_or_default(), "");
    }
    canvas.clear(area);
    let whither = match form.partition {
        Some(partition) => format!("produce to {}-{partition}", form.topic),
        None => format!("produce to {}", form.topic),
    };
    draw_rule(canvas, line_of(area, 0), &whither, Tone::Accent);
    for (index, (name, text, has_keys)) in (1..).zip(form.lines()) {
        let (sign, end) = if has_keys { ('>', "_") } else { (' ', "") };
        let before = format!("{sign}  {name:<8} ");
        // Of a long text the end is what is being typed.
        let room = usize::from(area.width).saturating_sub(cells(&before) + 2);
        let tone = if has_keys { Tone::Accent } else { Tone::Plain };
        canvas.put(line_of(area, index), &format!("{before}{}{end}", tail(text, room)), tone);
    }
    canvas.clear(places.footer);
    let keys = ["Enter next, produce", "Tab next", "Esc leaves"].map(str::to_owned);
    draw_footer(canvas, places.footer, &keys);
}

pub(super) fn draw_line(app: &App, canvas: &mut Canvas<'_>, places: Places, line: &Line) {
    let place = line_for_words(places);
    match line.purpose() {
        Purpose::Filter => {
            let list = app.pages.page(app.screen).list();
            let (shown, all) = (list.names().len(), list.count());
            let right = format!("{shown} of {all}  Enter keep  Esc clear  /! not");
            draw_input(canvas, place, ("/", line), &right);
        }
        Purpose::GoTo => draw_input(canvas, place, ("@", line), "Enter go"),
        Purpose::Find => draw_input(canvas, place, ("where ", line), "Enter scan  Esc leave"),
        Purpose::Command => draw_command(app, canvas, places.footer, line),
        Purpose::Value => {}
    }
}

/// The command line takes the bottom line, candidates grow upwards.
fn draw_command(app: &App, canvas: &mut Canvas<'_>, bottom: Rect, line: &Line) {
    draw_input(canvas, bottom, (":", line), "Tab complete  Enter run");
    let most = usize::from(canvas.area().height / 2).min(8);
    let candidates = app.candidates(line.text());
    let widest = candidates.iter().map(|it| cells(&it.line)).max().unwrap_or(0).max(14);
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
pub(super) fn draw_value(
    app: &App,
    canvas: &mut Canvas<'_>,
    places: Places,
    (drawn, text): (&Drawn, &str),
) {
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
    draw_asked(canvas, places, &format!("edit {key}"), "Enter plan  Esc leaves");
    canvas.clear(place);
    let room = usize::from(place.width).saturating_sub(1);
    canvas.put(place, &format!("{}_", tail(text, room)), Tone::Accent);
}

/// The letters behind `a` grow upwards from the bottom line, each with what it may cost.
pub(super) fn draw_actions(app: &App, canvas: &mut Canvas<'_>, bottom: Rect) {
    let names = app.chosen().names;
    let on = match names.as_slice() {
        [] => String::new(),
        [name] => format!(" on {name}"),
        names => format!(" on {} marked", names.len()),
    };
    canvas.clear(bottom);
    let room = usize::from(bottom.width).saturating_sub(2);
    let text = figures::value(&format!("a letter{on}"), room);
    Notice::input(text, "Esc leaves").draw(canvas, bottom);
    let items = menu::items(app.screen);
    let most = bottom.y.saturating_sub(canvas.area().y);
    for (up, it) in (1..=most).zip(items.iter().rev()) {
        let line = Rect { y: bottom.y - up, height: 1, ..bottom };
        canvas.clear(line);
        canvas.put(line, &format!(" a {}  {} ({})", it.key, it.says, it.level), Tone::Plain);
    }
    if usize::from(most) < items.len() && 0 < most {
        let line = Rect { y: bottom.y - most, height: 1, ..bottom };
        canvas.clear(line);
        let more = items.len() - usize::from(most) + 1;
        canvas.put(line, &format!(" + {more}"), Tone::Dim);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_end_of_what_is_typed_is_seen_and_so_is_the_cursor() {
        assert_eq!(tail("orders", 6), "orders");
        assert_eq!(tail("orders", 4), "…ers");
        assert_eq!(tail("注文注文", 4), "…文");
        assert_eq!((tail("orders", 1), tail("orders", 0)), ("…".to_owned(), String::new()));
        assert_eq!(around("orders", 6, 10), ("orders".to_owned(), 6));
        assert_eq!(around("orders", 6, 5), ("…ers".to_owned(), 4));
        assert_eq!(around("orders", 0, 5), ("order".to_owned(), 0));
        assert_eq!(around("orders", 3, 5), ("ordrs".replace("rs", "er"), 3));
        assert_eq!(around("注文注文", 4, 5), ("注文".to_owned(), 4));
    }

    proptest! {
        #[test]
        fn the_cursor_never_leaves_its_room(
            text in "[a-z注 ]{0,40}",
            at in 0usize..90,
            room in 1usize..30,
        ) {
            let (shown, cursor) = around(&text, at.min(cells(&text)), room);
            prop_assert!(cells(&shown) <= room && cursor < room, "{shown:?} {cursor}");
        }
    }
}
