//! The screen as a drawing. Every run of text is told its place and its length, so that columns
//! stand whatever font the reader has.

use std::fmt::Write as _;

use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier};

use super::{Glyph, glyphs};
use crate::tui::view::colors::{Rgb, index_of, rgb_of};
use crate::tui::view::sgr::Ink;
use crate::tui::view::theme::Palette;

/// Pixels. A letter of a monospaced font is 0.6 of its size wide.
const FONT_SIZE: u32 = 15;
const CELL_WIDTH: u32 = 9;
const CELL_HEIGHT: u32 = 18;
/// From the top of a row to the line that letters stand on.
const BASELINE: u32 = 14;
/// Around it all.
const MARGIN: u32 = 9;

/// Draws `buffer` on the background that `palette` is for.
pub(crate) fn svg(buffer: &Buffer, palette: Palette) -> String {
    let colors = match palette {
        Palette::Light => &LIGHT,
        Palette::Dark | Palette::Sixteen | Palette::Mono => &DARK,
    };
    let width = u32::from(buffer.area.width) * CELL_WIDTH + 2 * MARGIN;
    let height = u32::from(buffer.area.height) * CELL_HEIGHT + 2 * MARGIN;
    let mut out = format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">
<rect width="{width}" height="{height}" fill="{}"/>
<g font-family="ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace" font-size="{FONT_SIZE}" fill="{}">
"#,
        hex(colors.bg),
        hex(colors.fg),
    );
    for y in buffer.area.top()..buffer.area.bottom() {
        let runs = runs(buffer, y);
        let top = MARGIN + u32::from(y - buffer.area.top()) * CELL_HEIGHT;
        push_backgrounds(&runs, top, colors, &mut out);
        push_text(&runs, top, colors, &mut out);
    }
    out.push_str("</g>\n</svg>\n");
    out
}

struct Colors {
    bg: Rgb,
    fg: Rgb,
    named: [Rgb; 16],
}

static DARK: Colors = Colors {
    bg: Rgb(0x1b, 0x1d, 0x21),
    fg: Rgb(0xcf, 0xd2, 0xd6),
    named: [
        Rgb(0x00, 0x00, 0x00),
        Rgb(0xc8, 0x3c, 0x3c),
        Rgb(0x3f, 0xa4, 0x5b),
        Rgb(0xc2, 0x9a, 0x2e),
        Rgb(0x3f, 0x78, 0xc9),
        Rgb(0xa8, 0x55, 0xb0),
        Rgb(0x2f, 0x9a, 0xa8),
        Rgb(0xb4, 0xb8, 0xbd),
        Rgb(0x7c, 0x82, 0x8a),
        Rgb(0xff, 0x6b, 0x66),
        Rgb(0x6c, 0xd0, 0x86),
        Rgb(0xf2, 0xcc, 0x5c),
        Rgb(0x77, 0xa8, 0xf0),
        Rgb(0xd6, 0x8a, 0xdd),
        Rgb(0x62, 0xd0, 0xdc),
        Rgb(0xff, 0xff, 0xff),
    ],
};

static LIGHT: Colors = Colors {
    bg: Rgb(0xff, 0xff, 0xff),
    fg: Rgb(0x1f, 0x23, 0x28),
    named: [
        Rgb(0x00, 0x00, 0x00),
        Rgb(0xc0, 0x1c, 0x28),
        Rgb(0x1a, 0x7f, 0x37),
        Rgb(0x8a, 0x63, 0x00),
        Rgb(0x09, 0x5f, 0xc2),
        Rgb(0x9a, 0x24, 0xa0),
        Rgb(0x0b, 0x70, 0x7d),
        Rgb(0x57, 0x5d, 0x64),
        Rgb(0x6e, 0x75, 0x7d),
        Rgb(0xd1, 0x24, 0x2f),
        Rgb(0x1f, 0x8a, 0x3d),
        Rgb(0x94, 0x6b, 0x00),
        Rgb(0x21, 0x6e, 0xd0),
        Rgb(0xa4, 0x3a, 0xb0),
        Rgb(0x0a, 0x78, 0x87),
        Rgb(0xff, 0xff, 0xff),
    ],
};

impl Colors {
    fn rgb(&self, color: Color, default: Rgb) -> Rgb {
        match (color, index_of(color)) {
            (Color::Rgb(red, green, blue), _) => Rgb(red, green, blue),
            (_, Some(index)) => rgb_of(index, &self.named),
            (_, None) => default,
        }
    }

    /// Colours of the text and of what is behind it, as they are seen in the end.
    fn seen(&self, ink: Ink) -> (Rgb, Rgb) {
        let mut fg = self.rgb(ink.fg, self.fg);
        let mut bg = self.rgb(ink.bg, self.bg);
        if ink.modifier.contains(Modifier::REVERSED) {
            (fg, bg) = (bg, fg);
        }
        if ink.modifier.contains(Modifier::DIM) {
            fg = fg.halfway(bg);
        }
        (fg, bg)
    }
}

/// Neighbours of one ink that any font spaces evenly among themselves.
struct Run {
    x: u16,
    width: u16,
    text: String,
    ink: Ink,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Ascii,
    Lines,
    Blocks,
    Braille,
    /// May come from any font, as wide as that font has it: stands alone.
    Other,
}

impl Kind {
    fn of(glyph: &Glyph<'_>) -> Kind {
        let mut characters = glyph.symbol.chars();
        match (characters.next(), characters.next()) {
            (Some(it), None) if it.is_ascii() => Kind::Ascii,
            (Some('\u{2500}'..='\u{257f}'), None) => Kind::Lines,
            (Some('\u{2580}'..='\u{259f}'), None) => Kind::Blocks,
            (Some('\u{2800}'..='\u{28ff}'), None) => Kind::Braille,
            _ => Kind::Other,
        }
    }
}

fn runs(buffer: &Buffer, y: u16) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for glyph in glyphs(buffer, y) {
        let kind = Kind::of(&glyph);
        match runs.last_mut() {
            Some(run) if run.ink == glyph.ink && run.kind == kind && kind != Kind::Other => {
                run.text.push_str(&glyph.symbol);
                run.width += glyph.width;
            }
            _ => runs.push(Run {
                x: glyph.x,
                width: glyph.width,
                text: glyph.symbol.into_owned(),
                ink: glyph.ink,
                kind,
            }),
        }
    }
    runs
}

/// Neighbours with one background are one rectangle, so that no seam shows between them.
fn push_backgrounds(runs: &[Run], top: u32, colors: &Colors, out: &mut String) {
    for same in runs.chunk_by(|a, b| colors.seen(a.ink).1 == colors.seen(b.ink).1) {
        let (_, bg) = colors.seen(same[0].ink);
        if bg == colors.bg {
            continue;
        }
        let cells: u32 = same.iter().map(|it| u32::from(it.width)).sum();
        let _ = writeln!(
            out,
            r#"<rect x="{}" y="{top}" width="{}" height="{CELL_HEIGHT}" fill="{}"/>"#,
            left(same[0].x),
            cells * CELL_WIDTH,
            hex(bg),
        );
    }
}

fn push_text(runs: &[Run], top: u32, colors: &Colors, out: &mut String) {
    let mut is_open = false;
    for run in runs {
        let Some(shown) = shown(run) else { continue };
        if !is_open {
            let _ = write!(out, r#"<text y="{}" xml:space="preserve">"#, top + BASELINE);
            is_open = true;
        }
        push_run(run, &shown, colors, out);
    }
    if is_open {
        out.push_str("</text>\n");
    }
}

/// The place and the text of a run without the blanks around it, which nobody sees.
fn shown(run: &Run) -> Option<(u16, u16, &str)> {
    if run.ink.modifier.contains(Modifier::HIDDEN) {
        return None;
    }
    let lines = Modifier::UNDERLINED.union(Modifier::CROSSED_OUT);
    if run.kind != Kind::Ascii || run.ink.modifier.intersects(lines) {
        return Some((run.x, run.width, &run.text));
    }
    // Blanks are of the ASCII runs alone, where a byte is a cell.
    let text = run.text.trim_start_matches(' ');
    let skipped = run.text.len() - text.len();
    let text = text.trim_end_matches(' ');
    let skipped = u16::try_from(skipped).unwrap_or(u16::MAX);
    let width = u16::try_from(text.len()).unwrap_or(u16::MAX);
    (width != 0).then_some((run.x + skipped, width, text))
}

fn push_run(run: &Run, (x, width, text): &(u16, u16, &str), colors: &Colors, out: &mut String) {
    let length = u32::from(*width) * CELL_WIDTH;
    let _ = write!(
        out,
        r#"<tspan x="{}" textLength="{length}" lengthAdjust="spacingAndGlyphs""#,
        left(*x)
    );
    let (fg, _) = colors.seen(run.ink);
    if fg != colors.fg {
        let _ = write!(out, r#" fill="{}""#, hex(fg));
    }
    let modifier = run.ink.modifier;
    for (has, attribute) in
        [(Modifier::BOLD, r#" font-weight="bold""#), (Modifier::ITALIC, r#" font-style="italic""#)]
    {
        if modifier.contains(has) {
            out.push_str(attribute);
        }
    }
    let lines: Vec<&str> =
        [(Modifier::UNDERLINED, "underline"), (Modifier::CROSSED_OUT, "line-through")]
            .into_iter()
            .filter(|(has, _)| modifier.contains(*has))
            .map(|(_, line)| line)
            .collect();
    if !lines.is_empty() {
        let _ = write!(out, r#" text-decoration="{}""#, lines.join(" "));
    }
    out.push('>');
    push_escaped(text, out);
    out.push_str("</tspan>");
}

fn push_escaped(text: &str, out: &mut String) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            it => out.push(it),
        }
    }
}

fn left(x: u16) -> u32 {
    MARGIN + u32::from(x) * CELL_WIDTH
}

fn hex(Rgb(red, green, blue): Rgb) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}
