//! Java's properties files, as `server.properties` is one (java.util.Properties.load).

/// A line that is not `key=value`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct ParsePropertiesError {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub reason: &'static str,
}

/// Reads all pairs in their order: comments (`#`, `!`), continued lines, the separators `=`, `:`
/// and white space, and the escapes `\t \n \r \f \\ \uXXXX`. Of a key given twice the last counts;
/// both are returned.
pub fn parse_properties(text: &str) -> Result<Vec<(String, String)>, ParsePropertiesError> {
    let mut pairs = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((index, line)) = lines.next() {
        let line = line.trim_start_matches(is_blank);
        if line.is_empty() || line.starts_with(['#', '!']) {
            continue;
        }
        let mut logical = line.to_owned();
        while ends_with_odd_backslashes(&logical) {
            logical.pop();
            let Some((_, next)) = lines.next() else { break };
            logical.push_str(next.trim_start_matches(is_blank));
        }
        let at = |reason| ParsePropertiesError { line: index + 1, reason };
        let (key, value) = split(&logical);
        pairs.push((unescape(key).map_err(at)?, unescape(value).map_err(at)?));
    }
    Ok(pairs)
}

/// Writes a value so that Java reads it back: `\\`, `=`, `:`, `#`, `!` and blanks at its start are
/// escaped, and what is not ASCII is written as `\\uXXXX`.
pub fn escape_property(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for (at, it) in text.chars().enumerate() {
        match it {
            '\\' | '=' | ':' | '#' | '!' => escaped.extend(['\\', it]),
            ' ' if at == 0 => escaped.push_str("\\ "),
            '\t' => escaped.push_str("\\t"),
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\u{c}' => escaped.push_str("\\f"),
            ' '..='~' => escaped.push(it),
            _ => {
                let mut units = [0; 2];
                for unit in it.encode_utf16(&mut units) {
                    escaped.push_str(&format!("\\u{unit:04X}"));
                }
            }
        }
    }
    escaped
}

fn is_blank(it: char) -> bool {
    matches!(it, ' ' | '\t' | '\u{c}')
}

fn ends_with_odd_backslashes(line: &str) -> bool {
    line.chars().rev().take_while(|it| *it == '\\').count() % 2 == 1
}

/// Splits at the first separator that is not escaped.
fn split(line: &str) -> (&str, &str) {
    let mut is_escaped = false;
    let is_end = |(_, it): &(usize, char)| {
        let ends = !is_escaped && (matches!(it, '=' | ':') || is_blank(*it));
        is_escaped = *it == '\\' && !is_escaped;
        ends
    };
    let Some((at, _)) = line.char_indices().find(is_end) else { return (line, "") };
    let (key, rest) = line.split_at(at);
    let rest = rest.trim_start_matches(is_blank);
    let value = rest.strip_prefix(['=', ':']).unwrap_or(rest);
    (key, value.trim_start_matches(is_blank))
}

fn unescape(text: &str) -> Result<String, &'static str> {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(it) = chars.next() {
        if it != '\\' {
            plain.push(it);
            continue;
        }
        match chars.next() {
            Some('t') => plain.push('\t'),
            Some('n') => plain.push('\n'),
            Some('r') => plain.push('\r'),
            Some('f') => plain.push('\u{c}'),
            Some('u') => {
                let digits: String = chars.by_ref().take(4).collect();
                let code = u32::from_str_radix(&digits, 16).map_err(|_| "malformed \\uxxxx")?;
                plain.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            Some(other) => plain.push(other),
            None => {}
        }
    }
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_java_reads() {
        let text = "# a comment\n! another\n\nnode.id=1\nlog.dirs = /a,\\\n   /b\nkey\\ one: v\\u00e9\nalone\n";
        let pairs = parse_properties(text).unwrap();
        let pairs: Vec<(&str, &str)> =
            pairs.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        let expected =
            [("node.id", "1"), ("log.dirs", "/a,/b"), ("key one", "v\u{e9}"), ("alone", "")];
        assert_eq!(pairs, expected);
        let hostile = " a=b:c#d!\\e\u{e9}\n";
        let line = format!("k={}", escape_property(hostile));
        assert_eq!(parse_properties(&line).unwrap()[0].1, hostile);
        assert_eq!(parse_properties("a=\\uzz").unwrap_err().line, 1);
    }
}
