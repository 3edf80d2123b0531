//! The columns of a topic's partitions, and their cells.

use crate::tui::figures;
use crate::tui::model::screens::topic::PartitionLine;
use crate::tui::view::screens::cells;
use crate::tui::view::table::{Cell, Column};
use crate::tui::view::theme::Tone;

/// The room of the list of replicas at 80 columns; a wider table gives it more.
const ISR: u16 = 12;
const ISR_MOST: u16 = 40;

/// `held` takes some room of `elr`, as it comes in only while transactions are open.
pub(super) fn columns(width: u16, has_held: bool) -> Vec<Column> {
    let isr = ISR + width.saturating_sub(80).min(ISR_MOST - ISR);
    let mut columns = vec![
        Column::figures("part", 4, 0),
        Column::figures("leader", 6, 0),
        Column::figures("epoch", 5, 5),
        Column::words("isr", isr, 0),
        Column::figures("start", 10, 4),
        Column::figures("end", 10, 1),
        Column::figures("rec/s", 5, 2),
        Column::figures("size", 7, 3),
        Column::words("elr", if has_held { 3 } else { 9 }, 6),
    ];
    if has_held {
        columns.push(Column::figures("held", 5, 7));
    }
    columns
}

pub(super) fn cells_of(it: &PartitionLine) -> Vec<Cell> {
    vec![
        Cell::plain(it.index.to_string()),
        leader(it),
        Cell::plain(it.epoch.to_string()),
        isr(it),
        offset(it, it.start),
        offset(it, it.end),
        match it.leader {
            Some(_) => cells::rate(it.records_in),
            None => Cell::figure("0"),
        },
        match (it.leader, it.size) {
            (None, None) => Cell::figure("–"),
            _ => cells::bytes(it.size),
        },
        Cell::plain(it.elr.as_deref().map(ids).unwrap_or_default()),
        Cell::figure(it.held.map_or_else(|| "0".to_owned(), figures::count)),
    ]
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
