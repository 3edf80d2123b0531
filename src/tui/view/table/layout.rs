//! Which columns have room, and where they stand. Data is never asked.

use std::borrow::Cow;

use ratatui::layout::Rect;

use super::GUTTER;

/// An elastic column is not squeezed below this while another can be dropped. In cells.
const LEAST_ELASTIC: u16 = 16;

/// To which side of its column a text keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// What a text loses that is longer than its column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// Names: what differs is at both ends.
    Middle,
    /// Values and sentences.
    End,
}

/// How wide a column is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Width {
    /// So many cells.
    Fixed(u16),
    /// What the others leave. A table has at most one such column.
    Elastic,
}

/// One column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    /// What stands above it.
    pub(crate) head: Cow<'static, str>,
    /// How wide it is.
    pub(crate) width: Width,
    /// To which side it keeps.
    pub(crate) align: Align,
    /// What a long text loses.
    pub(crate) cut: Cut,
    /// Its place in the order of dropping: the highest goes first, 0 never goes.
    pub(crate) order: u8,
    /// The least width of the table, in cells, at which it is shown at all.
    pub(crate) from: u16,
}

impl Column {
    /// The elastic column of names. It never goes.
    pub(crate) fn name(head: impl Into<Cow<'static, str>>) -> Column {
        let head = head.into();
        let (width, align, cut) = (Width::Elastic, Align::Left, Cut::Middle);
        Column { head, width, align, cut, order: 0, from: 0 }
    }

    /// The elastic column of values: they lose their end. It never goes.
    pub(crate) fn rest(head: impl Into<Cow<'static, str>>) -> Column {
        Column { cut: Cut::End, ..Column::name(head) }
    }

    /// Words of at most `width` cells, at the left.
    pub(crate) fn words(head: impl Into<Cow<'static, str>>, width: u16, order: u8) -> Column {
        let width = Width::Fixed(width);
        Column { width, cut: Cut::End, order, ..Column::name(head) }
    }

    /// Figures of at most `width` cells, at the right.
    pub(crate) fn figures(head: impl Into<Cow<'static, str>>, width: u16, order: u8) -> Column {
        Column { align: Align::Right, ..Column::words(head, width, order) }
    }

    /// Offsets: with `is_wide` there is room for the largest. Elsewhere a longer one loses its middle,
    /// as those of one screen have their first digits in common.
    pub(crate) fn offset(head: impl Into<Cow<'static, str>>, is_wide: bool, order: u8) -> Column {
        let width = if is_wide { 19 } else { 10 };
        Column { cut: Cut::Middle, ..Column::figures(head, width, order) }
    }

    /// The same column, shown from a table of `width` cells on.
    pub(crate) fn shown_from(self, width: u16) -> Column {
        Column { from: width, ..self }
    }
}

/// Which columns a table shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Shown {
    /// Those that fit, by the order of dropping.
    #[default]
    Fitting,
    /// All of them: the first stays, and so many of the others are scrolled out of sight.
    All {
        /// Columns out of sight, behind the first.
        scrolled: usize,
    },
}

/// Where a column stands, counted from the left end of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) column: usize,
    pub(super) x: u16,
    pub(super) width: u16,
}

impl Place {
    /// The cells of this column on `line`.
    pub(super) fn within(self, line: Rect) -> Rect {
        Rect { x: line.x.saturating_add(self.x), width: self.width, ..line }
    }
}

/// The columns that a table of `width` cells shows, and their places.
pub(super) fn places(columns: &[Column], width: u16, shown: Shown) -> Vec<Place> {
    let room = width.saturating_sub(GUTTER);
    let chosen = match shown {
        Shown::Fitting => fitting(columns, width),
        Shown::All { scrolled } => scrolled_to(columns, scrolled),
    };
    let rest = room.saturating_sub(taken(columns, &chosen, 0));
    let elastic = match shown {
        Shown::Fitting => rest,
        Shown::All { .. } => rest.max(LEAST_ELASTIC),
    };
    let mut places = Vec::with_capacity(chosen.len());
    let mut x = GUTTER;
    for column in chosen {
        let wanted = width_in(&columns[column], elastic);
        let left = width.saturating_sub(x);
        // Half a figure says nothing; of the first two columns something is always shown.
        if left == 0 || (wanted > left && places.len() > 1) {
            break;
        }
        places.push(Place { column, x, width: wanted.min(left) });
        x = x.saturating_add(wanted).saturating_add(1);
    }
    places
}

fn fitting(columns: &[Column], width: u16) -> Vec<usize> {
    let room = width.saturating_sub(GUTTER);
    let mut chosen: Vec<usize> =
        (0..columns.len()).filter(|it| columns[*it].from <= width).collect();
    while taken(columns, &chosen, LEAST_ELASTIC) > room {
        let last = chosen.iter().enumerate().max_by_key(|(_, it)| columns[**it].order);
        match last {
            Some((index, column)) if columns[*column].order > 0 => chosen.remove(index),
            _ => break,
        };
    }
    chosen
}

/// How many columns can be scrolled out of sight: the first stays, and so does the last.
pub(crate) fn scrolls(columns: &[Column]) -> usize {
    columns.len().saturating_sub(2)
}

fn scrolled_to(columns: &[Column], scrolled: usize) -> Vec<usize> {
    let hidden = scrolled.min(scrolls(columns));
    (0..columns.len()).filter(|it| *it == 0 || *it > hidden).collect()
}

/// The cells of `chosen` with one blank between them, an elastic column counted as `elastic`.
fn taken(columns: &[Column], chosen: &[usize], elastic: u16) -> u16 {
    let widths = chosen.iter().map(|it| width_in(&columns[*it], elastic));
    let gaps = u16::try_from(chosen.len().saturating_sub(1)).unwrap_or(u16::MAX);
    widths.fold(gaps, u16::saturating_add)
}

fn width_in(column: &Column, elastic: u16) -> u16 {
    match column.width {
        Width::Fixed(width) => width,
        Width::Elastic => elastic,
    }
}
