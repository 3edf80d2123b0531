//! An area with a line over it: two series on one scale, told apart by shape and tone.

use super::{DOTS_PER_CELL, LEFT_DOTS, RIGHT_DOTS, cell_of, height_of, higher};
use crate::tui::view::theme::Glyphs;

/// What a glyph belongs to. One that has both is of the area.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stroke {
    Area,
    Line,
}

/// The one dot of a column at this height, counted from the bottom.
const LEFT_DOT: [u32; DOTS_PER_CELL] = [0x40, 0x04, 0x02, 0x01];
const RIGHT_DOT: [u32; DOTS_PER_CELL] = [0x80, 0x20, 0x10, 0x08];

/// The rows of both, the highest first. Within the area the line is a gap.
pub(super) fn area_and_line(
    (area, line): (&[Option<f64>], &[Option<f64>]),
    top: f64,
    (width, rows): (usize, usize),
    glyphs: Glyphs,
) -> Vec<Vec<(char, Stroke)>> {
    let glyph = |row: usize, index: usize| {
        let cells = (cell_of(area, width, index), cell_of(line, width, index));
        match glyphs {
            Glyphs::Unicode => braille(cells, top, rows, row),
            Glyphs::Ascii => ascii(cells, top, rows, row),
        }
    };
    let line_of = |row: usize| (0..width).map(|index| glyph(row, index)).collect();
    (0..rows).rev().map(line_of).collect()
}

type Cells = ([Option<f64>; 2], [Option<f64>; 2]);

/// Row 0 is the lowest.
fn braille((area, line): Cells, top: f64, rows: usize, row: usize) -> (char, Stroke) {
    let full = rows * DOTS_PER_CELL;
    let filled = area
        .map(|it| height_of(it, top, full).saturating_sub(row * DOTS_PER_CELL).min(DOTS_PER_CELL));
    let dot = |of: &[u32; DOTS_PER_CELL], sample: Option<f64>| {
        let at = height_of(sample, top, full).checked_sub(1);
        let here = at.filter(|at| at / DOTS_PER_CELL == row);
        here.map_or(0, |at| of[at % DOTS_PER_CELL])
    };
    let area = LEFT_DOTS[filled[0]] | RIGHT_DOTS[filled[1]];
    let line = dot(&LEFT_DOT, line[0]) | dot(&RIGHT_DOT, line[1]);
    let stroke = if area == 0 { Stroke::Line } else { Stroke::Area };
    (char::from_u32(0x2800 + (area ^ line)).unwrap_or(' '), stroke)
}

fn ascii((area, line): Cells, top: f64, rows: usize, row: usize) -> (char, Stroke) {
    let is_filled = row < height_of(higher(area), top, rows);
    let is_line = height_of(higher(line), top, rows) == row + 1;
    match (is_filled, is_line) {
        (true, true) => ('=', Stroke::Area),
        (true, false) => ('#', Stroke::Area),
        (false, true) => ('-', Stroke::Line),
        (false, false) => (' ', Stroke::Line),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(glyphs: Glyphs) -> String {
        let area: Vec<Option<f64>> = (0..40).map(|it| Some(f64::from(it))).collect();
        let line: Vec<Option<f64>> = (0..40).map(|it| (it % 10 != 0).then_some(20.0)).collect();
        let rows = area_and_line((&area, &line), 40.0, (20, 3), glyphs);
        let text = |row: Vec<(char, Stroke)>| row.into_iter().map(|it| it.0).collect::<String>();
        rows.into_iter().map(text).map(|it| it + "|\n").collect()
    }

    #[test]
    fn the_line_stands_above_the_area_and_is_cut_out_of_it() {
        insta::assert_snapshot!(shown(Glyphs::Unicode), @"
        ⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⢀⣀⣤⣴⣶⣾|
        ⠠⠤⠤⠤⠤⠠⠤⢤⣤⣄⣄⣒⣚⣛⣛⣟⣛⣛⣛⣛|
        ⣀⣀⣠⣤⣴⣶⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿|
        ");
        insta::assert_snapshot!(shown(Glyphs::Ascii), @"
                         ###|
        ----------==========|
        ####################|
        ");
    }
}
