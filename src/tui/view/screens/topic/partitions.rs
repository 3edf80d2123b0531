//! The columns of a topic's partitions, and their cells.

use kt_protocol::types::NodeId;

use crate::tui::figures::{self, Reading};
use crate::tui::model::app::App;
use crate::tui::model::schedule::Kind;
use crate::tui::model::screens::topic::PartitionLine;
use crate::tui::view::screens::cells;
use crate::tui::view::table::{Cell, Column};
use crate::tui::view::theme::Tone;

/// The room of the list of replicas at 80 columns; a wider table gives it more.
const ISR: u16 = 12;
const ISR_MOST: u16 = 40;

/// `held` takes some room of `elr`, as it comes in only while transactions are open.
pub(super) fn columns(width: u16, has_held: bool, is_wide: bool) -> Vec<Column> {
    let isr = ISR + width.saturating_sub(80).min(ISR_MOST - ISR);
    let mut columns = vec![
        Column::figures("part", 4, 0),
        Column::figures("leader", 6, 0),
        Column::figures("epoch", 5, 5),
        Column::words("isr", isr, 0),
        Column::offset("start", is_wide, 4),
        Column::offset("end", is_wide, 1),
        Column::figures("rec/s", 5, 2),
        Column::figures("size", 7, 3),
        Column::words("elr", if has_held { 3 } else { 9 }, 6),
    ];
    if has_held {
        columns.push(Column::figures("held", 5, 7));
    }
    columns
}

pub(super) fn cells_of(app: &App, it: &PartitionLine) -> Vec<Cell> {
    vec![
        cells::id(it.index, 4),
        leader(it),
        cells::id(it.epoch, 5),
        isr(it),
        offset(it, it.start),
        offset(it, it.end),
        match it.leader {
            Some(_) => cells::rate(cells::told(app, Kind::LogEnds, it.records_in)),
            None => Cell::figure("0"),
        },
        match (it.leader, it.size) {
            (None, None) => Cell::figure("–"),
            (Some(id), None) => cells::bytes(lack_of(app, Kind::LogDirs, id)),
            (_, Some(size)) => cells::bytes(Reading::Known(size)),
        },
        Cell::plain(it.elr.as_deref().map(ids).unwrap_or_default()),
        Cell::figure(it.held.map_or_else(|| "0".to_owned(), figures::count)),
    ]
}

fn lack_of<T>(app: &App, kind: Kind, id: i32) -> Reading<T> {
    app.watch.cluster.hearing.lack_of(kind, NodeId(id))
}

/// `2!` is not the preferred one.
fn leader(it: &PartitionLine) -> Cell {
    match it.leader {
        None => Cell::new("none", Tone::Bad),
        Some(id) if it.is_preferred => Cell::plain(id.to_string()),
        Some(id) => Cell::plain(format!("{id}!")),
    }
}

/// Only the ids when all are in; else who is in, of all. A broker that is down marks itself.
fn isr(it: &PartitionLine) -> Cell {
    let is_missing = |id: &i32| !it.isr.contains(id);
    if !it.replicas.iter().any(is_missing) {
        return Cell::plain(ids(&it.isr));
    }
    let within = if it.isr.is_empty() { "–".to_owned() } else { ids(&it.isr) };
    let mut cell = Cell::plain(format!("{within} of "));
    for (index, id) in it.replicas.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        let tone = match is_missing(id) {
            true if it.lagging.contains(id) => Tone::Bad,
            true => Tone::Dim,
            false => Tone::Plain,
        };
        cell = cell.and(comma, Tone::Plain).and(id.to_string(), tone);
    }
    cell
}

/// `–` where no leader can tell it, and none has.
fn offset(it: &PartitionLine, offset: Option<i64>) -> Cell {
    let unknown = match (it.leader, &it.failure) {
        (None, _) => "–",
        (Some(_), Some(_)) => "?",
        (Some(_), None) => "…",
    };
    Cell::figure(
        offset.map_or_else(|| unknown.to_owned(), |it| figures::offset(it, figures::OFFSET)),
    )
}

fn ids(ids: &[i32]) -> String {
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}
