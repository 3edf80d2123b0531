//! A line that is being typed: the command line, a filter, an answer to a question.

use tui_input::{Input, InputRequest};

use crate::tui::keymap::Key;

/// What the line is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// `:`
    Command,
    /// `/`; its first `!` inverts.
    Filter,
    /// `@`
    GoTo,
    /// The value of a config, where it stands.
    Value,
    /// `F`
    Find,
}

/// A line with the focus.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    purpose: Purpose,
    input: Input,
}

/// What a key did to a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Typed {
    /// It may have changed.
    Goes,
    /// Tab: a completion is wanted.
    Completes,
    /// Enter.
    Taken,
    /// Esc.
    Left,
}

/// A line is not longer: nothing that can be named is.
const CHARS_MAX: usize = 4_096;

impl Line {
    pub(crate) fn new(purpose: Purpose, text: &str) -> Line {
        Line { purpose, input: Input::new(text.to_owned()) }
    }

    pub(crate) fn purpose(&self) -> Purpose {
        self.purpose
    }

    pub(crate) fn text(&self) -> &str {
        self.input.value()
    }

    /// Cells before the cursor.
    pub(crate) fn cursor(&self) -> usize {
        self.input.visual_cursor()
    }

    pub(crate) fn set(&mut self, text: &str) {
        self.input = Input::new(text.to_owned());
    }

    /// Pasted text, as if it were typed.
    pub(crate) fn paste(&mut self, text: &str) {
        for it in text.chars() {
            self.on_key(Key::Char(it));
        }
    }

    /// Every key that prints is text.
    pub(crate) fn on_key(&mut self, key: Key) -> Typed {
        let request = match key {
            Key::Enter => return Typed::Taken,
            Key::Esc => return Typed::Left,
            Key::Tab => return Typed::Completes,
            // Deleting what is not there leaves the line, as in an editor.
            Key::Backspace if self.text().is_empty() => return Typed::Left,
            Key::Char(_) if CHARS_MAX <= self.text().chars().count() => return Typed::Goes,
            Key::Char(it) => InputRequest::InsertChar(it),
            Key::Backspace => InputRequest::DeletePrevChar,
            Key::Delete => InputRequest::DeleteNextChar,
            Key::Left => InputRequest::GoToPrevChar,
            Key::Right => InputRequest::GoToNextChar,
            Key::Home | Key::Ctrl('a') => InputRequest::GoToStart,
            Key::End | Key::Ctrl('e') => InputRequest::GoToEnd,
            Key::Ctrl('w') => InputRequest::DeletePrevWord,
            Key::Ctrl('u') => InputRequest::DeleteLine,
            _ => return Typed::Goes,
        };
        let _ = self.input.handle(request);
        Typed::Goes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(keys: &[Key]) -> (String, Typed) {
        let mut line = Line::new(Purpose::Filter, "");
        let mut last = Typed::Goes;
        for key in keys {
            last = line.on_key(*key);
        }
        (line.text().to_owned(), last)
    }

    #[test]
    fn keys_that_ask_elsewhere_are_text_here() {
        let keys = ['q', '?', ':', '1', 'ä'].map(Key::Char);
        assert_eq!(typed(&keys), ("q?:1ä".to_owned(), Typed::Goes));
        let keys = [Key::Char('a'), Key::Char('b'), Key::Left, Key::Backspace, Key::Enter];
        assert_eq!(typed(&keys), ("b".to_owned(), Typed::Taken));
        assert_eq!(typed(&[Key::Backspace]).1, Typed::Left);
        assert_eq!(typed(&[Key::Tab]).1, Typed::Completes);
    }

    #[test]
    fn a_line_has_an_end() {
        let mut line = Line::new(Purpose::Command, "");
        for _ in 0..=CHARS_MAX {
            line.on_key(Key::Char('x'));
        }
        assert_eq!(line.text().len(), CHARS_MAX);
    }
}
