//! How a terminal is told colours and weight: the shortest way from one cell's ink to the next one's.

use ratatui::buffer::Cell;
use ratatui::style::{Color, Modifier};

use super::colors::{Rgb, index_of, nearest_of_16, nearest_of_256};

/// How many colours a terminal tells apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Depth {
    /// Any red, green and blue.
    #[default]
    True,
    /// The 256 of xterm.
    Indexed,
    /// The sixteen with names.
    Sixteen,
}

/// All that a cell has beside its symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ink {
    /// The colour of the text.
    pub(crate) fg: Color,
    /// The colour behind it.
    pub(crate) bg: Color,
    /// Its weight and lines.
    pub(crate) modifier: Modifier,
}

impl Ink {
    /// The terminal's own.
    pub(crate) const PLAIN: Ink =
        Ink { fg: Color::Reset, bg: Color::Reset, modifier: Modifier::empty() };

    /// That of `cell`.
    pub(crate) fn of(cell: &Cell) -> Ink {
        Ink { fg: cell.fg, bg: cell.bg, modifier: cell.modifier }
    }

    /// Whether a blank in it looks like nothing at all.
    pub(crate) fn is_invisible(self) -> bool {
        let drawn = Modifier::REVERSED.union(Modifier::UNDERLINED).union(Modifier::CROSSED_OUT);
        self.bg == Color::Reset && !self.modifier.intersects(drawn)
    }
}

const MODIFIERS: [(Modifier, &str); 9] = [
    (Modifier::BOLD, "1"),
    (Modifier::DIM, "2"),
    (Modifier::ITALIC, "3"),
    (Modifier::UNDERLINED, "4"),
    (Modifier::SLOW_BLINK, "5"),
    (Modifier::RAPID_BLINK, "6"),
    (Modifier::REVERSED, "7"),
    (Modifier::HIDDEN, "8"),
    (Modifier::CROSSED_OUT, "9"),
];

/// Appends what turns the ink `from` into `to`; nothing if they are the same.
pub(crate) fn push_change(from: Ink, to: Ink, depth: Depth, out: &mut String) {
    if from == to {
        return;
    }
    if to == Ink::PLAIN {
        out.push_str("\x1b[0m");
        return;
    }
    let mut codes = Vec::new();
    // One code ends both bold and dim, so what is taken away is taken away with all the rest.
    let mut from = from;
    if !to.modifier.contains(from.modifier) {
        codes.push("0".to_owned());
        from = Ink::PLAIN;
    }
    for (modifier, code) in MODIFIERS {
        if to.modifier.difference(from.modifier).contains(modifier) {
            codes.push(code.to_owned());
        }
    }
    if from.fg != to.fg {
        codes.push(color_code(to.fg, Layer::Text, depth));
    }
    if from.bg != to.bg {
        codes.push(color_code(to.bg, Layer::Background, depth));
    }
    out.push_str("\x1b[");
    out.push_str(&codes.join(";"));
    out.push('m');
}

#[derive(Clone, Copy)]
enum Layer {
    Text = 30,
    Background = 40,
}

fn color_code(color: Color, layer: Layer, depth: Depth) -> String {
    let first = layer as u8;
    let index = match (color, depth) {
        (Color::Rgb(red, green, blue), Depth::True) => {
            return format!("{};2;{red};{green};{blue}", first + 8);
        }
        (Color::Rgb(red, green, blue), Depth::Indexed) => nearest_of_256(Rgb(red, green, blue)),
        (Color::Rgb(red, green, blue), Depth::Sixteen) => nearest_of_16(Rgb(red, green, blue)),
        (other, _) => match index_of(other) {
            Some(it) => it,
            None => return format!("{}", first + 9),
        },
    };
    match index {
        0..8 => format!("{}", first + index),
        8..16 => format!("{}", first + 60 + index - 8),
        16.. => format!("{};5;{index}", first + 8),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(from: Ink, to: Ink, depth: Depth) -> String {
        let mut out = String::new();
        push_change(from, to, depth, &mut out);
        out.replace('\x1b', "^")
    }

    fn ink(fg: Color, modifier: Modifier) -> Ink {
        Ink { fg, modifier, ..Ink::PLAIN }
    }

    #[test]
    fn only_what_differs_is_said() {
        let bold_red = ink(Color::LightRed, Modifier::BOLD);
        let grey = ink(Color::DarkGray, Modifier::empty());
        let reversed = ink(Color::LightRed, Modifier::BOLD | Modifier::REVERSED);
        let painted = Ink { fg: Color::Black, bg: Color::Rgb(255, 220, 0), ..Ink::PLAIN };
        let way = [Ink::PLAIN, grey, bold_red, reversed, bold_red, painted, Ink::PLAIN];
        let codes: Vec<String> =
            way.windows(2).map(|it| change(it[0], it[1], Depth::True)).collect();
        insta::assert_snapshot!(codes.join("\n"), @"
        ^[90m
        ^[1;91m
        ^[7m
        ^[0;1;91m
        ^[0;30;48;2;255;220;0m
        ^[0m
        ");
        assert_eq!(change(painted, painted, Depth::True), "");
        assert_eq!(change(painted, grey, Depth::True), "^[90;49m");
    }

    #[test]
    fn colours_that_are_not_there_become_the_nearest() {
        let painted = Ink { fg: Color::Indexed(231), bg: Color::Rgb(180, 0, 0), ..Ink::PLAIN };
        assert_eq!(change(Ink::PLAIN, painted, Depth::True), "^[38;5;231;48;2;180;0;0m");
        assert_eq!(change(Ink::PLAIN, painted, Depth::Indexed), "^[38;5;231;48;5;124m");
        let painted = Ink { fg: Color::White, ..painted };
        assert_eq!(change(Ink::PLAIN, painted, Depth::Sixteen), "^[97;41m");
    }
}
