//! A small screen with every tone and every kind of character, in each form.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};

use super::{ansi, svg, text};
use crate::tui::view::canvas::Canvas;
use crate::tui::view::colors::Rgb;
use crate::tui::view::theme::{Glyphs, Paint, Palette, Theme, Tone};

fn screen(palette: Palette) -> Buffer {
    let mut buffer = Buffer::empty(Rect::new(0, 0, 30, 6));
    let theme = Theme { palette, glyphs: Glyphs::Unicode };
    let mut canvas = Canvas::new(&mut buffer, theme);
    let line = |y| Rect::new(0, y, 30, 1);
    canvas.put(line(0), " prod", Tone::Plain);
    canvas.restyle(line(0), theme.painted(Paint::Exact(Rgb(180, 0, 0))).unwrap_or_default());
    let mut rest = line(1);
    for (words, tone) in [
        ("✗ bad", Tone::Bad),
        ("▲ warn", Tone::Warn),
        (" ok", Tone::Ok),
        ("? no", Tone::Unknown),
        (" dim", Tone::Dim),
        ("1 over", Tone::Accent),
    ] {
        let taken = canvas.put(rest, words, tone);
        rest.x += taken;
        rest.width -= taken;
    }
    canvas.put(line(2), ">✗ 注文-7 <a&b>\"]]>", Tone::Bad);
    canvas.select(line(2));
    canvas.put(line(3), "⣶⣦⣤⣀ ▏█ ─┼ é e\u{301} \x1b[31m", Tone::Plain);
    buffer
}

/// What no screen puts into cells, and no form may let through.
fn hostile() -> Buffer {
    let mut buffer = Buffer::empty(Rect::new(0, 0, 12, 1));
    for (x, symbol) in ["\x1b]0;x\x07", "\n", "\u{202e}", "\u{ffff}", "", "a\0"].iter().enumerate()
    {
        buffer[(u16::try_from(x).unwrap(), 0)].set_symbol(symbol);
    }
    // A wide one in the last cell has no second cell.
    buffer[(11, 0)].set_symbol("注");
    buffer
}

#[test]
fn text_has_no_blanks_at_the_ends_of_lines() {
    insta::assert_snapshot!(text(&screen(Palette::Dark)), @r#"
     prod
    ✗ bad▲ warn ok? no dim1 over
    >✗ 注文-7 <a&b>"]]>
    ⣶⣦⣤⣀ ▏█ ─┼ é é \x1b[31m
    "#);
    assert_eq!(text(&hostile()), "??????     ?\n");
}

#[test]
fn colours_end_with_the_line() {
    let shown = ansi(&screen(Palette::Dark)).replace('\x1b', "^");
    insta::assert_snapshot!(shown, @r#"
    ^[97;48;2;180;0;0m prod                         ^[0m
    ^[1;91m✗ bad^[0;93m▲ warn^[0m ok^[90m? no dim^[96m1 over^[0m
    ^[1;7;91m>✗ 注文-7 <a&b>"]]>^[0;7m           ^[0m
    ⣶⣦⣤⣀ ▏█ ─┼ é é \x1b[31m
    "#);
    let mono = ansi(&screen(Palette::Mono)).replace('\x1b', "^");
    insta::assert_snapshot!(mono, @r#"
     prod
    ^[7m✗ bad^[0;1m▲ warn^[0m ok^[2m? no dim^[0;4m1 over^[0m
    ^[7m>✗ 注文-7 <a&b>"]]>           ^[0m
    ⣶⣦⣤⣀ ▏█ ─┼ é é \x1b[31m
    "#);
    assert_eq!(ansi(&hostile()), "??????     ?\n");
}

#[test]
fn blanks_that_are_seen_are_kept() {
    let mut buffer = Buffer::empty(Rect::new(0, 0, 3, 3));
    buffer.set_style(Rect::new(0, 0, 3, 1), Style::new().add_modifier(Modifier::UNDERLINED));
    buffer.set_style(Rect::new(0, 1, 3, 1), Style::new().bg(Color::Blue));
    buffer.set_style(Rect::new(0, 2, 3, 1), Style::new().fg(Color::Blue));
    assert_eq!(ansi(&buffer), "\x1b[4m   \x1b[0m\n\x1b[44m   \x1b[0m\n\n");
}

#[test]
fn a_drawing_for_a_dark_background() {
    insta::assert_snapshot!(svg(&screen(Palette::Dark), Palette::Dark), @r##"
    <svg xmlns="http://www.w3.org/2000/svg" width="288" height="126" viewBox="0 0 288 126">
    <rect width="288" height="126" fill="#1b1d21"/>
    <g font-family="ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace" font-size="15" fill="#cfd2d6">
    <rect x="9" y="9" width="270" height="18" fill="#b40000"/>
    <text y="23" xml:space="preserve"><tspan x="18" textLength="36" lengthAdjust="spacingAndGlyphs" fill="#ffffff">prod</tspan></text>
    <text y="41" xml:space="preserve"><tspan x="9" textLength="9" lengthAdjust="spacingAndGlyphs" fill="#ff6b66" font-weight="bold">✗</tspan><tspan x="27" textLength="27" lengthAdjust="spacingAndGlyphs" fill="#ff6b66" font-weight="bold">bad</tspan><tspan x="54" textLength="9" lengthAdjust="spacingAndGlyphs" fill="#f2cc5c">▲</tspan><tspan x="72" textLength="36" lengthAdjust="spacingAndGlyphs" fill="#f2cc5c">warn</tspan><tspan x="117" textLength="18" lengthAdjust="spacingAndGlyphs">ok</tspan><tspan x="135" textLength="72" lengthAdjust="spacingAndGlyphs" fill="#7c828a">? no dim</tspan><tspan x="207" textLength="54" lengthAdjust="spacingAndGlyphs" fill="#62d0dc">1 over</tspan></text>
    <rect x="9" y="45" width="171" height="18" fill="#ff6b66"/>
    <rect x="180" y="45" width="99" height="18" fill="#cfd2d6"/>
    <text y="59" xml:space="preserve"><tspan x="9" textLength="9" lengthAdjust="spacingAndGlyphs" fill="#1b1d21" font-weight="bold">&gt;</tspan><tspan x="18" textLength="9" lengthAdjust="spacingAndGlyphs" fill="#1b1d21" font-weight="bold">✗</tspan><tspan x="36" textLength="18" lengthAdjust="spacingAndGlyphs" fill="#1b1d21" font-weight="bold">注</tspan><tspan x="54" textLength="18" lengthAdjust="spacingAndGlyphs" fill="#1b1d21" font-weight="bold">文</tspan><tspan x="72" textLength="108" lengthAdjust="spacingAndGlyphs" fill="#1b1d21" font-weight="bold">-7 &lt;a&amp;b&gt;"]]&gt;</tspan></text>
    <text y="77" xml:space="preserve"><tspan x="9" textLength="36" lengthAdjust="spacingAndGlyphs">⣶⣦⣤⣀</tspan><tspan x="54" textLength="18" lengthAdjust="spacingAndGlyphs">▏█</tspan><tspan x="81" textLength="18" lengthAdjust="spacingAndGlyphs">─┼</tspan><tspan x="108" textLength="9" lengthAdjust="spacingAndGlyphs">é</tspan><tspan x="126" textLength="9" lengthAdjust="spacingAndGlyphs">é</tspan><tspan x="144" textLength="72" lengthAdjust="spacingAndGlyphs">\x1b[31m</tspan></text>
    </g>
    </svg>
    "##);
}

#[test]
fn a_drawing_for_a_light_background() {
    insta::assert_snapshot!(svg(&screen(Palette::Light), Palette::Light), @r##"
    <svg xmlns="http://www.w3.org/2000/svg" width="288" height="126" viewBox="0 0 288 126">
    <rect width="288" height="126" fill="#ffffff"/>
    <g font-family="ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace" font-size="15" fill="#1f2328">
    <rect x="9" y="9" width="270" height="18" fill="#b40000"/>
    <text y="23" xml:space="preserve"><tspan x="18" textLength="36" lengthAdjust="spacingAndGlyphs" fill="#ffffff">prod</tspan></text>
    <text y="41" xml:space="preserve"><tspan x="9" textLength="9" lengthAdjust="spacingAndGlyphs" fill="#c01c28" font-weight="bold">✗</tspan><tspan x="27" textLength="27" lengthAdjust="spacingAndGlyphs" fill="#c01c28" font-weight="bold">bad</tspan><tspan x="54" textLength="9" lengthAdjust="spacingAndGlyphs" fill="#9a24a0">▲</tspan><tspan x="72" textLength="36" lengthAdjust="spacingAndGlyphs" fill="#9a24a0">warn</tspan><tspan x="117" textLength="18" lengthAdjust="spacingAndGlyphs">ok</tspan><tspan x="135" textLength="72" lengthAdjust="spacingAndGlyphs" fill="#6e757d">? no dim</tspan><tspan x="207" textLength="54" lengthAdjust="spacingAndGlyphs" fill="#095fc2">1 over</tspan></text>
    <rect x="9" y="45" width="171" height="18" fill="#c01c28"/>
    <rect x="180" y="45" width="99" height="18" fill="#1f2328"/>
    <text y="59" xml:space="preserve"><tspan x="9" textLength="9" lengthAdjust="spacingAndGlyphs" fill="#ffffff" font-weight="bold">&gt;</tspan><tspan x="18" textLength="9" lengthAdjust="spacingAndGlyphs" fill="#ffffff" font-weight="bold">✗</tspan><tspan x="36" textLength="18" lengthAdjust="spacingAndGlyphs" fill="#ffffff" font-weight="bold">注</tspan><tspan x="54" textLength="18" lengthAdjust="spacingAndGlyphs" fill="#ffffff" font-weight="bold">文</tspan><tspan x="72" textLength="108" lengthAdjust="spacingAndGlyphs" fill="#ffffff" font-weight="bold">-7 &lt;a&amp;b&gt;"]]&gt;</tspan></text>
    <text y="77" xml:space="preserve"><tspan x="9" textLength="36" lengthAdjust="spacingAndGlyphs">⣶⣦⣤⣀</tspan><tspan x="54" textLength="18" lengthAdjust="spacingAndGlyphs">▏█</tspan><tspan x="81" textLength="18" lengthAdjust="spacingAndGlyphs">─┼</tspan><tspan x="108" textLength="9" lengthAdjust="spacingAndGlyphs">é</tspan><tspan x="126" textLength="9" lengthAdjust="spacingAndGlyphs">é</tspan><tspan x="144" textLength="72" lengthAdjust="spacingAndGlyphs">\x1b[31m</tspan></text>
    </g>
    </svg>
    "##);
}

#[test]
fn a_drawing_lets_nothing_hostile_through() {
    let drawn = svg(&hostile(), Palette::Mono);
    assert!(drawn.contains(">??????     ?</tspan>"), "{drawn}");
    assert!(!drawn.contains(|it: char| it.is_control() && it != '\n'), "{drawn}");
}

/// The place and length of every run lie in its cells, whatever the symbols.
#[test]
fn runs_of_a_drawing_do_not_overlap() {
    let drawn = svg(&screen(Palette::Dark), Palette::Dark);
    for line in drawn.lines().filter(|it| it.starts_with("<text")) {
        let mut end = 0;
        for run in line.split("<tspan ").skip(1) {
            let number = |name: &str| -> u32 {
                let rest = run.split(&format!("{name}=\"")).nth(1).unwrap();
                rest.split('"').next().unwrap().parse().unwrap()
            };
            assert!(end <= number("x"), "{line}");
            end = number("x") + number("textLength");
        }
        assert!(end <= 9 + 30 * 9, "{line}");
    }
}
