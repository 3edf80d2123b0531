//! What the terminal can show, and so how the dashboard looks on it: one pure decision.

use clap::ValueEnum;

use super::answers::Answers;
use crate::terminal::ColorChoice;
use crate::tui::view::sgr::Depth;
use crate::tui::view::theme::{Glyphs, Palette, Theme};

/// What `--theme` asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ThemeChoice {
    /// What suits the terminal's background.
    #[default]
    Auto,
    /// For a dark background.
    Dark,
    /// For a light background.
    Light,
    /// The sixteen colours, none of which may be the background.
    #[value(name = "16")]
    Sixteen,
    /// No colour at all.
    Mono,
}

/// How it is drawn on this terminal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Look {
    /// Colours and characters of the view.
    pub(crate) theme: Theme,
    /// What the terminal is told instead of colours that it does not have.
    pub(crate) depth: Depth,
}

/// All that the decision looks at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Surroundings {
    /// `--theme`
    pub(crate) choice: ThemeChoice,
    /// `--ascii`
    pub(crate) is_ascii_asked: bool,
    /// `NO_COLOR` or `--color never`.
    pub(crate) is_color_refused: bool,
    /// `TERM`
    pub(crate) term: String,
    /// `COLORTERM`
    pub(crate) colorterm: String,
    /// `COLORFGBG`
    pub(crate) colorfgbg: String,
    /// `LC_ALL`, else `LC_CTYPE`, else `LANG`; empty if none is set.
    pub(crate) locale: String,
}

impl Surroundings {
    /// Those of this process.
    pub(crate) fn here(choice: ThemeChoice, is_ascii_asked: bool, color: ColorChoice) -> Self {
        let value = |name: &str| {
            std::env::var_os(name).map(|it| it.to_string_lossy().into_owned()).unwrap_or_default()
        };
        let locales = ["LC_ALL", "LC_CTYPE", "LANG"].map(value);
        Surroundings {
            choice,
            is_ascii_asked,
            is_color_refused: match color {
                ColorChoice::Auto => !value("NO_COLOR").is_empty(),
                ColorChoice::Always => false,
                ColorChoice::Never => true,
            },
            term: value("TERM"),
            colorterm: value("COLORTERM"),
            colorfgbg: value("COLORFGBG"),
            locale: locales.into_iter().find(|it| !it.is_empty()).unwrap_or_default(),
        }
    }

    /// Whether answers of the terminal would change anything. Those that are known to print
    /// questions instead of answering them are not asked.
    pub(crate) fn asks(&self) -> bool {
        !self.is_simple() && (self.asks_palette() || self.glyphs(Some(1)) != self.glyphs(Some(2)))
    }

    /// How it looks, with what the terminal answered.
    pub(crate) fn look(&self, answers: &Answers) -> Look {
        let theme =
            Theme { palette: self.palette(answers), glyphs: self.glyphs(answers.ambiguous_cells) };
        Look { theme, depth: self.depth() }
    }

    /// The characters of lines that are printed: into a file as likely as on this terminal, so a
    /// terminal that is not there says nothing. Without a locale they are taken to be read elsewhere.
    pub(crate) fn glyphs_on_paper(&self) -> Glyphs {
        let is_refused = self.is_ascii_asked || self.term == "linux";
        if is_refused || !(self.is_utf8() || self.locale.is_empty()) {
            return Glyphs::Ascii;
        }
        Glyphs::Unicode
    }

    fn is_utf8(&self) -> bool {
        let locale = self.locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    }

    /// The console of Linux, and what is hardly a terminal.
    fn is_simple(&self) -> bool {
        matches!(self.term.as_str(), "linux" | "dumb" | "")
    }

    fn asks_palette(&self) -> bool {
        self.choice == ThemeChoice::Auto && !self.is_color_refused
    }

    fn palette(&self, answers: &Answers) -> Palette {
        match self.choice {
            ThemeChoice::Auto => {}
            ThemeChoice::Dark => return Palette::Dark,
            ThemeChoice::Light => return Palette::Light,
            ThemeChoice::Sixteen => return Palette::Sixteen,
            ThemeChoice::Mono => return Palette::Mono,
        }
        let has_none = matches!(self.term.as_str(), "dumb" | "") || self.term.starts_with("vt");
        if self.is_color_refused || has_none {
            return Palette::Mono;
        }
        match answers.background.map(|it| it.is_light()).or_else(|| self.is_light_by_environment())
        {
            Some(true) => Palette::Light,
            _ if self.hides_grey(answers) => Palette::Sixteen,
            _ => Palette::Dark,
        }
    }

    /// `15;0` or `15;default;0`: the last is the background.
    fn is_light_by_environment(&self) -> Option<bool> {
        let index: u8 = self.colorfgbg.rsplit(';').next()?.parse().ok()?;
        Some(matches!(index, 7 | 9..=15))
    }

    /// Whether colour 8 is the background, or may be: where there are eight colours only.
    fn hides_grey(&self, answers: &Answers) -> bool {
        match (answers.background, answers.grey) {
            (Some(background), Some(grey)) => background.distance(grey) < TOO_NEAR,
            _ => self.depth() == Depth::Sixteen,
        }
    }

    fn depth(&self) -> Depth {
        if matches!(self.colorterm.as_str(), "truecolor" | "24bit")
            || self.term.ends_with("-direct")
        {
            return Depth::True;
        }
        let has_256 = self.term.contains("256color") || !self.colorterm.is_empty();
        if has_256 && !self.is_simple() { Depth::Indexed } else { Depth::Sixteen }
    }

    fn glyphs(&self, ambiguous_cells: Option<u16>) -> Glyphs {
        let is_utf8 = self.is_utf8();
        if self.is_ascii_asked || self.is_simple() || (!is_utf8 && !self.locale.is_empty()) {
            return Glyphs::Ascii;
        }
        match ambiguous_cells {
            Some(1) => Glyphs::Unicode,
            // Drawn wide; or its bytes were drawn one by one.
            Some(_) => Glyphs::Ascii,
            // Without a locale, as in a container, only the terminal itself can tell.
            None if is_utf8 => Glyphs::Unicode,
            None => Glyphs::Ascii,
        }
    }
}

/// Colours nearer than this are one to the eye: 16 of 255 in each part.
const TOO_NEAR: u32 = 9 * 16 * 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::view::colors::Rgb;

    fn surroundings(words: &str) -> (Surroundings, Answers) {
        let mut it = Surroundings { locale: "en_US.UTF-8".to_owned(), ..Surroundings::default() };
        it.term = "xterm-256color".to_owned();
        let mut answers = Answers::default();
        for word in words.split_whitespace() {
            let (name, value) = word.split_once('=').unwrap_or((word, ""));
            match name {
                "--theme" => {
                    it.choice = <ThemeChoice as ValueEnum>::from_str(value, false).unwrap();
                }
                "--ascii" => it.is_ascii_asked = true,
                "NO_COLOR" => it.is_color_refused = true,
                "TERM" => value.clone_into(&mut it.term),
                "COLORTERM" => value.clone_into(&mut it.colorterm),
                "COLORFGBG" => value.clone_into(&mut it.colorfgbg),
                "LANG" => value.clone_into(&mut it.locale),
                "black" => answers.background = Some(Rgb(0, 43, 54)),
                "white" => answers.background = Some(Rgb(253, 246, 227)),
                "grey" => answers.grey = Some(Rgb(102, 102, 102)),
                "solarized" => answers.grey = Some(Rgb(0, 43, 54)),
                "cells" => answers.ambiguous_cells = value.parse().ok(),
                other => unreachable!("{other}"),
            }
        }
        (it, answers)
    }

    const CASES: &[&str] = &[
        "",
        "COLORTERM=truecolor black grey cells=1",
        "COLORTERM=truecolor white grey cells=1",
        "black solarized cells=1",
        "COLORFGBG=0;15",
        "COLORFGBG=15;default;0",
        "COLORFGBG=0;15 black",
        "COLORFGBG=default",
        "TERM=xterm",
        "TERM=xterm black grey",
        "TERM=xterm COLORTERM=rxvt",
        "TERM=xterm-direct",
        "TERM=linux",
        "TERM=dumb",
        "TERM=",
        "TERM=vt220",
        "NO_COLOR white",
        "NO_COLOR --theme=light",
        "NO_COLOR --ascii",
        "--theme=dark white",
        "--theme=16",
        "--theme=mono COLORTERM=truecolor",
        "--theme=dark --ascii",
        "--ascii cells=1",
        "cells=2",
        "LANG=C cells=1",
        "LANG=de_DE.ISO-8859-1",
        "LANG=C.utf8",
        "LANG=",
        "LANG= cells=1",
        "LANG= cells=3",
    ];

    #[test]
    fn what_surrounds_it_decides() {
        let mut out = String::new();
        for case in CASES {
            let (it, answers) = surroundings(case);
            let Look { theme, depth } = it.look(&answers);
            let asks = if it.asks() { "asks" } else { "" };
            out.push_str(&format!(
                "{case:<40} {:<8} {:<8} {:<8} {asks}\n",
                format!("{:?}", theme.palette),
                format!("{:?}", theme.glyphs),
                format!("{depth:?}"),
            ));
        }
        insta::assert_snapshot!(out, @"
                                                 Dark     Unicode  Indexed  asks
        COLORTERM=truecolor black grey cells=1   Dark     Unicode  True     asks
        COLORTERM=truecolor white grey cells=1   Light    Unicode  True     asks
        black solarized cells=1                  Sixteen  Unicode  Indexed  asks
        COLORFGBG=0;15                           Light    Unicode  Indexed  asks
        COLORFGBG=15;default;0                   Dark     Unicode  Indexed  asks
        COLORFGBG=0;15 black                     Dark     Unicode  Indexed  asks
        COLORFGBG=default                        Dark     Unicode  Indexed  asks
        TERM=xterm                               Sixteen  Unicode  Sixteen  asks
        TERM=xterm black grey                    Dark     Unicode  Sixteen  asks
        TERM=xterm COLORTERM=rxvt                Dark     Unicode  Indexed  asks
        TERM=xterm-direct                        Dark     Unicode  True     asks
        TERM=linux                               Sixteen  Ascii    Sixteen  
        TERM=dumb                                Mono     Ascii    Sixteen  
        TERM=                                    Mono     Ascii    Sixteen  
        TERM=vt220                               Mono     Unicode  Sixteen  asks
        NO_COLOR white                           Mono     Unicode  Indexed  asks
        NO_COLOR --theme=light                   Light    Unicode  Indexed  asks
        NO_COLOR --ascii                         Mono     Ascii    Indexed  
        --theme=dark white                       Dark     Unicode  Indexed  asks
        --theme=16                               Sixteen  Unicode  Indexed  asks
        --theme=mono COLORTERM=truecolor         Mono     Unicode  True     asks
        --theme=dark --ascii                     Dark     Ascii    Indexed  
        --ascii cells=1                          Dark     Ascii    Indexed  asks
        cells=2                                  Dark     Ascii    Indexed  asks
        LANG=C cells=1                           Dark     Ascii    Indexed  asks
        LANG=de_DE.ISO-8859-1                    Dark     Ascii    Indexed  asks
        LANG=C.utf8                              Dark     Unicode  Indexed  asks
        LANG=                                    Dark     Ascii    Indexed  asks
        LANG= cells=1                            Dark     Unicode  Indexed  asks
        LANG= cells=3                            Dark     Ascii    Indexed  asks
        ");
    }

    #[test]
    fn printed_lines_are_ascii_where_the_locale_is() {
        let printed = |case: &str| {
            let (it, _) = surroundings(case);
            format!("{case:<24} {:?}", it.glyphs_on_paper())
        };
        let cases =
            ["", "LANG=", "LANG=C", "LANG=C.utf8", "TERM=linux", "TERM=", "TERM=dumb", "--ascii"];
        insta::assert_snapshot!(cases.map(printed).join("\n"), @"
                                 Unicode
        LANG=                    Unicode
        LANG=C                   Ascii
        LANG=C.utf8              Unicode
        TERM=linux               Ascii
        TERM=                    Unicode
        TERM=dumb                Unicode
        --ascii                  Ascii
        ");
    }
}
