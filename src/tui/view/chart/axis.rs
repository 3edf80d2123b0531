//! A big chart: its scale at the left, its window of time below.

use ratatui::layout::Rect;

use super::area;
use super::line::{Stroke, area_and_line};
use crate::tui::figures::{cells, rate};
use crate::tui::view::canvas::{Canvas, Piece, after, line_of};
use crate::tui::view::theme::Tone;

/// Where the scale of a chart is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Axis {
    /// To the right of an empty room of so many cells, `0` on the line of the window.
    Right(u16),
    /// To the left in such a room, behind the gutter, `0` beside the lowest row.
    Left(u16),
}

/// An area chart with everything that is written around it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Chart<'a> {
    /// The samples, newest last, two for each cell.
    pub(crate) samples: &'a [Option<f64>],
    /// The value of the upper edge.
    pub(crate) top: f64,
    /// That value as it is written, with a name if it needs one: `lag 5M`.
    pub(crate) top_text: &'a str,
    /// Where the scale stands.
    pub(crate) axis: Axis,
    /// The left end of the window: `-30m`.
    pub(crate) from: &'a str,
    /// The right end of the window: `now`.
    pub(crate) to: &'a str,
    /// The tone of the area.
    pub(crate) tone: Tone,
}

const GUTTER: u16 = 3;

impl Chart<'_> {
    /// Draws it into `place`: the area, and the window on the last line.
    pub(crate) fn draw(&self, canvas: &mut Canvas<'_>, place: Rect) {
        let (plot, rows) = self.plot(place);
        let size = (usize::from(plot.width), usize::from(rows));
        let lines = area(self.samples, self.top, size, canvas.theme().glyphs);
        for (index, line) in (0..rows).zip(lines) {
            canvas.put(line_of(plot, index), &line, self.tone);
        }
        self.draw_around(canvas, place);
    }

    /// The same with a dim line over the area, on the same scale.
    pub(crate) fn draw_with_line(
        &self,
        canvas: &mut Canvas<'_>,
        place: Rect,
        line: &[Option<f64>],
    ) {
        let (plot, rows) = self.plot(place);
        let size = (usize::from(plot.width), usize::from(rows));
        let glyphs = canvas.theme().glyphs;
        let rows_of_both = area_and_line((self.samples, line), self.top, size, glyphs);
        for (index, row) in (0..rows).zip(rows_of_both) {
            let piece = |(glyph, stroke): (char, Stroke)| match stroke {
                Stroke::Area => Piece::new(glyph, self.tone),
                Stroke::Line => Piece::new(glyph, Tone::Dim),
            };
            let pieces: Vec<Piece> = row.into_iter().map(piece).collect();
            canvas.put_all(line_of(plot, index), &pieces);
        }
        self.draw_around(canvas, place);
    }

    /// Where the area stands, and how many lines it has.
    fn plot(&self, place: Rect) -> (Rect, u16) {
        let room = match self.axis {
            Axis::Right(cells) | Axis::Left(cells) => cells,
        };
        (after(place, room), place.height.saturating_sub(1))
    }

    /// The window and the scale.
    fn draw_around(&self, canvas: &mut Canvas<'_>, place: Rect) {
        let (plot, rows) = self.plot(place);
        let window = line_of(plot, rows);
        canvas.put(window, self.from, Tone::Dim);
        canvas.put_right(window, self.to, Tone::Dim);
        self.draw_scale(canvas, place, rows);
    }

    fn draw_scale(&self, canvas: &mut Canvas<'_>, place: Rect, rows: u16) {
        let label = |index: u16, room: u16| {
            let line = line_of(place, index);
            Rect { width: room.saturating_sub(1).min(line.width), ..line }
        };
        match self.axis {
            Axis::Right(room) => {
                let top = whole_or_number(self.top_text, label(0, room).width);
                canvas.put_right(label(0, room), top, Tone::Dim);
                canvas.put_right(label(rows, room), "0", Tone::Dim);
            }
            Axis::Left(room) => {
                // `lag 100K` takes the blank before the area too.
                let place = after(label(0, room.saturating_add(1)), GUTTER);
                canvas.put(place, whole_or_number(self.top_text, place.width), Tone::Dim);
                let lowest = label(rows.saturating_sub(1), room);
                if rows > 1 {
                    canvas.put(after(lowest, GUTTER), "0", Tone::Dim);
                }
            }
        }
    }
}

/// The edge of a scale, which is a round number: `5M`, `2K`, `500`. At most 4 cells up to 500T.
pub(crate) fn edge(top: f64) -> String {
    let text = rate(top);
    // A rate is exact below ten thousand; an edge of thousands loses nothing in that unit.
    match text.strip_suffix("000") {
        Some(thousands) if text.bytes().all(|it| it.is_ascii_digit()) => format!("{thousands}K"),
        _ => text.replace(".0", ""),
    }
}

/// `text`, or its number alone where there is no room for the name before it: half a number would
/// be another one.
fn whole_or_number(text: &str, room: u16) -> &str {
    let fits = |it: &&str| cells(it) <= usize::from(room);
    let number = text.rsplit(' ').next().unwrap_or(text);
    [text, number].into_iter().find(fits).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use ratatui::buffer::Buffer;

    use super::*;
    use crate::tui::view::canvas::text_of;
    use crate::tui::view::theme::{Glyphs, Theme};

    fn draw(axis: Axis, top_text: &str, glyphs: Glyphs, (width, height): (u16, u16)) -> String {
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
        let samples: Vec<Option<f64>> = (0..60).map(|it| Some(f64::from(it))).collect();
        let chart = Chart {
            samples: &samples,
            top: 100.0,
            top_text,
            axis,
            from: "-30m",
            to: "now",
            tone: Tone::Plain,
        };
        let mut canvas = Canvas::new(&mut buffer, Theme { glyphs, ..Theme::default() });
        chart.draw(&mut canvas, Rect::new(0, 0, width, height));
        text_of(&buffer)
    }

    #[test]
    fn the_scale_at_the_left_behind_the_gutter() {
        let shown = draw(Axis::Left(11), "lag 5M", Glyphs::Unicode, (40, 4));
        assert!(shown.starts_with("   lag 5M  ⠀"));
        insta::assert_snapshot!(shown, @r"
        lag 5M  ⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀
                ⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⣀⣀⣀⣀⣤⣤⣤⣤⣴⣶⣶
        0       ⣀⣀⣀⣀⣀⣠⣤⣤⣤⣴⣶⣶⣶⣶⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿
                -30m                      now
        ");
    }

    #[test]
    fn the_scale_to_the_right_and_zero_on_the_window() {
        let shown = draw(Axis::Right(9), "200K", Glyphs::Ascii, (30, 5));
        assert!(shown.starts_with("    200K\n"));
        insta::assert_snapshot!(shown, @r"
        200K

                       ###########
             #####################
           0 -30m              now
        ");
    }

    #[test]
    fn the_top_of_every_scale_is_written_whole() {
        for power in 0..19 {
            for digit in [1, 2, 5_u64] {
                let number = digit * 10_u64.pow(power);
                let name = format!("lag {}", edge(number as f64));
                let shown = draw(Axis::Left(11), &name, Glyphs::Unicode, (40, 4));
                let first = shown.lines().next().unwrap().trim_matches(['\u{2800}', ' ']);
                assert_eq!(first, name, "of {number}");
                let units = ["", "K", "M", "G", "T", "P", "E"];
                let (front, unit) = (10_u64.pow(power % 3) * digit, units[power as usize / 3]);
                assert_eq!(edge(number as f64), format!("{front}{unit}"));
                let right = draw(Axis::Right(9), &edge(number as f64), Glyphs::Ascii, (40, 4));
                assert_eq!(right.lines().next().unwrap().trim(), edge(number as f64));
            }
        }
    }

    #[test]
    fn half_a_number_is_never_written() {
        let shown = draw(Axis::Left(11), "lag 2000000", Glyphs::Ascii, (40, 4));
        assert!(shown.starts_with("   2000000"), "{shown}");
        let shown = draw(Axis::Left(6), "lag 2000", Glyphs::Ascii, (40, 4));
        assert!(shown.lines().next().unwrap().trim().is_empty(), "{shown}");
    }

    #[test]
    fn it_fits_in_any_room() {
        for width in 1..60 {
            for height in 1..8 {
                draw(Axis::Left(11), "lag 5M", Glyphs::Unicode, (width, height));
                draw(Axis::Right(9), "200K", Glyphs::Ascii, (width, height));
            }
        }
    }
}
