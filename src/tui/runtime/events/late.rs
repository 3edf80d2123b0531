//! Takes out of the keys what a slow terminal answers when nobody waits for it any longer.
//!
//! To crossterm the answer `ESC ] 11 ; rgb:… ESC \` is Alt-], then characters, then Alt-\. None of
//! them may act: `r` refreshes, and `d` opens the details.

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};

/// An answer is not longer, characters.
const LENGTH_MAX: u8 = 40;

/// How far an answer has come.
#[derive(Debug, Default)]
pub(crate) struct LateAnswer {
    /// How many more characters may belong to it; 0 outside an answer.
    left: u8,
}

impl LateAnswer {
    /// Whether `event` is of an answer, and so nothing that the user did.
    pub(crate) fn takes(&mut self, event: &Event) -> bool {
        let Event::Key(KeyEvent { code: KeyCode::Char(character), modifiers, .. }) = event else {
            return false;
        };
        let is_alt = modifiers.contains(KeyModifiers::ALT);
        let is_control = modifiers.contains(KeyModifiers::CONTROL);
        if is_alt && *character == ']' {
            self.left = LENGTH_MAX;
            return true;
        }
        if self.left == 0 {
            return false;
        }
        let is_end = (is_alt && *character == '\\') || (is_control && *character == 'g');
        let is_text = !is_alt && !is_control && is_of_answers(*character);
        self.left = if is_text { self.left - 1 } else { 0 };
        is_end || is_text
    }
}

/// The characters of `11;rgb:1c1c/1c1c/1c1c`.
fn is_of_answers(character: char) -> bool {
    character.is_ascii_hexdigit() || matches!(character, ';' | ':' | '/' | 'r' | 'g')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(character: char, modifiers: KeyModifiers) -> Event {
        Event::Key(KeyEvent::new(KeyCode::Char(character), modifiers))
    }

    /// What is left of keys, `]` and `\` held with Alt, `G` with Ctrl.
    fn left(keys: &str) -> String {
        let mut late = LateAnswer::default();
        let modifiers = |it| match it {
            ']' | '\\' => KeyModifiers::ALT,
            'G' => KeyModifiers::CONTROL,
            _ => KeyModifiers::NONE,
        };
        let is_key = |it: &char| !late.takes(&event(it.to_ascii_lowercase(), modifiers(*it)));
        keys.chars().filter(is_key).collect()
    }

    #[test]
    fn an_answer_is_taken_out() {
        assert_eq!(left("j]11;rgb:1c1c/1d1d/ffff\\d"), "jd");
        assert_eq!(left("]4;8;rgb:66/66/66Gd"), "d");
        assert_eq!(left("]11;rgb:0/0/0\\]4;8;rgb:0/0/0\\r"), "r");
    }

    #[test]
    fn a_key_that_is_of_no_answer_ends_it() {
        assert_eq!(left("]jrd"), "jrd");
        assert_eq!(left("rgb"), "rgb");
        assert_eq!(left("\\dG"), "\\dG");
        let digits = "1".repeat(50);
        assert_eq!(left(&format!("]{digits}")), "1".repeat(10));
    }
}
