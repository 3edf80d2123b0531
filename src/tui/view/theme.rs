//! What a level looks like: its mark and its style, in each theme and set of glyphs.

use ratatui::style::{Color, Modifier, Style};

use super::colors::{Rgb, XTERM, nearest_of_16, rgb_of};

/// What a piece of text means; a theme says how that looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Nothing to say: the terminal's own colours.
    #[default]
    Plain,
    /// Broken, or losing data.
    Bad,
    /// Degraded, or about to break.
    Warn,
    /// As it should be. Only the badge `OK` is coloured.
    Ok,
    /// Not answered, or not allowed to ask.
    Unknown,
    /// Heads, units, stale values, zeros.
    Dim,
    /// The current screen, the sorted column, matches.
    Accent,
    /// The cursor's row.
    Selection,
}

impl Tone {
    /// The level's mark in a row's gutter; what is well has none.
    pub(crate) fn mark(self) -> &'static str {
        match self {
            Tone::Bad => "✗",
            Tone::Warn => "▲",
            Tone::Unknown => "?",
            Tone::Plain | Tone::Ok | Tone::Dim | Tone::Accent | Tone::Selection => " ",
        }
    }

    /// The mark on a line that stands for one check: there it is said that all is well.
    pub(crate) fn check_mark(self) -> &'static str {
        match self {
            Tone::Ok => "·",
            other => other.mark(),
        }
    }
}

/// A set of colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Palette {
    /// For a dark background.
    #[default]
    Dark,
    /// For a light background, on which yellow cannot be read.
    Light,
    /// Like dark, for terminals whose colour 8 may be the background itself.
    Sixteen,
    /// No colour at all, as `NO_COLOR` asks.
    Mono,
}

/// A set of characters. Every one of them is one cell wide.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Glyphs {
    /// Lines, marks, blocks and braille.
    #[default]
    Unicode,
    /// Nothing but ASCII.
    Ascii,
}

impl Glyphs {
    /// `character` as this set has it, in just as many cells.
    pub(crate) fn of(self, character: char) -> char {
        if self == Glyphs::Unicode || character.is_ascii() {
            return character;
        }
        match character {
            '─' | '–' => '-',
            '│' => '|',
            '┌' | '┐' | '└' | '┘' | '├' | '┤' | '┬' | '┴' | '┼' => '+',
            '✗' => 'X',
            '▲' => '!',
            '·' => '.',
            '…' => '~',
            '→' => '=',
            '↑' => '^',
            '↓' => 'v',
            '≤' => '<',
            '≥' => '>',
            '×' => 'x',
            '\u{2800}' => ' ',
            '▏' | '▎' | '▍' | '▌' | '▋' | '▊' | '▉' | '█' | '\u{2801}'..='\u{28ff}' => {
                '#'
            }
            _ => '?',
        }
    }
}

/// How the dashboard looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Theme {
    /// The colours.
    pub(crate) palette: Palette,
    /// The characters.
    pub(crate) glyphs: Glyphs,
}

impl Theme {
    /// How text of this tone looks.
    pub(crate) fn style(self, tone: Tone) -> Style {
        match self.palette {
            Palette::Dark => colored(tone, &DARK),
            Palette::Light => colored(tone, &LIGHT),
            Palette::Sixteen => colored(tone, &SIXTEEN),
            Palette::Mono => mono(tone),
        }
    }

    /// How the badge says `OK`: the one place where what is well has a colour.
    pub(crate) fn badge_ok(self) -> Style {
        match self.palette {
            Palette::Mono => Style::new(),
            Palette::Dark | Palette::Light | Palette::Sixteen => Style::new().fg(Color::Green),
        }
    }

    /// The header of a context that has a colour of its own: black or white on it, by contrast.
    /// Nothing, where there are no colours.
    pub(crate) fn painted(self, paint: Paint) -> Option<Style> {
        let paint = match (self.palette, paint) {
            (Palette::Mono, _) => return None,
            (Palette::Sixteen, Paint::Exact(color)) => Paint::Named(nearest_of_16(color)),
            _ => paint,
        };
        let background = match paint {
            Paint::Named(index) => Color::Indexed(index),
            Paint::Exact(Rgb(red, green, blue)) => Color::Rgb(red, green, blue),
        };
        Some(Style::new().bg(background).fg(paint.text_color()))
    }
}

/// The colour that a context was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paint {
    /// The terminal's own, 0 to 15.
    Named(u8),
    /// As it is on every terminal that has so many.
    Exact(Rgb),
}

impl Paint {
    /// What is read on it. What a terminal makes of its own sixteen is not asked: most come near
    /// to xterm's.
    fn text_color(self) -> Color {
        let color = match self {
            Paint::Named(index) => rgb_of(index, &XTERM),
            Paint::Exact(color) => color,
        };
        if color.is_light() { Color::Black } else { Color::White }
    }
}

struct Colors {
    bad: Color,
    warn: Color,
    dim: Style,
    unknown: Style,
    accent: Color,
}

const GREY: Style = Style::new().fg(Color::DarkGray);
const FAINT: Style = Style::new().add_modifier(Modifier::DIM);

const DARK: Colors = Colors {
    bad: Color::LightRed,
    warn: Color::LightYellow,
    dim: GREY,
    unknown: GREY,
    accent: Color::LightCyan,
};
const LIGHT: Colors =
    Colors { bad: Color::Red, warn: Color::Magenta, dim: GREY, unknown: GREY, accent: Color::Blue };
/// Unknown is never hidden, so it must not be drawn in what may be the background's colour either.
const SIXTEEN: Colors = Colors { dim: FAINT, unknown: FAINT, ..DARK };

fn colored(tone: Tone, colors: &Colors) -> Style {
    match tone {
        Tone::Plain | Tone::Ok => Style::new(),
        Tone::Bad => Style::new().fg(colors.bad).add_modifier(Modifier::BOLD),
        Tone::Warn => Style::new().fg(colors.warn),
        Tone::Unknown => colors.unknown,
        Tone::Dim => colors.dim,
        Tone::Accent => Style::new().fg(colors.accent),
        Tone::Selection => Style::new().add_modifier(Modifier::REVERSED),
    }
}

fn mono(tone: Tone) -> Style {
    match tone {
        Tone::Plain | Tone::Ok => Style::new(),
        Tone::Bad | Tone::Selection => Style::new().add_modifier(Modifier::REVERSED),
        Tone::Warn => Style::new().add_modifier(Modifier::BOLD),
        Tone::Unknown | Tone::Dim => FAINT,
        Tone::Accent => Style::new().add_modifier(Modifier::UNDERLINED),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TONES: [Tone; 8] = [
        Tone::Plain,
        Tone::Bad,
        Tone::Warn,
        Tone::Ok,
        Tone::Unknown,
        Tone::Dim,
        Tone::Accent,
        Tone::Selection,
    ];

    fn written(palette: Palette) -> String {
        let theme = Theme { palette, glyphs: Glyphs::Unicode };
        let one = |tone: Tone| {
            let style = theme.style(tone);
            let color = style.fg.map_or("default".to_owned(), |it| it.to_string());
            format!("{tone:?}: {color} {:?}\n", style.add_modifier)
        };
        TONES.into_iter().map(one).collect()
    }

    #[test]
    fn dark() {
        insta::assert_snapshot!(written(Palette::Dark), @r"
        Plain: default NONE
        Bad: LightRed BOLD
        Warn: LightYellow NONE
        Ok: default NONE
        Unknown: DarkGray NONE
        Dim: DarkGray NONE
        Accent: LightCyan NONE
        Selection: default REVERSED
        ");
    }

    #[test]
    fn light_has_no_yellow() {
        insta::assert_snapshot!(written(Palette::Light), @r"
        Plain: default NONE
        Bad: Red BOLD
        Warn: Magenta NONE
        Ok: default NONE
        Unknown: DarkGray NONE
        Dim: DarkGray NONE
        Accent: Blue NONE
        Selection: default REVERSED
        ");
    }

    #[test]
    fn sixteen_hides_nothing_in_the_background() {
        insta::assert_snapshot!(written(Palette::Sixteen), @r"
        Plain: default NONE
        Bad: LightRed BOLD
        Warn: LightYellow NONE
        Ok: default NONE
        Unknown: default DIM
        Dim: default DIM
        Accent: LightCyan NONE
        Selection: default REVERSED
        ");
    }

    #[test]
    fn mono_has_no_colour() {
        insta::assert_snapshot!(written(Palette::Mono), @r"
        Plain: default NONE
        Bad: default REVERSED
        Warn: default BOLD
        Ok: default NONE
        Unknown: default DIM
        Dim: default DIM
        Accent: default UNDERLINED
        Selection: default REVERSED
        ");
        let theme = Theme { palette: Palette::Mono, glyphs: Glyphs::Unicode };
        assert_eq!(theme.badge_ok(), Style::new());
        assert_eq!(theme.painted(Paint::Named(1)), None);
        assert_eq!(theme.painted(Paint::Exact(Rgb(9, 9, 9))), None);
    }

    #[test]
    fn a_header_is_readable_on_any_colour() {
        assert_eq!(Paint::Exact(Rgb(255, 220, 0)).text_color(), Color::Black);
        assert_eq!(Paint::Exact(Rgb(180, 0, 0)).text_color(), Color::White);
        let dark = (0..16).filter(|it| Paint::Named(*it).text_color() == Color::White);
        assert_eq!(dark.collect::<Vec<u8>>(), [0, 1, 2, 4, 5, 8, 9, 12, 13]);
    }

    #[test]
    fn sixteen_has_the_nearest_of_its_own() {
        let theme = Theme { palette: Palette::Sixteen, glyphs: Glyphs::Unicode };
        let style = theme.painted(Paint::Exact(Rgb(180, 2, 3))).unwrap();
        assert_eq!((style.bg, style.fg), (Some(Color::Indexed(1)), Some(Color::White)));
        assert_eq!(theme.painted(Paint::Named(11)).unwrap().bg, Some(Color::Indexed(11)));
    }

    #[test]
    fn every_glyph_has_an_ascii_form() {
        let text = "─│┌┐└┘├┤┬┴┼ ✗▲?·– …→↑↓≤≥× ▏▎▍▌▋▊▉█ \u{2800}⣿";
        let ascii: String = text.chars().map(|it| Glyphs::Ascii.of(it)).collect();
        assert_eq!(ascii, "-|+++++++++ X!?.- ~=^v<>x ########  #");
        assert_eq!(text.chars().map(|it| Glyphs::Unicode.of(it)).collect::<String>(), text);
        let marks = [Tone::Bad, Tone::Warn, Tone::Ok, Tone::Unknown].map(Tone::check_mark);
        assert_eq!(marks, ["✗", "▲", "·", "?"]);
        assert_eq!(Tone::Ok.mark(), " ");
    }
}
