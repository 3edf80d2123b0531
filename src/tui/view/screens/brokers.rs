//! Draws the brokers.

use kt_protocol::types::NodeId;
use ratatui::layout::Rect;

use super::{cells, draw_empty, sort_and_time, window};
use crate::tui::figures::{self, Reading};
use crate::tui::history::store::{Metric, Subject};
use crate::tui::model::app::{App, Drawn};
use crate::tui::model::listing::List as _;
use crate::tui::model::schedule::Kind;
use crate::tui::model::screens::brokers::{BrokerLine, Head, Role};
use crate::tui::view::canvas::{Canvas, Piece};
use crate::tui::view::frame::Title;
use crate::tui::view::list::Look;
use crate::tui::view::table::{Cell, Column};
use crate::tui::view::theme::Tone;

/// From 120 columns on the address is whole: it is the endpoint.
fn columns(app: &App) -> Vec<Column> {
    let wide = |it: Column| it.shown_from(120);
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
        wide(Column::figures("dirs", 4, 10)),
        wide(Column::figures("full in", 7, 11)),
        wide(Column::words(window(app), 20, 12)),
    ]
}

pub(super) fn draw(app: &App, canvas: &mut Canvas<'_>, body: Rect, drawn: &mut Drawn) {
    let page = &app.pages.brokers;
    let columns = columns(app);
    let cells = |it: &BrokerLine| cells_of(app, it);
    Look { pane: 0, has_focus: true, columns: &columns, cells: &cells }
        .draw(&page.list, canvas, body, drawn);
    if page.list.names().is_empty() {
        let below = Rect { y: body.y + 1, height: body.height.saturating_sub(1), ..body };
        draw_empty(app, (&page.list, page.is_known, "broker"), &[], canvas, below);
    }
}

pub(super) fn title(app: &App) -> Title {
    let page = &app.pages.brokers;
    let mut left = vec![Piece::new("brokers", Tone::Plain)];
    if !page.is_known {
        left.push(Piece::new("  reading", Tone::Plain));
        return Title { left, right: sort_and_time(app, &page.list) };
    }
    let Head { up, all, racks, leader_skew } = page.head;
    let tone = if up < all { Tone::Bad } else { Tone::Plain };
    left.push(Piece::new(format!("  {up} of {all} up"), tone));
    if 0 < racks {
        left.push(Piece::new(format!("  racks {racks}"), Tone::Plain));
    }
    if let Some(skew) = leader_skew {
        let tone = if 0.25 < skew { Tone::Warn } else { Tone::Plain };
        left.push(Piece::new(format!("  leader skew {}", figures::share(skew)), tone));
    }
    Title { left, right: sort_and_time(app, &page.list) }
}

fn cells_of(app: &App, it: &BrokerLine) -> Vec<Cell> {
    if it.role == Role::Controller {
        return controller(it);
    }
    let full_in = it.full_in_ms.map_or_else(|| "–".to_owned(), figures::duration);
    let row = vec![
        cells::id(it.id, 4),
        Cell::plain(it.address.clone()),
        Cell::plain(it.rack.clone().unwrap_or_default()),
        role(it.role),
        cells::count(it.leaders),
        cells::count(it.replicas),
        cells::count_in(it.out_of_sync, 4),
        size(app, it),
        disk(app, it),
        bytes_in(app, it),
        cells::count_in(it.dirs, 4),
        Cell::figure(full_in),
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

/// It holds no partitions of topics; what it does for the quorum is on that screen.
fn controller(it: &BrokerLine) -> Vec<Cell> {
    let mut row = vec![cells::id(it.id, 4), Cell::figure("–"), Cell::default(), role(it.role)];
    row.resize(12, Cell::figure("–"));
    row.push(Cell::default());
    row
}

/// What its directories tell: nothing is to come of one that is down and was never asked.
fn of_dirs<T>(app: &App, it: &BrokerLine, value: Option<T>) -> Reading<T> {
    match (value, it.down_ms) {
        (Some(it), _) => Reading::Known(it),
        (None, None) if it.dirs == 0 => {
            app.watch.cluster.hearing.lack_of(Kind::LogDirs, NodeId(it.id))
        }
        _ => Reading::Missing,
    }
}

fn size(app: &App, it: &BrokerLine) -> Cell {
    cells::bytes(of_dirs(app, it, it.size))
}

pub(super) fn role(role: Role) -> Cell {
    match role {
        Role::Broker => Cell::plain("b"),
        Role::Controller => Cell::plain("c"),
        Role::Both => Cell::plain("bc"),
        Role::Fenced => Cell::new("fenc", Tone::Warn),
        Role::Down => Cell::new("down", Tone::Bad),
    }
}

pub(super) fn bytes_in(app: &App, it: &BrokerLine) -> Cell {
    let told = match (it.down_ms, it.bytes_in) {
        (Some(_), _) => Reading::Missing,
        (None, Some(it)) => Reading::Known(it),
        (None, None) => app.watch.cluster.hearing.lack_of(Kind::LogDirs, NodeId(it.id)),
    };
    cells::byte_rate(told, it.bytes_in_is_estimated)
}

pub(super) fn disk(app: &App, it: &BrokerLine) -> Cell {
    let told = of_dirs(app, it, it.disk);
    let tone = match told {
        Reading::Known(0.9..) => Tone::Bad,
        Reading::Known(0.8..) => Tone::Warn,
        told => return Cell::figure(told.text(figures::share)),
    };
    Cell::new(told.text(figures::share), tone)
}
