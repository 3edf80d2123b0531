//! Draws the configs of an entity, and the entities there are.

use kt_client::admin::ConfigSource;
use ratatui::layout::Rect;

use super::{below, draw_empty, reading, sort_only};
use crate::tui::model::app::{App, Drawn};
use crate::tui::model::listing::{Line as _, List as _, Listing};
use crate::tui::model::screens::configs::{ConfigLine, EntityLine, Pane};
use crate::tui::view::canvas::{Canvas, Piece};
use crate::tui::view::frame::{Title, draw_lines};
use crate::tui::view::list::Look;
use crate::tui::view::table::{Cell, Column, Cut};
use crate::tui::view::theme::Tone;

/// From here on the type and the meaning stand beside the value.
const WIDE: u16 = 120;

fn columns(width: u16) -> Vec<Column> {
    let config = match width {
        WIDE.. => Column { cut: Cut::Middle, ..Column::words("config", 40, 0) },
        _ => Column::name("config"),
    };
    let mut columns = vec![
        config,
        Column::words("value", 20, 0),
        Column::words("source", 8, 1),
        Column::words("default", 13, 2),
    ];
    if WIDE <= width {
        columns.push(Column::words("type", 8, 3));
        columns.push(Column { order: 4, ..Column::rest("meaning") });
    }
    columns
}

fn cells_of(it: &ConfigLine) -> Vec<Cell> {
    vec![
        Cell::plain(it.name.clone()),
        value(it),
        Cell::new(it.source_word, if it.is_set() { Tone::Plain } else { Tone::Dim }),
        match &it.default {
            Some(default) => Cell::new(written(default), Tone::Dim),
            None => Cell::figure("–"),
        },
        Cell::new(it.config_type.clone(), Tone::Dim),
        Cell::plain(it.meaning.clone().unwrap_or_default()),
    ]
}

/// What is set stands out, what may lose records even more.
fn value(it: &ConfigLine) -> Cell {
    use crate::tui::model::checks::Level;
    let tone = match (it.level(), it.source) {
        (Level::Warn, _) => Tone::Warn,
        (_, ConfigSource::DEFAULT) => Tone::Plain,
        _ => Tone::Accent,
    };
    if it.is_secret {
        return Cell::new("hidden", Tone::Dim);
    }
    match (&it.value, &it.human) {
        (None, _) => Cell::figure("–"),
        (Some(value), None) => Cell::new(written(value), tone),
        (Some(value), Some(human)) => Cell::new(format!("{value} ({human})"), tone),
    }
}

/// An empty value is one too.
fn written(value: &str) -> String {
    if value.is_empty() { "\"\"".to_owned() } else { value.to_owned() }
}

/// A list of configs, on any screen: which pane it is, and whether its cursor is shown. Where they
/// are not known, why.
pub(super) fn draw_list(
    app: &App,
    (list, pane, has_focus): (&Listing<ConfigLine>, usize, bool),
    (is_known, failure): (bool, Option<&str>),
    canvas: &mut Canvas<'_>,
    area: Rect,
    drawn: &mut Drawn,
) {
    let columns = columns(area.width);
    Look { pane, has_focus, columns: &columns, cells: &cells_of }.draw(list, canvas, area, drawn);
    if !list.names().is_empty() {
        return;
    }
    let below = below(area, 1);
    match (is_known, failure) {
        (false, Some(why)) => draw_lines(canvas, below, &[why.to_owned()]),
        (false, None) => draw_lines(canvas, below, &["reading the configs …".to_owned()]),
        (true, _) => {
            let nothing = ["No config is set."];
            draw_empty(app, (list, true, "config"), &nothing, canvas, below);
        }
    }
}

pub(super) fn draw(app: &App, canvas: &mut Canvas<'_>, body: Rect, drawn: &mut Drawn) {
    let page = &app.pages.configs;
    if page.pane() == Pane::Configs {
        let known = (page.is_known, page.failure.as_deref());
        return draw_list(app, (&page.configs, 0, true), known, canvas, body, drawn);
    }
    let columns = [Column::name("entity"), Column::words("what it is", 44, 1)];
    let cells = |it: &EntityLine| vec![Cell::plain(it.key()), Cell::new(it.says(), Tone::Dim)];
    Look { pane: 1, has_focus: true, columns: &columns, cells: &cells }.draw(
        &page.entities,
        canvas,
        body,
        drawn,
    );
    if page.entities.names().is_empty() {
        let below = below(body, 1);
        match page.entities.all().len() {
            0 => draw_lines(canvas, below, &reading(app)),
            _ => draw_empty(app, (&page.entities, true, "entity"), &[], canvas, below),
        }
    }
}

pub(super) fn title(app: &App) -> Title {
    let page = &app.pages.configs;
    let mut left = vec![Piece::new("configs", Tone::Plain)];
    let mut add = |text: String| left.push(Piece::new(format!("  {text}"), Tone::Plain));
    match (&page.entity, page.pane()) {
        (Some(entity), Pane::Configs) => {
            add(entity.to_string());
            let (shown, all) = (page.configs.names().len(), page.configs.all().len());
            match (page.is_known, shown == all) {
                (false, _) => add("reading".to_owned()),
                (true, true) => add(format!("{} of {all} (set ones first)", page.set())),
                (true, false) => add(format!("{shown} of {all}")),
            }
            Title { left, right: sort_only(&page.configs) }
        }
        _ => {
            add(format!("{} entities", page.entities.names().len()));
            Title { left, right: sort_only(&page.entities) }
        }
    }
}

#[cfg(test)]
mod tests;
