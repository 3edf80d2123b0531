//! Cells that several screens have: figures that may be missing, pending or refused.

use kt_protocol::types::Millis;

use crate::tui::figures::{self, Reading};
use crate::tui::history::Rate;
use crate::tui::history::store::{Metric, Subject};
use crate::tui::model::app::App;
use crate::tui::model::lag::{Cells, Eta, Expires, Lag, Late, Trend};
use crate::tui::model::schedule::Kind;
use crate::tui::model::screens::groups::GroupLine;
use crate::tui::model::screens::topics::Keep;
use crate::tui::view::chart;
use crate::tui::view::table::Cell;
use crate::tui::view::theme::{Glyphs, Tone};

/// A value that is there, or `…` while two samples are not.
pub(super) fn pending(value: Option<String>) -> Cell {
    Cell::figure(value.unwrap_or_else(|| "…".to_owned()))
}

/// A value that a kind of question tells; else why it is not known.
pub(super) fn told<T>(app: &App, kind: Kind, value: Option<T>) -> Reading<T> {
    value.map_or_else(|| app.watch.cluster.hearing.lack(kind), Reading::Known)
}

/// A cell that means something only once anybody has answered this.
pub(super) fn once_told(app: &App, kind: Kind, cell: Cell) -> Cell {
    let mut asked = app.watch.cluster.hearing.of_kind(kind);
    if asked.any(|it| it.1.answered.is_some()) {
        return cell;
    }
    figure(app.watch.cluster.hearing.lack(kind))
}

fn figure(text: Reading<String>) -> Cell {
    Cell::figure(text.text(|it| it))
}

pub(super) fn rate(per_second: Reading<f64>) -> Cell {
    Cell::figure(per_second.text(figures::rate))
}

pub(super) fn rate_of(rate: Rate) -> Cell {
    pending(rate.per_second().map(figures::rate))
}

/// Bytes a second; `~` where they come from records.
pub(super) fn byte_rate(per_second: Reading<f64>, is_estimated: bool) -> Cell {
    let write = |it| {
        let text = figures::byte_rate(it);
        if is_estimated { about(&text) } else { text }
    };
    Cell::figure(per_second.text(write))
}

pub(super) fn bytes(size: Reading<u64>) -> Cell {
    Cell::figure(size.text(figures::bytes))
}

/// An amount of bytes with the mark of what is not exact, in no more room: it loses its decimal.
pub(super) fn about(bytes: &str) -> String {
    match bytes.split_once('.') {
        Some((whole, rest)) if figures::BYTES <= figures::cells(bytes) => {
            format!("~{whole}{}", rest.trim_start_matches(|it: char| it.is_ascii_digit()))
        }
        _ => format!("~{bytes}"),
    }
}

pub(super) fn count(count: usize) -> Cell {
    Cell::figure(figures::count(count as u64))
}

/// A count in a column that is narrower than counts are.
pub(super) fn count_in(count: usize, width: usize) -> Cell {
    Cell::figure(figures::count_in(count as u64, width))
}

/// An id, which is typed back: never rounded, and of one that is too long the end.
pub(super) fn id(id: i32, width: usize) -> Cell {
    Cell::plain(figures::offset(i64::from(id), width))
}

pub(super) fn keep(app: &App, keep: Keep) -> Cell {
    match keep {
        Keep::Unknown => figure(app.watch.cluster.hearing.lack(Kind::Configs)),
        Keep::Time(ms) => Cell::plain(figures::period(ms)),
        Keep::Size(_) => Cell::plain("size"),
        Keep::Compacted => Cell::plain("cmpct"),
        Keep::ForEver => Cell::plain("ever"),
    }
}

/// The lag and its arrow: together 6 cells.
pub(super) fn lag(cells: &Cells) -> Cell {
    let (text, tone) = match cells.lag {
        Lag::Records(0) => ("0".to_owned(), Tone::Dim),
        Lag::Records(lag) => (figures::count(lag.unsigned_abs()), Tone::Plain),
        Lag::NoCommit => ("none".to_owned(), Tone::Plain),
        Lag::Unknown => ("?".to_owned(), Tone::Unknown),
    };
    let arrow = match (cells.lag, cells.trend) {
        (Lag::Records(1..), Some(Trend::Grows)) => "↑",
        (Lag::Records(1..), Some(Trend::Falls)) => "↓",
        (Lag::Records(1..), Some(Trend::Steady)) => "→",
        _ => " ",
    };
    let tone = if arrow == "↑" { Tone::Warn } else { tone };
    Cell::new(text, tone).and(arrow, tone)
}

pub(super) fn late(late: Late) -> Cell {
    match late {
        Late::CaughtUp => Cell::figure("0"),
        Late::Read(ms) => Cell::plain(figures::duration(ms)),
        Late::Estimated(ms) => Cell::plain(format!("~{}", figures::duration(ms))),
        Late::OlderThan(ms) => Cell::plain(format!(">{}", figures::duration(ms))),
        Late::NoCommit => Cell::figure("–"),
        Late::Unknown => Cell::figure("…"),
    }
}

pub(super) fn eta(eta: Eta) -> Cell {
    match eta {
        Eta::Done => Cell::figure("–"),
        Eta::In(ms) => Cell::plain(figures::duration(ms)),
        Eta::Never => Cell::plain("never"),
        Eta::Stop => Cell::plain("stop"),
        Eta::NotYet => Cell::figure("…"),
    }
}

pub(super) fn expires(expires: Expires) -> Cell {
    match expires {
        Expires::Never => Cell::figure("–"),
        Expires::In(ms) => Cell::plain(figures::duration(ms)),
        Expires::Lost(_) => Cell::new("lost", Tone::Bad),
        Expires::Unknown => Cell::figure("…"),
    }
}

/// The verdict, or why there is none, or how many partitions have no commit where all else is well.
pub(super) fn verdict(of: &GroupLine, cells: &Cells) -> Cell {
    use crate::group_verdict::{Level, Verdict};
    let Some(verdict) = cells.verdict else { return no_verdict(of) };
    if verdict == Verdict::Ok && 0 < cells.no_commit {
        return Cell::plain(format!("n/c {}", figures::count_in(cells.no_commit as u64, 3)));
    }
    let tone = match verdict.level() {
        Level::Ok => Tone::Plain,
        Level::Warn => Tone::Warn,
        Level::Bad => Tone::Bad,
    };
    Cell::new(verdict.name(), tone)
}

/// It will come, unless somebody refuses what it takes.
pub(super) fn no_verdict(of: &GroupLine) -> Cell {
    match (&of.failure, of.is_denied) {
        (_, true) => Cell::new("denied", Tone::Unknown),
        (Some(_), false) => Cell::figure("?"),
        (None, false) => Cell::figure("…"),
    }
}

/// A chart of one line in `width` cells.
pub(super) fn spark(app: &App, subject: &Subject, metric: Metric, width: usize) -> Cell {
    Cell::plain(sparkline(app, subject, metric, width, app.theme.glyphs))
}

pub(super) fn sparkline(
    app: &App,
    subject: &Subject,
    metric: Metric,
    width: usize,
    glyphs: Glyphs,
) -> String {
    let samples = samples(app, subject, metric, width);
    chart::sparkline(&samples, app.top(subject, metric), width, glyphs)
}

/// What a chart of `width` cells shows.
pub(super) fn samples(
    app: &App,
    subject: &Subject,
    metric: Metric,
    width: usize,
) -> Vec<Option<f64>> {
    let now: Millis = app.shown_now().monotonic;
    let columns = width * chart::SAMPLES_PER_CELL;
    let series = app.watch.store.series(subject, metric);
    let samples = series.map(|it| it.columns(app.view, now, columns));
    let samples = samples.unwrap_or_else(|| vec![None; columns]);
    samples.into_iter().map(|it| it.map(f64::from)).collect()
}
