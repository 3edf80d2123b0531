//! Draws the brokers.

use ratatui::layout::Rect;

use super::{cells, draw_empty, sort_and_time};
use crate::tui::figures;
use crate::tui::history::store::{Metric, Subject};
use crate::tui::model::app::{App, Drawn};
use crate::tui::model::listing::{Line as _, List as _};
use crate::tui::model::screens::brokers::{BrokerLine, Role};
use crate::tui::view::canvas::{Canvas, Piece};
use crate::tui::view::frame::Title;
use crate::tui::view::list::Look;
use crate::tui::view::table::{Cell, Column};
use crate::tui::view::theme::Tone;

fn columns() -> Vec<Column> {
    vec![
        Column::figures("id", 4, 0),
        Column::name("address"),
        Column::words("rack", 5, 9),
        Column::words("role", 4, 0),
        Column::figures("lead", 5, 3),
        Column::figures("repl", 5, 5),
        Column::figures("urp", 4, 4),
        Column::figures("size", 7, 6),
        Column::figures("disk", 4, 2),
        Column::figures("in B/s", 7, 8),
        Column::words("last 30m", 20, 10).shown_from(120),
    ]
}

pub(super) fn draw(app: &App, canvas: &mut Canvas<'_>, body: Rect, drawn: &mut Drawn) {
    let page = &app.pages.brokers;
    let columns = columns();
    let cells = |it: &BrokerLine| cells_of(app, it);
    Look { pane: 0, has_focus: true, columns: &columns, cells: &cells }
        .draw(&page.list, canvas, body, drawn);
    if page.list.names().is_empty() {
        let below = Rect { y: body.y + 1, height: body.height.saturating_sub(1), ..body };
        draw_empty(app, (&page.list, page.is_known, "broker"), &[], canvas, below);
    }
}

pub(super) fn title(app: &App) -> Title {
    let cluster = &app.watch.cluster;
    let (up, all) = (cluster.up().count(), cluster.brokers.len());
    let left = vec![
        Piece::new("brokers", Tone::Plain),
        Piece::new(format!("  {up} of {all} up"), if up < all { Tone::Bad } else { Tone::Plain }),
    ];
    Title { left, right: sort_and_time(&app.pages.brokers.list) }
}

fn cells_of(app: &App, it: &BrokerLine) -> Vec<Cell> {
    let row = vec![
        Cell::plain(it.key()),
        Cell::plain(it.address.clone()),
        Cell::plain(it.rack.clone().unwrap_or_default()),
        role(it.role),
        cells::count(it.leaders),
        cells::count(it.replicas),
        cells::count(it.out_of_sync),
        size(it),
        disk(it.disk),
        bytes_in(it),
        cells::spark(app, &Subject::Broker(it.id), Metric::BytesIn, 20),
    ];
    match it.role {
        // Its last values, dim; its address and what it is stay to be read.
        Role::Down => row
            .into_iter()
            .enumerate()
            .map(|(index, cell)| match index {
                4.. => cell.stale(),
                _ => cell,
            })
            .collect(),
        _ => row,
    }
}

/// Of one that is down and was never asked, there is nothing to come.
fn size(it: &BrokerLine) -> Cell {
    match (it.size, it.down_ms) {
        (None, Some(_)) => Cell::figure("–"),
        (size, _) => cells::bytes(size),
    }
}

pub(super) fn role(role: Role) -> Cell {
    match role {
        Role::Broker => Cell::plain("b"),
        Role::Both => Cell::plain("bc"),
        Role::Fenced => Cell::new("fenc", Tone::Bad),
        Role::Down => Cell::new("down", Tone::Bad),
    }
}

pub(super) fn bytes_in(it: &BrokerLine) -> Cell {
    match it.down_ms {
        Some(_) => Cell::figure("–"),
        None => cells::byte_rate(it.bytes_in, it.bytes_in_is_estimated),
    }
}

pub(super) fn disk(share: Option<f64>) -> Cell {
    let Some(share) = share else { return Cell::figure("–") };
    let tone = match share {
        0.9.. => Tone::Bad,
        0.8.. => Tone::Warn,
        _ => Tone::Plain,
    };
    Cell::new(figures::share(share), tone)
}
