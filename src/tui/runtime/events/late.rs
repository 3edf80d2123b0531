//! Takes out of the keys what a slow terminal answers when nobody waits for it any longer.
//!
//! To crossterm the answer `ESC ] 11 ; rgb:… ESC \` is Alt-], then characters, then Alt-\. None of
//! them may act: `r` refreshes, and `d` opens the details. Nobody types what begins like an answer.

use std::time::Instant;

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};

/// How answers begin: the background, and colour 8.
const BEGINS: [&str; 2] = ["11;rgb", "4;8;rgb"];
/// Behind that an answer is not longer, characters.
const LENGTH_MAX: usize = 30;

/// How far an answer has come.
#[derive(Debug)]
pub(super) struct LateAnswer {
    until: Option<Instant>,
    /// What has come of it behind its first key; none outside an answer.
    come: Option<String>,
}

impl LateAnswer {
    /// One may begin up to then; none is awaited without a time.
    pub(super) fn until(until: Option<Instant>) -> LateAnswer {
        LateAnswer { until, come: None }
    }

    /// Whether `event` is of an answer, and so nothing that the user did.
    pub(super) fn takes(&mut self, event: &Event, now: Instant) -> bool {
        let Event::Key(KeyEvent { code: KeyCode::Char(character), modifiers, .. }) = event else {
            return false;
        };
        let is_alt = modifiers.contains(KeyModifiers::ALT);
        let is_control = modifiers.contains(KeyModifiers::CONTROL);
        if is_alt && *character == ']' {
            self.come = self.until.is_some_and(|it| now < it).then(String::new);
            return self.come.is_some();
        }
        let Some(mut come) = self.come.take() else { return false };
        if is_alt || is_control {
            // Its end, if it has begun.
            let ends = (is_alt && *character == '\\') || (is_control && *character == 'g');
            return ends && begin_of(&come).is_some_and(|it| it.len() < come.len());
        }
        come.push(*character);
        let is_of_it = begin_of(&come).is_some_and(|begin| {
            let rest = come.get(begin.len()..).unwrap_or_default();
            rest.len() <= LENGTH_MAX && rest.chars().all(is_of_color)
        });
        self.come = is_of_it.then_some(come);
        is_of_it
    }
}

/// How the answer begins of which so much has come.
fn begin_of(come: &str) -> Option<&'static str> {
    BEGINS.into_iter().find(|it| it.starts_with(come) || come.starts_with(it))
}

/// The characters of `:1c1c/1c1c/1c1c`, and of `a:…`, where there is a fourth.
fn is_of_color(character: char) -> bool {
    character.is_ascii_hexdigit() || matches!(character, ':' | '/')
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn event(character: char, modifiers: KeyModifiers) -> Event {
        Event::Key(KeyEvent::new(KeyCode::Char(character), modifiers))
    }

    /// What is left of keys, `]` and `\` held with Alt, `G` with Ctrl.
    fn left_of(mut late: LateAnswer, keys: &str, now: Instant) -> String {
        let modifiers = |it| match it {
            ']' | '\\' => KeyModifiers::ALT,
            'G' => KeyModifiers::CONTROL,
            _ => KeyModifiers::NONE,
        };
        let is_key = |it: &char| !late.takes(&event(it.to_ascii_lowercase(), modifiers(*it)), now);
        keys.chars().filter(is_key).collect()
    }

    fn left(keys: &str) -> String {
        let now = Instant::now();
        left_of(LateAnswer::until(Some(now + Duration::from_secs(1))), keys, now)
    }

    #[test]
    fn an_answer_is_taken_out() {
        assert_eq!(left("j]11;rgb:1c1c/1d1d/ffff\\d"), "jd");
        assert_eq!(left("]11;rgba:1c1c/1d1d/ffff/ffff\\d"), "d");
        assert_eq!(left("]4;8;rgb:66/66/66Gd"), "d");
        assert_eq!(left("]11;rgb:0/0/0\\]4;8;rgb:0/0/0\\r"), "r");
    }

    #[test]
    fn a_key_that_is_of_no_answer_ends_it() {
        assert_eq!(left("]jrd"), "jrd");
        assert_eq!(left("]2d"), "2d");
        assert_eq!(left("]afrg"), "afrg");
        assert_eq!(left("rgb"), "rgb");
        assert_eq!(left("\\dG"), "\\dG");
        let digits = "1".repeat(50);
        assert_eq!(left(&format!("]11;rgb{digits}")), "1".repeat(50 - LENGTH_MAX));
    }

    #[test]
    fn nothing_is_taken_out_where_no_answer_is_awaited() {
        let now = Instant::now();
        assert_eq!(left_of(LateAnswer::until(None), "]11;rgb", now), "]11;rgb");
        assert_eq!(left_of(LateAnswer::until(Some(now)), "]11;rgb", now), "]11;rgb");
    }
}
