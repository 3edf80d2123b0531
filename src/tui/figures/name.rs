//! Names and values of records in a room of so many cells.
//!
//! Names lose their middle, as prefixes and suffixes are what differ; values lose their end.
//! Control characters are spelled out before anything is measured.

use unicode_width::UnicodeWidthChar as _;

use crate::terminal::escaped;

/// Characters that take no cell may pile up; so many per cell of the room are looked at.
const CHARACTERS_PER_CELL: usize = 8;
/// Asks for the form of an emoji, which is two cells wide.
const EMOJI_SELECTOR: char = '\u{fe0f}';

/// How many cells `text` takes at most. It must hold no control characters.
pub(crate) fn cells(text: &str) -> usize {
    text.chars().map(cells_of).sum()
}

/// `text` in at most `width` cells, with `…` for its middle: 3/5 of the room left of it, 2/5 right.
pub(crate) fn name(text: &str, width: usize) -> String {
    let text = escaped(text);
    if cells(&text) <= width {
        return text.into_owned();
    }
    let Some(room) = width.checked_sub(1) else { return String::new() };
    let left = (room * 3).div_ceil(5);
    let head = fitting(text.chars(), left);
    // What a wide character left free on the left is of use on the right.
    let tail = fitting(text.chars().rev(), room - cells(&head));
    let tail: String = tail.chars().rev().collect();
    format!("{head}…{tail}")
}

/// `text` in at most `width` cells, with `…` for its end.
pub(crate) fn value(text: &str, width: usize) -> String {
    let most = (width + 1) * CHARACTERS_PER_CELL;
    // A value may be megabytes long: what cannot be seen is not looked at.
    let end = text.char_indices().nth(most).map_or(text.len(), |it| it.0);
    let start = escaped(&text[..end]);
    if end == text.len() && cells(&start) <= width {
        return start.into_owned();
    }
    let Some(room) = width.checked_sub(1) else { return String::new() };
    let mut out = fitting(start.chars(), room);
    out.push('…');
    out
}

/// All of `text` in lines of at most `width` cells; at least one.
pub(crate) fn folded(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut free = width;
    for character in escaped(text).chars() {
        let taken = cells_of(character);
        if free < taken {
            lines.push(String::new());
            free = width;
        }
        free = free.saturating_sub(taken);
        if let Some(last) = lines.last_mut() {
            last.push(character);
        }
    }
    lines
}

/// The first of `characters` that take at most `room` cells.
fn fitting(characters: impl Iterator<Item = char>, room: usize) -> String {
    let mut out = String::new();
    let mut free = room;
    for character in characters.take(room * CHARACTERS_PER_CELL) {
        let Some(rest) = free.checked_sub(cells_of(character)) else { break };
        free = rest;
        out.push(character);
    }
    out
}

fn cells_of(character: char) -> usize {
    match character {
        EMOJI_SELECTOR => 1,
        it => it.width().unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use unicode_width::UnicodeWidthStr as _;

    use super::*;

    #[test]
    fn names_lose_their_middle() {
        assert_eq!(name("orders", 26), "orders");
        assert_eq!(name("clickstream-web-raw-eu-west-1", 26), "clickstream-web…-eu-west-1");
        assert_eq!(name("clickstream-web-raw-eu-west-1", 28), "clickstream-web-r…-eu-west-1");
        assert_eq!(name("clickstream-web-raw", 18), "clickstream…eb-raw");
        assert_eq!(name("inventory-changelog", 18), "inventory-c…ngelog");
        assert_eq!(name("orders-fulfilment-svc-v2", 19), "orders-fulf…-svc-v2");
        assert_eq!(name("orders", 1), "…");
        assert_eq!(name("orders", 0), "");
    }

    #[test]
    fn values_lose_their_end() {
        assert_eq!(value(r#"{"id":88213,"total":129.5}"#, 21), r#"{"id":88213,"total":…"#);
        assert_eq!(value("short", 5), "short");
        assert_eq!(value(&"x".repeat(1 << 20), 3), "xx…");
    }

    #[test]
    fn texts_are_folded_and_lose_nothing() {
        assert_eq!(folded("orders", 6), ["orders"]);
        assert_eq!(folded("orders-eu", 6), ["orders", "-eu"]);
        assert_eq!(folded("注文a", 3), ["注", "文a"]);
        assert_eq!(folded("a\nb", 3), ["a\\n", "b"]);
        assert_eq!(folded("", 3), [""]);
    }

    #[test]
    fn what_drives_a_terminal_is_spelled_out_first() {
        assert_eq!(name("a\x1b[31mb", 20), "a\\x1b[31mb");
        assert_eq!(name("a\x1b[31mb", 8), "a\\x1b…mb");
        assert_eq!(value("a\nb", 9), "a\\nb");
    }

    #[test]
    fn wide_characters_are_never_halved() {
        assert_eq!(name("注文注文注文注文", 8), "注文…文");
        assert_eq!(value("注文注文", 4), "注…");
        // A pile of marks without width ends somewhere.
        assert!(value(&"\u{301}".repeat(1 << 20), 3).len() < 100);
    }

    fn names() -> impl Strategy<Value = String> {
        let character = prop_oneof![
            8 => proptest::char::range('!', '~'),
            2 => proptest::char::range('\0', '\u{1f}'),
            2 => proptest::char::range('一', '龥'),
            1 => any::<char>(),
        ];
        proptest::collection::vec(character, 1..=249).prop_map(|it| it.into_iter().collect())
    }

    proptest! {
        #[test]
        fn no_name_widens_its_column(text in names(), width in 0usize..120) {
            for short in [name(&text, width), value(&text, width)] {
                prop_assert!(short.width() <= width, "{short:?} in {width}");
                prop_assert!(cells(&short) <= width, "{short:?} in {width}");
                prop_assert!(!short.contains(crate::terminal::is_unsafe));
            }
        }

        #[test]
        fn what_fits_is_whole(text in names()) {
            let whole = escaped(&text);
            prop_assert_eq!(name(&text, cells(&whole)), whole.as_ref());
            prop_assert_eq!(value(&text, cells(&whole).max(249)), whole.as_ref());
        }
    }
}
