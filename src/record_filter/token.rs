//! The words and signs of a condition, each with its place.

/// A piece of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token<'a> {
    /// The byte that it begins at.
    pub(super) at: usize,
    pub(super) kind: TokenKind<'a>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind<'a> {
    /// As written, with its quotes.
    Word(&'a str),
    /// `=`, `!=`, `<`, `<=`, `>`, `>=`, `~`
    Sign(&'a str),
    Open,
    Close,
    Comma,
    /// Behind the last one.
    End,
}

const SIGNS: [&str; 9] = ["==", "!=", "<>", "<=", ">=", "=", "<", ">", "~"];

/// Cuts a condition up; the last token is the end. The error is the place and what is wrong there.
pub(super) fn tokens(text: &str) -> Result<Vec<Token<'_>>, (usize, &'static str)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        let rest = &text[at..];
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        let sign = SIGNS.into_iter().find(|it| rest.starts_with(it));
        let (kind, length) = match (first, sign) {
            ('(', _) => (TokenKind::Open, 1),
            (')', _) => (TokenKind::Close, 1),
            (',', _) => (TokenKind::Comma, 1),
            (_, Some(sign)) => (TokenKind::Sign(sign), sign.len()),
            ('!', None) => return Err((at, "write not, or !=")),
            _ => {
                let length = word_length(rest).ok_or((at, "this text is not closed"))?;
                (TokenKind::Word(&rest[..length]), length)
            }
        };
        found.push(Token { at, kind });
        at += length;
    }
    found.push(Token { at: text.len(), kind: TokenKind::End });
    Ok(found)
}

/// How long a word is; quoted parts may hold anything. `None` if a quote is not closed.
fn word_length(text: &str) -> Option<usize> {
    let mut quote = None;
    for (index, it) in text.char_indices() {
        match quote {
            Some(open) if it == open => quote = None,
            Some(_) => {}
            None if it == '\'' || it == '"' => quote = Some(it),
            None if it.is_whitespace() || "(),=!<>~".contains(it) => return Some(index),
            None => {}
        }
    }
    quote.is_none().then_some(text.len())
}

/// The text of a word that is quoted as a whole; a doubled quote is one.
pub(super) fn unquoted(word: &str) -> Option<String> {
    let quote = word.chars().next().filter(|it| matches!(it, '\'' | '"'))?;
    let inside = word.get(1..)?.strip_suffix(quote)?;
    let doubled = [quote, quote].iter().collect::<String>();
    let text = inside.replace(&doubled, &quote.to_string());
    // Text'and'text is not one quotation.
    (inside.matches(quote).count() == 2 * inside.matches(doubled.as_str()).count()).then_some(text)
}

/// The parts of a dotted name; dots in quotes do not count.
pub(super) fn path(word: &str) -> Option<Vec<String>> {
    let mut parts = Vec::new();
    let mut quote = None;
    let mut start = 0;
    for (index, it) in word.char_indices() {
        match quote {
            Some(open) if it == open => quote = None,
            Some(_) => {}
            None if it == '\'' || it == '"' => quote = Some(it),
            None if it == '.' => {
                parts.push(&word[start..index]);
                start = index + 1;
            }
            None => {}
        }
    }
    parts.push(&word[start..]);
    let parts = parts.into_iter().map(|part| match part.starts_with(['\'', '"']) {
        true => unquoted(part),
        false => Some(part.to_owned()).filter(|it| !it.is_empty()),
    });
    parts.collect()
}
