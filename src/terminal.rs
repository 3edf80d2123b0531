//! What stands at the other ends of our three streams, and what may therefore be sent there.

use std::borrow::Cow;
use std::ffi::OsString;
use std::io::{IsTerminal, Write as _};

use clap::ValueEnum;

/// When colours are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorChoice {
    /// On a terminal that can, for each stream, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl ColorChoice {
    /// What the command line says of it, before the rest is understood: its errors are shown too.
    pub(crate) fn asked(arguments: &[OsString]) -> ColorChoice {
        let words = arguments.iter().map(|it| it.to_str().unwrap_or_default());
        let mut words = words.take_while(|it| *it != "--");
        while let Some(word) = words.next() {
            let value = match word.strip_prefix("--color") {
                Some("") => words.next(),
                Some(rest) => rest.strip_prefix('='),
                None => None,
            };
            let choice = value.and_then(|it| <ColorChoice as ValueEnum>::from_str(it, false).ok());
            if let Some(choice) = choice {
                return choice;
            }
        }
        ColorChoice::Auto
    }

    /// The same for what clap prints.
    pub(crate) fn for_clap(self) -> clap::ColorChoice {
        match self {
            ColorChoice::Auto => clap::ColorChoice::Auto,
            ColorChoice::Always => clap::ColorChoice::Always,
            ColorChoice::Never => clap::ColorChoice::Never,
        }
    }
}

/// Facts of this process, found once.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Terminal {
    pub(crate) stdin_is_terminal: bool,
    pub(crate) stdout_is_terminal: bool,
    pub(crate) stderr_is_terminal: bool,
    pub(crate) stdout_colors: bool,
    pub(crate) stderr_colors: bool,
}

impl Terminal {
    /// Asks the system and the environment.
    pub(crate) fn detect(choice: ColorChoice) -> Terminal {
        let is_set = |name: &str| std::env::var_os(name).is_some_and(|it| !it.is_empty());
        let is_dumb = std::env::var_os("TERM").is_some_and(|it| it == "dumb");
        let colors = |is_terminal: bool| match choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto if is_set("NO_COLOR") => false,
            ColorChoice::Auto => is_set("FORCE_COLOR") || (is_terminal && !is_dumb),
        };
        let stdout_is_terminal = std::io::stdout().is_terminal();
        let stderr_is_terminal = std::io::stderr().is_terminal();
        Terminal {
            stdin_is_terminal: std::io::stdin().is_terminal(),
            stdout_is_terminal,
            stderr_is_terminal,
            stdout_colors: colors(stdout_is_terminal),
            stderr_colors: colors(stderr_is_terminal),
        }
    }

    /// Rings the bell, where there is one.
    pub(crate) fn ring(&self) {
        if self.stderr_is_terminal {
            // Who cannot ring has nobody to hear it.
            let _ = std::io::stderr().write_all(b"\x07");
        }
    }

    /// One line on stderr, `label` in colour. A closed stderr is nobody's concern.
    pub(crate) fn tell(&self, label: Label, message: &str) {
        let (open, close) = if self.stderr_colors { (label.color(), RESET) } else { ("", "") };
        let message = if self.stderr_is_terminal { escaped(message) } else { message.into() };
        let line = match label {
            Label::Plain => format!("{message}\n"),
            _ => format!("{open}{}:{close} {message}\n", label.text()),
        };
        let _ = std::io::stderr().lock().write_all(line.as_bytes());
    }
}

const RESET: &str = "\x1b[0m";

/// What a line on stderr is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Label {
    Plain,
    Note,
    Warning,
    Error,
    Hint,
}

impl Label {
    fn text(self) -> &'static str {
        match self {
            Label::Plain => "",
            Label::Note => "note",
            Label::Warning => "warning",
            Label::Error => "error",
            Label::Hint => "hint",
        }
    }

    fn color(self) -> &'static str {
        match self {
            Label::Plain => "",
            Label::Note | Label::Hint => "\x1b[36m",
            Label::Warning => "\x1b[33m",
            Label::Error => "\x1b[1;31m",
        }
    }
}

/// What drives a terminal, or turns the direction of the text around it.
pub(crate) fn is_unsafe(character: char) -> bool {
    let turns = matches!(character, '\u{61c}' | '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' |
        '\u{2066}'..='\u{2069}');
    turns || character.is_control()
}

/// `text` with every control character spelled out, so that data cannot drive a terminal.
pub(crate) fn escaped(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unsafe) {
        return text.into();
    }
    let mut out = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        push_escaped(character, &mut out);
    }
    out.into()
}

/// The same for bytes that need not be text: what is not UTF-8 becomes `\xff`.
pub(crate) fn escape_bytes_into(bytes: &[u8], out: &mut Vec<u8>) {
    for chunk in bytes.utf8_chunks() {
        out.extend_from_slice(escaped(chunk.valid()).as_bytes());
        for byte in chunk.invalid() {
            out.extend_from_slice(format!("\\x{byte:02x}").as_bytes());
        }
    }
}

fn push_escaped(character: char, out: &mut String) {
    match character {
        '\t' => out.push_str("\\t"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        it if it.is_control() => out.push_str(&format!("\\x{:02x}", u32::from(it))),
        it if is_unsafe(it) => out.push_str(&format!("\\u{{{:x}}}", u32::from(it))),
        it => out.push(it),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_is_asked_for_before_the_rest_is_understood() {
        let asked = |line: &str| {
            let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            ColorChoice::asked(&words)
        };
        assert_eq!(asked("kt topics --nosuch --color never"), ColorChoice::Never);
        assert_eq!(asked("kt --color=always topics"), ColorChoice::Always);
        assert_eq!(asked("kt --color sometimes"), ColorChoice::Auto);
        assert_eq!(asked("kt topics --colors never"), ColorChoice::Auto);
        assert_eq!(asked("kt produce t -- --color never"), ColorChoice::Auto);
    }

    #[test]
    fn control_characters_are_spelled_out_and_text_is_kept() {
        assert_eq!(escaped("größe ✓"), "größe ✓");
        assert_eq!(escaped("a\tb\nc\r"), "a\\tb\\nc\\r");
        assert_eq!(escaped("a\u{202e}b\u{2066}"), "a\\u{202e}b\\u{2066}");
        assert_eq!(escaped("\x1b[31m\u{7f}\u{9b}"), "\\x1b[31m\\x7f\\x9b");
        let mut out = Vec::new();
        escape_bytes_into(b"ok\xff\x00\xc3\xa4", &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), "ok\\xff\\x00ä");
    }
}
