//! Cells that several screens have: figures that may be missing, pending or refused.

use kt_protocol::types::Millis;

use crate::tui::figures;
use crate::tui::history::Rate;
use crate::tui::history::store::{Metric, Subject};
use crate::tui::model::app::App;
use crate::tui::model::lag::{Cells, Eta, Expires, Lag, Late, Trend};
use crate::tui::model::screens::topics::Keep;
use crate::tui::view::chart;
use crate::tui::view::table::Cell;
use crate::tui::view::theme::{Glyphs, Tone};

/// A value that is there, or `…` while two samples are not.
pub(super) fn pending(value: Option<String>) -> Cell {
    Cell::figure(value.unwrap_or_else(|| "…".to_owned()))
}

pub(super) fn rate(per_second: Option<f64>) -> Cell {
    pending(per_second.map(figures::rate))
}

pub(super) fn rate_of(rate: Rate) -> Cell {
    pending(rate.per_second().map(figures::rate))
}

/// Bytes a second; `~` where they come from records.
pub(super) fn byte_rate(per_second: Option<f64>, is_estimated: bool) -> Cell {
    let text = per_second.map(|it| {
        let text = figures::byte_rate(it);
        // The mark takes no more room than there is.
        let fits = figures::cells(&text) < figures::BYTES;
        if is_estimated && fits { format!("~{text}") } else { text }
    });
    pending(text)
}

pub(super) fn bytes(size: Option<u64>) -> Cell {
    Cell::figure(size.map_or_else(|| "…".to_owned(), figures::bytes))
}

pub(super) fn count(count: usize) -> Cell {
    Cell::figure(figures::count(count as u64))
}

pub(super) fn keep(keep: Keep) -> Cell {
    match keep {
        Keep::Unknown => Cell::figure("…"),
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

/// The verdict, or how many partitions have no commit where all else is well.
pub(super) fn verdict(cells: &Cells) -> Cell {
    use crate::group_verdict::{Level, Verdict};
    let Some(verdict) = cells.verdict else { return Cell::figure("…") };
    if verdict == Verdict::Ok && 0 < cells.no_commit {
        return Cell::plain(format!("n/c {}", cells.no_commit));
    }
    let tone = match verdict.level() {
        Level::Ok => Tone::Plain,
        Level::Warn => Tone::Warn,
        Level::Bad => Tone::Bad,
    };
    Cell::new(verdict.name(), tone)
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
