//! Charts of samples as text: areas of several rows, sparklines of one, and bars.
//!
//! A braille cell is two samples wide and four dots high. The newest sample stands at the right. A
//! missing sample is a gap, never a zero: a zero is one dot high.

mod axis;
mod line;
mod scale;

pub(crate) use axis::{Axis, Chart, edge};
pub(crate) use scale::Scale;

use super::theme::Glyphs;

/// Samples that one cell holds, side by side.
pub(crate) const SAMPLES_PER_CELL: usize = 2;
const DOTS_PER_CELL: usize = 4;
/// The dots of a column of a braille cell, counted from the bottom.
const LEFT_DOTS: [u32; 5] = [0, 0x40, 0x44, 0x46, 0x47];
const RIGHT_DOTS: [u32; 5] = [0, 0x80, 0xa0, 0xb0, 0xb8];
/// From nothing but a baseline to full; a gap is blank.
const ASCII_LEVELS: [char; 7] = ['.', ':', '-', '=', '+', '*', '#'];
const EIGHTHS: [char; 8] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'];

/// An area chart of `rows` lines, the highest first, each of `width` cells.
///
/// `samples` are the newest last, two for each cell; `None` and NaN are gaps. `top` is the value of
/// the upper edge; what is above it is drawn as high as it.
pub(crate) fn area(
    samples: &[Option<f64>],
    top: f64,
    (width, rows): (usize, usize),
    glyphs: Glyphs,
) -> Vec<String> {
    let line = |row: usize| match glyphs {
        Glyphs::Unicode => braille_row(samples, top, (width, rows), row),
        Glyphs::Ascii if rows == 1 => ascii_row(samples, top, width),
        Glyphs::Ascii => ascii_block_row(samples, top, (width, rows), row),
    };
    (0..rows).rev().map(line).collect()
}

/// A chart of one line.
pub(crate) fn sparkline(samples: &[Option<f64>], top: f64, width: usize, glyphs: Glyphs) -> String {
    area(samples, top, (width, 1), glyphs).concat()
}

/// A bar of at most `width` cells for a `share` of 0 to 1. What is more than nothing is seen.
pub(crate) fn bar(share: f64, width: usize, glyphs: Glyphs) -> String {
    let share = if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) };
    let least = usize::from(share > 0.0);
    if glyphs == Glyphs::Ascii {
        let cells = (share * width as f64).round() as usize;
        return "#".repeat(cells.max(least).min(width));
    }
    let eighths = ((share * width as f64 * 8.0) as usize).max(least).min(width * 8);
    let mut out = "█".repeat(eighths / 8);
    if eighths % 8 > 0 {
        out.push(EIGHTHS[eighths % 8 - 1]);
    }
    out
}

/// Row 0 is the lowest.
fn braille_row(
    samples: &[Option<f64>],
    top: f64,
    (width, rows): (usize, usize),
    row: usize,
) -> String {
    let dots_of = |sample: Option<f64>| {
        let height = height_of(sample, top, rows * DOTS_PER_CELL);
        height.saturating_sub(row * DOTS_PER_CELL).min(DOTS_PER_CELL)
    };
    let cell = |index: usize| {
        let [left, right] = cell_of(samples, width, index).map(dots_of);
        let dots = LEFT_DOTS[left] | RIGHT_DOTS[right];
        char::from_u32(0x2800 + dots).unwrap_or(' ')
    };
    (0..width).map(cell).collect()
}

fn ascii_row(samples: &[Option<f64>], top: f64, width: usize) -> String {
    let cell = |index: usize| match higher(cell_of(samples, width, index)) {
        None => ' ',
        sample => ASCII_LEVELS[height_of(sample, top, ASCII_LEVELS.len()) - 1],
    };
    (0..width).map(cell).collect()
}

fn ascii_block_row(
    samples: &[Option<f64>],
    top: f64,
    (width, rows): (usize, usize),
    row: usize,
) -> String {
    let cell = |index: usize| {
        let height = height_of(higher(cell_of(samples, width, index)), top, rows);
        if height > row { '#' } else { ' ' }
    };
    (0..width).map(cell).collect()
}

/// Both samples of the cell `index` of `width`: the last cell holds the newest two.
fn cell_of(samples: &[Option<f64>], width: usize, index: usize) -> [Option<f64>; 2] {
    let to_the_end = (width - index) * SAMPLES_PER_CELL;
    let sample = |back: usize| {
        let at = samples.len().checked_sub(back)?;
        samples[at].filter(|it| !it.is_nan())
    };
    [sample(to_the_end), sample(to_the_end - 1)]
}

fn higher([left, right]: [Option<f64>; 2]) -> Option<f64> {
    match (left, right) {
        (Some(left), Some(right)) => Some(left.max(right)),
        (one, other) => one.or(other),
    }
}

/// 1 to `full` for a sample, 0 for a gap.
fn height_of(sample: Option<f64>, top: f64, full: usize) -> usize {
    let Some(sample) = sample else { return 0 };
    let share = if top > 0.0 { (sample / top).clamp(0.0, 1.0) } else { 0.0 };
    // Infinity over infinity is no number; it is as high as it gets.
    let share = if share.is_nan() { 1.0 } else { share };
    ((share * full as f64).round() as usize).clamp(1, full.max(1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn wave() -> Vec<Option<f64>> {
        let sample = |at: i32| match at {
            20..26 => None,
            _ => Some(f64::from(at * at)),
        };
        (0..40).map(sample).collect()
    }

    #[test]
    fn an_area_of_three_rows() {
        let lines = area(&wave(), 2000.0, (24, 3), Glyphs::Unicode).join("|\n");
        insta::assert_snapshot!(lines, @r"
        ⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⣀|
        ⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⣀⣠⣴⣶⣿⣿|
        ⠀⠀⠀⠀⣀⣀⣀⣀⣀⣀⣀⣀⣤⣤⠀⠀⠀⣿⣿⣿⣿⣿⣿⣿
        ");
        let lines = area(&wave(), 2000.0, (24, 3), Glyphs::Ascii).join("|\n");
        insta::assert_snapshot!(lines, @r"
                            |
                        ####|
        ##########   #######
        ");
    }

    #[test]
    fn a_sparkline_scales_between_one_dot_and_four() {
        let samples = [0.0, 0.0, 100.0, 200.0, 300.0, 400.0].map(Some);
        assert_eq!(sparkline(&samples, 400.0, 4, Glyphs::Unicode), "⠀⣀⣠⣾");
        assert_eq!(sparkline(&samples, 400.0, 4, Glyphs::Ascii), " .=#");
        assert_eq!(sparkline(&[Some(9.0), None, Some(9.0)], 9.0, 2, Glyphs::Unicode), "⢸⢸");
    }

    #[test]
    fn bars_are_exact_to_an_eighth() {
        let bars = [0.61, 0.22, 0.01, 0.0, 1.0, 7.0].map(|it| bar(it, 14, Glyphs::Unicode));
        assert_eq!(bars, ["████████▌", "███", "▏", "", "██████████████", "██████████████"]);
        assert_eq!(bar(0.87, 11, Glyphs::Unicode), "█████████▌");
        assert_eq!(bar(0.001, 11, Glyphs::Ascii), "#");
        assert_eq!(bar(f64::NAN, 11, Glyphs::Ascii), "");
    }

    proptest! {
        #[test]
        fn a_chart_is_as_wide_and_high_as_asked(
            samples in proptest::collection::vec(proptest::option::of(any::<f64>()), 0..500),
            top in any::<f64>(),
            width in 0usize..200,
            rows in 0usize..10,
        ) {
            for glyphs in [Glyphs::Unicode, Glyphs::Ascii] {
                let lines = area(&samples, top, (width, rows), glyphs);
                prop_assert_eq!(lines.len(), rows);
                for line in lines {
                    prop_assert_eq!(line.chars().count(), width);
                }
            }
        }

        #[test]
        fn a_gap_is_never_a_zero(value in 0.0f64..1e9, rows in 1usize..6) {
            for glyphs in [Glyphs::Unicode, Glyphs::Ascii] {
                let gap = area(&[None, None], 1e6, (1, rows), glyphs);
                let sample = area(&[Some(value), Some(value)], 1e6, (1, rows), glyphs);
                prop_assert_ne!(gap.last(), sample.last());
            }
        }

        #[test]
        fn no_bar_is_wider_than_its_column(share in any::<f64>(), width in 0usize..60) {
            prop_assert!(bar(share, width, Glyphs::Unicode).chars().count() <= width);
            prop_assert!(bar(share, width, Glyphs::Ascii).chars().count() <= width);
        }
    }
}
